"""What others opened in a burst, and names: a name stands with it counted, and a young log has no burst of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import decision, look_closely, look_first, waves
from leaktrace.attribution.judge import _verdict as verdict_of
from leaktrace.attribution.view import view_at
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


def test_nobody_is_not_cleared_by_what_is_set_aside_alone() -> None:
    market = background_market()
    study = study_of(market, unopened(market, 40))
    first = look_first(study, AROUND.margin_days)
    look = look_closely(first, samples_of(market, first.shortlist.tolist()))
    verdict, looks = verdict_of(look, AROUND, 0.5, None)
    assert verdict.outcome == "nobody"
    doubtful = replace(looks, late_told=replace(looks.late_told, nobody=0.6))
    assert decision.decide(study, doubtful, AROUND).outcome == "undecided"


class TestYoungLogs:
    """The log begins a hundred days before the mail. What a source had been shown before passing it on all lies in the
    first part of it; so does what a handler opened, but in a few days of it.
    """

    BEGAN_AT = MAIL_AT - 100 * DAY

    def market(self, seed: int) -> Market:
        market = background_market(seed, each=80)
        draw = np.random.default_rng(seed)
        for key in market.opened:
            market.opened[key] = int(self.BEGAN_AT + draw.uniform(0.0, 99.0) * DAY)
        for customer in draw.choice(market.size, 250, replace=False):
            market.show("p07", [customer], int(self.BEGAN_AT + draw.uniform(0.0, 99.0) * DAY))
        return market

    @pytest.mark.parametrize("seed", [1, 2, 4, 5, 6, 7])
    def test_a_source_who_passed_them_on_some_time_ago_is_named(
        self, monkeypatch: pytest.MonkeyPatch, seed: int
    ) -> None:
        market = self.market(seed)
        passed_on = [c for (c, who), at in market.opened.items() if who == "p07" and at < MAIL_AT - 45 * DAY]
        reports = sorted(
            {*np.random.default_rng(seed).choice(passed_on, 30, replace=False).tolist(), *unopened(market, 6)}
        )
        study = study_of(market, reports)
        assert judged(market, study).named == ("p07",)
        monkeypatch.setattr(waves, "_share_before", lambda *_: np.zeros(1))
        assert judged(market, study).named == ()

    @pytest.mark.parametrize("days", [5.0, 15.0, 25.0])
    @pytest.mark.parametrize("seed", range(3))
    def test_a_handler_is_not(self, seed: int, days: float) -> None:
        market = self.market(seed)
        reports = unopened(market, 30, seed + 9)
        draw = np.random.default_rng(seed)
        for customer in reports:
            market.show("p07", [customer], int(MAIL_AT - draw.uniform(45.0 - days, 45.0) * DAY))
        judgement = judged(market, study_of(market, reports))
        assert judgement.named == ()
        assert [wave.principal for wave in judgement.set_aside] == [7]


@pytest.mark.parametrize("seed", [0, 2])
def test_who_opened_most_of_them_within_days_long_ago_is_not_named_for_a_list_of_those(seed: int) -> None:
    """An analyst opened 25 accounts that were taken over together, eight months before the mail; so far a burst is not
    looked for. The sender's list is of taken-over accounts.
    """
    market, draw = background_market(seed), np.random.default_rng(seed)
    cluster = draw.choice(market.size, 25, replace=False).tolist()
    for customer in cluster:
        market.show("p07", [customer], int(MAIL_AT - (233.0 - draw.uniform(0.0, 2.0)) * DAY))
    market.show("p07", [int(customer) for customer in draw.choice(market.size, 200, replace=False)])
    study = study_of(market, sorted({*cluster[:12], *unopened(market, 8, seed + 5)}))
    judgement = judged(market, study)
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "common_cause"
    assert judgement.sets[0].principals == ("p07",)
    # Without the guard, or where it is checked that nothing else brought them:
    assert judged(market, study, UNGUARDED).named == ("p07",)


@pytest.mark.parametrize("seed", range(3))
def test_whoever_explains_the_reports_with_a_burst_is_told_beside_who_is_short_of_a_name(seed: int) -> None:
    """p20 opened forty of fifty in a burst, and p05 twelve, ten of them others; p05 is not named for another reason."""
    market, draw = background_market(seed), np.random.default_rng(seed)
    reports = unopened(market, 50, seed)
    for customer in reports[:40]:
        market.show("p20", [customer], int(MAIL_AT - draw.uniform(30.0, 40.0) * DAY))
    market.show("p05", reports[38:])
    judgement = judged(market, study_of(market, reports), replace(AROUND, bulk_readers=frozenset({"p30"})))
    assert judgement.named == ()
    assert judgement.undecided is not None
    assert judgement.undecided.code == "log_incomplete"
    assert "(--no-earlier-mail)" in judgement.undecided.sentence
    chances = {members.principals: members.probability for members in judgement.sets}
    assert chances["p20",] == pytest.approx(0.5, abs=0.05)


def test_in_a_young_log_too_eight_within_three_days_are_a_burst() -> None:
    """The log began two weeks before, and a quarter of this principal's own work fell into these days: a recall, of
    which three were to tell the customers.
    """
    draw = np.random.default_rng(3)
    market = Market(0, [f"p{number:02d}" for number in range(5)])
    burst = [70.0, 69.0, 68.5, 68.0, 67.6, 67.4, 67.2, 67.0]
    days = [("p00", [*burst, *draw.uniform(1, 85, 60), *draw.uniform(67, 70, 20)])]
    days += [(name, draw.uniform(1, 85, 150).tolist()) for name in market.names[1:]]
    for name, before in days:
        for one in before:
            market.show(name, [market.size], int(MAIL_AT - one * DAY))
            market.size += 1
    study = study_of(market, range(len(burst)))
    wave = waves.wave_of(view_at(study), samples_of(market, range(5)), 0, MAIL_AT - AROUND.wave_days * DAY)
    assert wave is not None
    assert wave.opened_count == len(burst)


class TestWhoTookOverAColleaguesCustomers:
    """A newcomer worked for twelve days, most of it for customers whom a colleague had served for long, and passed on
    all of it. The newcomer's work looks like a burst, and the colleague explains most of what is left.
    """

    def leaked(self, seed: int) -> tuple[Market, list[int]]:
        market = background_market(seed)
        market.show("p07", range(0, 3000, 10))
        draw = np.random.default_rng(seed)
        colleagues = sorted(customer for customer, who in market.opened if who == "p07")
        taken = [*draw.choice(colleagues, 120, replace=False).tolist(), *range(5, 605, 10)]
        market.names.append("p40")
        market.teams["p40"] = market.teams["p07"]
        for customer in taken:
            market.show("p40", [customer], int(MAIL_AT - draw.uniform(62.0, 74.0) * DAY))
        return market, sorted(draw.choice(np.unique(taken), 40, replace=False).tolist())

    @pytest.mark.parametrize("seed", [2, 3, 4])
    def test_the_colleague_is_not_named(self, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
        market, reports = self.leaked(seed)
        study = study_of(market, reports)
        monkeypatch.setattr(decision, "WITH_BURSTS_PROBABILITY", 0.0)
        assert judged(market, study).named == ("p07",)
        monkeypatch.undo()
        judgement = judged(market, study)
        assert judgement.named == ()
        assert judgement.undecided is not None
        assert judgement.undecided.code == "indistinguishable"
        assert "a source who passed on what was opened then" in judgement.undecided.sentence
        assert {"p07", "p40"} <= set(judgement.sets[0].principals)
        first, second = judgement.candidates[:2]
        assert {first.principal, second.principal} == {"p07", "p40"}
        assert first.probability == pytest.approx(second.probability)
        assert {one.principal: one.opened_count for one in (first, second)}["p40"] == 40

    @pytest.mark.parametrize("seed", [2, 3, 4])
    def test_the_newcomer_is_named_where_no_earlier_mail_came(self, seed: int) -> None:
        market, reports = self.leaked(seed)
        assert judged(market, study_of(market, reports), UNGUARDED).named == ("p40",)

    @pytest.mark.parametrize("seed", [2, 3, 4])
    def test_of_a_known_handler_it_is_the_work(self, seed: int) -> None:
        """p40 opened the complaints about an earlier mail of p07's leak, and others."""
        market, _ = self.leaked(seed)
        known = replace(AROUND, complaint_handlers=frozenset({"p40"}))
        reports = sorted({*opened_by(market, "p07", 30, seed), *unopened(market, 6, seed)})
        market.show("p40", reports, int(MAIL_AT - 65 * DAY))
        assert judged(market, study_of(market, reports), known).named == ("p07",)
