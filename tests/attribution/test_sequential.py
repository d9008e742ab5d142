"""A campaign traced again after every new report keeps its error rate (guard 6); `bench/sequential.py` looks longer.

Where nobody is inside the Bayes factor of somebody inside is a nonnegative martingale of mean one, as far as the null
model is right: the chance that it ever passes c is at most 1 / c (Ville, 1939), however often one looks.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.attribution.worlds import background_market, judged, opened_by, study_of, unopened

LOOKS = (3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 28, 34, 40)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_a_mailing_without_insider_nobody_is_ever_named(seed: int) -> None:
    market = background_market(seed)
    arriving = np.random.default_rng(seed).permutation(unopened(market, LOOKS[-1], seed)).tolist()
    looks = [judged(market, study_of(market, arriving[:count])) for count in LOOKS]
    assert all(look.named == () for look in looks)
    # Three worlds say little of a bound; but a factor of a hundred at any look would be the one in a hundred.
    assert max(look.numbers.log_bayes_factor for look in looks) < math.log(100.0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_source_once_named_stays_named_and_nobody_else_is(seed: int) -> None:
    market = background_market(seed)
    market.show("p07", range(300))
    reports = sorted({*opened_by(market, "p07", 28, seed), *unopened(market, 12, seed)})
    arriving = np.random.default_rng(seed).permutation(reports).tolist()
    names = [judged(market, study_of(market, arriving[:count])).named for count in LOOKS]
    assert {name for found in names for name in found} == {"p07"}
    first = next(place for place, found in enumerate(names) if found)
    kept = [bool(found) for found in names[first:]]
    assert kept[-1]
    assert sum(kept) > 2 / 3 * len(kept)
