"""A log made to take long: time grows with its size and no faster, and what goes beyond a ceiling has a reason."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.ledger.formats import RejectedRow
from leaktrace.ledger.pgaudit import columns as seen_columns
from leaktrace.ledger.pgaudit.ceilings import (
    COLUMNS_CEILING_COUNT,
    FIELDS_CEILING_COUNT,
    PATTERN_CEILING_CHARACTERS,
)
from leaktrace.ledger.pgaudit.columns import ColumnsSeen
from leaktrace.ledger.pgaudit.equalities import equal_columns
from leaktrace.ledger.pgaudit.grouping import HELD_CEILING_CHARACTERS, WAIT_CEILING_COUNT, Group, grouped
from leaktrace.ledger.pgaudit.like import compile_like
from leaktrace.ledger.pgaudit.lines import AuditLine
from leaktrace.ledger.pgaudit.options import PgauditOptions
from leaktrace.ledger.pgaudit.prefix import PrefixedLine, compile_prefix
from leaktrace.ledger.pgaudit.reads import Catalog, Shown, shown_by
from leaktrace.ledger.pgaudit.record import PARAMETERS_CEILING_COUNT, Refused, parse_audit_record
from leaktrace.ledger.pgaudit.scopes import (
    ColumnRef,
    Comparison,
    Condition,
    Junction,
    Opaque,
    ReadScope,
    Relation,
    Statement,
    StatementText,
)
from leaktrace.ledger.pgaudit.snapshot import Snapshot
from leaktrace.ledger.pgaudit.statement import (
    REMEMBERED_CEILING_CHARACTERS,
    SET_OPERATION_CEILING_COUNT,
    STATEMENT_CEILING_CHARACTERS,
    patterns_read,
    read_statements,
    texts_read,
)
from tests.growth import assert_grows_with_size


def assert_work_grows_with_size(work: Callable[[int], object], size: int) -> None:
    assert_grows_with_size(lambda count: count, work, size)


# --- the snapshot -----------------------------------------------------------------------------------------


def test_a_like_pattern_of_many_wildcards_does_not_try_every_way() -> None:
    # Attack: as a regular expression this takes some 60 ** 6 / 720 steps for one cell.
    pattern = compile_like("%a%a%a%a%a%a%z", ignores_case=False)
    started = time.process_time()
    assert not pattern.matches("a" * 60)
    assert not pattern.matches("a" * 100_000)
    assert pattern.matches("a" * 60 + "z")
    assert time.process_time() - started < 1
    assert_work_grows_with_size(
        lambda count: compile_like("%a_" * count + "z", ignores_case=True).matches("a" * 3 * count), 4_000
    )


@given(st.text(r"aB%_\\\n", max_size=8), st.text("abAB%_\\\n", max_size=8), st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_like_pattern_matches_what_it_says(pattern: str, cell: str, ignores_case: bool) -> None:
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    written = {"%": ".*", "_": "."}
    expression = "".join(written.get(piece) or re.escape(piece[-1]) for piece in pieces)
    flags = re.DOTALL | (re.IGNORECASE if ignores_case else 0)
    assert compile_like(pattern, ignores_case=ignores_case).matches(cell) == bool(re.fullmatch(expression, cell, flags))


def test_case_is_ignored_character_by_character() -> None:
    assert compile_like("_\u0130_\u00dc%", ignores_case=True).matches("\u0130ix\u00fcy")
    assert not compile_like("\u00dc", ignores_case=False).matches("\u00fc")


def test_a_long_list_of_keys_is_looked_up_once_for_the_whole_snapshot() -> None:
    def work(count: int) -> None:
        table = Snapshot(("customer_id",), "customer_id", tuple((f"C-{row}",) for row in range(count)))
        keys: tuple[Condition, ...] = (
            Comparison(ColumnRef(None, "customer_id"), "equals", tuple(f"D-{key}" for key in range(count))),
        )
        assert table.customers(keys, {}) == ()

    assert_work_grows_with_size(work, 1_000)


def customers_table(count: int) -> Catalog:
    """With a snapshot of so many customers."""
    columns = ("customer_id", "email", "name", "phone")
    rows = tuple((f"C-{row}", f"{row}@example.org", f"N {row}", str(row)) for row in range(count))
    return Catalog(PgauditOptions(), {"customers": frozenset(columns)}, Snapshot(columns, "customer_id", rows))


def shown_of(text: str, catalog: Catalog, parameters: Mapping[int, str | None] | None = None) -> tuple[Shown, ...]:
    read = read_text(text)
    assert isinstance(read, StatementText)
    return shown_by(read.statements[0], {**(parameters or {}), **read.constants}, None, catalog)


def test_what_a_statement_shows_twice_of_the_same_customers_is_shown_once() -> None:
    shown = shown_of(" union ".join(["select email from customers"] * 900), customers_table(1_000))
    assert [len(each.customers or ()) for each in shown] == [1_000]
    shown = shown_of(
        " union ".join(["select email from customers where customer_id = 'C-1'"] * 900), customers_table(1)
    )
    assert [each.customers for each in shown] == [("C-1",)]


DIFFERENT_READS = [" ".join(["select email from customers where name <>", f"'{n}'"]) for n in range(900)]
LIKES = " or ".join(f"name like '%{n}%'" for n in range(900))


@pytest.mark.parametrize(
    "text",
    [" union ".join(DIFFERENT_READS), " ".join(["select email from customers where", LIKES])],
    ids=["queries", "conditions"],
)
def test_what_asks_too_much_of_a_snapshot_stays_a_bulk_read(text: str) -> None:
    catalog = customers_table(20_000)
    started = time.process_time()
    assert shown_of(text, catalog) == (Shown(None, ("email",), "search"),)
    assert time.process_time() - started < 10


def test_a_long_pattern_is_not_tried() -> None:
    pattern = "%a" * (PATTERN_CEILING_CHARACTERS // 2) + "%"
    shown = shown_of("select email from customers where name like $1", customers_table(1), {1: pattern})
    assert [each.customers for each in shown] == [None]
    shown = shown_of("select email from customers where name like $1", customers_table(1), {1: "N%"})
    assert [each.customers for each in shown] == [("C-0",)]


def test_one_long_list_of_keys_is_not_gone_through_hundreds_of_times() -> None:
    keys = "{" + ",".join(f"C-{number}" for number in range(500_000)) + "}"
    once = "select email from customers where customer_id = any($1)"
    assert [len(each.customers or ()) for each in shown_of(once, customers_table(1), {1: keys})] == [500_000]
    started = time.process_time()
    many = " union ".join([once] * 900)
    assert [each.customers for each in shown_of(many, customers_table(1), {1: keys})] == [None]
    assert time.process_time() - started < 10


def test_tables_joined_by_one_key_are_held_to_one_list() -> None:
    def work(count: int) -> None:
        keys = "{" + ",".join(f"C-{number}" for number in range(count)) + "}"
        joins = " ".join(f"join customers c{n} using (customer_id)" for n in range(min(count // 50, 200)))
        text = " ".join(["select * from customers", joins, "where customers.customer_id = any($1)"])
        shown_of(text, customers_table(1), {1: keys})

    assert_work_grows_with_size(work, 2_000)


def test_a_statement_shows_no_more_fields_than_postgresql_gives() -> None:
    columns = ",".join(f"x{number}" for number in range(5_000))
    text = " ".join(["select", columns, "from customers where customer_id = 'C-1'"])
    (shown,) = shown_of(text, customers_table(1))
    assert len(shown.fields) == FIELDS_CEILING_COUNT + 1
    assert shown.fields[-1] == "*"


def test_more_parameters_than_postgresql_takes_are_refused() -> None:
    many = ",".join("a" * (PARAMETERS_CEILING_COUNT + 1))
    record = parse_audit_record(f'SESSION,1,1,READ,SELECT,,,select 1,"{many}"')
    assert record == Refused("the AUDIT entry has 65536 parameters; PostgreSQL takes 65535")


def test_columns_seen_have_ceilings_and_no_table_of_customers_is_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = ColumnsSeen(PgauditOptions())
    for number in range(2 * COLUMNS_CEILING_COUNT):
        seen.add("wide", f"x{number}")
    seen.add("wide", "customer_id")
    assert (len(seen.by_table()["wide"]), seen.whole) == (COLUMNS_CEILING_COUNT + 1, True)
    monkeypatch.setattr(seen_columns, "SEEN_CEILING_CHARACTERS", 1_000_000)
    for number in range(100_000):
        seen.add(f"temporary{number}", "x")
    seen.add("orders", "customer_id")
    seen.add("wide", "user_id")
    by_table = seen.by_table()
    assert (len(by_table) < 10_000, seen.whole) == (True, False)
    catalog = Catalog(PgauditOptions(), by_table, customers_table(1).snapshot, whole=seen.whole)
    assert catalog.holds_customers("orders")
    assert catalog.holds_customers("wide")
    assert not catalog.holds_customers("temporary0")
    assert [each.customers for each in shown_of("select email from customers", catalog)] == [None]


# --- statements -------------------------------------------------------------------------------------------


def read_text(text: str) -> StatementText | Refused:
    """The statement's text, read anew."""
    texts_read.forget()
    patterns_read.forget()
    return read_statements(text)


def test_a_chain_of_unions_has_a_ceiling() -> None:
    within = read_text(" union ".join(["select a from t"] * SET_OPERATION_CEILING_COUNT))
    assert isinstance(within, StatementText)
    assert len(within.statements[0].scopes) == SET_OPERATION_CEILING_COUNT
    beyond = read_text(" union ".join(["select a"] * (SET_OPERATION_CEILING_COUNT + 2)))
    assert beyond == Refused("the statement joins more than 1000 queries with UNION and the like")


def test_queries_deep_in_a_statement_are_not_each_walked_up_from() -> None:
    # Attack: the operands of a long chain of AND nest as deep as the chain is long.
    def work(count: int) -> None:
        conditions = "or".join(["(select 1)"] * count)
        assert isinstance(read_text(" ".join(["select a from t where", conditions])), StatementText)

    assert_work_grows_with_size(work, 800)


@pytest.mark.parametrize(
    "text",
    [
        "prepare a as " * 1200 + "select 1",
        "declare a cursor for " * 1200 + "select 1",
        "prepare a as declare b cursor for select 1",
    ],
)
def test_a_prepare_inside_a_prepare_is_refused(text: str) -> None:
    assert read_text(text) == Refused("a PREPARE or DECLARE stands inside another")


@pytest.mark.parametrize("parameter", ["$" + "1" * 5000, "$12345678", "$\u0661"])
def test_a_parameter_number_that_postgresql_has_not_names_no_value(parameter: str) -> None:
    read = read_text(" ".join(["select a from t where b =", parameter]))
    assert not isinstance(read, StatementText) or read.statements[0].scopes[0].conditions == (Opaque(),)


def test_sqlglot_says_nothing_of_a_statement_itself(caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(read_text("with a as (select 1) show 'secret'"), Refused)
    assert caplog.records == []


def test_texts_are_remembered_up_to_so_many_characters() -> None:
    for number in range(REMEMBERED_CEILING_CHARACTERS // STATEMENT_CEILING_CHARACTERS + 2):
        read_statements(f"nothing {number} ".ljust(STATEMENT_CEILING_CHARACTERS, "x"))
    assert texts_read.held_characters <= REMEMBERED_CEILING_CHARACTERS
    assert patterns_read.held_characters <= REMEMBERED_CEILING_CHARACTERS


def test_stars_beside_each_other_show_each_table_once() -> None:
    def work(count: int) -> None:
        tables = ",".join(f"t{number}" for number in range(count))
        read = read_text(" ".join(["select", ",".join("*" * count), "from", tables]))
        assert isinstance(read, StatementText)
        assert len(read.statements[0].scopes[0].outputs) == count

    assert_work_grows_with_size(work, 1_000)


# --- statements to customers ------------------------------------------------------------------------------


def equals(alias: str | None, column: str) -> Comparison:
    return Comparison(ColumnRef(alias, column), "equals", ("C-1",))


def scope_of(
    relations: Iterable[Relation],
    conditions: Iterable[Condition] = (),
    equalities: Iterable[tuple[ColumnRef, ColumnRef]] = (),
    outputs: Iterable[ColumnRef] = (ColumnRef(None, "email"),),
) -> ReadScope:
    return ReadScope("view", tuple(relations), tuple(outputs), tuple(conditions), tuple(equalities), whole=False)


def bare_columns_of_many_tables(count: int) -> ReadScope:
    return scope_of(
        (Relation(f"customers{n}", f"c{n}") for n in range(count)), (equals(None, f"x{n}") for n in range(count))
    )


def a_chain_of_equal_columns(count: int) -> ReadScope:
    chain = ((ColumnRef("c", f"x{n}"), ColumnRef("c", f"x{n + 1}")) for n in range(count))
    return scope_of([Relation("customers", "c")], [], chain)


def a_column_of_each_of_many_tables(count: int) -> ReadScope:
    return scope_of(
        (Relation(f"customers{n}", f"c{n}") for n in range(count)),
        (equals(f"c{n}", "customer_id") for n in range(count)),
    )


def tables_that_share_a_name(count: int) -> ReadScope:
    return scope_of((Relation(f"s{n}.orders", "c") for n in range(count)), (equals("c", f"x{n}") for n in range(count)))


def one_of_many_columns(count: int) -> ReadScope:
    parts = tuple(equals("c", f"x{n}") for n in range(count))
    return scope_of([Relation("customers", "c")], [Junction("or", parts)])


def stars_of_one_wide_table(count: int) -> ReadScope:
    aliases = [f"c{n}" for n in range(count)]
    return scope_of(
        (Relation("customers", alias) for alias in aliases), outputs=[ColumnRef(alias, "*") for alias in aliases]
    )


@pytest.mark.parametrize(
    "shape",
    [
        bare_columns_of_many_tables,
        a_chain_of_equal_columns,
        a_column_of_each_of_many_tables,
        tables_that_share_a_name,
        one_of_many_columns,
        stars_of_one_wide_table,
    ],
)
def test_customers_are_found_without_going_through_each_pair(shape: Callable[[int], ReadScope]) -> None:
    def work(count: int) -> None:
        catalog = Catalog(PgauditOptions(), {"customers": frozenset(f"x{n}" for n in range(count))})
        shown_by(Statement((shape(count),), frozenset()), {}, None, catalog)

    assert_work_grows_with_size(work, 1_000)


def test_equal_columns_are_one_group_whichever_way_they_are_tied() -> None:
    ties = [("d", "a"), ("b", "a"), ("c", "d"), ("f", "e")]
    pairs = [(ColumnRef("t", left), ColumnRef("t", right)) for left, right in ties]
    columns = equal_columns(scope_of([Relation("t", "t")], [], pairs), {})
    assert {columns.leader(ColumnRef("t", name)).column for name in "abcd"} == {"a"}
    assert {ref.column for ref in columns.equal_to(ColumnRef("t", "a"))} == set("abcd")
    assert {ref.column for ref in columns.equal_to(ColumnRef("t", "e"))} == set("ef")


# --- lines to statements ----------------------------------------------------------------------------------

MORNING = datetime(2026, 3, 1, 8, tzinfo=UTC)


def line_of(payload: str, session: str = "1", at: datetime = MORNING) -> AuditLine:
    return AuditLine(1, at, "amara", session, None, payload)


def test_statements_inside_one_statement_are_not_gone_through_for_each_line() -> None:
    # Attack: a function that runs n statements of its own.
    def work(count: int) -> None:
        lines = (line_of(f"SESSION,1,{number},MISC,SHOW,,,show a,<none>") for number in range(count))
        assert list(grouped(lines)) == []

    assert_work_grows_with_size(work, 2_000)


def test_tables_of_one_statement_are_not_gone_through_for_each_line() -> None:
    def work(count: int) -> None:
        lines = (line_of(f"SESSION,1,1,READ,SELECT,TABLE,t{number},select 1,<none>") for number in range(count))
        (group,) = grouped(lines)
        assert isinstance(group, Group)
        assert len(group.records) == count

    assert_work_grows_with_size(work, 1_000)


def test_of_a_text_beyond_the_ceiling_only_the_digest_is_held() -> None:
    text = "select " + "x" * STATEMENT_CEILING_CHARACTERS

    def lines() -> Iterator[AuditLine]:
        for session in range(300):
            yield line_of(f"SESSION,1,1,READ,SELECT,,,{text},<none>", str(session))
            yield line_of("SESSION,1,1,READ,SELECT,,,<previously logged>,<previously logged>", str(session))

    tracemalloc.start()
    groups = list(grouped(lines()))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3_000_000
    assert len(groups) == 300
    assert {len(group.records) for group in groups if isinstance(group, Group)} == {2}
    assert {group.said.text for group in groups if isinstance(group, Group)} == {None}


def test_texts_and_values_held_have_a_ceiling_and_what_is_pushed_out_is_not_lost() -> None:
    value = "v" * 1_000_000
    sessions = 2 * HELD_CEILING_CHARACTERS // len(value)

    def lines() -> Iterator[AuditLine]:
        for session in range(sessions):
            yield line_of(f"SESSION,1,1,READ,SELECT,TABLE,t,select 1,{value}", str(session))
        yield line_of(f"SESSION,1,1,READ,SELECT,TABLE,u,select 1,{value}", "0")

    held = HELD_CEILING_CHARACTERS + 4 * len(value)
    tracemalloc.start()
    tables = [record.object_name for group in grouped(lines()) if isinstance(group, Group) for record in group.records]
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < held
    assert tables == ["t"] * sessions + ["u"]


def test_what_a_forgotten_session_refers_to_is_rejected() -> None:
    value = "v" * (HELD_CEILING_CHARACTERS + 1)
    again = "SESSION,1,1,READ,SELECT,TABLE,u,<previously logged>,<previously logged>"
    lines = [
        line_of(f"SESSION,1,1,READ,SELECT,TABLE,t,select 1,{value}", "1"),
        line_of("SESSION,1,1,READ,SELECT,TABLE,t,select 2,<none>", "2"),
        line_of(again, "1"),
    ]
    *groups, rejected = grouped(lines)
    assert len(groups) == 2
    assert isinstance(rejected, RejectedRow)
    assert "in a line that is not in this file" in rejected.reason
    # The session of the line itself is never the one that is forgotten.
    (group,) = grouped([lines[0], line_of(again, "1")])
    assert isinstance(group, Group)


def test_what_sessions_remember_tears_no_statement_apart() -> None:
    """A connection for each request, and texts as a mapper of objects writes them: no attack at all."""
    text = "select " + "c, " * 30_000
    sessions = int(1.2 * HELD_CEILING_CHARACTERS) // len(text)
    lines = (
        line_of(f'SESSION,1,1,READ,SELECT,TABLE,{table},"{text}",<none>', str(session))
        for session in range(sessions)
        for table in ("customers", "orders")
    )
    groups = list(grouped(lines))
    assert [len(group.records) for group in groups if isinstance(group, Group)] == [2] * sessions


def test_the_rest_of_a_statement_that_was_given_out_is_no_read_of_its_own() -> None:
    first, rest = (f"SESSION,1,1,READ,SELECT,TABLE,{table},select 1,<none>" for table in ("t", "u"))
    others = [line_of(first, str(session)) for session in range(1, WAIT_CEILING_COUNT + 2)]
    groups = [
        group for group in grouped([line_of(first, "0"), *others, line_of(rest, "0")]) if isinstance(group, Group)
    ]
    assert len(groups) == WAIT_CEILING_COUNT + 2


def test_a_statement_repeated_later_is_a_read_of_its_own() -> None:
    payload = "SESSION,1,1,READ,SELECT,TABLE,t,select 1,<none>"
    lines = [line_of(payload), line_of(payload), line_of(payload, at=MORNING + timedelta(seconds=2))]
    assert [len(group.records) for group in grouped(lines) if isinstance(group, Group)] == [2, 1]


# --- prefixes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "filling"),
    [
        ("%m %-10u %-10d %-10a %-10i ", " "),
        ("%m %10u%10d%10L ", " "),
        ("%m %u/%d/%L/%a ", "/"),
        ("%m %u %l%p%x%Q ", "1"),
        ("%m %u %h%r%h ", "a"),
        ("%m %u %i%b%i ", "a "),
    ],
)
def test_a_line_that_a_prefix_almost_fits_is_decided_in_bounded_steps(prefix: str, filling: str) -> None:
    # Attack: where a repeat has no end, four of them beside each other share a long row of blanks out in every way.
    compiled = compile_prefix(prefix)
    line = "2026-03-01 08:00:00.123 UTC " + ("u " if "%u %" in prefix else "") + filling * 20_000
    started = time.process_time()
    assert compiled.read(line) is None
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("prefix", "head"),
    [
        ("%m %-8u|%8d|%L ", "2026-03-01 08:00:00.123 UTC amara   |    shop|10.0.0.1 "),
        ("%m %-8u|%8d|%L ", "2026-03-01 08:00:00.123 UTC amara-van-dijk|shop-of-all|[none] "),
        ("%m %u@%d %i (%b) ", "2026-03-01 08:00:00.123 UTC amara@shop DECLARE CURSOR (client backend) "),
        ("%m %u@%d %i (%b) ", "2026-03-01 08:00:00.123 UTC amara@shop  () "),
    ],
)
def test_padded_names_and_names_of_several_words_are_read(prefix: str, head: str) -> None:
    read = compile_prefix(prefix).read(f"{head}LOG:  AUDIT: SESSION")
    assert isinstance(read, PrefixedLine)
    assert read.user.startswith("amara")
