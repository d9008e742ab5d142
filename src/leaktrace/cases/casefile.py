"""The file of a case as somebody works with it: opening, reading, notes, people, subjects, checks, evidence."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from leaktrace.caserecords import (
    CONCERNED,
    CaseClosed,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    CaseSource,
    CaseState,
    CheckAnswered,
    ExhibitStored,
    ExposureFrozen,
    ExposureList,
    FindingAttached,
    LegalHoldSet,
    NoteAdded,
    PersonAdmitted,
    PersonLockedOut,
    RecordedEvent,
    Role,
    SubjectSet,
    canonical,
)
from leaktrace.caserecords.checks import CHECKS, Check
from leaktrace.cases.auditing import without_words
from leaktrace.cases.case import Case
from leaktrace.cases.conflicts import conflict, in_conflict
from leaktrace.cases.guard import Guarded, needs
from leaktrace.cases.permissions import NEEDS_ADMISSION, NO_CASE, Verb, permitted
from leaktrace.cases.plainwords import nameless
from leaktrace.cases.pseudonyms import PSEUDONYM, replaced
from leaktrace.cases.store import Transaction
from leaktrace.errors import CaseError, NotAllowedError

EXHIBIT_KINDS: tuple[str, ...] = (
    "mail", "finding", "accesses", "exposure", "statement", "notice", "tip", "document", "other",
)  # fmt: skip
SEALED_KINDS = frozenset({"mail", "finding", "accesses", "exposure", "tip"})
"""Kinds that name customers or principals: their bytes are for executors with an approval, not for reading."""
VEILED_KINDS = frozenset({"finding", "exposure"})
"""Sealed kinds whose JSON is shown with pseudonyms."""
Answer = Literal["yes", "no", "unknown"]
Conclusion = Literal["source_found", "no_insider", "undecided", "error"]
_CASE_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in a list. Somebody who may list but not read sees no title."""

    case: str
    state: CaseState
    opened_at: datetime
    event_count: int
    title: str | None
    conclusion: str | None


@dataclass(frozen=True, slots=True)
class FindingParts:
    """A finding on its way into a case, names as ingested."""

    document: bytes
    """Its JSON: kept sealed."""
    campaign: str
    outcome: str
    named: tuple[str, ...]
    seller: str | None
    seller_probability: str | None
    principals: tuple[str, ...]
    """Every principal that the document names anywhere: all get pseudonyms, so that none is shown by its id."""

    def with_seller(self, seller: str | None, probability: str | None) -> FindingParts:
        """The same with the seller that the evidence is tied to."""
        return replace(self, seller=seller, seller_probability=probability)


@dataclass(frozen=True, slots=True)
class FirstExhibit:
    """What a case is opened from, where it is no finding: bytes, and what they are."""

    kind: str
    title: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One line of the list of checks, for one subject."""

    subject: str
    check: Check
    answered: CheckAnswered | None


class CaseFile(Guarded):
    """Cases, as one person works with them."""

    # --- opening and reading ------------------------------------------------------------------------------

    @needs("open", "case")
    def open_case(
        self,
        title: str,
        source: CaseSource,
        summary: str = "",
        campaign: str | None = None,
        finding: FindingParts | None = None,
        first: FirstExhibit | None = None,
    ) -> Case:
        """A new case, to which whoever opens it is admitted; with its finding or first exhibit, or nothing is written.

        NotAllowedError, in the words of any denial, where the finding concerns whoever opens: nobody could go on with
        what they would leave.
        """
        case = "K-" + "".join(secrets.choice(_CASE_ALPHABET) for _ in range(8))
        told = () if finding is None else finding.principals
        instead = "Name nobody: the case gives each of them a pseudonym."
        said, more = nameless(title, told, "title", instead), nameless(summary, told, "summary", instead)
        event = CaseOpened(said, source, more, campaign)
        with self._writing(None) as transaction:
            person = self._person()
            if finding is not None:
                why = conflict(person.principal, finding.named, self._reports_to())
                permitted(person, "open", "case", replace(NO_CASE, conflict=why))
            roles = tuple(sorted(person.roles & NEEDS_ADMISSION))
            transaction.append(case, person.name, self._clock(), [event, PersonAdmitted(person.name, roles)])
            if finding is not None:
                self._attach(transaction, case, finding)
            if first is not None:
                exhibit = self._exhibit(case, first.kind, first.title, first.content, first.media_type)
                transaction.append(case, person.name, self._clock(), [exhibit])
        return self._case(case)

    @needs("list", "case")
    def cases(self) -> tuple[CaseLine, ...]:
        """The cases there are for this person, oldest first; others are as if they did not exist."""
        return tuple(line for case in self._store.ids() if (line := self._line(case)) is not None)

    def _line(self, case: str) -> CaseLine | None:
        if not self._may("list", case):
            return None
        state = self._case(case)
        title = state.title if self._may("read", case) else None
        return CaseLine(case, state.state, state.opened_at, state.event_count, title, state.conclusion)

    def _may(self, verb: Verb, case: str) -> bool:
        """For what is shown in part: what is refused as a whole goes through `needs`."""
        try:
            self._permit(verb, "case", case)
        except NotAllowedError:
            return False
        return True

    @needs("read", "case")
    def show(self, case: str) -> Case:
        """The case as it stands."""
        return self._case(case)

    @needs("read", "case")
    def timeline(self, case: str) -> tuple[RecordedEvent, ...]:
        """Everything that was done, in order; names are pseudonyms."""
        self._case(case)
        return self._store.events(case)

    @needs("read", "events")
    def events(self, case: str) -> tuple[RecordedEvent, ...]:
        """The same for the auditor, who reads nothing else of a case, and not the words that people wrote."""
        self._case(case)
        return tuple(without_words(one) for one in self._store.events(case))

    @needs("verify", "events")
    def verify(self) -> int:
        """Events looked at, if the events agree with the custody log; CustodyError names the first that does not."""
        self._store.log.verify()
        return self._store.verify_events()

    # --- writing ------------------------------------------------------------------------------------------

    @needs("note", "case")
    def note(self, case: str, text: str) -> RecordedEvent:
        """Something seen or done, in words that name nobody."""
        return self._append(case, NoteAdded(nameless(text, self._store.names(case), "note")))[0]

    @needs("admit", "case")
    def admit(self, case: str, person: str, roles: Iterable[Role]) -> RecordedEvent:
        """Lets somebody work on the case, in roles that they have."""
        found = self._store.people().person(person)
        asked = frozenset(roles)
        if found is None or not found.active:
            raise CaseError(f"There is no active person named {person[:40]}.", "'leaktrace people list' shows all.")
        if not asked <= found.roles:
            missing = ", ".join(sorted(asked - found.roles))
            raise NotAllowedError(f"{person} does not have the role {missing}.", "An admin gives roles.")
        if self._footing(found, case).conflict is not None:
            raise NotAllowedError(f"{person} cannot be admitted to this case.", "Admit somebody else.")
        return self._append(case, PersonAdmitted(person, tuple(sorted(asked))))[0]

    @needs("lock_out", "case")
    def lock_out(self, case: str, person: str, reason: str) -> RecordedEvent:
        """Denies somebody the case for ever, whatever else is granted."""
        if self._store.people().person(person) is None:
            raise CaseError(f"There is nobody named {person[:40]}.", "'leaktrace people list' shows everybody.")
        return self._append(case, PersonLockedOut(person, nameless(reason, self._store.names(case), "reason")))[0]

    @needs("set_subjects", "case")
    def set_subjects(
        self, case: str, principals: Sequence[str], sellers: Sequence[str], reason: str
    ) -> tuple[RecordedEvent, ...]:
        """Whom the case is about. `principals`: ids as ingested, or pseudonyms of this case.

        Whoever is a subject, a subject's manager or report is locked out in the same transaction.
        """
        with self._writing(case) as transaction:
            marked = tuple(self._marked(transaction, case, name) for name in dict.fromkeys(principals))
            names = self._store.names(case)
            event = SubjectSet(marked, tuple(dict.fromkeys(sellers)), nameless(reason, names, "reason"))
            recorded = transaction.append(case, self._actor.person, self._clock(), [event])
            denied = self._denials(case)
            return recorded + transaction.append(case, self._actor.person, self._clock(), denied)

    def _marked(self, transaction: Transaction, case: str, name: str) -> str:
        if PSEUDONYM.fullmatch(name):
            if self._store.name_of(case, name) is None:
                raise CaseError(f"Nobody goes by {name} in {case}.", "'leaktrace case show' lists pseudonyms.")
            return name
        return transaction.pseudonym(case, "principal", name)

    def _denials(self, case: str) -> list[CaseEvent]:
        """Lock-outs of everybody in conflict with the case as it is now; one's own comes last: it ends all acting."""
        state = self._case(case)
        found = in_conflict(self._store.people().everybody(), self._concerned(state), self._reports_to())
        names = sorted(found, key=lambda name: (name == self._actor.person, name))
        return [PersonLockedOut(name, CONCERNED) for name in names if name not in state.locked_out]

    @needs("answer", "case")
    def answer_check(self, case: str, subject: str, check: str, answer: Answer, note: str = "") -> RecordedEvent:
        """Answers a line of 'the account is not the person'."""
        if answer not in ("yes", "no", "unknown"):
            raise CaseError(f"'{answer}' is no answer.", "Answer yes, no or unknown.")
        written = nameless(note, self._store.names(case), "note")
        return self._append(case, CheckAnswered(subject, check, answer, written))[0]

    @needs("read", "case")
    def checks(self, case: str) -> tuple[CheckLine, ...]:
        """The list 'the account is not the person', for every subject, with the answers so far."""
        state = self._case(case)
        subjects = () if state.subjects is None else state.subjects.principals
        return tuple(
            CheckLine(one, check, state.checks.get((one, check.check))) for one in subjects for check in CHECKS
        )

    @needs("hold", "case")
    def hold(self, case: str, *, held: bool, reason: str) -> RecordedEvent:
        """Sets or ends the legal hold of the case; the caller owes the ledger's own hold."""
        return self._append(case, LegalHoldSet(held, nameless(reason, self._store.names(case), "reason")))[0]

    @needs("close", "case")
    def close(self, case: str, conclusion: Conclusion, reason: str) -> RecordedEvent:
        """Ends the case; what waits for approval is void."""
        if conclusion not in get_args(Conclusion):
            raise CaseError(f"'{conclusion[:40]}' is no conclusion.", f"One of {', '.join(get_args(Conclusion))}.")
        return self._append(case, CaseClosed(conclusion, nameless(reason, self._store.names(case), "reason")))[0]

    @needs("close", "case")
    def reopen(self, case: str, reason: str) -> RecordedEvent:
        """Goes on with a closed case."""
        return self._append(case, CaseReopened(nameless(reason, self._store.names(case), "reason")))[0]

    # --- evidence -----------------------------------------------------------------------------------------

    @needs("add", "exhibit")
    def store_exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        """Takes bytes into evidence: encrypted, durable, and then recorded. The title names nobody."""
        return self._stored(case, kind, title, content, media_type)

    @needs("add", "exhibit")
    def attach_finding(self, case: str, parts: FindingParts) -> tuple[RecordedEvent, ...]:
        """A finding becomes part of the case; whom it names is locked out, and so are those above and below them."""
        with self._writing(case) as transaction:
            return self._attach(transaction, case, parts)

    def _attach(self, transaction: Transaction, case: str, parts: FindingParts) -> tuple[RecordedEvent, ...]:
        marks = {name: transaction.pseudonym(case, "principal", name) for name in parts.principals}
        named = tuple(marks.get(name) or transaction.pseudonym(case, "principal", name) for name in parts.named)
        exhibit = self._exhibit(case, "finding", "Finding", parts.document, "application/json")
        event = FindingAttached(
            exhibit.exhibit, parts.campaign, parts.outcome, named, parts.seller, parts.seller_probability
        )
        recorded = transaction.append(case, self._actor.person, self._clock(), [exhibit, event])
        return recorded + transaction.append(case, self._actor.person, self._clock(), self._denials(case))

    @needs("freeze", "exposure")
    def freeze_exposure(self, case: str, exposure: ExposureList) -> ExposureFrozen:
        """Fixes the exposure list: sealed evidence, and its digest in the log."""
        content = canonical(exposure)
        counts: dict[str, int] = {}
        for row in exposure.rows:
            for field in (*row.fields, *row.widened_by):
                counts[field] = counts.get(field, 0) + 1
        with self._writing(case) as transaction:
            for row in exposure.rows:
                transaction.pseudonym(case, "customer", row.customer)
            exhibit = self._exhibit(case, "exposure", "Exposure list", content, "application/json")
            event = ExposureFrozen(
                exhibit.exhibit, exhibit.sha256, len(exposure.rows), dict(sorted(counts.items())), exposure.only_email
            )
            transaction.append(case, self._actor.person, self._clock(), [exhibit, event])
        return event

    @needs("read", "exposure")
    def exposure(self, case: str) -> dict[str, Any]:
        """The frozen exposure list, customers by pseudonym; CaseError where none is frozen."""
        state = self._case(case)
        if state.exposure is None:
            raise CaseError("No exposure list is frozen.", f"leaktrace case exposure {case} --freeze")
        found: dict[str, Any] = self._veiled(case, state.exposure.sha256)
        return found

    @needs("read", "exhibit")
    def exhibits(self, case: str) -> tuple[ExhibitStored, ...]:
        """What was taken into evidence."""
        return tuple(self._case(case).exhibits.values())

    @needs("read", "exhibit")
    def read_exhibit(self, case: str, exhibit: str) -> bytes:
        """The bytes of an exhibit; findings and exposure lists with pseudonyms. Other sealed kinds are refused."""
        found = self._case(case).exhibits.get(exhibit)
        if found is None:
            raise CaseError(f"There is no exhibit {exhibit[:20]} in {case}.", "'leaktrace case exhibits' lists them.")
        if found.kind in VEILED_KINDS:
            return json.dumps(self._veiled(case, found.sha256), ensure_ascii=False, indent=2).encode()
        if found.kind in SEALED_KINDS:
            raise NotAllowedError(
                f"{exhibit} holds names and is sealed.", "It leaves the case in a bundle (hand_over), by two people."
            )
        return self._exhibits.get(found.sha256)

    def _veiled(self, case: str, sha256: str) -> Any:
        return _with_pseudonyms(json.loads(self._exhibits.get(sha256)), dict(self._store.names(case)))

    def _stored(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        with self._writing(case) as transaction:
            event = self._exhibit(case, kind, title, content, media_type)
            transaction.append(case, self._actor.person, self._clock(), [event])
        return event

    def _exhibit(self, case: str, kind: str, title: str, content: bytes, media_type: str) -> ExhibitStored:
        """The bytes made durable, and the event that is to name them; inside a transaction, for the number."""
        if kind not in EXHIBIT_KINDS:
            raise CaseError(f"There is no kind of exhibit '{kind[:40]}'.", f"Kinds are: {', '.join(EXHIBIT_KINDS)}.")
        named = nameless(title, self._store.names(case), "title")
        sha256 = self._exhibits.put(content)
        number = self._case(case).next_exhibit()
        return ExhibitStored(number, kind, named, sha256, len(content), media_type)  # type: ignore[arg-type]

    def _append(self, case: str, *events: CaseEvent) -> tuple[RecordedEvent, ...]:
        with self._writing(case) as transaction:
            return transaction.append(case, self._actor.person, self._clock(), events)


def _with_pseudonyms(value: Any, names: dict[str, str]) -> Any:
    """The same document with every id replaced, in values, in keys and inside sentences."""
    if isinstance(value, str):
        return names.get(value) or replaced(value, {one: mark for one, mark in names.items() if one in value})
    if isinstance(value, list):
        return [_with_pseudonyms(one, names) for one in value]
    if isinstance(value, dict):
        return {_with_pseudonyms(key, names): _with_pseudonyms(one, names) for key, one in value.items()}
    return value
