"""What is committed: sources, segments, dictionaries and small counts, in one SQLite file.

A file of the lake counts only once it stands here; each source is one transaction. SQLite's errors become LedgerError
here.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger import followed
from leaktrace.ledger.catalogversions import VERSION, steps_from

POSTINGS = "postings"
"""What stands for a table in the files of the index."""


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
    layout: int = 1
    """1: times in one column; 2: whole seconds and the rest in two."""
    posting: int | None = None
    """Number of the set of postings that has its rows; null where none has."""


@dataclass(frozen=True, slots=True)
class StoredPostings:
    """A set of postings in its place: the same accesses of one year in two orders."""

    number: int
    year: int
    row_count: int
    by_customer: tuple[str, int, str, int]
    """Path relative to the ledger's folder, bytes, SHA-256, time of modification in nanoseconds."""
    by_principal: tuple[str, int, str, int]

    def files(self) -> tuple[StoredFile, StoredFile]:
        """The two files, by customer first."""
        return (
            _posting_file(self.by_customer, self.row_count),
            _posting_file(self.by_principal, self.row_count),
        )


def _posting_file(stored: tuple[str, int, str, int], row_count: int) -> StoredFile:
    path, size, sha256, modified = stored
    return StoredFile(path, row_count, size, sha256, table=POSTINGS, modified_ns=modified)


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
    postings: tuple[StoredPostings, ...] = ()
    rejects: tuple[str, int] | None = None
    """The rejects file and how long it is with this source's rows."""
    withheld_count: int = 0
    """Good rows that were not taken, because they are older than what is kept or of a forgotten customer."""
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
    kept_count: int
    """Rows of it that are in the lake: those stored, less what was forgotten or retired since."""


class Catalog:
    """The SQLite file; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._within = False
        self._found_whole: dict[str, int] = {}
        self._counted: tuple[str, int] | None = None
        with self._guarded():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._prepare()

    def _prepare(self) -> None:
        with self.writing():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise LedgerError(
                    f"{self._path} was written by a newer version of leaktrace (ledger format {version}).",
                    "Install the version that made this workspace, or a newer one.",
                )
            for statement in steps_from(version):
                self._connection.execute(statement)
            for statement in followed.SCHEMA:
                self._connection.execute(statement)
            if version < VERSION:
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

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
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing; a block inside another one is part of it."""
        if self._within:
            yield self._connection
            return
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            self._within = True
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._within = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All of the block sees one committed state. Nothing is written in it but what is put off until its end."""
        if self._within or self._connection.in_transaction:
            yield
            return
        with self._guarded():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            with self._guarded():
                self._connection.execute("COMMIT")
            self._remember_whole()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a question about the catalogue's own tables."""
        return self._rows(sql, values)

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._guarded():
            return self._connection.execute(sql, values).fetchall()

    # --- writing ------------------------------------------------------------------------------------

    def commit(self, commit: SourceCommit) -> None:
        """Makes a source and all that it brought count."""
        run, source = self._connection.executemany, commit.source
        with self.writing():
            self._connection.execute(
                "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    source, commit.sha256, commit.table, commit.file_name, commit.accepted_count,
                    commit.rejected_count, commit.bulk_count, int(commit.overlaps), commit.withheld_count,
                    sum(segment.row_count for segment in commit.segments),
                ),
            )  # fmt: skip
            self._add_segments(commit.segments, source)
            self._add_postings(commit.postings)
            self._add_dictionaries(commit.dictionaries, source)
            self.add_day_counts(commit.day_counts, source)
            run("INSERT OR IGNORE INTO seen_principals VALUES (?)", [(_signed(key),) for key in commit.principals])
            run(
                "INSERT INTO clock_steps VALUES (?, ?, ?, ?)",
                [(source, step.source_row, step.from_at, step.to_at) for step in commit.clock_steps],
            )
            if commit.rejects is not None:
                run("INSERT OR REPLACE INTO rejects VALUES (?, ?)", [commit.rejects])
            if commit.followed is not None:
                followed.move(self._connection, source, commit.followed)

    def _add_segments(self, segments: Sequence[StoredFile], source: int | None) -> None:
        self._connection.executemany(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    s.path, source, s.table, s.month, s.row_count, s.size_bytes, s.sha256, s.modified_ns, s.layout,
                    s.posting,
                )
                for s in segments
            ],
        )  # fmt: skip

    def _add_postings(self, postings: Sequence[StoredPostings]) -> None:
        self._connection.executemany(
            "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(p.number, p.year, p.row_count, *p.by_customer, *p.by_principal) for p in postings],
        )

    def _add_dictionaries(self, dictionaries: Sequence[StoredFile], source: int) -> None:
        self._connection.executemany(
            "INSERT INTO dictionaries VALUES (?, ?, ?, ?, ?, ?)",
            [(d.path, source, d.table, d.row_count, d.size_bytes, d.sha256) for d in dictionaries],
        )

    def add_day_counts(self, counts: Sequence[DayCount], source: int) -> None:
        """Adds what a source's accesses come to by tool, fields and day."""
        with self.writing():
            self._connection.executemany(
                "INSERT INTO day_counts VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(source, d.tool, d.fields, d.day, d.row_count, d.first_at, d.last_at) for d in counts],
            )

    def replace_segments(self, removed: Sequence[str], added: Sequence[StoredFile]) -> None:
        """The one way in which committed segments give way to others: these paths no longer count, these files do.

        Whatever is derived from segments is brought up to date here: where as many rows come as go, and all had one
        set of postings, it stays theirs; else the sets of what goes are dropped, and their segments have no index until
        it is built anew. The files themselves go once nobody reads them.
        """
        with self.writing():
            added = self._indexed_as(removed, added)
            for path in removed:
                if self._connection.execute("DELETE FROM segments WHERE path = ?", (path,)).rowcount != 1:
                    raise LedgerError(
                        f"The segment {path} is no longer in the catalogue.",
                        "Another process changed it: run this again.",
                    )
            self._give_way(removed)
            self._add_segments(added, None)

    def _indexed_as(self, removed: Sequence[str], added: Sequence[StoredFile]) -> Sequence[StoredFile]:
        gone = [s for table in {s.table for s in added} | {"accesses"} for s in self.segments(table)
                if s.path in set(removed)]  # fmt: skip
        sets = {s.posting for s in gone if s.table == "accesses"}
        counts = [sum(s.row_count for s in group if s.table == "accesses") for group in (gone, added)]
        if len(sets) == 1 and counts[0] == counts[1]:
            (kept,) = sets
            return [replace(s, posting=kept) if s.table == "accesses" else s for s in added]
        self._drop_postings([number for number in sets if number is not None])
        return added

    def _drop_postings(self, numbers: Sequence[int]) -> None:
        for stored in self.postings():
            if stored.number in numbers:
                self._give_way([file.path for file in stored.files()])
        each = [(number,) for number in numbers]
        self._connection.executemany("UPDATE segments SET posting = NULL WHERE posting = ?", each)
        self._connection.executemany("DELETE FROM postings WHERE number = ?", each)

    def _give_way(self, removed: Sequence[str]) -> None:
        self._connection.executemany("INSERT OR IGNORE INTO replaced VALUES (?)", [(path,) for path in removed])

    def replaced(self) -> set[str]:
        """Files that gave way to others and have not been removed yet."""
        return {str(path) for (path,) in self._rows("SELECT path FROM replaced")}

    def replaced_are_gone(self) -> None:
        """Called once the files are removed."""
        with self.writing() as connection:
            connection.execute("DELETE FROM replaced")

    def forget_clock_steps(self, before: int) -> None:
        """Steps whose both times lie before an instant (microseconds) no longer tell anything."""
        with self.writing() as connection:
            connection.execute("DELETE FROM clock_steps WHERE from_at < ?", (before,))

    def replace_dictionary(self, removed: str, added: StoredFile | None) -> None:
        """A dictionary gives way to one with fewer names, or to none."""
        with self.writing():
            (source,) = self._connection.execute(
                "SELECT source FROM dictionaries WHERE path = ?", (removed,)
            ).fetchone()
            self._connection.execute("DELETE FROM dictionaries WHERE path = ?", (removed,))
            self._give_way([removed])
            self._add_dictionaries([added] if added else [], source)

    # --- reading ------------------------------------------------------------------------------------

    def next_source(self) -> int:
        """The number that the next source gets."""
        ((last,),) = self._rows("SELECT coalesce(max(id), 0) FROM sources")
        return int(str(last)) + 1

    def sources(self) -> tuple[SourceFacts, ...]:
        """All committed sources, in the order they came."""
        rows = self._rows(
            "SELECT id, sha256, table_name, file_name, accepted_count + rejected_count + withheld_count, overlaps,"
            " kept_count - gone_count FROM sources ORDER BY id"
        )
        return tuple(
            SourceFacts(_int(i), str(h), str(t), str(f), _int(n), bool(o), _int(kept))
            for i, h, t, f, n, o, kept in rows
        )

    def source_counts(self, sha256: str, table: str) -> tuple[int, int] | None:
        """Rows of a source that is in already, and how many of them were rejected; None for one that is not."""
        rows = self._rows(
            "SELECT accepted_count + rejected_count + withheld_count, rejected_count FROM sources "
            "WHERE sha256 = ? AND table_name = ?",
            (sha256, table),
        )
        return (_int(rows[0][0]), _int(rows[0][1])) if rows else None

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
            "SELECT path, row_count, size_bytes, sha256, month, modified_ns, layout, posting FROM segments"
            " WHERE table_name = ?1 AND (?2 IS NULL OR month >= ?2) AND (?3 IS NULL OR month <= ?3) ORDER BY path",
            (table, first_month, last_month),
        )
        return tuple(
            StoredFile(str(path), _int(n), _int(size), str(sha256), None if month is None else _int(month), table,
                       _int(modified), _int(layout), None if posting is None else _int(posting))
            for path, n, size, sha256, month, modified, layout, posting in rows
        )  # fmt: skip

    def next_posting(self) -> int:
        """The number that the next set of postings gets."""
        ((last,),) = self._rows("SELECT coalesce(max(number), 0) FROM postings")
        return _int(last) + 1

    def postings(self) -> tuple[StoredPostings, ...]:
        """All sets of postings, by number."""
        rows = self._rows("SELECT * FROM postings ORDER BY number")
        return tuple(
            StoredPostings(_int(r[0]), _int(r[1]), _int(r[2]), (str(r[3]), _int(r[4]), str(r[5]), _int(r[6])),
                           (str(r[7]), _int(r[8]), str(r[9]), _int(r[10])))
            for r in rows
        )  # fmt: skip

    def replace_postings(self, removed: Sequence[int], added: Sequence[StoredPostings]) -> None:
        """Puts sets of postings in the place of others; segments of those belong to the new set of their year."""
        with self.writing():
            self._add_postings(added)
            for new in added:
                self._connection.executemany(
                    "UPDATE segments SET posting = ?1 WHERE posting = ?2 AND month / 12 = ?3",
                    [(new.number, old, new.year) for old in removed],
                )
            self._drop_postings(removed)

    def add_postings(self, places: Mapping[str, int], added: Sequence[StoredPostings]) -> None:
        """Gives segments that had no index theirs; `places`: path of a segment -> number of the set with its rows."""
        with self.writing():
            self._add_postings(added)
            self._connection.executemany(
                "UPDATE segments SET posting = ? WHERE path = ?", [(number, path) for path, number in places.items()]
            )

    def drop_index(self) -> None:
        """No access has an index any more."""
        with self.writing():
            self._drop_postings([stored.number for stored in self.postings()])

    def segment_is_whole(self, path: str, modified_ns: int) -> None:
        """Remembers that a segment had its hash when it was last modified then; inside `reading` at its end."""
        self._found_whole[path] = modified_ns
        if not self._connection.in_transaction:
            self._remember_whole()

    def _remember_whole(self) -> None:
        found, self._found_whole = self._found_whole, {}
        counted, self._counted = self._counted, None
        if not found and counted is None:
            return
        times = [(at, path) for path, at in found.items()]
        # On a disk that cannot be written it is found out anew every time.
        with contextlib.suppress(LedgerError), self.writing() as connection:
            for table, column in (("segments", ""), ("postings", "customer_"), ("postings", "principal_")):
                connection.executemany(
                    f"UPDATE {table} SET {column}modified_ns = ? WHERE {column}path = ?",  # noqa: S608
                    times,
                )
            if counted is not None:
                connection.execute("DELETE FROM customer_counts")
                connection.execute("INSERT INTO customer_counts VALUES (?, ?)", counted)

    def dictionary_paths(self, kind: str) -> list[str]:
        """Relative paths of the dictionaries of one kind of names, oldest first."""
        rows = self._rows("SELECT path FROM dictionaries WHERE kind = ? ORDER BY source, path", (kind,))
        return [str(path) for (path,) in rows]

    def dictionaries(self) -> tuple[StoredFile, ...]:
        """All dictionaries, oldest first."""
        rows = self._rows(
            "SELECT path, entry_count, size_bytes, sha256, kind FROM dictionaries ORDER BY kind, source, path"
        )
        return tuple(
            StoredFile(str(path), _int(n), _int(size), str(sha256), None, str(kind))
            for path, n, size, sha256, kind in rows
        )

    def all_paths(self) -> set[str]:
        """Relative paths of all files that count, rejects left out."""
        found = self._rows(
            "SELECT path FROM segments UNION ALL SELECT path FROM dictionaries UNION ALL"
            " SELECT customer_path FROM postings UNION ALL SELECT principal_path FROM postings"
        )
        return {str(path) for (path,) in found}

    def customer_count(self, snapshot: str) -> int | None:
        """How many customers there were in a state of the ledger; null where nobody counted."""
        rows = self._rows("SELECT customer_count FROM customer_counts WHERE snapshot = ?", (snapshot,))
        return _int(rows[0][0]) if rows else None

    def keep_customer_count(self, snapshot: str, count: int) -> None:
        """Remembers it; inside `reading` at its end."""
        self._counted = (snapshot, count)
        if not self._connection.in_transaction:
            self._remember_whole()

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
        names = ("segment_count", "lake_bytes", "dictionary_bytes", "posting_bytes", "rejected_count", "bulk_count")
        ((*values,),) = self._rows(
            "SELECT (SELECT count(*) FROM segments), (SELECT coalesce(sum(size_bytes), 0) FROM segments),"
            " (SELECT coalesce(sum(size_bytes), 0) FROM dictionaries),"
            " (SELECT coalesce(sum(customer_bytes + principal_bytes), 0) FROM postings),"
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
