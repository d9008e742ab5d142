"""Following standard input: batches, names, replays that are held against what was committed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import Around, DuckLedger, Pace, StreamAsked
from leaktrace.records import IngestReport
from tests.ledger.following import HEADER, csv_lines, lines, numbers_in, rejects_of, source_rows
from tests.ledger.small_ledgers import open_ledger

FOUR = Pace(every_rows=4, poll_seconds=0.01)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


@contextmanager
def producer(text: str) -> Iterator[int]:
    """The end of a pipe that a producer writes this into and closes."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as stream:
            stream.write(text.encode())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield reading
    finally:
        os.close(reading)
        writer.join()


def pipe_in(
    ledger: DuckLedger, text: str, asked: StreamAsked | None = None, *, file_format: str | None = "ndjson"
) -> IngestReport:
    """Follows what a producer writes, to its end."""
    with producer(text) as handle:
        stream = replace(asked or StreamAsked(), handle=handle)
        return ledger.follow("accesses", stream, file_format=file_format, pace=FOUR)


def test_a_stream_is_taken_in_batches_to_its_end(ledger: DuckLedger, tmp_path: Path) -> None:
    report = pipe_in(ledger, lines(*range(10)) + "no JSON\n" + lines(10)[:-1])
    assert (report.accepted_count, report.batch_count, report.committed_line_count) == (11, 3, 12)
    assert rejects_of(report) == [(11, "the line is not a JSON object")]
    assert report.notes[-1] == ("12 lines of the stream are committed; a producer that goes on begins with line 13.")
    assert numbers_in(ledger) == list(range(11))
    assert source_rows(tmp_path / "ledger") == [*range(1, 11), 12]


def test_equal_streams_without_a_name_are_two_streams(ledger: DuckLedger) -> None:
    pipe_in(ledger, lines(0))
    pipe_in(ledger, lines(0))
    assert ledger.stats().access_count == 2


def test_a_named_stream_goes_on_counting(ledger: DuckLedger, tmp_path: Path) -> None:
    named = StreamAsked(name="crm export")
    pipe_in(ledger, lines(0, 1, 2), named)
    report = pipe_in(ledger, lines(3), named)
    assert report.committed_line_count == 4
    assert source_rows(tmp_path / "ledger") == [1, 2, 3, 4]
    assert pipe_in(ledger, lines(4), StreamAsked(name="another")).committed_line_count == 1


@pytest.mark.parametrize("file_format", ["ndjson", "csv"])
def test_a_replayed_stream_brings_what_is_new_only(ledger: DuckLedger, file_format: str) -> None:
    make, head = (csv_lines, HEADER) if file_format == "csv" else (lines, "")
    named = StreamAsked(name="crm", skip_committed=True)
    first = pipe_in(ledger, head + make(*range(6))[:-1], named, file_format=file_format)
    assert first.accepted_count == 6, "of a new name everything is new"
    again = pipe_in(ledger, head + make(*range(6))[:-1], named, file_format=file_format)
    assert (again.accepted_count, again.committed_line_count) == (0, 6)
    longer = pipe_in(ledger, head + make(*range(9)), named, file_format=file_format)
    assert (longer.accepted_count, longer.committed_line_count) == (3, 9)
    assert numbers_in(ledger) == list(range(9))


def test_a_replay_of_runs_that_went_on_by_themselves(ledger: DuckLedger) -> None:
    named = StreamAsked(name="crm")
    pipe_in(ledger, HEADER + csv_lines(0, 1), named, file_format="csv")
    pipe_in(ledger, HEADER + csv_lines(2, 3), named, file_format="csv")
    replayed = replace(named, skip_committed=True)
    assert pipe_in(ledger, HEADER + csv_lines(*range(6)), replayed, file_format="csv").accepted_count == 2
    assert numbers_in(ledger) == list(range(6))


def test_a_replay_of_something_else_is_refused(ledger: DuckLedger) -> None:
    named = StreamAsked(name="crm", skip_committed=True)
    pipe_in(ledger, lines(*range(6)), named)
    with pytest.raises(LedgerError, match="in batch 2 of 2"):
        pipe_in(ledger, lines(0, 1, 2, 3, 44, 5, 6, 7), named)
    with pytest.raises(LedgerError, match="ended before"):
        pipe_in(ledger, lines(0, 1, 2, 3, 4), named)
    assert numbers_in(ledger) == list(range(6))


def test_a_stop_commits_what_is_whole(ledger: DuckLedger) -> None:
    asked = list[int]()

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 20

    reading, writing = os.pipe()
    try:
        os.write(writing, (lines(0, 1) + lines(2)[:-5]).encode())
        stream = StreamAsked(handle=reading, name="crm")
        report = ledger.follow("accesses", stream, file_format="ndjson", pace=FOUR, around=Around(stop=stop))
    finally:
        os.close(reading)
        os.close(writing)
    assert report.committed_line_count == 2
    assert numbers_in(ledger) == [0, 1]


def test_lines_of_a_slow_producer_do_not_wait_for_more(ledger: DuckLedger) -> None:
    counts = list[int]()

    def stop() -> bool:
        counts.append(ledger.stats().access_count)
        return counts[-1] > 0 or len(counts) > 500

    reading, writing = os.pipe()
    try:
        os.write(writing, lines(0).encode())
        pace = Pace(every_seconds=0.05, poll_seconds=0.01)
        stream = StreamAsked(handle=reading)
        ledger.follow("accesses", stream, file_format="ndjson", pace=pace, around=Around(stop=stop))
    finally:
        os.close(reading)
        os.close(writing)
    assert counts[-1] == 1


@pytest.mark.parametrize(
    ("asked", "file_format", "words"),
    [
        (StreamAsked(), None, "--format"),
        (StreamAsked(skip_committed=True), "ndjson", "--stream NAME"),
        (StreamAsked(), "parquet", "NDJSON or CSV"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    ledger: DuckLedger, asked: StreamAsked, file_format: str | None, words: str
) -> None:
    with pytest.raises((UsageError, LedgerError)) as caught:
        pipe_in(ledger, "", asked, file_format=file_format)
    assert words in caught.value.hint


def test_two_runs_of_one_name_at_once_double_nothing(ledger: DuckLedger, tmp_path: Path) -> None:
    named = StreamAsked(name="crm")
    with open_ledger(tmp_path / "ledger") as second:
        done = list[int]()

        def other() -> bool:
            if not done:
                done.append(1)
                pipe_in(second, lines(0, 1), named)
            return False

        with producer(lines(0, 1)) as handle:
            stream, around = replace(named, handle=handle), Around(stop=other)
            with pytest.raises(LedgerError, match="Another process"):
                ledger.follow("accesses", stream, file_format="ndjson", pace=FOUR, around=around)
    assert numbers_in(ledger) == [0, 1]
