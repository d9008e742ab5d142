"""Many campaigns through the command line: what is learned, weights from a file, and the error budget."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from leaktrace.attribution import CampaignNumbers
from leaktrace.folder import open_folder
from leaktrace.tracing import learned
from leaktrace.tracing.learned import Look, Measured
from leaktrace.workspace import open_workspace
from tests.stories.conftest import Library, Told
from tests.stories.desk import PROGRAM, Desk
from tests.stories.unharmed import refused


@pytest.fixture(scope="module")
def told(stories: Library) -> Told:
    return stories("one")


@pytest.fixture(scope="module")
def all_traced(told: Told, tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, list[dict[str, Any]]]:
    """A workspace whose campaigns were all traced, and the findings."""
    desk = told.desk.copy_to(tmp_path_factory.mktemp("all") / "ws")
    return desk, desk.json("trace", "--all", "--why", "case 7")


def _settle(desk: Desk, **values: float) -> None:
    (desk.workspace / "settings.json").write_text(json.dumps(values), encoding="utf-8")


def _weights(folder: Path, rows: dict[str, object]) -> Path:
    path = folder / "weights.csv"
    path.write_text("principal,weight\n" + "".join(f"{k},{v}\n" for k, v in rows.items()), encoding="utf-8")
    return path


# --- trace --all ------------------------------------------------------------------------------------------


def test_all_campaigns_are_traced_most_reports_first(all_traced: tuple[Desk, list[dict[str, Any]]]) -> None:
    desk, findings = all_traced
    assert [one["provenance"]["campaign"] for one in findings] == [one["campaign"] for one in desk.json("campaigns")]
    assert len(findings) >= 3
    traced = [one["subject"] for one in desk.json("lookups")["entries"] if one["why"] == "case 7"]
    assert sorted(traced) == sorted(f"{one['provenance']['campaign']} email" for one in findings)


def test_only_the_planted_source_is_named_among_all_campaigns(
    told: Told, all_traced: tuple[Desk, list[dict[str, Any]]]
) -> None:
    _, findings = all_traced
    assert findings[0]["named"] == told.truth["sources"]
    assert {name for one in findings for name in one["named"]} == set(told.truth["sources"])


def test_a_campaign_traced_alone_afterwards_has_the_same_finding(
    all_traced: tuple[Desk, list[dict[str, Any]]], tmp_path: Path
) -> None:
    desk, findings = all_traced
    copy = desk.copy_to(tmp_path / "ws")
    for place in (0, len(findings) // 2, -1):
        assert copy.json("trace", findings[place]["provenance"]["campaign"]) == findings[place]
    assert copy.json("trace", "--all") == findings


def test_each_learns_from_all_others_and_not_from_itself(all_traced: tuple[Desk, list[dict[str, Any]]]) -> None:
    _, findings = all_traced
    priors = [one["prior"] for one in findings]
    assert {one["source"] for one in priors} == {"learned"}
    for one in priors:
        assert 1 <= one["learned_from_campaigns"] <= len(findings) - 1
        assert 0.05 <= one["insider_probability"] <= one["setting"] == 0.5
        assert 0.0 <= one["share_low"] <= one["share_high"] <= 1.0
        assert one["uniform_over"] > 0
        assert one["sentence"].endswith(".")


def test_the_table_says_the_outcomes_the_shares_and_the_budget(
    all_traced: tuple[Desk, list[dict[str, Any]]], tmp_path: Path
) -> None:
    desk, findings = all_traced
    screen = desk.copy_to(tmp_path / "ws").run("trace", "--all").out
    for one in findings:
        assert one["provenance"]["campaign"] in screen
    assert findings[0]["named"][0] in screen
    assert "traced here, about" in screen
    assert "Error budget of this workspace" in screen


def test_terminal_and_page_say_the_prior_and_the_budget(
    all_traced: tuple[Desk, list[dict[str, Any]]], tmp_path: Path
) -> None:
    desk, findings = all_traced
    copy = desk.copy_to(tmp_path / "ws")
    answer = copy.run("trace", findings[0]["provenance"]["campaign"], "--html", tmp_path / "finding.html")
    page = (tmp_path / "finding.html").read_text(encoding="utf-8")
    assert findings[0]["prior"]["sentence"] in page
    assert findings[0]["error_budget"]["sentence"] in page
    assert findings[0]["prior"]["sentence"][:40] in answer.out
    assert "This is look 1 at this campaign." in page


def test_the_first_trace_of_a_workspace_stands_on_the_setting(told: Told) -> None:
    prior = told.finding["prior"]
    assert (prior["source"], prior["insider_probability"], prior["learned_from_campaigns"]) == ("setting", 0.5, 0)
    assert prior["share_low"] is None
    budget = told.finding["error_budget"]
    assert (budget["named_count"], budget["look_count"], budget["allowed"]) == (1, 1, 0.05)
    best = told.finding["candidates"][0]["probability"]
    # The budget takes rivals to be as likely beforehand; what is told does not.
    assert 1.0 - best <= budget["spent"] + 1e-12
    assert budget["spent"] < 0.001


def test_evidence_files_teach_nothing_about_mailings(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    rows = "".join(f"{customer},report,2025-06-01T00:00:00Z\n" for customer in told.truth["reporting_customers"])
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind,received_at\n" + rows, encoding="utf-8")
    desk.json("trace", "--evidence", evidence)
    other = desk.json("campaigns")[-1]["campaign"]
    assert desk.json("trace", other)["prior"]["learned_from_campaigns"] == 1


def test_from_python_it_is_the_same(all_traced: tuple[Desk, list[dict[str, Any]]], tmp_path: Path) -> None:
    desk, findings = all_traced
    copy = desk.copy_to(tmp_path / "ws")
    with open_workspace(copy.workspace, environment=copy.environment()) as workspace:
        found = workspace.trace_all()
        assert [json.loads(one.to_json()) for one in found] == findings
        given = workspace.trace(found[0].provenance.campaign, prior={found[0].named[0]: 0.5})
        assert given.prior is not None
        assert given.prior.source == "file"
        assert given.prior.file_weight_count == 1


def test_all_is_of_no_single_campaign(told: Told, tmp_path: Path) -> None:
    refused(told.desk.run("trace", "--all", told.campaign, "--json"), "one of the three")
    refused(told.desk.run("trace", "--all", "--html", tmp_path / "x.html", "--json"), "of one campaign")


def test_all_of_nothing_is_an_empty_list(empty_desk: Desk) -> None:
    assert empty_desk.json("trace", "--all") == []
    assert "no campaign yet" in empty_desk.run("trace", "--all").out


# --- a prior from elsewhere -------------------------------------------------------------------------------


def test_weights_are_told_and_a_strong_case_stands(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    (source,) = told.truth["sources"]
    path = _weights(tmp_path, {source: 0.001, "nobody-here": 2})
    answer = desk.run("trace", told.campaign, "--prior", path, "--json")
    finding = answer.document()
    assert finding["named"] == [source]
    prior = finding["prior"]
    assert prior["source"] == "file"
    assert (prior["file_weight_count"], prior["file_unknown_count"], prior["file_clipped_count"]) == (1, 1, 1)
    assert len(prior["file_digest"]) == 64
    assert "bounded" in answer.err
    assert "left out: 1" in answer.err


def test_weights_name_nobody_innocent(stories: Library, tmp_path: Path) -> None:
    told = stories("nobody")
    desk = told.desk.copy_to(tmp_path / "ws")
    best = told.finding["candidates"][0]["principal"]
    finding = desk.json("trace", told.campaign, "--prior", _weights(tmp_path, {best: 10}))
    assert finding["named"] == []


def test_a_bad_file_of_weights_is_refused_with_its_row_and_nothing_is_logged(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    before = len(desk.json("lookups")["entries"])
    path = _weights(tmp_path, {"u1": 2, "u2": "much"})
    refused(desk.run("trace", told.campaign, "--prior", path, "--json"), "row 2", "no positive number")
    assert len(desk.json("lookups")["entries"]) == before


# --- the error budget -------------------------------------------------------------------------------------


def _name_given_before(desk: Desk, chance: float) -> None:
    """Remembers a name of another campaign, with so much chance of being right."""
    opened = open_folder(desk.workspace, desk.environment())
    key = ("c-00000000", "email")
    measured = Measured(CampaignNumbers(3.0, 0.4), 9, "b" * 64, tells=True)
    look = Look("d" * 64, "named", {"0f" * 8: chance}, ("0f" * 8,))
    learned.update(
        desk.workspace / "learned.json",
        opened.keyring,
        lambda known: known.with_measured(key, measured).with_look(key, look, "2026-01-01T00:00:00+00:00"),
    )


def test_once_the_budget_is_spent_a_new_name_needs_more_and_the_answer_says_so(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    (desk.workspace / "learned.json").unlink()
    _name_given_before(desk, 0.94)
    finding = desk.json("trace", told.campaign)
    # The evidence is plain, so the doubt about somebody else does not hide it.
    assert finding["named"] == told.truth["sources"]
    assert "it is spent, and a new name needs a chance of 0.999" in finding["error_budget"]["sentence"]
    chance = finding["candidates"][0]["probability"]
    (desk.workspace / "learned.json").unlink()
    _name_given_before(desk, 0.94)
    # The same name when it is not far over the threshold, for a smaller prior.
    ratio = 300.0 * (1.0 - chance) / chance
    _settle(desk, insider_prior_probability=ratio / (1.0 + ratio))
    finding = desk.json("trace", told.campaign)
    assert 0.99 < finding["candidates"][0]["probability"] < 0.999
    assert finding["outcome"] == "undecided"
    assert finding["named"] == []
    assert finding["undecided"]["code"] == "too_few_reports"
    assert "error budget" in finding["undecided"]["sentence"]
    assert "error_budget_names" in finding["undecided"]["sentence"]
    assert finding["error_budget"]["spent"] == pytest.approx(0.06)
    assert told.truth["sources"][0] not in desk.run("trace", told.campaign).out.splitlines()[1]
    prior = {"insider_prior_probability": ratio / (1.0 + ratio)}
    _settle(desk, error_budget_names=0.1, **prior)
    assert desk.json("trace", told.campaign)["named"] == told.truth["sources"]
    # Once given the name stands, spent or not.
    _settle(desk, error_budget_names=0.05, **prior)
    again = desk.json("trace", told.campaign)
    assert again["named"] == told.truth["sources"]
    assert "it is spent" in again["error_budget"]["sentence"]
    assert again["error_budget"]["named_count"] == 2


def test_a_budget_that_is_not_spent_takes_nothing(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    (desk.workspace / "learned.json").unlink()
    _name_given_before(desk, 0.96)
    assert desk.json("trace", told.campaign)["named"] == told.truth["sources"]


def test_a_damaged_file_stops_the_trace_and_says_what_to_do(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    path = desk.workspace / "learned.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    answer = desk.run("trace", told.campaign, "--json")
    refused(answer, "learned.json")
    assert "backup" in answer.error()["hint"]
    path.write_bytes(whole)
    assert desk.json("trace", told.campaign)["named"] == told.truth["sources"]


def test_what_is_remembered_names_no_customer_and_no_principal(
    told: Told, all_traced: tuple[Desk, list[dict[str, Any]]]
) -> None:
    desk, findings = all_traced
    content = (desk.workspace / "learned.json").read_text(encoding="utf-8")
    words = set(content.replace('"', " ").replace(",", " ").replace("}", " ").split())
    names = {one["principal"] for finding in findings for one in finding["candidates"]}
    assert names
    assert not names & words
    assert not {str(customer) for customer in told.truth["reporting_customers"] if len(str(customer)) > 4} & words
    assert (desk.workspace / "learned.json").stat().st_mode & 0o777 == 0o600


def test_two_traces_at_once_both_remember(told: Told, tmp_path: Path) -> None:
    desk = told.desk.copy_to(tmp_path / "ws")
    (desk.workspace / "learned.json").unlink()
    listed = [one["campaign"] for one in desk.json("campaigns")[:2]]
    running = [
        subprocess.Popen(
            [PROGRAM, "-w", desk.workspace, "trace", one, "--json"],
            env=desk.environment(),
            stdout=subprocess.DEVNULL,
        )
        for one in listed
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    known = json.loads((desk.workspace / "learned.json").read_bytes())["body"]["campaigns"]
    assert sorted(one["campaign"] for one in known) == sorted(listed)
