"""Where the log's leaves and hashes lie in SQLite, so that a root or a proof needs O(log n) reads.

`custody_entries`   index and leaf bytes
`custody_tiles`     256 hashes of height 8 each, as C2SP tlog-tiles cuts the tree; on level 0 only once a tile is full:
                    until then its hashes are those of the (at most 255) last leaves. Higher levels grow by a hash for
                    each full tile below
`custody_edge`      one row: size and frontier

Everything runs in the caller's transaction; nothing here begins or commits one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from leaktrace.cases.custody.tree import HASH_BYTES, Frontier, full_root, leaf_hashes
from leaktrace.errors import CustodyError

TILE_LEVEL = 8
TILE_HASHES = 256
_TABLES = (
    "CREATE TABLE IF NOT EXISTS custody_entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS custody_tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, "
    "PRIMARY KEY (level, idx)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS custody_edge (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, "
    "peaks BLOB NOT NULL)",
    # A slip of ours ends in an error, not in a fork. It stops nobody who has the file.
    "CREATE TRIGGER IF NOT EXISTS custody_no_update BEFORE UPDATE ON custody_entries "
    "BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END",
    "CREATE TRIGGER IF NOT EXISTS custody_no_delete BEFORE DELETE ON custody_entries "
    "BEGIN SELECT RAISE(ABORT, 'the custody log is append-only'); END",
)


def create_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables where they are missing; part of the caller's transaction."""
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute("INSERT OR IGNORE INTO custody_edge (id, size, peaks) VALUES (1, 0, x'')")


def read_edge(connection: sqlite3.Connection) -> Frontier:
    """The frontier as it stands. CustodyError when it is missing or the entries end elsewhere."""
    row = connection.execute(
        "SELECT size, peaks, (SELECT max(idx) FROM custody_entries) FROM custody_edge WHERE id = 1"
    ).fetchone()
    if row is None:
        raise CustodyError("The custody log has lost its right edge.", "Restore the workspace from a backup.")
    size, peaks, last = int(row[0]), bytes(row[1]), -1 if row[2] is None else int(row[2])
    if last != size - 1:
        raise CustodyError(
            f"The custody log says it holds {size} entries, but the last one is number {last}.",
            "Entries were removed or added beside the program: compare with a checkpoint kept elsewhere.",
        )
    return Frontier(size, [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)])


def write_leaves(connection: sqlite3.Connection, edge: Frontier, leaves: Sequence[bytes]) -> None:
    """Appends leaves after `edge`, which is moved along."""
    first = edge.size
    connection.executemany("INSERT INTO custody_entries (idx, leaf) VALUES (?, ?)", enumerate(leaves, start=first))
    hashes = leaf_hashes(leaves)
    begun = first % TILE_HASHES
    # The first tile to be filled began with leaves of earlier commits.
    if begun and begun + len(hashes) >= TILE_HASHES:
        waiting = leaf_hashes(read_leaves(connection, first - begun, first)) + hashes
    else:
        waiting = [b""] * begun + hashes
    for start in range(0, len(waiting) - TILE_HASHES + 1, TILE_HASHES):
        tile = waiting[start : start + TILE_HASHES]
        number = (first - begun + start) // TILE_HASHES
        connection.execute("INSERT INTO custody_tiles VALUES (0, ?, ?)", (number, b"".join(tile)))
        _lift(connection, 1, number, full_root(tile))
    edge.extend(hashes)
    connection.execute("UPDATE custody_edge SET size = ?, peaks = ? WHERE id = 1", (edge.size, b"".join(edge.peaks)))


def _lift(connection: sqlite3.Connection, level: int, place: int, digest: bytes) -> None:
    """Adds the root of a full tile to the level above, and so on while that fills a tile too."""
    while True:
        number, offset = divmod(place, TILE_HASHES)
        held = b"" if offset == 0 else read_tile(connection, level, number)
        if len(held) != offset * HASH_BYTES:
            raise CustodyError(
                f"Hash tile {number} of level {level} is damaged.", "Run: leaktrace custody verify; then restore it."
            )
        tile = held + digest
        connection.execute("INSERT OR REPLACE INTO custody_tiles VALUES (?, ?, ?)", (level, number, tile))
        if len(tile) < TILE_HASHES * HASH_BYTES:
            return
        level, place, digest = level + 1, number, full_root(split_hashes(tile))


def read_tile(connection: sqlite3.Connection, level: int, number: int) -> bytes:
    """The stored hashes of a tile; empty where none is stored."""
    row = connection.execute("SELECT hashes FROM custody_tiles WHERE level = ? AND idx = ?", (level, number)).fetchone()
    return b"" if row is None else bytes(row[0])


def read_leaves(connection: sqlite3.Connection, start: int, end: int) -> Iterator[bytes]:
    """The leaves `[start, end)` in order; CustodyError where one is missing."""
    expected = start
    rows = connection.execute(
        "SELECT idx, leaf FROM custody_entries WHERE idx >= ? AND idx < ? ORDER BY idx", (start, end)
    )
    for index, leaf in rows:
        if index != expected or not isinstance(leaf, bytes):
            break
        yield leaf
        expected += 1
    if expected != end:
        raise CustodyError(
            f"Entry {expected} of the custody log is missing.", "It was removed: compare with your backup or a witness."
        )


def split_hashes(joined: bytes) -> list[bytes]:
    """Joined SHA-256 hashes as a list."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


class StoredNodes:
    """Hashes of full subtrees, read from the tiles; keeps what it read for one proof."""

    def __init__(self, connection: sqlite3.Connection, size: int) -> None:
        self._connection = connection
        self._size = size
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of node (level, index); CustodyError where the log does not hold it whole."""
        height, below = divmod(level, TILE_LEVEL)
        number, offset = divmod(index << below, TILE_HASHES)
        hashes = self._tile(height, number)[offset : offset + (1 << below)]
        if len(hashes) != 1 << below:
            raise CustodyError(
                f"The hashes over entries from {index << level} on are not all there.",
                "Run: leaktrace custody verify; then restore the workspace from a backup.",
            )
        return full_root(hashes)

    def _tile(self, height: int, number: int) -> list[bytes]:
        known = self._tiles.get((height, number))
        if known is None:
            joined = read_tile(self._connection, height, number)
            start = number * TILE_HASHES
            if height == 0 and not joined and start < self._size:
                known = leaf_hashes(read_leaves(self._connection, start, min(self._size, start + TILE_HASHES)))
            else:
                known = split_hashes(joined)
            self._tiles[height, number] = known
        return known
