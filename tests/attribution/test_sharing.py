"""Which part of somebody's customers others had been shown too, by region and intensity."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution.sharing import Opened, OwnRates, own_rates, shares_of_like
from leaktrace.attribution.study import Reals, Study
from leaktrace.attribution.view import view_at
from tests.attribution.worlds import Market, background_market, judged, samples_of, study_of

OWNER, OTHER = "p03", "p12"


def quiet_market() -> Market:
    """Forty people of whom the owner and the other have opened nobody yet."""
    market = background_market()
    market.opened = {pair: at for pair, at in market.opened.items() if pair[1] not in (OWNER, OTHER)}
    return market


def busy(market: Market, customers: Iterable[int]) -> list[int]:
    """These customers, shown to twenty others each."""
    chosen = list(customers)
    for name in market.names[15:35]:
        market.show(name, chosen)
    return chosen


def share_at_cases(market: Market, study: Study) -> Reals:
    """Share of the owner's customers that the other had been shown, at each case."""
    owner, other = market.names.index(OWNER), np.array([market.names.index(OTHER)])
    view = view_at(study)
    sample = samples_of(market, [owner]).of(owner)
    assert sample is not None
    opened = Opened.of(view, owner, view.rows(np.array([owner]))[0][0], sample)
    shares: Reals = shares_of_like(view, opened, opened.shown_to(view, other), own_rates(view, other))
    return np.asarray(shares[0])


def test_the_share_of_the_busy_is_told_from_that_of_the_quiet() -> None:
    """Thirty quiet customers of whom two are shared, and ten busy ones of whom nine are."""
    market = quiet_market()
    rushed = busy(market, range(1000, 1010))
    market.show(OWNER, [*range(30), *rushed, 2000, 1500])
    market.show(OTHER, [0, 1, *rushed[:9], *busy(market, range(1100, 1150)), 1500])
    busy(market, [1500])
    share = share_at_cases(market, study_of(market, [1500, 2000]))
    assert share[0] > 0.75
    assert share[1] < 0.15


def test_cases_are_of_the_owners_customers_too() -> None:
    """Of thirty customers the other was shown twenty, fourteen of them among sixteen reports: it is 20 of 30."""
    market = quiet_market()
    market.show(OWNER, range(30))
    market.show(OTHER, [*range(14), *range(16, 22)])
    share = share_at_cases(market, study_of(market, range(16)))
    assert share.mean() == pytest.approx(20 / 30, abs=0.08)


def test_few_cases_of_many_customers_say_little() -> None:
    """All eight reports are shared, and one in ten of eight hundred customers."""
    market = quiet_market()
    market.show(OWNER, range(800))
    market.show(OTHER, [*range(8), *range(10, 800, 10)])
    share = share_at_cases(market, study_of(market, range(8)))
    assert share.mean() == pytest.approx(0.11, abs=0.03)


def test_a_region_where_only_the_other_works_is_shared_more_than_the_owners_own() -> None:
    """The owner has four customers in region 2, where the other was shown a half of everybody."""
    market = quiet_market()
    market.region = dict.fromkeys(range(2000, 3000), 2)
    market.show(OWNER, [*range(200), *range(2000, 2004)])
    market.show(OTHER, [0, 1, *range(2000, 2500)])
    share = share_at_cases(market, study_of(market, [5, 2001], region_known=True))
    assert share[0] < 0.05
    assert share[1] > 0.3


@given(seed=st.integers(0, 10_000), both=st.integers(0, 60))
def test_shares_are_shares(seed: int, both: int) -> None:
    rng = np.random.default_rng(seed)
    market = MARKET
    study = study_of(market, [0, 500, 1500])
    view = view_at(study)
    sample = market.group(range(600, 660))
    owner = 3
    opened = Opened.of(view, owner, np.array([True, False, True]), sample)
    shown = np.zeros((2, 62), dtype=np.bool_)
    shown[:, rng.choice(62, both, replace=False)] = True
    own = OwnRates(rng.random((2, 15)), rng.random((2, view.known.regions)))
    share = shares_of_like(view, opened, shown, own.of_either(np.array([0, 1]), np.array([1, 0])))
    assert share.shape == (2, 3)
    assert ((share > 0.0) & (share <= 1.0)).all()
    assert share[0] == pytest.approx(share[1])


MARKET = background_market()


def test_reports_of_the_busy_are_no_sign_that_two_others_chose_them() -> None:
    """The reports come of the busy among the owner's customers; ten others were shown each of those, and two of them
    nearly all, as two of so many are by chance. Over all of the owner's customers they were shown few.
    """
    market, rng = quiet_market(), np.random.default_rng(0)
    crowd = [name for name in market.names if name not in (OWNER, OTHER)]
    rushed = list(range(1000, 1024))
    for customer in (*rushed, *range(1100, 1300)):
        for name in rng.choice(crowd, 10, replace=False):
            market.show(str(name), [customer])
    market.show(OWNER, [*range(80), *rushed])
    market.show(OTHER, [*rushed[:15], *range(1100, 1250)])
    assert judged(market, study_of(market, [*rushed[::2], 0, 8])).named == (OWNER,)
