"""Known answers: identities, limits, and parameters recovered from data made with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import beta, binom

from leaktrace.attribution.likelihood import (
    LOG_NOISE_WEIGHT,
    NOISE,
    Columns,
    Credibility,
    Doubt,
    expected_noise,
    log_likelihood_ratio,
    log_other_path,
    noise_profile,
)
from leaktrace.attribution.logs import log_sum, softplus
from leaktrace.attribution.needs import _nats_per_report
from leaktrace.attribution.several import ANOTHER, log_price
from leaktrace.attribution.spread import FLOOR, spread_of
from leaktrace.attribution.strata import CLASSES, INTENSITY_EDGES, intensity_class, pooled_tilt
from tests.attribution.worlds import background_market

NO_OTHER_PATH = np.zeros(len(NOISE))


def one_column(hits: int, misses: int, rate: float) -> Columns:
    shown = np.array([[True] * hits + [False] * misses])
    return Columns(shown, np.zeros_like(shown), np.full(shown.shape, rate))


def ratio(columns: Columns, *, belief: float = 1.0, spread: float = 1e-9) -> float:
    size = columns.shown.shape[1]
    cases = Credibility(np.full(size, belief), np.ones(size), NO_OTHER_PATH)
    found = log_likelihood_ratio(columns, cases, Doubt.alike(1, spread))
    return float(found[0])


def test_the_prior_of_noise_is_the_mixture_it_says() -> None:
    mean = 0.75 * beta.mean(1.3, 1.8) + 0.25 * beta.mean(6.0, 1.3)
    assert float(np.exp(LOG_NOISE_WEIGHT) @ NOISE) == pytest.approx(mean, abs=2e-3)
    assert float(np.exp(LOG_NOISE_WEIGHT).sum()) == pytest.approx(1.0)


@given(st.integers(0, 12), st.integers(0, 12), st.floats(0.001, 0.9))
def test_the_ratio_is_the_formula_of_the_design(hits: int, misses: int, rate: float) -> None:
    by_hand = logsumexp(hits * np.log(NOISE + (1.0 - NOISE) / rate) + misses * np.log(NOISE) + LOG_NOISE_WEIGHT)
    assert ratio(one_column(hits, misses, rate)) == pytest.approx(float(by_hand), abs=1e-6)


@given(st.integers(1, 15), st.floats(0.01, 0.8))
def test_under_the_null_the_ratio_is_one_on_average(cases: int, rate: float) -> None:
    total = sum(
        binom.pmf(hits, cases, rate) * math.exp(ratio(one_column(hits, cases - hits, rate)))
        for hits in range(cases + 1)
    )
    assert total == pytest.approx(1.0, rel=1e-6)


def test_unbelievable_reports_say_nothing() -> None:
    assert ratio(one_column(20, 0, 0.01), belief=0.0) == pytest.approx(0.0, abs=1e-9)


def test_a_wide_spread_takes_weight_away() -> None:
    columns = one_column(10, 10, 0.05)
    assert ratio(columns, spread=1.5) < ratio(columns, spread=0.3) < ratio(columns)


def test_noise_is_recovered() -> None:
    cases = Credibility(np.ones(200), np.ones(200), NO_OTHER_PATH)
    profile = noise_profile(one_column(60, 140, 0.001), cases, Doubt.alike(1, 1e-9))
    assert float(expected_noise(profile, NO_OTHER_PATH)[0]) == pytest.approx(0.7, abs=0.05)


def test_buyers_bound_the_noise_from_below() -> None:
    logs = log_other_path(15.0, 20)
    assert logs[np.searchsorted(NOISE, 0.3)] < -8.0
    assert logs[-1] > -0.1
    assert not log_other_path(0.4, 20).any()


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=30))
def test_sums_of_logs_do_not_overflow(logs: list[float]) -> None:
    assert float(log_sum(np.array(logs))) == pytest.approx(float(logsumexp(logs)), rel=1e-9, abs=1e-9)


def test_nothing_summed_is_nothing() -> None:
    assert float(log_sum(np.array([-np.inf, -np.inf]))) == -np.inf


@given(st.floats(allow_nan=False))
def test_softplus_is_the_log_of_one_more(value: float) -> None:
    assert float(softplus(np.array(value))) == pytest.approx(float(np.logaddexp(0.0, value)), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("above", [0.0, 0.6, 1.5])
@pytest.mark.parametrize("below", [0.0, 2.0])
def test_the_spread_above_is_recovered_whatever_lies_below(above: float, below: float) -> None:
    rng = np.random.default_rng(3)
    expected = rng.gamma(2.0, 2.0, 800)
    away = rng.normal(0.0, 1.0, 800)
    counts = rng.poisson(expected * np.exp(np.where(away > 0.0, above, below) * away)).astype(np.float64)
    assert spread_of(counts, expected) == pytest.approx(max(above, FLOOR), abs=0.25)


@pytest.mark.parametrize("spread", [0.6, 1.5])
def test_rates_that_are_right_on_average_have_the_upper_tail_they_have(spread: float) -> None:
    """Lognormal rates of mean one lie below one mostly; what counts is how far above somebody innocent may be."""
    rng = np.random.default_rng(3)
    expected = rng.gamma(2.0, 2.0, 800)
    shifts = rng.normal(-0.5 * spread**2, spread, 800)
    found = spread_of(rng.poisson(expected * np.exp(shifts)).astype(np.float64), expected)
    assert 2.0 * found == pytest.approx(float(np.quantile(shifts, 0.975)), abs=0.4)


def test_principals_who_were_shown_nobody_do_not_widen_the_spread() -> None:
    """A list of one queue's customers: far colleagues were shown none of them, near ones what they should have been."""
    near, far = np.full(12, 18.0), np.full(200, 2.0)
    counts = np.concatenate([np.array([13, 22, 20, 14, 18, 17, 18, 21, 16, 22, 19, 15]), np.zeros(200)])
    assert spread_of(counts.astype(np.float64), np.concatenate([near, far])) < 0.4


def test_two_sources_among_many_do_not_widen_the_spread() -> None:
    rng = np.random.default_rng(4)
    expected = np.full(500, 1.0)
    counts = rng.poisson(expected).astype(np.float64)
    quiet = spread_of(counts, expected)
    counts[:2] = 30
    assert spread_of(counts, expected) == pytest.approx(quiet, abs=0.05)


def test_intensity_classes_cover_everything() -> None:
    assert intensity_class(np.array([0, 1, 2, 10**6])).tolist() == [0, 1, 2, CLASSES - 1]
    assert intensity_class(INTENSITY_EDGES).tolist() == list(range(CLASSES))


def test_busy_customers_are_likelier_and_the_tilt_never_falls() -> None:
    market = background_market()
    tilt = pooled_tilt(market.group(range(market.size)), len(market.names))
    assert (np.diff(tilt) >= 0).all()


def test_each_further_source_has_its_price() -> None:
    first, second, third = (log_price(count, 1000, math.log(1e-3)) for count in (1, 2, 3))
    assert first == pytest.approx(math.log(1e-3))
    assert second == pytest.approx(first + math.log(ANOTHER) - math.log(999 / 2))
    assert third < second - math.log(1 / ANOTHER)


def test_what_a_report_adds_is_the_divergence_of_the_design() -> None:
    bits = [_nats_per_report(q, 0.2) / math.log(2.0) for q in (0.001, 0.1)]
    needed = [math.log2(10_000 / 0.01) / each for each in bits]
    assert needed == pytest.approx([2.8, 9.6], abs=0.15)
