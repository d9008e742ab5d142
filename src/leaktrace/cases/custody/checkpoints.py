"""Checkpoints: the head of a log under the log's signature (C2SP tlog-checkpoint), and witnesses' cosignatures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from leaktrace.caserecords import TreeHead
from leaktrace.cases.custody.notes import (
    COSIGNATURE,
    NOTE_SIGNATURE,
    NoteKey,
    NoteSigner,
    from_base64,
    note_of,
    one_line,
    open_note,
    split_note,
    to_base64,
)
from leaktrace.cases.custody.tree import EMPTY_ROOT, HASH_BYTES
from leaktrace.errors import CustodyError

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_HINT = "Compare with the checkpoint that was handed out, and ask for the log's key by another way."


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness saw this checkpoint, consistent with all it saw before."""

    witness: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A verified checkpoint; only `verify_checkpoint` makes one."""

    origin: str
    head: TreeHead
    log_key: NoteKey
    cosigned: tuple[Cosigned, ...]
    """By known witnesses only, each once."""
    note: str


def origin_of(workspace_id: str) -> str:
    """The name of a workspace's log, in checkpoints and as its key's name."""
    return f"leaktrace/{workspace_id}"


def checkpoint_text(origin: str, head: TreeHead) -> str:
    """Origin, size and root: the three lines that are signed."""
    return f"{origin}\n{head.size}\n{to_base64(bytes.fromhex(head.root))}\n"


def sign_checkpoint(head: TreeHead, signer: NoteSigner) -> str:
    """The signed note; the signer's name is the origin.

    The caller owes consistency: a log never signs a head that does not continue one it signed before (`anchor`).
    """
    text = checkpoint_text(signer.key.name, head)
    return note_of(text, [signer.sign(text)])


def verify_checkpoint(
    raw: bytes, origin: str, keys: Iterable[NoteKey], witnesses: Iterable[NoteKey] = (), quorum: int = 0
) -> SignedCheckpoint:
    """The checkpoint, if it is one of this log.

    Checks: 1. a signature by a known key of the log, and by no known key a wrong one, 2. the origin, 3. the form,
    4. cosignatures by at least `quorum` different known witnesses. CustodyError otherwise. The caller owes the
    comparison with the log itself.
    """
    log_keys = [key for key in keys if key.kind == NOTE_SIGNATURE and key.name == origin]
    known_witnesses = [key for key in witnesses if key.kind == COSIGNATURE]
    note = open_note(raw, [*log_keys, *known_witnesses])  # 1
    own = [signature.key for signature in note.signatures if signature.key.kind == NOTE_SIGNATURE]
    if not own:
        raise CustodyError(f"This checkpoint is not signed by the key of the log {origin}.", _HINT)
    found_origin, head = parse_checkpoint(note.text)
    if found_origin != origin:  # 2
        raise CustodyError(f"This checkpoint is of another log than {origin}.", _HINT)
    # By public key: one witness under two names is still one.
    cosigned = {
        signature.key.public: Cosigned(signature.key.name, signature.at)
        for signature in note.signatures
        if signature.at is not None and signature.key.public not in {key.public for key in log_keys}
    }
    if len(cosigned) < quorum:  # 4
        raise CustodyError(f"{len(cosigned)} known witnesses cosigned this checkpoint; {quorum} are asked for.", _HINT)
    return SignedCheckpoint(origin, head, own[-1], tuple(cosigned.values()), raw.decode())


def parse_checkpoint(text: str) -> tuple[str, TreeHead]:
    """(origin, head) of a checkpoint's text, signatures aside; CustodyError unless it has exactly that form.

    Extension lines are refused: this log writes none, and nobody audits them.
    """
    lines = text.split("\n")
    root = from_base64(lines[2]) if len(lines) == 4 else None
    if root is None or len(root) != HASH_BYTES or not lines[0] or lines[3] or not _SIZE.fullmatch(lines[1]):  # 3
        raise CustodyError("This is not a checkpoint of a custody log.", _HINT)
    size = int(lines[1])
    if (size == 0) != (root == EMPTY_ROOT):
        raise CustodyError("The checkpoint's root does not fit its size.", _HINT)
    return lines[0], TreeHead(size, root.hex())


def with_cosignature(note: str, line: str) -> str:
    """The checkpoint with one more signature line; nothing is verified here."""
    text, lines = split_note(note.encode())
    added = one_line(line)
    return note if added in lines else note_of(text, [*lines, added])
