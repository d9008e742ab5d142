"""Each event of a case in one plain sentence, for the timeline of the report."""

from __future__ import annotations

from leaktrace import caserecords as records
from leaktrace.caserecords import CaseEvent
from leaktrace.records import to_document

_MAX_QUOTED = 160


def sentence_of(event: CaseEvent) -> str:
    """What happened, in words that need no manual; a kind without a sentence is named by its fields."""
    match event:
        case records.CaseOpened(title, source):
            return f"The case was opened (from: {source}): {_quoted(title)}."
        case records.NoteAdded(text):
            return f"A note was added: {_quoted(text)}."
        case records.PersonAdmitted(person, roles):
            return f"{person} was admitted to the case as {_listed(roles)}."
        case records.PersonLockedOut(person, reason):
            return f"{person} was locked out of the case: {_quoted(reason)}."
        case records.ExhibitStored(exhibit, kind, title):
            return f"Exhibit {exhibit} was taken into evidence ({kind}): {_quoted(title)}."
        case records.FindingAttached(exhibit, _, outcome, named):
            whom = f", naming {_listed(named)}" if named else ""
            return f"A finding became part of the case as {exhibit}: {outcome}{whom}."
        case records.SubjectSet(principals, sellers, reason):
            return f"The case is about {_listed((*principals, *sellers)) or 'nobody'}: {_quoted(reason)}."
        case records.CheckAnswered(subject, check, answer):
            return f"'The account is not the person', {subject}: {check}: {answer}."
        case records.ExposureFrozen(exhibit, _, customer_count):
            return f"The list of {customer_count} affected customers was fixed as {exhibit}."
        case records.DutiesAssessed(exhibit):
            return f"The legal duties were assessed; the answers are {exhibit}."
        case _:
            return _act(event) or _told(event) or _person(event) or _by_fields(event)


def _act(event: CaseEvent) -> str:
    """Requests, approvals and what was done on them."""
    match event:
        case records.ActionRequested(request, action, target):
            return f"{request} asks to {_verb(action)}: {target}."
        case records.ApprovalJustified(request, reason):
            return f"Why a second person approves {request}: {_quoted(reason)}."
        case records.ActionApproved(request):
            return f"A second person approved {request}."
        case records.ActionRefused(request, reason):
            return f"A second person refused {request}: {_quoted(reason)}."
        case records.ActionUsed(request):
            return f"{request} was verified again and acted upon."
        case records.ContainmentStepDone(request, target, step, ok):
            # Written down before the call is made: nothing is done yet, and nothing has failed.
            return (
                f"{request}, {target}: {step}."
                if step.endswith(" begins")
                else (f"{request}, {target}: {step}: {'done' if ok else 'failed'}.")
            )
        case records.ContainmentConfirmed(_, target, state):
            return f"Reading back {target} showed: {state.replace('_', ' ')}."
        case records.IdentityUnmasked(_, pseudonym, reader, reason):
            return f"{reader} was shown who {pseudonym} is: {_quoted(reason)}."
        case records.BundleWritten(_, _, exhibit_count, recipient):
            return f"A bundle of {exhibit_count} exhibits was written for {_quoted(recipient)}."
        case _:
            return ""


def _told(event: CaseEvent) -> str:
    """Notices and the public statement."""
    match event:
        case records.TranslationApproved(request, template, language, sha256):
            return f"The {language} text of {template} was approved by {request} (SHA-256 {sha256[:16]}…)."
        case records.StatementDrafted(exhibit):
            return f"A public statement was drafted as {exhibit}."
        case records.GateAnswered(gate, given, reason):
            return f"The publication gate '{_verb(gate)}' is {given}: {_quoted(reason)}."
        case records.StatementPublished(request):
            return f"The statement was released for publication by {request}."
        case records.NoticesPlanned(version, _, planned_count, suppressed_count):
            return f"Notices {version} were planned: {planned_count}, and {suppressed_count} suppressed."
        case records.NoticesReconciled(version, frozen_count, accepted_count):
            return f"Notices {version} were counted: {accepted_count} of {frozen_count} accepted for delivery."
        case _:
            return ""


def _person(event: CaseEvent) -> str:
    """People, and the case's end."""
    match event:
        case records.PersonEnrolled(person, roles, key_id):
            return f"{person} was enrolled as {_listed(roles)} with key {key_id}."
        case records.PersonChanged(person, roles, active, key_id):
            state = "" if active else ", no longer active"
            return f"{person} is now {_listed(roles)} with key {key_id}{state}."
        case records.CaseClosed(conclusion, reason):
            return f"The case was closed ({conclusion.replace('_', ' ')}): {_quoted(reason)}."
        case records.CaseReopened(reason):
            return f"The case was reopened: {_quoted(reason)}."
        case records.LegalHoldSet(held, reason):
            return f"A legal hold was {'set' if held else 'lifted'}: {_quoted(reason)}."
        case _:
            return ""


def _by_fields(event: CaseEvent) -> str:
    told = to_document(event)
    return f"{type(event).__name__}: " + ", ".join(f"{name} {value}" for name, value in told.items()) + "."


def _verb(action: str) -> str:
    return action.replace("_", " ")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).rstrip(".")
    return plain if len(plain) <= _MAX_QUOTED else plain[:_MAX_QUOTED] + " …"
