"""Where no table tells of teams: who works together is read off what they opened, and an export names nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaktrace.attribution import decision, look_closely, look_first
from leaktrace.attribution.queues import MOST_TOGETHER, with_queues
from tests.attribution.worlds import (
    AROUND,
    Market,
    background_market,
    judged,
    opened_by,
    samples_of,
    study_of,
    unopened,
)


def marketplace(seed: int = 1, *, teams: bool = False) -> Market:
    """p00 to p02 work one queue of 300 customers, p00 most of it, and meet each other's customers now and then."""
    rng = np.random.default_rng(seed)
    market = background_market(seed)
    market.opened = {key: at for key, at in market.opened.items() if key[1] not in {"p00", "p01", "p02"}}
    for customer in range(300):
        for name, share in (("p00", 0.5), ("p01", 0.15), ("p02", 0.15)):
            if rng.random() < share:
                market.show(name, [customer])
    if not teams:
        market.teams = {}
    return market


def export(market: Market, seed: int, noise: int = 4) -> list[int]:
    """Reports of the queue's customers, of whom p00 was shown a good half, and of anybody."""
    shown = sorted({c for c, who in market.opened if who in {"p00", "p01", "p02"} and c < 300})
    queue = np.random.default_rng(seed).choice(shown, 30, replace=False).tolist()
    return sorted({*queue, *unopened(market, noise, seed)})


def test_queues_are_read_off_the_openings() -> None:
    market = marketplace()
    first = look_first(study_of(market, export(market, 1)), AROUND.margin_days)
    told = with_queues(first, samples_of(market, first.shortlist.tolist()))
    team = [facts.team for facts in told.study.principals]
    assert not told.study.teams_known
    assert team[0] is not None
    assert team[0] == team[1] == team[2]
    assert sum(one == team[0] for one in team) <= MOST_TOGETHER
    assert sum(one is not None for one in team) == 3
    assert told.view.team[0] == told.view.team[1] > 0
    assert told.view.study is told.study


def test_where_a_table_tells_of_teams_nothing_is_read_off() -> None:
    market = marketplace(teams=True)
    first = look_first(study_of(market, export(market, 1)), AROUND.margin_days)
    assert with_queues(first, samples_of(market, first.shortlist.tolist())) is first


def test_who_shares_by_chance_alone_is_of_no_queue() -> None:
    market = background_market()
    market.teams = {}
    market.show("p07", range(300))
    reports = sorted({*range(0, 300, 12), *unopened(market, 10)})
    study = study_of(market, reports)
    first = look_first(study, AROUND.margin_days)
    told = with_queues(first, samples_of(market, first.shortlist.tolist()))
    assert [facts.team for facts in told.study.principals] == [None] * 40
    assert judged(market, study).named == ("p07",)


@pytest.mark.parametrize("seed", range(6))
def test_an_export_of_a_queue_names_nobody_of_it(seed: int) -> None:
    market = marketplace(seed + 1)
    judgement = judged(market, study_of(market, export(market, seed)))
    assert judgement.named == ()


def test_nor_where_a_table_splits_the_queue_into_teams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that has everybody alone: without asking who opens the same customers somebody of them is named."""
    named, guarded = 0, 0
    for seed in range(6):
        market = marketplace(seed + 1)
        market.teams = {name: name for name in market.names}
        study = study_of(market, export(market, seed))
        with monkeypatch.context() as unguarded:
            unguarded.setattr(decision, "COLLEAGUES_LIKELY", 1.0)
            named += bool(judged(market, study).named)
        guarded += bool(judged(market, study).named)
    assert named >= 3
    assert guarded <= named - 2


@pytest.mark.parametrize("seed", range(3))
def test_a_source_without_a_team_is_still_named(seed: int) -> None:
    market = marketplace(seed + 1)
    own = sorted(c for c, who in market.opened if who == "p20")
    leaked = np.random.default_rng(seed).choice(own, 25, replace=False).tolist()
    assert judged(market, study_of(market, sorted({*leaked, *unopened(market, 8, seed)}))).named == ("p20",)


def two_of_a_team(seed: int) -> Market:
    """p00 was shown two thirds of a team's 300 customers, p01 something less than half of them."""
    market = background_market(seed + 1)
    market.opened = {key: at for key, at in market.opened.items() if key[1] not in {"p00", "p01"}}
    rng = np.random.default_rng(seed)
    for name, share in (("p00", 0.65), ("p01", 0.45)):
        market.show(name, np.flatnonzero(rng.random(300) < share).tolist())
    market.teams |= {"p00": "q", "p01": "q"}
    return market


@pytest.mark.parametrize("seed", range(4))
def test_an_export_of_a_team_of_two_does_not_name_who_was_shown_most_of_it(seed: int) -> None:
    market = two_of_a_team(seed)
    shown = sorted({customer for customer, who in market.opened if who in {"p00", "p01"}})
    reports = np.random.default_rng(seed).choice(shown, 30, replace=False).tolist()
    assert judged(market, study_of(market, sorted({*reports, *unopened(market, 12, seed)}))).named == ()


@pytest.mark.parametrize("seed", range(4))
def test_who_was_shown_most_of_a_team_of_two_is_named_as_the_source(seed: int) -> None:
    market = two_of_a_team(seed)
    reports = opened_by(market, "p00", 50, seed)
    assert judged(
        market, study_of(market, sorted({*reports, *unopened(market, 12, seed)}), region_known=True)
    ).named == ("p00",)


def test_without_samples_there_are_no_queues() -> None:
    market = marketplace()
    first = look_first(study_of(market, export(market, 1)), AROUND.margin_days)
    look = look_closely(first, replace(samples_of(market, []), principals=np.zeros(0, dtype=np.int64)))
    assert all(facts.team is None for facts in look.study.principals)
    assert not look.study.teams_known
