"""One record through a mapping: which customers, which fields, bulk read, no access, or why it cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.ledger.formats import AccessRow
from leaktrace.ledger.mapping import map_record, mapping_from_text
from leaktrace.ledger.mapping.rows import CUSTOMERS_CEILING_COUNT, FIELDS_CEILING_COUNT, NO_TEXT

HEAD = """
schema = "leaktrace.mapping/1"
[at]
path = "t"
[principal]
path = ["who", "who_else"]
"""
PLAIN = HEAD + '[customer]\npath = "c"\n[fields]\npath = "f"\nseparator = ","\n'
RECORD = {"t": "2026-03-02T12:00:00Z", "who": "ann", "c": "C-1", "f": "email, Name"}


def mapped(text: str, record: dict[str, Any], **options: object) -> Sequence[AccessRow] | str | None:
    return map_record(mapping_from_text(text, options, "m.toml"), record, 7)


def row_of(text: str, record: dict[str, Any], **options: object) -> AccessRow:
    rows = mapped(text, record, **options)
    assert isinstance(rows, Sequence)
    assert not isinstance(rows, str)
    (row,) = rows
    return row


def test_a_record_becomes_an_access() -> None:
    assert row_of(PLAIN, RECORD) == AccessRow(
        datetime(2026, 3, 2, 12, tzinfo=UTC), "ann", "C-1", ("email", "name"), None, None, None, 7
    )


def test_the_first_path_that_gives_anything_counts() -> None:
    assert row_of(PLAIN, {**RECORD, "who": " ", "who_else": "bob"}).principal == "bob"
    assert row_of(PLAIN, {**RECORD, "who_else": "bob"}).principal == "ann"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"t": None}, "at is missing"),
        ({"t": "2026-03-02T12:00:00"}, "at has no UTC offset"),
        ({"who": None}, "principal is missing"),
        ({"who": ["ann", "bob"]}, "principal is there more than once, with different values"),
        ({"c": ""}, "customer is missing"),
        ({"c": 1.5}, "customer is missing"),
        ({"c": "\ud83d"}, NO_TEXT),
        ({"who": "\ud83d"}, NO_TEXT),
        ({"f": "\ud83d"}, NO_TEXT),
        ({"f": ",".join(f"f{n}" for n in range(FIELDS_CEILING_COUNT + 1))}, "the record names more than 1000 fields"),
        ({"c": list(range(CUSTOMERS_CEILING_COUNT + 1))}, "the record names more than 10000 customers"),
    ],
)
def test_a_record_that_cannot_be_read_says_why_and_no_value(change: dict[str, Any], reason: str) -> None:
    assert mapped(PLAIN, {**RECORD, **change}) == reason


def test_several_customers_are_several_accesses_each_once() -> None:
    rows = mapped(PLAIN, {**RECORD, "c": ["C-1", 2, "C-1", None]})
    assert isinstance(rows, list)
    assert [row.customer for row in rows] == ["C-1", "2"]


def test_names_of_fields_are_translated_in_any_case() -> None:
    text = PLAIN + '[fields.names]\nKontaktMail = "email"\n'
    assert row_of(text, {**RECORD, "f": "kontaktmail,E_Mail,home.Phone_Number,E-Mail,email"}).fields == (
        "email",
        "phone",
    )


def test_values_are_translated_and_the_rest_has_its_own_word() -> None:
    text = PLAIN + '[action]\npath = "a"\nvalues = { r = "view" }\nother = "api"\n'
    assert row_of(text, {**RECORD, "a": "r"}).action == "view"
    assert row_of(text, {**RECORD, "a": "w"}).action == "api"
    assert row_of(text, RECORD).action is None


@pytest.mark.parametrize(
    ("cut", "value", "customer"),
    [
        ('prefix = "CUSTOMER#"', "CUSTOMER#17", "17"),
        ('prefix = "CUSTOMER#"', "ORDER#17", None),
        ('after = "/c/"', "/api/c/17", "17"),
        ('after = "/c/"', "/api/o/17", None),
        ('after_last = "/"', "a/b/17", "17"),
        ('before = ["/", "."]', "17.json/x", "17"),
        ('prefix = "a/"\nbefore = "/"', "a/17/b/c", "17"),
        ('after = "/c/"', "/api/c/", None),
    ],
)
def test_what_is_cut_off_a_value(cut: str, value: str, customer: str | None) -> None:
    text = HEAD + f'[customer]\npath = "c"\n{cut}\n[[rule]]\nbulk = "if_no_customer"\n'
    assert row_of(text, {**RECORD, "c": value}).customer == customer


def test_a_read_of_many_keeps_the_digest_of_its_statement_and_nothing_else_of_it() -> None:
    text = PLAIN + '[statement]\npath = "sql"\n[[rule]]\nbulk = "if_no_customer"\n'
    row = row_of(text, {**RECORD, "c": None, "sql": "SELECT 'C-9'"})
    assert row.customer is None
    assert row.statement_digest is not None
    assert len(row.statement_digest) == 64
    assert "C-9" not in repr(row)
    assert row_of(text, {**RECORD, "sql": "SELECT"}).statement_digest is None


def test_a_rule_for_exports_names_nobody_even_where_a_customer_stands() -> None:
    text = PLAIN + '[[rule]]\nwhen = [{ path = "a", in = ["export"] }]\nbulk = "always"\n[[rule]]\n'
    assert row_of(text, {**RECORD, "a": "export"}).customer is None
    assert row_of(text, RECORD).customer == "C-1"


@pytest.mark.parametrize(
    ("condition", "record", "holds"),
    [
        ('in = ["x"]', {"a": "x"}, True),
        ('in = ["x"]', {"a": ["y", "x"]}, True),
        ('in = ["x"]', {}, False),
        ("in = []", {"a": "x"}, False),
        ('in = ["*"]', {}, True),
        ('in = ["5"]', {"a": 5}, True),
        ('not_in = ["x"]', {"a": "x"}, False),
        ('not_in = ["x"]', {}, True),
        ("exists = true", {"a": 0}, True),
        ("exists = true", {"a": ""}, False),
        ("exists = false", {}, True),
        ('prefix = "x", exists = true', {"a": "xy"}, True),
        ('prefix = "x", exists = true', {"a": "ay"}, False),
        ('prefix = "x", in = ["y"]', {"a": "xy"}, True),
    ],
)
def test_conditions(condition: str, record: dict[str, Any], holds: bool) -> None:
    text = PLAIN + f'[[rule]]\nwhen = [{{ path = "a", {condition} }}]\n'
    assert (mapped(text, {**RECORD, **record}) is not None) == holds


def test_a_skipped_record_is_no_access_and_one_without_what_is_required_is_rejected() -> None:
    text = PLAIN.replace("[at]", 'require = ["kind"]\n[at]', 1) + '[[skip]]\npath = "error"\nexists = true\n'
    assert mapped(text, {**RECORD, "kind": "x", "error": "denied"}) is None
    assert mapped(text, {**RECORD, "error": "denied"}) == "the record has no kind"
    assert row_of(text, {**RECORD, "kind": "x"}).customer == "C-1"


def test_options_fill_in_paths_and_lists() -> None:
    text = PLAIN.replace('"c"', '"{key}"').replace("[at]", '[options]\nkey = ["c", "d"]\nonly = ["*"]\n[at]', 1)
    text += '[[rule]]\nwhen = [{ path = "a", in = "{only}" }]\n'
    assert row_of(text, {**RECORD, "c": None, "d": "C-2"}).customer == "C-2"
    assert mapped(text, RECORD, key="e") == "customer is missing"
    assert mapped(text, {**RECORD, "a": "x"}, only="y,z") is None
    assert row_of(text, {**RECORD, "a": "z"}, only="y, z").customer == "C-1"


def test_short_names_of_fields_are_looked_up_in_the_record() -> None:
    text = PLAIN.replace('separator = ","', 'separator = ","\naliases = "names"')
    record = {**RECORD, "f": "#c.#m, phones[0], #x, plain", "names": {"#c": "contact", "#m": "mail"}}
    assert row_of(text, record).fields == ("email", "phones", "*", "plain")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional={"t": JSON, "who": JSON, "c": JSON, "f": JSON, "a": JSON}))
def test_whatever_a_record_holds_there_is_an_answer_that_can_be_stored(record: dict[str, Any]) -> None:
    text = PLAIN + '[action]\npath = "a"\n[[rule]]\nbulk = "if_no_customer"\n'
    answer = mapped(text, record)
    if isinstance(answer, str):
        assert "\ud800" not in answer
        return
    for row in answer or ():
        assert row.at.utcoffset() is not None
        for value in (row.principal, row.customer or "", *row.fields, row.action or ""):
            value.encode()
