"""Whether a segment's rows are what they should be: in the table's order, in their month, of which sources. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from leaktrace.ledger.arrow import compute, mask_of
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.times import month_start


class RowWatch:
    """Sees the batches of one segment in turn."""

    def __init__(self, schema: TableSchema, month: int | None) -> None:
        self._order = schema.order
        self._span = None if month is None else (month_start(month), month_start(month + 1))
        self._last: pa.RecordBatch | None = None
        self.row_count = 0
        self.by_source: Counter[int] = Counter()
        self.problems: list[str] = []

    def columns(self) -> list[str]:
        """The columns that are looked at."""
        return list(dict.fromkeys((*self._order, *(("at",) if self._span else ()), "source")))

    def see(self, batch: pa.RecordBatch) -> None:
        """Takes the next rows."""
        if not batch.num_rows:
            return
        before = self.row_count
        self.row_count += batch.num_rows
        sources, counts = np.unique(batch.column("source").to_numpy(), return_counts=True)
        self.by_source.update(dict(zip(sources.tolist(), counts.tolist(), strict=True)))
        rows = pa.Table.from_batches([batch] if self._last is None else [self._last, batch]).select(list(self._order))
        backwards = first_backwards(rows)
        if backwards is not None and not any("order" in problem for problem in self.problems):
            row = before + backwards + (1 if self._last is None else 0)
            self.problems.append(f"its rows are not in the table's order (row {row + 1} comes too late)")
        self._last = batch.slice(batch.num_rows - 1)
        if self._span is not None:
            self._see_times(batch, before)

    def _see_times(self, batch: pa.RecordBatch, before: int) -> None:
        assert self._span is not None  # noqa: S101 - asked by `see`
        at = batch.column("at").to_numpy()
        strange = np.flatnonzero((at < self._span[0]) | (at >= self._span[1]))
        if len(strange) and not any("month" in problem for problem in self.problems):
            self.problems.append(f"row {before + int(strange[0]) + 1} is not of its month")


def first_backwards(rows: pa.Table) -> int | None:
    """The first row whose next one should stand before it, counted from 0; null where all are in order."""
    if rows.num_rows < 2:
        return None
    tied = np.ones(rows.num_rows - 1, dtype=bool)
    backwards = np.zeros(rows.num_rows - 1, dtype=bool)
    for name in rows.column_names:
        column = rows.column(name).combine_chunks()
        left, right = column.slice(0, len(column) - 1), column.slice(1)
        backwards |= tied & mask_of(compute.greater(left, right))
        tied &= mask_of(compute.equal(left, right))
    found = np.flatnonzero(backwards)
    return int(found[0]) if len(found) else None
