"""What the facts of a case allow a statement to claim, and the values it may name. Pure; closed on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leaktrace.caserecords import (
    BundleWritten,
    CaseClosed,
    CaseEvent,
    CaseReopened,
    ContainmentConfirmed,
    ExposureList,
    FindingAttached,
    NoticesPlanned,
    NoticesReconciled,
    SubjectSet,
)

CLAIMS: dict[str, str] = {
    "insider": "A finding of the case names somebody inside.",
    "only_email": "The frozen exposure list says, and can defend, that only e-mail addresses were shown.",
    "not_only_email": "The exposure list shows other fields too.",
    "fields_cannot_be_said": "The log cannot show which fields were seen.",
    "dated": "The exposure list says between which days the data were shown.",
    "numbers_allowed": "The policy allows numbers, and there is somebody affected.",
    "contained": "Every subject inside was read back as contained.",
    "seller_blocked": "Every seller of the case was read back as blocked.",
    "all_told": "The last notices, of the list as it is now, were accepted for everybody on it.",
    "telling": "Notices of the list as it is now were accepted, not all are through, and nobody on it is left out.",
    "telling_some": "Notices were accepted, but they leave people on the list out, or are those of an earlier list.",
    "police": "Evidence was handed over.",
}
VALUES = ("company", "contact", "fields", "since", "until", "confirmed", "shown")


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """What is known for certain in a case, counted; no person in it."""

    claims: frozenset[str]
    field_kinds: tuple[str, ...]
    """Kinds of fields that were shown or that the mails show, e-mail first."""
    since_at: datetime | None
    until_at: datetime | None
    confirmed_count: int
    affected_count: int
    """Confirmed, likely and possible."""
    exposure_sha256: str


def statement_facts(
    exposure: ExposureList,
    events: Sequence[CaseEvent],
    *,
    numbers: bool,
    kind_of: Mapping[str, str],
    exposure_sha256: str | None = None,
) -> StatementFacts:
    """The facts of a case; a claim that the case does not show is not among them.

    `kind_of`: name of a field -> its kind, as the duties use it. `exposure_sha256`: of the list as it was frozen, where
    `exposure` is a copy with pseudonyms.
    """
    names = {name for row in exposure.rows for name in (*row.fields, *row.widened_by)} | set(exposure.fields_in_mail)
    kinds = sorted({kind_of.get(name, "other") for name in names}, key=lambda kind: (kind != "email", kind))
    shown = [row.first_shown_at for row in exposure.rows]
    affected = len(exposure.rows)
    sealed_sha256 = exposure_sha256 or exposure.sha256()
    told = _told(events, sealed_sha256)
    claims = {
        "insider": _insider(events),
        # A field that only the mails show contradicts "only e-mail addresses", whatever the list was derived to say.
        "only_email": exposure.only_email == "yes" and set(kinds) <= {"email"} and affected > 0,
        # Both sentences speak of what our records show; without a row they show nothing, whatever the mails do.
        "not_only_email": exposure.only_email == "no" and affected > 0,
        "fields_cannot_be_said": exposure.only_email == "cannot_be_said" and affected > 0,
        "dated": bool(shown),
        "numbers_allowed": numbers and affected > 0,
        "contained": _all_contained(events, principals=True),
        "seller_blocked": _all_contained(events, principals=False),
        "all_told": told == "all_told",
        "telling": told == "telling",
        "telling_some": told == "telling_some",
        "police": any(isinstance(event, BundleWritten) for event in events),
    }
    return StatementFacts(
        claims=frozenset(name for name, holds in claims.items() if holds),
        field_kinds=tuple(kinds),
        since_at=min(shown) if shown else None,
        until_at=exposure.window_end_at if shown else None,
        confirmed_count=sum(row.certainty == "confirmed" for row in exposure.rows),
        affected_count=affected,
        exposure_sha256=sealed_sha256,
    )


def _insider(events: Sequence[CaseEvent]) -> bool:
    """The last finding, unless the case was since closed with another conclusion."""
    named = False
    for event in events:
        if isinstance(event, FindingAttached):
            named = event.outcome == "named"
        elif isinstance(event, CaseClosed):
            named = named and event.conclusion == "source_found"
        elif isinstance(event, CaseReopened):
            named = False  # the conclusion is open again until a finding is attached
    return named


def _all_contained(events: Sequence[CaseEvent], *, principals: bool) -> bool:
    subjects: tuple[str, ...] = ()
    states: dict[str, str] = {}
    for event in events:
        if isinstance(event, SubjectSet):
            subjects = event.principals if principals else event.sellers
        elif isinstance(event, ContainmentConfirmed):
            states[event.target] = event.state
    return bool(subjects) and all(states.get(subject) == "contained" for subject in subjects)


def _told(events: Sequence[CaseEvent], exposure_sha256: str) -> str | None:
    """Which claim about the notices holds: the strongest one that is true of everybody on the list as it is now.

    Whom a version leaves out for certainty, consent or want of an address, no version tells; nor whom the list got
    since it was planned.
    """
    last: NoticesReconciled | None = None
    list_of = dict[str, str]()
    for event in events:
        if isinstance(event, NoticesPlanned):
            list_of[event.version] = event.exposure_sha256
        elif isinstance(event, NoticesReconciled):
            last = event
    if last is None or last.accepted_count == 0:
        return None
    if last.suppressed_count or list_of.get(last.version) != exposure_sha256:
        return "telling_some"
    return "all_told" if last.accepted_count == last.frozen_count else "telling"
