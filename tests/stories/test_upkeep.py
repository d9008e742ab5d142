"""The upkeep of a ledger at the command line and from Python, on a whole workspace."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import leaktrace
from leaktrace.errors import LedgerError
from tests.stories.desk import Desk


def somebody(market: Path) -> str:
    """A customer who was looked at, and has contacts."""
    accesses = pq.read_table(market / "accesses").column("customer").to_pylist()
    contacts = set(pq.read_table(market / "contacts.parquet").column("customer").to_pylist())
    return next(str(name) for name in accesses if name in contacts)


def ingest_in_parts(desk: Desk, market: Path, folder: Path) -> None:
    """Further files of accesses, as a log that is shipped every hour makes them."""
    rows = pq.read_table(market / "accesses")
    folder.mkdir()
    for part in range(3):
        pq.write_table(rows.slice(part * 700, 700), folder / f"{part}.parquet")
    desk.json("ingest", "accesses", folder)


def test_a_whole_ledger_and_one_that_is_not(desk: Desk) -> None:
    found = desk.json("ledger", "verify")
    assert found["problems"] == []
    assert found["row_count"] > 5000
    assert "The ledger is whole." in desk.run("ledger", "verify").out
    path = min((desk.workspace / "ledger" / "lake" / "contacts").rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"x")
    answer = desk.run("ledger", "verify", "--json")
    assert answer.code == 3
    (problem,) = answer.document()["problems"]
    assert problem["file"] == str(path.relative_to(desk.workspace / "ledger"))
    shown = desk.run("ledger", "verify")
    assert shown.code == 3
    assert path.name in shown.out.replace("\n", "")


def test_compacting_changes_no_finding(desk: Desk, tiny_market: Path, tmp_path: Path) -> None:
    ingest_in_parts(desk, tiny_market, tmp_path / "parts")
    campaign = desk.main_campaign()
    before, stats = desk.json("trace", campaign), desk.json("ledger", "stats")
    done = desk.json("ledger", "compact")
    assert done["merged_count"] > done["written_count"]
    assert done["segment_count"] < stats["segment_count"]
    assert desk.json("trace", campaign) == before
    assert desk.json("ledger", "verify")["problems"] == []
    assert "Nothing to merge" in desk.run("ledger", "compact").out


def test_forgetting_asks_and_is_written_down(desk: Desk, tiny_market: Path) -> None:
    name = somebody(tiny_market)
    before = desk.json("ledger", "stats")
    error = desk.run("ledger", "forget", name, "--json").error()
    assert "--yes" in error["hint"]
    assert desk.json("ledger", "stats") == before, "nobody was asked, nothing was done"
    found = desk.json("ledger", "forget", name, "--yes", "--why", "request 7")
    assert found["row_counts"]["accesses"] > 0
    assert found["row_counts"]["contacts"] > 0
    assert (found["name_count"] > 0, found["waiting_count"]) == (True, 0)
    assert desk.json("ledger", "stats")["access_count"] == before["access_count"] - found["row_counts"]["accesses"]
    (act,) = desk.json("ledger", "acts")["acts"]
    assert (act["what"], act["why"], act["row_counts"]) == ("forget", "request 7", found["row_counts"])
    last = desk.json("lookups")["entries"][-1]
    assert (last["what"], last["subject"], last["why"]) == ("forget", f"customer {act['customer']}", "request 7")
    again = desk.json("ingest", "contacts", tiny_market / "contacts.parquet")
    assert again["accepted_count"] == 0
    assert desk.json("ledger", "verify")["problems"] == []
    assert name not in (desk.workspace / "lookups.ndjson").read_text()
    assert name.encode() not in (desk.workspace / "ledger" / "ledger.db").read_bytes()


@pytest.mark.parametrize(("said", "acts"), [("n", 0), ("y", 1)])
def test_at_a_terminal_it_asks(desk: Desk, tiny_market: Path, said: str, acts: int) -> None:
    ours, theirs = os.openpty()
    try:
        os.write(ours, f"{said}\n".encode())
        done = desk.program("ledger", "forget", somebody(tiny_market), stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "Erase 1 customer from the ledger for good?" in done.stderr
    assert ("Nothing was changed." in done.stderr) == (acts == 0)
    assert len(desk.json("ledger", "acts")["acts"]) == acts


def test_a_campaign_outlives_a_reporter_who_is_forgotten(desk: Desk) -> None:
    campaign = desk.main_campaign()
    with leaktrace.open(desk.workspace, environment=desk.environment()) as ws:
        evidence = ws.evidence_of(campaign)
        ws.forget(evidence.items[0].customer, why="request 8")
        after = ws.evidence_of(campaign)
        assert len(after.items) < len(evidence.items)
        ws.trace(campaign, why="still possible")


def test_a_legal_hold_is_named_and_ends(desk: Desk, tiny_market: Path) -> None:
    name = somebody(tiny_market)
    (hold,) = desk.json("ledger", "hold", "case-12", name)
    assert hold["case"] == "case-12"
    error = desk.run("ledger", "forget", name, "--yes", "--json").error()
    assert "case-12" in error["message"]
    assert name not in error["message"] + error["hint"]
    assert desk.json("ledger", "release", "case-12") == {"case": "case-12", "released_count": 1}
    assert desk.json("ledger", "hold", "case-13", "--all")[0]["customer"] is None
    for command in (["forget", name], ["retain", "--months", 1]):
        assert "case-13" in desk.run("ledger", *command, "--yes", "--json").error()["message"]
    assert "case-13" in desk.run("ledger", "acts").out
    assert [one["what"] for one in desk.json("ledger", "acts")["acts"]] == ["hold", "release", "hold"]


def test_a_mistyped_customer_is_neither_erased_nor_held_in_silence(desk: Desk, tiny_market: Path) -> None:
    forgotten = desk.run("ledger", "forget", somebody(tiny_market), "c-typo", "--yes", "--json")
    assert (forgotten.code, forgotten.document()["customer_count"], forgotten.document()["unknown_count"]) == (3, 2, 1)
    told = desk.run("ledger", "forget", "c-other-typo", "--yes")
    assert told.code == 3
    assert "no row of 1 of 1: check the ids" in " ".join(told.out.split())
    held = desk.run("ledger", "hold", "case-12", "c-typo", "--json")
    assert (held.code, held.document()[0]["case"]) == (3, "case-12")
    assert "knows no customer c-typo" in held.err


def test_retention_counts_first(desk: Desk) -> None:
    before = desk.json("ledger", "stats")
    counted = desk.json("ledger", "retain", "--months", 1)
    assert counted["done"] is False
    assert counted["row_counts"]["accesses"] > 0
    assert desk.json("ledger", "stats") == before
    assert "--yes" in desk.run("ledger", "retain", "--months", 1).out
    done = desk.json("ledger", "retain", "--months", 1, "--yes", "--why", "policy")
    assert done["row_counts"] == counted["row_counts"]
    assert desk.json("ledger", "stats")["access_count"] == before["access_count"] - done["row_counts"]["accesses"]
    assert desk.json("ledger", "verify")["problems"] == []
    assert desk.json("lookups")["entries"][-1]["what"] == "retain"


@pytest.mark.parametrize(
    "arguments",
    [
        ["retain"],
        ["retain", "--months", "0"],
        ["retain", "--months", "2", "--before", "2024-01"],
        ["retain", "--before", "soon"],
        ["retain", "--months", "2", "--table", "sellers"],
        ["hold", "case-1"],
        ["hold", "case-1", "c1", "--all"],
        ["hold", " ", "c1"],
        ["release", "case-1"],
        ["forget"],
    ],
)
def test_what_makes_no_sense_is_refused_in_two_sentences(empty_desk: Desk, arguments: list[str]) -> None:
    assert empty_desk.run("ledger", *arguments, "--json").error()["hint"]
    assert empty_desk.json("ledger", "acts") == {"holds": [], "acts": []}


def test_while_another_process_writes_only_reading_goes_on(desk: Desk) -> None:
    with (desk.workspace / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["compact"], ["forget", "c1", "--yes"], ["retain", "--months", 1, "--yes"]):
            assert "Another process is writing" in desk.run("ledger", *command, "--json").error()["message"]
        held = desk.run("ledger", "hold", "case-1", "c1", "--json").document()
        assert held[0]["case"] == "case-1", "a hold does not wait for an ingest to end"
        assert desk.json("ledger", "verify")["problems"] == []


def test_what_cannot_be_logged_is_not_done(desk: Desk, tiny_market: Path) -> None:
    before = desk.json("ledger", "stats")
    (desk.workspace / "lookups.ndjson").rename(desk.workspace / "elsewhere")
    for command in (["forget", somebody(tiny_market)], ["retain", "--months", 1]):
        desk.run("ledger", *command, "--yes", "--json").error()
    assert desk.json("ledger", "stats") == before


def test_from_python(desk: Desk, tiny_market: Path, tmp_path: Path) -> None:
    name = somebody(tiny_market)
    ingest_in_parts(desk, tiny_market, tmp_path / "parts")
    now = datetime(2031, 1, 1, tzinfo=UTC)
    copy = Path(shutil.copytree(desk.workspace, tmp_path / "copy"))
    with leaktrace.open(copy, environment=desk.environment(), clock=lambda: now, user="dana") as ws:
        assert ws.verify_ledger().problems == ()
        assert ws.compact().merged_count > 0
        (hold,) = ws.hold("case-1", name)
        assert (hold.case, hold.who, hold.at) == ("case-1", "dana", "2031-01-01T00:00:00Z")
        with pytest.raises(LedgerError, match="case-1"):
            ws.forget([name])
        assert ws.release("case-1") == 1
        assert ws.forget(name).customer_count == 1
        gone = ws.retain(months=1)
        assert (gone.done, gone.kept_from) == (False, "2030-12")
        assert ws.retain(months=1, confirmed=True).row_counts == gone.row_counts
        assert ws.stats().access_count == 0
        assert [act.what for act in ws.ledger_acts().acts] == ["hold", "release", "forget", "retain"]
        assert [entry.who for entry in ws.lookups().entries[-4:]] == ["dana"] * 4


def test_forgetting_only_whom_nobody_knows_does_not_say_that_somebody_is_gone(desk: Desk) -> None:
    answer = desk.run("ledger", "forget", "nobody-has-this-id", "--yes")
    assert answer.code == 3
    assert "Nothing was there to erase" in answer.out
    assert "Gone from the ledger" not in answer.out


def test_stats_tell_the_rows_of_each_table(desk: Desk) -> None:
    counted = desk.json("ledger", "stats")["row_counts"]
    said = desk.run("ledger", "stats").out
    for table in ("contacts", "customers", "principals", "sellers"):
        assert counted[table] > 0
        assert f"Rows of {table}" in said
