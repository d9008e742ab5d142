"""A desk for notices on a folder of its own, with a fake case room and a real relay, key and directory."""

from __future__ import annotations

import csv
import functools
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from leaktrace.caserecords import ExposureRow
from leaktrace.noticedesk.desk import NoticeDesk
from leaktrace.noticedesk.needs import Outside
from leaktrace.noticedesk.reports import PlanFacts, PlanReport
from leaktrace.response.notices.config import NoticeConfig, config_of
from tests.response.fakes_notices import CASE, FakeApprovals, FakeCases, FakeDiary, exposure

SECRET = bytes(range(32))
SAID = PlanFacts(noticed_on=date(2026, 11, 18), measures=("access_suspended", "authority_told"))


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """One for all tests: making one takes long."""
    return rsa.generate_private_key(65537, 2048)


def write_key(path: Path) -> None:
    """The private key as a file only we may read."""
    path.touch(mode=0o600)
    path.write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def public_key() -> bytes:
    """As in DNS, for dkimpy."""
    der = key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(der)


def document(port: int, **tables: dict[str, Any]) -> dict[str, Any]:
    """notices.toml as it is parsed."""
    return {
        "from": {"name": "Basar", "address": "privacy@basar.example"},
        "bounces": {"mailbox": "bounces", "domain": "basar.example"},
        "relay": {"host": "127.0.0.1", "port": port, "tls": "none", "timeout_seconds": 20},
        "dkim": {"selector": "n1", "key_file": "dkim.pem"},
        "contact": {
            "mail": "privacy@basar.example",
            "page": "https://basar.example/notice",
            "phone": "+49 30 1234",
            "post": "Hauptstraße 1, Berlin",
            "officer": "officer@basar.example",
        },
        "directory": {"kind": "csv", "path": "customers.csv"},
        "sending": {"canary": 0},
        "texts": {"consented_laws": ["california", "massachusetts"]},
        **tables,
    }


@dataclass
class Desk:
    """Everything of one test."""

    folder: Path
    desk: NoticeDesk
    approvals: FakeApprovals
    diary: FakeDiary
    cases: FakeCases
    config: NoticeConfig

    def approve_texts(self, report: PlanReport) -> None:
        """Two people approve every translation the plan needs."""
        for name in report.templates_to_approve:
            law, language = name.split("/")
            template = self.desk.template(law, language)
            parameters = {"template": law, "language": language, "sha256": template.sha256}
            request = self.approvals.give(f"A-{name}", "approve_translation", name, parameters)
            self.desk.approve_translation(CASE, law, language, request)

    def approve_sending(self, report: PlanReport, request: str = "A-send") -> str:
        """Two people approve sending."""
        return self.approvals.give(request, "send_notices", report.version, report.parameters)

    def ready(self, said: PlanFacts = SAID) -> str:
        """Planned, texts approved, sending approved: the request."""
        report = self.desk.plan(CASE, said)
        self.approve_texts(report)
        return self.approve_sending(report)


def make_desk(
    folder: Path, port: int, rows: tuple[ExposureRow, ...], *, outside: Outside | None = None, **tables: dict[str, Any]
) -> Desk:
    """A desk in a folder: customers.csv has an address for everybody unless it is there already."""
    folder.mkdir(exist_ok=True)
    if not (folder / "dkim.pem").exists():
        write_key(folder / "dkim.pem")
    if not (folder / "customers.csv").exists():
        with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(
                [("customer", "email"), *((one.customer, f"{one.customer}@mail.example") for one in rows)]
            )
    config = config_of(document(port, **tables), folder)
    approvals, diary = FakeApprovals(), FakeDiary()
    cases = FakeCases(exposure(rows), diary, approvals)
    desk = NoticeDesk(folder / "response", SECRET, lambda: config, cases, approvals, diary, outside)
    return Desk(folder, desk, approvals, diary, cases, config)
