"""The whole way through the command line, from a simulated marketplace to a finding, against the known truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.stories.conftest import SEEDS, SIZE, Library, Told
from tests.stories.desk import Desk

SCENARIOS = tuple(SEEDS)


@pytest.mark.parametrize("scenario", ["one", "handler"])
def test_the_planted_source_is_the_only_one_named(stories: Library, scenario: str) -> None:
    told = stories(scenario)
    assert told.finding["outcome"] == "named"
    assert told.finding["named"] == told.truth["sources"]
    assert [one["principals"] for one in told.finding["sets"]] == [told.truth["sources"]]
    assert told.finding["undecided"] is None
    assert told.finding["candidates"][0]["probability"] >= told.finding["naming_threshold"]


def test_where_nobody_leaked_nobody_is_the_answer(stories: Library) -> None:
    told = stories("nobody")
    assert told.truth["sources"] == []
    assert told.finding["outcome"] == "nobody"
    assert told.finding["named"] == []
    assert told.finding["sets"] == []
    assert told.finding["exposure"] is None
    assert told.finding["no_insider_probability"] >= 0.8


def test_twins_are_a_set_and_never_one_of_them_alone(stories: Library) -> None:
    told = stories("twins")
    twins = {*told.truth["sources"], *told.truth["tied"]}
    assert len(twins) == 2
    assert told.finding["named"] == []
    assert told.finding["outcome"] == "undecided"
    assert told.finding["undecided"]["code"] == "indistinguishable"
    assert told.finding["undecided"]["needs_about_more_reports"] is None
    (found,) = told.finding["sets"]
    assert set(found["principals"]) == twins
    by_name = {one["principal"]: one["probability"] for one in told.finding["candidates"]}
    assert max(by_name[twin] for twin in twins) < 0.9


def test_of_two_sources_none_but_they_are_suspected(stories: Library) -> None:
    told = stories("two")
    assert set(told.finding["named"]) <= set(told.truth["sources"])
    leading = {one["principal"] for one in told.finding["candidates"][:2]}
    assert leading == set(told.truth["sources"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nobody_innocent_is_named(stories: Library, scenario: str) -> None:
    told = stories(scenario)
    assert set(told.finding["named"]) <= set(told.truth["sources"]) - set(told.truth["tied"])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_complaint_handlers_are_never_suspected_although_they_opened_nearly_all(
    stories: Library, scenario: str
) -> None:
    told = stories(scenario)
    opened = _reporters_opened(told)
    handlers = told.truth["handlers"]
    # Without the cut at the mail the handler would be the one who was shown most of the reporters.
    assert max(opened, key=lambda principal: len(opened[principal])) in handlers
    suspected = {*told.finding["named"], *(name for one in told.finding["sets"] for name in one["principals"])}
    assert not suspected & set(handlers)


def test_where_nobody_says_who_handles_complaints_source_and_handler_are_one_set(
    stories: Library, tmp_path: Path
) -> None:
    told = stories("handler")
    desk = told.desk.copy_to(tmp_path / "ws")
    (desk.workspace / "settings.json").unlink()
    finding = desk.json("trace", told.campaign)
    assert finding["named"] == []
    assert finding["undecided"]["code"] == "indistinguishable"
    assert "complaint_handlers" in finding["undecided"]["sentence"]
    assert {told.truth["sources"][0], told.truth["handlers"][0]} <= set(finding["sets"][0]["principals"])


def test_an_earlier_mail_that_nobody_reported_does_not_make_its_handler_a_source(stories: Library) -> None:
    told = stories("handler")
    first_mail = datetime.fromisoformat(told.truth["mail_at"])
    handler = told.truth["handlers"][0]
    opened = _reporters_opened(told, before=first_mail)
    source = told.truth["sources"][0]
    # Before the reported mail, too, the handler had been shown more of the reporters than the source.
    assert len(opened[handler]) >= len(opened[source])
    assert handler not in told.finding["named"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_campaign_is_whole_and_tied_to_the_seller(stories: Library, scenario: str) -> None:
    told = stories(scenario)
    campaign = told.desk.json("campaigns")[0]
    assert campaign["seller"] == told.truth["seller"]
    assert campaign["report_count"] >= 0.9 * len(told.truth["reporting_customers"])
    assert told.finding["provenance"]["campaign"] == told.campaign


def _reporters_opened(told: Told, before: datetime | None = None) -> dict[str, set[str]]:
    """Reporters whose address each principal was shown, by the log itself."""
    reporters = set(told.truth["reporting_customers"])
    opened: dict[str, set[str]] = defaultdict(set)
    for row in pq.read_table(told.market / "accesses", filters=[("customer", "in", reporters)]).to_pylist():
        if "email" in row["fields"] and (before is None or row["at"] < before):
            opened[row["principal"]].add(row["customer"])
    return opened


# --- for people -------------------------------------------------------------------------------------------


def _screen(told: Told) -> str:
    return told.desk.run("trace", told.campaign).out


def _first_line(screen: str) -> str:
    return next(line for line in screen.splitlines() if any(letter.isalpha() for letter in line))


def test_the_terminal_says_who_in_the_first_line(stories: Library) -> None:
    told = stories("one")
    assert told.truth["sources"][0] in _first_line(_screen(told))


@pytest.mark.parametrize("scenario", ["nobody", "twins"])
def test_the_first_line_of_the_terminal_names_no_single_person(stories: Library, scenario: str) -> None:
    told = stories(scenario)
    first = _first_line(_screen(told))
    shown = [one["principal"] for one in told.finding["candidates"] if one["principal"] in first]
    assert len(shown) != 1


def test_candidates_whom_nobody_suspects_appear_only_on_request(stories: Library, tmp_path: Path) -> None:
    told = stories("nobody")
    names = [one["principal"] for one in told.finding["candidates"]]
    assert names
    screen = _screen(told)
    assert not [name for name in names if name in screen]
    assert not [name for name in names if name in told.page]
    asked = told.desk.run("trace", told.campaign, "--candidates", "--html", tmp_path / "asked.html")
    assert names[0] in asked.out
    assert names[0] in (tmp_path / "asked.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_page_tells_the_same_and_reaches_for_no_network(stories: Library, scenario: str) -> None:
    told = stories(scenario)
    for name in told.finding["named"]:
        assert name in told.page
    for text in ("<script", "src=", "@import", "<link", "url(http"):
        assert text not in told.page.lower()


def test_the_page_is_readable_by_its_owner_only(stories: Library, tmp_path: Path) -> None:
    told = stories("one")
    assert told.desk.run("trace", told.campaign, "--html", tmp_path / "page.html").code == 0
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o600


# --- as installed -----------------------------------------------------------------------------------------


def test_the_installed_program_gives_the_same_finding(stories: Library) -> None:
    told = stories("one")
    ran = told.desk.program("trace", told.campaign, "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == told.finding


def test_the_installed_program_ends_in_a_sentence_on_an_unknown_campaign(stories: Library) -> None:
    ran = stories("one").desk.program("trace", "c-00000000")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "There is no campaign 'c-00000000'." in ran.stderr
    assert "Traceback" not in ran.stderr


_DEMO_SIZE: list[Any] = [word for word in SIZE if word not in ("--principals", 150)]


@pytest.mark.parametrize("how", [("--seed", 6, *_DEMO_SIZE), ()], ids=["small", "as make demo runs it"])
def test_the_demo_shows_what_it_found_beside_the_truth(tmp_path: Path, how: tuple[Any, ...]) -> None:
    desk = Desk(tmp_path / "unused", tmp_path / "config")
    ran = desk.program("demo", "--out", tmp_path / "demo", *how, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    truth = json.loads((tmp_path / "demo" / "market" / "truth.json").read_text(encoding="utf-8"))
    assert "NAMED" in ran.stdout
    assert ran.stdout.count(truth["sources"][0]) >= 2
    assert ran.stdout.count("leaktrace") >= 3
    assert len(ran.stdout.splitlines()) <= 50
    assert (tmp_path / "demo" / "finding.html").stat().st_mode & 0o777 == 0o600
    _followed(ran.stdout, tmp_path / "demo")


def _followed(shown: str, demo: Path) -> None:
    """The whole story: contained and read back, everybody told once, and a bundle that an outsider can check."""
    lines = dict(line.split(maxsplit=1) for line in shown.splitlines() if len(line.split(maxsplit=1)) == 2)
    assert "the account: contained; the seller: contained" in shown
    sent = int(lines["Notices"].split()[0].replace(",", ""))
    frozen = int(lines["Exposure"].split()[0].replace(",", ""))
    assert 0 < sent <= frozen
    fingerprint = (demo / "FINGERPRINT").read_text(encoding="utf-8").strip()
    script = resources.files("leaktrace.response.bundle.verifier").joinpath("verify.py")
    command = [sys.executable, "-I", str(script), str(demo / "bundle")]
    checked = subprocess.run([*command, "--key", fingerprint], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    other = fingerprint[:-1] + ("0" if fingerprint[-1] != "0" else "1")
    assert subprocess.run([*command, "--key", other], capture_output=True, check=False).returncode == 1
    (demo / "bundle" / "data").joinpath("added.txt").write_text("x", encoding="utf-8")
    assert subprocess.run([*command, "--key", fingerprint], capture_output=True, check=False).returncode == 1


def test_the_demo_replaces_nothing_but_an_earlier_demo(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    answer = Desk(tmp_path / "ws", tmp_path / "config").run("demo", "--out", tmp_path / "mine")
    assert answer.code == 2
    assert "something that is not a demo" in answer.err
    assert (tmp_path / "mine" / "thesis.txt").exists()
