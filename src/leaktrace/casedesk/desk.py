"""Cases of one workspace, as one person works with them: the public Python API for cases.

`CaseDesk.work` is what executors take (`caserecords.Approvals`, `caserecords.CaseDiary`). Every method asks for the
permission before it looks anything up; what it looks up of a person stands in the look-up log under the person's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, get_args

from leaktrace import lookuplog
from leaktrace.casedesk.exposurenumbers import ExposureSummary, summary_of, summary_of_document
from leaktrace.casedesk.holds import end_hold, put_on_hold
from leaktrace.casedesk.speakingagainst import speaking_against
from leaktrace.casedesk.work import account_facts, finding_parts, made_exposure, mail_texts, reporting_lines
from leaktrace.caserecords import ActionName, ExposureFrozen, ExposureList, Person, RecordedEvent, Role
from leaktrace.cases import (
    Actor,
    Case,
    CaseStore,
    CaseWork,
    ExhibitStore,
    HabitFact,
    Inside,
    Opened,
    PeopleDesk,
    Premises,
    Request,
)
from leaktrace.cases.casefile import Answer, FindingParts, FirstExhibit
from leaktrace.cases.pseudonyms import PSEUDONYM
from leaktrace.cases.store import Keeper
from leaktrace.errors import CaseError, NotAllowedError, UsageError
from leaktrace.folder import CASES, LOOKUPS
from leaktrace.folder import Opened as OpenedFolder
from leaktrace.intake.mailflow import MailFlow
from leaktrace.ledger import DuckLedger, Progress, Signed
from leaktrace.records import Erasure, Finding, LegalHold, Retention
from leaktrace.tracing.inquiry import strangers
from leaktrace.tracing.onetrace import Traced
from leaktrace.tracing.traces import Traces

LEDGER = "ledger"
"""Target of what erases rows."""
MAIL_CEILING_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What the log says about the use of one subject's account."""

    subject: str
    facts: tuple[HabitFact, ...]


class CaseRoom:
    """The store of cases of one workspace, opened once; gives each person their own desk."""

    def __init__(
        self,
        opened: OpenedFolder,
        ledger: DuckLedger,
        mail: MailFlow,
        clock: Callable[[], datetime],
        keeper: Keeper | None = None,
    ) -> None:
        self.opened, self.ledger, self.mail, self.clock = opened, ledger, mail, clock
        folder = opened.path / CASES
        self.store = CaseStore(folder, opened.keyring, keeper)
        self.premises = Premises(
            store=self.store,
            exhibits=ExhibitStore(folder / "exhibits", opened.keyring),
            clock=clock,
            reports_to=lambda: reporting_lines(ledger),
        )

    def close(self) -> None:
        """Lets the store go."""
        self.store.close()

    def knowing(self, customers: Iterable[str]) -> tuple[str, ...]:
        """Cases, open or closed, in which any of these customers (ids as ingested) has a pseudonym."""
        asked = set(customers)
        return tuple(case for case in self.store.ids() if not asked.isdisjoint(self.store.names(case)))

    def has_people(self) -> bool:
        """Whether anybody is enrolled: from then on nobody acts alone."""
        return bool(self.store.people().by_name)


class CaseDesk:
    """One person at work. Nothing here decides who may do what: `work` and `people` do, at every call."""

    def __init__(self, room: CaseRoom, actor: Actor) -> None:
        self._room = room
        self._actor = actor
        self.work = CaseWork(room.premises, actor)
        self.people = PeopleDesk(room.premises, actor)
        self._inside = Inside(room.premises, actor)

    def now(self) -> datetime:
        """The time by the workspace's clock."""
        return self._room.clock()

    # --- opening ------------------------------------------------------------------------------------------

    def open_from_campaign(
        self, campaign: str, title: str, *, field: str = "email", why: str = "", summary: str = ""
    ) -> Case:
        """A case about a campaign, with its finding as the first exhibit; subjects are not set by it.

        NotAllowedError, and no case, for whoever the finding concerns: they do not see it either.
        """
        told = f"Campaign {campaign}. {summary}".rstrip()
        self._inside.opening(title, told)
        finding = self._finding(campaign, field, why or "to open a case")
        return self.work.open_case(title, "finding", told, campaign, finding)

    def open_from_tip(self, title: str, text: str, summary: str = "") -> Case:
        """A case from what somebody told: a press report, an offered list. The words are kept as an exhibit."""
        if not text.strip():
            raise UsageError("The tip is empty.", "Say what was told, by whom, when.")
        first = FirstExhibit("tip", "Tip", text.encode(), "text/plain; charset=utf-8")
        return self.work.open_case(title, "tip", summary, first=first)

    def open_from_mail(self, title: str, raw: bytes, summary: str = "") -> Case:
        """A case from one mail; its bytes are the first exhibit."""
        if not raw.strip() or len(raw) > MAIL_CEILING_BYTES:
            raise UsageError("That is no mail, or it is too large.", f"Up to {MAIL_CEILING_BYTES} bytes.")
        return self.work.open_case(title, "mail", summary, first=FirstExhibit("mail", "Mail", raw, "message/rfc822"))

    def open_by_hand(self, title: str, summary: str = "") -> Case:
        """A case that somebody opens without anything of the above."""
        return self.work.open_case(title, "hand", summary)

    def attach_finding(
        self, case: str, campaign: str, *, field: str = "email", why: str = ""
    ) -> tuple[RecordedEvent, ...]:
        """Traces a campaign and puts the finding into the case. People whom it concerns are locked out by that."""
        self._inside.finding_basis(case)
        return self.work.attach_finding(case, self._finding(campaign, field, why or f"case {case}"))

    def _finding(self, campaign: str, field: str, why: str) -> FindingParts:
        """What a campaign's finding is, as a case keeps it; UsageError for a campaign that there is not."""
        parts = finding_parts(self._traced(campaign, field, why).finding)
        evidence = self._room.mail.evidence_of(campaign)
        probability = None if evidence.seller_probability is None else f"{evidence.seller_probability:.4f}"
        return parts.with_seller(evidence.seller, probability)

    # --- what is read, with an entry in the look-up log before it is given out ------------------------------

    def read_exhibit(self, case: str, exhibit: str) -> bytes:
        """The bytes of an exhibit that may be read."""
        content = self.work.read_exhibit(case, exhibit)
        self._log("exhibit", f"{case} {exhibit}", "")
        return content

    def read_exposure(self, case: str) -> dict[str, Any]:
        """The frozen exposure list, customers by pseudonym."""
        found = self.work.exposure(case)
        self._log("exposure", case, "")
        return found

    # --- exposure -----------------------------------------------------------------------------------------

    def exposure_summary(self, case: str) -> ExposureSummary:
        """The exposure list as it would be frozen now, in numbers."""
        return summary_of(self._exposure(case))

    def _exposure(self, case: str) -> ExposureList:
        """The list itself, customers by their ids: for freezing, not for showing."""
        state = self._inside.exposure_basis(case)
        if not state.findings:
            raise CaseError(f"{case} has no finding.", "Attach one: leaktrace case finding CASE CAMPAIGN.")
        attached = state.findings[-1]
        sha256 = state.exhibits[attached.exhibit].sha256
        room = self._room
        # The list is of the state of the ledger that the finding is about, whatever is ingested meanwhile.
        with room.ledger.steady():
            traced = self._traced(attached.campaign, "email", f"exposure list of {case}")
            _same_answer(traced.finding, attached.outcome, attached.named, self._inside.pseudonyms(case))
            texts = mail_texts(room.mail, room.ledger, room.opened.settings, attached.campaign)
            return made_exposure(room.ledger, room.opened.keyring, traced, texts, sha256, room.clock())

    def shown_exposure(self, case: str) -> tuple[ExposureSummary, ExposureFrozen | None]:
        """(numbers, what was frozen where they are of that): the list as it would be, for whoever may freeze it.

        Whoever decides on notices sees the frozen one, which is what notices go by, and looks nothing up in the log.
        """
        try:
            return self.exposure_summary(case), None
        except NotAllowedError:
            return self.frozen_summary(case), self.work.show(case).exposure

    def freeze_exposure(self, case: str) -> ExposureFrozen:
        """Makes the exposure list, keeps it as sealed evidence, and writes its digest into the log."""
        return self.work.freeze_exposure(case, self._exposure(case))

    def frozen_summary(self, case: str) -> ExposureSummary:
        """The frozen exposure list, in numbers."""
        return summary_of_document(self.work.exposure(case))

    # --- whom it is about, and who works on it ------------------------------------------------------------

    def set_subjects(
        self, case: str, principals: Sequence[str], sellers: Sequence[str], reason: str
    ) -> tuple[RecordedEvent, ...]:
        """Whom the case is about; an id that the ledger does not know is a slip and is refused."""
        self._inside.subject_basis(case)
        self._known([one for one in principals if not PSEUDONYM.fullmatch(one)])
        sold = {facts.seller for facts in self._room.ledger.sellers()}
        strangers = [one for one in sellers if one not in sold]
        if sold and strangers:
            raise UsageError(
                f"There is no seller '{strangers[0][:60]}' in the ledger.", "Ids are as they were ingested."
            )
        return self.work.set_subjects(case, principals, sellers, reason)

    def enrol(self, name: str, public_key: str, roles: Iterable[Role], principal: str | None = None) -> Person:
        """Enrols somebody. A wrong account would never be found in conflict with anything: it has to be known."""
        self._inside.enrolling()
        self._known([] if principal is None else [principal])
        return self.people.enrol(name, public_key, roles, principal)

    def _known(self, principals: Sequence[str]) -> None:
        if principals:
            known = {facts.name for facts in self._room.ledger.principals()}
            if known and not set(principals) <= known:
                raise UsageError("The ledger knows no principal of this id.", "Ids are as they were ingested.")

    # --- the account is not the person --------------------------------------------------------------------

    def subject_facts(self, case: str) -> tuple[SubjectFacts, ...]:
        """What the log says for the list of checks, for each subject: hours, tools, volume against its own habit."""
        state = self.work.show(case)
        if state.subjects is None or not state.findings:
            return ()
        campaign = state.findings[-1].campaign
        evidence = self._room.mail.evidence_of(campaign)
        found = []
        for subject in state.subjects.principals:
            name = self._inside.subject_name(case, subject)
            self._log("habit", subject, f"list of checks of {case}")
            keyring, settings = self._room.opened.keyring, self._room.opened.settings
            found.append(SubjectFacts(subject, account_facts(self._room.ledger, keyring, name, evidence, settings)))
        return tuple(found)

    def answer(self, case: str, written: str, remark: str = "") -> RecordedEvent:
        """Answers a check as a command gives it: `SUBJECT:CHECK=answer`, or without the only subject."""
        name, equals, reply = written.partition("=")
        subject, colon, check = name.rpartition(":")
        if not colon:
            subjects = {line.subject for line in self.work.checks(case)}
            if len(subjects) != 1:
                raise UsageError("The case has several subjects, or none.", "Say which: P-….:CHECK=answer.")
            subject = subjects.pop()
        given = next((one for one in get_args(Answer) if one == reply), None)
        if not equals or given is None:
            raise UsageError(f"'{written[:80]}' is no answer.", "Write CHECK=yes, CHECK=no or CHECK=unknown.")
        return self.work.answer_check(case, subject, check, given, remark)

    def speaking_against(self, case: str, action: ActionName, target: str) -> tuple[str, ...]:
        """What is on record against whom an action is about: for whoever signs it."""
        return speaking_against(self.work, case, action, target)

    # --- names --------------------------------------------------------------------------------------------

    def unmask(self, case: str, request: str) -> Opened:
        """Who a pseudonym is, by an approval; the look-up stands in the look-up log before the name is read."""
        return self.work.unmask(case, request, lambda mark: self._log("unmask", f"{case} {mark}", request))

    # --- legal hold ---------------------------------------------------------------------------------------

    def hold(self, case: str, reason: str, *, everybody: bool = False) -> tuple[LegalHold, ...]:
        """Keeps the customers of the frozen exposure list (or everybody's) from being erased while the case needs them.

        Said again after a kill in between, or once the list has grown, it holds whom the ledger does not hold yet.
        """
        before = self._inside.hold_basis(case)
        customers = None if everybody else list(self._inside.exposed_customers(case))
        if customers is not None and not customers:
            raise CaseError(f"No customer is on the exposure list of {case}.", "Freeze it first, or hold everybody.")
        return put_on_hold(before, customers, self.work, self._room.ledger.upkeep(), self._signed(reason))

    def release(self, case: str, reason: str) -> int:
        """Ends the legal hold; how many holds there were."""
        before = self._inside.hold_basis(case)
        return end_hold(before, self.work, self._room.ledger.upkeep(), self._signed(reason))

    # --- what erases, by two ------------------------------------------------------------------------------

    def ask_to_forget(self, case: str, customers: Sequence[str], reason: str) -> Request:
        """Asks for customers (ids as ingested) to be erased; the request holds their keyed numbers only, and the cases
        that know them: whoever approves must see that a bundle will lack the accesses to somebody in evidence.

        LedgerError, and nobody is asked, while a legal hold needs their rows.
        """
        self._inside.asking(case)
        self._room.ledger.upkeep().demand_erasable(customers)
        return self.work.request(case, "forget", LEDGER, self._forgetting(customers), reason)

    def forget(
        self, case: str, request: str, customers: Sequence[str], reason: str, progress: Progress | None = None
    ) -> Erasure:
        """Erases exactly the customers that were approved. LedgerError while a legal hold needs their rows."""
        # Neither a hold laid since it was asked for nor a reason that is refused must cost the approval of two.
        lookuplog.demand_no_address(reason, "reason (--why)")
        self._room.ledger.upkeep().demand_erasable(customers)
        self.work.use(case, request, "forget", LEDGER, self._forgetting(customers))
        for number in self._forgetting(customers)["customers"]:
            self._log("forget", f"customer {number}", f"{case} {request} {reason}".strip())
        done = self._room.ledger.upkeep().forget(customers, self._signed(f"{case} {request} {reason}"), progress)
        return replace(done, held_in=self._room.knowing(customers))

    def strangers(self, customers: Sequence[str]) -> list[str]:
        """Those of these customers (ids as ingested) whom the ledger does not know: mistyped, perhaps."""
        return strangers(self._room.ledger, self._room.opened.keyring, customers)

    def ask_to_retain(self, case: str, table: str, months: int | None, before: str | None, reason: str) -> Request:
        """Asks for months to be let go; what is approved is the first month that stays, whenever it is done."""
        return self.work.request(case, "retain", LEDGER, self._retaining(table, months, before), reason)

    def retain(
        self, case: str, request: str, table: str, before: str, reason: str, progress: Progress | None = None
    ) -> Retention:
        """Lets exactly the months go that were approved. LedgerError where a legal hold needs any of them."""
        lookuplog.demand_no_address(reason, "reason (--why)")
        self._room.ledger.upkeep().demand_no_hold(table, before, self._room.clock())
        self.work.use(case, request, "retain", LEDGER, {"kept_from": before, "table": table})
        self._log("retain", f"{table} {before}", f"{case} {request} {reason}".strip())
        signed = self._signed(f"{case} {request} {reason}")
        return self._room.ledger.upkeep().retain(table, signed, before=before, done=True, progress=progress)

    def _forgetting(self, customers: Sequence[str]) -> dict[str, list[str]]:
        numbers = self._room.ledger.upkeep().numbers(list(dict.fromkeys(customers)))
        known_in = sorted(self._room.knowing(customers))
        told = {"customers": sorted(f"{number:016x}" for number in numbers)}
        return told | ({"in_evidence_of": known_in} if known_in else {})

    def _retaining(self, table: str, months: int | None, before: str | None) -> dict[str, str]:
        counted = self._room.ledger.upkeep().retain(table, self._signed(""), months=months, before=before)
        return {"kept_from": counted.kept_from, "table": table}

    # --- inside -------------------------------------------------------------------------------------------

    def _traced(self, campaign: str, field: str, why: str) -> Traced:
        evidence = self._room.mail.evidence_of(campaign)
        self._log("trace", f"{campaign} {field}", why)
        room = self._room
        with room.ledger.steady():
            traces = Traces(room.opened, room.ledger, room.mail, room.clock)
            return traces.one(evidence, field, persons=None, pseudonyms=False)

    def _signed(self, why: str) -> Signed:
        return Signed(self._room.clock(), self._actor.person, why)

    def _log(self, what: str, subject: str, why: str) -> None:
        log_lookup(self._room, self._actor.person, what, subject, why)


def log_lookup(room: CaseRoom, who: str, what: str, subject: str, why: str) -> None:
    """Writes a look at somebody into the look-up log, before it is done: where that fails, nothing is shown."""
    path = room.opened.path / LOOKUPS
    lookuplog.append(path, room.opened.keyring, at=room.clock(), who=who, what=what, subject=subject, why=why)


def _same_answer(finding: Finding, outcome: str, named: tuple[str, ...], pseudonyms: dict[str, str]) -> None:
    """CaseError where the ledger now gives another answer than the finding in the case: then that one is old."""
    if finding.outcome != outcome or sorted(pseudonyms.get(one, one) for one in finding.named) != sorted(named):
        raise CaseError(
            "The evidence gives another finding now than the one in the case.",
            "Attach the new finding first, then freeze the exposure list.",
        )
