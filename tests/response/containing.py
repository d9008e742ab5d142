"""A case with a subject, systems from contain.toml, two people who agree, and a clock that sleeping moves."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from leaktrace.caserecords import ContainmentConfirmed, ContainmentStepDone, Person
from leaktrace.response.contain import (
    CaseFile,
    Containment,
    ContainmentOutcome,
    SellerFacts,
    parameters_of,
    read_config,
)
from leaktrace.response.contain.interface import TargetKind
from tests.response.fakes_response import Diary, TwoPeople

CASE = "case-1"
SUBJECT = "P-7f3a"
PRINCIPAL = "agent-7"
SELLER = "s-shady"
STATEMENT = """
[statement]
marketplace = "Example Market"
terms_clause = "Section 7.2: no advertising mail to customers without their consent."
territory = "All countries in which the marketplace is open."
duration = "Until the investigation has ended."
complaint = "Complain to complaints@example.com."
dispute = "You may go to the mediators named in section 15."
"""


def person(name: str, *roles: str, principal: str | None = None) -> Person:
    return Person(name, frozenset(roles), "0" * 16, "00" * 32, principal)  # type: ignore[arg-type]


PEOPLE = (
    person("ines", "investigator"),
    person("omar", "approver"),
    person("petra", "approver"),
    person("adam", "admin"),
)


@dataclass
class Clock:
    """Time that passes only by sleeping; `woken` is called on every sleep."""

    now: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)
    woken: Any = None

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        if self.woken is not None:
            self.woken()


@dataclass
class Desk:
    """Everything one test of containing needs."""

    folder: Path
    toml: str
    diary: Diary = field(default_factory=lambda: Diary(datetime(2026, 11, 28, 12, tzinfo=UTC)))
    clock: Clock = field(default_factory=Clock)
    people: tuple[Person, ...] = PEOPLE
    facts: SellerFacts = field(
        default_factory=lambda: SellerFacts(
            SELLER, 31, 29, 2, datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 9, tzinfo=UTC), "0.98"
        )
    )

    against: tuple[str, ...] = ()
    unmet: str | None = None
    """What the case lacks before anything may be asked for."""

    def __post_init__(self) -> None:
        for name, secret in (("scim", "s3cret-token"), ("okta", "okta-token"), ("hook", "hook-secret")):
            path = self.folder / name
            path.write_text(secret + "\n", encoding="utf-8")
            path.chmod(0o600)
        if not self.toml and (self.folder / "contain.toml").exists():
            return  # opened again
        (self.folder / "contain.toml").write_text(
            'schema = "leaktrace.contain/1"\nconfirm_within_seconds = 30\non_call = "Call +49 1234."\n' + self.toml,
            encoding="utf-8",
        )

    def containment(self) -> Containment:
        file = CaseFile(
            case=CASE,
            diary=self.diary,
            approvals=TwoPeople(self.diary, self.clock),
            events=self.diary.events(CASE),
            people=self.people,
            principal_of=lambda pseudonym: {SUBJECT: PRINCIPAL}[pseudonym],
            account_mark=lambda account: hmac.new(b"key of a test", account.encode(), "sha256").hexdigest(),
            read_exhibit=lambda exhibit: self.diary.exhibits[exhibit],
            unmet=lambda *_: self.unmet,
            against=lambda *_: self.against,
            check=lambda *asked: TwoPeople(self.diary, self.clock).check(CASE, *asked),
            asked_parameters=lambda request: self.diary.parameters[request],
            seller_facts=lambda _: self.facts,
            seller_threshold_probability=0.9,
        )
        config = read_config(self.folder / "contain.toml", lambda: datetime.now(UTC))
        return Containment(file, config, self.clock, self.clock.sleep)

    def agree(
        self,
        subject: str = SUBJECT,
        kind: TargetKind = "principal",
        *,
        undo: bool = False,
        justification: str | None = None,
    ) -> str:
        """Plans, and has two people agree to it; the request."""
        plan = self.containment().plan(subject, kind, undo=undo, justification=justification)
        assert not plan.refusals, plan.refusals
        agreed = TwoPeople(self.diary, self.clock)
        return agreed.agree(CASE, plan.action, plan.subject, parameters_of(plan))

    def run(
        self, subject: str = SUBJECT, kind: TargetKind = "principal", *, request: str | None = None, undo: bool = False
    ) -> ContainmentOutcome:
        asked = request or self.agree(subject, kind, undo=undo)
        return self.containment().carry_out(subject, kind, asked, undo=undo)

    def steps(self) -> list[tuple[str, bool]]:
        return [(one.step, one.ok) for one in self.diary.events(CASE) if isinstance(one, ContainmentStepDone)]

    def states(self) -> list[str]:
        return [one.state for one in self.diary.events(CASE) if isinstance(one, ContainmentConfirmed)]


def scim_toml(url: str, extra: str = "") -> str:
    return f"""
[systems.corp]
kind = "scim"
for = "principal"
url = "{url}"
secret_file = "scim"
administrators = ["root", "alice"]
accounts = {{ agent-7 = "a.meyer" }}
{extra}
"""


def okta_toml(url: str, extra: str = "") -> str:
    return f"""
[systems.okta]
kind = "okta"
for = "principal"
url = "{url}"
secret_file = "okta"
administrators = ["root", "alice"]
account = "{{name}}@example.com"
{extra}
"""


def hook_toml(url: str, who: str = "seller", *, status: bool = True) -> str:
    line = f'status_url = "{url}/status?account={{account}}"' if status else ""
    return f"""
[systems.market]
kind = "webhook"
for = "{who}"
url = "{url}/contain"
{line}
key_id = "k1"
secret_file = "hook"
administrators = ["root"]
account = "{{name}}"
{STATEMENT}
"""
