"""A small company with one case in it: everybody there can be, everything a case can hold."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leaktrace.caserecords import (
    ActionName,
    ExposureList,
    ExposureRow,
    GateAnswered,
    PersonLockedOut,
    Role,
    StatementDrafted,
    TranslationApproved,
)
from leaktrace.caserecords.checks import CHECK_NAMES
from leaktrace.cases import (
    Actor,
    CaseStore,
    CaseWork,
    ExhibitStore,
    FindingParts,
    Inside,
    PeopleDesk,
    Premises,
    enrol_first,
)
from leaktrace.cases.custody.keeper import LogKeeper
from leaktrace.cases.custody.logkeys import log_keys
from leaktrace.cases.signing import PersonKey
from leaktrace.keys import Keyring

KEYRING = Keyring(b"\x05" * 32, "case-workspace")
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
SUBJECT, BOSS, CHIEF, MATE, REPORT = "u-subject-77", "u-boss-77", "u-chief-77", "u-mate-77", "u-report-77"
CUSTOMERS = ("cust-000001", "cust-000002", "cust-000003")
SELLER = "s-bad"
REPORTS_TO = {SUBJECT: BOSS, BOSS: CHIEF, MATE: BOSS, REPORT: SUBJECT}
TARGETS: dict[ActionName, str] = {
    "contain_seller": SELLER,
    "send_notices": "v1",
    "approve_translation": "general/en",
    "publish_statement": "statement",
    "hand_over": "police",
    "forget": "ledger",
    "retain": "ledger",
    "split_campaign": "c-1",
    "lift_hold": "police_hold",
}
"""Target of each action that is not about a principal."""


class Clock:
    """Gives a time a second later at every look; can be put forward."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def forward(self, hours: float) -> None:
        """So many hours pass."""
        self.at += timedelta(hours=hours)


@dataclass
class Company:
    """The store of cases with its people and their keys."""

    folder: Path
    keyring: Keyring
    clock: Clock = field(default_factory=Clock)
    keys: dict[str, PersonKey] = field(default_factory=dict)
    case: str = ""
    subject: str = ""
    """The subject's pseudonym."""
    anchored: bool = False
    """Whether checkpoints of the log are kept beside the database."""
    premises: Premises = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """The store, opened (again)."""
        store = CaseStore(self.folder / "cases", self.keyring, keeper_for(self.folder) if self.anchored else None)
        exhibits = ExhibitStore(self.folder / "cases" / "exhibits", self.keyring)
        self.premises = Premises(store, exhibits, self.clock, lambda: REPORTS_TO)

    def close(self) -> None:
        """Lets the store go."""
        self.premises.store.close()

    def copy_to(self, folder: Path) -> Company:
        """The same company in another place."""
        shutil.copytree(self.folder, folder)
        return Company(folder, self.keyring, Clock(self.clock.at), self.keys, self.case, self.subject)

    def actor(self, name: str) -> Actor:
        """Somebody who signed in by key."""
        return Actor(name, "key", self.keys[name])

    def work(self, name: str) -> CaseWork:
        """Somebody's desk."""
        return CaseWork(self.premises, self.actor(name))

    def people(self, name: str) -> PeopleDesk:
        """Somebody's desk for people."""
        return PeopleDesk(self.premises, self.actor(name))

    def inside(self, name: str) -> Inside:
        """What the wiring may ask as somebody."""
        return Inside(self.premises, self.actor(name))

    def enrol(self, name: str, *roles: Role, principal: str | None = None) -> None:
        """Somebody more, enrolled by root."""
        self.keys[name] = PersonKey.fresh(name)
        self.people("root").enrol(name, self.keys[name].public_key, roles, principal)

    def granted(self, action: ActionName, target: str, parameters: object, *, used: bool, by: str = "ina") -> str:
        """A request by `by`, approved by dana, and used when asked; its id."""
        request = self.work(by).request(self.case, action, target, parameters, "needed").asked.request
        self.work("dana").approve(self.case, request)
        if used:
            self.work(by).use(self.case, request, action, target, parameters)
        return request


def keeper_for(folder: Path) -> LogKeeper:
    """Keeps the log's anchor beside the store."""
    return LogKeeper(log_keys(KEYRING.custody_seeds(), "case-workspace"), [folder / "cases" / "custody.anchor"])


def empty_company(folder: Path, *, anchored: bool = False) -> Company:
    """Only root, the admin."""
    company = Company(folder, KEYRING, anchored=anchored)
    company.keys["root"] = PersonKey.fresh("root")
    enrol_first(company.premises, "root", company.keys["root"].public_key)
    return company


def staffed_company(folder: Path, *, anchored: bool = False) -> Company:
    """Everybody: each role, and whoever stands in the way of a case about the subject."""
    company = empty_company(folder, anchored=anchored)
    company.enrol("ina", "investigator", principal=MATE)
    company.enrol("ivo", "investigator")
    company.enrol("olaf", "privacy_officer")
    company.enrol("otto", "privacy_officer")
    company.enrol("dana", "approver")
    company.enrol("aud", "auditor")
    company.enrol("adam", "admin")
    company.enrol("saul", "investigator", "approver", principal=SUBJECT)
    company.enrol("bea", "approver", "investigator", principal=BOSS)
    company.enrol("chet", "approver", principal=CHIEF)
    company.enrol("rita", "approver", "privacy_officer", principal=REPORT)
    company.enrol("lola", "approver", "investigator")
    company.enrol("gone", "investigator", "approver")
    return company


def opened_company(folder: Path, *, anchored: bool = False) -> Company:
    """With a case opened by ina, to which olaf is admitted; `lola` and `gone` are too, before they are denied."""
    company = staffed_company(folder, anchored=anchored)
    company.case = company.work("ina").open_case("Mail of spring", "hand", "A summary.").case
    company.work("ina").admit(company.case, "olaf", ["privacy_officer"])
    company.work("ina").admit(company.case, "lola", ["investigator"])
    company.work("ina").admit(company.case, "gone", ["investigator"])
    return company


def full_company(folder: Path) -> Company:
    """With a case that holds everything a case can hold, up to statements and held gates opened."""
    company = opened_company(folder)
    ina, olaf, case = company.work("ina"), company.work("olaf"), company.case
    ina.attach_finding(case, finding_parts())
    ina.set_subjects(case, [SUBJECT], [SELLER], "the finding")
    subjects = ina.show(case).subjects
    assert subjects is not None
    (company.subject,) = subjects.principals
    for check in CHECK_NAMES:
        ina.answer_check(case, company.subject, check, "no")
    for kind in ("mail", "accesses", "tip", "notice", "document", "other"):
        ina.store_exhibit(case, kind, f"A {kind}", f"{kind} of {SUBJECT} and {CUSTOMERS[0]}".encode(), "text/plain")
    ina.freeze_exposure(case, exposure_list())
    stored = ina.store_exhibit(case, "statement", "Statement", b"We are sorry.", "text/plain")
    olaf.record(case, StatementDrafted(stored.exhibit, stored.sha256))
    olaf.record(case, GateAnswered("counsel", "open", "counsel agreed"))
    translation = company.granted("approve_translation", "general/en", {}, used=True, by="olaf")
    olaf.record(case, TranslationApproved(translation, "general", "en", "a" * 64))
    company.work("dana").lock_out(case, "lola", "a relative")
    company.people("root").change("gone", "left the company", active=False)
    return company


def finding_parts() -> FindingParts:
    """A finding that names the subject, and weighs a colleague."""
    document = {"outcome": "named", "named": [SUBJECT], "why": [{"sentence": f"{SUBJECT} opened more than {MATE}."}]}
    return FindingParts(
        document=json.dumps(document).encode(),
        campaign="c-1",
        outcome="named",
        named=(SUBJECT,),
        seller=SELLER,
        seller_probability="0.98",
        principals=(MATE, SUBJECT),
    )


def exposure_list() -> ExposureList:
    """Three customers."""
    rows = tuple(
        ExposureRow(one, "confirmed", ("email",), START - timedelta(days=30), "DE", "de", 2) for one in CUSTOMERS
    )
    return ExposureList(
        campaign="c-1",
        finding_sha256="b" * 64,
        frozen_at=START,
        rows=rows,
        only_email="yes",
        only_email_reason="The log shows no other field.",
        window_start_at=START - timedelta(days=90),
        window_end_at=START,
    )


def names_of_events(company: Company, who: str = "ina") -> list[str]:
    """Kinds of the case's events, in order."""
    return [one.entry.kind for one in company.work(who).timeline(company.case)]


def denied(company: Company, who: str) -> list[PersonLockedOut]:
    """Lock-outs of somebody in the case."""
    events = [one.event for one in company.work("ina").timeline(company.case)]
    return [one for one in events if isinstance(one, PersonLockedOut) and one.person == who]


Call = Callable[[Company, str], object]
"""One call of a public method, as somebody."""
