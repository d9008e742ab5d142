"""From a finding to what follows: contained by two, the seller blocked, duties, the statement; by the commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leaktrace.cases.list_of_checks import CHECK_NAMES
from tests.response.containing import STATEMENT
from tests.response.fake_systems import Marketplace, OktaServer, ScimServer, served
from tests.stories.conftest import Library
from tests.stories.desk import Desk

PEOPLE = {"root": "admin", "ina": "investigator", "olaf": "privacy_officer", "dana": "approver", "dora": "approver"}


@dataclass(frozen=True, slots=True)
class Incident:
    """A case of a told story, with systems around it."""

    desk: Desk
    case: str
    source: str
    subject: str
    seller: str
    scim: ScimServer
    okta: OktaServer
    market: Marketplace
    config: Path

    def as_(self, person: str, *words: object) -> Any:
        """A command by somebody; its JSON."""
        answer = self.desk.run(*words, "--as", person, "--json")
        assert answer.code in {0, 3}, answer
        return answer.document()

    def active(self) -> object:
        return self.scim.users["u-1"]["active"]

    def contain(self, *words: object) -> Any:
        return self.as_("ina", "contain", self.case, *words, "--config", self.config)


@pytest.fixture(scope="module")
def incident(stories: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    told = stories("one")
    folder = tmp_path_factory.mktemp("respond")
    desk = told.desk.copy_to(folder / "ws")
    desk.json("people", "add", "root", "--role", "admin", "--plain")
    for name, role in PEOPLE.items():
        if name != "root":
            desk.json("people", "add", name, "--role", role, "--plain", "--as", "root")
    case = desk.json("case", "open", "--campaign", told.campaign, "--as", "ina")["case"]
    desk.json("case", "admit", case, "olaf", "--role", "privacy_officer", "--as", "ina")
    source, seller = told.truth["sources"][0], told.truth["seller"]
    desk.json("case", "subject", case, "--principal", source, "--seller", seller, "--why", "the finding", "--as", "ina")
    subject = desk.json("case", "show", case, "--as", "ina")["subjects"]["principals"][0]
    answers = [word for check in CHECK_NAMES for word in ("--answer", f"{check}=no")]
    desk.json("case", "checks", case, *answers, "--as", "ina")
    desk.json("case", "exposure", case, "--freeze", "--as", "ina")
    scim, okta, market = ScimServer(understands=frozenset({"entra"}), pretends=200), OktaServer(), Marketplace()
    scim.add(source)
    okta.add(f"{source}@example.com")
    for name, secret in (("scim", "s3cret-token"), ("okta", "okta-token"), ("hook", "hook-secret")):
        (folder / name).write_text(secret, encoding="utf-8")
        (folder / name).chmod(0o600)
    with served(scim) as scim_url, served(okta) as okta_url, served(market) as market_url:
        config = folder / "contain.toml"
        config.write_text(_systems(scim_url, okta_url, market_url), encoding="utf-8")
        yield Incident(desk, case, source, subject, seller, scim, okta, market, config)


def _systems(scim: str, okta: str, market: str) -> str:
    return f"""
schema = "leaktrace.contain/1"
confirm_within_seconds = 5
on_call = "Call +49 1234."
[systems.corp]
kind = "scim"
for = "principal"
url = "{scim}"
secret_file = "scim"
administrators = ["root", "alice"]
account = "{{name}}"
[systems.okta]
kind = "okta"
for = "principal"
url = "{okta}"
secret_file = "okta"
administrators = ["root", "alice"]
account = "{{name}}@example.com"
[systems.market]
kind = "webhook"
for = "seller"
url = "{market}/contain"
status_url = "{market}/status?account={{account}}"
key_id = "k1"
secret_file = "hook"
account = "{{name}}"
{STATEMENT}
"""


def test_the_source_is_contained_by_two_people_and_can_come_back(incident: Incident) -> None:
    plan = incident.contain("--principal", incident.subject, "--plan")
    assert not plan["refusals"]
    assert incident.source not in str(plan)
    request = incident.contain("--principal", incident.subject, "--why", "stop further leaks")["request"]
    alone = incident.desk.run(
        "contain", incident.case, "--principal", incident.subject, "--approval", request, "--config", incident.config,
        "--as", "ina", "--json",
    )  # fmt: skip
    assert "not approved" in alone.error()["message"]
    assert incident.active() is True
    incident.as_("dana", "case", "approve", incident.case, request, "--yes")
    done = incident.contain("--principal", incident.subject, "--approval", request)
    assert done["state"] == "contained", done
    assert incident.active() is False
    assert incident.okta.users["00u1"]["status"] == "SUSPENDED"
    assert incident.okta.sessions["00u1"] == 0
    timeline = str(incident.as_("ina", "case", "show", incident.case))
    for name in (incident.source, "s3cret-token", "okta-token"):
        assert name not in timeline
    back = incident.contain("--principal", incident.subject, "--undo", "--why", "an error")["request"]
    incident.as_("dora", "case", "approve", incident.case, back, "--yes")
    assert incident.contain("--principal", incident.subject, "--undo", "--approval", back)["state"] == "undone"
    assert incident.okta.users["00u1"]["status"] == "ACTIVE"


def test_the_seller_is_blocked_with_the_facts_of_the_finding(incident: Incident) -> None:
    request = incident.contain("--seller", incident.seller, "--why", "unwanted mail")["request"]
    incident.as_("dana", "case", "approve", incident.case, request, "--yes")
    done = incident.contain("--seller", incident.seller, "--approval", request)
    assert done["state"] == "contained", done
    (body,) = incident.market.bodies
    assert "complaint(s)" in body["statement_of_reasons"]["facts"][0]
    assert incident.source not in str(body)


def test_duties_are_judged_on_the_frozen_list_and_recorded(incident: Incident) -> None:
    found = incident.as_("olaf", "duties", incident.case)
    frozen = incident.as_("ina", "case", "show", incident.case)["exposure"]
    assert found["exposure_sha256"] == frozen["sha256"]
    duty = next(one for one in found["duties"] if one["rule"] == "eu-gdpr-33")
    assert duty["deadline"]["started_at"] is not None  # at the latest when the case was opened
    assert incident.as_("ina", "case", "show", incident.case)["duties"]["answers"][duty["rule"]] == duty["answer"]


def test_the_statement_waits_for_its_gate_and_two_people(incident: Incident, tmp_path: Path) -> None:
    case, policy = incident.case, tmp_path / "gate.toml"
    policy.write_text(
        'schema = "leaktrace.gate/1"\nnumbers = "none"\n'
        '[[condition]]\nid = "counsel"\nkind = "answered"\nafter_draft = true\ntext = "Counsel agrees."\n',
        encoding="utf-8",
    )
    under = ("--policy", policy)
    incident.as_(
        "olaf", "statement", "draft", case, "--company", "Example Market", "--contact", "x@example.com", *under
    )
    incident.as_("olaf", "statement", "gate", case, "--open", "counsel", "--why", "agreed", *under)
    request = incident.as_("olaf", "statement", "request", case, "--why", "customers were told", *under)["request"]
    incident.as_("dana", "case", "approve", case, request, "--yes")
    out = tmp_path / "out"
    done = incident.as_("olaf", "statement", "publish", case, "--approval", request, "--out", out, *under)
    assert done["published"] is True
    text = (out / "statement.en.txt").read_text(encoding="utf-8")
    assert "Customers of Example Market" in text
    assert "suspended" not in text  # it was undone
    for name in (incident.source, incident.subject, incident.seller):
        assert name not in text


def test_whoever_asks_is_told_what_to_call_the_request(incident: Incident) -> None:
    asking = ("contain", incident.case, "--principal", incident.subject, "--why", "again", "--config", incident.config)
    told = incident.desk.run(*asking, "--as", "ina")
    assert told.code == 0, told
    requests = incident.as_("ina", "case", "approvals", incident.case)
    assert f"leaktrace case approve {incident.case} {requests[-1]['request']}" in told.out
