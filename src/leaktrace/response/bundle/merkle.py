"""The custody log's tree as a bundle shows it: levels of hashes, tiles of them, bundles of entries.

Shapes: RFC 6962, section 2.1 (hashes) and C2SP tlog-tiles (256 hashes or entries a file, the last one partial).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from hashlib import sha256

from leaktrace.errors import ResponseError

TILE_WIDTH = 256
TILE_LEVELS = 8
"""Levels of the tree from one tile level to the next: 2^8 hashes a tile."""
MAX_LEAF_BYTES = 65_535
"""An entry's length is written in two bytes (C2SP tlog-tiles)."""


def levels_of(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Level 0 holds the leaf hashes, the last level the root alone; a node without a partner rises unchanged."""
    levels = [[sha256(b"\x00" + leaf).digest() for leaf in leaves]]
    while len(levels[-1]) > 1:
        row = levels[-1]
        evens = len(row) // 2 * 2
        pairs = [sha256(b"\x01" + row[at] + row[at + 1]).digest() for at in range(0, evens, 2)]
        levels.append(pairs + row[evens:])
    return levels


def tile_path(number: int, width: int) -> str:
    """`000`, `x001/234`, and with `.p/<width>` when fewer than 256 are in it."""
    digits = str(number)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def log_files(leaves: Sequence[bytes]) -> dict[str, bytes]:
    """`tile/…` of a whole log: hash tiles of every level and bundles of entries."""
    files: dict[str, bytes] = {}
    for path, part in _tiles(leaves):
        files[f"tile/entries/{path}"] = b"".join(_framed(leaf) for leaf in part)
    levels = levels_of(leaves)
    for level in range(0, len(levels), TILE_LEVELS):
        full = levels[level][: len(leaves) >> level]
        for path, part in _tiles(full):
            files[f"tile/{level // TILE_LEVELS}/{path}"] = b"".join(part)
    return files


def proof_file(index: int, hashes: Sequence[str], checkpoint: bytes) -> bytes:
    """A C2SP tlog-proof: index, inclusion proof (given in hex), checkpoint."""
    encoded = [base64.b64encode(bytes.fromhex(one)).decode("ascii") for one in hashes]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *encoded, "", ""]).encode() + checkpoint


def _tiles(items: Sequence[bytes]) -> Iterator[tuple[str, Sequence[bytes]]]:
    for start in range(0, len(items), TILE_WIDTH):
        part = items[start : start + TILE_WIDTH]
        yield tile_path(start // TILE_WIDTH, len(part)), part


def _framed(leaf: bytes) -> bytes:
    if not 0 < len(leaf) <= MAX_LEAF_BYTES:
        raise ResponseError(
            f"An entry of the custody log has {len(leaf)} bytes; a bundle holds 1 to {MAX_LEAF_BYTES}.",
            "Run 'leaktrace custody verify'.",
        )
    return len(leaf).to_bytes(2, "big") + leaf
