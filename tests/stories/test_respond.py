"""From a finding to what follows: contained by two, the seller blocked, duties, the statement; by the commands."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.caserecords.checks import CHECK_NAMES
from tests.response.containing import STATEMENT
from tests.response.fake_systems import Marketplace, OktaServer, ScimServer, served
from tests.stories.conftest import Library
from tests.stories.desk import Desk
from tests.stories.disks import Disk, filled
from tests.stories.unharmed import refused

PEOPLE = {
    "root": "admin",
    "ina": "investigator",
    "olaf": "privacy_officer",
    "dana": "approver",
    "dora": "approver",
    "aud": "auditor",
    "ivan": "investigator",
}
"""Ivan is not admitted to the case."""


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
    # A folder of keys of its own: other processes tell the same story at the same time.
    config = Path(shutil.copytree(told.desk.config, folder / "config"))
    desk = replace(told.desk.copy_to(folder / "ws"), config=config)
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
        systems = folder / "contain.toml"
        systems.write_text(_systems(scim_url, okta_url, market_url), encoding="utf-8")
        (desk.workspace / "notices.toml").write_text(_NOTICES, encoding="utf-8")
        yield Incident(desk, case, source, subject, seller, scim, okta, market, systems)


_NOTICES = """
[from]
name = "Basar"
address = "privacy@basar.example"
[relay]
host = "127.0.0.1"
port = 9
tls = "none"
[dkim]
domain = "basar.example"
selector = "s1"
key_file = "dkim.pem"
[contact]
mail = "privacy@basar.example"
page = "https://basar.example/notice"
phone = "+49 30 1234"
post = "Hauptstrasse 1, 10115 Berlin"
officer = "officer@basar.example"
[directory]
kind = "csv"
path = "directory.csv"
customer_column = "customer"
address_column = "email"
"""


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
    # The finding ties the mails to the seller with less than even odds, because nothing of theirs is signed.
    alone = incident.contain("--seller", incident.seller, "--why", "unwanted mail")
    assert "nothing more is needed" in alone["refusals"][0]
    words = ("--justification", "every link ends in the seller's shop, opened and kept by us")
    request = incident.contain("--seller", incident.seller, "--why", "unwanted mail", *words)["request"]
    silent = incident.desk.run("case", "approve", incident.case, request, "--yes", "--as", "dana", "--json")
    assert "both people write" in silent.error()["message"]
    incident.as_("dana", "case", "approve", incident.case, request, "--yes", "--why", "I opened the links")
    timeline = incident.as_("ina", "case", "timeline", incident.case)
    assert any(one["sentence"] == f"Why {request} is approved: I opened the links" for one in timeline)
    done = incident.contain("--seller", incident.seller, "--approval", request)
    assert done["state"] == "contained", done
    (body,) = incident.market.bodies
    assert "complaint(s)" in body["statement_of_reasons"]["facts"][0]
    assert words[1] in body["statement_of_reasons"]["facts"][-1]
    assert incident.source not in str(body)


def test_words_for_a_seller_name_nobody_inside(incident: Incident) -> None:
    words = ("--justification", f"{incident.source} says so", "--config", incident.config, "--as", "ina", "--json")
    asked = incident.desk.run("contain", incident.case, "--seller", incident.seller, "--why", "x", *words)
    assert "names somebody" in asked.error()["message"]


def test_what_would_be_done_is_shown_in_words_and_as_json_only_on_request(incident: Incident) -> None:
    asked = incident.contain("--principal", incident.subject, "--why", "again")["request"]
    approving = ("case", "approve", incident.case, asked, "--as", "dana")
    shown = incident.desk.run(*approving)
    assert shown.code == 2  # nobody is there to say yes
    assert "{" not in shown.err
    assert "  steps, 1, step: suspend\n" in shown.err
    assert "  statement: nothing\n" in shown.err
    assert '"step":"suspend"' in incident.desk.run(*approving, "--json").err


def test_who_is_not_signed_in_learns_nothing_of_the_settings_of_systems(incident: Incident, tmp_path: Path) -> None:
    broken = tmp_path / "contain.toml"
    broken.write_text("nonsense = [", encoding="utf-8")
    asking = ("contain", incident.case, "--principal", incident.subject, "--plan", "--config", broken, "--json")
    for somebody in (("--as", "nobody"), ("--as", "ina", "--key", tmp_path / "none"), ("--as", "aud"), ()):
        assert "TOML" not in str(incident.desk.run(*asking, *somebody).error()), somebody
    assert "TOML" in incident.desk.run(*asking, "--as", "ina").error()["message"]


def test_who_may_not_see_the_case_learns_nothing_of_the_settings_of_notices(incident: Incident) -> None:
    settings = incident.desk.workspace / "notices.toml"
    kept = settings.read_text(encoding="utf-8")
    settings.write_text("nonsense = [", encoding="utf-8")
    try:
        for command in (
            ("plan", incident.case, *SAID),
            ("send", incident.case, "--approval", "A-0001"),
            ("approve-translation", incident.case, "general/en", "--approval", "A-0001"),
        ):
            for who in ("nobody", "ivan", "aud"):
                told = incident.desk.run("notify", *command, "--as", who, "--json").error()
                assert "notices.toml" not in str(told), (command, who)
            if command[0] != "send":  # for which a batch would have to be planned
                told = incident.desk.run("notify", *command, "--as", "olaf", "--json").error()
                assert "notices.toml" in told["message"]
    finally:
        settings.write_text(kept, encoding="utf-8")


def test_who_approves_notices_sees_how_many_and_which_fields_and_no_address(incident: Incident) -> None:
    ours, theirs = (incident.as_(who, "case", "exposure", incident.case) for who in ("ina", "dana"))
    assert theirs["summary"] == ours["summary"]
    assert theirs["frozen"] == incident.as_("dana", "case", "show", incident.case)["exposure"]
    assert theirs["summary"]["by_field"]["email"] == theirs["summary"]["customer_count"] > 0
    assert "@" not in str(theirs)
    before = len(incident.desk.json("lookups")["entries"])
    incident.as_("dana", "case", "exposure", incident.case)
    assert len(incident.desk.json("lookups")["entries"]) == before  # nobody's accesses are looked up for it
    refused = incident.desk.run("case", "exposure", incident.case, "--freeze", "--as", "dana", "--json")
    assert "may not do this" in refused.error()["message"]
    for who in ("aud", "root", "ivan"):
        assert incident.desk.run("case", "exposure", incident.case, "--as", who, "--json").code == 2


def test_duties_are_judged_on_the_frozen_list_and_recorded(incident: Incident) -> None:
    found = incident.as_("olaf", "duties", incident.case)
    frozen = incident.as_("ina", "case", "show", incident.case)["exposure"]
    assert found["exposure_sha256"] == frozen["sha256"]
    duty = next(one for one in found["duties"] if one["rule"] == "eu-gdpr-33")
    assert duty["deadline"]["started_at"] is not None  # at the latest when the case was opened
    assert incident.as_("ina", "case", "show", incident.case)["duties"]["answers"][duty["rule"]] == duty["answer"]


def test_the_statement_waits_for_its_gate_and_two_people(incident: Incident, disk: Disk, tmp_path: Path) -> None:
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
    publish = ("statement", "publish", case, "--approval", request, *under)
    full = disk(200_000)
    filled(full, 0)
    refused(incident.desk.run(*publish, "--out", full / "out", "--as", "olaf", "--json"), str(full), "full")
    assert [path.name for path in full.iterdir()] == ["ballast"]
    assert incident.as_("olaf", "statement", "show", case, *under)["published"] is False
    out = tmp_path / "out"
    done = incident.as_("olaf", *publish, "--out", out)
    assert done["published"] is True
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
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


SAID = ("--noticed-on", "2026-03-01", "--measure", "seller_blocked", "--safeguard", "access_logged")
ACTS: dict[str, tuple[set[str], tuple[object, ...]]] = {
    "duties": ({"ina", "olaf"}, ("duties", "CASE")),
    "contain": ({"ina"}, ("contain", "CASE", "--principal", "SUBJECT", "--why", "x", "--config", "CONFIG")),
    "go back": (
        {"ina", "olaf"},
        ("contain", "CASE", "--principal", "SUBJECT", "--undo", "--why", "x", "--config", "CONFIG"),
    ),
    "block": (
        {"ina"},
        ("contain", "CASE", "--seller", "SELLER", "--why", "x", "--justification", "its shop", "--config", "CONFIG"),
    ),
    "carry out": ({"ina"}, ("contain", "CASE", "--seller", "SELLER", "--approval", "A-0001", "--config", "CONFIG")),
    "draft": ({"ina", "olaf"}, ("statement", "draft", "CASE", "--company", "Basar", "--contact", "x@basar.example")),
    "gate": ({"ina", "olaf"}, ("statement", "gate", "CASE", "--open", "counsel", "--why", "agreed")),
    "ask to publish": ({"olaf"}, ("statement", "request", "CASE", "--why", "told")),
    "publish": ({"olaf"}, ("statement", "publish", "CASE", "--approval", "A-0001", "--out", "OUT")),
    "plan notices": ({"ina", "olaf"}, ("notify", "plan", "CASE", *SAID)),
    "send notices": ({"olaf"}, ("notify", "send", "CASE", "--approval", "A-0001")),
    "approve a text": ({"olaf"}, ("notify", "approve-translation", "CASE", "general/en", "--approval", "A-0001")),
    "ask to hand over": ({"ina", "olaf"}, ("bundle", "CASE", "--ask", "--recipient", "police", "--why", "asked")),
    "hand over": ({"ina", "olaf"}, ("bundle", "CASE", "--out", "OUT")),
}
"""What acts on a case: who may, and how it is given. The case is one in which all of it could be done."""


@pytest.mark.parametrize("act", sorted(ACTS))
def test_nobody_else_leaves_a_trace_in_case_or_systems(act: str, incident: Incident, tmp_path: Path) -> None:
    allowed, words = ACTS[act]
    places = {
        "CASE": incident.case, "SUBJECT": incident.subject, "SELLER": incident.seller, "CONFIG": incident.config,
    }  # fmt: skip

    def as_it_is() -> tuple[object, ...]:
        events = incident.as_("ina", "case", "show", incident.case)["event_count"]
        return events, incident.active(), incident.okta.users["00u1"]["status"], len(incident.market.bodies)

    before = as_it_is()
    for who in sorted(PEOPLE.keys() - allowed):
        out = tmp_path / who
        given = [out if word == "OUT" else places.get(str(word), word) for word in words]
        answer = incident.desk.run(*given, "--as", who, "--json")
        assert answer.code == 2, (act, who, answer)
        assert not out.exists() or not list(out.iterdir())
    assert as_it_is() == before


def test_the_case_is_one_in_which_notices_could_be_planned(incident: Incident) -> None:
    planned = incident.as_("olaf", "notify", "plan", incident.case, *SAID)
    assert planned["planned_count"] > 0
    # Sending is what nobody does without the approval, whoever they are.
    for who in sorted(PEOPLE):
        refused = incident.desk.run("notify", "send", incident.case, "--approval", "A-0001", "--as", who, "--json")
        assert refused.code == 2, (who, refused)
