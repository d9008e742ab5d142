"""A witness: somebody else, with a key of their own, who remembers the largest checkpoint and cosigns what follows it.

The request is the body that C2SP tlog-witness sends by HTTP (old size, consistency proof, checkpoint), so it can go by
file, by mail or to a public witness. The witness keeps the last checkpoint of each log in a folder of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from leaktrace.caserecords import TreeHead
from leaktrace.cases.custody.anchor import read_whole, write_anchor
from leaktrace.cases.custody.checkpoints import SignedCheckpoint, parse_checkpoint, verify_checkpoint
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.notes import (
    COSIGNATURE,
    MAX_NOTE_BYTES,
    NoteKey,
    NoteSigner,
    from_base64,
    split_note,
    to_base64,
)
from leaktrace.cases.custody.tree import EMPTY_ROOT, HASH_BYTES, MAX_PROOF_HASHES, verify_consistency
from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import CustodyError

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_MAX_BYTES = MAX_NOTE_BYTES + 20_000


@dataclass(frozen=True, slots=True)
class WitnessRequest:
    """What a log asks a witness; nothing in it is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: str

    def to_text(self) -> str:
        """The body: old size, proof, an empty line, the checkpoint."""
        proof = [to_base64(digest) for digest in self.proof]
        return "\n".join([f"old {self.old_size}", *proof, "", self.checkpoint])


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What a witness gives back."""

    line: str
    """The signature line to put under the checkpoint."""
    checkpoint: SignedCheckpoint
    seen_before: int
    """The size of the log that this witness had seen; 0: none."""


def request_of(log: CustodyLog, old_size: int, checkpoint: SignedCheckpoint) -> WitnessRequest:
    """The request for a witness that has seen the log at `old_size` (0: never)."""
    return WitnessRequest(old_size, log.consistency(old_size, checkpoint.head.size), checkpoint.note)


def parse_request(raw: bytes) -> WitnessRequest:
    """The request in some bytes, with ceilings; CustodyError where they hold none."""
    head, gap, checkpoint = raw[:_MAX_BYTES].partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
        old = _OLD.fullmatch(first)
        proof = tuple(digest for digest in map(from_base64, lines) if digest is not None and len(digest) == HASH_BYTES)
        text = checkpoint.decode("utf-8")
    except UnicodeDecodeError:
        old, proof, text = None, (), ""
    if old is None or not gap or len(raw) > _MAX_BYTES or len(proof) > MAX_PROOF_HASHES or len(proof) != len(lines):
        raise CustodyError("This is not a request for a witness.", "Make one: leaktrace custody checkpoint --request.")
    return WitnessRequest(int(old[1]), proof, text)


def witness_signer(key: PersonKey) -> NoteSigner:
    """A witness's key, which lies in a file like a person's; its name is the witness's."""
    return NoteSigner(NoteKey(key.name, COSIGNATURE, bytes.fromhex(key.public_key)), key.sign)


class Witness:
    """One witness: its key, the logs it knows, and the folder where it remembers."""

    def __init__(self, signer: NoteSigner, logs: Mapping[str, tuple[NoteKey, ...]], folder: Path) -> None:
        self._signer, self._logs, self._folder = signer, logs, folder

    def cosign(self, raw: bytes, at: datetime) -> Witnessed:
        """Cosigns a checkpoint.

        Checks: 1. the log is known and signed it, 2. the request starts from what this witness saw last, 3. the log
        only added to that. CustodyError otherwise, and nothing is remembered. It is remembered before the signature
        leaves.
        """
        request = parse_request(raw)
        text, _ = split_note(request.checkpoint.encode())
        origin, _ = parse_checkpoint(text)
        if origin not in self._logs:
            raise CustodyError(f"This witness does not know the log {origin}.", "Give its verifier key with --log.")
        checkpoint = verify_checkpoint(request.checkpoint.encode(), origin, self._logs[origin])  # 1
        with self._remembering() as folder:
            place = folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:16]}.checkpoint"
            seen = self._seen(place, origin)
            if request.old_size != seen.size:  # 2
                raise CustodyError(
                    f"This witness has seen the log at {seen.size} entries, not at {request.old_size}.",
                    f"Make the request with --request --old {seen.size}.",
                )
            verify_consistency(  # 3
                seen.size, bytes.fromhex(seen.root), checkpoint.head.size, bytes.fromhex(checkpoint.head.root),
                request.proof,
            )  # fmt: skip
            write_anchor(place, checkpoint.note)
        return Witnessed(self._signer.cosign(text, at), checkpoint, seen.size)

    def _seen(self, place: Path, origin: str) -> TreeHead:
        if not place.exists():
            return TreeHead(0, EMPTY_ROOT.hex())
        return verify_checkpoint(read_whole(place), origin, self._logs[origin]).head

    @contextmanager
    def _remembering(self) -> Iterator[Path]:
        """Alone with the memory: two requests at once must not both start from the same size (C2SP tlog-witness)."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CustodyError(
                f"{self._folder} cannot be written: {error.strerror}.", "Nothing was cosigned."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield self._folder
        finally:
            os.close(handle)
