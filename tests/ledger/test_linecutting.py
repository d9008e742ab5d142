"""Cutting growing text into lines: however the pieces come, no byte is lost and no record is cut."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import LedgerError
from leaktrace.ledger.linecutting import (
    CONTINUED,
    NOT_UTF8,
    Cut,
    LineBuffer,
    cut_lines,
    cut_quoted,
    header_of,
    without_unreadable,
)
from leaktrace.ledger.replay import Replay
from tests.growth import assert_grows_with_size

CELLS = st.text(st.sampled_from('ab,"\n é'), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12)
CUTS = pytest.mark.parametrize("cut", [cut_lines, cut_quoted])


def csv_text(rows: list[list[str]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return stream.getvalue().encode()


def records_of(text: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline="")))


@given(TABLES, st.lists(st.integers(1, 20), min_size=1), st.integers(1, 5))
def test_records_are_never_cut_however_they_come(rows: list[list[str]], sizes: list[int], most: int) -> None:
    text, buffer, taken = csv_text(rows), LineBuffer(cut_quoted), list[bytes]()
    at = step = 0
    while at < len(text):
        size = sizes[step % len(sizes)]
        buffer.feed(text[at : at + size], float(step))
        at, step = at + size, step + 1
        while buffer.line_count >= most:
            taken.append(buffer.take(most))
    taken.append(buffer.take(10_000))
    assert b"".join(taken) == text
    assert [record for part in taken for record in records_of(part)] == rows
    assert buffer.rest_bytes == buffer.line_count == buffer.whole_bytes == 0
    assert buffer.since is None


@CUTS
@given(st.binary(max_size=60), st.integers(0, 60))
def test_what_is_cut_off_ends_with_a_line_and_no_later_one_would_do(cut: Cut, text: bytes, end: int) -> None:
    end = min(end, len(text))
    at = cut(text, end)
    assert at == 0 or text[at - 1 : at] == b"\n"
    for later in range(at + 1, end + 1):
        whole = text[later - 1 : later] == b"\n" and (cut is cut_lines or text.count(b'"', 0, later) % 2 == 0)
        assert not whole


@given(st.lists(st.sampled_from([b"a", b"\xff", b"", b"\xc3\xa9", b"{}"]), max_size=12), st.booleans())
def test_stand_ins_keep_every_line_in_its_place(parts: list[bytes], continues: bool) -> None:
    text = b"".join(part + b"\n" for part in parts)
    kept, reasons = without_unreadable(text, cut_lines, b"?", continues=continues)
    kept.decode()
    assert kept.count(b"\n") == len(parts)
    for row, (before, after) in enumerate(zip(parts, kept.split(b"\n"), strict=False), start=1):
        if row == 1 and continues and before:
            assert (after, reasons[row]) == (b"?", CONTINUED)
        elif before == b"\xff":
            assert (after, reasons[row]) == (b"?", NOT_UTF8)
        else:
            assert after == before
            assert row not in reasons


def test_blank_lines_are_no_rows_of_a_csv() -> None:
    kept, reasons = without_unreadable(b'a,b\n\n"x\n\xff",c\nd,e\n', cut_quoted, b",,", continues=False)
    assert kept == b"a,b\n\n,,\nd,e\n"
    assert reasons == {2: NOT_UTF8}


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    buffer = LineBuffer(cut_lines)
    for _ in range(4):
        buffer.feed(b"x" * 1024 * 1024, 0.0)
    with pytest.raises(LedgerError, match="longer than 4194304 bytes"):
        buffer.feed(b"x", 0.0)


@pytest.mark.parametrize(
    ("text", "header", "columns"),
    [
        (b"a,b\nc,d\n", b"a,b\n", 2),
        (b"\r\n\na\r\n", b"\r\n\na\r\n", 1),
        (b'\xef\xbb\xbf"a\nb",c\n1', b'\xef\xbb\xbf"a\nb",c\n', 2),
    ],
)
def test_a_header_is_the_first_record(text: bytes, header: bytes, columns: int) -> None:
    found = header_of(text)
    assert found is not None
    assert (found.text, found.column_count) == (header, columns)


@pytest.mark.parametrize("text", [b"", b"a,b", b"\n\n", b'"a\nb'])
def test_a_header_that_is_not_whole_is_none(text: bytes) -> None:
    assert header_of(text) is None


def test_a_header_with_a_name_that_no_reader_takes_is_refused() -> None:
    with pytest.raises(LedgerError, match="Row 0, the header"):
        header_of(b"a," + b"x" * 200_000 + b"\n")


def test_time_for_a_header_grows_no_faster_than_its_lines() -> None:
    def read(text: bytes) -> None:
        assert header_of(text) is None

    assert_grows_with_size(lambda line_count: b'a,"' + b"\n" * line_count, read, 80_000)


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5), st.binary(max_size=9), st.integers(1, 7))
def test_a_replay_gives_back_what_comes_after(batches: list[bytes], after: bytes, size: int) -> None:
    ends = [sum(len(b) for b in batches[: n + 1]) for n in range(len(batches))]
    known = [(end - len(b), end, hashlib.sha256(b).hexdigest()) for b, end in zip(batches, ends, strict=True)]
    text, replay = b"".join(batches) + after, Replay(known)
    given_back = b"".join(replay.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert given_back == after
    assert replay.is_over
    other = Replay(known)
    changed = bytes([text[0] ^ 1]) + text[1:]
    with pytest.raises(LedgerError, match="batch 1 of"):
        other.feed(changed)
