"""Rows by tool, fields and UTC day: what the log can show is judged by them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leaktrace.ledger.catalogrecords import DayCount
from leaktrace.ledger.compiled.codes import distinct_codes
from leaktrace.ledger.compiled.tallies import tally

_DAY = 86_400_000_000
_LEAST, _MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class DayTallies:
    """Counts over all batches of a source."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str, int], tuple[int, int, int]] = defaultdict(lambda: (0, _MOST, _LEAST))

    def add(
        self,
        tool_labels: Sequence[str | None],
        fields_labels: Sequence[str | None],
        tool: NDArray[np.int64],
        fields: NDArray[np.int64],
        at: NDArray[np.int64],
    ) -> None:
        """Counts a batch: codes into the labels, and times in microseconds."""
        day = at // _DAY
        first_day = int(day.min())
        joined = ((day - first_day) * len(tool_labels) + tool) * len(fields_labels) + fields
        used, code = distinct_codes(joined)
        count, first, last = (np.full(len(used), start, dtype=np.int64) for start in (0, _MOST, _LEAST))
        tally(code, at, count, first, last)
        for number, where in enumerate(used.tolist()):
            rest, field = divmod(where, len(fields_labels))
            days, used_tool = divmod(rest, len(tool_labels))
            key = (tool_labels[used_tool], fields_labels[field] or "", first_day + days)
            before = self._found[key]
            self._found[key] = (
                before[0] + int(count[number]),
                min(before[1], int(first[number])),
                max(before[2], int(last[number])),
            )

    def all(self) -> tuple[DayCount, ...]:
        """The counts, by tool, fields and day; no tool first."""
        ordered = sorted(self._found.items(), key=lambda item: (item[0][0] or "", item[0][0] is not None, item[0][1:]))
        return tuple(DayCount(*key, *counts) for key, counts in ordered)
