"""The corners of the decision: late openings, needs, groups of arrays that do not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import Group
from leaktrace.attribution.decision import decide
from leaktrace.attribution.explanations import GroupWeight
from leaktrace.attribution.looks import Looks
from leaktrace.attribution.posterior import own_chances
from leaktrace.errors import AttributionError
from tests.attribution.worlds import AROUND, DAY, MAIL_AT, Market, background_market, judged, study_of, unopened


def test_arrays_that_do_not_fit_are_refused() -> None:
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(AttributionError, match="attributes differ"):
        Group(np.zeros(2, dtype=np.int64), none, np.zeros(0, dtype=np.bool_), none, none, none)
    with pytest.raises(AttributionError, match="exposures differ"):
        Group(none, none, np.zeros(0, dtype=np.bool_), np.zeros(1, dtype=np.int64), none, none)
    study = study_of(background_market(size=100, people=4, each=10), [1, 2])
    with pytest.raises(AttributionError, match="one customer for each case"):
        replace(study, cases=study.cases[:1])
    with pytest.raises(AttributionError, match="one count for each principal"):
        replace(study, opened_count=none)


def test_a_source_who_is_sure_only_by_what_was_opened_late_is_left_open() -> None:
    """Half of the hits early, half just before the mail, each half too little alone."""
    market = background_market()
    early, late = list(range(5)), list(range(5, 24))
    market.show("p07", early, MAIL_AT - 90 * DAY)
    market.show("p07", late, MAIL_AT - 2 * DAY)
    judgement = judged(market, study_of(market, early + late))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert "p07" in judgement.sets[0].principals


def test_a_framer_who_harvests_late_is_not_taken_for_a_handler() -> None:
    """The source opens, days before the mail, just what a colleague had opened long ago, and passes that on."""
    market = background_market()
    market.show("p03", range(120), MAIL_AT - 200 * DAY)
    market.show("p12", range(0, 120, 4), MAIL_AT - 3 * DAY)
    judgement = judged(market, study_of(market, list(range(0, 120, 4))))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "indistinguishable"
    assert {"p03", "p12"} <= set(judgement.sets[0].principals)


def test_too_few_reports_say_about_how_many_more() -> None:
    market = background_market()
    market.show("p07", range(300))
    judgement = judged(market, study_of(market, [0, 60, *unopened(market, 1)]))
    assert judgement.undecided is not None
    assert judgement.undecided.code == "too_few_reports"
    assert judgement.undecided.needs_about_more_reports is not None
    assert 1 <= judgement.undecided.needs_about_more_reports < 60


def test_a_rival_who_shares_much_needs_more_reports_not_none() -> None:
    market = background_market()
    market.show("p03", range(240))
    market.show("p12", range(0, 240, 2))
    market.show("p12", range(1, 240, 6))
    judgement = judged(market, study_of(market, list(range(0, 240, 12))))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "indistinguishable"
    assert judgement.undecided.needs_about_more_reports is not None


def test_many_teams_are_screened_before_they_are_weighed() -> None:
    market = background_market(people=80, each=60)
    market.teams = {name: f"t{index // 4}" for index, name in enumerate(market.names)}
    market.show("p07", range(300))
    judgement = judged(market, study_of(market, [*range(0, 300, 10), *unopened(market, 8)]))
    assert judgement.named == ("p07",)
    assert len(judgement.late.columns) < 20


def test_a_lone_account_in_the_log_is_weighed_too() -> None:
    market = Market(400, ["p00", "p01"])
    market.show("p00", range(40))
    market.show("p01", range(200, 300))
    judgement = judged(market, study_of(market, list(range(0, 40, 2))), AROUND)
    assert judgement.candidates[0].principal == "p00"


@pytest.mark.parametrize("alone", [1.4, 6.0])
def test_who_only_fills_the_gaps_that_others_leave_is_not_named(alone: float) -> None:
    """Certain beside two sources, but taken alone too little speaks for them: the same looks without and with it."""
    market = background_market()
    market.show("p07", range(400))
    market.show("p21", range(1000, 1400))
    study = study_of(market, [*range(0, 400, 10), *range(1000, 1400, 10), *unopened(market, 10)])
    judgement = judged(market, study)
    assert set(judgement.named) == {"p07", "p21"}
    weaker = judgement.late.log_ratio.copy()
    weaker[market.names.index("p21")] = alone
    late = replace(judgement.late, log_ratio=weaker)
    looks = Looks(late, judgement.early, late, (), (), (), late)
    verdict = decide(study, looks, AROUND)
    assert [study.principals[index].name for index in verdict.named] == ["p07"]
    assert any(study.principals[index].name == "p21" for members in verdict.suspects for index in members)


def test_of_those_as_likely_the_one_with_more_weight_comes_first() -> None:
    market = background_market()
    market.show("p07", range(200))
    # p12 of another team was shown all of those too and a few more; a share of p07's team's chance is p07's.
    market.show("p12", [*range(200), *range(1000, 1040)])
    judgement = judged(market, study_of(market, [*range(12), *unopened(market, 3)]))
    first, second = judgement.candidates[:2]
    assert (first.principal, second.principal) == ("p12", "p07")
    assert first.probability == pytest.approx(second.probability, rel=1e-9)
    assert first.weight_bits > second.weight_bits + 10


@pytest.mark.parametrize(
    ("groups", "own"),
    [
        ((), 0.8),
        ((((5, 6), 0.1),), 0.9),
        ((((5, 6), 0.17),), 0.8),
        ((((5, 6), 0.1), ((5, 7), 0.1)), 0.8),
        ((((5, 20), 0.17),), 0.97),
        ((((5, 6), 0.1), ((5, 20), 0.07)), 0.97),
    ],
)
def test_colleagues_take_a_name_only_where_they_explain_much_together(
    groups: tuple[tuple[tuple[int, int], float], ...], own: float
) -> None:
    """p05, p06 and p07 are one team, p20 is of another; one colleague may have made an export of their queue."""
    market = background_market()
    study = study_of(market, unopened(market, 3))
    single = np.zeros(len(market.names))
    single[5] = 0.8
    found = own_chances(study, single, tuple(GroupWeight(members, chance) for members, chance in groups))
    assert found[5] == pytest.approx(own)


def test_reports_that_say_nothing_leave_the_insider_prior_as_it_was() -> None:
    market = background_market()
    market.show("p07", range(400))
    known = {place: {"known_elsewhere": True} for place in range(12)}
    judgement = judged(market, study_of(market, list(range(12)), changes=known))
    assert judgement.late.log_bayes_factor == pytest.approx(0.0, abs=1e-2)


def test_a_log_that_shows_nobody_leaves_the_insider_prior_as_it_was() -> None:
    """What was opened in time is not in it: that is no sign of nobody inside."""
    market = background_market()
    market.opened = {}
    judgement = judged(market, study_of(market, list(range(12))), replace(AROUND, log_has_accesses=False))
    assert judgement.undecided is not None
    assert judgement.undecided.code == "log_incomplete"
    assert judgement.no_insider_probability == pytest.approx(0.5, abs=0.01)
    assert judgement.source_count_probability == pytest.approx((0.5, 0.5, 0.0, 0.0), abs=0.01)
