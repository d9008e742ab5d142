"""Evidence files: what is read, what is kept aside, what is refused (DESIGN 4.1)."""

from __future__ import annotations

import gzip
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaktrace.errors import LedgerError
from leaktrace.intake import evidence
from leaktrace.intake.evidence import read_evidence, read_evidence_file

CSV = """customer,kind,received_at,reported_at,seller,grade,reporter,colour
c1,report,2026-03-01T10:00:00+02:00,,s1,G1,r1,red
c2,report,,2026-03-02T10:00:00Z,s1,,,blue
d1,decoy,,,,,,
"""


def written(folder: Path, text: str, name: str = "evidence.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_defaults_and_ignored_columns(tmp_path: Path) -> None:
    read = read_evidence_file(written(tmp_path, CSV))
    assert [item.customer for item in read.evidence.items] == ["c1", "c2", "d1"]
    assert read.evidence.items[0].received_at == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert [item.grade for item in read.evidence.items] == ["G1", "G2", "G2"]
    assert read.evidence.seller == "s1"
    assert read.ignored_columns == ("colour",)
    assert read.rejected == ()


def test_ndjson_parquet_and_gzip_give_the_same_items(tmp_path: Path) -> None:
    plain = written(
        tmp_path, '{"customer": "c1", "kind": "report", "received_at": "2026-03-01T10:00:00Z"}\n', "e.ndjson"
    )
    packed = tmp_path / "e.ndjson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    table = pa.table(
        {
            "customer": ["c1"],
            "kind": ["report"],
            "received_at": pa.array([datetime(2026, 3, 1, 10, tzinfo=UTC)], pa.timestamp("us", tz="UTC")),
        }
    )
    pq.write_table(table, tmp_path / "e.parquet")
    found = [read_evidence(path).items[0] for path in (plain, packed, tmp_path / "e.parquet")]
    assert {(item.customer, item.kind, item.received_at) for item in found} == {
        ("c1", "report", datetime(2026, 3, 1, 10, tzinfo=UTC))
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",report,2026-03-01T10:00:00Z", "no customer"),
        ("c1,rumour,2026-03-01T10:00:00Z", "kind is none of"),
        ("c1,report,2026-03-01T10:00:00", "received_at has no zone"),
        ("c1,report,yesterday", "received_at is not an ISO 8601 time"),
        ("c1,report,", "neither received_at nor reported_at"),
        ("c1,report,0001-01-01T00:00:00Z", "received_at lies outside the years 1970 to 9998"),
        ("c1,report,0001-01-01T00:00:00+14:00", "received_at lies outside the years 1970 to 9998"),
        ("c1,report,9999-12-31T23:59:59-10:00", "received_at lies outside the years 1970 to 9998"),
        ("c1,report,9999-12-31T23:59:59Z", "received_at lies outside the years 1970 to 9998"),
    ],
)
def test_a_bad_row_is_kept_aside_with_its_number(tmp_path: Path, row: str, reason: str) -> None:
    good = "c9,report,2026-03-01T10:00:00Z"
    read = read_evidence_file(written(tmp_path, f"customer,kind,received_at\n{row}\n{good}\n"))
    assert [item.customer for item in read.evidence.items] == ["c9"]
    assert [(found.row, reason in found.reason) for found in read.rejected] == [(1, True)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (r'{"customer": "\ud800", "kind": "report", "received_at": "2026-03-01T10:00:00Z"}', "customer holds half"),
        (
            r'{"customer": "c", "kind": "report", "received_at": "2026-03-01T10:00:00Z", "reporter": "x\udfff"}',
            "reporter holds half",
        ),
        (r'{"customer": "c", "kind": "\ud800"}', "kind holds half"),
        (f'{{"customer": {"9" * 5000}, "kind": "report"}}', "too many digits"),
        ('{"customer": "c1"', "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"customer": 1.0, "kind": "decoy"}', "customer is neither text nor a whole number"),
        ('{"customer": true, "kind": "decoy"}', "customer is neither text nor a whole number"),
        ('{"customer": "c", "kind": "decoy", "reporter": 1.5}', "reporter is neither text nor a whole number"),
        ('{"customer": "c", "kind": "decoy", "seller": ["s"]}', "seller is neither text nor a whole number"),
    ],
)
def test_what_json_can_spell_and_nobody_can_keep_is_set_aside(tmp_path: Path, row: str, reason: str) -> None:
    good = r'{"customer": "c9", "kind": "decoy", "\ud800": 1}'
    read = read_evidence_file(written(tmp_path, f"{row}\n{good}\n", "e.ndjson"))
    assert [item.customer for item in read.evidence.items] == ["c9"]
    assert [(found.row, reason in found.reason) for found in read.rejected] == [(1, True)]
    assert read.ignored_columns == ("?",)


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_parquet_times_that_python_does_not_have_are_set_aside(tmp_path: Path, unit: str) -> None:
    at = pa.array([2**62, -(2**62), None], pa.int64()).cast(pa.timestamp(unit, "UTC"))
    kinds = ["report", "report", "decoy"]
    pq.write_table(pa.table({"customer": ["a", "b", "c"], "kind": kinds, "received_at": at}), tmp_path / "e.parquet")
    read = read_evidence_file(tmp_path / "e.parquet")
    assert [found.row for found in read.rejected] == [1, 2]
    assert [item.customer for item in read.evidence.items] == ["c"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("e.csv", b"customer,when\nc1,now\n", "lacks the column kind"),
        ("e.csv", "customer,kind\ncafé,report\n".encode("latin-1"), "not UTF-8 text at byte 17"),
        ("e.parquet", b"PAR1 cut short", "not a whole Parquet file"),
        ("e.csv.gz", gzip.compress(b"customer,kind\n" * 1000, mtime=0)[:30], "damaged or cut short"),
        ("e.csv", b'customer,kind\nc1,"report\nc2,report\n', "cannot be read as CSV after row 0"),
        ("e.csv", b'customer,kind,reporter\nc1,decoy,"x\nc2,decoy,"y"\n', "cannot be read as CSV after row 0"),
        ("e.xlsx", b"PK", "not a kind of file"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LedgerError) as caught:
        read_evidence(path)
    assert told in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_evidence_in_utf_16_is_told_how_it_becomes_utf_8(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_bytes(CSV.encode("utf-16"))
    with pytest.raises(LedgerError) as caught:
        read_evidence(tmp_path / "e.csv")
    assert "iconv -f UTF-16 " in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("e.csv", "customer,kind" + ",x" * 100 + "\na,decoy\n", "more than 100 columns"),
        ("e.csv", "customer,kind\n" + "a,decoy\n" * 1001, "more than 1000 rows"),
        ("e.ndjson", '{"customer": "a", "kind": "decoy"}\n' * 1001, "more than 1000 rows"),
        ("e.ndjson", "".join(f'{{"c{place}": 1}}\n' for place in range(101)), "more than 100 columns"),
    ],
)
def test_more_than_evidence_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, told: str
) -> None:
    monkeypatch.setattr(evidence, "CEILING_ROWS", 1000)
    monkeypatch.setattr(evidence, "CEILING_COLUMNS", 100)
    with pytest.raises(LedgerError, match=told):
        read_evidence_file(written(tmp_path, text, name))


def test_a_csv_of_short_rows_takes_no_memory_for_the_columns_they_lack(tmp_path: Path) -> None:
    header = ",".join(["customer", "kind", *(f"c{place}" for place in range(2000))])
    path = written(tmp_path, header + "\n" + "a,decoy\n" * 2000)
    read_evidence_file(path)  # tables are loaded
    tracemalloc.start()
    assert len(read_evidence_file(path).evidence.items) == 2000
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 10_000_000


def in_every_row(row_count: int, value: str) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array([0] * row_count, pa.int32()), pa.array([value]))


@pytest.mark.parametrize("keeps_dictionaries", [True, False])
def test_a_value_that_is_packed_once_for_all_rows_is_counted_in_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps_dictionaries: bool
) -> None:
    """The attack: a file of some thousand bytes that holds a thousand times the ceiling."""
    monkeypatch.setattr(evidence, "CEILING_BYTES", 1_000_000)
    table = pa.table({"customer": in_every_row(10_000, "x" * 100_000), "kind": in_every_row(10_000, "decoy")})
    path = tmp_path / "e.parquet"
    pq.write_table(table, path, compression="zstd", store_schema=keeps_dictionaries)
    assert path.stat().st_size < 5000
    with pytest.raises(LedgerError, match="more than 1000000 unpacked bytes"):
        read_evidence_file(path)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pa.table({"customer": ["a"] * 1001, "kind": ["decoy"] * 1001}), "more than 1000 rows"),
        (pa.table({f"c{place}": ["a"] for place in range(10_001)}), "more than 10000 columns"),
        (pa.table([pa.array(["a"])] * 3, names=["customer", "kind", "kind"]), "column kind is there more than once"),
        (pa.table({"customer": [["a"]], "kind": ["decoy"]}), "column customer holds lists"),
        (pa.table({"customer": pa.array([b"\xff"]).cast(pa.string(), safe=False), "kind": ["decoy"]}), "not a whole"),
    ],
)
def test_parquet_that_nobody_can_use_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: pa.Table, told: str
) -> None:
    monkeypatch.setattr(evidence, "CEILING_ROWS", 1000)
    pq.write_table(table, tmp_path / "e.parquet")
    with pytest.raises(LedgerError, match=told):
        read_evidence_file(tmp_path / "e.parquet")


def test_naive_parquet_times_are_refused(tmp_path: Path) -> None:
    naive = pa.array([datetime(2026, 3, 1, 10)], pa.timestamp("us"))  # noqa: DTZ001 - the fault under test
    pq.write_table(pa.table({"customer": ["c1"], "kind": ["report"], "received_at": naive}), tmp_path / "e.parquet")
    with pytest.raises(LedgerError, match="no zone"):
        read_evidence(tmp_path / "e.parquet")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read"):
        read_evidence(tmp_path / "none.csv")


def test_two_sellers_in_one_file_are_no_seller(tmp_path: Path) -> None:
    rows = "c1,report,2026-03-01T10:00:00Z,s1\nc2,report,2026-03-01T10:00:00Z,s2\n"
    assert read_evidence(written(tmp_path, f"customer,kind,received_at,seller\n{rows}")).seller is None


def test_rows_sorted_anew_or_told_twice_are_the_same_campaign_and_a_further_one_is_another(tmp_path: Path) -> None:
    rows = ["c1,report,2026-03-01T10:00:00Z\n", "c2,report,2026-03-02T10:00:00Z\n", "c3,decoy,\n"]
    one, anew, twice, grown = (
        read_evidence(written(tmp_path, f"customer,kind,received_at\n{''.join(some)}"))
        for some in (rows, rows[::-1], rows + rows[:1], [*rows, "c4,decoy,\n"])
    )
    for other in (anew, twice):
        assert other.campaign == one.campaign
        assert evidence.evidence_digest(other) == evidence.evidence_digest(one)
    assert grown.campaign != one.campaign
