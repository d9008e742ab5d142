"""Writes segments: sorted rows in, immutable Parquet files out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.ledger.catalog import StoredFile
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.schema import TableSchema

_parquet: Any = pq  # the stubs refuse a writer of our own and a list of columns
ROW_GROUP_ROWS = 122_880
_DICTIONARY_COLUMNS = ("fields", "action", "tool", "seller", "kind", "product", "region", "jurisdiction", "segment",
                       "locale", "field", "origin", "principal")  # fmt: skip


def folder_of(ledger: Path, schema: TableSchema, month: int | None) -> Path:
    """Where segments of a table, or of a month of it, lie."""
    place = ledger / "lake" / schema.name
    if schema.by_month and month is not None:
        place /= f"month={month // 12:04d}-{month % 12 + 1:02d}"
    return place


def parquet_writer(file: DurableFile, schema: pa.Schema) -> Any:
    """Writes a segment's batches to the file."""
    columns = [name for name in _DICTIONARY_COLUMNS if name in schema.names]
    return _parquet.ParquetWriter(file, schema, compression="zstd", use_dictionary=columns)


class SegmentWriter:
    """The segments that one source brings to one table; all of them are discarded unless all are published."""

    def __init__(self, folder: Path, schema: TableSchema, source_sha256: str) -> None:
        self._folder, self._schema, self._name = folder, schema, source_sha256[:24]
        self._files: list[DurableFile] = []
        self._months: list[int | None] = []
        self._row_counts: list[int] = []
        self._numbers = count()

    def write(self, batches: Iterator[pa.RecordBatch]) -> None:
        """Writes rows that come sorted by `month` (a column of their own, dropped) and within it."""
        writer: Any = None
        month: int | None = None
        try:
            for batch in batches:
                for part_month, part in _by_month(batch):
                    if writer is None or part_month != month:
                        self._end(writer)
                        month, writer = part_month, self._begin(part_month, part.schema)
                    with storing(self._files[-1].place):
                        writer.write_batch(part, row_group_size=ROW_GROUP_ROWS)
                    self._row_counts[-1] += part.num_rows
        finally:
            self._end(writer)

    def _begin(self, month: int | None, schema: pa.Schema) -> Any:
        place = folder_of(self._folder, self._schema, month)
        number = next(self._numbers)
        aside = self._folder / "tmp" / f"{self._schema.name}-{self._name}-{number}"
        self._files.append(DurableFile(aside, place / f"{self._name}.parquet"))
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
        for file, month, rows in zip(self._files, self._months, self._row_counts, strict=True):
            path, sha256 = str(file.place.relative_to(self._folder)), file.publish()
            with storing(file.place):
                modified = file.place.stat().st_mtime_ns
            found.append(StoredFile(path, rows, file.size_bytes, sha256, month, self._schema.name, modified))
        return tuple(found)

    def discard(self) -> None:
        """Leaves nothing of what was written, published or not."""
        for file in self._files:
            file.discard()


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
