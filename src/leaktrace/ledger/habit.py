"""When silence is surprising: days on which a log wrote nothing, judged by its own habit.

A tool that never writes at weekends is silent there by habit. A run of silent days is a gap when it is long enough
to matter and would hardly ever come about by chance in a log that goes on as it did on the other days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHANCE = 0.01
"""Expected number of such runs in the whole log, were it only chance."""
_LEAST_ACTIVE_DAYS = 5
"""Fewer days with rows show no habit."""

Days = NDArray[np.int64]
"""UTC days since 1970-01-01, ascending, each once."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Days without rows, `[first, last]`."""

    first: int
    last: int

    def day_count(self) -> int:
        """Calendar days."""
        return self.last - self.first + 1


def has_habit(active: Days) -> bool:
    """Whether there are enough days with rows to speak of a habit."""
    return len(active) >= _LEAST_ACTIVE_DAYS


def silences(active: Days, least_days: int) -> Iterator[Silence]:
    """Surprising runs between days with rows."""
    for index in np.flatnonzero(np.diff(active) > least_days):
        run = Silence(int(active[index]) + 1, int(active[index + 1]) - 1)
        if is_surprising(run, active, least_days):
            yield run


def is_surprising(run: Silence, active: Days, least_days: int) -> bool:
    """Whether the habit shown outside the run makes its silence surprising.

    On weekdays on which rows are usual, at least `least_days` of the run must be missing; where no weekday is usual
    (a tool used now and then) all days count.
    """
    if not has_habit(active):
        return False
    outside = np.arange(active[0], active[-1] + 1)
    outside = outside[(outside < run.first) | (outside > run.last)]
    wrote = np.isin(outside, active)
    usual = [w for w in range(7) if (on := outside % 7 == w).any() and wrote[on].mean() >= 0.5]
    silent = np.arange(run.first, run.last + 1)
    if usual:
        wrote = wrote[np.isin(outside % 7, usual)]
        silent = silent[np.isin(silent % 7, usual)]
    probability = (wrote.sum() + 0.5) / (len(wrote) + 1)
    by_chance = (1 - probability) ** len(silent) * (len(outside) + run.day_count())
    return len(silent) >= least_days and bool(by_chance < _CHANCE)
