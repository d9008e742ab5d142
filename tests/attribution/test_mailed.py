"""How many were mailed: known answers, and the promise not to say more than decoys can."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution import mailed_estimate
from leaktrace.records import MailedEstimate


def test_without_decoys_only_a_lower_end_is_said() -> None:
    assert mailed_estimate(500, 37, 0, 0) == MailedEstimate(low=37, mid=None, high=None)


def test_half_of_many_decoys_hit_means_about_half_of_the_customers() -> None:
    estimate = mailed_estimate(1000, 12, 200, 100)
    assert estimate == MailedEstimate(low=431, mid=500, high=569)


@given(st.integers(1, 5000), st.integers(0, 50), st.integers(1, 60), st.data())
def test_the_interval_is_ordered_and_never_below_what_is_confirmed(
    opened: int, confirmed: int, decoys: int, data: st.DataObject
) -> None:
    hits = data.draw(st.integers(0, decoys))
    estimate = mailed_estimate(opened, min(confirmed, opened), decoys, hits)
    assert estimate.low is not None
    assert estimate.mid is not None
    assert estimate.high is not None
    assert min(confirmed, opened) <= estimate.low <= estimate.mid <= estimate.high <= opened


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    shares = rng.uniform(0.0, 1.0, 400)
    covered = 0
    for share in shares:
        estimate = mailed_estimate(10_000, 0, 25, int(rng.binomial(25, share)))
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= share * 10_000 <= estimate.high
    assert 0.92 <= covered / len(shares) <= 0.98
