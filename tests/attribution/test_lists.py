"""What the sender's list is like, learned: against the sum over every way in which the hits may have come."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp

from leaktrace.attribution.likelihood import NOISE, Columns, Credibility
from leaktrace.attribution.lists import CONCENTRATIONS, Regions, list_gain
from leaktrace.attribution.study import Reals

_EXPECTED = np.array([0.5, 0.3, 0.2])
_NODES = range(0, len(NOISE), 2)
"""Values of nu that are reckoned; between them the gain is interpolated."""


def _cases(count: int) -> Credibility:
    return Credibility(np.ones(count), np.ones(count), np.zeros(len(NOISE)))


def _gain(shown: list[bool], region: list[int], rate: float, own: list[float]) -> Reals:
    columns = Columns(
        shown=np.array([shown]),
        neutral=np.zeros((1, len(shown)), dtype=np.bool_),
        rate=np.full((1, len(shown)), rate),
        lean=(np.array(own) / _EXPECTED)[None, region],
    )
    gain: Reals = list_gain(columns, _cases(len(shown)), Regions(np.array(region), _EXPECTED, np.array([own])))[0]
    return gain


def _log_sequence(counts: Reals, concentration: float) -> float:
    """Ln chance of a sequence with these counts, shares integrated over a Dirichlet prior."""
    prior = concentration * _EXPECTED
    found = (
        gammaln(concentration)
        - gammaln(concentration + counts.sum())
        + (gammaln(prior + counts) - gammaln(prior)).sum()
    )
    return float(found)


def _summed(shown: list[bool], region: list[int], rate: float, own: list[float], noise: float) -> float:
    """What learning the list adds, every way in which the hits may have come by list or leak summed up."""
    hits = [place for place, was in enumerate(shown) if was]
    misses = np.bincount([region[i] for i, was in enumerate(shown) if not was], minlength=3).astype(float)
    ways = []
    for by_list in itertools.product((False, True), repeat=len(hits)):
        counts = misses.copy()
        log = 0.0
        for place, listed in zip(hits, by_list, strict=True):
            log += np.log(noise * rate) if listed else np.log((1.0 - noise) * max(own[region[place]], 1e-12))
            counts[region[place]] += listed
        ways += [log + _log_sequence(counts, concentration) for concentration in CONCENTRATIONS]
    everything = np.bincount(region, minlength=3).astype(float)
    nobody = logsumexp([_log_sequence(everything, concentration) for concentration in CONCENTRATIONS])
    plain = sum(np.log(noise * rate + (1.0 - noise) * own[region[place]] / _EXPECTED[region[place]]) for place in hits)
    return float(logsumexp(ways) - nobody - plain)


@settings(max_examples=60, deadline=None)
@given(
    cases=st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=1, max_size=7),
    rate=st.floats(0.001, 0.9),
    weights=st.tuples(*[st.floats(0.01, 1.0)] * 3),
)
def test_the_bound_never_adds_more_than_the_sum_over_all_ways_and_little_less(
    cases: list[tuple[bool, int]], rate: float, weights: tuple[float, float, float]
) -> None:
    shown, region = [one[0] for one in cases], [one[1] for one in cases]
    own = [weight / sum(weights) for weight in weights]
    found = _gain(shown, region, rate, own)
    for node in _NODES:
        exact = _summed(shown, region, rate, own, float(NOISE[node]))
        assert found[node] <= exact + 1e-6
        assert found[node] >= exact - 2.5


def test_without_a_hit_there_is_nothing_to_learn() -> None:
    assert _gain([False] * 5, [0, 1, 2, 2, 1], 0.1, [0.8, 0.1, 0.1]) == pytest.approx(0.0)


def test_a_leak_of_one_region_beside_a_list_of_another_speaks_for_the_source() -> None:
    """Twelve hits of the source's own region, eight misses of another: no one list is like both."""
    gain = _gain([True] * 12 + [False] * 8, [0] * 12 + [2] * 8, 0.3, [0.95, 0.03, 0.02])
    assert float(gain[: len(NOISE) // 2].max()) > 2.0


def test_a_list_of_the_very_region_speaks_for_nobody() -> None:
    """As many hits as chance makes of a list of just the source's region: learning the list adds nothing for a leak."""
    gain = _gain([True] * 6 + [False] * 14, [0] * 20, 0.3, [0.95, 0.03, 0.02])
    assert float(gain.max()) < 1.0
