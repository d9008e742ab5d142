"""Payloads, prefixes and times: what the server writes is read back, whatever is quoted in it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.errors import UsageError
from leaktrace.ledger.formats import AccessRow
from leaktrace.ledger.pgaudit import AuditRecord, PgauditOptions, Refused, parse_audit_record, read_pgaudit
from leaktrace.ledger.pgaudit.prefix import PrefixedLine, compile_prefix, recognise, usual_prefixes
from leaktrace.ledger.pgaudit.record import split_array, split_csv
from leaktrace.ledger.pgaudit.times import parse_log_time

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=40)


def as_pgaudit_quotes(field: str) -> str:
    """pgaudit's append_valid_csv: quotes only what needs them."""
    return '"' + field.replace('"', '""') + '"' if any(c in field for c in ',"\n\r') else field


@given(st.lists(TEXTS, min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_fields_come_back_as_pgaudit_and_csv_write_them(fields: list[str]) -> None:
    assert split_csv(",".join(map(as_pgaudit_quotes, fields))) == tuple(fields)
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    assert split_csv(stream.getvalue()) == tuple(fields)


@given(TEXTS.filter(lambda text: not text.startswith("<")), st.lists(TEXTS.filter(bool), min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_statement_and_its_parameters_come_back_through_two_layers_of_quotes(text: str, values: list[str]) -> None:
    parameters = ",".join(map(as_pgaudit_quotes, values))
    payload = f"SESSION,7,2,READ,SELECT,,,{as_pgaudit_quotes(text)},{as_pgaudit_quotes(parameters)},3"
    record = parse_audit_record(payload)
    assert isinstance(record, AuditRecord)
    if text not in ("<not logged>", "<previously logged>"):
        assert record.statement == text
    if parameters not in ("<none>", "<not logged>", "<previously logged>"):
        assert record.parameters == tuple(None if value == "<long param suppressed>" else value for value in values)
    assert (record.statement_id, record.substatement_id, record.row_count) == (7, 2, 3)


@given(st.text(alphabet='SEION,"123READ<>\n ', max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_payload_is_parsed_or_refused(text: str) -> None:
    assert isinstance(parse_audit_record(text), AuditRecord | Refused)


@pytest.mark.parametrize(
    ("literal", "elements"),
    [
        ("{}", ()),
        ("{a,b}", ("a", "b")),
        ('{"a,b", "c\\"d" , e f }', ("a,b", 'c"d', "e f")),
        ("{1,NULL,2}", ("1", "2")),
        ('{"NULL"}', ("NULL",)),
        ("{{a},{b}}", None),
        ("{a,}", None),
        ("a,b", None),
        ('{"a}', None),
    ],
)
def test_array_literals(literal: str, elements: tuple[str, ...] | None) -> None:
    assert split_array(literal) == elements


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_quoted_array_elements_come_back(elements: list[str]) -> None:
    inner = ",".join('"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"' for element in elements)
    assert split_array("{" + inner + "}") == tuple(elements)


# --- prefixes ---------------------------------------------------------------------------------------------

VALUES = {
    "%m": "2026-03-01 08:00:00.123 UTC",
    "%t": "2026-03-01 08:00:00 UTC",
    "%n": "1772352000.123",
    "%s": "2026-03-01 07:00:00 UTC",
    "%u": "amara",
    "%d": "shop",
    "%a": "psql",
    "%h": "198.51.100.7",
    "%r": "198.51.100.7(50112)",
    "%p": "77",
    "%l": "4",
    "%c": "65e18c00.4d",
    "%e": "00000",
    "%v": "3/17",
    "%x": "0",
    "%q": "",
}


def written_with(prefix: str) -> str:
    for escape, value in VALUES.items():
        prefix = prefix.replace(escape, value)
    return f"{prefix}LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,SELECT 1,<none>"


def test_every_usual_prefix_is_recognised_by_itself() -> None:
    for prefix in ["%m [%p] %q%u@%d ", *usual_prefixes()[::3]]:
        line = written_with(prefix)
        found = recognise(line)
        assert not isinstance(found, Refused), (prefix, found)
        read = found.read(line)
        assert isinstance(read, PrefixedLine), prefix
        assert read.user == "amara", (prefix, found.text)
        assert read.time == VALUES["%" + next(c for c in "mtn" if f"%{c}" in prefix)], prefix
        assert read.payload.startswith("SESSION")


@pytest.mark.parametrize("user", ["amara", "svc_orders", "amara.k", "amara-k", "analyst:eu", "ámára", "a=b"])
def test_role_names_of_many_kinds(user: str) -> None:
    prefix = compile_prefix("%m [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ")
    read = prefix.read(written_with(prefix.text.replace("%u", user)))
    assert isinstance(read, PrefixedLine)
    assert (read.user, read.tool, read.session) == (user, "psql", "77")


@pytest.mark.parametrize(("prefix", "lacks"), [("%m [%p] ", "role"), ("%u@%d ", "time"), ("%m %u %Z", "escape")])
def test_a_given_prefix_without_role_or_time_is_refused(prefix: str, lacks: str) -> None:
    with pytest.raises(UsageError, match=lacks):
        compile_prefix(prefix)


def test_a_given_prefix_reads_what_is_not_usual(tmp_path: Path) -> None:
    prefix = "<%-8u|%m|100%%> "
    path = tmp_path / "server.log"
    line = "<amara   |2026-03-01 08:00:00.123 UTC|100%> LOG:  AUDIT: SESSION,1,1,READ,SELECT,,,{},<none>\n"
    path.write_text(line.format("SELECT email FROM customers WHERE customer_id = 'C-1'"))
    (row,) = read_pgaudit(path, PgauditOptions(log_line_prefix=prefix))
    assert isinstance(row, AccessRow)
    assert (row.principal, row.customer, row.tool) == ("amara", "C-1", "postgresql")


# --- times ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01 08:00:00.123 UTC", datetime(2026, 3, 1, 8, 0, 0, 123000, UTC)),
        ("2026-03-01 08:00:00 GMT", datetime(2026, 3, 1, 8, 0, 0, 0, UTC)),
        ("2026-03-01 08:00:00 +0330", datetime(2026, 3, 1, 4, 30, 0, 0, UTC)),
        ("2026-03-01 08:00:00 -03", datetime(2026, 3, 1, 11, 0, 0, 0, UTC)),
        ("1772352000.123", datetime(2026, 3, 1, 8, 0, 0, 123000, UTC)),
    ],
)
def test_times_with_a_zone_are_instants(text: str, instant: datetime) -> None:
    assert parse_log_time(text, None) == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 08:00:00",
        "2026-03-01 08:00:00 IST",
        "2026-02-30 08:00:00 UTC",
        "yesterday",
        "",
        "2026-03-01 08:00:00 +99",
        "0001-01-01 00:00:00 +14",
        "9999-12-31 23:59:59 -14",
    ],
)
def test_times_without_a_certain_zone_are_refused(text: str) -> None:
    assert isinstance(parse_log_time(text, None), Refused)


def test_a_role_that_is_an_address_is_not_cut_at_its_at_sign() -> None:
    line = written_with("%m [%p] %u %d ".replace("%u", "amara@example.org"))
    assert recognise(line) == Refused("the text before AUDIT fits several usual prefixes, which name different roles")
    read = compile_prefix("%m [%p] %u %d ").read(line)
    assert isinstance(read, PrefixedLine)
    assert read.user == "amara@example.org"
    line = written_with("%m [%p] %u@%d ".replace("%u", "amara@example.org"))
    found = recognise(line)
    assert not isinstance(found, Refused)
    read = found.read(line)
    assert isinstance(read, PrefixedLine)
    assert read.user == "amara@example.org"
