"""Writes segments: sorted rows in, immutable Parquet files out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.schema import TableSchema

_parquet: Any = pq  # the stubs refuse a writer of our own and a list of columns
ROW_GROUP_ROWS = 122_880
LAYOUT = 2
"""Of accesses: whole seconds and the rest of a time in two columns, which pack to half the size of microseconds."""
_DELTA_COLUMNS = ("customer", "at_second", "source_row")
_SPLIT_TIME = "at_second"
_DENSE_COLUMNS = (*_DELTA_COLUMNS, "principal")
"""Of accesses: packed as bits they take what they must, and compressing them costs time for nothing."""
_SOUGHT_COLUMNS = ("customer", "at_second")
"""Of accesses: those whose least and greatest values tell a reader what to pass over; of the others every row group has
all."""
_DICTIONARY_COLUMNS = ("fields", "action", "tool", "seller", "kind", "product", "region", "jurisdiction", "segment",
                       "locale", "field", "origin", "principal", "source")  # fmt: skip


def folder_of(ledger: Path, schema: TableSchema, month: int | None) -> Path:
    """Where segments of a table, or of a month of it, lie."""
    place = ledger / "lake" / schema.name
    if schema.by_month and month is not None:
        place /= f"month={month // 12:04d}-{month % 12 + 1:02d}"
    return place


def parquet_writer(file: DurableFile, schema: pa.Schema) -> Any:
    """Writes a segment's batches to the file."""
    columns = [name for name in _DICTIONARY_COLUMNS if name in schema.names]
    delta = {name: "DELTA_BINARY_PACKED" for name in _DELTA_COLUMNS if name in schema.names}
    accesses = _SPLIT_TIME in schema.names
    return _parquet.ParquetWriter(
        file,
        schema,
        compression={name: "none" if accesses and name in _DENSE_COLUMNS else "zstd" for name in schema.names},
        use_dictionary=columns,
        column_encoding=delta,
        write_statistics=[*_SOUGHT_COLUMNS] if accesses else True,
    )


class SegmentWriter:
    """The segments that one source brings to one table; all of them are discarded unless all are published."""

    def __init__(self, folder: Path, schema: TableSchema, source_sha256: str) -> None:
        self._folder, self._schema, self._name = folder, schema, source_sha256[:24]
        self._files: list[DurableFile] = []
        self._months: list[int | None] = []
        self._row_counts: list[int] = []
        self._postings: list[int | None] = []
        self._numbers = count()

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Writes rows that come sorted by `month` (a column of their own, dropped) and within it."""
        writer: Any = None
        month: int | None = None
        try:
            for batch in batches:
                for part_month, found in _by_month(batch):
                    part = laid_out(found, self._schema)
                    if writer is None or part_month != month:
                        self._end(writer)
                        month, writer = part_month, self._begin(part_month, part.schema)
                    with storing(self._files[-1].place):
                        writer.write_batch(part, row_group_size=ROW_GROUP_ROWS)
                    self._row_counts[-1] += part.num_rows
        finally:
            self._end(writer)

    def write_pieces(self, month: int, pieces: Iterator[pa.Table], posting: int | None) -> None:
        """Writes a segment of one month from sorted tables, a row group each; `posting`: the set that has its rows."""
        writer: Any = None
        try:
            for piece in pieces:
                laid = laid_out(piece, self._schema)
                if writer is None:
                    writer = self._begin(month, laid.schema, posting)
                with storing(self._files[-1].place):
                    writer.write_table(laid, row_group_size=max(1, laid.num_rows))
                self._row_counts[-1] += laid.num_rows
        finally:
            self._end(writer)

    def _begin(self, month: int | None, schema: pa.Schema, posting: int | None = None) -> Any:
        place = folder_of(self._folder, self._schema, month)
        number = next(self._numbers)
        aside = self._folder / "tmp" / f"{self._schema.name}-{self._name}-{number}"
        self._files.append(DurableFile(aside, place / f"{self._name}{f'-{number}' if number else ''}.parquet"))
        self._postings.append(posting)
        self._months.append(month)
        self._row_counts.append(0)
        return parquet_writer(self._files[-1], schema)

    def _end(self, writer: Any) -> None:
        if writer is not None:
            with storing(self._files[-1].place):
                writer.close()

    def publish(self) -> tuple[StoredFile, ...]:
        """Puts every segment in its place."""
        found = []
        layout = LAYOUT if self._schema.splits_times else 1
        for file, month, rows, posting in zip(self._files, self._months, self._row_counts, self._postings, strict=True):
            path, sha256 = str(file.place.relative_to(self._folder)), file.publish()
            with storing(file.place):
                modified = file.place.stat().st_mtime_ns
            found.append(
                StoredFile(path, rows, file.size_bytes, sha256, month, self._schema.name, modified, layout, posting)
            )
        return tuple(found)

    def discard(self) -> None:
        """Leaves nothing of what was written, published or not."""
        for file in self._files:
            file.discard()


def laid_out(rows: Any, schema: TableSchema) -> Any:
    """The rows as segments hold them: where the table says so, times in two columns."""
    if not schema.splits_times:
        return rows
    index = rows.schema.get_field_index("at")
    at = np.asarray(rows.column(index), dtype=np.int64)
    second = at // 1_000_000
    rest = (at - second * 1_000_000).astype(np.int32)
    names = ["at_second", "at_microsecond", *(name for name in rows.schema.names if name != "at")]
    columns = [pa.array(second), pa.array(rest), *(rows.column(n) for n in rows.schema.names if n != "at")]
    return type(rows).from_arrays(columns, names=names)


def with_times(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows with their times in one column, `at`, in front; the other way round of `laid_out`."""
    if "at_second" not in batch.schema.names:
        return batch
    second, rest = (np.asarray(batch.column(name), dtype=np.int64) for name in ("at_second", "at_microsecond"))
    others = [name for name in batch.schema.names if name not in ("at_second", "at_microsecond")]
    columns: list[Any] = [pa.array(second * 1_000_000 + rest), *(batch.column(name) for name in others)]
    return pa.RecordBatch.from_arrays(columns, names=["at", *others])


def _by_month(batch: pa.RecordBatch) -> Iterator[tuple[int | None, pa.RecordBatch]]:
    """Cuts a batch where the month changes."""
    index = batch.schema.get_field_index("month")
    rows = batch.remove_column(index)
    if batch.column(index).null_count:
        yield None, rows
        return
    months = batch.column(index).to_numpy()
    starts = [0, *(int(cut) + 1 for cut in np.flatnonzero(np.diff(months)))]
    for start, end in zip(starts, [*starts[1:], len(months)], strict=True):
        if end > start:
            yield int(months[start]), rows.slice(start, end - start)
