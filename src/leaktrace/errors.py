"""Every error leaktrace raises on purpose: one root, one child per room.

An error has two sentences: what happened and where (`message`), and what to do next (`hint`). Neither
ever carries a secret or a customer's address; they end up in terminals, tickets and logs.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from difflib import get_close_matches


def meant(name: str, known: Iterable[str]) -> str:
    """A question that a hint may begin with: the known name most like this one; empty where none is like it."""
    found = get_close_matches(name, list(known), n=1, cutoff=_ALIKE)
    return f"Did you mean '{found[0]}'? " if found else ""


def to_utf8(head: bytes) -> str:
    """A hint how a text that is not UTF-8 becomes so, by how it begins: a byte order mark tells UTF-16 and UTF-32."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), "LATIN1")
    return f"Convert it first, for example: iconv -f {encoding} -t UTF-8."


_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # begins as the mark of UTF-16 does, so it is asked first
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_ALIKE = 0.6
"""Of 1: letters that are missing or changed, or an end left off; not another word."""


class LeaktraceError(Exception):
    """Something a person can do something about; commands print it and exit with 2."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(LeaktraceError):
    """The call itself does not make sense: an unknown name, a value out of range."""


class WorkspaceError(LeaktraceError):
    """The folder is not a workspace, is locked, newer than this program, or cannot be written."""


class KeyFileError(WorkspaceError):
    """The workspace key is missing, unreadable or belongs to another workspace."""


class LedgerError(LeaktraceError):
    """A table could not be read, committed or asked."""


class MailError(LeaktraceError):
    """A mailbox could not be read or a message could not be stored."""


class AttributionError(LeaktraceError):
    """The evidence or the exposures handed to the model contradict each other."""


class SimulationError(LeaktraceError):
    """The simulated marketplace asked for cannot be built."""


class ReportError(LeaktraceError):
    """A page or a picture could not be made."""


class LookupLogError(LeaktraceError):
    """The look-up log is not the one that was written, or cannot be written: then nothing is looked up."""


class CaseError(LeaktraceError):
    """A case refuses the move, the exhibit or the reader."""


class NotAllowedError(CaseError):
    """Somebody may not do or see that: by role, by an explicit deny, or because it is about themselves."""


class CustodyError(CaseError):
    """The custody log is not the one that was written: forked, truncated, of another origin, or damaged."""


class ApprovalError(CaseError):
    """An approval is missing, expired, used, forged, or not about this."""


class ResponseError(LeaktraceError):
    """Containment, notices, duties, a statement or a bundle could not be made or done."""
