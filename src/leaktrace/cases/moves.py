"""What each event does to a case, or why it cannot. Pure; rules are numbered in `cases.state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leaktrace.caserecords import (
    ActionApproved,
    ActionName,
    ActionRefused,
    ActionRequested,
    ActionUsed,
    ApprovalJustified,
    BundleWritten,
    CaseClosed,
    CaseReopened,
    CheckAnswered,
    ContainmentConfirmed,
    ContainmentStepDone,
    DutiesAssessed,
    ExhibitStored,
    ExposureFrozen,
    FindingAttached,
    GateAnswered,
    IdentityUnmasked,
    LegalHoldSet,
    NoteAdded,
    NoticesPlanned,
    NoticesReconciled,
    PersonAdmitted,
    PersonLockedOut,
    StatementDrafted,
    StatementPublished,
    SubjectSet,
    TranslationApproved,
)
from leaktrace.caserecords.checks import CHECK_NAMES
from leaktrace.cases.case import Case, Request
from leaktrace.cases.conditions import needs_of
from leaktrace.errors import CaseError


@dataclass(frozen=True, slots=True)
class Move:
    """One event on its way into a case."""

    case: Case
    actor: str
    at: datetime


def _with(mapping: Mapping[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    return {**mapping, key: value}


# --- notes, people --------------------------------------------------------------------------------------


def _noted(move: Move, event: NoteAdded) -> Case:
    if not event.text.strip():
        raise CaseError("The note is empty.", "Write down what you saw or did.")
    return move.case


def _admitted(move: Move, event: PersonAdmitted) -> Case:
    if event.person in move.case.locked_out:  # 4
        raise CaseError(
            f"{event.person} is locked out of {move.case.case} and cannot be admitted.", "Admit somebody else."
        )
    if not event.roles:
        raise CaseError("Nobody is admitted without a role.", "Say in which role.")
    if "admin" in event.roles:
        raise CaseError(
            "An admin configures and reads no case.", "Admit as investigator, approver, privacy_officer or auditor."
        )
    return replace(move.case, admitted=_with(move.case.admitted, event.person, event.roles))


def _locked_out(move: Move, event: PersonLockedOut) -> Case:
    if not event.reason.strip():
        raise CaseError("A lock-out needs a reason.", "Say why, in words that name no subject.")
    if event.person in move.case.locked_out:
        raise CaseError(f"{event.person} is locked out already.", "Nothing more is needed.")
    return replace(move.case, locked_out=_with(move.case.locked_out, event.person, event.reason))


# --- exhibits and what cites them -----------------------------------------------------------------------


def _stored(move: Move, event: ExhibitStored) -> Case:
    expected = move.case.next_exhibit()
    if event.exhibit != expected:  # 5
        raise CaseError(f"The next exhibit is {expected}, not {event.exhibit}.", "Ask for the number again.")
    _digest(event.sha256)
    return replace(move.case, exhibits=_with(move.case.exhibits, event.exhibit, event))


def _cited(move: Move, exhibit: str, kind: str, sha256: str | None = None) -> ExhibitStored:
    found = move.case.exhibits.get(exhibit)
    if found is None or found.kind != kind or (sha256 is not None and found.sha256 != sha256):  # 6
        raise CaseError(
            f"{exhibit} is not a {kind} exhibit of {move.case.case} with these bytes.",
            "Store the exhibit first, then cite it.",
        )
    return found


def _digest(sha256: str) -> None:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise CaseError("That is not the SHA-256 of an exhibit.", "It is 64 hexadecimal digits, lower case.")


def _attached(move: Move, event: FindingAttached) -> Case:
    _cited(move, event.exhibit, "finding")
    return replace(move.case, findings=(*move.case.findings, event))


def _subjects(move: Move, event: SubjectSet) -> Case:
    if not event.principals and not event.sellers:
        raise CaseError("No subject was named.", "Name a principal by its pseudonym (P-…), a seller, or both.")
    if not event.reason.strip():
        raise CaseError("Subjects need a reason.", "Say on what grounds: the finding, a decoy, a confession.")
    ever = move.case.ever_subjects | set(event.principals)
    return replace(move.case, subjects=event, ever_subjects=ever)


def _answered(move: Move, event: CheckAnswered) -> Case:
    if move.case.subjects is None or event.subject not in move.case.subjects.principals:
        raise CaseError(f"{event.subject} is not a subject of {move.case.case}.", "Set the subjects first.")
    if event.check not in CHECK_NAMES:
        raise CaseError(f"There is no check '{event.check}'.", f"Checks are: {', '.join(CHECK_NAMES)}.")
    return replace(move.case, checks=_with(move.case.checks, (event.subject, event.check), event))


def _frozen(move: Move, event: ExposureFrozen) -> Case:
    _cited(move, event.exhibit, "exposure", event.sha256)
    return replace(move.case, exposure=event)


def _assessed(move: Move, event: DutiesAssessed) -> Case:
    if event.exhibit not in move.case.exhibits:  # 6
        raise CaseError(f"{event.exhibit} is no exhibit of {move.case.case}.", "Store the answers first.")
    return replace(move.case, duties=event)


# --- approvals ------------------------------------------------------------------------------------------


def _requested(move: Move, event: ActionRequested) -> Case:
    expected = move.case.next_request()
    if event.request != expected:  # 5
        raise CaseError(f"The next request is {expected}, not {event.request}.", "Ask for the number again.")
    if event.expires_at.tzinfo is None or event.expires_at <= move.at:
        raise CaseError("The request would expire before anybody can look at it.", "Give a later time, with a zone.")
    if not event.reason.strip():
        raise CaseError("A request needs a reason.", "Say why: whoever approves reads it.")
    needs_of(move.case, event.action, event.target)  # 7, 8, 9
    asked = Request(event, move.actor, move.at)
    return replace(move.case, requests=_with(move.case.requests, event.request, asked))


def _request(move: Move, name: str) -> Request:
    found = move.case.request(name)
    if found is None:
        raise CaseError(f"There is no request {name} in {move.case.case}.", "'leaktrace case approvals' lists them.")
    return found


def _decided(move: Move, found: Request, **changes: Any) -> Case:
    return replace(move.case, requests=_with(move.case.requests, found.asked.request, replace(found, **changes)))


def _justified(move: Move, event: ApprovalJustified) -> Case:
    found = _request(move, event.request)
    _open(move, found, ("waiting",))
    if move.actor == found.requested_by:  # 10
        raise CaseError("Nobody approves their own request.", "A second person has to look at it.")
    if not event.reason.strip():
        raise CaseError("A justification holds words.", "Say why you approve.")
    return move.case


def _approved(move: Move, event: ActionApproved) -> Case:
    found = _request(move, event.request)
    _open(move, found, ("waiting",))
    if move.actor == found.requested_by:  # 10
        raise CaseError("Nobody approves their own request.", "A second person has to look at it.")
    _digest(event.envelope_sha256)
    return _decided(move, found, state="approved", decided_by=move.actor, envelope_sha256=event.envelope_sha256)


def _refused(move: Move, event: ActionRefused) -> Case:
    found = _request(move, event.request)
    if found.state not in ("waiting", "approved"):  # 10
        raise CaseError(f"{event.request} is {found.state}; there is nothing to refuse.", "Look at it: case approvals.")
    return _decided(move, found, state="refused", decided_by=move.actor)


def _used(move: Move, event: ActionUsed) -> Case:
    found = _request(move, event.request)
    _open(move, found, ("approved",))
    if event.envelope_sha256 != found.envelope_sha256:  # 11
        raise CaseError(f"The envelope used is not the one that approved {event.request}.", "Ask for approval anew.")
    needs_of(move.case, found.action, found.asked.target)  # 11
    return _decided(move, found, state="used", used_by=move.actor)


def _open(move: Move, found: Request, states: tuple[str, ...]) -> None:
    if found.state not in states:  # 10, 11
        raise CaseError(
            f"{found.asked.request} is {found.state}, not {' or '.join(states)}.", "Each approval is used once."
        )
    if move.at >= found.asked.expires_at:  # 10, 11
        raise CaseError(f"{found.asked.request} expired at {found.asked.expires_at.isoformat()}.", "Ask anew.")


def _under(move: Move, request: str, *actions: ActionName, target: str | None = None) -> Request:
    found = _request(move, request)
    if found.state != "used" or found.action not in actions or target not in (None, found.asked.target):  # 12
        raise CaseError(
            f"{request} is no used approval of {' or '.join(actions)} for this target.",
            "The executor takes the approval (ActionUsed) before it acts.",
        )
    return found


# --- what executors write down --------------------------------------------------------------------------


def _step(move: Move, event: ContainmentStepDone) -> Case:
    _under(move, event.request, "contain_principal", "contain_seller", "undo_containment", target=event.target)
    return move.case


def _confirmed(move: Move, event: ContainmentConfirmed) -> Case:
    _under(move, event.request, "contain_principal", "contain_seller", "undo_containment", target=event.target)
    return replace(move.case, contained=_with(move.case.contained, event.target, event))


def _unmasked(move: Move, event: IdentityUnmasked) -> Case:
    found = _under(move, event.request, "unmask", target=event.pseudonym)
    if event.reader != found.requested_by or event.reader != move.actor or event.until_at > found.asked.expires_at:
        raise CaseError("An identity is opened for the person who asked, until the request expires.", "Ask for it.")
    return replace(move.case, unmasked=(*move.case.unmasked, event))


def _translated(move: Move, event: TranslationApproved) -> Case:
    _under(move, event.request, "approve_translation")
    _digest(event.sha256)
    return replace(move.case, translations=(*move.case.translations, event))


def _planned(move: Move, event: NoticesPlanned) -> Case:
    if move.case.exposure is None or event.exposure_sha256 != move.case.exposure.sha256:  # 8
        raise CaseError(
            "The plan of notices is not made of the exposure list that is frozen now.", "Freeze it, then plan anew."
        )
    if event.version in move.case.notices:  # 5
        raise CaseError(f"Version {event.version} of the notices is planned already.", "Give it another version.")
    if min(event.planned_count, event.suppressed_count) < 0:
        raise CaseError("A plan of notices has no negative counts.", "Count again.")
    return replace(move.case, notices=_with(move.case.notices, event.version, event))


def _reconciled(move: Move, event: NoticesReconciled) -> Case:
    if event.version not in move.case.notices:
        raise CaseError(f"Version {event.version} of the notices was never planned.", "Plan it first.")
    parts = (event.accepted_count, event.refused_count, event.unknown_count, event.suppressed_count)
    if event.frozen_count != sum(parts) + event.waiting_count or min(*parts, event.waiting_count) < 0:  # 8
        raise CaseError(
            f"The numbers of notices do not add up to {event.frozen_count}.", "Somebody was forgotten or doubled: look."
        )
    return replace(move.case, reconciled=_with(move.case.reconciled, event.version, event))


def _drafted(move: Move, event: StatementDrafted) -> Case:
    _cited(move, event.exhibit, "statement", event.sha256)
    return replace(move.case, statement=event)


def _gate(move: Move, event: GateAnswered) -> Case:
    if not event.gate.strip() or not event.reason.strip():
        raise CaseError("A gate is set by its name and with a reason.", "Say which, and why.")
    return replace(move.case, gates=_with(move.case.gates, event.gate, event))


def _published(move: Move, event: StatementPublished) -> Case:
    _under(move, event.request, "publish_statement")
    if move.case.statement is None or move.case.statement.sha256 != event.sha256:  # 9
        raise CaseError("What was published is not the statement that was drafted last.", "Draft it, then ask anew.")
    return move.case


def _hold(move: Move, event: LegalHoldSet) -> Case:
    if event.held == move.case.held:
        raise CaseError(f"{move.case.case} is {'' if event.held else 'not '}on legal hold already.", "Nothing to do.")
    if not event.reason.strip():
        raise CaseError("A legal hold is set and ended with a reason.", "Say why.")
    return replace(move.case, held=event.held)


def _written(move: Move, event: BundleWritten) -> Case:
    _under(move, event.request, "hand_over")
    _digest(event.manifest_sha256)
    return move.case


# --- the end --------------------------------------------------------------------------------------------


def _closed(move: Move, event: CaseClosed) -> Case:
    if not event.reason.strip():
        raise CaseError("A case is closed with a reason.", "Say how it ended.")
    if event.conclusion == "source_found" and (move.case.subjects is None or not move.case.subjects.principals):
        raise CaseError("No source was found as long as the case has no subject inside.", "Set the subject first.")
    ended = {
        name: replace(one, state="void") if one.state in ("waiting", "approved") else one  # 2
        for name, one in move.case.requests.items()
    }
    return replace(move.case, state="closed", conclusion=event.conclusion, requests=ended)


def _reopened(move: Move, event: CaseReopened) -> Case:
    if move.case.state == "open":
        raise CaseError(f"{move.case.case} is open.", "Go on with it.")
    if not event.reason.strip():
        raise CaseError("A case is reopened with a reason.", "Say what is new.")
    return replace(move.case, state="open", conclusion=None)


MOVES: dict[type[Any], Callable[[Move, Any], Case]] = {
    NoteAdded: _noted,
    PersonAdmitted: _admitted,
    PersonLockedOut: _locked_out,
    ExhibitStored: _stored,
    FindingAttached: _attached,
    SubjectSet: _subjects,
    CheckAnswered: _answered,
    ExposureFrozen: _frozen,
    DutiesAssessed: _assessed,
    ActionRequested: _requested,
    ApprovalJustified: _justified,
    ActionApproved: _approved,
    ActionRefused: _refused,
    ActionUsed: _used,
    ContainmentStepDone: _step,
    ContainmentConfirmed: _confirmed,
    IdentityUnmasked: _unmasked,
    TranslationApproved: _translated,
    NoticesPlanned: _planned,
    NoticesReconciled: _reconciled,
    StatementDrafted: _drafted,
    GateAnswered: _gate,
    StatementPublished: _published,
    LegalHoldSet: _hold,
    BundleWritten: _written,
    CaseClosed: _closed,
    CaseReopened: _reopened,
}
