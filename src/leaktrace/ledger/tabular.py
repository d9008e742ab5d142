"""Reads a table's file, whatever its format, in batches of columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaktrace.ledger.formats import FileFormat
from leaktrace.ledger.parquetfiles import parquet_batches
from leaktrace.ledger.rawrows import Meter, RawBatch
from leaktrace.ledger.schema import TableSchema
from leaktrace.ledger.textfiles import JsonParser, csv_batches, ndjson_batches


def read_batches(
    path: Path,
    file_format: FileFormat,
    schema: TableSchema,
    json: JsonParser,
    spool_folder: Path,
    meter: Meter | None = None,
) -> Iterator[RawBatch]:
    """The rows of a file; BadFileError where it cannot be read.

    `spool_folder` is for compressed Parquet; the meter is told how far the file is read.
    """
    if file_format.name == "csv":
        return csv_batches(path, file_format, schema, meter)
    if file_format.name == "ndjson":
        return ndjson_batches(path, file_format, schema, json, meter)
    return parquet_batches(path, file_format, schema, spool_folder, meter)
