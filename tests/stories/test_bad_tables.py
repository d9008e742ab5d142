"""Bad tables: a sentence with file and row or byte, a hint, the right exit code, nothing half-written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.stories.desk import Desk
from tests.stories.unharmed import files_of, refused, unharmed

HEADER = "at,principal,customer,fields\n"
ROW = "2025-01-01T00:00:00Z,u1,c1,email\n"


def _missing_column(path: Path) -> str:
    path.with_suffix(".csv").write_text("at,principal,fields\n2025-01-01T00:00:00Z,u1,email\n", encoding="utf-8")
    return "needs the column customer"


def _missing_parquet_column(path: Path) -> str:
    pq.write_table(
        pa.table({"principal": ["u1"], "customer": ["c1"], "fields": ["email"]}), path.with_suffix(".parquet")
    )
    return "needs the column at"


def _missing_key(path: Path) -> str:
    path.with_suffix(".ndjson").write_text('{"at": "2025-01-01T00:00:00Z", "principal": "u1"}\n', encoding="utf-8")
    return "needs the columns customer, fields"


def _naive_parquet(path: Path) -> str:
    at = pa.array([datetime(2025, 1, 1)], pa.timestamp("us"))  # noqa: DTZ001 - a time without zone is the point
    table = pa.table({"at": at, "principal": ["u1"], "customer": ["c1"], "fields": ["email"]})
    pq.write_table(table, path.with_suffix(".parquet"))
    return "the column at holds times without zone"


def _truncated_parquet(path: Path) -> str:
    columns = {name: [name] * 1000 for name in ("principal", "customer", "fields")}
    pq.write_table(pa.table({"at": ["2025-01-01T00:00:00Z"] * 1000, **columns}), path.with_suffix(".parquet"))
    whole = path.with_suffix(".parquet").read_bytes()
    path.with_suffix(".parquet").write_bytes(whole[: len(whole) // 2])
    return "it cannot be read after row 0"


def _truncated_gzip(path: Path) -> str:
    packed = gzip.compress((HEADER + ROW * 100_000).encode())
    path.with_suffix(".csv.gz").write_bytes(packed[: len(packed) // 2])
    return "it cannot be read after row"


def _latin_1(path: Path) -> str:
    path.with_suffix(".csv").write_bytes((HEADER + ROW + ROW.replace("u1", "jos\xe9")).encode("latin-1"))
    return f"not UTF-8 at byte {len(HEADER + ROW) + ROW.index('u1') + 3}"


def _latin_1_far_inside(path: Path) -> str:
    before = HEADER + ROW * 200_000
    path.with_suffix(".csv").write_bytes(before.encode() + ROW.replace("u1", "\xe9").encode("latin-1"))
    return f"not UTF-8 at byte {len(before) + ROW.index('u1')}"


def _latin_1_header(path: Path) -> str:
    path.with_suffix(".csv").write_bytes((HEADER.strip() + ",Stra\xdfe\n" + ROW).encode("latin-1"))
    return f"not UTF-8 at byte {len(HEADER.strip()) + 5}"


def _no_text(path: Path) -> str:
    path.with_suffix(".csv").write_bytes(bytes(range(256)) * 100)
    return "not UTF-8 at byte 128"


def _nothing(path: Path) -> str:
    path.with_suffix(".csv").write_bytes(b"")
    return "the file is empty"


def _doubled_column(path: Path) -> str:
    path.with_suffix(".csv").write_text("at,principal,customer,fields,at\n", encoding="utf-8")
    return "the column at is there more than once"


BAD_FILES: list[Callable[[Path], str]] = [
    _missing_column, _missing_parquet_column, _missing_key, _naive_parquet, _truncated_parquet, _truncated_gzip,
    _latin_1, _latin_1_far_inside, _latin_1_header, _no_text, _nothing, _doubled_column,
]  # fmt: skip


@pytest.mark.parametrize("make", BAD_FILES)
def test_a_bad_file_is_refused_whole(desk: Desk, tmp_path: Path, make: Callable[[Path], str]) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    sentence = make(folder / "log")
    (path,) = folder.iterdir()
    files = files_of(desk.workspace)
    refused(desk.run("ingest", "accesses", path, "--json"), str(path), sentence)
    assert files_of(desk.workspace) == files


def test_all_bad_files_at_once_change_no_answer(desk: Desk, tmp_path: Path) -> None:
    sentences = [make(_new_folder(tmp_path / make.__name__) / "log") for make in BAD_FILES]
    files = [file for make in BAD_FILES for file in (tmp_path / make.__name__).iterdir()]
    with unharmed(desk, findings=True):
        refused(desk.run("ingest", "accesses", *files, "--json"), *map(str, files), *sentences)


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_of_several_files_the_good_ones_are_in_and_each_bad_one_is_named(empty_desk: Desk, tmp_path: Path) -> None:
    good, first, second = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    good.write_text(HEADER + ROW, encoding="utf-8")
    first.write_bytes((HEADER + ROW.replace("u1", "\xe9")).encode("latin-1"))
    second.write_text("at\n", encoding="utf-8")
    answer = empty_desk.run("ingest", "accesses", first, good, second, "--json")
    refused(answer, str(first), str(second), "not UTF-8", "needs the columns")
    assert "1 other file is in" in answer.error()["hint"]
    assert empty_desk.json("ledger", "stats")["access_count"] == 1


def test_a_time_without_zone_sets_its_row_aside(empty_desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text(HEADER + ROW + ROW.replace("Z", "") + ROW + ROW.replace("c1", ""), encoding="utf-8")
    answer = empty_desk.run("ingest", "accesses", log, "--json")
    assert answer.code == 3
    report = answer.document()
    assert (report["accepted_count"], report["rejected_count"]) == (2, 2)
    rejects = Path(report["rejects_file"])
    assert rejects.is_relative_to(empty_desk.workspace)
    assert rejects.stat().st_mode & 0o777 == 0o600
    told = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [(one["file"], one["row"]) for one in told] == [("log.csv", 2), ("log.csv", 4)]
    assert told[0]["reason"] == "at has no UTC offset"
    assert "customer" in told[1]["reason"]
    stats = empty_desk.json("ledger", "stats")
    assert (stats["access_count"], stats["rejected_count"]) == (2, 2)
    again = empty_desk.run("ingest", "accesses", log, "--json").document()
    assert (again["accepted_count"], again["rejected_count"], again["already_ingested_count"]) == (0, 0, 4)
    assert any(note.startswith("2 of the rows that came before were rejected then") for note in again["notes"])
    assert empty_desk.json("ledger", "stats") == stats


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ingest", "acesses", "log.csv"), ("There is no table 'acesses'",)),
        (("ingest", "accesses", "nowhere.csv"), ("nowhere.csv", "No such file")),
        (("ingest", "evidence", "nowhere.csv"), ("nowhere.csv", "No such file")),
        (("ingest", "accesses", "log.xlsx"), ("log.xlsx",)),
        (("ingest", "accesses", "log.csv", "--format", "excel"), ("excel",)),
        (("trace", "c-00000000"), ("There is no campaign 'c-00000000'",)),
        (("trace", "--evidence", "nowhere.csv"), ("nowhere.csv", "No such file")),
        (("trace", "--evidence", "log.csv"), ("log.csv", "lacks the column kind")),
    ],
)
def test_what_does_not_exist_is_said_in_a_sentence(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("log.csv", "log.xlsx"):
        (tmp_path / name).write_text(HEADER + ROW, encoding="utf-8")
    with unharmed(desk):
        refused(desk.run(*arguments, "--json"), *words)


def test_a_folder_without_files_is_counted_as_nothing(empty_desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert empty_desk.json("ingest", "accesses", tmp_path / "nothing")["accepted_count"] == 0


def test_a_trace_before_any_access_says_that_the_log_is_incomplete(empty_desk: Desk, tmp_path: Path) -> None:
    evidence = tmp_path / "evidence.csv"
    rows = [f"c{number},report,2025-06-01T00:00:00Z\n" for number in range(10)]
    evidence.write_text("customer,kind,received_at\n" + "".join(rows), encoding="utf-8")
    finding = empty_desk.json("trace", "--evidence", evidence)
    assert finding["outcome"] == "undecided"
    assert finding["undecided"]["code"] == "log_incomplete"
    assert finding["named"] == []


# --- evidence ---------------------------------------------------------------------------------------------


def _evidence_latin_1(path: Path) -> str:
    path.with_suffix(".csv").write_bytes("customer,kind\njos\xe9,report\n".encode("latin-1"))
    return "at byte 17"


def _evidence_huge_field(path: Path) -> str:
    path.with_suffix(".csv").write_text("customer,kind\n" + "x" * 200_000 + ",report\n", encoding="utf-8")
    return "after row 0"


def _evidence_naive_parquet(path: Path) -> str:
    at = pa.array([datetime(2025, 1, 1)], pa.timestamp("ns"))  # noqa: DTZ001
    pq.write_table(pa.table({"customer": ["1"], "kind": ["report"], "received_at": at}), path.with_suffix(".parquet"))
    return "no zone"


def _evidence_truncated(path: Path) -> str:
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(b"customer,kind\n" * 1000)[:-20])
    return "damaged or cut short"


@pytest.mark.parametrize(
    "make",
    [
        _evidence_latin_1, _evidence_huge_field, _evidence_naive_parquet, _evidence_truncated,
    ],
)  # fmt: skip
def test_bad_evidence_is_refused_by_trace_and_by_ingest(
    desk: Desk, tmp_path: Path, make: Callable[[Path], str]
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    sentence = make(folder / "evidence")
    (path,) = folder.iterdir()
    with unharmed(desk):
        refused(desk.run("trace", "--evidence", path, "--json"), str(path), sentence)
        refused(desk.run("ingest", "evidence", path, "--json"), str(path), sentence)


def test_evidence_of_which_no_row_is_usable_is_told_each_time_and_never_kept(empty_desk: Desk, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("customer,kind\nc,rumour\n", encoding="utf-8")
    second.write_text("customer,kind\n,report\n", encoding="utf-8")
    (tmp_path / "nothing.ndjson").touch()
    assert empty_desk.json("ingest", "evidence", tmp_path / "nothing.ndjson")["accepted_count"] == 0
    for _ in range(2):
        kept = []
        for path in (first, second):
            answer = empty_desk.run("ingest", "evidence", path, "--json")
            assert answer.code == 3, answer
            told = answer.document()
            assert (told["rejected_count"], told["already_ingested_count"]) == (1, 0)
            kept.append(Path(told["rejects_file"]))
        assert [len(path.read_text(encoding="utf-8").splitlines()) for path in kept] == [1, 1]
        assert kept[0] != kept[1]


def test_an_empty_path_is_not_the_folder_one_stands_in(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for command in (("ingest", "accesses"), ("ingest", "accesses", "--preview"), ("mail",), ("mail", "--inspect")):
        assert desk.run(*command, "", "--json").error()["message"] == "A path is empty."


def test_the_format_of_evidence_is_the_one_that_is_said(empty_desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text('{"customer": "1", "kind": "decoy"}\n', encoding="utf-8")
    assert "not a kind of file" in empty_desk.run("ingest", "evidence", path, "--json").error()["message"]
    for more in (("--preview",), ()):
        told = empty_desk.json("ingest", "evidence", path, "--format", "ndjson", *more)
        assert told["accepted_count"] == 1
        error = empty_desk.run("ingest", "evidence", path, "--format", "pgaudit", *more, "--json").error()
        assert "not read as pgaudit" in error["message"]
        wrong = ("--format", "ndjson", "--option", "snapshot=x", *more, "--json")
        assert "without options" in empty_desk.run("ingest", "evidence", path, *wrong).error()["message"]


def test_of_several_evidence_files_the_good_one_is_in(desk: Desk, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("customer,kind,received_at\n1,report,2025-06-01T00:00:00Z\n", encoding="utf-8")
    bad.write_text("customer\n1\n", encoding="utf-8")
    answer = desk.run("ingest", "evidence", bad, good, "--json")
    refused(answer, str(bad), "lacks the column kind")
    assert "The other files (1) are in" in answer.error()["hint"]
    assert desk.json("ingest", "evidence", good)["already_ingested_count"] == 1


def test_packed_parquet_evidence_and_every_time_unit_can_be_read(desk: Desk, tiny_market: Path, tmp_path: Path) -> None:
    customer = pq.read_table(tiny_market / "customers.parquet").column("customer")[0].as_py()
    known = tmp_path / "customers.csv"
    known.write_text("customer\n1\n", encoding="utf-8")
    desk.json("ingest", "customers", known)
    for unit, seconds in (("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)):
        value = 1_748_736_000 * seconds + (1 if unit == "ns" else 0)
        received_at = pa.array([value], pa.int64()).cast(pa.timestamp(unit, "UTC"))
        plain = tmp_path / f"{unit}.parquet"
        pq.write_table(pa.table({"customer": [customer], "kind": ["report"], "received_at": received_at}), plain)
        packed = tmp_path / f"{unit}.parquet.gz"
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        for path in (plain, packed):
            window = desk.json("trace", "--evidence", path)["evidence"]["window"]
            assert window["start"] == "2025-06-01T00:00:00Z"


def test_a_table_parted_by_semicolons_is_told_as_one(empty_desk: Desk, tmp_path: Path) -> None:
    table = tmp_path / "semi.csv"
    table.write_text("at;principal;customer;fields\n2026-01-01T00:00:00Z;p1;c1;email\n", encoding="utf-8")
    error = empty_desk.run("ingest", "accesses", table, "--json").error()
    assert "parted by ';'" in error["hint"]
