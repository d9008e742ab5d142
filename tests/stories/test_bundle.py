"""The story of a hand-over at the terminal: a case from a finding, asked for, approved, written, verified outside."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.response.bundle import published
from tests.stories.conftest import Library
from tests.stories.desk import Answer, Desk

STAFF = {"ina": "investigator", "dana": "approver"}
POLICE = "Police, file 12/2026"


@dataclass(frozen=True)
class Told:
    """A workspace with people, and a case about its campaign, handed over."""

    desk: Desk
    case: str
    truth: dict[str, Any]
    folder: Path
    written: dict[str, Any]

    def run(self, who: str, *arguments: object) -> Answer:
        return self.desk.run(*arguments, "--as", who, "--json")


@pytest.fixture(scope="module")
def told(stories: Library, tmp_path_factory: pytest.TempPathFactory) -> Told:
    story = stories("one")
    folder = tmp_path_factory.mktemp("handed")
    config = Path(shutil.copytree(story.desk.config, folder / "config"))
    desk = replace(story.desk.copy_to(folder / "ws"), config=config)
    desk.json("people", "add", "root", "--role", "admin", "--plain")
    for who, role in STAFF.items():
        desk.json("people", "add", who, "--role", role, "--plain", "--as", "root")
    case = desk.json("case", "open", "--campaign", story.campaign, "--as", "ina")["case"]
    desk.json("case", "exposure", case, "--freeze", "--as", "ina")
    early = desk.run("bundle", case, "--out", str(folder / "early"), "--as", "ina", "--json")
    assert "No unused approval" in early.error()["message"]
    (folder / "calibration.json").write_text(desk.run("calibrate", "--campaigns", "2", "--sizes", "10", "--json").out)
    told = ("--calibration", str(folder / "calibration.json"), "--why", "their letter", "--as", "ina")
    asked = desk.json("bundle", case, "--ask", "--recipient", POLICE, *told)
    desk.json("case", "approve", case, asked["request"], "--yes", "--as", "dana")
    written = desk.json("bundle", case, "--out", str(folder / "bundle"), "--as", "ina")
    return Told(desk, case, story.truth, folder, written)


def verified(told: Told, *options: str) -> subprocess.CompletedProcess[str]:
    (told.folder / "verify.py").write_bytes(published("verify.py"))
    command = [sys.executable, "-I", str(told.folder / "verify.py"), str(told.folder / "bundle"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_outsider_verifies_it(told: Told) -> None:
    assert verified(told).returncode == 3
    done = verified(told, "--key", told.written["fingerprint"])
    assert done.returncode == 0, done.stdout
    assert told.case in done.stdout


def test_the_fingerprint_is_that_of_the_custody_log(told: Told) -> None:
    assert told.desk.json("custody", "verify")["fingerprint"] == told.written["fingerprint"]


def test_the_accesses_behind_the_finding_are_the_sources(told: Told) -> None:
    with (told.folder / "bundle/data/accesses.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (source,) = told.truth["sources"]
    assert {row["principal"] for row in rows} == {source}
    assert {row["customer"] for row in rows} <= set(told.truth["reporting_customers"])
    assert rows
    assert all(len(row["source_sha256"]) == 64 and int(row["source_row"]) >= 1 for row in rows)
    looked = told.desk.json("lookups")["entries"]
    (look,) = [entry for entry in looked if entry["what"] == "bundle"]
    (mark,) = told.desk.json("case", "show", told.case, "--as", "ina")["findings"][0]["named"]
    assert (look["who"], look["subject"]) == ("ina", f"{told.case} {mark}")
    assert source not in str(look)


def test_the_finding_and_its_evidence_are_inside(told: Told) -> None:
    finding = json.loads((told.folder / "bundle/data/finding.json").read_bytes())
    assert finding["named"] == told.truth["sources"]
    evidence = json.loads((told.folder / "bundle/data/evidence.json").read_bytes())
    assert {one["customer"] for one in evidence["items"]} <= set(told.truth["reporting_customers"])
    assert evidence["items"]


def test_the_hand_over_is_written_down_and_not_done_twice(told: Told) -> None:
    again = told.run("ina", "bundle", told.case, "--out", told.folder / "again")
    assert "No unused approval" in again.error()["message"]
    assert not (told.folder / "again").exists()
    kinds = [line["kind"] for line in told.desk.json("case", "timeline", told.case, "--as", "ina")]
    assert kinds[-1] == "BundleWritten"


def test_the_raw_mails_and_the_calibration_are_inside(told: Told) -> None:
    mails = sorted((told.folder / "bundle/data/exhibits").glob("*.eml"))
    assert len(mails) == len({mail.read_bytes() for mail in mails})
    assert len(mails) >= len(told.truth["reporting_customers"])
    calibration = json.loads((told.folder / "bundle/data/calibration.json").read_bytes())
    assert calibration["schema"] == "leaktrace.calibration/1"
