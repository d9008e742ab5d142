"""One team, site or region however it is spelled."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.records import PrincipalFacts
from leaktrace.tracing.spelling import codes_of, one_spelling, spelling_key


def facts(number: int, team: str | None, site: str | None = None) -> PrincipalFacts:
    return PrincipalFacts(number, f"p{number}", team=team, site=site, in_table=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Billing", " billing "), ("\u00c9quipe", "E\u0301quipe"), ("team  2", "Team\t2"), ("STRASSE", "stra\u00dfe")],
)
def test_spellings_of_one_name_are_one(one: str, other: str) -> None:
    assert spelling_key(one) == spelling_key(other)
    assert codes_of([one, other]) == {one: 1, other: 1}
    teams = {given.team for given in one_spelling([facts(1, one), facts(2, other), facts(3, one)])}
    assert teams == {one}


def test_other_names_stay_apart_and_empty_ones_are_none() -> None:
    assert codes_of(["b", "a", "", " "]) == {"a": 1, "b": 2}
    made = one_spelling([facts(1, "a", "Rome"), facts(2, "b", "rome"), facts(3, None), facts(4, " ")])
    assert [one.team for one in made] == ["a", "b", None, None]
    assert [one.site for one in made] == ["Rome", "Rome", None, None]


@given(st.lists(st.text(max_size=6), max_size=6))
def test_normal_forms_and_order_change_no_code(names: list[str]) -> None:
    codes = codes_of(names)
    assert codes_of(reversed(names)) == codes
    for name in names:
        other = unicodedata.normalize("NFD", name)
        assert codes_of([*names, other]).get(other) == codes.get(name)
