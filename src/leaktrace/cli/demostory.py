"""The demo's second half: what follows from its finding, by four people, against the simulated systems around it.

Every step goes the way that the commands go: nobody acts alone, systems are read back, and the bundle is checked by the
published verifier in a process of its own.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import pyarrow.parquet as pq
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leaktrace.casedesk.behindfinding import LedgerBehind
from leaktrace.casedesk.desk import CaseDesk, log_lookup
from leaktrace.casedesk.handingover import HandOverDesk
from leaktrace.casedesk.responding import ResponseDesk
from leaktrace.caserecords import DutyAnswer, Role
from leaktrace.caserecords.checks import CHECK_NAMES
from leaktrace.cases import Actor, CaseWork, KeyFileSignIn, enrol_first
from leaktrace.cases.signing import make_person_key
from leaktrace.cli.bundle import ask_for, hand_over_bundle
from leaktrace.folder import write_aside
from leaktrace.noticedesk.casenotices import CONFIG, notice_desk
from leaktrace.noticedesk.reports import PlanFacts
from leaktrace.records import Finding, to_json
from leaktrace.response.contain import parameters_of, read_config
from leaktrace.response.duties import builtin_laws
from leaktrace.response.notices import translation_parameters
from leaktrace.simulate.outside import Outside
from leaktrace.workspace import Workspace

Tell = Callable[[str, int, int | None], None]
PEOPLE: dict[str, Role] = {
    "root": "admin",
    "ina": "investigator",
    "olaf": "privacy_officer",
    "dana": "approver",
    "dora": "approver",
}
SELLER_SAID = "In the demo's story the seller admitted the mailing when asked."
"""What ties the seller, whom no signature ties, beyond the finding: without such words nobody blocks one."""
RECIPIENT = "The simulated police"
CALIBRATED = 5
"""Planted campaigns of each kind: too few for a tight bound, enough to show what the report says of it."""
_NOTICES = """[from]
name = "The simulated marketplace"
address = "privacy@market.example"

[relay]
host = "127.0.0.1"
port = {port}
tls = "none"

[dkim]
domain = "market.example"
selector = "demo"
key_file = "{key}"

[contact]
mail = "privacy@market.example"
page = "https://market.example/notice"
phone = "+49 30 1234"
post = "Hauptstrasse 1, 10115 Berlin"
officer = "officer@market.example"

[directory]
kind = "csv"
path = "{directory}"
customer_column = "customer"
address_column = "email"
"""


@dataclass(frozen=True, slots=True)
class DemoCase:
    """What became of the demo's case."""

    case: str
    subject: str
    """Pseudonym of the contained principal; more than one are joined by commas."""
    contained: str
    seller_blocked: str
    customer_count: int
    """On the frozen exposure list."""
    only_email: str
    duties: dict[DutyAnswer, int]
    """Answer -> duties."""
    without_rule: tuple[str, ...]
    """Residences of which no rule is known."""
    accepted_count: int
    """Notices that the relay took."""
    not_mailed_count: int
    """Frozen, but not to be reached by mail, or refused."""
    bundle: str
    exhibit_count: int
    fingerprint: str
    verifier: str
    """What the published verifier says."""


def respond(workspace: Workspace, out: Path, finding: Finding, seller: str, tell: Tell) -> DemoCase:
    """From the finding to the bundle; `out`: the demo's folder. Only where somebody is named."""
    desks = _enrolled(workspace, out / "keys")
    users = (*finding.named, "root", "second-root")
    with Outside(out / "outside", users) as outside:
        story = _Story(workspace, out, desks, outside, tell)
        return story.run(finding, seller)


def _enrolled(workspace: Workspace, folder: Path) -> dict[str, Actor]:
    room = workspace.case_room()
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = {name: make_person_key(folder / f"{name}.key", name, None) for name in PEOPLE}
    enrol_first(room.premises, "root", keys["root"].public_key, ("admin",))
    root = workspace.cases(KeyFileSignIn("root", folder / "root.key").sign_in(room.store.people()))
    for name, role in PEOPLE.items():
        if name != "root":
            root.enrol(name, keys[name].public_key, (role,))
    people = room.store.people()
    return {name: KeyFileSignIn(name, folder / f"{name}.key").sign_in(people) for name in PEOPLE}


class _Story:
    """One case, step by step."""

    def __init__(self, workspace: Workspace, out: Path, actors: dict[str, Actor], outside: Outside, tell: Tell) -> None:
        self._workspace = workspace
        self._room = workspace.case_room()
        self._out = out
        self._actors = actors
        self._outside = outside
        self._tell = tell
        self._case = ""

    def run(self, finding: Finding, seller: str) -> DemoCase:
        """All of it, in the order of an incident."""
        ina = self._desk("ina")
        self._tell("opening the case", 1, 7)
        self._case = ina.open_from_campaign(finding.provenance.campaign, "The demo's incident").case
        ina.work.admit(self._case, "olaf", ("privacy_officer",))
        ina.set_subjects(self._case, finding.named, (seller,), "the finding")
        subjects = ina.work.show(self._case).subjects
        marks = () if subjects is None else subjects.principals
        for mark in marks:
            for check in CHECK_NAMES:
                ina.answer(self._case, f"{mark}:{check}=no", "asked in the demo")
        self._tell("freezing the exposure list", 2, 7)
        frozen = ina.freeze_exposure(self._case)
        self._tell("containing", 3, 7)
        contained = [self._contained(mark, "principal") for mark in marks]
        blocked = self._contained(seller, "seller")
        self._tell("judging duties", 4, 7)
        duties, without_rule = self._duties()
        self._tell("writing to the people affected", 5, 7)
        accepted, left = self._notified()
        self._tell("writing the bundle", 6, 7)
        bundle, exhibits, fingerprint = self._handed_over()
        self._tell("checking it with the published verifier", 7, 7)
        return DemoCase(
            self._case, ", ".join(marks), ", ".join(dict.fromkeys(contained)), blocked, frozen.customer_count,
            frozen.only_email, duties, without_rule, accepted, left, str(bundle), exhibits, fingerprint,
            verified(bundle, fingerprint),
        )  # fmt: skip

    def _desk(self, name: str) -> CaseDesk:
        return self._workspace.cases(self._actors[name])

    def _approved(self, request: str) -> str:
        self._desk("dana").work.approve(self._case, request, "looked at in the demo")
        return request

    def _contained(self, subject: str, kind: str) -> str:
        desk = ResponseDesk(self._room, self._actors["ina"])
        config = partial(read_config, self._out / "outside" / "contain.toml", self._room.clock)
        said = SELLER_SAID if kind == "seller" else None
        plan = desk.containment(self._case, config).plan(subject, kind, justification=said)  # type: ignore[arg-type]
        request = desk.ask(self._case, plan.action, plan.subject, parameters_of(plan), "stop further leaks")
        self._approved(request)
        return desk.containment(self._case, config).carry_out(subject, kind, request).state  # type: ignore[arg-type]

    def _duties(self) -> tuple[dict[DutyAnswer, int], tuple[str, ...]]:
        """(answer -> duties, residences of which no rule is known)."""
        found = ResponseDesk(self._room, self._actors["olaf"]).assess_duties(self._case, builtin_laws(), {}, {})
        counts: dict[DutyAnswer, int] = {}
        for duty in found.duties:
            counts[duty.answer] = counts.get(duty.answer, 0) + 1
        return dict(sorted(counts.items())), tuple(one.residence for one in found.without_rule)

    def _notified(self) -> tuple[int, int]:
        """(taken by the relay, not mailed) once everybody's text was approved and everybody was written to."""
        self._write_notice_settings()
        olaf = self._actors["olaf"]
        desk, work = notice_desk(self._room, olaf), CaseWork(self._room.premises, olaf)
        noticed_on = self._room.clock().date()
        said = PlanFacts(
            noticed_on=noticed_on, measures=("access_suspended", "seller_blocked"), safeguards=("access_logged",)
        )
        plan = desk.plan(self._case, said)
        for name in plan.templates_to_approve:
            law, language = name.split("/")
            parameters = translation_parameters(desk.template(law, language))
            asked = work.request(self._case, "approve_translation", name, parameters, "read it in the demo")
            desk.approve_translation(self._case, law, language, self._approved(asked.asked.request))
        asked = work.request(self._case, "send_notices", plan.version, plan.parameters, "tell those affected")
        desk.send(self._case, self._approved(asked.asked.request))
        sums = desk.send(self._case, go_on=True).status.sums
        return sums.accepted_count, sums.frozen_count - sums.accepted_count

    def _write_notice_settings(self) -> None:
        folder = (self._out / "outside").resolve()
        key = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_aside(folder / "dkim.pem", key.decode())
        # The company's own directory: notices read addresses there, and nowhere else.
        table = pq.read_table(self._out / "market" / "customers.parquet", columns=["customer", "email"])
        with (folder / "directory.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("customer", "email"))
            writer.writerows(zip(*(table[name].to_pylist() for name in ("customer", "email")), strict=True))
        text = _NOTICES.format(
            port=self._outside.relay_port, key=folder / "dkim.pem", directory=folder / "directory.csv"
        )
        write_aside(self._workspace.path / CONFIG, text)

    def _handed_over(self) -> tuple[Path, int, str]:
        room, actor, out = self._room, self._actors["ina"], self._out / "bundle"
        opened = room.opened
        with self._workspace.custody() as custody:
            desk = HandOverDesk(
                CaseWork(room.premises, actor), room.store.log, custody.keeper.keys, room.clock,
                LedgerBehind(
                    room.ledger, room.mail, opened.keyring, opened.settings,
                    lambda subject: log_lookup(room, actor.person, "bundle", subject, "evidence bundle"),
                ),
                lambda _: (),
            )  # fmt: skip
            # How often this log makes the finder name wrongly: without it the report can only say "not measured".
            measured = self._workspace.calibrate(campaigns=CALIBRATED, sizes=(50,), why="evidence bundle")
            calibration = to_json(measured).encode()
            asked = ask_for(desk, self._case, RECIPIENT, [], "the demo's police asked for it", calibration)
            self._approved(asked.asked.request)
            written = hand_over_bundle(desk, self._case, out)
        write_aside(self._out / "FINGERPRINT", written.fingerprint + "\n")
        return out, written.exhibit_count, written.fingerprint


def verified(bundle: Path, fingerprint: str) -> str:
    """What the published verifier says of a bundle, in a process of its own; its last line."""
    script = resources.files("leaktrace.response.bundle.verifier").joinpath("verify.py")
    with resources.as_file(script) as path:
        done = subprocess.run(  # noqa: S603 - our own program and our own folder
            [sys.executable, "-I", str(path), str(bundle), "--key", fingerprint],
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return f"exit {done.returncode}: {lines[-1] if lines else 'says nothing'}"
