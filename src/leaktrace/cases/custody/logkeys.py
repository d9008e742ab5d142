"""The keys a workspace's log signs with: one for each generation of the workspace key; the newest signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaktrace.cases.custody.checkpoints import origin_of
from leaktrace.cases.custody.notes import NoteKey, NoteSigner, note_of


@dataclass(frozen=True, slots=True)
class LogKeys:
    """Who the log is."""

    signer: NoteSigner
    keys: tuple[NoteKey, ...]
    """Every key the log ever signed with, oldest first; the last one is the signer's."""

    @property
    def origin(self) -> str:
        """The log's name: `leaktrace/<workspace id>`."""
        return self.signer.key.name


def log_keys(seeds: Sequence[bytes], workspace_id: str) -> LogKeys:
    """The log's keys from `Keyring.custody_seeds()`."""
    signers = [NoteSigner.from_seed(origin_of(workspace_id), seed) for seed in seeds]
    return LogKeys(signers[-1], tuple(signer.key for signer in signers))


def handover_note(seeds: Sequence[bytes], workspace_id: str) -> str:
    """The log's word that its key changed: old and new verifier key, under both signatures.

    Whoever trusts the old key and is sure that it was in nobody else's hands then may go on with the new one.
    """
    old, new = (NoteSigner.from_seed(origin_of(workspace_id), seed) for seed in seeds[-2:])
    text = f"leaktrace key handover v1\n{old.key.vkey()}\n{new.key.vkey()}\n"
    return note_of(text, [old.sign(text), new.sign(text)])
