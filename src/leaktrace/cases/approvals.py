"""What nobody does alone: asked for by one, decided by another, used once by who asked; and the executors' diary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leaktrace.caserecords import (
    ActionApproved,
    ActionName,
    ActionRefused,
    ActionRequested,
    ActionUsed,
    ApprovalJustified,
    ApprovalPayload,
    Approved,
    BundleWritten,
    CaseEvent,
    CaseHead,
    CheckAnswered,
    ContainmentConfirmed,
    ContainmentStepDone,
    DutiesAssessed,
    ExhibitStored,
    ExposureFrozen,
    GateAnswered,
    NoticesPlanned,
    NoticesReconciled,
    Person,
    RecordedEvent,
    Role,
    StatementDrafted,
    StatementPublished,
    SubjectSet,
    TranslationApproved,
    canonical,
    digest_of,
)
from leaktrace.cases.auditing import request_without_words
from leaktrace.cases.case import Case, Request
from leaktrace.cases.casefile import CaseFile
from leaktrace.cases.conditions import needs_of, refuse_lifting
from leaktrace.cases.conflicts import in_conflict
from leaktrace.cases.guard import needs
from leaktrace.cases.permissions import NEEDS_ADMISSION, REQUESTERS, may_ask, may_record
from leaktrace.cases.plainwords import nameless
from leaktrace.cases.signing import (
    Asked,
    PersonKey,
    Standing,
    approve_envelope,
    payload_of,
    request_envelope,
    verify_approval,
)
from leaktrace.cases.signing.approval import LONGEST_APPROVAL
from leaktrace.cases.store import Transaction
from leaktrace.errors import ApprovalError, CaseError, NotAllowedError

ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
APPROVAL_HOURS, UNMASK_HOURS, MOST_HOURS = 72, 8, LONGEST_APPROVAL // timedelta(hours=1)
DIARY_EVENTS: frozenset[type[Any]] = frozenset(
    {
        ContainmentStepDone,
        ContainmentConfirmed,
        TranslationApproved,
        NoticesPlanned,
        NoticesReconciled,
        StatementDrafted,
        GateAnswered,
        StatementPublished,
        BundleWritten,
        DutiesAssessed,
    }
)
"""What an executor may write down. All else has a method of its own, with a permission of its own."""
_TOUCHING: dict[ActionName, tuple[type[Any], ...]] = {
    "contain_principal": (SubjectSet, CheckAnswered),
    "contain_seller": (SubjectSet,),
    "undo_containment": (ContainmentConfirmed,),
    "send_notices": (ExposureFrozen,),
    "publish_statement": (StatementDrafted, ExposureFrozen),
    "unmask": (),
    "lift_hold": (GateAnswered,),
}
"""Events that make an approval void when they come after the request and are about its target."""


@dataclass(frozen=True, slots=True)
class ApprovalLine:
    """A request as whoever decides sees it."""

    request: Request
    parameters: bytes
    """Canonical JSON: exactly what would be done."""
    payload: ApprovalPayload
    """What the requester signed."""


class Approving(CaseFile):
    """`CaseFile` with approvals; implements `caserecords.Approvals` and `caserecords.CaseDiary`."""

    # --- asking and deciding ------------------------------------------------------------------------------

    @needs("read", "approval")
    def unmet(self, case: str, action: ActionName, target: str) -> str | None:
        """What the case lacks before this may be asked for; None where it lacks nothing."""
        try:
            needs_of(self._case(case), action, target)
        except CaseError as error:
            return error.message
        return None

    @needs("request", "approval")
    def request(
        self,
        case: str,
        action: ActionName,
        target: str,
        parameters: Any,
        reason: str,
        hours: float | None = None,
    ) -> Request:
        """Asks for an action, signed: exactly this target and these parameters, until so many hours from now."""
        person, key = self._person(), self._key()
        _known_action(action)
        may_ask(person, action, self._permit("request", "approval", case))
        allowed = hours if hours is not None else UNMASK_HOURS if action == "unmask" else APPROVAL_HOURS
        if not 0 < allowed <= MOST_HOURS:
            raise CaseError(f"An approval cannot hold for {allowed:g} hours.", f"Up to {MOST_HOURS} hours.")
        with self._writing(case) as transaction:
            now = max(self._clock(), self._case(case).last_at)
            written = nameless(reason, self._store.names(case), "reason")
            self._put(
                transaction, case, "document", "Parameters of a request", canonical(parameters), "application/json"
            )
            state = self._case(case)
            head = state.head(self._store.last_commitment(case))
            name, expires = state.next_request(), now + timedelta(hours=allowed)
            digest = digest_of(parameters)
            asked = ActionRequested(name, action, target, digest, expires, written)
            payload = ApprovalPayload(case, name, action, target, digest, head, person.name, now, expires, written)
            envelope = request_envelope(payload, key)
            self._put(transaction, case, "other", f"Signed request {name}", envelope, ENVELOPE_TYPE)
            transaction.append(case, person.name, now, [asked])
        return self._request(case, name)

    @needs("read", "approval")
    def approvals(self, case: str) -> tuple[Request, ...]:
        """All requests of a case and what became of them; without their reasons for who may not read the case."""
        found = tuple(self._case(case).requests.values())
        return found if self._may("read", case) else tuple(request_without_words(one) for one in found)

    @needs("decide", "approval")
    def look_at(self, case: str, request: str) -> ApprovalLine:
        """A request with exactly what would be done, for whoever decides."""
        found = self._request(case, request)
        events = self._store.events(case)
        payload = payload_of(self._exhibits.get(_exhibits_before(events, request)[1].sha256))
        return ApprovalLine(found, self._exhibits.get(_exhibits_before(events, request)[0].sha256), payload)

    @needs("decide", "approval")
    def approve(self, case: str, request: str, reason: str = "") -> Request:
        """Agrees, signed. Refused for the requester, a subject, those above and below a subject, and an expired one.

        `reason`: in the approver's words, naming nobody; kept in the log. What is asked for on a justification of the
        requester's (a seller tied to the mails less surely than the threshold) is not approved without one.
        """
        key = self._key()
        with self._writing(case) as transaction:
            found, now = self._request(case, request), max(self._clock(), self._case(case).last_at)
            line = self.look_at(case, request)
            if found.state != "waiting":
                raise CaseError(f"{request} is {found.state}.", "'leaktrace case approvals' lists what waits.")
            if found.requested_by == self._actor.person:
                raise ApprovalError(f"{request} is your own request.", "Another approver decides on it.")
            if digest_of_bytes(line.parameters) != found.asked.parameters_sha256:
                raise ApprovalError("The parameters are not those that were signed.", "Ask for it anew.")
            written = nameless(reason, self._store.names(case), "reason")
            if _justified(line.parameters) and not written.strip():
                raise ApprovalError(
                    f"{request} rests on a justification, and both people write theirs.",
                    "Say why you agree that the mails are this seller's: --why TEXT. Or refuse it.",
                )
            signed = self._exhibits.get(_exhibits_before(self._store.events(case), request)[1].sha256)
            envelope = approve_envelope(signed, line.payload, key)
            self._verified(case, found, envelope, line.payload.parameters_sha256, now)
            stored = self._put(transaction, case, "other", f"Approval of {request} by two", envelope, ENVELOPE_TYPE)
            own_words = [ApprovalJustified(request, written)] if written.strip() else []
            transaction.append(case, self._actor.person, now, [*own_words, ActionApproved(request, stored.sha256)])
        return self._request(case, request)

    @needs("decide", "approval")
    def refuse(self, case: str, request: str, reason: str) -> Request:
        """Says no; an approved request that was not used yet may still be refused."""
        written = nameless(reason, self._store.names(case), "reason")
        if not written.strip():
            raise CaseError("A refusal needs a reason.", "Say why: the requester reads it.")
        self._append(case, ActionRefused(request, written))
        return self._request(case, request)

    # --- using (caserecords.Approvals) --------------------------------------------------------------------

    @needs("use", "approval")
    def check(self, case: str, request: str, action: ActionName, target: str) -> None:
        """ApprovalError where `use` would raise whatever the parameters are. Nothing is used, nothing written."""
        found = self._usable(case, request, action, target)
        now = max(self._clock(), self._case(case).last_at)
        self._verified(case, found, self._envelope(found), found.asked.parameters_sha256, now)

    @needs("use", "approval")
    def asked_parameters(self, case: str, request: str) -> dict[str, Any]:
        """Exactly what was asked for under a request, for whoever carries it out."""
        self._request(case, request)
        exhibit = _exhibits_before(self._store.events(case), request)[0]
        found: dict[str, Any] = json.loads(self._exhibits.get(exhibit.sha256))
        return found

    @needs("request", "approval")
    def naming_nobody(self, case: str, text: str, what: str) -> str:
        """The text, if it may stand in a request; CaseError where it names somebody of the case."""
        return nameless(text, self._store.names(case), what)

    @needs("use", "approval")
    def use(self, case: str, request: str, action: ActionName, target: str, parameters: Any) -> Approved:
        """Verifies the approval again, against what is about to be done, and marks it used in the same transaction."""
        with self._writing(case) as transaction:
            return self._use(transaction, case, request, action, target, parameters)

    def _use(
        self, transaction: Transaction, case: str, request: str, action: ActionName, target: str, parameters: Any
    ) -> Approved:
        found = self._usable(case, request, action, target)
        envelope, now = self._envelope(found), max(self._clock(), self._case(case).last_at)
        approved = self._verified(case, found, envelope, digest_of(parameters), now)
        event = ActionUsed(request, approved.envelope_sha256)
        transaction.append(case, self._actor.person, now, [event])
        return approved

    def _usable(self, case: str, request: str, action: ActionName, target: str) -> Request:
        """The request, approved, about this, and touched by nothing since."""
        _known_action(action)
        may_ask(self._person(), action, self._permit("use", "approval", case))
        found = self._request(case, request)
        if (found.action, found.asked.target) != (action, target):
            raise ApprovalError(f"{request} is not about this action and target.", "Ask for exactly this.")
        if found.state != "approved" or found.envelope_sha256 is None:
            hint = "Each approval is used once."
            if found.state == "waiting":
                hint = f"A second person agrees first: leaktrace case approve {case} {request}."
            raise ApprovalError(f"{request} is {found.state}, not approved.", hint)
        touched = touched_since(self._store.events(case), request, action, target)
        if touched is not None:
            raise ApprovalError(
                f"After {request} was asked for, the case changed in what it is about ({touched}).", "Ask for it anew."
            )
        return found

    def _envelope(self, found: Request) -> bytes:
        assert found.envelope_sha256 is not None, "approved requests have one"  # noqa: S101 - a fault of ours
        return self._exhibits.get(found.envelope_sha256)

    def _verified(self, case: str, found: Request, envelope: bytes, digest: str, now: datetime) -> Approved:
        asked = Asked(
            case, found.asked.request, found.action, found.asked.target, digest,
            head_of(self._store.events(case), found.asked.request),
        )  # fmt: skip
        return verify_approval(envelope, asked=asked, standing=self._standing(case, found.action), now=now)

    def _standing(self, case: str, action: ActionName) -> Standing:
        """Who is who: roles on this case with denials taken off; whoever is in conflict counts as locked out."""
        state, people = self._case(case), self._store.people()
        subjects, reports_to = self._concerned(state), self._reports_to()
        denied = frozenset(in_conflict(people.everybody(), subjects, reports_to)) | frozenset(state.locked_out)
        roles = {one.name: self._roles_on(state, one, action) for one in people.active() if one.name not in denied}
        return Standing(dict(people.by_name), roles, denied, subjects, reports_to)

    @staticmethod
    def _roles_on(state: Case, person: Person, action: ActionName) -> frozenset[Role]:
        admitted = state.admitted.get(person.name, ())
        reached = frozenset(one for one in person.roles if one not in NEEDS_ADMISSION or one in admitted)
        return reached & (REQUESTERS[action] | {"approver"})

    # --- the executors' diary (caserecords.CaseDiary) -----------------------------------------------------

    @needs("record", "case")
    def record(self, case: str, event: CaseEvent) -> RecordedEvent:
        """Appends one event of an executor; CaseError for an illegal move."""
        if type(event) not in DIARY_EVENTS:
            raise NotAllowedError(
                f"{type(event).__name__} is not for an executor's diary.", "It has a command of its own."
            )
        if not (isinstance(event, GateAnswered) and event.answer == "held"):
            self.may_record(case, type(event))
        with self._writing(case) as transaction:
            if isinstance(event, GateAnswered):
                nameless(event.reason, self._store.names(case), "reason")
                refuse_lifting(event, self._case(case).gates.get(event.gate), case)
            return transaction.append(case, self._actor.person, self._clock(), [event])[0]

    @needs("record", "case")
    def may_record(self, case: str, kind: type[Any]) -> None:
        """NotAllowedError where this person may not write down such an event: asked before the work, not after it."""
        may_record(self._person(), kind, self._permit("record", "case", case))

    # --- inside -------------------------------------------------------------------------------------------

    def _key(self) -> PersonKey:
        if self._actor.key is None:
            raise NotAllowedError("Requests and approvals are signed.", "Sign in with your key file, not a password.")
        return self._actor.key

    def _request(self, case: str, request: str) -> Request:
        found = self._case(case).request(request)
        if found is None:
            raise CaseError(f"There is no request {request[:20]} in {case}.", "'leaktrace case approvals' lists them.")
        return found

    def _put(
        self, transaction: Transaction, case: str, kind: str, title: str, content: bytes, media_type: str
    ) -> ExhibitStored:
        event = self._exhibit(case, kind, title, content, media_type)
        transaction.append(case, self._actor.person, self._clock(), [event])
        return event


def digest_of_bytes(parameters: bytes) -> str:
    """`digest_of` of parameters that are in their canonical spelling."""
    return hashlib.sha256(parameters).hexdigest()


def _justified(parameters: bytes) -> bool:
    """Whether what is asked for rests on words of the requester's where the finding does not suffice."""
    asked = json.loads(parameters)
    tie = asked.get("tie") if isinstance(asked, dict) else None
    return isinstance(tie, dict) and tie.get("justification") is not None


def _known_action(action: str) -> None:
    if action not in REQUESTERS:
        raise CaseError(f"There is no action '{action[:40]}'.", f"Actions are: {', '.join(REQUESTERS)}.")


def _place(events: Sequence[RecordedEvent], request: str) -> int:
    for place, one in enumerate(events):
        if isinstance(one.event, ActionRequested) and one.event.request == request:
            return place
    raise CaseError(f"There is no request {request[:20]}.", "'leaktrace case approvals' lists them.")


def _exhibits_before(events: Sequence[RecordedEvent], request: str) -> tuple[ExhibitStored, ExhibitStored]:
    """(parameters, signed request): the two exhibits stored with a request, right before it."""
    place = _place(events, request)
    first, second = (one.event for one in events[max(place - 2, 0) : place])
    if not isinstance(first, ExhibitStored) or not isinstance(second, ExhibitStored):
        raise CaseError(f"{request} has no signed request beside it.", "Verify the log: leaktrace custody verify.")
    return first, second


def head_of(events: Sequence[RecordedEvent], request: str) -> CaseHead:
    """The case as it stood when a request was signed: after its parameters were stored, before the envelope was."""
    place = _place(events, request) - 1
    return CaseHead(events[0].entry.case, place, events[place - 1].entry.commitment)


def touched_since(events: Sequence[RecordedEvent], request: str, action: ActionName, target: str) -> str | None:
    """The kind of the first event after a request that changes what it is about; None where nothing did."""
    for one in events[_place(events, request) + 1 :]:
        if isinstance(one.event, _TOUCHING.get(action, ())) and _is_about(one.event, target):
            return type(one.event).__name__
    return None


def _is_about(event: CaseEvent, target: str) -> bool:
    if isinstance(event, CheckAnswered):
        return event.subject == target
    if isinstance(event, ContainmentConfirmed):
        return event.target == target
    if isinstance(event, GateAnswered):
        return event.gate == target
    return True
