"""The row reader of mapped logs: opens a file, takes it apart, maps each record. The only I/O of this package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from leaktrace.errors import LedgerError, to_utf8
from leaktrace.ledger.formats import AccessRow, PassedOver, RejectedRow
from leaktrace.ledger.mapping.csvfiles import BrokenCsvError, csv_records
from leaktrace.ledger.mapping.jsonfiles import HEAD_BYTES, Unreadable, document_records, is_ndjson, ndjson_records
from leaktrace.ledger.mapping.jsontext import BrokenJsonError
from leaktrace.ledger.mapping.model import Mapping
from leaktrace.ledger.mapping.rows import map_record
from leaktrace.ledger.packed import open_unpacked

_TOLD_AT_ONCE_COUNT = 1000
"""Records passed over are told in portions, so that whoever reads only a part can stop."""


def read_mapped_file(path: Path, mapping: Mapping) -> Iterator[AccessRow | RejectedRow | PassedOver]:
    """Accesses of one log, plain or packed with gzip or zstd; LedgerError where the file as a whole cannot be read.

    Records that are passed over are told before the next row: whoever stops there has counted all before it.
    """
    passed_over = 0
    for row, record in _records(path, mapping):
        mapped = record.reason if isinstance(record, Unreadable) else map_record(mapping, record, row)
        if mapped is None:
            passed_over += 1
        if passed_over and (mapped is not None or passed_over == _TOLD_AT_ONCE_COUNT):
            yield PassedOver(passed_over)
            passed_over = 0
        if isinstance(mapped, str):
            yield RejectedRow(row, mapped)
        elif mapped is not None:
            yield from mapped
    if passed_over:
        yield PassedOver(passed_over)


def _hint(path: Path, what: str, usual: str) -> str:
    if "UTF-8" not in what:
        return usual
    with open_unpacked(path) as stream:
        return to_utf8(stream.read(4))


def _records(path: Path, mapping: Mapping) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    try:
        kind = mapping.input
        if kind == "auto":
            with open_unpacked(path) as stream:
                kind = "ndjson" if is_ndjson(stream.read(HEAD_BYTES)) else "json"
        with open_unpacked(path) as stream:
            yield from _taken_apart(stream, kind, mapping)
    except BrokenJsonError as error:
        raise LedgerError(
            f"{path}: {f'record {error.row}, ' if error.row else ''}after byte {error.byte}: {error.what}.",
            _hint(path, error.what, "Copy it again, or say the right --format."),
        ) from error
    except BrokenCsvError as error:
        raise LedgerError(
            f"{path}: row {error.row}: {error.what}.",
            _hint(path, error.what, "Copy it again, or say the delimiter in the mapping."),
        ) from error
    except (pa.ArrowException, OSError, EOFError) as error:
        what = str(error).split("\n", 1)[0].rstrip(".")
        raise LedgerError(f"{path}: it cannot be read to its end: {what}.", "Copy the log again.") from error


def _taken_apart(stream: IO[bytes], kind: str, mapping: Mapping) -> Iterator[tuple[int, dict[str, Any] | Unreadable]]:
    if kind == "csv":
        return csv_records(stream, mapping.csv)
    if kind == "ndjson":
        return ndjson_records(stream, mapping.records)
    return document_records(stream, mapping.records)
