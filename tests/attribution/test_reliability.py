"""The table of a calibration: known bounds, counts that add up, and an order that means nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution.reliability import (
    Answered,
    calibration_error,
    errors_by_kind,
    pooled_rows,
    reliability,
    row_of,
    teams_with_ties,
    upper_bound,
)
from leaktrace.records import CalibrationRow

people = st.integers(0, 5)
groups = st.frozensets(people, max_size=3)
answers = st.builds(
    Answered,
    kind=st.sampled_from(["one_source", "chosen_part", "random_customers"]),
    report_count=st.sampled_from([3, 20]),
    sources=groups,
    outcome=st.sampled_from(["nobody", "undecided"]),
    code=st.sampled_from(["too_few_reports", "indistinguishable"]),
    named=st.just(frozenset[int]()),
    sets=st.lists(groups.filter(bool), max_size=2).map(tuple),
    candidates=st.lists(st.tuples(people, st.floats(0.0, 1.0)), max_size=4).map(tuple),
) | st.builds(
    Answered,
    kind=st.just("one_source"),
    report_count=st.sampled_from([3, 20]),
    sources=groups,
    outcome=st.just("named"),
    code=st.none(),
    named=groups.filter(bool),
    sets=st.just(()),
    candidates=st.lists(st.tuples(people, st.floats(0.0, 1.0)), max_size=4).map(tuple),
)
RIGHT = Answered("one_source", 20, frozenset({1}), "named", None, frozenset({1}), (frozenset({1}),), ((1, 1.0),))
SET = replace(RIGHT, outcome="undecided", code="indistinguishable", named=frozenset(), sets=(frozenset({1, 2}),))


def row(found: list[Answered]) -> CalibrationRow:
    return row_of("one_source", found, report_count=None, eligible_count=None, has_source=True)


@pytest.mark.parametrize(
    ("count", "total", "bound"),
    # 1 - 0.05 ** (1 / n) for none of n; the others from the tables of Clopper and Pearson (one-sided 95 %).
    [(0, 20, 0.13911), (0, 59, 0.04951), (0, 1, 0.95), (1, 20, 0.21611), (5, 10, 0.77756), (10, 10, 1.0), (0, 0, 1.0)],
)
def test_the_bound_is_clopper_and_pearsons(count: int, total: int, bound: float) -> None:
    assert upper_bound(count, total) == pytest.approx(bound, abs=1e-5)


@given(st.integers(0, 50), st.integers(1, 50))
def test_the_bound_lies_above_the_share_and_sinks_with_more_campaigns(count: int, more: int) -> None:
    total = count + more
    assert upper_bound(count, total) > count / total
    assert upper_bound(count, total + 1) < upper_bound(count, total)


@given(st.lists(answers, max_size=20), st.randoms())
def test_the_order_of_campaigns_is_nothing(found: list[Answered], random: Random) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    assert row(shuffled) == row(found)
    assert reliability(shuffled) == reliability(found)
    assert errors_by_kind(shuffled) == errors_by_kind(found)
    assert pooled_rows(shuffled, (3, 20)) == pooled_rows(found, (3, 20))


@given(st.lists(answers, max_size=20))
def test_every_campaign_is_counted_once(found: list[Answered]) -> None:
    for one in (row(found), *pooled_rows(found, (3, 20))):
        parts = (one.named_rightly_count, one.named_wrongly_count, one.nobody_count, one.undecided_count)
        assert sum(parts) == one.campaign_count
        assert sum(one.undecided_codes.values()) == one.undecided_count
        assert one.covered_count <= one.set_count <= one.campaign_count
    assert sum(one.campaign_count for one in pooled_rows(found, (3, 20)) if one.report_count is None) == len(found)


@given(st.lists(answers, max_size=20))
def test_bins_hold_all_candidates(found: list[Answered]) -> None:
    bins = reliability(found)
    counted = sum(1 for one in found for _, chance in one.candidates if chance > 0.0)
    assert sum(one.candidate_count for one in bins) == counted
    for one in bins:
        assert one.low <= one.mean_probability <= one.high
        assert 0.0 <= one.source_share <= 1.0
    error = calibration_error(bins)
    assert error is None if counted == 0 else error is not None and 0.0 <= error <= 1.0


def test_a_name_beside_the_source_is_wrong() -> None:
    both = replace(RIGHT, named=frozenset({1, 4}))
    two = replace(RIGHT, sources=frozenset({1, 2}))
    nobody_inside = replace(RIGHT, sources=frozenset(), kind="one_region")
    assert (RIGHT.named_rightly, RIGHT.named_wrongly) == (True, False)
    assert (both.named_rightly, both.named_wrongly) == (False, True)
    assert (two.named_rightly, two.named_wrongly) == (True, False)
    assert (nobody_inside.named_rightly, nobody_inside.named_wrongly) == (False, True)
    assert (SET.named_rightly, SET.named_wrongly) == (False, False)


def test_the_error_of_a_forecaster_who_is_right_three_times_in_four() -> None:
    said = [replace(RIGHT, candidates=((1, 0.75),))] * 3 + [replace(RIGHT, candidates=((2, 0.75),))]
    assert calibration_error(reliability(said)) == pytest.approx(0.0)
    sure = [replace(RIGHT, candidates=((1, 1.0),))] * 3 + [replace(RIGHT, candidates=((2, 1.0),))]
    assert calibration_error(reliability(sure)) == pytest.approx(0.25)
    assert calibration_error(()) is None


def test_a_team_stands_there_for_a_tie_or_for_sets_of_colleagues() -> None:
    team_of = ["a", "a", "a", "b", None, "c"]
    untied = {0: False, 1: False, 3: False, 4: False, 5: False}
    assert teams_with_ties(team_of, untied, [RIGHT]) == ()
    (tied,) = teams_with_ties(team_of, {**untied, 3: True}, [RIGHT])
    assert (tied.team, tied.looked_at_count, tied.tied_count) == ("b", 1, 1)
    (by_set,) = teams_with_ties(team_of, untied, [RIGHT, SET])
    assert (by_set.team, by_set.tied_count, by_set.campaign_count, by_set.set_count) == ("a", 0, 2, 1)
    assert teams_with_ties(team_of, untied, [replace(SET, report_count=3)]) == ()
    assert teams_with_ties(team_of, untied, [replace(SET, sets=(frozenset({1, 3}),))]) == ()
