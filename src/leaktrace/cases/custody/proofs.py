"""A proof that stands alone: entry, place, path and checkpoint in one text file (C2SP tlog-proof)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from leaktrace.cases.custody.checkpoints import SignedCheckpoint, verify_checkpoint
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.notes import MAX_NOTE_BYTES, NoteKey, from_base64, to_base64
from leaktrace.cases.custody.tree import HASH_BYTES, MAX_PROOF_HASHES, leaf_hash, verify_inclusion
from leaktrace.errors import CustodyError

_HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_BYTES = MAX_NOTE_BYTES + 20_000
_HINT = "Ask for the proof again."


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A proof as it was read; nothing in it is verified."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None
    """Opaque and not authenticated: here the leaf itself, so that the file is enough."""

    @property
    def size(self) -> int:
        """Entries in the log that the checkpoint is of: its second line (C2SP tlog-checkpoint)."""
        return int(self.checkpoint.split("\n", 2)[1])

    def to_text(self) -> str:
        """The file's content."""
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        path = [to_base64(digest) for digest in self.path]
        return "\n".join([_HEADER, *extra, f"index {self.index}", *path, "", self.checkpoint])


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that is in the log; only `verify_proof` makes one."""

    index: int
    leaf: bytes
    checkpoint: SignedCheckpoint


def prove(log: CustodyLog, index: int, checkpoint: SignedCheckpoint) -> InclusionProof:
    """The proof that entry `index` is in the log that this verified checkpoint is of."""
    if log.head_at(checkpoint.head.size) != checkpoint.head:
        raise CustodyError("The checkpoint is not of this log.", _HINT)
    path = log.inclusion(index, checkpoint.head.size)
    (leaf,) = log.leaves(index, index + 1)
    return InclusionProof(index, path, checkpoint.note, leaf)


def parse_proof(raw: bytes) -> InclusionProof:
    """The proof in some bytes, with ceilings; CustodyError where they hold none."""
    if len(raw) > _MAX_BYTES:
        raise CustodyError(f"The proof is larger than {_MAX_BYTES} bytes.", _HINT)
    try:
        head, _, checkpoint = raw.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as error:
        raise CustodyError("The proof is not UTF-8.", _HINT) from error
    header, *lines = head.split("\n")
    extra: bytes | None = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "))
        if extra is None:
            raise CustodyError("The proof's extra line is not base64.", _HINT)
    place = _INDEX.fullmatch(lines[0]) if lines else None
    path = [from_base64(line) for line in lines[1:]]
    if header != _HEADER or place is None or len(path) > MAX_PROOF_HASHES or not checkpoint:
        raise CustodyError("This is not a proof of the form c2sp.org/tlog-proof@v1.", _HINT)
    hashes = tuple(digest for digest in path if digest is not None and len(digest) == HASH_BYTES)
    if len(hashes) != len(path):
        raise CustodyError("The proof holds a line that is no SHA-256 hash.", _HINT)
    return InclusionProof(int(place[1]), hashes, checkpoint, extra)


def verify_proof(
    raw: bytes,
    origin: str,
    keys: Iterable[NoteKey],
    *,
    leaf: bytes | None = None,
    witnesses: Iterable[NoteKey] = (),
    quorum: int = 0,
) -> ProvenEntry:
    """The entry, if it is in the log.

    Checks: 1. form, 2. the checkpoint, its origin, key and witnesses, 3. the leaf is the given one where one is given,
    else the one carried in the proof, 4. the path leads from it to the checkpoint's root. CustodyError otherwise. The
    caller owes: that the leaf says what it is taken to prove.
    """
    proof = parse_proof(raw)  # 1
    checkpoint = verify_checkpoint(proof.checkpoint.encode(), origin, keys, witnesses, quorum)  # 2
    wanted = proof.extra if leaf is None else leaf  # 3
    if wanted is None:
        raise CustodyError("The proof does not carry its entry.", "Give the entry's bytes beside it.")
    root = bytes.fromhex(checkpoint.head.root)
    verify_inclusion(leaf_hash(wanted), proof.index, checkpoint.head.size, proof.path, root)  # 4
    return ProvenEntry(proof.index, wanted, checkpoint)
