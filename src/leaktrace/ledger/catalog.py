"""What is committed: sources, segments, dictionaries and small counts, in one SQLite file.

A file of the lake counts only once it stands here; each source is one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from leaktrace.ledger import catalogfiles, followed
from leaktrace.ledger.catalogdatabase import CatalogDatabase
from leaktrace.ledger.catalogrecords import (
    ClockStep,
    DayCount,
    SourceCommit,
    SourceFacts,
    StoredFile,
    StoredPostings,
)
from leaktrace.ledger.putoff import PutOff

_BARREN = (
    "accepted_count = 0 AND bulk_count = 0 AND withheld_count = 0"
    " AND id NOT IN (SELECT source FROM dictionaries) AND id NOT IN (SELECT source FROM segments WHERE source NOT NULL)"
)
"""Sources of which no row was taken."""


class Catalog:
    """What the SQLite file says; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._database = CatalogDatabase(path)
        self._rows = self._database.rows
        self._put_off = PutOff(self._database)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """All of the block or nothing; a block inside another one is part of it."""
        return self._database.writing()

    def reading(self) -> AbstractContextManager[None]:
        """All of the block sees one committed state. Nothing is written in it but what is put off until its end."""
        return self._database.reading(self._put_off.write)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a question about the catalogue's own tables."""
        return self._rows(sql, values)

    # --- sources --------------------------------------------------------------------------------------

    def commit(self, commit: SourceCommit) -> None:
        """Makes a source and all that it brought count."""
        source = commit.source
        with self.writing() as connection:
            run = connection.executemany
            _forget_barren(connection, commit)
            connection.execute(
                "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    source, commit.sha256, commit.table, commit.file_name, commit.accepted_count,
                    commit.rejected_count, commit.bulk_count, int(commit.overlaps), commit.withheld_count,
                    sum(segment.row_count for segment in commit.segments),
                ),
            )  # fmt: skip
            catalogfiles.add_segments(connection, commit.segments, source)
            catalogfiles.add_postings(connection, commit.postings)
            catalogfiles.add_dictionaries(connection, commit.dictionaries, source)
            self.add_day_counts(commit.day_counts, source)
            run("INSERT OR IGNORE INTO seen_principals VALUES (?)", [(_signed(key),) for key in commit.principals])
            run(
                "INSERT INTO clock_steps VALUES (?, ?, ?, ?)",
                [(source, step.source_row, step.from_at, step.to_at) for step in commit.clock_steps],
            )
            if commit.rejects is not None:
                run("INSERT OR REPLACE INTO rejects VALUES (?, ?)", [commit.rejects])
            if commit.content_sha256 not in (None, commit.sha256):
                run("INSERT INTO contents VALUES (?, ?)", [(source, commit.content_sha256)])
            if commit.followed is not None:
                followed.move(connection, source, commit.followed)

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

    def source_counts(self, sha256: str, table: str, content_sha256: str | None = None) -> tuple[int, int] | None:
        """Rows of a source that is in already, and how many of them were rejected; None for one that is not.

        One of which no row was taken is not: another mapping may read them.

        `content_sha256`: of what the file holds, where that may have come packed in another way, or not at all.
        """
        rows = self._rows(
            "SELECT accepted_count + rejected_count + withheld_count, rejected_count FROM sources"  # noqa: S608
            f" WHERE table_name = ?1 AND NOT ({_BARREN}) AND (sha256 IN (?2, ?3)"
            " OR id IN (SELECT source FROM contents WHERE contents.sha256 = ?3)) ORDER BY id",
            (table, sha256, content_sha256 or sha256),
        )
        return (_int(rows[0][0]), _int(rows[0][1])) if rows else None

    def is_read_anew(self, sha256: str, table: str, content_sha256: str | None = None) -> bool:
        """Whether this file was here before and nothing was taken of it then."""
        return bool(self._rows(*_barren_of(table, sha256, content_sha256)))

    def overlapping(self, table: str) -> bool:
        """Whether rows of one source of the table replace rows of another."""
        return bool(self._rows("SELECT 1 FROM sources WHERE table_name = ? AND overlaps LIMIT 1", (table,)))

    def followed(self, table: str) -> tuple[followed.Entry, ...]:
        """How far files and streams have been taken into a table, oldest first."""
        return followed.entries(self._rows, table)

    def highest_followed(self) -> int:
        """The id of the newest of all such entries."""
        return followed.highest_id(self._rows)

    def followed_batches(self, entry: int) -> tuple[tuple[int, int, str], ...]:
        """(start, end, SHA-256) in bytes of each batch of an entry, in order."""
        return followed.batches(self._rows, entry)

    # --- files ----------------------------------------------------------------------------------------

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

    def segment_is_whole(self, path: str, modified_ns: int) -> None:
        """Remembers that a segment had its hash when it was last modified then; inside `reading` at its end."""
        self._put_off.segment_is_whole(path, modified_ns)

    def replace_segments(self, removed: Sequence[str], added: Sequence[StoredFile]) -> None:
        """The one way in which committed segments give way to others: these paths no longer count, these files do.

        Whatever is derived from segments is brought up to date here: where as many rows come as go, and all had one
        set of postings, it stays theirs; else the sets of what goes are dropped, and their segments have no index until
        it is built anew. The files themselves go once nobody reads them.
        """
        with self.writing() as connection:
            catalogfiles.replace_segments(connection, removed, added)

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

    def replace_dictionary(self, removed: str, added: StoredFile | None) -> None:
        """A dictionary gives way to one with fewer names, or to none."""
        with self.writing() as connection:
            catalogfiles.replace_dictionary(connection, removed, added)

    def rejects(self) -> dict[str, int]:
        """Rejects files and how long each is."""
        return {str(path): _int(size) for path, size in self._rows("SELECT path, size_bytes FROM rejects")}

    def all_paths(self) -> set[str]:
        """Relative paths of all files that count, rejects left out."""
        found = self._rows(
            "SELECT path FROM segments UNION ALL SELECT path FROM dictionaries UNION ALL"
            " SELECT customer_path FROM postings UNION ALL SELECT principal_path FROM postings"
        )
        return {str(path) for (path,) in found}

    def replaced(self) -> set[str]:
        """Files that gave way to others and have not been removed yet."""
        return {str(path) for (path,) in self._rows("SELECT path FROM replaced")}

    def replaced_are_gone(self) -> None:
        """Called once the files are removed."""
        with self.writing() as connection:
            connection.execute("DELETE FROM replaced")

    # --- the index ------------------------------------------------------------------------------------

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
        with self.writing() as connection:
            catalogfiles.replace_postings(connection, removed, added)

    def add_postings(self, places: Mapping[str, int], added: Sequence[StoredPostings]) -> None:
        """Gives segments that had no index theirs; `places`: path of a segment -> number of the set with its rows."""
        with self.writing() as connection:
            catalogfiles.index_segments(connection, places, added)

    def drop_index(self) -> None:
        """No access has an index any more."""
        with self.writing() as connection:
            catalogfiles.drop_postings(connection, [stored.number for stored in self.postings()])

    # --- small counts ---------------------------------------------------------------------------------

    def row_count(self, table: str) -> int:
        """Rows in a table's segments."""
        ((count,),) = self._rows("SELECT coalesce(sum(row_count), 0) FROM segments WHERE table_name = ?", (table,))
        return _int(count)

    def row_counts(self) -> dict[str, int]:
        """Table -> rows in its segments; none for a table without a segment."""
        rows = self._rows("SELECT table_name, sum(row_count) FROM segments GROUP BY table_name ORDER BY table_name")
        return {str(table): _int(count) for table, count in rows}

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

    def add_day_counts(self, counts: Sequence[DayCount], source: int) -> None:
        """Adds what a source's accesses come to by tool, fields and day."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO day_counts VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(source, d.tool, d.fields, d.day, d.row_count, d.first_at, d.last_at) for d in counts],
            )

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

    def rejected_accesses(self) -> tuple[tuple[str, int, int], ...]:
        """(file, rejected rows, all rows) of sources of accesses with rejected rows, but for those whose name a later
        source has that brought at least as many.
        """
        rows = self._rows(
            "SELECT file_name, rejected_count, accepted_count + bulk_count + rejected_count + withheld_count"
            " FROM sources AS one"
            " WHERE table_name = 'accesses' AND rejected_count > 0 AND NOT EXISTS (SELECT 1 FROM sources AS later"
            " WHERE later.table_name = 'accesses' AND later.file_name = one.file_name AND later.id > one.id"
            " AND later.accepted_count + later.bulk_count >= one.rejected_count) ORDER BY id"
        )
        return tuple((str(name), _int(rejected), _int(count)) for name, rejected, count in rows)

    def forget_clock_steps(self, before: int) -> None:
        """Steps whose both times lie before an instant (microseconds) no longer tell anything."""
        with self.writing() as connection:
            connection.execute("DELETE FROM clock_steps WHERE from_at < ?", (before,))

    def customer_count(self, snapshot: str) -> int | None:
        """How many customers there were in a state of the ledger; null where nobody counted."""
        rows = self._rows("SELECT customer_count FROM customer_counts WHERE snapshot = ?", (snapshot,))
        return _int(rows[0][0]) if rows else None

    def keep_customer_count(self, snapshot: str, count: int) -> None:
        """Remembers it; inside `reading` at its end."""
        self._put_off.keep_customer_count(snapshot, count)


def _barren_of(table: str, sha256: str, content_sha256: str | None) -> tuple[str, tuple[str, str, str]]:
    """The question, with its values, for earlier readings of one file by which nothing was taken."""
    sql = (
        f"SELECT id FROM sources WHERE table_name = ?1 AND {_BARREN} AND (sha256 IN (?2, ?3)"  # noqa: S608
        " OR id IN (SELECT source FROM contents WHERE contents.sha256 = ?3))"
    )
    return sql, (table, sha256, content_sha256 or sha256)


def _forget_barren(connection: sqlite3.Connection, commit: SourceCommit) -> None:
    """A file of which nothing was taken gives way to itself, read anew."""
    rows = connection.execute(*_barren_of(commit.table, commit.sha256, commit.content_sha256)).fetchall()
    for (number,) in rows:
        connection.execute("DELETE FROM clock_steps WHERE source = ?", (number,))
        connection.execute("DELETE FROM contents WHERE source = ?", (number,))
        connection.execute("DELETE FROM sources WHERE id = ?", (number,))


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - the STRICT schema says so
    return value


def _signed(key: int) -> int:
    """SQLite has signed 64-bit numbers only."""
    return key - 2**64 if key >= 2**63 else key
