"""A quote that is not closed swallows no row in silence; a text of several lines that is closed is a value."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.ledger import DuckLedger, preview_files
from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.quotewatch import MOST_LINES, QuoteWatch
from leaktrace.ledger.schema import ACCESSES, CUSTOMERS, TableSchema
from tests.ledger.following import append, follow, nothing
from tests.ledger.small_ledgers import ACCESS_HEADER, open_ledger, write_text, zstd

NAMES = ACCESS_HEADER.split(",")
OPEN = '2025-03-01T00:00:00Z,ann,c1,email,view,crm,"call back'


def good(number: int, reason: str = "T-1") -> str:
    return f"2025-03-01T00:00:{number % 60:02d}Z,ann,c{number},email,view,crm,{reason}"


def text_of(*rows: str, end: str = "\n") -> str:
    return end.join([ACCESS_HEADER, *rows]) + end


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


def watch(text: str, schema: TableSchema = ACCESSES, size: int = 1 << 20) -> None:
    content = text.encode()
    header = next(csv.reader([text.splitlines()[0].removeprefix("\ufeff")]))
    one = QuoteWatch(Path("log.csv"), schema, header, is_packed=False)
    for start in range(0, len(content), size):
        one.see(content[start : start + size])
    one.finish()


SWALLOWED = {
    "no end": (text_of(*map(good, range(40)), OPEN, *map(good, range(40))), 41, "whole row"),
    "no end, last row": (text_of(good(1), OPEN), 2, "the file ends"),
    "no end, no line end": (text_of(good(1)) + OPEN, 2, "the file ends"),
    "no end, no readable row": (text_of(OPEN, *["?,ann,c1,email,view,crm,"] * 9), 1, "the file ends"),
    "no end, too long": (text_of(OPEN, *["?"] * MOST_LINES, good(1, 'done"')), 1, "more than 100 lines"),
    "closed by a later value": (text_of(OPEN, good(1, '"T-1"')), 1, "more text follows"),
    "closed at a later end": (text_of(OPEN, good(1), good(2, 'done"')), 1, "whole row"),
    "rows with quotes of their own": (text_of(OPEN, good(1, '""'), good(2, 'done"')), 1, "whole row"),
    "carriage returns": (text_of(good(1), OPEN, good(2), good(3), end="\r\n"), 2, "whole row"),
    "old line ends": (text_of(good(1), OPEN, good(2), good(3), end="\r"), 2, "whole row"),
    "blank lines": (text_of(good(1), "", "", OPEN, good(2), good(3)), 2, "whole row"),
    "in another column": (text_of(good(1), good(2).replace("ann", '"ann'), good(3), good(4)), 2, "whole row"),
    "byte order mark": ("\ufeff" + text_of(good(1), OPEN, good(2), good(3)), 2, "whole row"),
}


@pytest.mark.parametrize("what", SWALLOWED)
@pytest.mark.parametrize("size", [7, 64, 1 << 20])
def test_swallowed_rows_are_seen_however_the_text_comes(what: str, size: int) -> None:
    text, row, reason = SWALLOWED[what]
    with pytest.raises(BadFileError, match=reason) as caught:
        watch(text, size=size)
    opened = text.encode().index(b'"')
    assert f"row {row}, at byte {opened}, " in caught.value.message
    assert "RFC 4180" in caught.value.hint


SOUND = {
    "a few lines": text_of(good(1, '"call back,\nsoon\n\nor ""never"""'), good(2)),
    "a hundred lines": text_of(good(1, '"' + "x\n" * MOST_LINES + '"'), good(2)),
    "as many commas as a row": text_of(good(1, '"one\na,b,c,d,e,f,g\nend"'), good(2)),
    "one line": text_of(good(1, '"' + good(2) + '"')),
    "carriage returns": text_of(good(1, '"call\r\nback"'), good(2, '"x"'), end="\r\n"),
    "a mark inside a plain value": text_of(good(1, '5" screen'), good(2), good(3, '5" screen')),
    "text after a value of one line": text_of(good(1, '"a"b'), good(2)),
    "ends without a line end": text_of(good(1)) + good(2, '"x"'),
    "no rows": text_of(),
}


@pytest.mark.parametrize("what", SOUND)
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_values_of_several_lines_pass(what: str, size: int) -> None:
    watch(SOUND[what], size=size)


def test_a_value_of_several_lines_in_front_of_its_row_is_no_row() -> None:
    watch('reason,at,principal,customer,fields\n"call\nback",2025-03-01T00:00:00Z,ann,c1,email\n')


def test_a_line_with_a_value_that_no_reader_takes_may_be_a_row() -> None:
    with pytest.raises(BadFileError, match=r"row 1, at byte .* one of which cannot be read"):
        watch(text_of(OPEN, good(1, "x" * 200_000), good(2, 'done"')))


def test_a_table_without_times_goes_by_what_a_row_must_have() -> None:
    with pytest.raises(BadFileError, match="row 1"):
        watch('customer,locale\nc1,"de\nc2,fr\nc3,en"\n', CUSTOMERS)
    watch('customer,locale\nc1,"de\n ,fr\nat"\n', CUSTOMERS)


CELLS = st.text(st.sampled_from('a1",\n\r '), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=8), st.integers(1, 40))
def test_what_a_writer_of_csv_quotes_as_it_should_passes(rows: list[list[str]], size: int) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([NAMES, *rows])
    watch(stream.getvalue(), size=size)


# --- through the commands -------------------------------------------------------------------------------


PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstd}


@pytest.mark.parametrize("ending", PACKINGS)
def test_a_file_with_an_open_quote_commits_nothing(ledger: DuckLedger, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"log.csv{ending}"
    path.write_bytes(PACKINGS[ending](text_of(*map(good, range(40)), OPEN, *map(good, range(4000))).encode()))
    with pytest.raises(BadFileError, match=r"row 41, at byte 2001") as caught:
        ledger.ingest("accesses", [path])
    assert ("unpacked" in caught.value.message) == bool(ending)
    assert str(path) in caught.value.message
    assert ledger.stats().access_count == 0
    with pytest.raises(BadFileError, match="row 41"):
        preview_files("accesses", [path])


def test_an_open_quote_in_a_column_that_is_ignored(ledger: DuckLedger, tmp_path: Path) -> None:
    text = f"{ACCESS_HEADER},note\n{good(1)},x\n" + f'{good(2)},"y\n' + f"{good(3)},z\n" * 3
    with pytest.raises(BadFileError, match="row 2"):
        ledger.ingest("accesses", [write_text(tmp_path / "log.csv", text)])


def test_a_reason_of_several_lines_is_kept(ledger: DuckLedger, tmp_path: Path) -> None:
    text = text_of(good(1, '"call back\nsoon"'), good(2))
    report = ledger.ingest("accesses", [write_text(tmp_path / "log.csv", text)])
    assert (report.accepted_count, report.rejected_count) == (2, 0)


def test_a_followed_file_says_so_and_goes_on_once_it_is_mended(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", text_of(good(1), good(2)))
    rows = [OPEN, *(good(n) for n in range(3, 4 + MOST_LINES))]
    with pytest.raises(BadFileError, match=r"longer than 100 lines"):
        follow(ledger, log, nothing, append(log, "\n".join(rows) + "\n"), nothing)
    assert ledger.stats().access_count == 2
    write_text(log, text_of(good(1), good(2), OPEN + '"', *rows[1:]))
    follow(ledger, log, nothing)
    assert ledger.stats().access_count == 4 + MOST_LINES


def test_a_followed_file_whose_quote_is_closed_by_a_later_row(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", text_of(good(1), good(2)))
    with pytest.raises(BadFileError, match=r"rows and bytes are counted from row 3 of it\).* row 1, "):
        follow(ledger, log, nothing, append(log, "\n".join([OPEN, good(3), good(4, 'x"')]) + "\n"), nothing)
    assert ledger.stats().access_count == 2
