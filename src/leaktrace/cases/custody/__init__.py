"""The custody log: what was done in which order, so that nobody can change it afterwards unseen."""

from leaktrace.cases.custody.checkpoints import SignedCheckpoint, origin_of, verify_checkpoint
from leaktrace.cases.custody.entries import Pending
from leaktrace.cases.custody.keeper import LogKeeper
from leaktrace.cases.custody.log import CustodyLog, VerifiedLog
from leaktrace.cases.custody.logkeys import LogKeys, handover_note, log_keys
from leaktrace.cases.custody.notes import NoteKey, NoteSigner, key_from_vkey

__all__ = [
    "CustodyLog",
    "LogKeeper",
    "LogKeys",
    "NoteKey",
    "NoteSigner",
    "Pending",
    "SignedCheckpoint",
    "VerifiedLog",
    "handover_note",
    "key_from_vkey",
    "log_keys",
    "origin_of",
    "verify_checkpoint",
]
