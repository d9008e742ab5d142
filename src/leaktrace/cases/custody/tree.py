"""The Merkle tree of a log: its root, and proofs that a leaf is in it and that it only ever grew.

Pure: bytes in, bytes out. Hashes, paths and their checks follow RFC 6962, section 2.1, and RFC 9162, sections 2.1.1 to
2.1.4; the tree is the same in both. A *node* (level, index) is the hash over the leaves [index << level, (index + 1) <<
level): a full subtree, which never changes once it is there, so it can be stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from leaktrace.errors import CustodyError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the log without entries."""
MAX_PROOF_HASHES = 128
"""More than any proof over 2^63 leaves has; a ceiling for readers."""

Nodes = Callable[[int, int], bytes]
"""(level, index) -> the hash of a full subtree."""


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one entry; the 0x00 keeps a leaf from being taken for a node."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of many, without a call for each: verification spends its time here."""
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def full_root(hashes: Sequence[bytes]) -> bytes:
    """Root over a power of two of hashes."""
    row = hashes
    while len(row) > 1:
        evens = iter(row)
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(evens, evens, strict=True)]
    return row[0]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Root over the leaf hashes of a whole log."""
    return Frontier().extend(hashes).root()


class Frontier:
    """The right edge of a growing tree: O(log n) hashes that are enough to append and to give the root.

    `peaks` are the full subtrees that the leaves fall into, largest first, one for each bit of `size`.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)
        if size < 0 or len(self.peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise CustodyError(
                f"The right edge of the custody log does not fit its size of {size}.",
                "The log was changed: compare it with a checkpoint kept elsewhere.",
            )

    def append(self, digest: bytes, level: int = 0) -> None:
        """Adds one leaf hash, or the root of a full subtree where the size is a multiple of its leaves."""
        place, rest = divmod(self.size, 1 << level)
        if rest:
            raise ValueError(f"a subtree of level {level} cannot begin at leaf {self.size}")
        while place & 1:
            digest = node_hash(self.peaks.pop(), digest)
            place >>= 1
        self.peaks.append(digest)
        self.size += 1 << level

    def extend(self, hashes: Iterable[bytes]) -> Frontier:
        """Adds leaf hashes in order."""
        for digest in hashes:
            self.append(digest)
        return self

    def root(self) -> bytes:
        """The tree's root now."""
        if not self.peaks:
            return EMPTY_ROOT
        digest = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest


def root_at(nodes: Nodes, size: int) -> bytes:
    """The root the log had when it held `size` entries."""
    return EMPTY_ROOT if size == 0 else _range_hash(nodes, 0, size)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """PATH(index, D[size]) of RFC 6962, section 2.1.1: from the leaf's sibling up. CustodyError out of range."""
    if not 0 <= index < size:
        raise CustodyError(f"Entry {index} is not among the first {size} of the log.", "Ask for a larger size.")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start = middle
    return tuple(reversed(path))


def consistency_proof(nodes: Nodes, old: int, size: int) -> tuple[bytes, ...]:
    """PROOF(old, D[size]) of RFC 6962, section 2.1.2; empty for 0 and for equal sizes. CustodyError out of range."""
    if not 0 <= old <= size:
        raise CustodyError(f"A log of {size} entries cannot have grown from {old}.", "The older size comes first.")
    if old in {0, size}:
        return ()
    path: list[bytes] = []
    start, end, is_whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_hash(nodes, middle, end))
            end = middle
        else:
            path.append(_range_hash(nodes, start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_range_hash(nodes, start, end))
    return tuple(reversed(path))


def verify_inclusion(digest: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Checks that the leaf with this hash is entry `index` of the tree (RFC 9162, section 2.1.3.2); else CustodyError.

    The caller owes the root: it must come from a checkpoint that was verified.
    """
    if not 0 <= index < size:
        raise _refused(f"Entry {index} cannot be in a log of {size} entries.")
    place, last, found = index, size - 1, digest
    for sibling in _checked(proof):
        if last == 0:
            raise _refused("The inclusion proof is too long.")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or found != root:
        raise _refused(f"The proof does not lead from entry {index} to the root of the log.")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Checks that the tree of `size` only added to the one of `old` (RFC 9162, section 2.1.4.2); else CustodyError."""
    if not 0 <= old <= size:
        raise _refused(f"The log holds {size} entries, but {old} had been seen.")
    if old in {0, size}:
        if proof or (old == size and old_root != root) or (old == 0 and old_root != EMPTY_ROOT):
            raise _refused(f"Two logs of {old} and {size} entries have roots that no proof can join.")
        return
    path = _checked(proof) if old & (old - 1) else [old_root, *_checked(proof)]
    if not path:
        raise _refused("The consistency proof is empty.")
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _refused("The consistency proof is too long.")
        if place & 1 or place == last:
            found_old, found = node_hash(sibling, found_old), node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    if last != 0 or found_old != old_root or found != root:
        raise _refused(f"The log of {size} entries is not a continuation of the one with {old}: it was forked.")


def _checked(proof: Sequence[bytes]) -> list[bytes]:
    if len(proof) > MAX_PROOF_HASHES or any(len(digest) != HASH_BYTES for digest in proof):
        raise _refused("The proof is not a list of SHA-256 hashes.")
    return list(proof)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_hash(nodes: Nodes, start: int, end: int) -> bytes:
    """MTH(D[start:end]) for a range that the recursion of RFC 6962 can reach."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_hash(nodes, start, middle), _range_hash(nodes, middle, end))


def _refused(message: str) -> CustodyError:
    return CustodyError(message, "Keep both sides as they are: one of them is not what was logged.")
