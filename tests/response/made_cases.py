"""A whole case as a bundle needs it: people with keys, a log with other cases in it, exhibits, approvals, a finding.

Keys, salts and times are made from their names, so that the same case comes out each time. The tree is computed here by
the recursive definition of RFC 6962, section 2.1, not by the product.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from leaktrace.caserecords import (
    APPROVAL_PAYLOAD_TYPE,
    ActionApproved,
    ActionName,
    ActionRequested,
    ActionUsed,
    ApprovalPayload,
    CaseEvent,
    CaseHead,
    CaseOpened,
    CheckAnswered,
    ContainmentConfirmed,
    ContainmentStepDone,
    ExhibitStored,
    ExposureFrozen,
    ExposureList,
    ExposureRow,
    FindingAttached,
    LogEntry,
    NoteAdded,
    PersonAdmitted,
    PersonChanged,
    PersonEnrolled,
    RecordedEvent,
    Role,
    SubjectSet,
    canonical,
    commitment_of,
    digest_of,
    event_document,
)
from leaktrace.response.bundle import (
    ApprovalEnvelope,
    BundledAccess,
    BundledExhibit,
    BundleInput,
    Sign,
    hand_over,
)

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
CASE = "K-7f3a91c2"
OTHER_CASE = "K-00000000"
WORKSPACE = "5d41402abc4b2a76"
ORIGIN = f"leaktrace/{WORKSPACE}"
RECIPIENT = "Cybercrime unit, file 12/2026"
TITLE = "Seller “Northwind Outlet” wrote to our customers"
EVERYWHERE = "一件の漏洩 · 새 사건 · نشت نشانی‌ها · ελληνικά"
"""A title in scripts that no one font has."""


def private_key(name: str) -> Ed25519PrivateKey:
    """The Ed25519 key that belongs to a name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"key of {name}".encode()).digest())


def public_bytes(name: str) -> bytes:
    return private_key(name).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign_as(name: str) -> Sign:
    return private_key(name).sign


LOG_KEY = "the log"
PUBLIC_KEY = public_bytes(LOG_KEY)
SIZE = 35
"""Entries of the log of `made_input`."""
FINGERPRINT = hashlib.sha256(PUBLIC_KEY).hexdigest()


# --- the tree -----------------------------------------------------------------------------------------------


def split_of(count: int) -> int:
    """Largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def root_of(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = split_of(len(leaves))
    return hashlib.sha256(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962."""
    if len(leaves) == 1:
        return []
    split = split_of(len(leaves))
    if index < split:
        return [*path_of(index, leaves[:split]), root_of(leaves[split:])]
    return [*path_of(index - split, leaves[split:]), root_of(leaves[:split])]


def note(text: str, name: str, key: str) -> bytes:
    """A signed note by the key that belongs to the name `key`."""
    hint = hashlib.sha256(name.encode() + b"\n\x01" + public_bytes(key)).digest()[:4]
    line = base64.b64encode(hint + sign_as(key)(text.encode())).decode()
    return f"{text}\n— {name} {line}\n".encode()


def checkpoint_of(leaves: list[bytes], key: str = LOG_KEY, origin: str = ORIGIN) -> bytes:
    root = base64.b64encode(root_of(leaves)).decode()
    return note(f"{origin}\n{len(leaves)}\n{root}\n", origin, key)


def text_of(signed: bytes) -> bytes:
    """What is signed and time-stamped of a note."""
    return signed.split(b"\n\n")[0] + b"\n"


# --- approvals ----------------------------------------------------------------------------------------------


def envelope(payload: bytes, signers: tuple[str, ...], payload_type: str = APPROVAL_PAYLOAD_TYPE) -> bytes:
    """A DSSE envelope by the keys of these names."""
    signed = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    return canonical(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [
                {
                    "keyid": hashlib.sha256(public_bytes(name)).hexdigest()[:16],
                    "sig": base64.b64encode(sign_as(name)(signed)).decode(),
                }
                for name in signers
            ],
        }
    )


# --- the case -----------------------------------------------------------------------------------------------


def stored(number: int, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
    sha256 = hashlib.sha256(content).hexdigest()
    return ExhibitStored(f"E-{number:04d}", kind, title, sha256, len(content), media_type)  # type: ignore[arg-type]


def nothing(_log: MadeLog) -> None:
    """Nobody is changed."""


def changes(person: str, *, key: str | None = None, active: bool = True) -> Callable[[MadeLog], None]:
    """An admin gives somebody the key that belongs to another name, or deactivates them."""

    def change(log: MadeLog) -> None:
        public = public_bytes(key or person)
        id_of = hashlib.sha256(public).hexdigest()[:16]
        log.record(PersonChanged(person, PEOPLE[person], active, id_of, public.hex(), "stolen"), "dan", "-")

    return change


@dataclass
class MadeLog:
    """A custody log that grows by one entry a minute."""

    start: datetime = START
    recorded: list[RecordedEvent] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    def now(self) -> datetime:
        return self.start + timedelta(minutes=len(self.leaves))

    def record(self, event: CaseEvent, actor: str, case: str = CASE) -> RecordedEvent:
        index, at = len(self.leaves), self.now()
        salt = hashlib.sha256(f"salt {index}".encode()).digest()
        commitment = commitment_of(event_document(event, actor, case, at), salt)
        entry = LogEntry(index, case, type(event).__name__, at, commitment)
        made = RecordedEvent(entry, event, actor, salt.hex())
        self.leaves.append(entry.leaf())
        self.recorded.append(made)
        return made

    def foreign(self, count: int) -> None:
        """Entries of another case: only their leaves are known here."""
        for _ in range(count):
            commitment = hashlib.sha256(f"elsewhere {len(self.leaves)}".encode()).hexdigest()
            self.leaves.append(LogEntry(len(self.leaves), OTHER_CASE, "NoteAdded", self.now(), commitment).leaf())

    def store(self, kind: str, title: str, content: bytes, actor: str) -> RecordedEvent:
        """One exhibit more."""
        number = 1 + sum(isinstance(one.event, ExhibitStored) for one in self.recorded)
        return self.record(stored(number, kind, title, content, "application/json"), actor)

    def head(self) -> CaseHead:
        mine = [one for one in self.recorded if one.entry.case == CASE]
        return CaseHead(CASE, len(mine), mine[-1].entry.commitment)

    def approve(
        self,
        request: str,
        action: ActionName,
        target: str,
        parameters: object,
        signers: tuple[str, ...],
        forge: Callable[[ApprovalPayload], ApprovalPayload] = lambda payload: payload,
        payload_type: str = APPROVAL_PAYLOAD_TYPE,
        meanwhile: Callable[[MadeLog], None] = nothing,
    ) -> ApprovalEnvelope:
        """Asked for by the first, approved by the last, used by the first. `forge`: what is signed instead.

        `meanwhile`: what is logged between approving and using.
        """
        self.store("document", "Parameters of a request", canonical(parameters), signers[0])
        self.store("other", f"Signed request {request}", b"an envelope with one signature", signers[0])
        digest, expires_at = digest_of(parameters), self.now() + timedelta(hours=8)
        at, reason = self.now(), 'the finding names it; see the note on "twins" \\ and é'
        self.record(ActionRequested(request, action, target, digest, expires_at, reason), signers[0])
        head = self.head()
        payload = ApprovalPayload(CASE, request, action, target, digest, head, signers[0], at, expires_at, reason)
        made = envelope(canonical(forge(payload)), signers, payload_type)
        sha256 = hashlib.sha256(made).hexdigest()
        self.record(ActionApproved(request, sha256), signers[-1])
        meanwhile(self)
        self.record(ActionUsed(request, sha256), signers[0])
        return ApprovalEnvelope(request, made)


PEOPLE: dict[str, tuple[Role, ...]] = {
    "ada": ("investigator",),
    "ben": ("approver",),
    "cyn": ("privacy_officer", "approver"),
    "dan": ("auditor",),
}

MAIL = (
    "From: Northwind Outlet <offers@northwind-outlet.example>\r\nTo: report-abuse@shop.example\r\n"
    "Subject: Fwd: only for you\r\nMessage-ID: <{n}@mail.example>\r\n\r\nThey wrote to me number {n}.\r\n"
)

FINDING = {
    "schema": "leaktrace.finding/1",
    "outcome": "named",
    "named": ["P-4f1c"],
    "naming_threshold": 0.99,
    "no_insider_probability": 0.0004,
    "candidates": [
        {
            "principal": "P-4f1c",
            "probability": 0.9987,
            "opened_count": 17,
            "expected_opened_count": 0.4,
            "weight_bits": 41.2,
        },
        {
            "principal": "P-09aa",
            "probability": 0.0006,
            "opened_count": 6,
            "expected_opened_count": 0.9,
            "weight_bits": 3.1,
        },
    ],
    "sets": [{"principals": ["P-4f1c"], "probability": 0.9987}],
    "undecided": None,
    "evidence": {
        "report_count": 19,
        "customer_count": 18,
        "listed_count": 0,
        "decoy_hit_count": 1,
        "silent_decoy_count": 22,
        "window": {"start": "2026-02-18T00:00:00Z", "end": "2026-02-20T09:00:00Z"},
    },
    "log_coverage": {
        "window": {"start": "2025-09-01T00:00:00Z", "end": "2026-02-20T09:00:00Z"},
        "allows_nobody": True,
        "allows_fields_statement": True,
        "sentence": "The log covers the whole window; no gap and no tool without rows was found.",
    },
    "exposure": {"customers_opened": 412, "customers_confirmed": 18, "fields": {"email": 412}},
    "matched_on": {
        "control_count": 4000,
        "sentence": "Controls were matched on region, contact intensity and contact with the seller.",
    },
    "provenance": {
        "version": "0.1.0",
        "settings_digest": "a1" * 32,
        "campaign": "c-4f2a9c01",
        "field": "email",
        "ledger_snapshot": "b2" * 32,
        "evidence_digest": "c3" * 32,
        "settings": {},
    },
}

CALIBRATION = {
    "schema": "leaktrace.calibration/1",
    "naming_threshold": 0.99,
    "principal_count": 1940,
    "customer_count": 196211,
    "pooled": [
        {
            "kind": "leak",
            "has_source": True,
            "report_count": None,
            "campaign_count": 800,
            "named_rightly_count": 611,
            "named_wrongly_count": 0,
            "named_wrongly_upper_probability": 0.00374,
            "nobody_count": 2,
            "undecided_count": 187,
        },
        {
            "kind": "nobody",
            "has_source": False,
            "report_count": None,
            "campaign_count": 400,
            "named_rightly_count": 0,
            "named_wrongly_count": 0,
            "named_wrongly_upper_probability": 0.00746,
            "nobody_count": 355,
            "undecided_count": 45,
        },
    ],
    "calibration_error_above_half": 0.008,
    "assumes": ["a source leaks part of what was opened, as the buyer asked or at random"],
    "does_not_show": ["what a source copied without opening a record"],
}


def exposure_list(finding_sha256: str) -> ExposureList:
    rows = tuple(
        ExposureRow(
            f"c{n:06d}",
            "confirmed" if n < 3 else "possible",
            ("email",),
            START - timedelta(days=30 - n),
            "DE" if n % 2 else "US-CA",
            "de-DE",
            1 + n % 3,
        )
        for n in range(12)
    )
    return ExposureList(
        campaign="c-4f2a9c01",
        finding_sha256=finding_sha256,
        frozen_at=START,
        rows=rows,
        only_email="yes",
        only_email_reason="No other field of these customers was shown in the window, and the log has no gap.",
        window_start_at=START - timedelta(days=180),
        window_end_at=START - timedelta(days=10),
    )


def exhibits_of() -> list[tuple[ExhibitStored, bytes]]:
    """The exhibits of the case in the order in which they were stored."""
    finding = json.dumps(FINDING, ensure_ascii=False, indent=2).encode()
    exposure = canonical(exposure_list(hashlib.sha256(finding).hexdigest()))
    raw = [
        ("mail", f"Report {n}: a forwarded message", MAIL.format(n=n).encode(), "message/rfc822") for n in range(1, 4)
    ]
    raw += [
        ("finding", "Finding on campaign c-4f2a9c01", finding, "application/json"),
        ("exposure", "Exposure list", exposure, "application/json"),
        ("document", "Memo of counsel", b"privileged", "text/plain"),
        ("other", EVERYWHERE, b"\x00\x01\xff" * 50, "image/x-unknown"),
    ]
    made = []
    for number, (kind, title, content, media_type) in enumerate(raw, start=1):
        made.append((stored(number, kind, title, content, media_type), content))
    return made


def made_input(
    *,
    title: str = TITLE,
    foreign: int = 5,
    recipient: str = RECIPIENT,
    start: datetime = START,
    signers: tuple[str, ...] = ("ada", "ben"),
    forge: Callable[[ApprovalPayload], ApprovalPayload] = lambda payload: payload,
    payload_type: str = APPROVAL_PAYLOAD_TYPE,
    beforehand: Callable[[MadeLog], None] = nothing,
    meanwhile: Callable[[MadeLog], None] = nothing,
    afterwards: Callable[[MadeLog], None] = nothing,
) -> BundleInput:
    """A case from first report to the approved hand-over. `foreign`: entries of other cases in the same log.

    `signers`, `forge` and `payload_type`: what the approval of the hand-over is, where it is not what it should be.
    `beforehand`, `meanwhile` and `afterwards`: what is logged before that is asked for, between approving and using it,
    and after it was used.
    """
    log = MadeLog(start)
    for person, roles in PEOPLE.items():
        key = public_bytes(person)
        log.record(PersonEnrolled(person, roles, hashlib.sha256(key).hexdigest()[:16], key.hex()), "dan", "-")
    log.record(CaseOpened(title, "finding", "Nineteen customers complained.", "c-4f2a9c01"), "ada")
    log.record(PersonAdmitted("ben", ("approver",)), "ada")
    log.foreign(foreign // 2)
    exhibits: list[tuple[RecordedEvent, bytes]] = []
    for stored, content in exhibits_of():
        exhibits.append((log.record(stored, "ada"), content))
    finding_exhibit, exposure_exhibit = exhibits[3][0].event, exhibits[4][0].event
    assert isinstance(finding_exhibit, ExhibitStored)
    assert isinstance(exposure_exhibit, ExhibitStored)
    log.record(FindingAttached("E-0004", "c-4f2a9c01", "named", ("P-4f1c",), "S-0012", "0.97"), "ada")
    log.record(ExposureFrozen("E-0005", exposure_exhibit.sha256, 12, {"email": 12}, "yes"), "cyn")
    log.record(SubjectSet(("P-4f1c",), ("S-0012",), "named by the finding"), "ada")
    log.record(CheckAnswered("P-4f1c", "shared account", "no", "one badge, one desk"), "ada")
    log.record(NoteAdded(f'Said "it was not me"; {EVERYWHERE}\nsecond line'), "ada")
    contained = log.approve("A-0001", "contain_principal", "P-4f1c", {"steps": ["suspend"]}, ("ada", "ben"))
    log.record(ContainmentStepDone("A-0001", "P-4f1c", "suspend", ok=True, detail="204"), "ada")
    log.record(ContainmentConfirmed("A-0001", "P-4f1c", "contained", "active is false"), "ada")
    log.foreign(foreign - foreign // 2)
    bundled = tuple(
        BundledExhibit(one.event, content if one.event.kind != "document" else None, one.entry.index, ())
        for one, content in exhibits
        if isinstance(one.event, ExhibitStored)
    )
    bundled = tuple(
        replace(one, withheld_because="" if one.content is not None else "privileged advice of counsel")
        for one in bundled
    )
    parameters = hand_over(CASE, recipient, bundled)
    beforehand(log)
    handed = log.approve("A-0002", "hand_over", recipient, parameters, signers, forge, payload_type, meanwhile)
    afterwards(log)
    proven = tuple(
        replace(one, proof=tuple(node.hex() for node in path_of(one.log_index, log.leaves))) for one in bundled
    )
    as_usual = foreign == 5 and signers == ("ada", "ben") and {beforehand, meanwhile, afterwards} == {nothing}
    assert not as_usual or len(log.leaves) == SIZE
    finding = next(one.content for one in proven if one.stored.kind == "finding")
    assert finding is not None
    return BundleInput(
        case=CASE,
        title=title,
        origin=ORIGIN,
        public_key=PUBLIC_KEY,
        written_at=log.now(),
        recipient=recipient,
        request="A-0002",
        exhibits=proven,
        events=tuple(log.recorded),
        leaves=tuple(log.leaves),
        checkpoint=checkpoint_of(log.leaves),
        approvals=(contained, handed),
        finding=finding,
        evidence=json.dumps({"reports": [{"customer": "c000001", "grade": "G2"}]}).encode(),
        calibration=json.dumps(CALIBRATION).encode(),
        accesses=tuple(
            BundledAccess(
                START - timedelta(days=20 + n), "P-4f1c", f"c{n:06d}", ("email",), "desk", "T-1", "ab" * 32, n
            )
            for n in range(6)
        ),
        exposure=exposure_list(finding_exhibit.sha256),
    )
