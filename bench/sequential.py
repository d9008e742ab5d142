"""Campaigns traced again after every new report: who is ever named, and whether a name stays (guard 6)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from bench.campaigns import WITH_SOURCE, WITHOUT, Planted
from bench.machine import upper_bound
from bench.studies import judged
from bench.worlds import World, varied_world

LOOKS = tuple(range(3, 41))
"""Reports at each look: every new one."""
NULLS = ("sender's regional list", "one queue's customers", "random customers", "most active customers")
SOURCES = ("one source, noise 0.3", "one source, noise 0.5")
FLOOR = 0.05
"""The lowest insider prior that learning over other campaigns leaves."""


@dataclass(frozen=True)
class Path:
    """All looks at one campaign, in order."""

    family: str
    sources: frozenset[str]
    named: tuple[tuple[str, ...], ...]
    log_bayes_factor: tuple[float, ...]
    named_at_floor: tuple[str, ...]
    """At the last look, with the lowest insider prior."""

    @property
    def innocent_ever(self) -> bool:
        """Whether anybody but a source was named at any look."""
        return any(set(names) - self.sources for names in self.named)

    @property
    def first(self) -> int | None:
        """Reports at the first look that named a source."""
        return next((k for k, names in zip(LOOKS, self.named, strict=True) if set(names) & self.sources), None)

    @property
    def later(self) -> list[bool]:
        """Of the looks from the first name on, whether each named the source."""
        if self.first is None:
            return []
        return [bool(set(names) & self.sources) for names in self.named[LOOKS.index(self.first) :]]


def run(seeds: Iterable[int], processes: int = 2) -> list[Path]:
    """All campaigns, worlds shared out over processes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with get_context("spawn").Pool(processes) as pool:
        return [path for paths in pool.imap(_of_world, seeds) for path in paths]


def _of_world(seed: int) -> list[Path]:
    world = varied_world(seed)
    chosen = (NULLS[seed % len(NULLS)], SOURCES[seed % len(SOURCES)])
    found = []
    for number, name in enumerate(chosen):
        make = (WITH_SOURCE | WITHOUT)[name]
        planted = make(world, np.random.default_rng([seed, number]), LOOKS[-1])
        if planted is not None:
            found.append(path_of(world, planted, name))
    return found


def path_of(world: World, planted: Planted, name: str) -> Path:
    """Looks at a growing part of a campaign, its reports in an order drawn from the seed."""
    order = np.random.default_rng(world.seed).permutation(len(planted.customers))
    judgements = [judged(world, _part(planted, order[:count]), world.seed) for count in LOOKS]
    names = [facts.name for facts in world.facts]
    return Path(
        family=name,
        sources=frozenset(names[index] for index in planted.sources),
        named=tuple(one.named for one in judgements),
        log_bayes_factor=tuple(one.numbers.log_bayes_factor for one in judgements),
        named_at_floor=judged(world, planted, world.seed, FLOOR).named,
    )


def _part(planted: Planted, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Planted:
    return replace(
        planted,
        customers=planted.customers[rows],
        mailed_at=planted.mailed_at[rows],
        grades=tuple(planted.grades[row] for row in rows) if planted.grades else (),
        reporters=tuple(planted.reporters[row] for row in rows) if planted.reporters else (),
    )


def page(paths: list[Path]) -> str:
    """The figures."""
    null = [path for path in paths if not path.sources]
    some = [path for path in paths if path.sources]
    looks = sum(len(path.named) for path in paths)
    return "\n\n".join(
        (
            f"{len(paths)} campaigns, {looks} looks, each with one report more than the one before, from {LOOKS[0]} to "
            f"{LOOKS[-1]}. The insider prior is 0.5 at every look; "
            f'"at the lowest prior" is the last look with {FLOOR}.',
            "## Without insider",
            _nulls(null),
            "## With a source",
            _sources(some),
        )
    )


def _nulls(null: list[Path]) -> str:
    lines = [
        "| family | campaigns | somebody ever named (upper 95 %) | Bayes factor ever above 10 | above 100 |",
        "|---|---|---|---|---|",
    ]
    for family in (*NULLS, "all"):
        part = [path for path in null if family in (path.family, "all")]
        if part:
            ever = sum(path.innocent_ever for path in part)
            above = [sum(max(path.log_bayes_factor) > np.log(bar) for path in part) for bar in (10.0, 100.0)]
            lines.append(
                f"| {family} | {len(part)} | {ever} ({upper_bound(ever, len(part)):.3f}) | {above[0]} | {above[1]} |"
            )
    return "\n".join(
        [
            *lines,
            "",
            "Were the null model exactly right, the Bayes factor would ever be above c in at most one campaign in c. "
            "Where it is above more often, the other conditions of a name are what keeps innocents out.",
        ]
    )


def _sources(some: list[Path]) -> str:
    lines = [
        "| family | campaigns | innocent ever named | source ever named | named at the last look | at the lowest prior "
        "| reports at the first name, median | later looks that keep the name | names taken back for good |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for family in (*SOURCES, "all"):
        part = [path for path in some if family in (path.family, "all")]
        if not part:
            continue
        named = [path for path in part if path.first is not None]
        later = [kept for path in named for kept in path.later]
        first = f"{np.median([path.first for path in named if path.first is not None]):.0f}" if named else "-"
        last = sum(bool(set(path.named[-1]) & path.sources) for path in part)
        floor = sum(bool(set(path.named_at_floor) & path.sources) for path in part)
        wrong = sum(path.innocent_ever for path in part)
        gone = sum(not path.later[-1] for path in named)
        lines.append(
            f"| {family} | {len(part)} | {wrong} | {len(named)} | {last} | {floor} | {first} | "
            f"{sum(later)} of {len(later)} | {gone} |"
        )
    return "\n".join(lines)
