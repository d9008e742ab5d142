"""Whether an approval allows exactly what is about to be done, now: bytes, people and a time in, `Approved` out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leaktrace.caserecords import (
    ACTIONS,
    APPROVAL_PAYLOAD_TYPE,
    ActionName,
    ApprovalPayload,
    Approved,
    CaseHead,
    Person,
    Role,
    canonical,
)
from leaktrace.cases.conflicts import conflict
from leaktrace.cases.permissions import REQUESTERS
from leaktrace.cases.signing.dsse import Envelope, SignerKey, parse_envelope, signed, signed_too, verify
from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import ApprovalError, UsageError

LONGEST_APPROVAL = timedelta(days=14)
CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two people's machines may differ."""
_SCHEMA = "leaktrace.approval/1"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HINT = "Nothing was done. Ask for it again, and have a second person approve that."


@dataclass(frozen=True, slots=True)
class Asked:
    """Exactly what is about to be done; each field must be the one that was signed."""

    case: str
    request: str
    action: ActionName
    target: str
    parameters_sha256: str
    """`digest_of` the parameters, computed from what is about to be done and not from the envelope."""
    case_head: CaseHead
    """The case as it stood when the request was logged, read from the log."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is who in this case."""

    people: Mapping[str, Person]
    """By user name, with the key each has now: a signature by an earlier key does not count."""
    roles: Mapping[str, frozenset[Role]]
    """User name -> roles in this case, denials already taken off. Who is missing has none."""
    locked_out: frozenset[str] = frozenset()
    """User names with an explicit deny, which beats any role."""
    subjects: frozenset[str] = frozenset()
    """Principals the case is about."""
    reports_to: Mapping[str, str] = field(default_factory=dict)
    """Principal -> principal of their manager."""


def request_envelope(payload: ApprovalPayload, key: PersonKey) -> bytes:
    """What the requester signs."""
    return signed(APPROVAL_PAYLOAD_TYPE, canonical(payload), key).to_bytes()


def payload_of(raw: bytes) -> ApprovalPayload:
    """What an envelope asks for, to be shown to whoever may approve. Nobody's signature is verified here."""
    return _payload(parse_envelope(raw))


def approve_envelope(raw: bytes, shown: ApprovalPayload, key: PersonKey) -> bytes:
    """The envelope with the approver's signature; ApprovalError unless it asks for what was `shown` to the approver."""
    envelope = parse_envelope(raw)
    if _payload(envelope) != shown:
        raise ApprovalError("The request is not the one that was shown.", _HINT)
    return signed_too(envelope, key).to_bytes()


def verify_approval(raw: bytes, *, asked: Asked, standing: Standing, now: datetime) -> Approved:
    """The approval, if it holds for exactly this, now.

    Checks: 1. envelope and payload type, 2. schema and one spelling of the payload, 3. exactly two signatures, by two
    different people with the keys they have now, one of them the requester, 4. request, case, its head, action, target
    and parameters are the ones asked for, 5. time, 6. roles of both, 7. both active, neither locked out, 8. neither is
    a subject, a subject's manager or somebody who reports to a subject, and they are not one person with two names.

    ApprovalError names the check that failed. The caller owes: that the request was not used before (mark it used in
    the same transaction), and that no later event touched its target.
    """
    envelope = parse_envelope(raw)  # 1
    payload = _payload(envelope)  # 1, 2
    requester, approver = _two_people(envelope, payload, standing)  # 3
    _check_asked(payload, asked)  # 4
    _check_time(payload, now)  # 5
    _check_role(requester, "request", REQUESTERS[payload.action], standing)  # 6
    _check_role(approver, "approve", frozenset({"approver"}), standing)
    for person in (requester, approver):
        if not person.active or person.name in standing.locked_out:  # 7
            raise _refused(f"{person.name} is locked out of this case or no longer active.")
        _check_distance(person, standing)  # 8
    if requester.principal is not None and requester.principal == approver.principal:
        raise _refused(f"{requester.name} and {approver.name} are one account.")
    return Approved(payload, approver.name, hashlib.sha256(raw).hexdigest())


def _payload(envelope: Envelope) -> ApprovalPayload:
    if envelope.payload_type != APPROVAL_PAYLOAD_TYPE:
        raise _refused("The envelope does not hold an approval.")
    try:
        document: Any = json.loads(envelope.payload)
        head = CaseHead(**document.pop("case_head"))
        times: dict[str, Any] = {n: datetime.fromisoformat(document.pop(n)) for n in ("requested_at", "expires_at")}
        payload = ApprovalPayload(**document, **times, case_head=head)
        is_exact = canonical(payload) == envelope.payload
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UsageError) as error:
        raise _refused("The approval is not of a form this program knows.") from error
    texts = (payload.case, payload.request, payload.target, payload.requested_by, payload.reason, head.case)
    if not is_exact or payload.schema != _SCHEMA or payload.action not in ACTIONS or type(head.event_count) is not int:
        raise _refused("The approval is not of a form this program knows.")
    if not all(isinstance(text, str) for text in texts) or not all(time.tzinfo for time in times.values()):
        raise _refused("The approval is not of a form this program knows.")
    if not isinstance(payload.parameters_sha256, str) or not _SHA256.fullmatch(payload.parameters_sha256):
        raise _refused("The approval does not say what exactly is to be done.")
    return payload


def _two_people(envelope: Envelope, payload: ApprovalPayload, standing: Standing) -> tuple[Person, Person]:
    if len(envelope.signatures) != 2:
        raise _refused(f"An approval has two signatures; this one has {len(envelope.signatures)}.")
    keys = [SignerKey(person.name, person.public_key) for person in standing.people.values()]
    signers = verify(envelope, keys, threshold=2).people
    if payload.requested_by not in signers:
        raise _refused(f"{payload.requested_by} has not signed the request.")
    (approver,) = signers - {payload.requested_by}
    return standing.people[payload.requested_by], standing.people[approver]


def _check_asked(payload: ApprovalPayload, asked: Asked) -> None:
    wanted = {
        "case": (payload.case, asked.case),
        "request": (payload.request, asked.request),
        "action": (payload.action, asked.action),
        "target": (payload.target, asked.target),
        "parameters": (payload.parameters_sha256, asked.parameters_sha256),
        "state of the case": (payload.case_head, asked.case_head),
    }
    for what, (was_signed, is_asked) in wanted.items():
        if was_signed != is_asked:
            raise _refused(f"The approval is for another {what} than what is about to be done.")


def _check_time(payload: ApprovalPayload, now: datetime) -> None:
    if now >= payload.expires_at:
        raise _refused("The approval has expired.")
    if payload.requested_at > now + CLOCK_SKEW:
        raise _refused("The approval was requested in the future.")
    if payload.expires_at - payload.requested_at > LONGEST_APPROVAL:
        raise _refused(f"The approval holds for longer than {LONGEST_APPROVAL.days} days.")


def _check_role(person: Person, verb: str, needed: frozenset[Role], standing: Standing) -> None:
    if not needed & standing.roles.get(person.name, frozenset()):
        raise _refused(f"{person.name} may not {verb} this: that takes {' or '.join(sorted(needed))}.")


def _check_distance(person: Person, standing: Standing) -> None:
    why = conflict(person.principal, standing.subjects, standing.reports_to)
    if why is not None:
        raise _refused(f"{person.name} may not decide here: {why}.")


def _refused(why: str) -> ApprovalError:
    return ApprovalError(why, _HINT)
