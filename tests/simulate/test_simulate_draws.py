"""The random draws do what their names say."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.simulate import draws
from leaktrace.simulate.model import LOG_DAYS, LOG_START, MICROSECONDS_A_DAY, moment

seeds = st.integers(0, 2**32)
weights = st.lists(st.floats(0.01, 100), min_size=1, max_size=30)


@given(seeds, weights, st.integers(0, 3), st.integers(0, 500))
def test_shares_add_up_and_none_is_below_the_least(seed: int, parts: list[float], least: int, more: int) -> None:
    total = least * len(parts) + more
    shares = draws.shares_out(total, np.array(parts), least)
    assert shares.sum() == total
    assert shares.min() >= least
    exact = np.array(parts) / sum(parts) * more + least
    assert np.abs(shares - exact).max() <= 1


@given(seeds, st.lists(weights, min_size=1, max_size=6))
def test_a_draw_in_groups_stays_in_its_group(seed: int, groups: list[list[float]]) -> None:
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *map(len, groups)])
    wanted = rng.integers(0, len(groups), 50)
    drawn = draws.in_groups(rng, np.concatenate(groups), starts, wanted)
    assert (drawn >= starts[wanted]).all()
    assert (drawn < starts[wanted + 1]).all()


def test_draws_follow_their_weights() -> None:
    rng = np.random.default_rng(1)
    counts = np.bincount(draws.in_proportion(rng, np.array([1.0, 0.0, 3.0]), 40_000), minlength=3) / 40_000
    assert np.allclose(counts, [0.25, 0, 0.75], atol=0.01)
    inside = draws.in_groups(rng, np.array([1.0, 1.0, 1.0, 4.0]), np.array([0, 2, 4]), np.ones(40_000, np.int64))
    assert np.allclose(np.bincount(inside, minlength=4) / 40_000, [0, 0, 0.2, 0.8], atol=0.01)


@given(seeds, weights)
def test_without_return_draws_nobody_twice(seed: int, parts: list[float]) -> None:
    drawn = draws.without_return(np.random.default_rng(seed), np.array(parts), len(parts))
    assert drawn.tolist() == list(range(len(parts)))


def test_without_return_prefers_the_heavy_and_leaves_out_the_weightless() -> None:
    rng = np.random.default_rng(2)
    chances = np.array([10.0] * 10 + [1.0] * 100 + [0.0] * 10)
    drawn = np.concatenate([draws.without_return(rng, chances, 5) for _ in range(400)])
    assert drawn.max() < 110
    assert 0.4 < (drawn < 10).mean() < 0.6


@given(seeds, st.integers(0, LOG_DAYS - 2), st.integers(1, LOG_DAYS))
def test_working_days_stay_in_their_term(seed: int, start: int, length: int) -> None:
    end = min(LOG_DAYS, start + length)
    day = draws.working_days(np.random.default_rng(seed), np.full(40, start), np.full(40, end))
    assert (day >= start).all()
    assert (day < end).all()


def test_weekends_are_quieter() -> None:
    rng = np.random.default_rng(3)
    day = draws.working_days(rng, np.zeros(50_000, np.int64), np.full(50_000, LOG_DAYS))
    weekday = np.array([moment(LOG_START + d * MICROSECONDS_A_DAY).weekday() for d in range(LOG_DAYS)])[day]
    counts = np.bincount(weekday, minlength=7) / 50_000
    assert counts[:5].min() > 2 * counts[5:].max()
