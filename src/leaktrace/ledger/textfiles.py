"""Reads CSV and NDJSON in batches of columns."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.ledger.arrow import arrow_csv, compute, mask_of
from leaktrace.ledger.formats import BadFileError, FileFormat, RejectedRow
from leaktrace.ledger.linecutting import names_of
from leaktrace.ledger.quotewatch import QuoteWatch, watched
from leaktrace.ledger.rawrows import (
    BLOCK_BYTES,
    HEAD_BYTES,
    Meter,
    RawBatch,
    RowNumbers,
    demand_columns,
    not_utf8,
    open_bytes,
    reading,
)
from leaktrace.ledger.schema import TableSchema


@dataclass(frozen=True, slots=True)
class JsonParser:
    """Whoever takes JSON apart, a table (row, line) at a time."""

    cells: Callable[[pa.Table, Sequence[str]], pa.Table]
    """Column names -> (row, cells: list of strings, null where the line is no JSON object)."""
    names: Callable[[pa.Table], tuple[str, ...]]
    """All names in the objects."""


def _header(path: Path, compression: str | None) -> list[str]:
    with reading(path, compression, lambda: 0), open_bytes(path, compression) as stream:
        head = stream.read(HEAD_BYTES)
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError as error:
        raise not_utf8(path, compression, 0) from error
    try:
        names = names_of(text)
    except LedgerError as error:
        raise BadFileError(f"{path}: {error.message}", error.hint) from error
    if not names:
        raise BadFileError(f"{path}: the file is empty.", "A CSV file starts with a line of column names.")
    return names


def csv_batches(
    path: Path, file_format: FileFormat, schema: TableSchema, meter: Meter | None = None
) -> Iterator[RawBatch]:
    """The rows of a CSV file with a header, comma-separated, quoted as RFC 4180 says."""
    header = _header(path, file_format.compression)
    demand_columns(path, schema, header)
    known = [name for name in schema.column_names() if name in header]
    extra = tuple(name for name in header if name not in known)
    rejected: list[RejectedRow] = []

    def set_aside(row: Any) -> str:
        # Arrow counts the header as row 1
        reason = f"the row has {row.actual_columns} values, the header {row.expected_columns} names"
        rejected.append(RejectedRow(row.number - 1, reason))
        return "skip"

    numbers = RowNumbers()
    parse = arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=set_aside)
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(known, pa.string()), include_columns=known, strings_can_be_null=False
    )
    watch = QuoteWatch(path, schema, header, is_packed=file_format.compression is not None)
    read = arrow_csv.ReadOptions()
    for batch in _text_batches(path, file_format, read, parse, convert, numbers, meter, watch):
        rows = numbers.take(batch.num_rows, [r.source_row for r in rejected])
        columns = dict(zip(known, batch.columns, strict=True))
        yield RawBatch(rows, columns, _before(rejected, numbers.last), extra)
    if rejected:
        yield _nothing_but(tuple(rejected), known, extra)


def _text_batches(
    path: Path,
    file_format: FileFormat,
    read: Any,
    parse: Any,
    convert: Any,
    numbers: RowNumbers,
    meter: Meter | None,
    watch: QuoteWatch | None = None,
) -> Iterator[pa.RecordBatch]:
    read.use_threads = False  # else Arrow does not know the numbers of the rows it skips
    read.block_size = BLOCK_BYTES
    block_count = 0
    with ExitStack() as stack:
        with reading(path, file_format.compression, lambda: numbers.last):
            stream = stack.enter_context(open_bytes(path, file_format.compression, meter))
            stream = watched(stream, watch) if watch else stream
            reader = stack.enter_context(
                arrow_csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
            )
        while True:
            with reading(path, file_format.compression, lambda: numbers.last):
                batch = next(reader, None)
            if batch is None:
                return
            block_count += 1
            if meter is not None and not file_format.compression:
                # Not where the stream stands: Arrow reads many blocks ahead, and gives one batch for each.
                meter.reach(block_count * BLOCK_BYTES)
            yield batch


def _is_empty(path: Path, compression: str | None) -> bool:
    """Whether there is no text in a file; a packed one without a byte is cut off, and that is not the same."""
    with reading(path, compression, lambda: 0), open_bytes(path, compression) as stream:
        head = stream.read(len(codecs.BOM_UTF8) + 1)
    return head in (b"", codecs.BOM_UTF8) and not (compression and path.stat().st_size == 0)


def ndjson_batches(
    path: Path, file_format: FileFormat, schema: TableSchema, json: JsonParser, meter: Meter | None = None
) -> Iterator[RawBatch]:
    """The rows of a file with one JSON object a line (RFC 8259)."""
    if _is_empty(path, file_format.compression):
        return  # no line is no row: a log of a day on which nothing happened
    numbers, skipped = RowNumbers(), list[RejectedRow]()

    def set_aside(row: Any) -> str:
        skipped.append(RejectedRow(row.number, "the line is not a JSON object"))
        return "skip"

    # Lines are read as a table of one column: no quotes, and a separator that JSON does not allow unescaped.
    read = arrow_csv.ReadOptions(column_names=["line"])
    parse = arrow_csv.ParseOptions(
        delimiter="\x01", quote_char=False, ignore_empty_lines=False, invalid_row_handler=set_aside
    )
    convert = arrow_csv.ConvertOptions(column_types={"line": pa.string()}, strings_can_be_null=False)
    names, seen = schema.column_names(), set[str]()
    row_count, extra = 0, None
    for batch in _text_batches(path, file_format, read, parse, convert, numbers, meter):
        rows = numbers.take(batch.num_rows, [r.source_row for r in skipped])
        filled = mask_of(compute.not_equal(compute.utf8_trim_whitespace(batch.column(0)), ""))
        lines = pa.table({"row": rows[filled], "line": batch.column(0).filter(pa.array(filled))})
        if extra is None:  # the first rows are enough to say which other columns there are
            extra = tuple(name for name in json.names(lines) if name not in names)
        raw = _json_batch(json.cells(lines, names), names, _before(skipped, numbers.last), extra)
        seen |= {name for name, column in raw.columns.items() if column.null_count < len(column)}
        row_count += len(raw.rows)
        yield raw
    missing = [name for name in schema.required_names() if name not in seen]
    if row_count and missing:
        demand_columns(path, schema, [*sorted(seen), *(extra or ())])
    if skipped:
        yield _nothing_but(tuple(skipped), names, extra or ())


def _before(rejected: list[RejectedRow], last_row: int) -> tuple[RejectedRow, ...]:
    """Takes those up to a row off the list: the parser may be ahead of the batch it gave."""
    done = tuple(row for row in rejected if row.source_row <= last_row)
    rejected[:] = [row for row in rejected if row.source_row > last_row]
    return done


def _nothing_but(rejected: tuple[RejectedRow, ...], names: Sequence[str], extra: tuple[str, ...]) -> RawBatch:
    return RawBatch(np.empty(0, np.int64), {name: pa.array([], pa.string()) for name in names}, rejected, extra)


def _json_batch(
    cells: pa.Table, names: Sequence[str], skipped: tuple[RejectedRow, ...], extra: tuple[str, ...]
) -> RawBatch:
    cells = cells.combine_chunks()
    values = cells.column("cells").combine_chunks()
    readable = mask_of(compute.is_valid(values))
    rows = np.asarray(cells.column("row"), dtype=np.int64)
    rejected = skipped + tuple(RejectedRow(int(row), "the line is not a JSON object") for row in rows[~readable])
    kept = values.filter(pa.array(readable))
    columns = {name: compute.list_element(kept, index) for index, name in enumerate(names)} if len(kept) else {}
    columns = columns or {name: pa.array([], pa.string()) for name in names}
    return RawBatch(rows[readable], columns, rejected, extra)
