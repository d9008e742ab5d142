"""The finder over families of leaks and of mailings without insider, in worlds of their own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np

from bench import campaigns
from bench.campaigns import Planted
from bench.machine import upper_bound
from bench.worlds import World, build_world

Make = Callable[[World, np.random.Generator, int], Planted | None]

WITH_SOURCE: dict[str, Make] = {
    "one source, noise 0.1": lambda w, r, k: campaigns.source(w, r, k, 0.1),
    "one source, noise 0.3": lambda w, r, k: campaigns.source(w, r, k, 0.3),
    "one source, noise 0.6": lambda w, r, k: campaigns.source(w, r, k, 0.6),
    "twins, noise 0.3": lambda w, r, k: campaigns.twins(w, r, k, 0.3),
    "handlers of an earlier mail": lambda w, r, k: campaigns.handled(w, r, k, 0.3),
    "framed smaller colleague": lambda w, r, k: campaigns.framed(w, r, k, 0.3, smaller=True),
    "framed larger colleague": lambda w, r, k: campaigns.framed(w, r, k, 0.3, smaller=False),
    "two sources, noise 0.2": lambda w, r, k: campaigns.several(w, r, k, 0.2, 2),
    "three sources, noise 0.2": lambda w, r, k: campaigns.several(w, r, k, 0.2, 3),
    "unlogged export by a team mate": campaigns.unlogged,
}
WITHOUT: dict[str, Make] = {
    "sender's regional list": campaigns.regional,
    "one queue's customers": campaigns.queue_list,
    "sender's buyers": lambda w, r, k: campaigns.buyers(w, r, k, rows=True),
    "sender's buyers, rows missing": lambda w, r, k: campaigns.buyers(w, r, k, rows=False),
    "random customers": campaigns.anybody,
    "most active customers": campaigns.busiest,
    "forged G1 about one principal": lambda w, r, k: campaigns.forged(w, r, k, "G1"),
}
SIZES = (5, 20, 60)


def run(worlds: int, repeats: int, first_seed: int = 1) -> str:
    """The tables, in Markdown: one row a family and number of reports."""
    cells: dict[tuple[str, int], Counter[str]] = {}
    started = time.perf_counter()
    for seed in range(first_seed, first_seed + worlds):
        world = build_world(seed, busy=(0.6, 1.0, 1.3)[seed % 3], home=(0.85, 0.95, 0.5)[seed % 3])
        rng = np.random.default_rng(seed + 1_000_000)
        for _ in range(repeats):
            for name, make in (WITH_SOURCE | WITHOUT).items():
                for k in SIZES:
                    planted = make(world, rng, k)
                    if planted is not None:
                        _count(world, planted, seed, cells.setdefault((name, k), Counter()))
    seconds = time.perf_counter() - started
    return _table(cells) + f"\n\n{sum(c['n'] for c in cells.values())} campaigns, {worlds} worlds, {seconds:.0f} s."


def _count(world: World, planted: Planted, seed: int, cell: Counter[str]) -> None:
    judgement = campaigns.run(world, planted, seed)
    sources = {world.facts[index].name for index in planted.sources}
    cell["n"] += 1
    cell[judgement.verdict.outcome] += 1
    cell["right"] += bool(set(judgement.named) & sources)
    cell["wrong"] += bool(set(judgement.named) - sources)
    cell["first"] += bool(judgement.candidates and judgement.candidates[0].principal in sources)
    if judgement.sets:
        cell["sets"] += 1
        cell["covered"] += bool(set(judgement.sets[0].principals) & sources)


def _table(cells: dict[tuple[str, int], Counter[str]]) -> str:
    lines = [
        "| family | reports | campaigns | innocent named (upper 95 %) | source named | nobody | undecided "
        "| first | in set |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for group in (WITH_SOURCE, WITHOUT):
        wrong = total = 0
        for (name, k), cell in cells.items():
            if name not in group:
                continue
            wrong, total = wrong + cell["wrong"], total + cell["n"]
            bound = upper_bound(cell["wrong"], cell["n"])
            lines.append(
                f"| {name} | {k} | {cell['n']} | {cell['wrong']} ({bound:.3f}) | {cell['right']} | {cell['nobody']} | "
                f"{cell['undecided']} | {cell['first']} | {cell['covered']} of {cell['sets']} |"
            )
        label = "all with a source" if group is WITH_SOURCE else "all without"
        lines.append(f"| **{label}** | | {total} | **{wrong}** ({upper_bound(wrong, total):.4f}) | | | | | |")
    return "\n".join(lines)
