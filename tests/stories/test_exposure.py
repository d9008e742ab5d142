"""Whose data, which fields: the list that a privacy officer asks for, and how many were mailed."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from leaktrace.attribution.likelihood import BELIEF
from tests.stories.conftest import Library


def test_the_list_holds_everybody_that_the_named_had_been_shown(stories: Library, tmp_path: Path) -> None:
    told = stories("one")
    campaign = told.desk.main_campaign()
    path = tmp_path / "customers.csv"
    finding = told.desk.json("trace", campaign, "--customers", path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    exposure = finding["exposure"]
    confirmed = [row for row in rows if row["status"] == "confirmed"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert len({row["customer"] for row in rows}) == len(rows)
    assert len(confirmed) == exposure["customers_confirmed"] > 0
    assert rows[: len(confirmed)] == confirmed
    assert set(told.truth["leaked_customers"]) <= {row["customer"] for row in rows}
    assert {row["customer"] for row in confirmed} <= set(told.truth["reporting_customers"])
    assert all("email" in row["fields"].split(";") for row in rows)
    assert {row["status"] for row in rows} == {"confirmed", "possible"}
    assert exposure["customers_likely"] == 0
    assert "exposure list" in {entry["what"] for entry in told.desk.json("lookups")["entries"]}


def test_a_call_back_tells_how_many_were_mailed(stories: Library) -> None:
    desk = stories("one").desk
    campaign = desk.main_campaign()
    unknown = desk.json("trace", campaign)["exposure"]
    assert unknown["mailed_estimate"] == {"low": unknown["customers_confirmed"], "mid": None, "high": None}
    asked = desk.json("trace", campaign, "--call-back", "36/40")["exposure"]
    estimate, opened = asked["mailed_estimate"], asked["customers_opened"]
    assert estimate["mid"] == pytest.approx(37 / 42 * opened, abs=1)
    assert estimate["low"] < estimate["mid"] < estimate["high"] <= opened
    assert asked["customers_likely"] > 0.9 * (opened - asked["customers_confirmed"])
    few = desk.json("trace", campaign, "--call-back", "2/40")["exposure"]
    assert few["customers_likely"] == 0
    assert few["customers_possible"] > 0


def test_a_decoy_is_nobody_whose_data_was_passed_on(stories: Library, tmp_path: Path) -> None:
    told = stories("one")
    at = told.finding["evidence"]["window"]["start"]
    reporting = sorted(told.truth["reporting_customers"])
    decoys = sorted(set(told.truth["leaked_customers"]) - set(reporting))[:3]
    rows = [*((one, "report") for one in reporting), *((one, "decoy") for one in decoys)]

    def traced(kind_of_the_last: str) -> tuple[dict[str, Any], set[str]]:
        evidence, path = tmp_path / "evidence.csv", tmp_path / "customers.csv"
        lines = [
            f"{one},{kind if kind == 'report' else kind_of_the_last},{at},{told.truth['seller']}" for one, kind in rows
        ]
        evidence.write_text("\n".join(["customer,kind,received_at,seller", *lines]), encoding="utf-8")
        found = told.desk.json("trace", "--evidence", evidence, "--customers", path)
        with path.open(encoding="utf-8", newline="") as stream:
            return found["exposure"], {row["customer"] for row in csv.DictReader(stream)}

    people, listed = traced("report")
    without, left = traced("decoy")
    assert set(decoys) <= listed
    assert left == listed - set(decoys)
    for count in ("customers_opened", "customers_confirmed"):
        assert without[count] == people[count] - len(decoys)


@pytest.mark.parametrize("text", ["12", "a/b", "41/40", "-1/4", "/", "", "9" * 5000 + "/1", "1/" + "9" * 5000])
def test_a_call_back_that_cannot_be_is_refused(stories: Library, text: str) -> None:
    desk = stories("one").desk
    told = desk.run("trace", desk.main_campaign(), "--call-back", text, "--json").error()
    assert "12/40" in told["hint"]


def test_nobody_has_no_list(stories: Library, tmp_path: Path) -> None:
    desk = stories("nobody").desk
    path = tmp_path / "customers.csv"
    desk.json("trace", desk.main_campaign(), "--customers", path)
    assert path.read_text(encoding="utf-8").splitlines() == ["customer,status,first_shown_at,fields"]


def test_a_set_says_what_would_part_its_members(stories: Library) -> None:
    (found,) = stories("twins").finding["sets"]
    assert found["needs_about_more_reports"] is None
    assert found["separated_by"].startswith("No number of reports parts ")
    assert "decoy" in found["separated_by"]
    assert all(twin in found["separated_by"] for twin in found["principals"][:2])


@pytest.mark.parametrize("scenario", ["one", "two", "nobody", "twins"])
def test_the_number_of_sources_is_said(stories: Library, scenario: str) -> None:
    finding = stories(scenario).finding
    chances = finding["source_count_probability"]
    assert sum(chances) == pytest.approx(1.0, abs=1e-6)
    assert chances[0] == pytest.approx(finding["no_insider_probability"], abs=0.3)
    expected = {"one": 1, "two": 2, "nobody": 0, "twins": 1}[scenario]
    assert max(range(len(chances)), key=chances.__getitem__) == expected


def test_an_expert_recomputes_the_terms_from_the_finding(stories: Library) -> None:
    """ln(n + (1 - n) / p) for what was shown and ln n for what was not, n = 1 - (1 - nu) times the grade's belief."""
    (why,) = stories("one").finding["why"]
    counted = [term for term in why["terms"] if term["other_cause"] is None]
    assert len(counted) > 10
    for term in counted:
        noise = 1.0 - (1.0 - why["noise"]) * BELIEF[term["grade"]]
        ratio = noise if term["opened_at"] is None else noise + (1.0 - noise) / term["expected_probability"]
        assert term["weight_bits"] == pytest.approx(math.log2(ratio), abs=1e-6)
