"""Wires cases and `response`: what one person does about a case, with the permissions that person has.

Names as ingested reach the executors of containment only, at the moment of the call; duties and statements work on the
frozen exposure list with pseudonyms.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from leaktrace.casedesk.desk import CaseRoom
from leaktrace.casedesk.speakingagainst import speaking_against
from leaktrace.caserecords import (
    ActionName,
    CaseEvent,
    DutyAssessment,
    ExposureList,
    FindingAttached,
    StartEvent,
    StatementDrafted,
    exposure_of,
)
from leaktrace.cases import Actor, CaseWork, Inside
from leaktrace.errors import ResponseError
from leaktrace.response.contain import CaseFile, ContainConfig, Containment, SellerFacts
from leaktrace.response.duties import Law, assess_case, builtin_laws, field_kinds, forbidden_for
from leaktrace.response.statement import LANGUAGES, GatePolicy, StatementDesk, builtin_wording


class ResponseDesk:
    """One person acting on cases. `CaseWork` decides at every call whether they may."""

    def __init__(self, room: CaseRoom, actor: Actor) -> None:
        self._room = room
        self._work = CaseWork(room.premises, actor)
        self._inside = Inside(room.premises, actor)

    def ask(self, case: str, action: ActionName, target: str, parameters: object, why: str) -> str:
        """Asks a second person; the request's id."""
        return self._work.request(case, action, target, parameters, why).asked.request

    def justification(self, case: str, text: str) -> str:
        """What else ties a seller to the mails, if it names nobody: the seller will read it."""
        return self._work.naming_nobody(case, text, "justification")

    def assess_duties(
        self,
        case: str,
        laws: Sequence[Law],
        answers: Mapping[str, bool],
        moments: Mapping[StartEvent, datetime],
        markets: Sequence[str] = (),
    ) -> DutyAssessment:
        """Judges the laws on the frozen exposure list and records it.

        Where nobody says when the company became aware, the case's opening counts: then at the latest it was.
        """
        state = self._work.show(case)
        frozen = self._frozen(case)
        opened_at = self._work.timeline(case)[0].entry.at
        known: dict[StartEvent, datetime] = {"aware": opened_at, **moments}
        return assess_case(
            case,
            frozen,
            self._work,
            laws,
            self._room.clock(),
            fields_complete=self._fields_complete(case),
            answers=answers,
            moments={"noticed": known["aware"], **known},
            exposure_sha256=state.exposure.sha256 if state.exposure else None,
            markets=markets,
        )

    def containment(self, case: str, config: Callable[[], ContainConfig]) -> Containment:
        """Plans and carries out containment in a case.

        `config` is read once the person may see the case: what is wrong with it is for nobody else.
        """
        self._work.show(case)
        keyring = self._room.opened.keyring
        file = CaseFile(
            case=case,
            diary=self._work,
            approvals=self._work,
            events=self._events(case),
            people=self._room.store.people().everybody(),
            principal_of=lambda subject: self._inside.subject_name(case, subject),
            account_mark=lambda account: keyring.log_tag(f"contain\n{case}\n{account}".encode()),
            read_exhibit=lambda exhibit: self._work.read_exhibit(case, exhibit),
            unmet=lambda action, subject: self._work.unmet(case, action, subject),
            against=lambda action, subject: speaking_against(self._work, case, action, subject),
            check=lambda request, action, subject: self._work.check(case, request, action, subject),
            asked_parameters=lambda request: self._work.asked_parameters(case, request),
            seller_facts=lambda seller: self._seller_facts(case, seller),
            seller_threshold_probability=self._room.opened.settings.seller_block_threshold_probability,
        )
        return Containment(file, config(), self._room.clock, time.sleep)

    def statement(self, case: str, policy: GatePolicy) -> StatementDesk:
        """Drafts, gates and publishes the statement of a case."""
        state = self._work.show(case)
        return StatementDesk(
            case=case,
            exposure=self._frozen(case),
            events=lambda: self._events(case),
            diary=self._work,
            approvals=self._work,
            read_exhibit=lambda exhibit: self._work.read_exhibit(case, exhibit),
            policy=policy,
            wordings=tuple(builtin_wording(language) for language in LANGUAGES),
            kind_of=field_kinds(),
            forbidden_for=lambda audience: forbidden_for(audience, builtin_laws()),
            lift_hold=lambda gate, reason, request: self._work.lift_hold(case, gate, reason, request),
            drafting_allowed=lambda: self._work.may_record(case, StatementDrafted),
            exposure_sha256=state.exposure.sha256 if state.exposure else None,
        )

    def _events(self, case: str) -> tuple[CaseEvent, ...]:
        return tuple(one.event for one in self._work.timeline(case))

    def _frozen(self, case: str) -> ExposureList:
        return exposure_of(self._work.exposure(case))

    def _findings(self, case: str) -> list[FindingAttached]:
        return [event for event in self._events(case) if isinstance(event, FindingAttached)]

    def _finding(self, case: str, attached: FindingAttached) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._work.read_exhibit(case, attached.exhibit))
        return found

    def _fields_complete(self, case: str) -> bool | None:
        """Whether the log shows every field that was seen, as the last finding says of the log."""
        attached = self._findings(case)
        coverage = self._finding(case, attached[-1]).get("log_coverage") if attached else None
        return bool(coverage["allows_fields_statement"]) if coverage else None

    def _seller_facts(self, case: str, seller: str) -> SellerFacts:
        """Counts of the last finding that ties mails to this seller."""
        attached = [one for one in self._findings(case) if one.seller == seller]
        if not attached:
            raise ResponseError(
                "No finding of the case ties mails to this seller.", "A seller is not blocked without facts to give."
            )
        evidence = self._finding(case, attached[-1]).get("evidence", {})
        first, last = self._mail_days(attached[-1].campaign)
        return SellerFacts(
            seller=seller,
            report_count=int(evidence.get("report_count", 0)),
            customer_count=int(evidence.get("customer_count", 0)),
            decoy_hit_count=int(evidence.get("decoy_hit_count", 0)),
            first_mail_at=first,
            last_mail_at=last,
            seller_probability=attached[-1].seller_probability,
        )

    def _mail_days(self, campaign: str) -> tuple[datetime | None, datetime | None]:
        times = [one.received_at for one in self._room.mail.evidence_of(campaign).items if one.received_at is not None]
        return (min(times), max(times)) if times else (None, None)
