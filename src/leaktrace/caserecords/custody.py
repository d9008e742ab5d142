"""The custody log: what is hashed into it, and what each entry covers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaktrace.caserecords.events import CaseEvent
from leaktrace.caserecords.spelling import canonical
from leaktrace.records import to_document


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The state of a custody log: so many entries, with this root (RFC 6962, section 2.1)."""

    size: int
    root: str
    """Hex."""


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What an approval is about: the case as it stood. Events after it make a waiting approval void only where they
    touch its target (the executor decides).
    """

    case: str
    event_count: int
    last_commitment: str
    """Hex commitment of the case's last event."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One leaf of the custody log, as it is hashed: no personal data, only a salted commitment.

    Leaf bytes: the canonical JSON {"at":…,"case":…,"commitment":…,"index":…,"kind":…,"schema":"leaktrace.custody/1"}.
    Commitment: SHA-256(salt || canonical event document); the 32-byte salt is kept beside the event.
    """

    index: int
    case: str
    """The case's opaque id; `-` for what belongs to no case (people, keys)."""
    kind: str
    """Which event, by its class's name."""
    at: datetime
    commitment: str
    schema: str = "leaktrace.custody/1"

    def leaf(self) -> bytes:
        """The bytes whose RFC 6962 leaf hash is in the tree."""
        return canonical(self)


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its place in the custody log, and the salt that opens its commitment."""

    entry: LogEntry
    event: CaseEvent
    actor: str
    """Who did it: a person's user name."""
    salt: str
    """Hex, 32 bytes."""

    def document(self) -> dict[str, Any]:
        """What the commitment covers: {"actor", "at", "case", "event": {...}, "kind"}."""
        return event_document(self.event, self.actor, self.entry.case, self.entry.at)


def event_document(event: CaseEvent, actor: str, case: str, at: datetime) -> dict[str, Any]:
    """What the commitment of an event covers."""
    return {
        "actor": actor,
        "at": to_document(at),
        "case": case,
        "event": to_document(event),
        "kind": type(event).__name__,
    }


def commitment_of(document: dict[str, Any], salt: bytes) -> str:
    """SHA-256(salt || canonical document), hex."""
    return hashlib.sha256(salt + canonical(document)).hexdigest()
