"""What happened in a case, event by event, in plain sentences: the one table for screens, pages and paper.

Pseudonyms stand as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from leaktrace import caserecords as records
from leaktrace.caserecords import CaseEvent
from leaktrace.wording import count, instant, size

_SOURCES = {"finding": "from a finding", "mail": "from a mail", "tip": "from a tip", "hand": "by hand"}
_CONCLUSIONS = {
    "source_found": "a source was found",
    "no_insider": "nobody inside",
    "undecided": "undecided",
    "error": "opened in error",
}
_ONLY_EMAIL = {
    "yes": "only e-mail addresses",
    "no": "more than e-mail addresses",
    "cannot_be_said": "whether only e-mail addresses cannot be said",
}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"


def _assessed(event: records.DutiesAssessed) -> str:
    places = event.without_rule()
    said = f"{count(len(event.answers) - len(places), 'law')} asked; answers are {event.exhibit}."
    return f"{said} No rule is known for who lives in {', '.join(places)}: ask counsel." if places else said


_SENTENCES: dict[type[Any], Callable[[Any], str]] = {
    records.CaseOpened: lambda e: f"Opened {_SOURCES[e.source]}: {e.title}",
    records.NoteAdded: lambda e: e.text,
    records.PersonAdmitted: lambda e: f"{e.person} was admitted as {_listed(e.roles)}.",
    records.PersonLockedOut: lambda e: (
        f"{'Somebody' if e.reason == records.CONCERNED else e.person} was locked out: {e.reason}"
    ),
    records.ExhibitStored: lambda e: f"{e.exhibit} taken into evidence: {e.title} ({e.kind}, {size(e.size_bytes)}).",
    records.FindingAttached: lambda e: f"Finding {e.exhibit} on {e.campaign}: {e.outcome}; named: {_listed(e.named)}.",
    records.SubjectSet: lambda e: (
        f"The case is about {_listed((*e.principals, *(f'seller {one}' for one in e.sellers)))}: {e.reason}"
    ),
    records.CheckAnswered: lambda e: (
        f"The account is not the person, {e.subject}, {e.check.replace('_', ' ')}: {e.answer}. {e.note}".rstrip()
    ),
    records.ExposureFrozen: lambda e: (
        f"Exposure list {e.exhibit} frozen: {count(e.customer_count, 'customer')}; {_ONLY_EMAIL[e.only_email]}."
    ),
    records.DutiesAssessed: _assessed,
    records.ActionRequested: lambda e: (
        f"{e.request}: asked for {_action(e.action)} of {e.target}, until {instant(e.expires_at)}: {e.reason}"
    ),
    records.ApprovalJustified: lambda e: f"Why {e.request} is approved: {e.reason}",
    records.ActionApproved: lambda e: f"{e.request} was approved.",
    records.ActionRefused: lambda e: f"{e.request} was refused: {e.reason}",
    records.ActionUsed: lambda e: f"{e.request} was verified again and is being carried out.",
    records.ContainmentStepDone: lambda e: (
        f"{e.request}, {e.target}: {e.step}."
        if e.step.endswith(" begins")  # written down before the call is made: nobody has answered yet
        else f"{e.request}, {e.target}: {e.step} {'answered' if e.ok else 'failed'}. {e.detail}".rstrip()
    ),
    records.ContainmentConfirmed: lambda e: f"{e.target} read back: {e.state.replace('_', ' ')}. {e.detail}".rstrip(),
    records.IdentityUnmasked: lambda e: f"{e.pseudonym} was shown to {e.reader} ({e.request}): {e.reason}",
    records.TranslationApproved: lambda e: f"The {e.language} text of {e.template} was approved.",
    records.NoticesPlanned: lambda e: (
        f"Notices {e.version} planned: {e.planned_count:,} to send, {e.suppressed_count:,} suppressed."
    ),
    records.NoticesReconciled: lambda e: (
        f"Notices {e.version}: {e.accepted_count:,} accepted, {e.refused_count:,} refused, "
        f"{e.unknown_count:,} unknown, {e.suppressed_count:,} suppressed, "
        f"{e.waiting_count:,} waiting, of {e.frozen_count:,}."
    ),
    records.StatementDrafted: lambda e: f"Statement {e.exhibit} drafted.",
    records.GateAnswered: lambda e: f"Publication gate, {e.gate.replace('_', ' ')}: {e.answer}. {e.reason}",
    records.StatementPublished: lambda e: f"The statement was released for publication ({e.request}).",
    records.LegalHoldSet: lambda e: f"Legal hold {'set' if e.held else 'ended'}: {e.reason}",
    records.BundleWritten: lambda e: (
        f"Evidence handed over to {e.recipient}: {count(e.exhibit_count, 'exhibit')} ({e.request})."
    ),
    records.CaseClosed: lambda e: f"Closed, {_CONCLUSIONS[e.conclusion]}: {e.reason}",
    records.CaseReopened: lambda e: f"Reopened: {e.reason}",
    records.PersonEnrolled: lambda e: f"{e.person} was enrolled as {_listed(e.roles)}.",
    records.PersonChanged: lambda e: (
        f"{e.person} is {_listed(e.roles)}, {'active' if e.active else 'deactivated'}: {e.reason}"
    ),
}
TOLD = frozenset(_SENTENCES)
"""Kinds of events that have a sentence."""


def _action(name: str) -> str:
    return name.replace("_", " ")


def event_sentence(event: CaseEvent) -> str:
    """One event in a sentence."""
    return _SENTENCES[type(event)](event)
