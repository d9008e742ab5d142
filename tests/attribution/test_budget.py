"""The error budget: who counts, how much, and when a new name needs more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution import (
    GivenName,
    allowed_wrong,
    error_of,
    expected_wrong,
    needed_once_spent,
    withheld,
)

NAMES = st.lists(st.builds(GivenName, person=st.sampled_from("abcd"), error=st.floats(0.0, 1.0)), max_size=10)


def test_a_person_counts_once_at_the_worst() -> None:
    names = [GivenName("a", 0.01), GivenName("a", 0.004), GivenName("b", 0.002)]
    assert expected_wrong(names) == pytest.approx(0.012)
    assert expected_wrong([]) == 0.0


def test_a_name_that_still_stands_costs_what_it_is_worth_now() -> None:
    assert error_of(0.991, 0.9999, is_named=True) == pytest.approx(0.0001)
    assert error_of(None, 0.995, is_named=True) == pytest.approx(0.005)


def test_a_name_taken_back_costs_at_least_what_it_did() -> None:
    assert error_of(0.991, 0.3, is_named=False) == pytest.approx(0.7)
    assert error_of(0.991, 0.9999, is_named=False) == pytest.approx(0.009)


def test_once_spent_a_new_name_needs_ten_times_the_evidence_and_the_old_names_stay() -> None:
    new = {"a": 0.991, "b": 0.9989, "c": 0.9991}
    assert needed_once_spent(0.99) == pytest.approx(0.999)
    assert withheld(new, ["a"], spent=0.05, allowed=0.05, naming_threshold=0.99) == {"b"}
    assert withheld(new, ["a"], spent=0.049, allowed=0.05, naming_threshold=0.99) == frozenset()


def test_while_few_are_named_a_fixed_number_is_allowed_and_then_a_share() -> None:
    assert allowed_wrong(0.05, 0.99, 0) == 0.05
    assert allowed_wrong(0.05, 0.99, 5) == pytest.approx(0.05)
    assert allowed_wrong(0.05, 0.99, 66) == pytest.approx(0.66)


@given(st.lists(st.floats(0.0, 0.009), max_size=200))
def test_names_as_sure_as_they_must_be_never_spend_the_budget(errors: list[float]) -> None:
    spent = expected_wrong(GivenName(str(number), error) for number, error in enumerate(errors))
    allowed = allowed_wrong(0.05, 0.99, len(errors))
    assert withheld({"new": 0.991}, [], spent=spent, allowed=allowed, naming_threshold=0.99) == frozenset()


@given(NAMES, NAMES)
def test_names_only_ever_add(first: list[GivenName], second: list[GivenName]) -> None:
    assert expected_wrong(first) <= expected_wrong(first + second) + 1e-12
    assert expected_wrong(first + second) == expected_wrong(second + first)
