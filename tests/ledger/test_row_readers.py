"""Formats that are read line by line: accesses, bulk reads, rejected rows, broken files."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger import formats
from leaktrace.ledger.rowwise import row_batches
from leaktrace.records import Window
from tests.ledger.small_ledgers import START, Access, first_shown, open_ledger, pairs, principal, write_text

ALWAYS = Window(None, None)
LINES = [
    "2025-03-01T00:00:00+00:00 ann c1 email;name",
    "? not a line",
    "2025-03-01T01:00:00+00:00 bob - email",
    "2025-03-01T02:00:00 ann c2 email",
    "2025-03-01T03:00:00+00:00 bob - -",
    "2025-03-01T04:00:00+00:00 bob c3 -",
]


@pytest.fixture(autouse=True)
def made_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.ROW_READERS, "made", "tests.ledger.made_reader:read_lines")


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_rows_bulk_reads_and_rejects(tmp_path: Path, packing: str) -> None:
    path = tmp_path / f"log.txt{packing}"
    content = "\n".join(LINES).encode()
    path.write_bytes(gzip.compress(content) if packing else content)
    with open_ledger(tmp_path / "ledger") as ledger:
        report = ledger.ingest("accesses", [path], file_format="made")
        assert (report.accepted_count, report.rejected_count) == (3, 3)
        assert report.notes == ("2 reads cannot be tied to customers; what the log can show takes them into account.",)
        rejected = [json.loads(line) for line in Path(report.rejects_file or "").read_text().splitlines()]
        assert sorted((r["row"], r["reason"]) for r in rejected) == [
            (2, "the line cannot be read"),
            (4, "at has no UTC offset"),
            (6, "fields is missing"),
        ]
        shown = ledger.opened_by([principal("ann"), principal("bob")], "email", ALWAYS)
        assert pairs(shown) == first_shown([Access(START, "ann", "c1")], "email")
        coverage = ledger.coverage("email", ALWAYS)
        bulk = [gap for gap in coverage.gaps if gap.kind == "bulk_read"]
        assert [(gap.count, gap.principals, gap.serious) for gap in bulk] == [(2, ("bob",), True)]
        assert not coverage.allows_nobody
        before = Window(None, START + timedelta(minutes=1))
        assert "bulk_read" not in {gap.kind for gap in ledger.coverage("email", before).gaps}
        assert ledger.stats().access_count == 1
        assert {facts.name for facts in ledger.principals()} == {"ann", "bob"}


def test_a_file_that_breaks_off_commits_nothing_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.txt.gz"
    path.write_bytes(gzip.compress("\n".join([LINES[0], "!"]).encode()))
    with open_ledger(tmp_path / "ledger") as ledger:
        with pytest.raises(LedgerError) as caught:
            ledger.ingest("accesses", [path], file_format="made")
        assert caught.value.message == f"{path}: it breaks off at row 2."
        assert ledger.stats().access_count == 0


def test_a_batch_is_cut_by_its_fields_too(tmp_path: Path) -> None:
    """One record may name thousands of customers, each with all its fields: rows alone do not bound a batch."""
    row = formats.AccessRow(START, "ann", "c1", ("email",) * 400_000, None, None, None, 1)
    read = row_batches(tmp_path / "log", formats.FileFormat("made", None), lambda _: iter([row] * 7), tmp_path)
    assert [len(tied.rows) for tied, _ in read] == [3, 3, 1]


def test_a_log_format_is_for_accesses_only(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger, pytest.raises(LedgerError, match="holds accesses, not customers"):
        ledger.ingest("customers", [write_text(tmp_path / "a", LINES[0])], file_format="made")
