"""Campaigns at a desk: what joined a report, parting and joining them, and what stays written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stories.conftest import Library


def _shown(desk: Any, campaign: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.json("campaigns", "show", campaign)
    return found


def test_a_campaign_is_explained_parted_joined_and_grouped_anew(stories: Library, tmp_path: Path) -> None:
    desk = stories("one").desk.copy_to(tmp_path / "ws")
    listed = desk.json("campaigns")
    name, count = listed[0]["campaign"], listed[0]["report_count"]
    shown = _shown(desk, name)
    assert shown["campaign"] == listed[0]
    assert len(shown["members"]) == count
    assert 0 < listed[0]["reporter_count"] <= count
    joined = [one for one in shown["members"] if one["compared_count"]]
    assert joined
    assert all(len(one["kinds"]) >= 2 and one["agreed_count"] >= 1 for one in joined)
    assert "@" not in desk.run("campaigns", "show", name).out

    taken = [one["report"] for one in shown["members"][:2]]
    done = desk.json("campaigns", "split", name, taken[0], taken[1][:20], "--why", "another mailing")
    assert (done["what"], done["campaign"], done["report_count"], done["holds"]) == ("split", name, 2, True)
    assert [one["report"] for one in _shown(desk, done["other"])["members"]] == taken
    desk.json("campaigns", "--regroup")
    after = {one["campaign"]: one["report_count"] for one in desk.json("campaigns")}
    assert (after[name], after[done["other"]]) == (count - 2, 2)

    undone = desk.json("campaigns", "undo", done["number"], "--why", "it was not")
    assert undone["undoes"] == done["number"]
    assert [one["holds"] for one in _shown(desk, name)["decisions"]] == [False, True]
    assert {one["campaign"]: one["report_count"] for one in desk.json("campaigns")}[name] == count

    other = listed[1]["campaign"]
    desk.json("campaigns", "merge", name, other, "--why", "one sender")
    merged = _shown(desk, name)
    assert other in merged["former_names"]
    assert len(merged["members"]) == count + listed[1]["report_count"]
    assert _shown(desk, other)["campaign"] == merged["campaign"]
    assert "one sender" in desk.run("campaigns", "show", name).out


def test_what_makes_no_sense_is_said(stories: Library, tmp_path: Path) -> None:
    desk = stories("one").desk.copy_to(tmp_path / "ws")
    name = desk.main_campaign()
    for arguments, says in (
        (("show", "c-nothing"), "no campaign"),
        (("split", name, "zzz", "--why", "x"), "No report of this campaign"),
        (("split", name, "", "--why", "x"), "report of this campaign"),
        (("merge", name, name, "--why", "x"), "one campaign already"),
        (("merge", name, "c-nothing"), "no campaign"),
        (("undo", "77", "--why", "x"), "no split or merge"),
    ):
        assert says in desk.run("campaigns", *arguments, "--json").error()["message"]
    first = _shown(desk, name)["members"][0]["report"]
    assert "why" in desk.run("campaigns", "split", name, first, "--json").error()["message"]
