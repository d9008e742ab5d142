"""Times near the years 1 and 9999: what can be a time in UTC is kept and asked about, the rest is set aside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.calibration.moment import moment_of
from leaktrace.instants import FIRST, LAST, instant_at, moved
from leaktrace.ledger import DuckLedger
from leaktrace.ledger.cells import NameRules, check
from leaktrace.ledger.formats import AccessRow
from leaktrace.ledger.rowwise import as_columns
from leaktrace.ledger.schema import ACCESSES
from leaktrace.ledger.times import microseconds, month_of, month_start
from leaktrace.records import IngestReport, Window
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import KEYRING, open_ledger, principal, write_text

BEYOND = ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
ENDS = ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "0001-01-01T14:00:00+14:00"]
USUAL = [f"2025-{month:02d}-{day:02d}T00:00:00Z" for month in range(1, 13) for day in range(1, 29)]
FALLBACK = "2025-03-01T00:00:00.0+0100"
"""A form that Arrow does not read: then Python reads the whole column."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


def rejected(report: IngestReport) -> list[tuple[int, str]]:
    assert report.rejects_file is not None
    lines = [json.loads(line) for line in Path(report.rejects_file).read_text(encoding="utf-8").splitlines()]
    return sorted((line["row"], line["reason"]) for line in lines)


def table(times: list[str], ending: str) -> str:
    if ending == "csv":
        return "at,principal,customer,fields\n" + "".join(f"{at},ann,c1,email\n" for at in times)
    row = {"principal": "ann", "customer": "c1", "fields": "email"}
    return "".join(json.dumps({"at": at, **row}) + "\n" for at in times)


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
@pytest.mark.parametrize("more", [[], [FALLBACK]])
def test_an_offset_that_leads_out_of_time_sets_its_row_aside(
    ledger: DuckLedger, tmp_path: Path, ending: str, more: list[str]
) -> None:
    report = ledger.ingest("accesses", [write_text(tmp_path / f"a.{ending}", table([*BEYOND, *ENDS, *more], ending))])
    assert rejected(report) == [(n, "at lies outside the years 1 to 9999") for n in (1, 2)]
    assert report.accepted_count == len(ENDS) + len(more)


def test_a_row_reader_hands_such_times_over_to_the_same_check() -> None:
    far = [datetime.fromisoformat(text) for text in (BEYOND + ENDS)]
    rows = [AccessRow(at, "ann", "c1", ("email",), None, None, None, n) for n, at in enumerate(far, start=1)]
    tied, _ = as_columns(rows)
    names = {kind: NameRules(lambda column: np.zeros(len(column), np.uint64)) for kind in ("customer", "principal")}
    checked = check(tied, ACCESSES, KEYRING, names)
    assert [(one.source_row, one.reason) for one in checked.rejected] == [
        (n, "at lies outside the years 1 to 9999") for n in (1, 2)
    ]


def test_it_is_so_in_every_column_of_times(ledger: DuckLedger, tmp_path: Path) -> None:
    people = "principal,active_from,active_to\nann,0001-01-01T00:00:00+14:00,\nbob,,9999-12-31T23:59:59Z\n"
    report = ledger.ingest("principals", [write_text(tmp_path / "p.csv", people)])
    assert rejected(report) == [(1, "active_from lies outside the years 1 to 9999")]
    (bob,) = ledger.principals()
    assert bob.active_to == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_what_is_kept_can_be_asked_verified_merged_and_calibrated_on(ledger: DuckLedger, tmp_path: Path) -> None:
    for number, times in enumerate(([*USUAL, *ENDS], [ENDS[1], *USUAL, ENDS[2]])):
        ledger.ingest("accesses", [write_text(tmp_path / f"{number}.csv", table(times, "csv"))])
    always = ledger.coverage("email", Window(None, None))
    assert (always.first_access_at, always.last_access_at) == (FIRST, LAST)
    for end in (FIRST, FIRST + timedelta(days=1), datetime(2025, 6, 1, tzinfo=UTC), LAST):
        ledger.coverage("email", Window(None, end))
        ledger.exposures({int(KEYRING.customer_keys(["c1"])[0]): end}, "email", 3650)
        ledger.opened_by([principal("ann")], "email", Window(moved(end, -timedelta(days=3650)), end))
    assert ledger.upkeep().verify().problems == ()
    ledger.upkeep().compact()
    assert ledger.upkeep().verify().problems == ()
    moment = moment_of(ledger, Settings(), "email")
    assert moment.mail_at == moved(LAST, timedelta(microseconds=1) - moment.spread)
    assert moment.question("email").last_mail_at == LAST


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_timestamps_of_every_unit_that_are_no_time(ledger: DuckLedger, tmp_path: Path, unit: str) -> None:
    counts = [2**60, -(2**60), 2**63 - 1, -(2**63) + 1, 0, None]
    at = pa.array(counts, pa.int64()).cast(pa.timestamp(unit, "UTC"))
    rest = {name: pa.array(["x"] * len(counts)) for name in ("principal", "customer", "fields")}
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"at": at, **rest}), path)
    if unit == "ns":  # all of its numbers are times
        assert rejected(ledger.ingest("accesses", [path])) == [(6, "at is missing")]
    else:
        reasons = [(n, "at lies outside the years 1 to 9999") for n in range(1, 5)]
        assert rejected(ledger.ingest("accesses", [path])) == [*reasons, (6, "at is missing")]


@given(st.integers(-(10**19), 10**19))
def test_instants_stop_at_the_ends(value: int) -> None:
    at = instant_at(value)
    assert FIRST <= at <= LAST
    assert at in (FIRST, LAST) or microseconds(at) == value


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_lies_in_its_month(at: datetime) -> None:
    value = microseconds(at)
    month = month_of(value)
    assert month == at.year * 12 + at.month - 1
    assert month_start(month) <= value < month_start(month + 1)
    assert month_start(month) == microseconds(at.replace(day=1, hour=0, minute=0, second=0, microsecond=0))


def test_the_month_after_the_last_begins_when_time_is_over() -> None:
    assert month_start(10_000 * 12) == microseconds(LAST) + 1
