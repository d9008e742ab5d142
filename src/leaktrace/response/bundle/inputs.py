"""What a bundle is made of: records and bytes that the case, its custody log and its people hand over.

Nothing here is looked up, decrypted or signed by this room: whoever calls has done that, and two people have agreed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leaktrace.caserecords import ExhibitStored, ExposureList, RecordedEvent

Sign = Callable[[bytes], bytes]
"""Raw Ed25519 signature (64 bytes) by the key of the custody log, over exactly these bytes."""


@dataclass(frozen=True, slots=True)
class BundledExhibit:
    """One exhibit of the case, with its proof of inclusion in the custody log."""

    stored: ExhibitStored
    content: bytes | None
    """The plain bytes; None: the exhibit is withheld, and `withheld_because` says why."""
    log_index: int
    """Index of its `ExhibitStored` entry in the custody log."""
    proof: tuple[str, ...]
    """RFC 6962 inclusion proof of that entry in the tree of the checkpoint, hex, leaf to root."""
    withheld_because: str = ""


@dataclass(frozen=True, slots=True)
class TimestampToken:
    """An RFC 3161 answer over the text of the checkpoint: its first three lines, without signatures."""

    response: bytes
    """DER, TimeStampResp."""
    chain_pem: bytes
    """The authority's certificates, signer first and root last."""


@dataclass(frozen=True, slots=True)
class ApprovalEnvelope:
    """The DSSE envelope by which two people agreed to a request."""

    request: str
    """`A-0001`, …"""
    envelope: bytes


@dataclass(frozen=True, slots=True)
class BundledAccess:
    """One access that the finding stands on: one row of `accesses.csv`."""

    at: datetime
    principal: str
    customer: str
    fields: tuple[str, ...]
    tool: str | None = None
    reason: str | None = None
    source_sha256: str | None = None
    """The log file the row came from."""
    source_row: int | None = None


@dataclass(frozen=True, slots=True)
class BundleInput:
    """Everything that goes into one bundle, read at one moment.

    `bundle_files` checks that every exhibit of the case is there or withheld with a reason, and that what was asked for
    is to hand exactly these to this recipient. That the hand-over was approved, and used, and that checkpoint, leaves
    and events are of one moment, is for whoever gathers this to see to; both verifiers check it again.
    """

    case: str
    title: str
    origin: str
    """`leaktrace/<workspace id>`: whose log it is."""
    public_key: bytes
    """Raw Ed25519 public key of the log, 32 bytes: it signs checkpoint and bundle."""
    written_at: datetime
    recipient: str
    request: str
    """The approved request to hand over: `A-…`."""
    exhibits: tuple[BundledExhibit, ...]
    events: tuple[RecordedEvent, ...]
    """Events of this case and those about people and keys (case `-`), by index."""
    leaves: tuple[bytes, ...]
    """All leaves of the log, this case's and others': they hold no personal data."""
    checkpoint: bytes
    """Signed note (C2SP tlog-checkpoint), perhaps with cosignatures of witnesses."""
    approvals: tuple[ApprovalEnvelope, ...]
    tokens: tuple[TimestampToken, ...] = ()
    finding: bytes | None = None
    """The finding's JSON, exactly as stored as an exhibit (`leaktrace.finding/1`)."""
    evidence: bytes | None = None
    """The evidence terms the finding was computed from, JSON."""
    calibration: bytes | None = None
    """How often the finder is right on this log, JSON (`leaktrace.calibration/1`)."""
    accesses: tuple[BundledAccess, ...] = ()
    exposure: ExposureList | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    """Case pseudonym -> id as ingested: `names.csv`, and what the report replaces in the finding."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the two people who agree to a hand-over sign: these exhibits, to this recipient, and nothing else."""

    case: str
    recipient: str
    exhibits: dict[str, str]
    """Exhibit -> SHA-256 of its bytes."""
    withheld: dict[str, str]
    """Exhibit -> why it is not handed over."""
    schema: str = "leaktrace.handover/1"


def hand_over(case: str, recipient: str, exhibits: tuple[BundledExhibit, ...]) -> HandOver:
    """The parameters of a hand-over: what is asked for, approved and used is `digest_of` exactly this."""
    return HandOver(
        case=case,
        recipient=recipient,
        exhibits={one.stored.exhibit: one.stored.sha256 for one in exhibits if one.content is not None},
        withheld={one.stored.exhibit: one.withheld_because for one in exhibits if one.content is None},
    )
