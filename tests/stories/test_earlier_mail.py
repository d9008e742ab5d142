"""Whoever may have handled complaints about an earlier mail: what is said, and how somebody settles it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.stories.desk import Desk
from tests.stories.reportedmarket import reported_market


@pytest.fixture(params=[22.0, 3.0], ids=["weeks before", "days before"])
def desk(request: pytest.FixtureRequest, empty_desk: Desk, tmp_path: Path) -> Desk:
    """p20 opened all thirty reporters within ten days, or six, and nobody else many of them; `evidence.csv` beside."""
    rng = np.random.default_rng(5)
    latest = float(request.param)
    shown = [
        (c, f"p{p:02d}", float(rng.uniform(30.0, 300.0)))
        for p in range(40)
        for c in rng.choice(3000, 120, replace=False).tolist()
    ]
    reporters = rng.choice(3000, 30, replace=False).tolist()
    shown += [(c, "p20", float(rng.uniform(latest, latest + 10.0))) for c in reporters]
    reported_market(empty_desk, tmp_path, [(*one, "") for one in shown], reporters)
    return empty_desk


def test_it_is_undecided_without_a_name_and_says_what_to_look_for(desk: Desk, tmp_path: Path) -> None:
    told = desk.run("trace", "--evidence", tmp_path / "evidence.csv")
    words = " ".join(told.out.split())
    assert "Undecided" in words or "UNDECIDED" in words
    assert "Look for complaints of that time about an earlier mail" in words
    assert "--no-earlier-mail" in words
    assert "p20" not in words
    finding = desk.json("trace", "--evidence", tmp_path / "evidence.csv")
    assert finding["named"] == []
    assert finding["undecided"]["code"] == "indistinguishable"
    assert [one["principals"] for one in finding["sets"]] == [["p20"]]


def test_that_none_came_must_have_been_checked_by_somebody(desk: Desk, tmp_path: Path) -> None:
    for why in ((), ("--why", "  ")):
        refused = desk.run("trace", "--evidence", tmp_path / "evidence.csv", "--no-earlier-mail", *why)
        assert refused.code == 2
        assert "somebody must have checked it" in refused.err
    assert desk.run("trace", "--all", "--no-earlier-mail", "--why", "checked").code == 2


def test_then_nothing_is_set_aside_and_the_finding_says_so(desk: Desk, tmp_path: Path) -> None:
    asked = ("trace", "--evidence", tmp_path / "evidence.csv")
    checked = (*asked, "--no-earlier-mail", "--why", "ina looked for complaints, ticket 815")
    finding = desk.json(*checked)
    assert finding["named"] == ["p20"]
    settings = finding["provenance"]["settings"]
    assert (settings["earlier_wave_days"], settings["campaign_margin_days"]) == (0, 0)
    assert "It is taken as checked that no earlier mail of this sender came" in " ".join(desk.run(*checked).out.split())
    assert "ticket 815" in desk.run("lookups", "--json").out
    # It holds for that one question.
    again = desk.json(*asked)
    assert again["named"] == []
    assert again["provenance"]["settings"]["earlier_wave_days"] == 90
