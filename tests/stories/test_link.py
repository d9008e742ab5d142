"""Are two incidents one? The whole way through the command line, on simulated marketplaces with a known truth."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from leaktrace.workspace import open_workspace
from tests.stories.conftest import Library, Told
from tests.stories.desk import Answer, Desk

LINK = {"schema", "a", "b", "outcome", "probability", "prior", "terms", "sentence", "provenance"}
SIDE = {"campaign", "outcome", "seller", "seller_probability", "report_count", "customer_count", "first_mail_at"}
TERM = {"name", "bits", "sentence", "shared", "figures", "capped"}
PROVENANCE = {
    "version",
    "settings_digest",
    "field",
    "ledger_snapshot",
    "evidence_digests",
    "other_campaign_count",
    "others_digest",
    "settings",
}


@dataclass(frozen=True, slots=True)
class Second:
    """A workspace with a leak by one source, and evidence of second incidents beside it."""

    told: Told
    same: Path
    """The same source and seller, other customers."""
    different: Path
    """Another source, another seller."""
    nobody: Path
    """Customers drawn from all alike."""
    customers: frozenset[str]
    principals: frozenset[str]
    answers: dict[tuple[object, ...], Answer] = field(default_factory=dict)
    """What was asked before; the same question has the same answer."""

    @property
    def source(self) -> str:
        """Who leaked in the mail's campaign."""
        source: str = self.told.truth["sources"][0]
        return source

    def run(self, *arguments: object) -> Answer:
        if arguments not in self.answers:
            self.answers[arguments] = self.told.desk.run("link", *arguments)
        return self.answers[arguments]

    def json(self, *arguments: object) -> Any:
        answer = self.run(*arguments, "--json")
        assert answer.code == 0, answer
        return answer.document()


@pytest.fixture(scope="module")
def second(stories: Library, tmp_path_factory: pytest.TempPathFactory) -> Second:
    told = stories("one")
    folder = tmp_path_factory.mktemp("second")
    mail_at = datetime.fromisoformat(told.truth["mail_at"])
    opened: dict[str, set[str]] = defaultdict(set)
    for row in pq.read_table(told.market / "accesses").to_pylist():
        if "email" in row["fields"] and row["at"] < mail_at:
            opened[row["principal"]].add(str(row["customer"]))
    everybody = sorted(str(row["customer"]) for row in pq.read_table(told.market / "customers.parquet").to_pylist())
    source = told.truth["sources"][0]
    reported = set(map(str, told.truth["reporting_customers"]))
    # Of those with customers enough the one who was shown the fewest that complain: no second source.
    able = [one for one in opened if len(opened[one] - reported) >= 100]
    other = min(able, key=lambda one: (len(opened[one] & reported), abs(len(opened[one]) - len(opened[source])), one))
    return Second(
        told,
        _evidence(folder / "same.csv", sorted(opened[source] - reported), mail_at, told.truth["seller"]),
        _evidence(folder / "different.csv", sorted(opened[other] - reported), mail_at, "s-unheard-of"),
        _evidence(folder / "nobody.csv", everybody, mail_at, ""),
        frozenset(everybody),
        frozenset(opened),
    )


def _evidence(path: Path, customers: list[str], mail_at: datetime, seller: str) -> Path:
    chosen = random.Random(5).sample(customers, 25)
    lines = [
        f"{customer},report,{(mail_at + timedelta(days=20, hours=place)).isoformat()},{seller},r{place}"
        for place, customer in enumerate(chosen)
    ]
    path.write_text("\n".join(["customer,kind,received_at,seller,reporter", *lines, ""]), encoding="utf-8")
    return path


def _bits(link: dict[str, Any]) -> dict[str, float]:
    return {term["name"]: term["bits"] for term in link["terms"]}


def _words(text: str) -> set[str]:
    return set("".join(sign if sign.isalnum() or sign in "-_" else " " for sign in text).split())


# --- the answer -------------------------------------------------------------------------------------------


def test_a_second_leak_of_the_same_source_is_one_incident(second: Second) -> None:
    link = second.json(second.told.campaign, second.same)
    assert link["outcome"] == "one"
    assert link["probability"] > 0.8
    assert _bits(link)["sources"] > 3.0
    assert _bits(link)["seller"] > 0.0


def test_a_leak_of_another_source_is_not(second: Second) -> None:
    link = second.json(second.told.campaign, second.different)
    assert link["outcome"] == "two"
    assert link["probability"] < link["prior"]
    assert _bits(link)["sources"] < -2.0
    assert _bits(link)["seller"] < 0.0


def test_a_mailing_without_a_source_inside_is_no_sign_of_one_incident(second: Second) -> None:
    link = second.json(second.told.campaign, second.nobody)
    assert link["outcome"] != "one"
    assert link["probability"] <= link["prior"]


def test_both_orders_give_the_same_answer(second: Second) -> None:
    there, back = second.json(second.told.campaign, second.same), second.json(second.same, second.told.campaign)
    assert (there["a"], there["b"]) == (back["b"], back["a"])
    for key in LINK - {"a", "b"}:
        assert there[key] == back[key], key


def test_the_order_of_rows_is_nothing(second: Second, tmp_path: Path) -> None:
    head, *rows = second.same.read_text(encoding="utf-8").splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([head, *rows[::-1], rows[0], ""]), encoding="utf-8")
    straight = second.json(second.told.campaign, second.same)
    assert second.json(second.told.campaign, turned)["terms"] == straight["terms"]


def test_shared_customers_count_once(second: Second, tmp_path: Path) -> None:
    """The very reports of the mail, told as a table: nothing of them is left to weigh the sources by."""
    reports = sorted(map(str, second.told.truth["reporting_customers"]))
    copy = tmp_path / "copy.csv"
    lines = [f"{customer},report,{second.told.truth['mail_at']}" for customer in reports]
    copy.write_text("\n".join(["customer,kind,received_at", *lines, ""]), encoding="utf-8")
    link = second.json(second.told.campaign, copy)
    assert _bits(link)["sources"] == 0.0
    assert _bits(link)["customers"] == 4.0
    assert "left out" in link["terms"][0]["sentence"]
    assert "told twice" in link["terms"][3]["sentence"]


def test_campaigns_of_the_mailbox_are_compared_by_their_senders(second: Second) -> None:
    first, other = (one["campaign"] for one in second.told.desk.json("campaigns")[:2])
    link = second.json(first, other)
    assert _bits(link)["sender"] < 0.0
    assert link["outcome"] != "one"
    assert link["provenance"]["other_campaign_count"] == len(second.told.desk.json("campaigns")) - 2


# --- the document -----------------------------------------------------------------------------------------


def test_the_document_has_the_promised_keys(second: Second) -> None:
    link = second.json(second.told.campaign, second.same)
    assert set(link) == LINK
    assert link["schema"] == "leaktrace.link/1"
    assert set(link["a"]) == set(link["b"]) == SIDE
    assert [term["name"] for term in link["terms"]] == ["sources", "seller", "sender", "customers"]
    assert all(set(term) == TERM for term in link["terms"])
    assert set(link["provenance"]) == PROVENANCE
    assert set(link["provenance"]["evidence_digests"]) == {link["a"]["campaign"], link["b"]["campaign"]}
    assert link["prior"] == 0.05


def test_python_says_what_the_program_prints(second: Second) -> None:
    desk = second.told.desk
    printed = second.json(*(one["campaign"] for one in desk.json("campaigns")[:2]))
    with open_workspace(desk.workspace, environment=desk.environment()) as workspace:
        first, other = workspace.campaigns()[:2]
        link = workspace.link(first, other.campaign)
    assert json.loads(link.to_json()) == printed


def test_the_look_up_is_logged(second: Second, tmp_path: Path) -> None:
    desk = second.told.desk.copy_to(tmp_path / "ws")
    campaigns = [one["campaign"] for one in desk.json("campaigns")[:2]]
    desk.json("link", *campaigns, "--why", "case 7")
    entry = desk.json("lookups")["entries"][-1]
    assert (entry["what"], entry["why"]) == ("link", "case 7")
    assert entry["subject"] == f"{campaigns[0]} {campaigns[1]} email"


# --- nobody is accused, nobody is told --------------------------------------------------------------------


def test_only_whom_both_findings_name_is_told(second: Second) -> None:
    for other, told in ((second.same, {second.source}), (second.different, set()), (second.nobody, set())):
        for arguments in ([second.told.campaign, other], [second.told.campaign, other, "--json"]):
            words = _words(second.run(*arguments).out)
            assert words & second.principals == told, arguments


def test_pseudonyms_stand_for_principals(second: Second, tmp_path: Path) -> None:
    desk = second.told.desk.copy_to(tmp_path / "ws")
    some = sorted(second.principals - {second.source})[:4]
    settings = {"complaint_handlers": some[:2], "checked_bulk_readers": some[2:]}
    (desk.workspace / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    answer = desk.run("link", second.told.campaign, second.same, "--pseudonyms", "--json")
    assert not _words(answer.out) & second.principals
    (name,) = answer.document()["terms"][0]["shared"]
    assert name.startswith("P-")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_no_customer_is_told(second: Second, form: list[str]) -> None:
    addresses = {row["email"] for row in pq.read_table(second.told.market / "customers.parquet").to_pylist()}
    for other in (second.same, second.different, second.nobody):
        answer = second.run(second.told.campaign, other, *form)
        assert not _words(answer.out + answer.err) & second.customers
        assert not [address for address in addresses if address in answer.out + answer.err]


def test_the_terminal_says_the_answer_first(second: Second) -> None:
    screen = second.run(second.told.campaign, second.same).out
    first = next(line for line in screen.splitlines() if any(sign.isalpha() for sign in line))
    assert first.startswith("ONE INCIDENT")
    assert "This accuses nobody" in screen


# --- bad input --------------------------------------------------------------------------------------------


def test_a_campaign_is_not_compared_with_itself(second: Second, tmp_path: Path) -> None:
    campaign = second.told.campaign
    assert "same campaign" in second.run(campaign, campaign, "--json").error()["message"]
    turned = tmp_path / "turned.csv"
    head, *rows = second.same.read_text(encoding="utf-8").splitlines()
    turned.write_text("\n".join([head, *rows[::-1], ""]), encoding="utf-8")
    assert "same campaign" in second.run(second.same, turned, "--json").error()["message"]


@pytest.mark.parametrize("other", ["c-ffffffff", "nowhere.csv", "", "."])
def test_what_does_not_exist_ends_in_a_sentence(desk: Desk, other: str) -> None:
    assert desk.run("link", desk.main_campaign(), other, "--json").error()["hint"]


def test_a_table_that_is_no_evidence_ends_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("customer,colour\n1,red\n", encoding="utf-8")
    assert "lacks the column" in desk.run("link", desk.main_campaign(), wrong, "--json").error()["message"]
    assert desk.run("link", desk.main_campaign(), "--json").code == 2


def test_rows_left_out_are_told_and_an_empty_table_says_nothing(desk: Desk, tmp_path: Path) -> None:
    partly = tmp_path / "partly.csv"
    partly.write_text("customer,kind,received_at\n1,report,2025-06-01T00:00:00Z\n2,report,today\n", encoding="utf-8")
    answer = desk.run("link", desk.main_campaign(), partly, "--json")
    assert answer.code == 3
    assert "row 2 was left out" in answer.err
    assert set(answer.document()) == LINK
    empty = tmp_path / "empty.csv"
    empty.write_text("customer,kind,received_at\n", encoding="utf-8")
    link = desk.json("link", desk.main_campaign(), empty)
    assert link["probability"] == link["prior"]
    assert link["outcome"] == "undetermined"


def test_a_workspace_without_accesses_says_nothing_of_sources(empty_desk: Desk, tmp_path: Path) -> None:
    paths = []
    for name in ("one", "other"):
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text(f"customer,kind,received_at\n{name},report,2025-06-01T00:00:00Z\n", encoding="utf-8")
    assert _bits(empty_desk.json("link", *paths))["sources"] == 0.0


# --- what mail shows of its sender ------------------------------------------------------------------------


def _complaints(folder: Path, name: str, sender: str, words: str, links: list[str], day: str) -> None:
    """A complaint for each list of links: the unwanted mail attached, sent on that day."""
    for place, link in enumerate(links):
        unwanted = EmailMessage()
        unwanted["From"] = f"{words.split(maxsplit=1)[0]} <{sender}>"
        unwanted["To"] = f"{name}{place}@customers.example"
        unwanted["Subject"] = words
        unwanted["Date"] = f"{day} 10:0{place}:00 +0000"
        unwanted.set_content(f"{words}. {words} {' '.join(reversed(words.split()))}: https://{link}/offer\n")
        complaint = EmailMessage()
        complaint["From"] = f"{name}{place}@customers.example"
        complaint["To"] = "report-abuse@market.example"
        complaint["Subject"] = "Fwd: unwanted"
        complaint["Date"] = f"{day} 18:0{place}:00 +0000"
        complaint.set_content("I never gave them my address.\n")
        complaint.add_attachment(unwanted)
        (folder / f"{name}{place}.eml").write_bytes(bytes(complaint))


def _two_campaigns(desk: Desk, folder: Path, first: list[str], other: list[str], sender: str = "") -> dict[str, Any]:
    folder.mkdir()
    _complaints(
        folder, "anna", sender or "news@bargains.example", "Summer shoes at half their price", first, "Sun, 1 Jun 2025"
    )
    _complaints(
        folder, "bert", sender or "win@lottery.example", "Claim your prize before midnight", other, "Fri, 1 Aug 2025"
    )
    desk.json("mail", folder)
    found = desk.json("campaigns")
    assert len(found) == 2, found
    link: dict[str, Any] = desk.json("link", *(one["campaign"] for one in found))
    (term,) = (one for one in link["terms"] if one["name"] == "sender")
    assert isinstance(term, dict)
    return term


def test_a_domain_that_both_lead_to_speaks_for_one_incident(empty_desk: Desk, tmp_path: Path) -> None:
    sender = _two_campaigns(empty_desk, tmp_path / "mail", ["landing-page.example"] * 4, ["landing-page.example"] * 4)
    assert sender["bits"] == pytest.approx(3.0)
    assert sender["shared"] == ["landing-page.example"]


def test_domains_of_everybody_speak_for_nothing(empty_desk: Desk, tmp_path: Path) -> None:
    sender = _two_campaigns(empty_desk, tmp_path / "mail", ["bit.ly"] * 4, ["bit.ly"] * 4)
    assert sender["bits"] < 0.0
    assert sender["shared"] == []


def test_one_planted_report_ties_a_campaign_to_nothing(empty_desk: Desk, tmp_path: Path) -> None:
    planted = [*["shoes.example"] * 5, "prizes.example"]
    sender = _two_campaigns(empty_desk, tmp_path / "mail", planted, ["prizes.example"] * 6)
    assert sender["bits"] < 0.0
