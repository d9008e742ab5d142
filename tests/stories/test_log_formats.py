"""Logs of other makers through the command line: preview, ingest, what the ledger counts, what the log can show."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.stories.desk import Desk
from tests.stories.unharmed import files_of, refused

ASSETS = Path(__file__).parents[1] / "assets"
MAPPING = f"mapping={ASSETS / 'mapping' / 'helpdesk.toml'}"
# format, file, options, accesses, customers, principals, bulk reads, rejected, passed over
STORIES = [
    ("cloudtrail", "cloudtrail/shop.json", ("tables=customers", "buckets=shop-exports"), 9, 9, 3, 5, 0, 6),
    ("ocsf", "ocsf/shop.ndjson", (), 4, 4, 4, 1, 1, 4),
    ("ecs", "ecs/shop.ndjson", (), 5, 5, 3, 1, 2, 3),
    ("mapped", "mapping/helpdesk.csv", (MAPPING,), 4, 4, 3, 1, 2, 1),
]
Story = tuple[str, str, tuple[str, ...], int, int, int, int, int, int]


def asked(story: Story, path: Path | None = None) -> list[object]:
    name, file, options = story[:3]
    told = [word for option in options for word in ("--option", option)]
    return ["ingest", "accesses", path or ASSETS / file, "--format", name, *told]


@pytest.mark.parametrize("story", STORIES, ids=[story[0] for story in STORIES])
def test_a_log_is_taken_in_and_counted(empty_desk: Desk, story: Story) -> None:
    accesses, customers, principals, bulk, rejected, passed_over = story[3:]
    answer = empty_desk.run(*asked(story), "--json")
    assert answer.code == (3 if rejected else 0), answer
    report = answer.document()
    assert (report["accepted_count"], report["rejected_count"]) == (accesses + bulk, rejected)
    assert (
        f"{bulk} reads cannot be tied to customers; what the log can show takes them into account." in report["notes"]
    )
    assert f"{passed_over} records of the log are no accesses and were passed over." in report["notes"]
    stats = empty_desk.json("ledger", "stats")
    assert (stats["access_count"], stats["customer_count"]) == (accesses, customers)
    assert (stats["principal_count"], stats["rejected_count"]) == (principals, rejected)
    again = empty_desk.json(*asked(story))
    assert (again["accepted_count"], again["already_ingested_count"]) == (0, accesses + bulk + rejected)
    assert empty_desk.json("ledger", "stats") == stats


@pytest.mark.parametrize("story", STORIES, ids=[story[0] for story in STORIES])
def test_the_same_log_packed_counts_the_same(empty_desk: Desk, tmp_path: Path, story: Story) -> None:
    packed = tmp_path / "log.json.gz"
    packed.write_bytes(gzip.compress((ASSETS / story[1]).read_bytes()))
    report = empty_desk.run(*asked(story, packed), "--json").document()
    assert (report["accepted_count"], report["rejected_count"]) == (story[3] + story[6], story[7])


@pytest.mark.parametrize("story", STORIES, ids=[story[0] for story in STORIES])
def test_a_preview_counts_what_an_ingest_takes(empty_desk: Desk, story: Story) -> None:
    previewed = empty_desk.run(*asked(story), "--preview", "--json")
    ingested = empty_desk.run(*asked(story), "--json")
    assert previewed.code == ingested.code
    preview, report = previewed.document(), ingested.document()
    assert (preview["accepted_count"], preview["rejected_count"]) == (
        report["accepted_count"],
        report["rejected_count"],
    )
    assert (preview["bulk_count"], preview["passed_over_count"], preview["is_whole"]) == (story[6], story[8], True)
    rejects = Path(report["rejects_file"]).read_text(encoding="utf-8").splitlines() if report["rejects_file"] else []
    told = [(one["row"], one["reason"]) for one in map(json.loads, rejects)]
    assert [(one["row"], one["reason"]) for one in preview["rejected"]] == told


def test_reads_of_unknown_fields_are_not_counted_as_shown_and_said_to_be_unknown(
    empty_desk: Desk, tmp_path: Path
) -> None:
    empty_desk.run(*asked(STORIES[0]), "--json")
    evidence = tmp_path / "evidence.csv"
    evidence.write_text("customer,kind,received_at\nC-0012,report,2026-03-09T00:00:00Z\n", encoding="utf-8")
    coverage = empty_desk.json("trace", "--evidence", evidence)["log_coverage"]
    gaps = {gap["kind"]: gap for gap in coverage["gaps"]}
    assert gaps["unknown_fields"]["serious"]
    assert gaps["bulk_read"]["serious"]
    assert not coverage["allows_nobody"]


def test_a_mapping_that_is_wrong_is_refused_before_anything_is_taken(empty_desk: Desk, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('schema = "leaktrace.mapping/1"\ncolour = "red"\n', encoding="utf-8")
    log = ASSETS / "mapping" / "helpdesk.csv"
    files = files_of(empty_desk.workspace)
    for more in ((), ("--preview",)):
        called = ("ingest", "accesses", log, "--format", "mapped", *more, "--json")
        refused(empty_desk.run(*called, "--option", f"mapping={wrong}"), str(wrong), "'colour', which means nothing")
        refused(empty_desk.run(*called), "The format 'mapped' needs")
        refused(empty_desk.run(*called, "--option", "colour=red"), "needs the option 'mapping'")
    assert files_of(empty_desk.workspace) == files


def test_a_torn_cloudtrail_file_is_refused_whole(empty_desk: Desk, tmp_path: Path) -> None:
    torn = tmp_path / "torn.json.gz"
    whole = (ASSETS / "cloudtrail" / "shop.json").read_bytes()
    torn.write_bytes(gzip.compress(whole[: len(whole) // 2]))
    refused(empty_desk.run("ingest", "accesses", torn, "--format", "cloudtrail", "--json"), str(torn), "after byte")
    assert empty_desk.json("ledger", "stats")["access_count"] == 0


def test_no_reason_and_no_file_of_the_workspace_holds_an_address_or_a_value(empty_desk: Desk) -> None:
    report = empty_desk.run(*asked(STORIES[3]), "--json").document()
    told = Path(report["rejects_file"]).read_text(encoding="utf-8")
    assert "SHOP" not in told
    assert "C-0011" not in told
    for path in empty_desk.workspace.rglob("*"):
        if path.is_file():
            assert b"mia@example.org" not in path.read_bytes(), path
