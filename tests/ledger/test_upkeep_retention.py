"""Old months go as a whole, with what was counted of them, and later files do not bring them back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import formats
from leaktrace.ledger.times import month_text
from leaktrace.ledger.upkeep.retention import first_kept_month
from leaktrace.records import Window
from tests.ledger.kept_ledgers import ALWAYS, ANNA, FIRST, NOW, SMALL, answers, fill, kept_ledger, log, write_all
from tests.ledger.small_ledgers import Access, keys, open_ledger, write_accesses, write_text
from tests.ledger.test_upkeep_compact import rows_at_rest

FROM = datetime(2025, 2, 1, tzinfo=UTC)


def old_accesses(parts: int = 4) -> list[Access]:
    return [access for part in range(parts) for access in log(part) if access.at < FROM]


def test_counting_changes_nothing(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before, snapshot = rows_at_rest(tmp_path / "ledger"), ledger.snapshot()
        found = ledger.upkeep().retain("accesses", ANNA, before="2025-02")
        assert (found.done, found.kept_from, found.row_counts) == (
            False, "2025-02", {"accesses": len(old_accesses()), "bulk_reads": 0},
        )  # fmt: skip
        assert (rows_at_rest(tmp_path / "ledger"), ledger.snapshot()) == (before, snapshot)
        assert ledger.upkeep().acts().acts == ()


def test_old_months_go_with_all_that_was_counted_of_them(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        snapshot, stats = ledger.snapshot(), ledger.stats()
        found = ledger.upkeep().retain("accesses", ANNA, before="2025-02", done=True)
        assert found.row_counts["accesses"] == len(old_accesses())
        assert ledger.stats().access_count == stats.access_count - len(old_accesses())
        assert ledger.snapshot() != snapshot
        coverage = ledger.coverage("email", ALWAYS)
        assert coverage.first_access_at is not None
        assert coverage.first_access_at >= FROM
        assert coverage.access_count == ledger.stats().access_count
        assert sorted(p.name for p in (tmp_path / "ledger" / "lake" / "accesses").iterdir() if list(p.iterdir())) == [
            "month=2025-02", "month=2025-03", "month=2025-04",
        ]  # fmt: skip
        assert ledger.upkeep().verify().problems == ()
        (act,) = ledger.upkeep().acts().acts
        assert (act.what, act.subject, act.row_counts) == ("retain", "accesses from 2025-02", found.row_counts)


@pytest.mark.parametrize("place", [0, 2, 12])
def test_letting_go_before_and_after_the_files_come_to_the_same(tmp_path: Path, place: int) -> None:
    files = write_all(tmp_path / "files")
    told = []
    for name, at in (("last", len(files)), ("other", place)):
        with open_ledger(tmp_path / name, settings=SMALL) as ledger:
            fill(ledger, files[:at])
            ledger.upkeep().retain("accesses", ANNA, before="2025-02", done=True)
            ledger.upkeep().retain("contacts", ANNA, before="2025-01", done=True)
            fill(ledger, files[at:])
            assert ledger.upkeep().verify().problems == ()
            told.append((answers(ledger), ledger.snapshot(), sum(rows_at_rest(tmp_path / name).values())))
    assert told[0] == told[1]


def test_later_files_do_not_bring_them_back(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        ledger.upkeep().retain("accesses", ANNA, before="2025-02", done=True)
        before = ledger.stats().access_count
        other = log(21)
        old = sum(access.at < FROM for access in other)
        report = ledger.ingest("accesses", [path := write_accesses(tmp_path / "other.csv", other)])
        assert (report.accepted_count, report.rejected_count) == (len(other) - old, 0)
        assert report.notes == (f"{old} rows are older than what this ledger keeps; they were not taken in.",)
        assert ledger.ingest("accesses", [path]).already_ingested_count == len(other)
        assert ledger.stats().access_count == before + len(other) - old
        assert ledger.upkeep().verify().problems == ()
        ledger.upkeep().retain("accesses", ANNA, before="2024-06", done=True)
        again = ledger.ingest("accesses", [write_accesses(tmp_path / "again.csv", [Access(FIRST, "p1", "c1")])])
        assert again.accepted_count == 0, "an earlier month does not lower what was raised"


def test_names_go_with_their_last_row(tmp_path: Path) -> None:
    rows = [Access(FIRST, "old-hand", "old-customer"), Access(FIRST, "p1", "c1"), Access(NOW, "p1", "c1")]
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        ledger.ingest("accesses", [write_accesses(tmp_path / "a.csv", rows)])
        found = ledger.upkeep().retain("accesses", ANNA, before="2025-01", done=True)
        assert found.name_count == 2
        assert [one.name for one in ledger.principals()] == ["p1"]
        assert ledger.customer_names(keys(["c1"])) == ("c1",)
        with pytest.raises(LedgerError, match="not in the dictionary"):
            ledger.customer_names(keys(["old-customer"]))
        later = [Access(FIRST, "old-hand", "old-customer"), Access(NOW, "p2", "c2")]
        ledger.ingest("accesses", [write_accesses(tmp_path / "b.csv", later)])
        assert [one.name for one in ledger.principals()] != ["old-hand"]
        with pytest.raises(LedgerError, match="not in the dictionary"):
            ledger.customer_names(keys(["old-customer"]))
        new = [Access(NOW + timedelta(hours=1), "p2", "old-customer")]
        ledger.ingest("accesses", [write_accesses(tmp_path / "c.csv", new)])
        assert ledger.customer_names(keys(["old-customer"])) == ("old-customer",), "a customer may return"


def test_a_chief_named_in_the_principals_table_keeps_the_name(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        ledger.ingest("accesses", [write_accesses(tmp_path / "a.csv", [Access(FIRST, "boss", "c1")])])
        ledger.ingest("principals", [write_text(tmp_path / "p.csv", "principal,reports_to\np1,boss\n")])
        ledger.upkeep().retain("accesses", ANNA, before="2025-01", done=True)
        (person,) = ledger.principals()
        assert person.reports_to == "boss"


def test_clock_steps_go_with_their_rows(tmp_path: Path) -> None:
    steps = [
        Access((FIRST if n < 60 else NOW) + timedelta(minutes=n - (30 if n in (40, 90) else 0)), "p1", f"c{n}")
        for n in range(120)
    ]
    path = write_accesses(tmp_path / "a.csv", steps)
    kinds = []
    for name, order in (("after", (0, 1)), ("before", (1, 0))):
        with open_ledger(tmp_path / name, settings=SMALL) as ledger:
            for what in order:
                if what == 0:
                    ledger.ingest("accesses", [path])
                else:
                    ledger.upkeep().retain("accesses", ANNA, before="2025-01", done=True)
            (gap,) = [gap for gap in ledger.coverage("email", Window(None, None)).gaps if gap.kind == "clock_step"]
            kinds.append(gap)
    assert kinds[0] == kinds[1]
    assert kinds[0].count == 1


def test_bulk_reads_go_with_the_accesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.ROW_READERS, "made", "tests.ledger.made_reader:read_lines")
    lines = [
        "2024-11-05T08:00:00+00:00 p1 - email", "2024-11-05T09:00:00+00:00 p1 c1 email",
        "2025-03-05T08:00:00+00:00 p2 - email", "2025-03-05T09:00:00+00:00 p2 c2 email",
    ]  # fmt: skip
    path = write_text(tmp_path / "made.log", "\n".join(lines) + "\n")
    told = []
    for name, order in (("after", (0, 1)), ("before", (1, 0))):
        with open_ledger(tmp_path / name, settings=SMALL) as ledger:
            for what in order:
                if what == 0:
                    ledger.ingest("accesses", [path], file_format="made")
                else:
                    ledger.upkeep().retain("accesses", ANNA, before="2025-02", done=True)
            assert ledger.upkeep().verify().problems == ()
            told.append((ledger.coverage("email", ALWAYS), ledger.principals(), ledger.snapshot()))
            (bulk,) = [gap for gap in told[-1][0].gaps if gap.kind == "bulk_read"]
            assert (bulk.count, bulk.principals) == (1, ("p2",))
            assert ledger.upkeep().retain("accesses", ANNA, before="2025-04").row_counts == {
                "accesses": 1, "bulk_reads": 1,
            }  # fmt: skip
    assert told[0] == told[1]


# --- which month ----------------------------------------------------------------------------------------


@given(st.integers(1, 500), st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)))  # noqa: DTZ001
def test_so_many_whole_months_stay(months: int, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    month = first_kept_month(months, None, now)
    assert now.year * 12 + now.month - 1 - month == months
    assert first_kept_month(None, month_text(month), now) == month


@pytest.mark.parametrize(
    ("months", "before"),
    [(None, None), (3, "2024-01"), (0, None), (-1, None), (None, "2024"), (None, "2024-13"), (None, "2025-07"),
     (None, "0000-01"), (None, ""), (10**9, None)],
)  # fmt: skip
def test_a_month_that_makes_no_sense_is_refused(months: int | None, before: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        first_kept_month(months, before, NOW)
    assert caught.value.hint


def test_a_table_without_months_is_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger, pytest.raises(UsageError, match="customers"):
        ledger.upkeep().retain("customers", ANNA, months=3)


def test_an_empty_ledger_has_nothing_to_let_go(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        found = ledger.upkeep().retain("accesses", ANNA, months=3, done=True)
        assert found.row_counts == {"accesses": 0, "bulk_reads": 0}
        assert ledger.upkeep().compact().merged_count == 0
        assert ledger.upkeep().forget(["c1"], ANNA).row_counts["accesses"] == 0
        assert ledger.upkeep().verify().problems == ()
        assert len(np.unique(ledger.opened_by([1], "email", ALWAYS).customer)) == 0
