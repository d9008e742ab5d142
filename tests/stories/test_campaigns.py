"""Campaigns at a desk: what joined a report, parting and joining them, and what stays written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.stories.conftest import Library
from tests.stories.desk import Desk


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


def test_an_evidence_table_is_shown_and_counted_as_its_finding_counts(desk: Desk, tiny_market: Path) -> None:
    customers = pq.read_table(tiny_market / "customers.parquet").column("customer").to_pylist()[:9]
    rows = [f"{one},report,2025-06-0{day}T00:00:00Z" for one in customers[:4] for day in (1, 2)]
    rows += [f"{one},listed,2025-06-03T00:00:00Z" for one in customers[4:6]]
    rows += [f"{customers[6]},decoy,2025-06-03T00:00:00Z", f"{customers[7]},decoy,", f"{customers[8]},decoy,"]
    evidence = desk.workspace.with_name("evidence.csv")
    evidence.write_text("\n".join(["customer,kind,received_at", *rows, ""]), encoding="utf-8")
    desk.json("ingest", "evidence", evidence)
    (listed,) = [one for one in desk.json("campaigns") if one["campaign"].startswith("e-")]
    found = desk.json("trace", listed["campaign"])["evidence"]
    assert (listed["report_count"], listed["customer_count"], listed["reporter_count"]) == (4, 7, 4)
    assert (found["report_count"], found["customer_count"]) == (4, 7)
    shown = _shown(desk, listed["campaign"])
    assert (shown["campaign"], shown["members"], shown["decisions"]) == (listed, [], [])
    assert "came as an evidence table" in desk.run("campaigns", "show", listed["campaign"]).out
    refused = desk.run("campaigns", "split", listed["campaign"], "9f86d081", "--why", "another shop")
    assert refused.code == 2
    assert "came as an evidence table" in refused.err
