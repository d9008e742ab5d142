"""When a rival ties a name, and how many sources there are where nobody can say which the last one is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution.explanations import GroupWeight
from leaktrace.attribution.likelihood import (
    LOG_NOISE_WEIGHT,
    NOISE,
    Columns,
    Credibility,
    Doubt,
    integrated,
    noise_profile,
)
from leaktrace.attribution.rivals import FRAMED, Rival, shared_out
from leaktrace.attribution.sets import sets_of
from tests.attribution.worlds import background_market, judged, opened_by, study_of


def _rival(behind: float, *, nearly_all: bool) -> Rival:
    return Rival(2, 1, log_ratio=5.0, behind=behind, missed=1.0, nearly_all=nearly_all, handles_all=False)


@pytest.mark.parametrize(
    ("times_worse", "nearly_all", "viable"),
    [
        (0.5, False, True),
        (9, False, True),
        (11, False, False),
        (11, True, True),
        (199, True, True),
        (201, True, False),
    ],
)
def test_who_was_shown_nearly_all_must_explain_it_much_worse(
    times_worse: float, nearly_all: bool, viable: bool
) -> None:
    assert _rival(math.log(times_worse), nearly_all=nearly_all).viable is viable


@pytest.mark.parametrize(("times_worse", "viable"), [(11, True), (199, True), (201, False)])
def test_who_opened_whom_the_mail_went_to_must_explain_it_much_worse_too(times_worse: float, viable: bool) -> None:
    """Who poses as a handler of complaints opens nine of ten of the mailed, so three of nine may be missed."""
    assert replace(_rival(math.log(times_worse), nearly_all=False), handles_all=True).viable is viable


def test_who_was_shown_nearly_all_of_the_same_customers_ties_a_name() -> None:
    """All but three of forty-eight: too many to be told apart, too few to be the same."""
    market = background_market()
    market.show("p03", range(240))
    market.show("p12", [one for one in range(240) if one % 16])
    judgement = judged(market, study_of(market, list(range(0, 240, 5))))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "indistinguishable"
    assert {"p03", "p12"} <= set(judgement.sets[0].principals)


def test_who_was_shown_half_of_them_does_not() -> None:
    market = background_market()
    market.show("p03", range(240))
    market.show("p12", range(0, 240, 2))
    judgement = judged(market, study_of(market, list(range(0, 240, 5))))
    assert judgement.named == ("p03",)


def _with_a_rival(behind: float) -> tuple[np.ndarray, np.ndarray]:
    """Chances of p07, whose leak it is, and of a rival who is so far behind: as told, and as sets are made of."""
    market = background_market()
    study = study_of(market, opened_by(market, "p07", 12))
    chances = judged(market, study).late.single
    rival = Rival(2, 7, log_ratio=5.0, behind=behind, missed=0.0, nearly_all=True, handles_all=False)
    told, decided = (shared_out(chances, {7: (rival,)}, prior)[0] for prior in (FRAMED, 1.0))
    return told[[7, 2]], decided[[7, 2]]


def test_a_rival_who_explains_it_as_well_has_a_small_chance_and_is_in_the_set_alike() -> None:
    told, decided = _with_a_rival(0.0)
    assert told[1] / told[0] == pytest.approx(FRAMED, rel=0.02)
    assert decided[1] / decided[0] == pytest.approx(1.0, rel=0.02)


def test_a_rival_who_explains_it_much_better_is_told_as_likely_and_no_likelier() -> None:
    told, decided = _with_a_rival(-30.0)
    assert 0.97 < told[1] / told[0] <= 1.0
    assert told == pytest.approx(decided)


def test_the_budget_takes_a_rival_to_be_as_likely_beforehand() -> None:
    """Who was shown two thirds of them ties no name, and costs it chance all the same where names are counted."""
    market = background_market()
    market.show("p07", range(300))
    reports = list(range(0, 300, 25))
    others = [customer for customer in range(300) if customer not in reports]
    market.show("p20", [*reports[4:], *others[:133], *range(1000, 1267)])
    judgement = judged(market, study_of(market, reports))
    told = judgement.candidates[0]
    assert judgement.named == (told.principal,) == ("p07",)
    assert 1.0 - judgement.least_chance[7] > 5.0 * (1.0 - told.probability)


@pytest.mark.parametrize(("step", "missed"), [(25, 4), (15, 6)])
def test_who_is_named_was_told_apart_and_stands_in_a_set_alone(step: int, missed: int) -> None:
    """Who was shown two thirds of them, ten times worse, takes no part of the set; its chance is the candidate's."""
    market = background_market()
    market.show("p07", range(300))
    reports = list(range(0, 300, step))
    others = [customer for customer in range(300) if customer not in reports]
    market.show("p20", [*reports[missed:], *others[:133], *range(1000, 1267)])
    judgement = judged(market, study_of(market, reports))
    assert judgement.named == ("p07",)
    assert [found.principals for found in judgement.sets] == [("p07",)]
    assert judgement.sets[0].probability == pytest.approx(judgement.candidates[0].probability, abs=1e-9)


def test_of_two_who_are_level_the_one_with_more_weight_comes_first() -> None:
    market = background_market()
    market.teams = {}  # a team's share would part them
    market.show("p07", range(400))
    reports = opened_by(market, "p07", 12)
    market.show("p20", [*reports[:8], *range(1000, 1400)])
    first, second = judged(market, study_of(market, reports)).candidates[:2]
    assert (first.principal, second.principal) == ("p07", "p20")
    assert first.probability == second.probability
    assert first.weight_bits > second.weight_bits


def test_what_rivals_take_is_what_they_get() -> None:
    for behind in (-8.0, 0.0, 3.0):
        told, decided = _with_a_rival(behind)
        assert told.sum() == pytest.approx(decided.sum())


@pytest.mark.parametrize("prior", [FRAMED, 1.0])
def test_chances_are_shared_and_not_lost_whoever_comes_first(prior: float) -> None:
    """Two who may each have been framed by a third: the third gets of both, and is no likelier than either."""
    chances = np.array([0.4, 0.35, 0.01, 0.0])

    def rival(of: int) -> Rival:
        return Rival(2, of, log_ratio=5.0, behind=-9.0, missed=0.0, nearly_all=True, handles_all=False)

    one, moved = shared_out(chances, {0: (rival(0),), 1: (rival(1),)}, prior)
    other, _ = shared_out(chances, {1: (rival(1),), 0: (rival(0),)}, prior)
    assert one == pytest.approx(other)
    assert one.sum() == pytest.approx(chances.sum())
    assert chances[2] < one[2] <= max(one[0], one[1]) + 1e-12
    assert moved == pytest.approx(one[2] - chances[2])


def test_who_was_shown_more_of_the_customers_comes_first_in_the_set() -> None:
    market = background_market()
    market.show("p07", range(400))
    market.show("p20", [one for one in range(400) if one % 8])
    judgement = judged(market, study_of(market, range(0, 400, 50)))
    chances = {one.principal: one.probability for one in judgement.candidates}
    assert judgement.sets
    for found in judgement.sets:
        told = [chances.get(name, 0.0) for name in found.principals]
        assert told == sorted(told, reverse=True)


def test_a_framed_colleague_is_told_no_likelier_than_who_framed() -> None:
    """Fifteen customers whom one with 1,200 and one with 180 had been shown: the reports say nothing about the two."""
    market = background_market()
    market.show("p03", range(1200))
    market.show("p04", [*range(1180, 1300), *range(60)])
    chances = {one.principal: one.probability for one in judged(market, study_of(market, range(0, 60, 4))).candidates}
    assert chances["p04"] == pytest.approx(chances["p03"], rel=0.03)


def test_a_third_source_whose_chance_two_share_has_a_set() -> None:
    """The best group of two is likelier than either group of three, and three sources are likelier than two."""
    market = background_market()
    study = study_of(market, opened_by(market, "p07", 20))
    posterior = judged(market, study).late
    chances = np.zeros(len(study.principals))
    chances[[1, 2, 3, 4]] = 1.0, 1.0, 0.35, 0.25
    shared = replace(
        posterior,
        tied=chances,
        single=np.zeros(len(study.principals)),
        groups=(GroupWeight((1, 2), 0.4), GroupWeight((1, 2, 3), 0.35), GroupWeight((1, 2, 4), 0.25)),
        nobody=0.0,
    )
    assert sets_of(study, shared, 0.95) == ((1,), (2,), (3, 4))


@pytest.mark.parametrize(("third", "expected"), [(0.3, ((1,), (2,), (3,))), (0.2, ((1,), (2,)))])
def test_one_more_source_has_a_set_from_one_chance_in_four_on(
    third: float, expected: tuple[tuple[int, ...], ...]
) -> None:
    market = background_market()
    study = study_of(market, opened_by(market, "p07", 20))
    posterior = judged(market, study).late
    chances = np.zeros(len(study.principals))
    chances[[1, 2, 3]] = 1.0, 1.0, third
    found = replace(
        posterior,
        tied=chances,
        single=np.zeros(len(study.principals)),
        groups=(GroupWeight((1, 2), 1.0 - third), GroupWeight((1, 2, 3), third)),
        nobody=0.0,
    )
    assert sets_of(study, found, 0.95) == expected


def test_chances_too_small_to_share_stay_as_they_are() -> None:
    chance = np.array([0.0, 5e-324, 0.0, 0.0])
    rivals = [replace(_rival(1.0, nearly_all=False), rival=other) for other in (2, 3)]
    shared, given = shared_out(chance, {1: rivals}, 1.0)
    assert shared.tolist() == chance.tolist()
    assert given == 0.0


def _joint_log_chance(hypothesis: str, rng_seed: int) -> float:
    """Ln chance of what two people had been shown, each case written out: nobody inside but for one of two stories.

    `alike`: the principal passed on all; `part`: the rival passed on what both had been shown. Doubt is about the
    principal's rates, and the same in both stories.
    """
    shown, theirs, rate, shared = _two_people(rng_seed)
    terms = []
    for noise, weight in zip(NOISE, LOG_NOISE_WEIGHT, strict=True):
        for shift, log_weight in zip(*_shifts(0.4), strict=True):
            odds = rate / (1.0 - rate) * np.exp(shift)
            by_chance = odds / (1.0 + odds)
            innocent = np.where(shown, by_chance * np.where(theirs, shared, 1.0 - shared), 1.0 - by_chance)
            leaked = np.where(shown & theirs, 1.0, 0.0)
            if hypothesis == "alike":
                leaked = np.where(shown, np.where(theirs, shared, 1.0 - shared), 0.0)
            terms.append(weight + log_weight + np.log(noise * innocent + (1.0 - noise) * leaked).sum())
    return float(np.logaddexp.reduce(terms))


def _shifts(spread: float) -> tuple[np.ndarray, np.ndarray]:
    nodes = np.linspace(-6.0, 6.0, 401)
    logs = -0.5 * nodes**2
    return nodes * spread, logs - np.logaddexp.reduce(logs)


def _two_people(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shown = rng.random(20) < 0.7
    return shown, shown & (rng.random(20) < 0.5), rng.uniform(0.01, 0.3, 20), rng.uniform(0.1, 0.6, 20)


@pytest.mark.parametrize("seed", range(5))
def test_what_a_part_explains_is_reckoned_with_both_peoples_exposures(seed: int) -> None:
    """The doubt about the principal's rates excuses both stories alike: it was taken twice, for the rival alone."""
    shown, theirs, rate, shared = _two_people(seed)
    cases = Credibility(np.ones(20), np.ones(20), np.zeros(len(NOISE)))
    parts = np.stack([np.ones(20), np.where(theirs, 1.0 / shared, 0.0)])
    both = [np.repeat(one[None, :], 2, axis=0) for one in (shown, np.zeros(20, dtype=np.bool_), rate)]
    columns = Columns(shown=both[0], neutral=both[1], rate=both[2], part=parts)
    alike, part = integrated(noise_profile(columns, cases, Doubt.alike(2, 0.4)), cases.other_path)
    expected = _joint_log_chance("alike", seed) - _joint_log_chance("part", seed)
    assert alike - part == pytest.approx(expected, abs=0.02)
