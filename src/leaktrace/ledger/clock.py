"""Finds where a log's clock jumped back: times that run backwards in a file that is otherwise sorted by time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.catalogrecords import ClockStep

_KEPT_STEPS = 100
_ROWS_A_STEP = 50
"""More than one step in so many rows: the file is not sorted by time, and nothing can be said of a clock."""
_LEAST_ROWS = 10


class ClockWatch:
    """Looks at the rows of one source in the order they stand in the file."""

    def __init__(self, step_seconds: int) -> None:
        self._step_microseconds = step_seconds * 1_000_000
        self._last: int | None = None
        self._row_count = 0
        self._back_count = 0
        self._steps: list[ClockStep] = []

    def goes_on(self) -> ClockWatch:
        """A watch for further rows of the same file: it knows what was seen, and tells of new steps only."""
        after = ClockWatch(self._step_microseconds // 1_000_000)
        after._last, after._row_count, after._back_count = self._last, self._row_count, self._back_count
        return after

    def see(self, rows: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        """Takes the next rows, with their times in microseconds."""
        if not len(at):
            return
        before = np.concatenate([[at[0] if self._last is None else self._last], at[:-1]])
        back = np.flatnonzero(at < before - self._step_microseconds)
        self._back_count += len(back)
        for i in back[: _KEPT_STEPS - len(self._steps)]:
            self._steps.append(ClockStep(int(rows[i]), int(before[i]), int(at[i])))
        self._last = int(at[-1])
        self._row_count += len(at)

    def steps(self) -> tuple[ClockStep, ...]:
        """The steps of the whole file; none where it is too short or not sorted by time at all."""
        sorted_but_for_steps = self._back_count <= max(1, self._row_count // _ROWS_A_STEP)
        return tuple(self._steps) if sorted_but_for_steps and self._row_count >= _LEAST_ROWS else ()
