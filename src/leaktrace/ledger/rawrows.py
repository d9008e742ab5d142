"""What every reader of tables shares: batches of raw rows, and how a file that cannot be read is said to be so.

A row number is 1-based and counts records: in CSV the row after the header is 1, in NDJSON every line counts (blank
ones too), in Parquet the rows of the file. What cannot be read as a whole raises BadFileError and says where; a
single row that cannot be read is yielded as rejected.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.errors import to_utf8
from leaktrace.ledger.arrow import ArrowColumn, arrow
from leaktrace.ledger.formats import BadFileError, RejectedRow
from leaktrace.ledger.schema import ACCESSES, TableSchema

BLOCK_BYTES = 4 * 1024 * 1024
"""Text is read in blocks of this size; no single row may be longer."""
HEAD_BYTES = 1024 * 1024
_COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,40}")


class MissingColumnsError(BadFileError):
    """The file lacks a column that its table needs."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Rows as they stand in the file: the table's columns that the file has, and what could not be read."""

    rows: NDArray[np.int64]
    """Row numbers, as long as each column."""
    columns: dict[str, ArrowColumn]
    """Strings; instants may be timestamps with a zone, lists may be lists of strings."""
    rejected: tuple[RejectedRow, ...] = ()
    also_there: tuple[str, ...] = ()
    """Columns of the file that the table does not know."""
    passed_over_count: int = 0
    """Records of a log that are no accesses."""


class RowNumbers:
    """Numbers the rows that a parser kept, given the numbers of those it skipped."""

    def __init__(self) -> None:
        self.last = 0

    def take(self, count: int, skipped: Sequence[int]) -> NDArray[np.int64]:
        """The next `count` row numbers that are not among the skipped ones."""
        candidates = np.arange(self.last + 1, self.last + 1 + count + len(skipped), dtype=np.int64)
        kept: NDArray[np.int64] = candidates[~np.isin(candidates, np.asarray(skipped, dtype=np.int64))][:count]
        if count:
            self.last = int(kept[-1])
        return kept


class Meter:
    """How far a file is read; whoever reads it says so."""

    def __init__(self) -> None:
        self._place: Callable[[], int] = lambda: 0
        self._total = 0

    def watch(self, place: Callable[[], int], total: int) -> None:
        """`place` gives the position now, of `total`."""
        self._place, self._total = place, total

    def reach(self, place: int) -> None:
        """A better word on the position than `place` gives."""
        self._place = lambda: place

    def share(self) -> float | None:
        """The part that is read, 0 to 1; None where nobody has said."""
        return min(1.0, self._place() / self._total) if self._total else None


def open_bytes(path: Path, compression: str | None, meter: Meter | None = None) -> Any:
    """The bytes of a file as an Arrow stream, unpacked on the way."""
    if meter is None:
        return arrow.input_stream(str(path), compression=compression)
    raw = arrow.OSFile(str(path))
    size = raw.size()
    meter.watch(lambda: size if raw.closed else raw.tell(), size)
    return arrow.input_stream(raw, compression=compression)


def shown_columns(found: Sequence[str]) -> str:
    """Names of columns, for people; what does not look like a column name may be somebody's name and is counted."""
    shown = [name for name in found if _COLUMN_NAME.fullmatch(name)][:20]
    hidden = len(found) - len(shown)
    return f"{', '.join(shown) or 'none with a usable name'}{f' and {hidden} more' if hidden else ''}"


def capitals_hint(missing: Iterable[str], found: Iterable[str]) -> str:
    """Where a column is there but for capitals or blanks around it: such a one is another column."""
    known = set(missing)
    meant = sorted({name.strip().casefold() for name in found} & known)
    names = " and ".join(repr(name) for name in meant)
    return f" Names of columns are in small letters, without blanks: write {names}." if meant else ""


def _separator_hint(schema: TableSchema, found: Sequence[str]) -> str:
    """Where the whole head is one name with other separators in it, as spreadsheets of some countries write it."""
    other = next((mark for mark in (";", "\t", "|") if len(found) == 1 and mark in found[0]), None)
    if other is None:
        return ""
    shown = "tabs" if other == "\t" else repr(other)
    mapped = (
        " or read it as it is by a mapping, where the delimiter can be said: --format mapped --option mapping=FILE"
        if schema is ACCESSES
        else ""
    )
    return f" Its columns are parted by {shown}; a CSV is parted by commas here. Write it with commas{mapped}."


def demand_columns(path: Path, schema: TableSchema, found: Sequence[str]) -> None:
    """BadFileError unless the file has every required column, and each of the table's columns once."""
    missing = [name for name in schema.required_names() if name not in found]
    if missing:
        raise MissingColumnsError(
            f"{path}: the table '{schema.name}' needs the column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}, which the file does not have.",
            f"Columns found: {shown_columns(found)}.{_separator_hint(schema, found)}{capitals_hint(missing, found)}",
        )
    twice = sorted({name for name in schema.column_names() if list(found).count(name) > 1})
    if twice:
        raise BadFileError(f"{path}: the column {twice[0]} is there more than once.", "Keep one of them.")


@contextmanager
def reading(path: Path, compression: str | None, row: Callable[[], int]) -> Iterator[None]:
    """Turns what Arrow and the system say of a file into one BadFileError that says where."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        what = str(error).split("\n", 1)[0].rstrip(".")
        if "UTF8" in what or "utf-8" in what.lower():
            raise not_utf8(path, compression, row()) from error
        if "straddl" in what:  # Arrow's word for a record that is longer than its block
            raise BadFileError(
                f"{path}: a value or a line after row {row()} is longer than {BLOCK_BYTES:,} bytes, which none may be.",
                "Shorten it, or leave that column out. Is it a whole document in one line? Write one record a line.",
            ) from error
        raise BadFileError(
            f"{path}: it cannot be read after row {row()}: {what}.",
            "The file may be cut off or of another format: copy it again, or say --format.",
        ) from error


def not_utf8(path: Path, compression: str | None, row: int) -> BadFileError:
    """Says at which byte the text stops being UTF-8."""
    head, position = _first_bad_byte(path, compression)
    where = f"at byte {position}" if position is not None else f"after row {row}"
    return BadFileError(
        f"{path}: the text is not UTF-8 {where}{' of the unpacked text' if compression else ''}.",
        to_utf8(head),
    )


def _first_bad_byte(path: Path, compression: str | None) -> tuple[bytes, int | None]:
    """How the text begins, and where it stops being UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    head, done = b"", 0
    with open_bytes(path, compression) as stream:
        while block := stream.read(HEAD_BYTES):
            head = head or block[:4]
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return head, done - held + error.start
            done += len(block)
    return head, done if decoder.getstate()[0] else None


@contextmanager
def unpacked(path: Path, compression: str, spool_folder: Path) -> Iterator[IO[bytes]]:
    """The unpacked bytes in a file without a name: nothing of it is left after a kill."""
    with tempfile.TemporaryFile(dir=spool_folder) as spool:
        with open_bytes(path, compression) as stream:
            while block := stream.read(BLOCK_BYTES):
                spool.write(block)
        spool.flush()
        spool.seek(0)
        yield spool
