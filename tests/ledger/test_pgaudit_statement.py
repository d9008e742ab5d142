"""SQL text to customers and fields: what is tied, what is a bulk read, what breaks a parser and does not break us."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.ledger.pgaudit.options import PgauditOptions
from leaktrace.ledger.pgaudit.reads import Catalog, Shown, shown_by
from leaktrace.ledger.pgaudit.record import Refused
from leaktrace.ledger.pgaudit.scopes import StatementText
from leaktrace.ledger.pgaudit.snapshot import Snapshot
from leaktrace.ledger.pgaudit.statement import STATEMENT_CEILING_CHARACTERS, read_statements

COLUMNS = {
    "customers": frozenset({"customer_id", "name", "email", "region"}),
    "orders": frozenset({"order_id", "customer_id", "product"}),
    "products": frozenset({"product", "price"}),
}
CATALOG = Catalog(PgauditOptions(), COLUMNS)
TABLE = Snapshot(
    ("customer_id", "name", "email", "region"),
    "customer_id",
    (
        ("C-1", "Amina", "amina@example.org", "North"),
        ("C-2", "Bruno", "bruno@example.org", "South"),
        ("C-3", "Chiara", "chiara@example.org", "North"),
        ("C-4", "Daniel", "daniel@example.org", ""),
    ),
)
WITH_TABLE = Catalog(PgauditOptions(), COLUMNS, TABLE)


def shown(
    text: str, *values: str | None, rows: int | None = None, catalog: Catalog = CATALOG
) -> list[tuple[tuple[str, ...] | None, set[str]]]:
    read = read_statements(text)
    assert isinstance(read, StatementText), (text, read)
    parameters = {**dict(enumerate(values, 1)), **read.constants}
    found: list[Shown] = []
    for statement in read.statements:
        found += shown_by(statement, parameters, rows, catalog)
    return [(each.customers, set(each.fields)) for each in found]


TIED = [
    ("SELECT email FROM customers WHERE customer_id = 'C-1'", ("C-1",)),
    ("SELECT email FROM customers WHERE 'C-1' = customer_id", ("C-1",)),
    ("select EMAIL from PUBLIC.Customers where ((CUSTOMER_ID = ('C-1')))", ("C-1",)),
    ('SELECT "email" FROM "customers" WHERE "customer_id" = $$C-1$$', None),
    ("SELECT email FROM customers WHERE customer_id IN ('C-1', 'C-2')", ("C-1", "C-2")),
    ("SELECT email FROM customers WHERE customer_id = 'C-1' OR customer_id = 'C-2'", ("C-1", "C-2")),
    ("SELECT email FROM customers WHERE customer_id = ANY (ARRAY['C-1', 'C-2'])", ("C-1", "C-2")),
    ("SELECT email FROM customers WHERE customer_id = ANY ('{C-1,\"C-2\"}'::text[])", ("C-1", "C-2")),
    ("SELECT email FROM customers WHERE customer_id = 'C-1'::text AND region = 'North'", ("C-1",)),
    ("SELECT email FROM customers WHERE customer_id IN ('C-1', 'C-2') AND customer_id = 'C-2'", ("C-2",)),
    ("SELECT email FROM customers WHERE id::text = '7'", ("7",)),
    ("SELECT email FROM customer_addresses WHERE customer_id = 'C-1' AND id = '9'", ("C-1",)),
    ("SELECT email FROM customer_addresses WHERE id = '9' AND customer_id IN ('C-1', 'C-2')", ("C-1", "C-2")),
    ("SELECT email FROM user_accounts WHERE user_id = '5' AND account_id = '9'", ("5",)),
    ("SELECT email FROM user_accounts WHERE account_id = '9' AND user_id = '5'", ("9",)),
    ("SELECT email FROM customers WHERE id = 7 LIMIT 1", ("7",)),
    ("SELECT c.email FROM customers AS c WHERE c.customer_id = 'C-1'", ("C-1",)),
    ("SELECT email FROM customers WHERE (region = 'N' AND customer_id = 'C-1') OR customer_id = 'C-2'", ("C-1", "C-2")),
    ("SELECT c.email FROM orders o JOIN customers c USING (customer_id) WHERE o.customer_id = 'C-1'", ("C-1",)),
    ("SELECT c.email FROM orders o JOIN customers c USING (customer_id) WHERE customer_id = 'C-1'", ("C-1",)),
    (
        "SELECT c.email FROM orders o, customers c WHERE o.customer_id = c.customer_id AND o.customer_id = 'C-1'",
        ("C-1",),
    ),
    (
        "SELECT c.email FROM orders o LEFT JOIN customers c ON c.customer_id = o.customer_id "
        "WHERE o.customer_id = 'C-1'",
        ("C-1",),
    ),
    ("SELECT c.email FROM customers c JOIN products p ON true WHERE c.customer_id = 'C-1'", ("C-1",)),
    ("SELECT email FROM customers WHERE customer_id = 'C-1' AND EXISTS (SELECT 1 FROM orders o)", ("C-1",)),
    ("SELECT x.email FROM (SELECT email FROM customers WHERE customer_id = 'C-1') x", ("C-1",)),
    ("WITH x AS (SELECT email FROM customers WHERE customer_id = 'C-1') SELECT * FROM x", ("C-1",)),
    ("COPY (SELECT email FROM customers WHERE customer_id = 'C-1') TO STDOUT", ("C-1",)),
    ("PREPARE p (text) AS SELECT email FROM customers WHERE customer_id = ';C-1'", (";C-1",)),
    ("DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT email FROM customers WHERE customer_id = 'C-1'", ("C-1",)),
    ("UPDATE customers SET name = 'x' WHERE customer_id = 'C-1' RETURNING email", ("C-1",)),
    ("DELETE FROM customers WHERE customer_id = 'C-1' RETURNING email", ("C-1",)),
    ("SELECT substr(email, 1, 3) FROM customers WHERE customer_id = 'C-1'", ("C-1",)),
    ("SELECT email AS harmless FROM customers WHERE customer_id = 'C-1'", ("C-1",)),
    ("/* customer_id = 'C-9' */ SELECT email -- ' \n FROM customers WHERE customer_id = 'C-1'", ("C-1",)),
]


@pytest.mark.parametrize(("text", "customers"), TIED)
def test_a_key_in_the_statement_ties_the_read(text: str, customers: tuple[str, ...] | None) -> None:
    assert shown(text) == [(customers, {"email"})]


BULK = [
    "SELECT email FROM customers",
    "SELECT email FROM customers WHERE customer_id = 'C-1' OR true",
    "SELECT email FROM customers WHERE customer_id <> 'C-1'",
    "SELECT email FROM customers WHERE NOT customer_id = 'C-1'",
    "SELECT email FROM customers WHERE NOT (customer_id IN ('C-1'))",
    "SELECT email FROM customers WHERE (customer_id = 'C-1') IS NOT NULL",
    "SELECT email FROM customers WHERE customer_id = 'C-1' OR name = 'x'",
    "SELECT email FROM customers WHERE customer_id LIKE 'C-1%'",
    "SELECT email FROM customers WHERE customer_id >= 'C-1'",
    "SELECT email FROM customers WHERE lower(customer_id) = 'c-1'",
    "SELECT email FROM customers WHERE customer_id = E'C-\\x31'",
    "SELECT email FROM customers WHERE customer_id = 'C-'\n'1'",
    "SELECT email FROM customers WHERE customer_id = 'C-1'::varchar(2)",
    "SELECT email FROM customers WHERE customer_id = customer_id",
    "SELECT email FROM customers WHERE customer_id = wanted",
    "SELECT email FROM customers WHERE customer_id IN (SELECT customer_id FROM orders WHERE customer_id = 'C-1')",
    "SELECT email FROM customers WHERE name = '\\' OR customer_id = 'C-1' --'",
    "SELECT email FROM customers WHERE true /* /* */ AND customer_id = 'C-1' */",
    "SELECT email FROM customers WHERE name = $x$ $x$ OR name <> $y$ AND customer_id = 'C-1' $y$",
    "SELECT c.email FROM customers c, orders o WHERE o.customer_id = 'C-1'",
    "SELECT c.email FROM customers c CROSS JOIN orders o WHERE o.customer_id = 'C-1'",
    "SELECT c.email FROM customers c NATURAL JOIN orders o WHERE o.customer_id = 'C-1'",
    "SELECT c.email FROM customers c LEFT JOIN orders o ON o.customer_id = 'C-1'",
    "SELECT c.email FROM customers c JOIN orders o ON true LEFT JOIN products p ON c.customer_id = o.customer_id "
    "WHERE o.customer_id = 'C-1'",
    "SELECT array_agg(email ORDER BY name) FROM customers",
    "SELECT (SELECT email FROM customers c WHERE c.customer_id = o.customer_id) FROM orders o "
    "WHERE o.customer_id = 'C-1'",
    "COPY customers (email) TO STDOUT (FORMAT csv)",
    "COPY public.customers (email) TO PROGRAM 'cat'",
    "CREATE TEMP TABLE mine AS SELECT email FROM customers",
    "SELECT email INTO mine FROM customers",
    "INSERT INTO mine SELECT email FROM customers",
    "WITH x AS (UPDATE customers SET name = '' RETURNING email) SELECT count(*) FROM x",
]


@pytest.mark.parametrize("text", BULK)
def test_what_could_show_others_too_is_a_bulk_read(text: str) -> None:
    assert (None, {"email"}) in shown(text)
    assert not any("email" in fields for customers, fields in shown(text) if customers is not None)


NOTHING = [
    "SELECT count(*), count(email) FROM customers WHERE customer_id = 'C-1'",
    "SELECT 1 FROM customers WHERE email = 'a@example.org'",
    "SELECT product, price FROM products WHERE product = 'x'",
    "SELECT 1",
    "SELECT * FROM generate_series(1, 2)",
    "UPDATE customers SET email = 'x' WHERE customer_id = 'C-1'",
    "INSERT INTO customers (customer_id, email) VALUES ('C-1', 'x') RETURNING customer_id, email",
    "COPY customers FROM STDIN",
    "EXPLAIN ANALYZE SELECT email FROM customers",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT email FROM customers $$",
    "VALUES ('C-1')",
    "",
    ";;",
]


@pytest.mark.parametrize("text", NOTHING)
def test_what_shows_no_customers_field_is_no_access(text: str) -> None:
    assert shown(text) == []


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("SELECT * FROM customers WHERE customer_id = 'C-1'", {"customer_id", "name", "email", "region", "*"}),
        ("SELECT c FROM customers c WHERE customer_id = 'C-1'", {"customer_id", "name", "email", "region", "*"}),
        (
            "SELECT to_jsonb(c) FROM customers c WHERE c.customer_id = 'C-1'",
            {"customer_id", "name", "email", "region", "*"},
        ),
        (
            "SELECT (c).email FROM customers c WHERE customer_id = 'C-1'",
            {"customer_id", "name", "email", "region", "*"},
        ),
        ("TABLE orders", {"order_id", "customer_id", "product", "*"}),
        (
            "SELECT o.product, c.mail FROM orders o JOIN customers c USING (customer_id) WHERE customer_id = '1'",
            {"product", "email"},
        ),
        ("SELECT CASE WHEN region = 'N' THEN tel END FROM customers WHERE customer_id = 'C-1'", {"region", "phone"}),
    ],
)
def test_fields_are_the_columns_read(text: str, fields: set[str]) -> None:
    assert [each[1] for each in shown(text)] == [fields]


def test_parameters_are_looked_up_in_the_log() -> None:
    text = "SELECT email FROM customers WHERE customer_id = $2 AND region = $1"
    assert shown(text, "North", "C-1") == [(("C-1",), {"email"})]
    assert shown(text, "North", None) == [(None, {"email"})]
    assert shown(text) == [(None, {"email"})]
    many = "SELECT email FROM customers WHERE customer_id = ANY ($1)"
    assert shown(many, '{C-1,"C,2",NULL}') == [(("C,2", "C-1"), {"email"})]
    assert shown(many, "{{C-1},{C-2}}") == [(None, {"email"})]


def test_the_servers_row_count_overrules_what_the_text_seems_to_say() -> None:
    text = "SELECT email FROM customers WHERE customer_id = 'C-1'"
    assert shown(text, rows=1) == [(("C-1",), {"email"})]
    assert shown(text, rows=2) == [(None, {"email"})]
    assert shown("SELECT product FROM orders WHERE customer_id = 'C-1'", rows=9) == [(("C-1",), {"product"})]


@pytest.mark.parametrize(
    ("condition", "rows", "customers"),
    [
        ("", 4, ("C-1", "C-2", "C-3", "C-4")),
        ("WHERE name LIKE '_r%'", None, ("C-2",)),
        ("WHERE name ILIKE 'AM%a' OR email = 'bruno@example.org'", 2, ("C-1", "C-2")),
        ("WHERE name <> 'Bruno' AND NOT name = 'Amina'", None, ("C-3", "C-4")),
        ("WHERE region = 'South'", 1, None),  # a region is not known
        ("WHERE region = 'South' AND name <> 'Daniel'", 1, ("C-2",)),
        ("WHERE name LIKE 'A%'", 7, None),  # the server gave other rows than the snapshot has
        ("WHERE name > 'B'", 3, None),
        ("WHERE name = wanted", 1, None),
        ("WHERE nosuch = 'x'", 1, None),
        ("LIMIT 2", 2, None),
        ("WHERE name = 'Nobody'", None, None),
    ],
)
def test_a_snapshot_ties_what_it_can_decide(
    condition: str, rows: int | None, customers: tuple[str, ...] | None
) -> None:
    text = f"SELECT email FROM customers {condition}"  # noqa: S608 - nothing runs it
    assert shown(text, rows=rows, catalog=WITH_TABLE) == [(customers, {"email"})]


def test_rows_beyond_the_snapshot_stay_a_bulk_read() -> None:
    found = shown("SELECT email FROM customers", rows=6, catalog=WITH_TABLE)
    assert found == [(("C-1", "C-2", "C-3", "C-4"), {"email"}), (None, {"email"})]


# --- hostile text -----------------------------------------------------------------------------------------

HOSTILE = [
    "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "SELECT " + "((" * 20 + "email" + ")" * 39 + " FROM customers",
    "SELECT " + "- " * 5000 + "1",
    "SELECT email FROM customers WHERE " + "NOT " * 5000 + "true",
    "SELECT " + "CASE WHEN true THEN " * 2000 + "1" + " END" * 2000,
    "SELECT 'never closed",
    'SELECT "never closed',
    "SELECT $x$ never closed",
    "SELECT /* never closed",
    "SELECT email FROM customers WHERE customer_id = 'C-1' )",
    "PREPARE",
    "DECLARE c CURSOR",
    "COPY customers",
    "COPY (",
    "FROB THE customers",
    "MERGE INTO a USING customers ON true WHEN MATCHED THEN DELETE",
    "SELECT email FROM customers -- " + "x" * 1_000_000,
    "SELECT email FROM customers WHERE name = '" + "a" * STATEMENT_CEILING_CHARACTERS + "'",  # noqa: S608
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:30])
def test_text_made_to_break_a_parser_is_refused_and_not_raised(text: str) -> None:
    read = read_statements(text)
    assert isinstance(read, Refused)
    assert "customers" not in read.reason


def test_sqlglot_itself_breaks_on_nested_brackets() -> None:
    """What the ceiling on brackets is for."""
    import sqlglot

    with pytest.raises(RecursionError):
        sqlglot.parse("SELECT " + "(" * 5000 + "1" + ")" * 5000, dialect="postgres")


@given(st.text(alphabet=string.printable, max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    assert isinstance(read_statements(text), StatementText | Refused)
    assert isinstance(read_statements(f"SELECT {text} FROM customers"), StatementText | Refused)  # noqa: S608


WORDS = (
    "SELECT",
    "FROM",
    "WHERE",
    "(",
    ")",
    ",",
    "email",
    "customers",
    "=",
    "'x'",
    "AND",
    "OR",
    ";",
    "COPY",
    "TO",
    "AS",
)


@given(st.lists(st.sampled_from(WORDS), max_size=25))
@settings(max_examples=200, deadline=None)
def test_any_row_of_sql_words_is_read_or_refused(words: list[str]) -> None:
    assert isinstance(read_statements(" ".join(words)), StatementText | Refused)


def quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)


@given(st.lists(NAMES, min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_whatever_a_key_holds_it_is_read_as_it_was_written(keys: list[str]) -> None:
    text = f"SELECT email FROM customers WHERE customer_id IN ({', '.join(map(quoted, keys))})"  # noqa: S608
    assert shown(text) == [(tuple(sorted(set(keys))), {"email"})]


@given(NAMES, NAMES)
@settings(max_examples=150, deadline=None)
def test_no_constant_can_add_a_key(name: str, region: str) -> None:
    text = f"SELECT email FROM customers WHERE name = {quoted(name)} OR region = {quoted(region)}"  # noqa: S608
    assert shown(text) == [(None, {"email"})]
