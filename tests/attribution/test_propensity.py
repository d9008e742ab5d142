"""Innocent rates of principals looked at closely: what a sample does not show is not impossible."""

from __future__ import annotations

import numpy as np
import pytest

from tests.attribution.worlds import background_market, judged, opened_by, study_of, unopened


@pytest.mark.parametrize("seed", range(4))
def test_none_of_a_few_very_busy_customers_is_no_sign_that_one_cannot_come(seed: int) -> None:
    """Of eleven customers whom two thirds of all people had been shown, p00 had been shown just the two who complain.

    Its other customers hold none of them, for there are none left: an innocent rate of a tenth of the average made two
    chance hits weigh ten bits each.
    """
    market = background_market(seed + 1, people=150, each=100)
    market.teams = {}
    draw = np.random.default_rng(seed)
    busy = list(range(11))
    for customer in busy:
        for name in market.names:
            market.opened.pop((customer, name), None)
        for index in draw.choice(np.arange(1, 150), 100, replace=False).tolist():
            market.show(market.names[index], [customer])
    market.show("p00", busy[:2])
    own = [customer for customer in opened_by(market, "p00", 8, seed) if customer not in busy]
    reports = sorted({*busy[:2], *own, *(one for one in unopened(market, 30, seed) if one not in busy)})
    judgement = judged(market, study_of(market, reports))
    ours = next(one for one in judgement.late.weighed if one.principal == 0)
    average = sum(who == "p00" for _, who in market.opened) / market.size
    rates = ours.rate[: len(busy[:2])]
    assert (rates > 3.0 * average).all()
    assert (rates > np.median(ours.rate)).all()
