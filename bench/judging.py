"""How long the judgement takes once everything is looked up, beside a ranking that looks at the same counts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from bench.campaigns import MAIL_AT, leak
from bench.peers import PEERS, table_of
from bench.studies import AROUND, CONTROLS, MARGIN_DAYS, samples_of, study_of
from bench.worlds import World, build_world
from leaktrace.attribution import judge, look_closely, look_first

REPEATS = 7


def run(seed: int, *, principals: int = 10_000, reports: tuple[int, ...] = (10, 100, 1_000)) -> str:
    """The table, in Markdown: medians of seven, in milliseconds."""
    world = build_world(seed, customers=200_000, principals=principals, accesses=3_000_000, regions=20)
    lines = [
        "| reports | controls | principals | whom to sample | fit the samples | judge | peer: significant terms, JLH | "
        "judge / peer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(world, seed, size) for size in reports]
    return "\n".join(lines)


def _row(world: World, seed: int, size: int) -> str:
    rng = np.random.default_rng([seed, size])
    sizes = world.opened_counts(MAIL_AT)
    able = np.flatnonzero((sizes >= 2 * size) & np.array([facts.kind != "service" for facts in world.facts]))
    planted = leak(world, rng, size, 0.3, who=int(rng.choice(able)))
    study = study_of(world, planted, seed=seed, controls=CONTROLS)
    first = look_first(study, MARGIN_DAYS)
    samples = samples_of(world, study, planted, first.shortlist, seed)
    look = look_closely(first, samples)
    table = table_of(world, planted)
    peer = PEERS["significant terms, JLH"]
    steps = [
        _milliseconds(lambda: look_first(study, MARGIN_DAYS)),
        _milliseconds(lambda: look_closely(first, samples)),
        _milliseconds(lambda: judge(look, AROUND, insider_prior=0.5)),
        _milliseconds(lambda: peer(table)),
    ]
    told = " | ".join(f"{step:.1f}" for step in steps)
    return f"| {size:,} | {study.controls.size:,} | {world.principals:,} | {told} | {steps[2] / steps[3]:.0f} |"


def _milliseconds(run_once: Callable[[], object]) -> float:
    """The median, the first run left out."""
    run_once()
    found = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run_once()
        found.append(1e3 * (time.perf_counter() - started))
    return statistics.median(found)
