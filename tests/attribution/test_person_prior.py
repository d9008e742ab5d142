"""A prior from elsewhere: it moves chances, and never names or clears anybody by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import Circumstances, Judgement, Study, judge, look_closely, look_first, withhold
from tests.attribution.worlds import (
    AROUND,
    Market,
    background_market,
    judged,
    samples_of,
    study_of,
    unopened,
)


def judged_with(
    market: Market,
    study: Study,
    weights: dict[str, float],
    *,
    insider: float = 0.5,
    around: Circumstances = AROUND,
) -> Judgement:
    first = look_first(study, around.margin_days)
    look = look_closely(first, samples_of(market, first.shortlist.tolist()))
    log_weights = np.log([weights.get(name, 1.0) for name in market.names])
    return judge(look, around, insider_prior=insider, person_prior=log_weights if weights else None)


def chance_of(judgement: Judgement, name: str) -> float:
    return next(one.probability for one in judgement.candidates if one.principal == name)


def some_reports(market: Market, count: int) -> Study:
    market.show("p07", range(300))
    return study_of(market, [*range(0, 60 * count, 60), *unopened(market, 2)])


def test_weights_of_one_change_nothing() -> None:
    market = background_market()
    study = some_reports(market, 4)
    plain, given = judged(market, study), judged_with(market, study, {"p01": 1.0})
    assert given.verdict == plain.verdict
    assert [one.principal for one in given.candidates] == [one.principal for one in plain.candidates]
    assert given.no_insider_probability == pytest.approx(plain.no_insider_probability)


def test_a_weight_multiplies_the_odds_of_one_person() -> None:
    market = background_market()
    study = some_reports(market, 3)
    plain, given = judged(market, study), judged_with(market, study, {"p07": 10.0})
    before, after = chance_of(plain, "p07"), chance_of(given, "p07")
    assert 0.05 < before < 0.95
    # Over forty people the mean weight is 49 / 40.
    assert after / (1.0 - after) == pytest.approx(10.0 / (49.0 / 40.0) * before / (1.0 - before), rel=0.15)


@pytest.mark.parametrize(("count", "why"), [(6, "alone too little"), (7, "prior"), (8, "prior")])
def test_a_prior_never_lifts_anybody_over_the_threshold_by_itself(count: int, why: str) -> None:
    """The attack: weights a hundred to one for him take his chance over the threshold, and still nobody is named."""
    market = background_market()
    market.show("p07", range(300))
    study = study_of(market, [*range(0, 33 * count, 33), *unopened(market, 2)])
    given = judged_with(market, study, {"p07": 10.0, **{name: 0.1 for name in market.names if name != "p07"}})
    assert judged(market, study).named == ()
    assert given.late.own[7] > AROUND.naming_threshold
    assert given.named == ()
    assert given.undecided is not None
    assert why in given.undecided.sentence
    assert given.least_chance[7] < given.late.person[7]


def test_a_strong_case_stands_with_any_weights() -> None:
    market = background_market()
    market.show("p07", range(400))
    study = study_of(market, [*range(0, 400, 16), *unopened(market, 5)])
    assert judged_with(market, study, {"p07": 0.1, "p03": 10.0}).named == ("p07",)


def test_a_prior_clears_nobody() -> None:
    market = background_market()
    study = some_reports(market, 4)
    plain = judged(market, study)
    assert plain.verdict.outcome == "undecided"
    given = judged_with(market, study, {"p07": 0.1})
    assert given.verdict.outcome == "undecided"


def test_what_others_taught_clears_nobody_either() -> None:
    """Three reports that say next to nothing: a low insider prior makes nobody inside likely, and is no evidence."""
    market = background_market()
    study = study_of(market, unopened(market, 3))
    low = judged_with(market, study, {}, insider=0.05)
    careful = judged_with(market, study, {}, insider=0.05, around=replace(AROUND, clearing_prior=0.5))
    assert low.no_insider_probability > AROUND.nobody_threshold
    assert low.verdict.outcome == "nobody"
    assert careful.verdict.outcome == judged(market, study).verdict.outcome == "undecided"


def test_the_bayes_factor_is_free_of_the_prior() -> None:
    market = background_market()
    study = some_reports(market, 4)
    factors = [judged_with(market, study, {}, insider=prior).numbers.log_bayes_factor for prior in (0.05, 0.5, 0.9)]
    assert factors == pytest.approx([factors[0]] * 3, abs=1e-9)
    odds = judged(market, study).no_insider_probability
    assert np.log((1.0 - odds) / odds) == pytest.approx(factors[0], abs=1e-6)


def test_several_sources_carry_the_weight_of_each() -> None:
    market = background_market()
    market.show("p07", range(400))
    market.show("p21", range(1000, 1400))
    study = study_of(market, [*range(0, 400, 40), *range(1000, 1400, 40), *unopened(market, 4)])
    plain, given = judged(market, study), judged_with(market, study, {"p07": 0.2, "p21": 0.2})

    def pair(judgement: Judgement) -> float:
        return next(one.probability for one in judgement.late.groups if one.members == (7, 21))

    assert pair(given) <= pair(plain)
    assert given.named == plain.named


def test_a_name_is_withheld_with_its_reason_and_the_others_stay() -> None:
    market = background_market()
    market.show("p07", range(400))
    market.show("p21", range(1000, 1400))
    judgement = judged(market, study_of(market, [*range(0, 400, 10), *range(1000, 1400, 10), *unopened(market, 10)]))
    assert set(judgement.named) == {"p07", "p21"}
    one = withhold(judgement, {7}, "spent")
    assert one.named == ("p21",)
    assert one.verdict.outcome == "named"
    none = withhold(judgement, {7, 21}, "spent")
    assert none.named == ()
    assert none.verdict.outcome == "undecided"
    assert none.undecided is not None
    assert (none.undecided.code, none.undecided.sentence) == ("too_few_reports", "spent")
    assert none.undecided.needs_about_more_reports is None


def test_nobody_inside_is_still_said_with_what_others_taught() -> None:
    market = background_market()
    study = study_of(market, unopened(market, 25))
    low = judged_with(market, study, {}, insider=0.1, around=replace(AROUND, clearing_prior=0.5))
    assert low.verdict.outcome == judged(market, study).verdict.outcome
