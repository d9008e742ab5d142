"""Notices of cases: what they need of the case room (`noticeneeds.NoticeCase`), as one person may have it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from leaktrace.casedesk.desk import CaseRoom, log_lookup
from leaktrace.caserecords import (
    BundleWritten,
    DutiesAssessed,
    ExposureFrozen,
    NoticesPlanned,
    NoticesReconciled,
    TranslationApproved,
    exposure_of,
)
from leaktrace.cases import Actor, CaseWork
from leaktrace.errors import CaseError
from leaktrace.noticedesk.desk import NoticeDesk
from leaktrace.noticedesk.needs import Outside
from leaktrace.noticedesk.reports import FrozenList
from leaktrace.response.notices import read_config
from leaktrace.response.notices.facts import Measure

RESPONSE, CONFIG = "response", "notices.toml"


class CaseNotices:
    """A case, for its notices.

    `domains_of`: mail domains of sellers, from the ledger. `look_up`: writes whom, and why, into the look-up log.
    """

    def __init__(
        self,
        work: CaseWork,
        domains_of: Callable[[Sequence[str]], frozenset[str]],
        look_up: Callable[[str, str], None],
    ) -> None:
        self._work = work
        self._domains_of = domains_of
        self._look_up = look_up

    def require_reader(self, case: str) -> None:
        """The outbox lies beside the case and asks nobody: the case itself says who may know whom it concerns."""
        self._work.show(case)

    def require_teller(self, case: str, kind: type[NoticesPlanned] | type[NoticesReconciled]) -> None:
        """The roles of the case say who tells customers."""
        self._work.may_record(case, kind)

    def exposure(self, case: str) -> FrozenList:
        """The frozen list, customers by pseudonym."""
        return FrozenList(exposure_of(self._work.exposure(case)), self._frozen(case).sha256)

    def customer_named(self, case: str, customer: str, why: str) -> str:
        """The pseudonym of a customer's id; the look stands in look-up log and case before it is answered."""
        return self._work.customer_mark(case, customer, why, lambda found: self._look_up(f"{case} {found}", why))

    def customers(self, case: str, request: str) -> dict[str, str]:
        """Pseudonym -> id: the sealed list beside the veiled one, which have the same rows in the same order."""
        sealed = json.loads(self._work.sealed_exhibit(case, request, self._frozen(case).exhibit))
        veiled = self._work.exposure(case)
        pairs = zip(veiled["rows"], sealed["rows"], strict=True)
        return {shown["customer"]: row["customer"] for shown, row in pairs}

    def translations(self, case: str) -> tuple[TranslationApproved, ...]:
        """Every approved translation of the case."""
        return self._work.show(case).translations

    def measures_borne(self, case: str) -> frozenset[Measure]:
        """What was read back as contained, what was handed over, and a duty whose `reported` somebody dated."""
        state, events = self._work.show(case), [one.event for one in self._work.timeline(case)]
        subjects = state.subjects
        done = {one.target for one in state.contained.values() if one.state == "contained"}
        borne: set[Measure] = set()
        if subjects is not None and done & set(subjects.principals):
            borne.add("access_suspended")
        if subjects is not None and done & set(subjects.sellers):
            borne.add("seller_blocked")
        if any(isinstance(one, BundleWritten) for one in events):
            borne.add("police_told")
        if any(isinstance(one, DutiesAssessed) and self._reported(case, one) for one in events):
            borne.add("authority_told")
        return frozenset(borne)

    def _reported(self, case: str, assessed: DutiesAssessed) -> bool:
        kept = json.loads(self._work.read_exhibit(case, assessed.exhibit))
        return "reported" in kept["facts"]["moments"]

    def version_asked(self, case: str, request: str) -> str | None:
        """The target of a request to send notices."""
        found = self._work.show(case).request(request)
        return None if found is None or found.action != "send_notices" else found.asked.target

    def note(self, case: str, text: str) -> None:
        """A note in the case, in words that name nobody."""
        self._work.note(case, text)

    def sellers_domains(self, case: str) -> frozenset[str]:
        """Mail domains of the sellers the case is about, and of those whom its findings tie to the mails, however
        surely: a notice to the sender's own mailbox tells what we know.
        """
        found = self._work.show(case)
        sellers = {one.seller for one in found.findings if one.seller is not None}
        sellers.update(found.subjects.sellers if found.subjects is not None else ())
        return self._domains_of(sorted(sellers)) if sellers else frozenset()

    def _frozen(self, case: str) -> ExposureFrozen:
        frozen = self._work.show(case).exposure
        if frozen is None:
            raise CaseError("No exposure list is frozen.", f"Freeze it: leaktrace case exposure {case} --freeze.")
        return frozen


def notice_desk(room: CaseRoom, actor: Actor) -> NoticeDesk:
    """Notices as this person works with them; settings are in the workspace's `notices.toml`."""
    work, path = CaseWork(room.premises, actor), room.opened.path

    def domains_of(sellers: Sequence[str]) -> frozenset[str]:
        asked = frozenset(sellers)
        return frozenset(domain for one in room.ledger.sellers() if one.seller in asked for domain in one.domains)

    return NoticeDesk(
        path / RESPONSE,
        # A key of its own for return paths and message ids; stays when the encryption key is rotated.
        bytes.fromhex(room.opened.keyring.log_tag(b"leaktrace/1/notices")),
        lambda: read_config(path / CONFIG),
        CaseNotices(work, domains_of, lambda whom, why: log_lookup(room, actor.person, "notice", whom, why)),
        work,
        work,
        Outside(clock=room.clock),
    )
