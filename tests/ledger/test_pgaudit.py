"""A real server's audit log gives who was shown what; every AUDIT line becomes a read, shows nothing, or is refused."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import csvlines
from leaktrace.ledger.formats import AccessRow, RejectedRow, row_reader
from leaktrace.ledger.pgaudit import (
    AuditRecord,
    PgauditOptions,
    options_from_document,
    parse_audit_record,
    read_pgaudit,
)

ASSETS = Path(__file__).parents[1] / "assets" / "pgaudit"
CORPORA = Path(os.environ.get("LEAKTRACE_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
WITH_TABLE = PgauditOptions(snapshot=ASSETS / "customers_table.csv")
COLUMNS = ("customer_id", "name", "email", "phone", "region", "jurisdiction", "locale", "joined_on")
EXPECTED = json.loads((ASSETS / "expected.json").read_text())
Read = tuple[str, str, tuple[str, ...], str]


def rows_of(path: Path, options: PgauditOptions | None = None) -> list[AccessRow]:
    rows = list(read_pgaudit(path, options))
    assert all(isinstance(row, AccessRow) for row in rows), [row for row in rows if isinstance(row, RejectedRow)]
    return [row for row in rows if isinstance(row, AccessRow)]


def tied(rows: list[AccessRow]) -> Counter[Read]:
    return Counter(
        (row.principal, row.customer, tuple(sorted(row.fields)), row.action or "")
        for row in rows
        if row.customer is not None
    )


def wanted(*picked_by: str) -> Counter[Read]:
    return Counter(
        (said["principal"], customer, tuple(said["fields"]), said["action"])
        for said in EXPECTED["statements"]
        if said["picked_by"] in picked_by
        for customer in said["customers"]
    )


def write_log(folder: Path, *messages: str, prefix: str = "2026-03-01 08:00:00.123 UTC [77] amara@shop ") -> Path:
    """A stderr log as the server writes it: a tab before each further line of a message."""
    path = folder / "server.log"
    lines = [f"{prefix}LOG:  AUDIT: {message}".replace("\n", "\n\t") for message in messages]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def without_row(rows: list[AccessRow]) -> list[AccessRow]:
    return [replace(row, source_row=0) for row in rows]


# --- the real log -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["postgresql.csv", "postgresql.log"])
def test_statements_that_name_customers_give_what_the_sessions_showed(name: str) -> None:
    options = PgauditOptions(snapshot=None)
    found = tied(rows_of(ASSETS / name, options))
    known = {read for read in found if "*" not in read[2]}
    assert {read: found[read] for read in known} == {
        read: count for read, count in wanted("key").items() if set(read[2]) != set(COLUMNS)
    }


@pytest.mark.parametrize("name", ["postgresql.csv", "postgresql.log"])
def test_with_the_table_every_read_but_two_kinds_is_tied_to_its_customers(name: str) -> None:
    rows = rows_of(ASSETS / name, WITH_TABLE)
    by_function = [said for said in EXPECTED["statements"] if said["customers"] == ["C-0029"]]
    assert len(by_function) == 1
    said = by_function[0]
    missing = Counter({(said["principal"], "C-0029", tuple(said["fields"]), said["action"]): 1})
    assert tied(rows) == wanted("key", "other") - missing
    bulk = [(row.principal, row.fields) for row in rows if row.customer is None]
    assert bulk == [("agent_chen", ("name", "email")), ("analyst_edo", ("region",))]


def test_who_was_shown_whose_address() -> None:
    shown: dict[str, set[str]] = {}
    for row in rows_of(ASSETS / "postgresql.csv", WITH_TABLE):
        if "email" in row.fields and row.customer is not None:
            shown.setdefault(row.principal, set()).add(row.customer)
    truth = {role: set(customers) for role, customers in EXPECTED["email_shown"].items()}
    assert shown["agent_chen"] == truth["agent_chen"] - {"C-0029"}
    assert {**shown, "agent_chen": truth["agent_chen"]} == truth


def test_csvlog_and_stderr_of_one_run_give_the_same_rows() -> None:
    for options in (PgauditOptions(), WITH_TABLE):
        from_csv = without_row(rows_of(ASSETS / "postgresql.csv", options))
        assert from_csv == without_row(rows_of(ASSETS / "postgresql.log", options))
        assert len(from_csv) > 50


def test_a_row_says_when_with_what_and_in_which_line() -> None:
    path = ASSETS / "postgresql.log"
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = rows_of(path)
    assert {row.tool for row in rows if row.principal == "svc_orders"} == {"orders-api"}
    assert rows == sorted(rows, key=lambda row: row.source_row)
    for row in rows:
        line = lines[row.source_row - 1]
        assert f"user={row.principal}," in line
        assert line.startswith(row.at.strftime("%Y-%m-%d %H:%M:%S.") + f"{row.at.microsecond // 1000:03d} UTC")
        assert (row.statement_digest is None) == (row.customer is not None)


def test_packed_logs_read_alike(tmp_path: Path) -> None:
    plain = (ASSETS / "postgresql.csv").read_bytes()
    gz, zst = tmp_path / "log.gz", tmp_path / "log.zst"
    gz.write_bytes(gzip.compress(plain))
    zst.write_bytes(pa.compress(plain, "zstd", asbytes=True))
    assert rows_of(gz) == rows_of(zst) == rows_of(ASSETS / "postgresql.csv")
    gz.write_bytes(gz.read_bytes()[:2000])
    with pytest.raises(LedgerError, match="cannot be read to its end"):
        list(read_pgaudit(gz))


def test_the_format_is_registered() -> None:
    assert row_reader("pgaudit") is read_pgaudit


@pytest.mark.system
def test_the_server_writes_the_same_log_again(tmp_path: Path) -> None:
    ready = os.geteuid() == 0 and any(Path("/usr/lib/postgresql").glob("*/lib/pgaudit.so"))
    if not ready:
        if os.environ.get("CI") == "true":
            pytest.fail("system-deps.txt is not installed: postgresql-15-pgaudit (and the server is started as root)")
        pytest.skip("needs root and the Debian package postgresql-15-pgaudit")
    subprocess.run(["bash", str(ASSETS / "make.sh"), str(tmp_path)], check=True, timeout=120, capture_output=True)
    for name in ("expected.json", "customers.csv", "customers_table.csv", "contacts.csv"):
        assert (tmp_path / name).read_bytes() == (ASSETS / name).read_bytes(), name
    for name in ("postgresql.csv", "postgresql.log"):
        fresh, kept = rows_of(tmp_path / name, WITH_TABLE), rows_of(ASSETS / name, WITH_TABLE)
        same_day = kept[0].at
        assert [replace(row, at=same_day) for row in without_row(fresh)] == [
            replace(row, at=same_day) for row in without_row(kept)
        ]


# --- pgaudit's own test output ----------------------------------------------------------------------------


@pytest.mark.corpora
def test_every_line_of_pgaudits_own_output_is_parsed_and_refused_with_a_reason() -> None:
    path = CORPORA / "logs" / "pgaudit.out"
    if not path.exists():
        pytest.skip("no public corpora: LEAKTRACE_CORPORA names no folder")
    text = path.read_text(encoding="utf-8")
    starts = [number for number, line in enumerate(text.split("\n"), 1) if ":  AUDIT: " in line]
    rows = list(read_pgaudit(path))
    assert [row.source_row for row in rows] == starts
    assert len(starts) == 415
    assert {type(row) for row in rows} == {RejectedRow}
    assert {row.reason for row in rows if isinstance(row, RejectedRow)} == {
        "a client's copy of the message: it has no time and no role; ingest the server's log"
    }


@pytest.mark.corpora
def test_every_payload_of_pgaudits_own_output_is_parsed() -> None:
    path = CORPORA / "logs" / "pgaudit.out"
    if not path.exists():
        pytest.skip("no public corpora: LEAKTRACE_CORPORA names no folder")
    text = path.read_text(encoding="utf-8")
    records: list[AuditRecord] = []
    for piece in text.split(":  AUDIT: ")[1:]:
        payload, *rest = piece.split("\n")
        while payload.count('"') % 2:
            payload = f"{payload}\n{rest.pop(0)}"
        record = parse_audit_record(payload)
        assert isinstance(record, AuditRecord), (payload, record)
        records.append(record)
    assert Counter(record.audit_type for record in records) == {"SESSION": 373, "OBJECT": 42}
    assert Counter(record.audit_class for record in records)["READ"] == 81
    inserted = [record for record in records if record.parameters and record.parameters[0] == "1"]
    assert ("1", None) in {record.parameters for record in inserted}  # <long param suppressed>
    assert sum(record.previously_logged for record in records) == 11


# --- lines that are refused -------------------------------------------------------------------------------

SELECT = "SESSION,1,1,READ,SELECT,,,\"SELECT name, email FROM customers WHERE customer_id = 'C-1'\",<none>"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("amara@shop ", "says no time"),
        ("2026-03-01 08:00:00 amara@shop ", "has no zone"),
        ("2026-03-01 08:00:00 UTC [77] ", "names no role"),
        ("2026-03-01 08:00:00 CST [77] amara@shop ", "used for several zones"),
    ],
)
def test_a_log_that_does_not_say_who_or_when_is_refused_with_a_hint(tmp_path: Path, prefix: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message) as caught:
        list(read_pgaudit(write_log(tmp_path, SELECT, prefix=prefix)))
    assert "log_timezone" in caught.value.hint
    assert "amara" not in caught.value.message
    assert "row 1" in caught.value.message


def test_a_zone_that_is_told_is_used_also_in_the_hour_that_comes_twice(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text(
        f"2026-10-25 02:30:00 CEST [7] a@shop LOG:  AUDIT: {SELECT}\n"
        f"2026-10-25 02:30:00 CET [8] a@shop LOG:  AUDIT: {SELECT}\n"
        f"2026-10-25 02:30:00 EST [9] a@shop LOG:  AUDIT: {SELECT}\n"
    )
    first, second, third = read_pgaudit(path, PgauditOptions(log_timezone="Europe/Berlin"))
    assert isinstance(first, AccessRow)
    assert isinstance(second, AccessRow)
    assert (first.at.isoformat(), second.at.isoformat()) == ("2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00")
    assert third == RejectedRow(3, "the time's zone is not the one that log_timezone has at that time")


def test_broken_lines_are_refused_one_by_one(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        SELECT,
        'SESSION,2,1,READ,SELECT,,,"SELECT name,<none>',
        "SESSION,3,1,READ,SELECT,,,<none>",
        "SESSION,x,1,READ,SELECT,,,SELECT 1,<none>",
        "SESSION,4,1,PEEK,SELECT,,,SELECT 1,<none>",
        "OBJECT,5,1,READ,SELECT,TABLE,public.customers,<previously logged>,<previously logged>",
        SELECT.replace("SESSION,1,", "SESSION,6,"),
    )
    with path.open("ab") as stream:
        stream.write(b"2026-03-01 08:00:00.123 UTC [77] am\xe9ra@shop LOG:  AUDIT: SESSION\n")
        stream.write(b"not in the form of this log LOG:  AUDIT: SESSION,1,1\n")
    rows = list(read_pgaudit(path))
    assert [type(row) for row in rows] == [AccessRow, *[RejectedRow] * 5, AccessRow, RejectedRow, RejectedRow]
    assert [row.source_row for row in rows] == list(range(1, 10))
    reasons = [row.reason for row in rows if isinstance(row, RejectedRow)]
    assert len(set(reasons)) == 7
    assert not any("SELECT" in reason or "customers" in reason for reason in reasons)


@pytest.mark.parametrize("content", [b"customer,fields\nC-1,email\n", b"\x00\x01\x02", b"hello\n"])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "accesses.csv"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="no PostgreSQL log"):
        list(read_pgaudit(path))


def test_a_csvlog_cut_off_at_its_end_loses_the_last_record_only(tmp_path: Path) -> None:
    whole = (ASSETS / "postgresql.csv").read_bytes()
    cut = whole[: whole.rindex(b"C-0023") - 5]
    path = tmp_path / "cut.csv"
    path.write_bytes(cut)
    *rows, last = read_pgaudit(path)
    assert isinstance(last, RejectedRow)
    assert len(rows) == len(rows_of(ASSETS / "postgresql.csv")) - 1


def test_an_empty_log_and_one_without_audit_lines_give_nothing(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("")
    assert list(read_pgaudit(path)) == []
    path.write_text("2026-03-01 08:00:00.123 UTC [77] LOG:  database system is ready to accept connections\n")
    assert list(read_pgaudit(path)) == []


# --- attacks on the log -----------------------------------------------------------------------------------

FORGED = f"2026-03-01 08:00:00.123 UTC [99] bela@shop LOG:  AUDIT: {SELECT}"


def test_a_statement_with_a_forged_line_in_it_stays_the_statement_of_its_session(tmp_path: Path) -> None:
    message = f'SESSION,1,1,READ,SELECT,,,"SELECT 1 /*\n{FORGED.replace(chr(34), chr(34) * 2)}\n*/",<none>'
    path = write_log(tmp_path, message)
    naive = [line.strip() for line in path.read_text().splitlines() if "bela@shop LOG:  AUDIT: SESSION" in line.strip()]
    assert naive  # a reader that takes every line for itself sees another role's read
    assert list(read_pgaudit(path)) == []


def test_an_application_name_that_looks_like_a_prefix_makes_the_line_uncertain(tmp_path: Path) -> None:
    options = PgauditOptions(log_line_prefix="%m [%p] %a %u@%d ")
    path = write_log(tmp_path, SELECT, prefix="2026-03-01 08:00:00.123 UTC [77] psql amara@shop ")
    assert [row.principal for row in rows_of(path, options)] == ["amara"]
    forged = "x bela@shop LOG:  AUDIT: y"
    path = write_log(tmp_path, SELECT, prefix=f"2026-03-01 08:00:00.123 UTC [77] {forged} amara@shop ")
    assert list(read_pgaudit(path, options)) == [
        RejectedRow(1, "the text before AUDIT can be read in two ways, so the role is not certain")
    ]


# --- how lines become statements --------------------------------------------------------------------------


def test_lines_of_one_statement_are_one_read(tmp_path: Path) -> None:
    text = "SELECT name FROM customers WHERE customer_id = 'C-1'"
    path = write_log(
        tmp_path,
        f"OBJECT,1,1,READ,SELECT,TABLE,public.customers,{text},<none>",
        "SESSION,1,1,READ,SELECT,TABLE,public.customers,<previously logged>,<previously logged>",
        f"SESSION,2,1,READ,SELECT,TABLE,public.customers,{text},<none>",
    )
    assert [row.source_row for row in rows_of(path)] == [1, 3]


def test_a_text_with_several_statements_is_logged_whole_for_each(tmp_path: Path) -> None:
    text = "SELECT name FROM customers WHERE id = 1; UPDATE t SET a = 1; SELECT email FROM customers WHERE id = 2"
    path = write_log(
        tmp_path,
        f"SESSION,1,1,READ,SELECT,TABLE,public.customers,{text},<none>",
        f"SESSION,2,1,WRITE,UPDATE,TABLE,public.t,{text},<none>",
        f"SESSION,3,1,READ,SELECT,TABLE,public.customers,{text},<none>",
    )
    assert [(row.customer, row.fields) for row in rows_of(path)] == [("1", ("name",)), ("2", ("email",))]


def test_a_read_the_statement_text_does_not_show_is_a_bulk_read(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        "SESSION,1,1,READ,SELECT,TABLE,public.customers,SELECT * FROM card_of('C-1'),<none>,1",  # inlined function
        "SESSION,2,1,READ,SELECT,TABLE,public.customers,<not logged>,<not logged>,1",
        "SESSION,3,1,READ,SELECT,TABLE,public.products,<not logged>,<not logged>,1",
        "SESSION,4,1,READ,SELECT,,,SELECT " + "(" * 60 + "email" + ")" * 60 + " FROM customers,<none>,1",
        "SESSION,5,1,READ,SELECT,,,SELECT email FROM customers -- " + "x" * 1_000_000 + ",<none>,1",
        "SESSION,6,1,READ,SELECT,TABLE,public.customers,SELECT name FROM customers WHERE customer_id = 'x',<none>,0",
        "SESSION,7,1,WRITE,DELETE,TABLE,public.customers,DELETE FROM customers WHERE customer_id = 'x',<none>,1",
        "SESSION,8,1,DDL,DROP TABLE,TABLE,public.customers,DROP TABLE customers,<none>,0",
        "SESSION,9,1,READ,EXPLAIN,,,EXPLAIN SELECT email FROM customers,<none>",
    )
    rows = rows_of(path)
    assert [(row.source_row, row.customer, row.fields) for row in rows] == [
        (1, None, ()),
        (2, None, ()),
        (4, None, ()),
        (5, None, ()),
    ]


def test_star_shows_at_least_what_the_log_knows_of_the_table(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        "SESSION,1,1,READ,SELECT,,,SELECT * FROM customers WHERE customer_id = 'C-1',<none>",
        "SESSION,2,1,READ,SELECT,,,SELECT E_Mail FROM shop.customers c WHERE c.customer_id = 'C-2',<none>",
    )
    assert [row.fields for row in rows_of(path)] == [("email", "*"), ("email",)]


# --- options ----------------------------------------------------------------------------------------------


def test_options_tie_another_schema_to_customers(tmp_path: Path) -> None:
    path = write_log(
        tmp_path,
        "SESSION,1,1,READ,SELECT,,,SELECT rufnummer FROM kunden WHERE kd_nr = '7',<none>",
        "SESSION,2,1,READ,SELECT,,,SELECT kontakt FROM kunden,<none>",
    )
    assert list(read_pgaudit(path)) == []
    document = {"customer_table": "kunden", "key_column": "kd_nr", "field_names": "rufnummer=phone,kontakt=email"}
    rows = rows_of(path, options_from_document(document))
    assert [(row.customer, row.fields) for row in rows] == [("7", ("phone",)), (None, ("email",))]


@pytest.mark.parametrize(
    "document",
    [{"table": "x"}, {"log_timezone": "Mars/Base"}, {"field_names": "email"}, {"key_column": 7}, {"snapshot": ""}],
)
def test_options_that_cannot_be_are_refused(document: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        options_from_document(document)


def test_a_snapshot_with_a_row_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvlines, "RECORD_CEILING_CHARACTERS", 1_000)
    snapshot = tmp_path / "table.csv"
    snapshot.write_text("customer_id\nC-1\n" + "," * 5_000, encoding="utf-8")
    with pytest.raises(LedgerError, match=r"table\.csv: after line 2 of the snapshot stands a record of more than"):
        list(read_pgaudit(ASSETS / "postgresql.csv", PgauditOptions(snapshot=snapshot)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,email\na,b\n", "has none of the columns"),
        (b"customer_id,email\nC-1\n", "line 2"),
        (b"customer_id,customer_id\n1,2\n", "more than once"),
        (b"customer_id\n\xff\n", "cannot be read"),
    ],
)
def test_a_snapshot_that_is_no_table_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    snapshot = tmp_path / "table.csv"
    snapshot.write_bytes(content)
    with pytest.raises(LedgerError, match=message):
        list(read_pgaudit(ASSETS / "postgresql.csv", PgauditOptions(snapshot=snapshot)))
