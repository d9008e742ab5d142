"""Bad rows are kept aside, bad files commit nothing, and both say where and why."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger import DuckLedger
from leaktrace.ledger.engine import Answers
from leaktrace.ledger.formats import FileFormat
from leaktrace.ledger.parquetfiles import parquet_batches
from leaktrace.ledger.parquetsizes import BATCH_BYTES
from leaktrace.ledger.schema import ACCESSES
from leaktrace.records import IngestReport, Window
from leaktrace.settings import Settings
from tests.ledger.following import follow
from tests.ledger.small_ledgers import (
    ACCESS_HEADER,
    KEYRING,
    START,
    Access,
    files_under,
    first_shown,
    open_files_under,
    open_ledger,
    pairs,
    principal,
    rows_of,
    write_accesses,
    write_rows,
    write_text,
    zstd,
)

GOOD_ROW = "2025-03-01T00:00:00Z,ann,c1,email,view,crm,T-1"
ALWAYS = Window(None, None)
MAPPING = """
schema = "leaktrace.mapping/1"
input = "csv"
[at]
path = "at"
[principal]
path = "principal"
[customer]
path = "customer"
[fields]
path = "fields"
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


def rejects_of(report: IngestReport) -> list[tuple[int, str]]:
    assert report.rejects_file is not None
    path = Path(report.rejects_file)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(set(line) == {"file", "row", "reason"} for line in lines)
    return [(line["row"], line["reason"]) for line in lines]


def ingest_rows(ledger: DuckLedger, folder: Path, *rows: str) -> IngestReport:
    return ledger.ingest("accesses", [write_text(folder / "a.csv", "\n".join([ACCESS_HEADER, *rows]) + "\n")])


BAD_ROWS = [
    ("2025-03-01T00:00:00,ann,c1,email,view,crm,", "at has no UTC offset"),
    ("2025-03-01,ann,c1,email,view,crm,", "at has no UTC offset"),
    ("yesterday,ann,c1,email,view,crm,", "at is not a time in ISO 8601"),
    ("1740787200,ann,c1,email,view,crm,", "at is not a time in ISO 8601"),
    (",ann,c1,email,view,crm,", "at is missing"),
    ("2025-03-01T00:00:00Z,,c1,email,view,crm,", "principal is missing"),
    ("2025-03-01T00:00:00Z,ann,  ,email,view,crm,", "customer is missing"),
    ("2025-03-01T00:00:00Z,ann,c1,,view,crm,", "fields is missing"),
    ("2025-03-01T00:00:00Z,ann,c1, ; ;,view,crm,", "fields is missing"),
    (
        r'2025-03-01T00:00:00Z,ann,c1,"[""\ud800@example.org""]",view,crm,',
        "fields holds half of a surrogate pair, which is no text",
    ),
    ("2025-03-01T00:00:00Z,ann,c1,email,peek,crm,", "action is none of view, search, export, api, update"),
    ("2025-03-01T00:00:00Z,ann,c1,email", "the row has 4 values, the header 7 names"),
    ("2025-03-01T00:00:00Z,ann,c1,email,view,crm,T,more", "the row has 8 values, the header 7 names"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_kept_aside_and_the_rest_is_in(ledger: DuckLedger, tmp_path: Path, row: str, reason: str) -> None:
    report = ingest_rows(ledger, tmp_path, GOOD_ROW, row, GOOD_ROW)
    assert (report.accepted_count, report.rejected_count) == (2, 1)
    assert rejects_of(report) == [(2, reason)]
    assert ledger.stats().access_count == 2
    assert ledger.stats().rejected_count == 1


def test_lists_that_are_nested_without_end_are_words(ledger: DuckLedger, tmp_path: Path) -> None:
    assert ingest_rows(ledger, tmp_path, GOOD_ROW.replace("email", "[" * 100_000)).accepted_count == 1


def test_all_bad_rows_at_once_keep_their_numbers(ledger: DuckLedger, tmp_path: Path) -> None:
    rows = [row for row, _ in BAD_ROWS for row in (GOOD_ROW, row)]
    report = ingest_rows(ledger, tmp_path, *rows)
    assert report.accepted_count == len(BAD_ROWS)
    assert sorted(rejects_of(report)) == [(2 * n + 2, reason) for n, (_, reason) in enumerate(BAD_ROWS)]


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01T03:30:00+03:30",
        "2025-02-28 16:00:00-08:00",
        "2025-03-01T00:00Z",
        "2025-03-01T00:00:00.000000000Z",
        "20250301T000000Z",
        "2025-03-01T01:00:00.0+0100",
    ],
)
def test_iso_8601_in_its_many_forms(ledger: DuckLedger, tmp_path: Path, text: str) -> None:
    ingest_rows(ledger, tmp_path, f"{text},ann,c1,email,,,")
    shown = ledger.opened_by([principal("ann")], "email", ALWAYS)
    assert pairs(shown) == first_shown([Access(START, "ann", "c1")], "email")


def test_json_lines_that_are_no_objects_are_kept_aside(ledger: DuckLedger, tmp_path: Path) -> None:
    good = {"at": "2025-03-01T00:00:00Z", "principal": 7, "customer": 12345678901234567890, "fields": ["email", "name"]}
    lines = [
        json.dumps(good),
        "",
        '{"at": "2025',
        "[1, 2]",
        "7",
        '{"at"\x01: 1}',
        json.dumps({**good, "extra": {"a": 1}}),
    ]
    report = ledger.ingest("accesses", [write_text(tmp_path / "a.ndjson", "\n".join(lines))])
    assert report.accepted_count == 2
    assert sorted(rejects_of(report)) == [(n, "the line is not a JSON object") for n in (3, 4, 5, 6)]
    assert report.notes == ("Columns that accesses does not have were ignored: extra.",)
    coverage = ledger.coverage("name", ALWAYS)
    assert coverage.access_count == 2


def test_other_tables_check_their_kinds(ledger: DuckLedger, tmp_path: Path) -> None:
    contacts = "at,customer,seller,kind\n2025-01-01T00:00:00Z,c1,s1,gift\n2025-01-01T00:00:00Z,c1,s1,optin\n"
    report = ledger.ingest("contacts", [write_text(tmp_path / "k.csv", contacts)])
    assert rejects_of(report) == [(1, "kind is none of order, message, review, optin")]
    people = "principal,kind,active_from\nann,robot,\nbob,service,2024-01-01\ncleo,Service,\n"
    report = ledger.ingest("principals", [write_text(tmp_path / "p.csv", people)])
    assert sorted(rejects_of(report)) == [
        (1, "kind is none of employee, contractor, service"),
        (2, "active_from has no UTC offset"),
    ]


def test_rejects_of_several_files_are_in_one_file(ledger: DuckLedger, tmp_path: Path) -> None:
    files = [
        write_text(tmp_path / f"{n}.csv", f"{ACCESS_HEADER}\n{GOOD_ROW}\n{n},ann,c{n},email,,,\n") for n in range(3)
    ]
    report = ledger.ingest("accesses", files)
    assert (report.accepted_count, report.rejected_count) == (3, 3)
    assert [row for row, _ in rejects_of(report)] == [2, 2, 2]
    again = ledger.ingest("accesses", files)
    assert (again.already_ingested_count, again.rejected_count, again.rejects_file) == (6, 0, None)


def test_a_file_of_bad_rows_may_come_again_and_its_rejects_do_not_grow(ledger: DuckLedger, tmp_path: Path) -> None:
    """By another mapping it may be sound; of whatever was told before nothing is told twice."""
    bad = write_text(tmp_path / "bad.csv", f"{ACCESS_HEADER}\n,ann,c1,email,,,\n,ann,c2,email,,,\n")
    also = write_text(tmp_path / "also.csv", f"{ACCESS_HEADER}\n{GOOD_ROW}\n,ann,c3,email,,,\n")
    reports = [ledger.ingest("accesses", paths) for paths in ([bad], [bad], [also, bad], [also, bad])]
    assert [(r.rejected_count, r.already_ingested_count) for r in reports] == [(2, 0), (2, 0), (3, 0), (2, 2)]
    assert rejects_of(reports[1]) == [(1, "at is missing"), (2, "at is missing")]
    assert sorted(rejects_of(reports[3])) == [(1, "at is missing"), (2, "at is missing"), (2, "at is missing")]
    assert ledger.stats().rejected_count == 3


def test_another_mapping_takes_what_one_passed_over(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.ndjson", rows_of([Access(START, "ann", "c1")]))
    mapping = MAPPING.replace("csv", "json") + '[[skip]]\npath = "tool"\nin = ["crm"]\n'
    wrong = write_text(tmp_path / "wrong.toml", mapping)
    for _ in range(2):
        report = ledger.ingest("accesses", [log], file_format="mapped", options={"mapping": str(wrong)})
        assert (report.accepted_count, report.rejected_count, report.already_ingested_count) == (0, 0, 0)
        assert any("With another one the same file may come again" in note for note in report.notes), report
    assert ledger.ingest("accesses", [log]).accepted_count == 1
    assert ledger.ingest("accesses", [log]).already_ingested_count == 1


def test_a_file_of_which_nothing_was_taken_is_followed_from_its_beginning(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", f"{ACCESS_HEADER}\n{GOOD_ROW}\n")
    assert ledger.ingest("accesses", [log], file_format="ndjson").rejected_count == 2
    assert follow(ledger, log).accepted_count == 1


def test_a_file_may_have_been_the_wrong_table_before(ledger: DuckLedger, tmp_path: Path) -> None:
    path = write_text(tmp_path / "customers.ndjson", '{"customer": "c1", "email": "a@example.com"}\n' * 2)
    for table in ("accesses", "contacts"):
        with pytest.raises(LedgerError, match="needs the columns"):
            ledger.ingest(table, [path])
    assert ledger.ingest("accesses", [path], file_format="ecs").rejected_count == 2
    assert ledger.ingest("customers", [path]).accepted_count == 2


def test_no_line_is_no_row_and_a_packed_file_without_a_byte_is_cut_off(ledger: DuckLedger, tmp_path: Path) -> None:
    for name, content in (("a.ndjson", b""), ("b.ndjson", b"\xef\xbb\xbf"), ("c.ndjson.gz", gzip.compress(b""))):
        (tmp_path / name).write_bytes(content)
        report = ledger.ingest("customers", [tmp_path / name])
        assert (report.accepted_count, report.rejected_count, report.already_ingested_count) == (0, 0, 0)
    for name in ("d.ndjson.gz", "e.csv", "f.parquet"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(LedgerError, match=name):
            ledger.ingest("customers", [tmp_path / name])


def test_an_address_that_is_none_is_left_out_and_said(ledger: DuckLedger, tmp_path: Path) -> None:
    report = ledger.ingest("customers", [write_text(tmp_path / "c.csv", "customer,email\nc1,at home\nc2,\n")])
    assert report.accepted_count == 2
    assert report.notes == ("1 customers have an e-mail address that is none; they are in without it.",)


def test_extra_columns_are_named_once_and_never_somebodys_name(ledger: DuckLedger, tmp_path: Path) -> None:
    text = "customer,colour,ann@example.org\nc1,red,x\n"
    files = [write_text(tmp_path / f"{n}.csv", text.replace("red", str(n))) for n in range(2)]
    assert ledger.ingest("customers", files).notes == (
        "Columns that customers does not have were ignored: colour and 1 more.",
    )


# --- bad files ------------------------------------------------------------------------------------------


def parquet_bytes(tmp_path: Path, columns: dict[str, Any]) -> bytes:
    pq.write_table(pa.table(columns), tmp_path / "made.parquet")
    return (tmp_path / "made.parquet").read_bytes()


def good_columns() -> dict[str, Any]:
    return {
        "at": pa.array([START], pa.timestamp("ms", tz="Europe/Berlin")),
        "principal": pa.array(["ann"]).dictionary_encode(),
        "customer": pa.array([17], pa.int64()),
        "fields": pa.array([["email"]]),
    }


LONG = "a value or a line after row 500 is longer than 4,194,304 bytes"


def bad_files(folder: Path) -> dict[str, tuple[bytes, str]]:
    """Name -> (bytes, what the message must say)."""
    csv_text = f"{ACCESS_HEADER}\n" + f"{GOOD_ROW}\n" * 500
    good = parquet_bytes(folder, good_columns())
    naive = parquet_bytes(folder, {**good_columns(), "at": pa.array([START.replace(tzinfo=None)], pa.timestamp("us"))})
    number = parquet_bytes(folder, {**good_columns(), "at": pa.array([1740787200])})
    floats = parquet_bytes(folder, {**good_columns(), "customer": pa.array([17.0])})
    raw = pa.array([b"ann", b"ann\xff"], pa.binary())
    two = {name: pa.concat_arrays([column, column]) for name, column in good_columns().items()}
    no_text = parquet_bytes(folder, {**two, "customer": pa.Array.from_buffers(pa.string(), 2, raw.buffers())})
    no_name = parquet_bytes(folder, {**two, "principal": pa.Array.from_buffers(pa.string(), 2, raw.buffers())})
    listed = pa.ListArray.from_arrays([0, 1, 2], pa.Array.from_buffers(pa.string(), 2, raw.buffers()))
    no_field = parquet_bytes(folder, {**two, "fields": listed})
    damaged = bytearray(good)
    damaged[4:24] = b"\xff" * 20
    return {
        "no-principal.csv": (csv_text.replace("principal", "who").encode(), "needs the column principal"),
        "twice.csv": (csv_text.replace("tool", "at").encode(), "the column at is there more than once"),
        "empty.csv": (b"", "the file is empty"),
        "latin1.csv": (
            f"{ACCESS_HEADER}\n{GOOD_ROW.replace('ann', 'José')}\n".encode("latin-1"),
            "not UTF-8 at byte 72",
        ),
        "latin1-late.csv": ((csv_text + GOOD_ROW.replace("ann", "é")).encode("latin-1"), "not UTF-8 at byte"),
        "utf16.csv": (csv_text.encode("utf-16"), "not UTF-8 at byte 0"),
        "long.csv": (f"{csv_text}{GOOD_ROW}{'x' * 9_000_000}\n".encode(), LONG),
        "long-quoted.csv.gz": (gzip.compress(f'{csv_text}{GOOD_ROW},"{"x" * 9_000_000}"\n'.encode(), 1), LONG),
        "long-name.csv": (f"{'x' * 200_000},{csv_text}{GOOD_ROW}\n".encode(), "Row 0, the header, cannot be read"),
        "long.ndjson": (b'{"at": "' + b"x" * 9_000_000 + b'"}\n', LONG.replace("500", "0")),
        "cut.csv.gz": (gzip.compress(csv_text.encode())[:-12], "cannot be read after row"),
        "cut.csv.zst": (zstd(csv_text.encode())[:-12], "cannot be read after row"),
        "no-gzip.csv.gz": (csv_text.encode(), "cannot be read after row 0"),
        "cut.parquet": (good[:-9], "cannot be read after row 0"),
        "cut-early.parquet": (good[: len(good) // 2], "cannot be read after row 0"),
        "damaged.parquet": (bytes(damaged), "cannot be read after row 0"),
        "no-parquet.parquet": (csv_text.encode(), "cannot be read after row 0"),
        "no-text.parquet": (no_text, "row 2: the column customer holds bytes that are no UTF-8 text"),
        "no-name.parquet": (no_name, "row 2: the column principal holds bytes that are no UTF-8 text"),
        "no-field.parquet": (no_field, "row 2: the column fields holds bytes that are no UTF-8 text"),
        "naive.parquet": (naive, "the column at holds times without zone"),
        "number.parquet": (number, "the column at has the type int64"),
        "floats.parquet": (floats, "the column customer has the type double"),
        "no-customer.ndjson": (
            b'{"at": "2025-03-01T00:00:00Z", "principal": "a", "fields": "e"}\n',
            "needs the column",
        ),
        "latin1.ndjson": ('{"at": "2025-03-01T00:00:00Z", "principal": "é"}'.encode("latin-1"), "not UTF-8 at byte 45"),
        "unknown.xlsx": (b"PK", "its extension names no format"),
    }


BAD_FILE_NAMES = [
    "long.csv", "long-name.csv", "long-quoted.csv.gz", "long.ndjson",
    "no-principal.csv", "twice.csv", "empty.csv", "latin1.csv", "latin1-late.csv", "utf16.csv", "cut.csv.gz",
    "cut.csv.zst", "no-gzip.csv.gz", "cut.parquet", "cut-early.parquet", "damaged.parquet", "no-parquet.parquet",
    "no-text.parquet", "no-name.parquet", "no-field.parquet",
    "naive.parquet", "number.parquet", "floats.parquet", "no-customer.ndjson", "latin1.ndjson", "unknown.xlsx",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILE_NAMES)
def test_a_bad_file_commits_nothing_and_says_where(ledger: DuckLedger, tmp_path: Path, name: str) -> None:
    content, expected = bad_files(tmp_path)[name]
    bad = tmp_path / name
    bad.write_bytes(content)
    before = files_under(tmp_path / "ledger")
    with pytest.raises(LedgerError) as caught:
        ledger.ingest("accesses", [bad])
    assert str(bad) in caught.value.message
    assert expected in caught.value.message
    assert caught.value.hint
    assert "T-1" not in str(caught.value)
    assert files_under(tmp_path / "ledger") == before
    assert ledger.stats().access_count == 0


@pytest.mark.parametrize(
    ("encoding", "hint"),
    [
        ("utf-16", "iconv -f UTF-16 "),
        ("utf-16-le", "iconv -f UTF-16 "),
        ("utf-16-be", "iconv -f UTF-16 "),
        ("utf-32", "iconv -f UTF-32 "),
        ("latin-1", "iconv -f LATIN1 "),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "ndjson", "mapped", "followed"])
def test_a_text_of_another_encoding_is_told_how_it_becomes_utf8(
    ledger: DuckLedger, tmp_path: Path, encoding: str, hint: str, ending: str
) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    content = f"{mark}{ACCESS_HEADER},café\n{GOOD_ROW},x\n".encode(encoding)
    path = tmp_path / ("log.csv" if ending in ("mapped", "followed") else f"log.{ending}")
    path.write_bytes(gzip.compress(content) if ending == "csv.gz" else content)
    mapping = write_text(tmp_path / "m.toml", MAPPING)
    ways: dict[str, Callable[[], object]] = {
        "mapped": lambda: ledger.ingest("accesses", [path], file_format="mapped", options={"mapping": str(mapping)}),
        "followed": lambda: follow(ledger, path),
    }
    with pytest.raises(LedgerError, match="UTF-8") as caught:
        ways.get(ending, lambda: ledger.ingest("accesses", [path]))()
    assert hint in caught.value.hint


def test_a_followed_file_whose_header_no_reader_takes_is_named(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", f"{'x' * 200_000},{ACCESS_HEADER}\n{GOOD_ROW}\n")
    with pytest.raises(LedgerError, match=r"log\.csv: Row 0, the header, cannot be read"):
        follow(ledger, log)


def test_a_csv_parted_by_semicolons_is_told_of_mappings(ledger: DuckLedger, tmp_path: Path) -> None:
    with pytest.raises(LedgerError) as caught:
        ledger.ingest("accesses", [write_text(tmp_path / "a.csv", ACCESS_HEADER.replace(",", ";") + "\n")])
    assert "parted by ';'" in caught.value.hint
    assert "--format mapped --option mapping=" in caught.value.hint
    with pytest.raises(LedgerError) as caught:
        ledger.ingest("contacts", [write_text(tmp_path / "c.csv", "at;customer;seller;kind\n")])
    assert "mapped" not in caught.value.hint, "mappings are for accesses"


def test_a_value_that_a_dictionary_holds_once_is_unpacked_a_few_rows_at_a_time(tmp_path: Path) -> None:
    """The attack: a name of 20,000 letters stands once in the file and is meant by each row of a batch."""
    path, count = tmp_path / "small.parquet", 30_000
    once = pa.DictionaryArray.from_arrays(pa.array([0] * count), pa.array(["k" * 20_000]))
    columns = {name: pa.concat_arrays([column] * count) for name, column in good_columns().items()}
    listed = pa.ListArray.from_arrays(pa.array(range(count + 1), pa.int32()), once)
    for name, values in (("customer", once), ("principal", once), ("fields", listed)):
        pq.write_table(pa.table({**columns, name: values}), path, store_schema=False)
        assert path.stat().st_size < 100_000
        batches = list(parquet_batches(path, FileFormat("parquet", None), ACCESSES, tmp_path))
        assert sum(len(batch.rows) for batch in batches) == count
        assert max(batch.columns[name].nbytes for batch in batches) < 1.01 * BATCH_BYTES


def test_a_row_that_is_larger_than_a_batch_is_refused(tmp_path: Path) -> None:
    once = pa.DictionaryArray.from_arrays(pa.array([0] * 30_000), pa.array(["k" * 20_000]))
    listed = pa.ListArray.from_arrays(pa.array([0, 30_000], pa.int32()), once)
    path = tmp_path / "row.parquet"
    pq.write_table(pa.table({**good_columns(), "fields": listed}), path, store_schema=False)
    with pytest.raises(LedgerError, match=r"row\.parquet: a row of row group 0 holds more than 268,435,456 bytes"):
        list(parquet_batches(path, FileFormat("parquet", None), ACCESSES, tmp_path))


def test_every_bad_file_was_tried(tmp_path: Path) -> None:
    assert sorted(bad_files(tmp_path)) == sorted(BAD_FILE_NAMES)


def test_the_good_files_of_the_same_call_are_in(ledger: DuckLedger, tmp_path: Path) -> None:
    good = [write_accesses(tmp_path / f"{n}.csv", [Access(START, "ann", f"c{n}")]) for n in range(3)]
    bad = write_text(tmp_path / "bad.csv", "a,b\n1,2\n")
    with pytest.raises(LedgerError, match=r"bad\.csv") as caught:
        ledger.ingest("accesses", [good[0], bad, tmp_path / "absent.csv", *good[1:]])
    assert "absent.csv" in caught.value.message
    assert "The 3 other files are in." in caught.value.hint
    assert ledger.stats().access_count == 3


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_path_that_is_no_file(ledger: DuckLedger, tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError, match=r"cannot be read|is not a file"):
        ledger.ingest("accesses", [tmp_path / name])


def test_a_format_that_does_not_exist(ledger: DuckLedger, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no format 'xml'"):
        ledger.ingest("accesses", [write_text(tmp_path / "a.csv", "x")], file_format="xml")


def test_a_format_that_is_said_goes_before_the_extension(ledger: DuckLedger, tmp_path: Path) -> None:
    path = write_text(tmp_path / "accesses.log", f"{ACCESS_HEADER}\n{GOOD_ROW}\n")
    assert ledger.ingest("accesses", [path], file_format="csv").accepted_count == 1


def test_parquet_with_other_types_is_read(ledger: DuckLedger, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = good_columns() | {"tool": pa.array(["crm"], pa.large_string()), "reason": pa.nulls(1)}
    path.write_bytes(parquet_bytes(tmp_path, columns))
    assert ledger.ingest("accesses", [path]).accepted_count == 1
    shown = ledger.opened_by([principal("ann")], "email", ALWAYS)
    assert pairs(shown) == first_shown([Access(START, "ann", "17")], "email")
    listed = {**columns, "fields": pa.array([["email", None]]), "customer": pa.array(["x"], pa.string_view())}
    path.write_bytes(parquet_bytes(tmp_path, listed))
    assert rejects_of(ledger.ingest("accesses", [path])) == [(1, "fields has an empty entry")]


def test_a_file_that_grows_while_it_is_read_is_refused(ledger: DuckLedger, tmp_path: Path) -> None:
    path = write_accesses(tmp_path / "a.csv", [Access(START + timedelta(seconds=n), "ann", "c1") for n in range(50)])

    def grow(what: str, _done: int, _total: int | None) -> None:
        if what.startswith("reading"):
            with path.open("a") as stream:
                stream.write(f"{GOOD_ROW}\n")

    with pytest.raises(LedgerError, match="changed while it was read"):
        ledger.ingest("accesses", [path], progress=grow)
    assert ledger.stats().access_count == 0


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    import sqlite3

    open_ledger(tmp_path / "ledger").close()
    connection = sqlite3.connect(tmp_path / "ledger" / "ledger.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError, match="newer version") as refused:
        open_ledger(tmp_path / "ledger")
    assert open_files_under(tmp_path) == [], f"still open after {refused!r}"


def test_a_ledger_whose_engine_cannot_be_opened_lets_go_of_its_files(tmp_path: Path) -> None:
    def none(_folder: Path, _settings: Settings) -> Answers:
        raise LedgerError("No such engine.", "Install one.")

    with pytest.raises(LedgerError, match="No such engine") as refused:
        DuckLedger.open(tmp_path / "ledger", KEYRING, Settings(), none)
    assert open_files_under(tmp_path) == [], f"still open after {refused!r}"


def test_times_of_years_that_do_not_exist_are_kept_aside(ledger: DuckLedger, tmp_path: Path) -> None:
    late = pa.array([2**60], pa.timestamp("us", tz="UTC"))
    path = tmp_path / "late.parquet"
    path.write_bytes(parquet_bytes(tmp_path, {**good_columns(), "at": late}))
    assert rejects_of(ledger.ingest("accesses", [path])) == [(1, "at lies outside the years 1 to 9999")]


def test_blank_lines_and_a_byte_order_mark_do_no_harm(ledger: DuckLedger, tmp_path: Path) -> None:
    text = f"\ufeff{ACCESS_HEADER}\r\n{GOOD_ROW}\r\n\r\n{GOOD_ROW}\r\n"
    assert ledger.ingest("accesses", [write_text(tmp_path / "a.csv", text)]).accepted_count == 2


def test_a_compressed_file_of_several_members_is_read_whole(ledger: DuckLedger, tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"{ACCESS_HEADER}\n{GOOD_ROW}\n".encode()) + gzip.compress(f"{GOOD_ROW}\n".encode()))
    assert ledger.ingest("accesses", [path]).accepted_count == 2


def test_row_numbers_hold_over_many_blocks(ledger: DuckLedger, tmp_path: Path) -> None:
    rows = [f"2025-03-01T00:00:00Z,agent-{n % 9},customer-{n},email,view,crm,{'x' * 60}" for n in range(90_000)]
    for n in range(999, 90_000, 1000):
        rows[n] = "short,row" if n % 2000 == 999 else rows[n].replace("Z", "")
    report = ingest_rows(ledger, tmp_path, *rows)
    assert report.accepted_count == 90_000 - 90
    assert sorted(row for row, _ in rejects_of(report)) == list(range(1000, 90_001, 1000))
    assert ledger.coverage("email", Window(datetime(2025, 1, 1, tzinfo=UTC), None)).access_count == 90_000 - 90


def test_provenance_is_kept(ledger: DuckLedger, tmp_path: Path) -> None:
    rows = [{"customer": f"c{n}", "region": "r"} for n in range(5)]
    ledger.ingest("customers", [write_rows(tmp_path / "c.csv", rows)])
    ingest_rows(ledger, tmp_path, GOOD_ROW, "bad", GOOD_ROW)
    (segment,) = (tmp_path / "ledger" / "lake" / "accesses").rglob("*.parquet")
    kept = pq.read_table(segment).sort_by("source_row").to_pylist()
    assert [(row["source"], row["source_row"]) for row in kept] == [(2, 1), (2, 3)]
    assert segment.parent.name == "month=2025-03"
