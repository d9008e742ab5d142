"""Reads Parquet in batches of columns."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.ledger.arrow import ArrowColumn
from leaktrace.ledger.formats import BadFileError, FileFormat
from leaktrace.ledger.parquetsizes import rows_at_once
from leaktrace.ledger.rawrows import Meter, RawBatch, RowNumbers, demand_columns, reading, unpacked
from leaktrace.ledger.schema import TableSchema

_FEW_TEXTS = ("principal", "fields", "action", "tool")
"""Columns of few different texts; where a file keeps them as codes into a dictionary, so do we."""


def parquet_batches(
    path: Path, file_format: FileFormat, schema: TableSchema, spool_folder: Path, meter: Meter | None = None
) -> Iterator[RawBatch]:
    """The rows of a Parquet file; a compressed one is unpacked into `spool_folder` first."""
    numbers = RowNumbers()
    with ExitStack() as stack:
        with reading(path, None, lambda: numbers.last):
            source: Any = str(path)
            if file_format.compression:
                source = stack.enter_context(unpacked(path, file_format.compression, spool_folder))
            found = pq.read_schema(source)
            few = [name for name in _FEW_TEXTS if name in found.names and _is_text(found.field(name).type)]
            parquet = stack.enter_context(pq.ParquetFile(source, read_dictionary=few))
            row_count = parquet.metadata.num_rows
        if meter is not None:
            meter.watch(lambda: numbers.last, row_count)
        demand_columns(path, schema, found.names)
        known = [column for column in schema.columns if column.name in found.names]
        for column in known:
            _demand_type(path, column.name, column.kind, found.field(column.name).type)
        names = [column.name for column in known]
        extra = tuple(name for name in found.names if name not in names)
        with reading(path, None, lambda: numbers.last):
            batch_rows = rows_at_once(path, source, parquet.metadata, names)
        batches = parquet.iter_batches(batch_size=batch_rows, columns=names)
        # The next batch is read while this one is judged.
        ahead = stack.enter_context(ThreadPoolExecutor(1))
        coming = ahead.submit(next, batches, None)
        while True:
            with reading(path, None, lambda: numbers.last):
                batch = coming.result()
                if batch is not None:
                    coming = ahead.submit(next, batches, None)
                raw = {n: batch.column(n) for n in names} if batch is not None else {}
                for name, values in raw.items():
                    _demand_utf8(path, name, values, numbers.last)
                columns = {name: _as_text(values) for name, values in raw.items()}
            if batch is None:
                return
            yield RawBatch(numbers.take(batch.num_rows, ()), columns, (), extra)


def _demand_type(path: Path, name: str, kind: str, found: pa.DataType) -> None:
    if kind == "instant" and pa.types.is_timestamp(found) and found.tz is None:
        raise BadFileError(
            f"{path}: the column {name} holds times without zone.",
            "Write timestamps with a zone (UTC), or text in ISO 8601 with an offset.",
        )
    inner = found.value_type if pa.types.is_dictionary(found) else found
    fits = _is_text(inner) or pa.types.is_null(inner)
    if kind == "instant":
        fits = fits or pa.types.is_timestamp(found)
    elif kind in ("fields", "words"):
        fits = fits or ((pa.types.is_list(found) or pa.types.is_large_list(found)) and _is_text(found.value_type))
    elif kind in ("customer", "principal", "text", "label"):
        fits = fits or pa.types.is_integer(inner)
    if not fits:
        raise BadFileError(
            f"{path}: the column {name} has the type {found}, which cannot be read as {_KIND_WORDS.get(kind, 'text')}.",
            "Write the column as text.",
        )


def _demand_utf8(path: Path, name: str, column: Any, rows_before: int) -> None:
    """Parquet calls a column text, and nobody has looked whether its bytes are."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        rows = (plain.take(pa.array([place])) for place in range(len(plain)))  # a slice of lists has all their values
        place = next((place for place, row in enumerate(rows) if not _is_sound(row)), 0)
        raise BadFileError(
            f"{path}: row {rows_before + 1 + place}: the column {name} holds bytes that are no UTF-8 text.",
            "Write the column as text in UTF-8, or as numbers.",
        ) from error


def _is_sound(column: Any) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


_KIND_WORDS = {
    "instant": "times with a zone",
    "fields": "text or a list of texts",
    "words": "text or a list of texts",
    "customer": "text or whole numbers",
    "principal": "text or whole numbers",
}


def _is_text(found: pa.DataType) -> bool:
    return pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found)


def _as_text(column: ArrowColumn) -> ArrowColumn:
    if pa.types.is_timestamp(column.type):
        return column
    if pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
        return column
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return column.cast(pa.list_(pa.string()))
    return column.cast(pa.string())
