"""From a real case store and its custody log to a bundle that both verifiers take."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leaktrace.casedesk.handingover import HandOverDesk
from leaktrace.caserecords import BundleWritten, Role
from leaktrace.cases import (
    Actor,
    CaseStore,
    CaseWork,
    ExhibitStore,
    FindingParts,
    PeopleDesk,
    Premises,
    enrol_first,
)
from leaktrace.cases.custody.checkpoints import checkpoint_text, sign_checkpoint
from leaktrace.cases.custody.logkeys import LogKeys, log_keys
from leaktrace.cases.signing import PersonKey
from leaktrace.cli.bundle import ask_for, hand_over_bundle
from leaktrace.errors import ApprovalError, LeaktraceError, NotAllowedError, ResponseError
from leaktrace.keys import Keyring
from leaktrace.response.bundle import BundledAccess, TimestampToken
from tests.response.conftest import Verifiers
from tests.response.forging import Authority
from tests.response.made_cases import CALIBRATION, FINDING, exposure_list

SUBJECT = "u-subject.77"
MARKED = ("P-", "C-")
POLICE = "Police, file 12/2026"


class Clock:
    """A second later at every look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class Company:
    """Three people, a case with a finding, and the log of it."""

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        keyring = Keyring(b"\x07" * 32, "bundle-workspace")
        self.store = CaseStore(folder / "cases", keyring)
        self.log_keys: LogKeys = log_keys(keyring.custody_seeds(), "bundle-workspace")
        self.clock = Clock()
        exhibits = ExhibitStore(folder / "cases" / "exhibits", keyring)
        self.premises = Premises(self.store, exhibits, self.clock, dict)
        self.keys = {name: PersonKey.fresh(name) for name in ("root", "ina", "dana", "ivo")}
        self.authority = authority
        enrol_first(self.premises, "root", self.keys["root"].public_key)
        roles: dict[str, tuple[Role, ...]] = {"ina": ("investigator",), "dana": ("approver",), "ivo": ("investigator",)}
        for name, has in roles.items():
            PeopleDesk(self.premises, self.actor("root")).enrol(name, self.keys[name].public_key, has, None)
        self.case = self._filled_case()

    def _filled_case(self) -> str:
        work = self.work("ina")
        case = work.open_case("Mail of spring", "hand", "A summary.").case
        finding = {**FINDING, "named": [SUBJECT], "candidates": [{**FINDING["candidates"][0], "principal": SUBJECT}]}  # type: ignore[index]
        finding["sets"] = [{"principals": [SUBJECT], "probability": 0.99}]
        document = json.dumps(finding).encode()
        work.attach_finding(case, FindingParts(document, "c-1", "named", (SUBJECT,), "s-bad", "0.98", (SUBJECT,)))
        work.store_exhibit(case, "mail", "A forwarded message", b"Subject: hello\r\n\r\nbody", "message/rfc822")
        work.store_exhibit(case, "document", "Memo of counsel", b"privileged", "text/plain; charset=utf-8")
        calibration = json.dumps(CALIBRATION).encode()
        work.store_exhibit(case, "document", "Calibration of the finder", calibration, "application/json")
        work.freeze_exposure(case, exposure_list("b" * 64))
        # Another case in the same log.
        other = self.work("ivo").open_case("Another", "hand").case
        self.work("ivo").note(other, "Elsewhere.")
        return case

    def actor(self, name: str) -> Actor:
        return Actor(name, "key", self.keys[name])

    def work(self, name: str) -> CaseWork:
        return CaseWork(self.premises, self.actor(name))

    def desk(self, name: str) -> HandOverDesk:
        return HandOverDesk(self.work(name), self.store.log, self.log_keys, self.clock, tokens=self.tokens)

    def tokens(self, size: int) -> tuple[TimestampToken, ...]:
        if self.authority is None:
            return ()
        text = checkpoint_text(self.log_keys.origin, self.store.log.head_at(size)).encode()
        return (TimestampToken(self.authority.stamp(text), self.authority.chain),)

    def asked(self, *withheld: str) -> str:
        return ask_for(self.desk("ina"), self.case, POLICE, list(withheld), "their letter").asked.request

    def approved(self, *withheld: str) -> str:
        request = self.asked(*withheld)
        self.work("dana").approve(self.case, request)
        return request


@pytest.fixture
def company(tmp_path: Path, authority: Authority) -> Iterator[Company]:
    made = Company(tmp_path / "ws", authority)
    yield made
    made.store.close()


def test_two_people_hand_over_and_both_verifiers_take_it(
    company: Company, verifiers: Verifiers, tmp_path: Path
) -> None:
    early = tmp_path / "early"
    early.write_text(sign_checkpoint(company.store.log.head(), company.log_keys.signer))
    request = company.approved("E-0003=privileged advice")
    written = hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    assert written.fingerprint == company.log_keys.signer.key.fingerprint()
    assert (written.exhibit_count, written.withheld_count) == (4, 1)
    for verdict in (
        verifiers.python(tmp_path / "bundle", written.fingerprint, early),
        verifiers.shell(tmp_path / "bundle", written.fingerprint, early),
    ):
        assert verdict.code == 0, verdict.said
        assert "continues the earlier checkpoint" in verdict.said
    event = company.work("ina").timeline(company.case)[-1].event
    assert event == BundleWritten(request, written.manifest_sha256, 4, POLICE)


def test_names_are_in_one_table_and_not_on_the_cover(company: Company, tmp_path: Path) -> None:
    company.approved()
    hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    table = (tmp_path / "bundle/data/names.csv").read_text()
    mark = next(line.split(",")[0] for line in table.splitlines() if line.endswith(f",{SUBJECT}"))
    assert mark.startswith(MARKED)
    assert SUBJECT.encode() in (tmp_path / "bundle/data/finding.json").read_bytes()
    assert SUBJECT not in (tmp_path / "bundle/data/timeline.csv").read_text()
    assert SUBJECT not in (tmp_path / "bundle/data/case-uco.jsonld").read_text()
    assert (tmp_path / "bundle/data/calibration.json").read_bytes() == json.dumps(CALIBRATION).encode()


class Beneath:
    """Ledger and mail behind the finding: its evidence terms and one access; no mail that the case has not got."""

    def evidence(self, campaign: str) -> bytes:
        del campaign
        return b'{"items": []}'

    def mails(self, campaign: str) -> Iterator[tuple[str, bytes]]:
        del campaign
        return iter(())

    def accesses(self, campaign: str, principals: Mapping[str, str]) -> tuple[BundledAccess, ...]:
        del campaign
        at = datetime(2026, 2, 1, tzinfo=UTC)
        return tuple(BundledAccess(at, name, "c000001", ("email",)) for name in principals)


MADE_OF_THEM = {"finding.json", "evidence.json", "accesses.csv", "exposure.csv"}


@pytest.mark.parametrize(
    ("withheld", "kept_back"),
    [
        ((), set()),
        (("E-0001=it is contested",), {"finding.json", "evidence.json", "accesses.csv"}),
        (("E-0005=customers' privacy",), {"exposure.csv"}),
        (("E-0001=it is contested", "E-0005=customers' privacy"), MADE_OF_THEM),
    ],
)
def test_what_is_withheld_leaves_in_no_other_file(
    company: Company, verifiers: Verifiers, tmp_path: Path, withheld: tuple[str, ...], kept_back: set[str]
) -> None:
    company.approved(*withheld)
    desk = HandOverDesk(
        company.work("ina"), company.store.log, company.log_keys, company.clock, Beneath(), company.tokens
    )
    written = hand_over_bundle(desk, company.case, tmp_path / "bundle")
    files = {path.name for path in (tmp_path / "bundle/data").iterdir()}
    assert files & MADE_OF_THEM == MADE_OF_THEM - kept_back
    names = (tmp_path / "bundle/data/names.csv").read_text()
    assert SUBJECT in names, "the events show who was named"
    assert ("c000001" in names) == ("exposure.csv" not in kept_back)
    assert verifiers.python(tmp_path / "bundle", written.fingerprint).code == 0
    assert verifiers.shell(tmp_path / "bundle", written.fingerprint).code == 0


def test_a_finding_that_came_after_the_request_is_not_handed_over(company: Company, tmp_path: Path) -> None:
    company.approved()
    later = json.dumps({**FINDING, "named": []}).encode()
    company.work("ina").attach_finding(company.case, FindingParts(later, "c-1", "undecided", (), None, None, ()))
    hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    finding = json.loads((tmp_path / "bundle/data/finding.json").read_bytes())
    assert finding["named"] == [SUBJECT]


def test_an_approval_is_used_once(company: Company, tmp_path: Path) -> None:
    company.approved()
    hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    with pytest.raises(ResponseError, match="No unused approval"):
        hand_over_bundle(company.desk("ina"), company.case, tmp_path / "again")


def test_nobody_hands_over_alone(company: Company, tmp_path: Path) -> None:
    company.asked()
    with pytest.raises(LeaktraceError):
        company.work("ina").approve(company.case, "A-0001")
    with pytest.raises(ResponseError, match="A-0001 is waiting"):
        hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_whoever_is_not_in_the_case_hands_nothing_over(company: Company, tmp_path: Path) -> None:
    company.approved()
    with pytest.raises((NotAllowedError, ApprovalError)):
        hand_over_bundle(company.desk("ivo"), company.case, tmp_path / "bundle")
    with pytest.raises(NotAllowedError):
        ask_for(company.desk("ivo"), company.case, POLICE, [], "curious")


def test_exhibits_that_came_later_are_not_handed_over(company: Company, verifiers: Verifiers, tmp_path: Path) -> None:
    company.approved()
    late = company.work("ina").store_exhibit(company.case, "document", "Late", b"late", "text/plain")
    written = hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    assert not list((tmp_path / "bundle/data/exhibits").glob(f"{late.exhibit}*"))
    said = verifiers.python(tmp_path / "bundle", written.fingerprint).said
    assert "not part of the hand-over" in said
    assert late.exhibit in said


def test_only_what_is_there_can_be_withheld(company: Company) -> None:
    with pytest.raises(ResponseError, match="E-0099"):
        company.asked("E-0099=no reason")


def test_the_desk_fits_the_command(company: Company) -> None:
    """The protocol of the command, held by mypy: a desk may be given where the command opens one."""
    with nullcontext(company.desk("ina")) as desk:
        assert desk.now() > datetime(2026, 3, 1, tzinfo=UTC)


def test_what_is_no_calibration_is_not_taken(company: Company) -> None:
    desk = company.desk("ina")
    for content in (b"{}", b"no json", b"[]"):
        with pytest.raises(ResponseError, match="no calibration"):
            desk.gather(company.case, content)
    assert desk.gather(company.case, json.dumps(CALIBRATION).encode()) == 0  # it is there already


def test_whoever_asked_uses_the_approval(company: Company, tmp_path: Path) -> None:
    company.approved()
    company.work("ina").admit(company.case, "ivo", ["investigator"])
    with pytest.raises(ResponseError, match="was asked for by ina"):
        hand_over_bundle(company.desk("ivo"), company.case, tmp_path / "bundle")
    hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")


def test_what_a_killed_run_left_in_plain_is_removed_by_the_next(company: Company, tmp_path: Path) -> None:
    left = tmp_path / ".bundle.leaktrace-dead"
    (left / "data").mkdir(parents=True)
    (left / "data" / "mail.eml").write_bytes(b"To: kim@customer.example\n")
    held = tmp_path / ".bundle.leaktrace-alive"
    held.mkdir()
    holding = os.open(held, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(holding, fcntl.LOCK_EX)
    try:
        company.approved()
        written = hand_over_bundle(company.desk("ina"), company.case, tmp_path / "bundle")
    finally:
        os.close(holding)
    assert not left.exists()
    assert held.exists(), "another run is writing it"
    assert any(".bundle.leaktrace-dead" in line for line in written.said)
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith(".bundle")) == [held.name]
