"""How far files and streams have been taken: what stands in the catalogue beside the sources.

A batch of lines is a source of its own. In the transaction that makes it count, the file's entry moves on, so a kill
leaves both or neither. An entry knows its file by content: the SHA-256 of all bytes taken so far. Each move says where
it starts from, and is refused where somebody else has moved the entry meanwhile: no line is taken twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leaktrace.errors import LedgerError

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS followed (
    id INTEGER PRIMARY KEY, table_name TEXT NOT NULL, mark TEXT NOT NULL, identity TEXT NOT NULL,
    taken_bytes INTEGER NOT NULL, line_count INTEGER NOT NULL, row_count INTEGER NOT NULL, sha256 TEXT NOT NULL,
    whole INTEGER NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS followed_batches (
    source INTEGER PRIMARY KEY, followed INTEGER NOT NULL, start_bytes INTEGER NOT NULL, end_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL) STRICT""",
)
_ENTRY = "id, table_name, mark, identity, taken_bytes, line_count, row_count, sha256, whole"


@dataclass(frozen=True, slots=True)
class Entry:
    """How far one file or stream has been taken into one table."""

    id: int
    table: str
    mark: str
    """Keyed hash of the file's path or the stream's name: either may hold a customer's address."""
    identity: str
    """`device:inode` of the file when it was last read; empty for a stream."""
    taken_bytes: int
    """Length of the part that was taken; of a stream without its header."""
    line_count: int
    """Line ends in that part."""
    row_count: int
    """Rows taken or set aside."""
    sha256: str
    """Of the part that was taken; empty for a stream, which has it batch by batch."""
    whole: bool = False
    """It was ingested in one piece and never followed."""


@dataclass(frozen=True, slots=True)
class Move:
    """An entry as it is once a source is committed."""

    entry: Entry
    start_bytes: int | None
    """Where the entry stands now; null: there is none yet."""
    batch_sha256: str
    """Of the bytes that this source took."""
    highest_id: int | None = None
    """Of a new entry of a followed file: the highest id when its file was looked for among the entries."""


class MovedOnError(LedgerError):
    """Another process has taken lines of the same file meanwhile; nothing was committed, look again how far it is."""

    def __init__(self) -> None:
        super().__init__("Another process has taken lines of the same file.", "Run the same command again.")


def move(connection: sqlite3.Connection, source: int, said: Move) -> None:
    """Moves an entry on, inside the caller's transaction; MovedOnError where it is not where the move starts from."""
    one = said.entry
    values = (one.table, one.mark, one.identity, one.taken_bytes, one.line_count, one.row_count, one.sha256)
    if said.start_bytes is not None:
        changed = connection.execute(
            "UPDATE followed SET table_name = ?, mark = ?, identity = ?, taken_bytes = ?, line_count = ?,"
            " row_count = ?, sha256 = ?, whole = 0 WHERE id = ? AND taken_bytes = ?",
            (*values, one.id, said.start_bytes),
        ).rowcount
    else:
        changed = connection.execute(
            "INSERT INTO followed SELECT top + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM"
            " (SELECT coalesce(max(id), 0) AS top FROM followed) WHERE ?9 IS NULL OR top = ?9",
            (*values, int(one.whole), said.highest_id),
        ).rowcount
    if changed != 1:
        raise MovedOnError
    if not one.whole:
        connection.execute(
            "INSERT INTO followed_batches VALUES (?, ?, ?, ?, ?)",
            (source, one.id, said.start_bytes or 0, one.taken_bytes, said.batch_sha256),
        )


Rows = Callable[[str, Sequence[object]], list[tuple[object, ...]]]
"""Runs a query and gives its rows."""


def entries(rows: Rows, table: str) -> tuple[Entry, ...]:
    """All entries of a table, oldest first."""
    found = rows(f"SELECT {_ENTRY} FROM followed WHERE table_name = ? ORDER BY id", (table,))  # noqa: S608
    return tuple(
        Entry(_int(id_), str(name), str(mark), str(identity), _int(taken), _int(lines), _int(count), str(sha256),
              bool(whole))
        for id_, name, mark, identity, taken, lines, count, sha256, whole in found
    )  # fmt: skip


def highest_id(rows: Rows) -> int:
    """The id of the newest entry of any table; 0 where there is none."""
    ((highest,),) = rows("SELECT coalesce(max(id), 0) FROM followed", ())
    return _int(highest)


def batches(rows: Rows, entry: int) -> tuple[tuple[int, int, str], ...]:
    """(start, end, SHA-256) in bytes of each batch of an entry, in order."""
    found = rows(
        "SELECT start_bytes, end_bytes, sha256 FROM followed_batches WHERE followed = ? ORDER BY start_bytes", (entry,)
    )
    return tuple((_int(start), _int(end), str(sha256)) for start, end, sha256 in found)


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the STRICT schema says so
    return value
