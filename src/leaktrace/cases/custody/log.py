"""The custody log: an append-only list of entries in the caller's database, with the Merkle tree over it.

`append` is part of the caller's transaction, so a change of state and its entry are committed together or not at all.
The log alone proves nothing against somebody who can write the database: that takes checkpoints that are kept elsewhere
(`anchor`, `notes`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from leaktrace.caserecords import LogEntry, TreeHead
from leaktrace.cases.custody import tree
from leaktrace.cases.custody.entries import Pending, leaf_of, numbered, read_leaf
from leaktrace.cases.custody.tiledstore import (
    TILE_HASHES,
    TILE_LEVEL,
    StoredNodes,
    create_tables,
    read_edge,
    read_leaves,
    read_tile,
    write_leaves,
)
from leaktrace.errors import CustodyError

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """A log of which every entry and every stored hash was looked at."""

    head: TreeHead
    tile_count: int
    """Stored tiles of hashes that were compared with what the entries give."""


class CustodyLog:
    """The log in one database. The caller owns the connection and its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @staticmethod
    def create(connection: sqlite3.Connection) -> CustodyLog:
        """Makes the tables where they are missing, in the caller's transaction."""
        create_tables(connection)
        return CustodyLog(connection)

    def append(self, pending: Pending) -> LogEntry:
        """Logs one event; it is in the log once the caller commits."""
        return self.append_many((pending,))[0]

    def append_many(self, pending: Iterable[Pending]) -> tuple[LogEntry, ...]:
        """Logs several in order, all or none. CustodyError when the log's end is not what it says of itself."""
        edge = read_edge(self._connection)
        entries = tuple(numbered(one, index) for index, one in enumerate(pending, start=edge.size))
        write_leaves(self._connection, edge, [leaf_of(entry) for entry in entries])
        return entries

    def head(self) -> TreeHead:
        """Size and root as of the last append."""
        edge = read_edge(self._connection)
        return TreeHead(edge.size, edge.root().hex())

    def head_at(self, size: int) -> TreeHead:
        """The head the log had at an earlier size; CustodyError when it never was so large."""
        nodes, current = self._nodes()
        if not 0 <= size <= current:
            raise CustodyError(
                f"The custody log holds {current} entries; {size} had been seen.",
                "Entries are missing: restore the workspace, or ask whoever keeps the larger checkpoint.",
            )
        return TreeHead(size, tree.root_at(nodes, size).hex())

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of the entries `[start, end)`, as they are hashed."""
        return read_leaves(self._connection, start, end)

    def entries(self, start: int, end: int) -> tuple[LogEntry, ...]:
        """The entries `[start, end)`, each at its place; CustodyError where one is missing or not in its spelling."""
        found = tuple(read_leaf(leaf) for leaf in self.leaves(start, end))
        for index, entry in enumerate(found, start=start):
            if entry.index != index:
                raise CustodyError(f"Entry {index} says that it is entry {entry.index}.", "The log was rearranged.")
        return found

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The proof that entry `index` is in the log of `size`; checked before it is given away."""
        nodes, current = self._nodes()
        self._reached(size, current)
        proof = tree.inclusion_proof(nodes, index, size)
        (leaf,) = self.leaves(index, index + 1)
        tree.verify_inclusion(tree.leaf_hash(leaf), index, size, proof, tree.root_at(nodes, size))
        return proof

    def consistency(self, old: int, size: int) -> tuple[bytes, ...]:
        """The proof that the log of `size` only added to the one of `old`."""
        nodes, current = self._nodes()
        self._reached(size, current)
        return tree.consistency_proof(nodes, old, size)

    def verify(self, progress: Progress | None = None) -> VerifiedLog:
        """Reads every entry and hashes the whole tree again.

        Checks: 1. every entry is there and names its own place, 2. stored tiles hold what the entries give, 3. and no
        other tiles are stored, 4. the right edge is the tree's. CustodyError names the first that fails. The caller
        still owes the comparison with a checkpoint from outside this database.
        """
        size = read_edge(self._connection).size
        found, tiles = Frontier256(self._connection), 0
        leaves = self.leaves(0, size)
        while batch := list(islice(leaves, TILE_HASHES)):
            _check_places(batch, found.frontier.size)  # 1
            tiles += found.take(batch)  # 2
            if progress is not None and found.frontier.size % (TILE_HASHES * 64) == 0:
                progress("entries verified", found.frontier.size, size)
        (stored,) = self._connection.execute("SELECT count(*) FROM custody_tiles").fetchone()
        tiles += found.check_partial_tiles()
        if stored != tiles:  # 3
            raise _damaged(f"The custody log holds {stored} tiles of hashes where {tiles} belong.")
        root = found.frontier.root().hex()
        if self.head() != TreeHead(size, root):  # 4
            raise _damaged("The root of the custody log is not the one its entries give.")
        return VerifiedLog(TreeHead(size, root), tiles)

    def _nodes(self) -> tuple[StoredNodes, int]:
        size = read_edge(self._connection).size
        return StoredNodes(self._connection, size), size

    def _reached(self, size: int, current: int) -> None:
        if not 0 <= size <= current:
            raise CustodyError(
                f"The custody log holds {current} entries, not {size}.", "Ask for a size it has reached."
            )


class Frontier256:
    """Hashes a log anew, tile after tile, and compares each tile with the stored one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.frontier = tree.Frontier()
        self._open: dict[int, list[bytes]] = {}

    def take(self, leaves: list[bytes]) -> int:
        """Takes the next 256 leaves, or the last few; how many full tiles that completed."""
        hashes = tree.leaf_hashes(leaves)
        if len(hashes) < TILE_HASHES:
            self.frontier.extend(hashes)
            return 0
        number = self.frontier.size // TILE_HASHES
        self._same(0, number, hashes)
        digest, level, completed = tree.full_root(hashes), 1, 1
        self.frontier.append(digest, TILE_LEVEL)
        while True:
            row = self._open.setdefault(level, [])
            row.append(digest)
            if len(row) < TILE_HASHES:
                return completed
            number //= TILE_HASHES
            self._same(level, number, row)
            digest, self._open[level] = tree.full_root(row), []
            level, completed = level + 1, completed + 1

    def check_partial_tiles(self) -> int:
        """Compares the tiles at the right edge above level 0; how many there are."""
        partial = {level: row for level, row in self._open.items() if row}
        for level, row in partial.items():
            self._same(level, self.frontier.size >> TILE_LEVEL * (level + 1), row)
        return len(partial)

    def _same(self, level: int, number: int, hashes: list[bytes]) -> None:
        if read_tile(self._connection, level, number) != b"".join(hashes):
            raise _damaged(
                f"Entries from {(number * TILE_HASHES) << (TILE_LEVEL * level)} on do not give the hashes stored for "
                f"them (tile {number} of level {level})."
            )


def _check_places(leaves: list[bytes], first: int) -> None:
    # Parsing an entry would cost more than hashing it. The text cannot stand inside a value: quotes are escaped there.
    for index, leaf in enumerate(leaves, start=first):
        if b'","index":%d,"kind":"' % index not in leaf:
            raise _damaged(f"Entry {index} of the custody log does not say that it is entry {index}.")


def _damaged(message: str) -> CustodyError:
    return CustodyError(message, "It was changed after it was written: compare with your backup and with a witness.")
