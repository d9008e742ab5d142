"""How files come to count in the catalogue, and how they give way to others.

All of it is part of the transaction that the caller has open. A file that gave way is listed in `replaced` and goes
once nobody reads it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogrecords import StoredFile, StoredPostings


def add_segments(connection: sqlite3.Connection, segments: Sequence[StoredFile], source: int | None) -> None:
    """Segments of one source, or of several where there is none."""
    connection.executemany(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                s.path, source, s.table, s.month, s.row_count, s.size_bytes, s.sha256, s.modified_ns, s.layout,
                s.posting,
            )
            for s in segments
        ],
    )  # fmt: skip


def add_postings(connection: sqlite3.Connection, postings: Sequence[StoredPostings]) -> None:
    """Sets of postings; which segments they stand for is said elsewhere."""
    connection.executemany(
        "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(p.number, p.year, p.row_count, *p.by_customer, *p.by_principal) for p in postings],
    )


def add_dictionaries(connection: sqlite3.Connection, dictionaries: Sequence[StoredFile], source: int) -> None:
    """Dictionaries of one source."""
    connection.executemany(
        "INSERT INTO dictionaries VALUES (?, ?, ?, ?, ?, ?)",
        [(d.path, source, d.table, d.row_count, d.size_bytes, d.sha256) for d in dictionaries],
    )


# --- segments and dictionaries that give way ----------------------------------------------------------


def replace_segments(connection: sqlite3.Connection, removed: Sequence[str], added: Sequence[StoredFile]) -> None:
    """These paths no longer count, these files do; the index of accesses is kept or dropped with them.

    Where as many rows come as go, and all had one set of postings, it stays theirs; else the sets of what goes are
    dropped.
    """
    added = _indexed_as(connection, removed, added)
    for path in removed:
        if connection.execute("DELETE FROM segments WHERE path = ?", (path,)).rowcount != 1:
            raise LedgerError(
                f"The segment {path} is no longer in the catalogue.",
                "Another process changed it: run this again.",
            )
    _give_way(connection, removed)
    add_segments(connection, added, None)


def _indexed_as(
    connection: sqlite3.Connection, removed: Sequence[str], added: Sequence[StoredFile]
) -> Sequence[StoredFile]:
    """What is added, with the set of postings of what goes where that can stay."""
    find = "SELECT posting, row_count FROM segments WHERE path = ? AND table_name = 'accesses'"
    gone = [found for path in removed for found in connection.execute(find, (path,))]
    sets = {posting for posting, _ in gone}
    gone_count, added_count = sum(count for _, count in gone), sum(s.row_count for s in added if s.table == "accesses")
    if len(sets) == 1 and gone_count == added_count:
        (kept,) = sets
        return [replace(s, posting=kept) if s.table == "accesses" else s for s in added]
    drop_postings(connection, [number for number in sets if number is not None])
    return added


def replace_dictionary(connection: sqlite3.Connection, removed: str, added: StoredFile | None) -> None:
    """A dictionary gives way to one with fewer names, or to none."""
    (source,) = connection.execute("SELECT source FROM dictionaries WHERE path = ?", (removed,)).fetchone()
    connection.execute("DELETE FROM dictionaries WHERE path = ?", (removed,))
    _give_way(connection, [removed])
    add_dictionaries(connection, [added] if added else [], source)


def _give_way(connection: sqlite3.Connection, removed: Sequence[str]) -> None:
    connection.executemany("INSERT OR IGNORE INTO replaced VALUES (?)", [(path,) for path in removed])


# --- the index ----------------------------------------------------------------------------------------


def replace_postings(connection: sqlite3.Connection, removed: Sequence[int], added: Sequence[StoredPostings]) -> None:
    """Puts sets of postings in the place of others; segments of those belong to the new set of their year."""
    add_postings(connection, added)
    for new in added:
        connection.executemany(
            "UPDATE segments SET posting = ?1 WHERE posting = ?2 AND month / 12 = ?3",
            [(new.number, old, new.year) for old in removed],
        )
    drop_postings(connection, removed)


def index_segments(connection: sqlite3.Connection, places: Mapping[str, int], added: Sequence[StoredPostings]) -> None:
    """Gives segments that had no index theirs; `places`: path of a segment -> number of the set with its rows."""
    add_postings(connection, added)
    connection.executemany(
        "UPDATE segments SET posting = ? WHERE path = ?", [(number, path) for path, number in places.items()]
    )


def drop_postings(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Sets of postings give way to none: what they stood for has no index until it is built anew."""
    each = [(number,) for number in numbers]
    connection.executemany(
        "INSERT OR IGNORE INTO replaced SELECT customer_path FROM postings WHERE number = ?1"
        " UNION ALL SELECT principal_path FROM postings WHERE number = ?1",
        each,
    )
    connection.executemany("UPDATE segments SET posting = NULL WHERE posting = ?", each)
    connection.executemany("DELETE FROM postings WHERE number = ?", each)
