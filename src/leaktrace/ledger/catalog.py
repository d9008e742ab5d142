"""What is committed: sources, segments, dictionaries and small counts, in one SQLite file.

A file of the lake counts only once it stands here; each source is one transaction. SQLite's errors become LedgerError
here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger import followed

_VERSION = 3
_SCHEMA = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, table_name TEXT NOT NULL, file_name TEXT NOT NULL,
    accepted_count INTEGER NOT NULL, rejected_count INTEGER NOT NULL, bulk_count INTEGER NOT NULL,
    overlaps INTEGER NOT NULL, UNIQUE (sha256, table_name)) STRICT;
CREATE TABLE segments (
    path TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources, table_name TEXT NOT NULL, month INTEGER,
    row_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    modified_ns INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE dictionaries (
    path TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources, kind TEXT NOT NULL,
    entry_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT;
CREATE TABLE day_counts (
    source INTEGER NOT NULL REFERENCES sources, tool TEXT, fields TEXT NOT NULL, day INTEGER NOT NULL,
    row_count INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
CREATE INDEX day_counts_by_day ON day_counts (day);
CREATE TABLE seen_principals (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE clock_steps (
    source INTEGER NOT NULL REFERENCES sources, source_row INTEGER NOT NULL, from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL) STRICT;
CREATE TABLE rejects (path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) STRICT;
"""
_FROM_VERSION_1 = "ALTER TABLE segments ADD COLUMN modified_ns INTEGER NOT NULL DEFAULT 0"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A segment or a dictionary in its place."""

    path: str
    """Relative to the ledger's folder."""
    row_count: int
    size_bytes: int
    sha256: str
    month: int | None = None
    """Year * 12 + month - 1, for tables kept by month."""
    table: str = ""
    """Table of a segment; kind of names of a dictionary."""
    modified_ns: int = 0
    """When its content was last known to have its hash: the file's time of modification, nanoseconds."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """Rows of one tool that showed the same fields on one UTC day (days since 1970-01-01)."""

    tool: str | None
    fields: str
    day: int
    row_count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Two rows next to each other in a source whose times run backwards, in microseconds."""

    source_row: int
    from_at: int
    to_at: int


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """All that one source file brings."""

    source: int
    sha256: str
    table: str
    file_name: str
    accepted_count: int
    rejected_count: int
    bulk_count: int
    overlaps: bool
    """Whether it replaces rows of an earlier source of the table."""
    segments: tuple[StoredFile, ...] = ()
    dictionaries: tuple[StoredFile, ...] = ()
    day_counts: tuple[DayCount, ...] = ()
    principals: tuple[int, ...] = ()
    """Keys seen in accesses."""
    clock_steps: tuple[ClockStep, ...] = ()
    rejects: tuple[str, int] | None = None
    """The rejects file and how long it is with this source's rows."""
    followed: followed.Move | None = None
    """How far its file is taken with it."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One committed source."""

    source: int
    sha256: str
    table: str
    file_name: str
    row_count: int
    overlaps: bool


class Catalog:
    """The SQLite file; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._guarded():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._prepare()

    def _prepare(self) -> None:
        with self._writing():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise LedgerError(
                    f"{self._path} was written by a newer version of leaktrace (ledger format {version}).",
                    "Install the version that made this workspace, or a newer one.",
                )
            if version == 0:
                for statement in _SCHEMA.strip().split(";\n"):
                    self._connection.execute(statement)
            elif version == 1:
                self._connection.execute(_FROM_VERSION_1)
            for statement in followed.SCHEMA:
                self._connection.execute(statement)
            if version < _VERSION:
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"The ledger's catalogue {self._path} failed: {error}.",
                "Check free space and permissions; what was committed before is safe.",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of the block or nothing."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._guarded():
            return self._connection.execute(sql, values).fetchall()

    # --- writing ------------------------------------------------------------------------------------

    def commit(self, commit: SourceCommit) -> None:
        """Makes a source and all that it brought count."""
        run, source = self._connection.executemany, commit.source
        with self._writing():
            self._connection.execute(
                "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    source, commit.sha256, commit.table, commit.file_name, commit.accepted_count,
                    commit.rejected_count, commit.bulk_count, int(commit.overlaps),
                ),
            )  # fmt: skip
            run(
                "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (s.path, source, s.table, s.month, s.row_count, s.size_bytes, s.sha256, s.modified_ns)
                    for s in commit.segments
                ],
            )
            run(
                "INSERT INTO dictionaries VALUES (?, ?, ?, ?, ?, ?)",
                [(d.path, source, d.table, d.row_count, d.size_bytes, d.sha256) for d in commit.dictionaries],
            )
            run(
                "INSERT INTO day_counts VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(source, d.tool, d.fields, d.day, d.row_count, d.first_at, d.last_at) for d in commit.day_counts],
            )
            run("INSERT OR IGNORE INTO seen_principals VALUES (?)", [(_signed(key),) for key in commit.principals])
            run(
                "INSERT INTO clock_steps VALUES (?, ?, ?, ?)",
                [(source, step.source_row, step.from_at, step.to_at) for step in commit.clock_steps],
            )
            if commit.rejects is not None:
                run("INSERT OR REPLACE INTO rejects VALUES (?, ?)", [commit.rejects])
            if commit.followed is not None:
                followed.move(self._connection, source, commit.followed)

    # --- reading ------------------------------------------------------------------------------------

    def next_source(self) -> int:
        """The number that the next source gets."""
        ((last,),) = self._rows("SELECT coalesce(max(id), 0) FROM sources")
        return int(str(last)) + 1

    def sources(self) -> tuple[SourceFacts, ...]:
        """All committed sources, in the order they came."""
        rows = self._rows(
            "SELECT id, sha256, table_name, file_name, accepted_count + rejected_count, overlaps FROM sources"
            " ORDER BY id"
        )
        return tuple(SourceFacts(_int(i), str(h), str(t), str(f), _int(n), bool(o)) for i, h, t, f, n, o in rows)

    def source_row_count(self, sha256: str, table: str) -> int | None:
        """Rows of a source that is in already; None for one that is not."""
        rows = self._rows(
            "SELECT accepted_count + rejected_count FROM sources WHERE sha256 = ? AND table_name = ?", (sha256, table)
        )
        return _int(rows[0][0]) if rows else None

    def followed(self, table: str) -> tuple[followed.Entry, ...]:
        """How far files and streams have been taken into a table, oldest first."""
        return followed.entries(self._rows, table)

    def highest_followed(self) -> int:
        """The id of the newest of all such entries."""
        return followed.highest_id(self._rows)

    def followed_batches(self, entry: int) -> tuple[tuple[int, int, str], ...]:
        """(start, end, SHA-256) in bytes of each batch of an entry, in order."""
        return followed.batches(self._rows, entry)

    def segments(
        self, table: str, first_month: int | None = None, last_month: int | None = None
    ) -> tuple[StoredFile, ...]:
        """A table's segments by path, of these months only where they are said."""
        rows = self._rows(
            "SELECT path, row_count, size_bytes, sha256, month, modified_ns FROM segments"
            " WHERE table_name = ?1 AND (?2 IS NULL OR month >= ?2) AND (?3 IS NULL OR month <= ?3) ORDER BY path",
            (table, first_month, last_month),
        )
        return tuple(
            StoredFile(str(path), _int(n), _int(size), str(sha256), None if month is None else _int(month), table,
                       _int(modified))
            for path, n, size, sha256, month, modified in rows
        )  # fmt: skip

    def segment_is_whole(self, path: str, modified_ns: int) -> None:
        """Remembers that a segment had its hash when it was last modified then."""
        with self._writing():
            self._connection.execute("UPDATE segments SET modified_ns = ? WHERE path = ?", (modified_ns, path))

    def dictionary_paths(self, kind: str) -> list[str]:
        """Relative paths of the dictionaries of one kind of names, oldest first."""
        rows = self._rows("SELECT path FROM dictionaries WHERE kind = ? ORDER BY source, path", (kind,))
        return [str(path) for (path,) in rows]

    def all_paths(self) -> set[str]:
        """Relative paths of all files that count, rejects left out."""
        return {str(p) for (p,) in self._rows("SELECT path FROM segments UNION ALL SELECT path FROM dictionaries")}

    def rejects(self) -> dict[str, int]:
        """Rejects files and how long each is."""
        return {str(path): _int(size) for path, size in self._rows("SELECT path, size_bytes FROM rejects")}

    def overlapping(self, table: str) -> bool:
        """Whether rows of one source of the table replace rows of another."""
        return bool(self._rows("SELECT 1 FROM sources WHERE table_name = ? AND overlaps LIMIT 1", (table,)))

    def day_counts(self) -> tuple[DayCount, ...]:
        """Rows by tool, fields and day over all sources."""
        rows = self._rows(
            "SELECT tool, fields, day, sum(row_count), min(first_at), max(last_at) FROM day_counts"
            " GROUP BY tool, fields, day ORDER BY tool, fields, day"
        )
        return tuple(
            DayCount(None if tool is None else str(tool), str(fields), *(_int(n) for n in rest))
            for tool, fields, *rest in rows
        )

    def seen_principals(self) -> list[int]:
        """Keys of the principals seen in accesses."""
        return [_int(key) % 2**64 for (key,) in self._rows("SELECT key FROM seen_principals")]

    def clock_steps(self) -> tuple[tuple[str, ClockStep], ...]:
        """(name of the source file, step), in order."""
        rows = self._rows(
            "SELECT file_name, source_row, from_at, to_at FROM clock_steps JOIN sources ON sources.id = source"
            " ORDER BY sha256, source_row"
        )
        return tuple((str(name), ClockStep(_int(r), _int(a), _int(b))) for name, r, a, b in rows)

    def sums(self) -> dict[str, int]:
        """Counts and sizes over everything committed."""
        names = ("segment_count", "lake_bytes", "dictionary_bytes", "rejected_count", "bulk_count")
        ((*values,),) = self._rows(
            "SELECT (SELECT count(*) FROM segments), (SELECT coalesce(sum(size_bytes), 0) FROM segments),"
            " (SELECT coalesce(sum(size_bytes), 0) FROM dictionaries),"
            " (SELECT coalesce(sum(rejected_count), 0) FROM sources),"
            " (SELECT coalesce(sum(bulk_count), 0) FROM sources)"
        )
        return dict(zip(names, (_int(value) for value in values), strict=True))

    def row_count(self, table: str) -> int:
        """Rows in a table's segments."""
        ((count,),) = self._rows("SELECT coalesce(sum(row_count), 0) FROM segments WHERE table_name = ?", (table,))
        return _int(count)


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the STRICT schema says so
    return value


def _signed(key: int) -> int:
    """SQLite has signed 64-bit numbers only."""
    return key - 2**64 if key >= 2**63 else key
