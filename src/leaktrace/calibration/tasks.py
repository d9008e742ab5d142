"""Which campaigns a calibration plants: of each kind and size so many, each with random numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.planting import WITH_SOURCE, WITHOUT_SOURCE, Market, Planted, draw_sources
from leaktrace.attribution.study import Indices
from leaktrace.calibration.plan import Plan
from leaktrace.records import CalibrationKind


@dataclass(frozen=True, slots=True)
class Task:
    """One campaign to plant."""

    kind: CalibrationKind
    size: int
    number: int
    sources: Indices
    """Empty for kinds without insider."""

    def rng(self, seed: int, what: int) -> np.random.Generator:
        """Random numbers of this campaign's own."""
        place = [*WITH_SOURCE, *WITHOUT_SOURCE].index(self.kind)
        return np.random.default_rng([seed, place, self.size, self.number, what])


def tasks_of(plan: Plan, opened_count: Indices) -> Iterator[Task]:
    """Every campaign to plant, with its sources where it has some; kinds that lack sources are left out."""
    for size in plan.sizes:
        for number in range(plan.campaigns):
            for kind, (many, _) in WITH_SOURCE.items():
                task = Task(kind, size, number, np.zeros(0, dtype=np.int64))
                sources = draw_sources(opened_count, size, many, task.rng(plan.seed, 2))
                if len(sources):
                    yield replace(task, sources=sources)
            for kind in WITHOUT_SOURCE:
                yield Task(kind, size, number, np.zeros(0, dtype=np.int64))


def plant(market: Market, task: Task, plan: Plan) -> Planted | None:
    """The campaign of this task; None where the market has no room for it."""
    rng = task.rng(plan.seed, 0)
    if task.kind in WITH_SOURCE:
        return WITH_SOURCE[task.kind][1](market, rng, task.size, plan.noise, task.sources)
    return WITHOUT_SOURCE[task.kind](market, rng, task.size)
