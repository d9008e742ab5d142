"""Openings in a burst: found against one's own habit, set aside, and no source lost by somebody else's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import Channels, Circumstances, Judgement, decision, explain, ties
from leaktrace.attribution.study import NEVER
from leaktrace.attribution.view import view_at
from leaktrace.attribution.waves import WAVE_DAYS, Wave, aside_of, wave_of
from tests.attribution.worlds import (
    AROUND,
    DAY,
    MAIL_AT,
    Market,
    background_market,
    judged,
    opened_by,
    samples_of,
    study_of,
    unopened,
)

UNGUARDED = replace(AROUND, wave_days=0)
KNOWN = replace(AROUND, complaint_handlers=frozenset({"p20"}))
SINCE = MAIL_AT - AROUND.wave_days * DAY


def burst_of(market: Market, reports: list[int], *, since: int = SINCE, kind: str = "report") -> Wave | None:
    """Of the first principal's openings of the cases."""
    study = study_of(market, reports, changes={number: {"kind": kind} for number in range(len(reports))})
    return wave_of(view_at(study), samples_of(market, [0]), 0, since)


def market_of(days_before: list[float], habit: list[float]) -> tuple[Market, list[int]]:
    """One principal who opened the cases so many days before the mail, and others at these."""
    market = Market(len(days_before) + len(habit), ["p00"])
    for customer, days in enumerate([*days_before, *habit]):
        market.show("p00", [customer], int(MAIL_AT - days * DAY))
    return market, list(range(len(days_before)))


HABIT = np.linspace(1.0, 300.0, 200).tolist()
BURST = np.linspace(20.0, 30.0, 12).tolist()


class TestBursts:
    """What is a burst, and what is none."""

    def test_a_burst_is_found_with_its_bounds(self) -> None:
        wave = burst_of(*market_of([*BURST, 100.0, 200.0], HABIT))
        assert wave == Wave(0, int(MAIL_AT - 30 * DAY), int(MAIL_AT - 20 * DAY) + 1, 12)

    def test_openings_by_habit_are_none(self) -> None:
        for seed in range(100):
            days = np.random.default_rng(seed).uniform(1.0, 300.0, 40).tolist()
            assert burst_of(*market_of(days, HABIT)) is None, seed

    def test_work_that_came_in_a_burst_itself_is_none(self) -> None:
        assert burst_of(*market_of(BURST, np.linspace(19.0, 31.0, 200).tolist())) is None

    @pytest.mark.parametrize("others", [True, False])
    def test_a_surge_of_all_of_ones_work_is_no_excuse_where_nobody_else_had_one(self, others: bool) -> None:
        market, reports = market_of(BURST * 2, [*np.linspace(19.0, 31.0, 100).tolist(), *HABIT[::20]])
        if others:
            market.names.append("p01")
            for customer, days in enumerate(HABIT, start=market.size):
                market.show("p01", [customer], int(MAIL_AT - days * DAY))
            market.size += len(HABIT)
        study = study_of(market, reports)
        wave = wave_of(view_at(study), samples_of(market, range(len(market.names))), 0, SINCE)
        assert (wave is not None) is others

    @pytest.mark.parametrize("kind", ["report", "decoy"])
    def test_decoys_never_complain(self, kind: str) -> None:
        market, reports = market_of([*BURST, 100.0, 200.0], HABIT)
        assert (burst_of(market, reports, kind=kind) is None) is (kind == "decoy")

    def test_a_burst_of_long_ago_is_none(self) -> None:
        market, reports = market_of([days + 90.0 for days in BURST], HABIT)
        assert burst_of(market, reports) is None
        assert burst_of(market, reports, since=MAIL_AT - 200 * DAY) is not None

    def test_of_whom_no_other_work_is_known_many_must_come_together(self) -> None:
        assert burst_of(*market_of(BURST, [])) is None
        wave = burst_of(*market_of(BURST * 3, []))
        assert wave is not None
        assert wave.opened_count == 36

    def test_what_is_spread_over_more_weeks_is_none(self) -> None:
        apart = [20.0, 20.0 + WAVE_DAYS + 1.0]
        market, reports = market_of([*apart, *(150.0 + 10.0 * n for n in range(10))], HABIT)
        assert burst_of(market, reports) is None

    def test_thousands_of_openings_cost_no_more_than_hundreds(self) -> None:
        market, reports = market_of(np.linspace(20.0, 30.0, 3000).tolist(), HABIT)
        wave = burst_of(market, reports)
        assert wave is not None
        assert wave.opened_count == 3000


def handled(market: Market, reports: list[int], *, days: int = 10) -> None:
    """p20 handled the complaints about a mail of weeks ago, within so many days."""
    for number, customer in enumerate(reports):
        market.show("p20", [customer], MAIL_AT - 22 * DAY - number % days * DAY)


class TestHandlersOfAMailWeeksBefore:
    """Guard 4, for what lies before the early cut."""

    @staticmethod
    def nobody_inside() -> Judgement:
        market = background_market()
        reports = unopened(market, 30)
        handled(market, reports)
        return judged(market, study_of(market, reports))

    def test_unguarded_the_handler_would_be_named(self) -> None:
        market = background_market()
        reports = unopened(market, 30)
        handled(market, reports)
        assert judged(market, study_of(market, reports), UNGUARDED).named == ("p20",)

    def test_the_handler_is_in_a_set_and_the_sentence_says_when_and_what_to_do(self) -> None:
        judgement = self.nobody_inside()
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert "1971-01-05 to 1971-01-14" in judgement.undecided.sentence
        assert "--no-earlier-mail" in judgement.undecided.sentence
        assert judgement.sets[0].principals == ("p20",)

    def test_of_a_known_handler_the_chance_is_that_of_the_story_that_is_known(self) -> None:
        market = background_market()
        reports = unopened(market, 30)
        handled(market, reports)
        study = study_of(market, reports)
        told = []
        for around in (AROUND, KNOWN):
            chances = {one.principal: one.probability for one in judged(market, study, around).candidates}
            told.append(chances.get("p20", 0.0))
        assert 0.4 < told[0] < 0.6
        assert told[1] < 0.02
        # And still not cleared: a handler of complaints can be a source.
        assert judged(market, study, KNOWN).undecided is not None

    @pytest.mark.parametrize("seed", range(6))
    def test_what_was_handled_beside_the_burst_names_nobody(self, seed: int) -> None:
        """Of two months' handling by somebody who opened few beside it, the likeliest stretch was half."""
        market = background_market(seed + 1)
        market.opened = {key: at for key, at in market.opened.items() if key[1] != "p20" or key[0] % 8 == 0}
        reports = unopened(market, 20, seed)
        draw = np.random.default_rng(seed)
        days = np.concatenate([draw.uniform(15.0, 42.0, 13), draw.uniform(42.0, 88.0, 5)])
        for customer, before in zip(reports[:18], days, strict=True):
            market.show("p20", [customer], int(MAIL_AT - before * DAY))
        assert judged(market, study_of(market, reports)).named == ()

    def test_the_source_is_named_beside_the_handler(self) -> None:
        market = background_market()
        market.show("p07", range(300))
        reports = sorted({*range(0, 300, 12), *unopened(market, 5)})
        handled(market, reports)
        study = study_of(market, reports)
        judgement = judged(market, study, KNOWN)
        assert judgement.named == ("p07",)
        assert judged(market, study).named == ()
        why = explain(study, judgement, field="email", seller="s1", seller_name=None, notes=()).why[0]
        assert any("p20 opened" in one and "1971-01-05 to 1971-01-14" in one for one in why.against)
        assert "p07" not in judged(market, study, UNGUARDED).named

    def test_the_tickets_of_the_handler_do_not_explain_the_reports_instead(self) -> None:
        market = background_market()
        market.show("p07", range(300))
        reports = sorted({*range(0, 300, 12), *unopened(market, 5)})
        handled(market, reports)
        every = np.arange(len(reports))
        none, few, at = every * 0, every[:9], every * 0 + MAIL_AT - 22 * DAY
        channels = Channels(("ticket type ABU",), every, none, at, few, few * 0, few * 0)
        study = replace(study_of(market, reports), channels=channels)
        assert judged(market, study, KNOWN).named == ("p07",)
        plain = replace(study, channels=replace(study.channels, case_at=at - 178 * DAY))
        assert judged(market, plain, KNOWN).named == ()

    def test_who_was_shown_enough_outside_the_burst_is_named(self) -> None:
        """Of what was opened since such a mail may have come nothing counts, be it in the burst or not."""
        market = background_market()
        own = opened_by(market, "p20", 25)
        reports = sorted({*own, *unopened(market, 12)})
        handled(market, [one for one in reports if (one, "p20") not in market.opened], days=3)
        recent = [one for one in reports if market.opened[one, "p20"] >= SINCE]
        assert set(recent) & set(own)
        study = study_of(market, reports)
        judgement = judged(market, study)
        assert judgement.named == ("p20",)
        why = explain(study, judgement, field="email", seller="s1", seller_name=None, notes=()).why[0]
        left_out = [term for term in why.terms if (term.other_cause or "").startswith("left out")]
        assert len(left_out) == len(recent)
        assert all(term.opened_at is not None and term.weight_bits < 0.0 for term in left_out)
        assert any(one.startswith(f"{len(left_out)} more had been shown to this principal") for one in why.against)
        assert not any("had not been shown to this principal in time" in one for one in why.against)

    @pytest.mark.parametrize("noise", [0, 8])
    @pytest.mark.parametrize("seed", range(4))
    def test_who_opens_a_colleagues_customers_in_a_burst_frames_nobody(self, seed: int, noise: int) -> None:
        """p20 opened just customers of p07's, in ten days, and passed them on."""
        market = background_market(seed + 1)
        leaked = opened_by(market, "p07", 25, seed)
        handled(market, leaked)
        judgement = judged(market, study_of(market, sorted({*leaked, *unopened(market, noise, seed)})))
        assert judgement.named == ()
        assert {"p07", "p20"} <= {name for found in judgement.sets for name in found.principals}


def test_nothing_counts_of_whoever_handled_complaints_since_the_first_may_have_come() -> None:
    """The least likely stretch of a burst is seldom all of it; what was handled beside it would have named them."""
    wave = Wave(0, int(MAIL_AT - 34 * DAY), int(MAIL_AT - 24 * DAY), 48)
    late = Wave(0, int(MAIL_AT - 14 * DAY), NEVER, 5)
    since = int(MAIL_AT - 90 * DAY)
    assert aside_of((wave, late), since).since.tolist() == [since, since]
    near = int(MAIL_AT - 20 * DAY)
    aside = aside_of((wave, late), near)
    assert aside.since.tolist() == [wave.since - 6 * DAY, near]
    assert aside.ticket_since.tolist() == [wave.since - 6 * DAY, late.since]
    assert aside.ticket_until.tolist() == [wave.until + 6 * DAY, NEVER]


@pytest.mark.parametrize("count", [6, 7, 9])
def test_short_of_a_name_too_whoever_opened_them_in_a_burst_is_as_likely(count: int) -> None:
    """Who is tied has no more chance than who ties, however many reports there are."""
    market = background_market()
    market.show("p07", range(300))
    reports = sorted([*range(0, 33 * count, 33), *unopened(market, 3)])
    handled(market, reports)
    judgement = judged(market, study_of(market, reports))
    chances = {one.principal: one.probability for one in judgement.candidates}
    assert judgement.named == ()
    assert chances["p07"] == pytest.approx(chances["p20"])
    assert chances["p07"] <= 0.5
    assert {"p07", "p20"} <= set(judgement.sets[0].principals)
    known = {one.principal: one.probability for one in judged(market, study_of(market, reports), KNOWN).candidates}
    assert known["p07"] > 2.0 * known.get("p20", 0.0)


class TestWhateverBroughtThem:
    """A list of customers who are new: a newcomer has served nobody else, and colleagues served them besides others."""

    WITHOUT_EARLIER_MAIL = replace(AROUND, wave_days=0, margin_days=0)

    @staticmethod
    def market(seed: int, *, others: bool = True) -> tuple[Market, list[int]]:
        """The market, and 150 customers of the last weeks; p40 was shown half of them, and three others a few."""
        market = background_market(seed)
        draw = np.random.default_rng(seed)
        market.names.append("p40")
        market.teams["p40"] = "t8"
        came = draw.choice(market.size, 150, replace=False).tolist()
        for who, share in (("p40", 0.5), *((("p05", 0.3), ("p11", 0.3), ("p23", 0.25)) if others else ())):
            for customer in came:
                if draw.random() < share:
                    market.show(who, [customer], int(MAIL_AT - draw.uniform(16.0, 40.0) * DAY))
        return market, came

    def listed(self, seed: int) -> tuple[Market, list[int]]:
        market, came = self.market(seed)
        return market, sorted(np.random.default_rng(seed).choice(came, 40, replace=False).tolist())

    @pytest.mark.parametrize("seed", [1, 4, 5, 7])
    @pytest.mark.parametrize("around", [AROUND, WITHOUT_EARLIER_MAIL])
    def test_the_newcomer_is_not_named(self, monkeypatch: pytest.MonkeyPatch, seed: int, around: Circumstances) -> None:
        market, reports = self.listed(seed)
        study = study_of(market, reports)
        if around is AROUND:
            monkeypatch.setattr(ties, "IN_BURSTS", 2.0)
            monkeypatch.setattr(decision, "WITH_BURSTS_PROBABILITY", 0.0)
            assert judged(market, study, around).named == ("p40",)
            monkeypatch.undo()
        judgement = judged(market, study, around)
        assert judgement.named == ()
        assert judgement.undecided is not None

    def test_the_sentence_says_why(self) -> None:
        market, reports = self.listed(1)
        judgement = judged(market, study_of(market, reports))
        assert judgement.undecided is not None
        assert judgement.undecided.code == "common_cause"
        assert "others opened them too, far more than their own work explains" in judgement.undecided.sentence

    @pytest.mark.parametrize("seed", [1, 2, 4])
    def test_a_newcomer_who_passed_them_on_is_named_where_nobody_elses_work_surged(self, seed: int) -> None:
        market, _ = self.market(seed, others=False)
        reports = sorted({*opened_by(market, "p40", 20, seed), *unopened(market, 6, seed)})
        assert judged(market, study_of(market, reports)).named == ("p40",)
