"""Rows dated at the ends of time: trace, calibrate and verify go on, and nobody reads that leaktrace itself failed."""

from __future__ import annotations

from pathlib import Path

from tests.stories.desk import Desk
from tests.stories.unharmed import refused

HEADER = "at,principal,customer,fields\n"
ENDS = ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z")
BEYOND = ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")


def test_rows_at_the_ends_of_time_break_no_command(desk: Desk, tmp_path: Path) -> None:
    before = desk.json("trace", desk.main_campaign())
    log = tmp_path / "log.csv"
    log.write_text(HEADER + "".join(f"{at},u1,c1,email\n" for at in (*ENDS, *BEYOND)), encoding="utf-8")
    answer = desk.run("ingest", "accesses", log, "--json")
    assert (answer.code, answer.document()["accepted_count"], answer.document()["rejected_count"]) == (3, 3, 2)
    assert desk.json("ledger", "verify")["problems"] == []
    after = desk.json("trace", desk.main_campaign())
    assert (after["outcome"], after["named"]) == (before["outcome"], before["named"])
    answer = desk.run("calibrate", "--campaigns", 2, "--sizes", "3", "--json")
    refused(answer, "No access before 9999-12-")
    assert "dated in the future" in answer.error()["hint"]
    assert desk.run("lookup", "u1", "--days", 3_650_000, "--json").code == 0


def test_evidence_at_the_ends_of_time_is_set_aside(desk: Desk, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.ndjson"
    good = '{"customer": "c1", "kind": "report", "received_at": "2025-06-01T00:00:00Z"}\n'
    bad = [good.replace("2025-06-01T00:00:00Z", at) for at in (*ENDS, *BEYOND)]
    bad += [good.replace("c1", r"\ud800"), good.replace('"c1"', "7" * 5000)]
    evidence.write_text(good + "".join(bad), encoding="utf-8")
    answer = desk.run("ingest", "evidence", evidence, "--json")
    assert (answer.code, answer.document()["accepted_count"], answer.document()["rejected_count"]) == (3, 1, 7)
    traced = desk.run("trace", "--evidence", evidence, "--json")
    assert traced.code == 3
    assert traced.document()["outcome"] == "undecided"
