"""Which formats the ledger reads, and what a reader yields.

Tables come as CSV, NDJSON or Parquet and are read in columns (`tabular.py`). A log that has to be understood line by
line (a database's audit log) is read by a row reader: a function from a path to rows and rejected rows. To add one,
write the function in a module of its own and name it in `ROW_READERS`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from leaktrace.errors import LedgerError

TABULAR_FORMATS = ("csv", "ndjson", "parquet")
ROW_READERS = {
    "pgaudit": "leaktrace.ledger.pgaudit:read_pgaudit",
    "cloudtrail": "leaktrace.ledger.mapping.cloudtrail:read_cloudtrail",
    "ocsf": "leaktrace.ledger.mapping.ocsf:read_ocsf",
    "ecs": "leaktrace.ledger.mapping.ecs:read_ecs",
    "mapped": "leaktrace.ledger.mapping.mapped:read_mapped",
}
"""Format name -> 'module:function' of its row reader; loaded when first asked for."""

_EXTENSIONS = {
    ".csv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


class BadFileError(LedgerError):
    """The file as a whole cannot be read; nothing of it is committed, other files are not concerned."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One access as a row reader understood it."""

    at: datetime
    """Aware."""
    principal: str
    customer: str | None
    """Null: a bulk read, one that cannot be tied to customers. It never vanishes: `log_coverage` counts it."""
    fields: tuple[str, ...]
    """Fields shown; empty only on a bulk read whose fields are not known."""
    action: str | None
    """view, search, export, api, update; null where the log does not say."""
    tool: str | None
    reason: str | None
    """Ticket or order id."""
    source_row: int
    """1-based number of the line (or record) in the file."""
    statement_digest: str | None = None
    """SHA-256 (hex) of the statement that a bulk read comes from; never the statement, it may name customers."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that could not be read, and why; the reason repeats no value of the row."""

    source_row: int
    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """So many records that are no accesses at all; they are counted, and that is all."""

    count: int


RowReader = Callable[[Path], Iterator[AccessRow | RejectedRow | PassedOver]]
"""Raises LedgerError, with file and row or byte, where the file as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class AskedFormat:
    """How the caller wants files to be read."""

    name: str | None = None
    """Null: by their extension."""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How one file is to be read."""

    name: str
    compression: str | None
    """gzip, zstd or null."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the format's reader is told besides, by name."""


def holds_accesses_only(path: Path, name: str, table: str) -> BadFileError:
    """What is said of a log's format for another table."""
    return BadFileError(
        f"{path}: the format {name} holds accesses, not {table}.",
        f"If it is a log, run: leaktrace ingest accesses --format {name}. If it is the table {table}, give it the "
        "column names of docs/tables.md, as CSV, Parquet or JSON lines.",
    )


def format_of(path: Path, file_format: str | None, options: Mapping[str, str] | None = None) -> FileFormat:
    """The format of a file by what the caller says, else by its extension; BadFileError for one we do not read."""
    compression = _COMPRESSIONS.get(path.suffix.lower())
    extension = path.with_suffix("").suffix if compression else path.suffix
    name = file_format or _EXTENSIONS.get(extension.lower())
    if name not in TABULAR_FORMATS and name not in ROW_READERS:
        known = ", ".join((*TABULAR_FORMATS, *ROW_READERS))
        raise BadFileError(
            f"{path}: {f'there is no format {file_format!r}' if file_format else 'its extension names no format'}.",
            f"Say --format with one of: {known}; each may be compressed as .gz or .zst.",
        )
    if options and name not in ROW_READERS:
        raise BadFileError(f"{path}: the format {name} has no options.", f"Only {', '.join(ROW_READERS)} have.")
    return FileFormat(name, compression, dict(options or {}))


def row_reader(name: str, options: Mapping[str, str] | None = None) -> RowReader | None:
    """The row reader of a format, told its options; None for a format that is read in columns.

    A module whose reader takes options has `options_from_document` beside it.
    """
    place = ROW_READERS.get(name)
    if place is None:
        return None
    module, function = place.split(":")
    home = importlib.import_module(module)
    reader: Callable[..., Iterator[AccessRow | RejectedRow | PassedOver]] = getattr(home, function)
    return functools.partial(reader, options=home.options_from_document(options)) if options else reader


def lines_stand_alone(name: str) -> bool:
    """Whether each line (in CSV each record) can be understood without the others, so that a file may be read in parts.

    Of a row reader its module says so: `EACH_LINE_STANDS_ALONE = True`.
    """
    if name in TABULAR_FORMATS:
        return name != "parquet"
    home = importlib.import_module(ROW_READERS[name].split(":")[0])
    return bool(getattr(home, "EACH_LINE_STANDS_ALONE", False))
