"""What campaigns teach about others: known answers, and what must hold whatever the campaigns say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.attribution import CampaignNumbers, learned_prior, learned_shares
from leaktrace.attribution.learning import chance_of_insider

NUMBERS = st.builds(CampaignNumbers, log_bayes_factor=st.floats(-60.0, 60.0), noise=st.floats(0.01, 0.99))
SETTINGS = st.sampled_from([0.05, 0.3, 0.5, 0.8])
NO_INSIDER = CampaignNumbers(-50.0, 0.5)
INSIDER = CampaignNumbers(50.0, 0.3)
SAYS_NOTHING = CampaignNumbers(0.0, 0.5)


def test_no_campaign_leaves_the_setting() -> None:
    assert learned_shares((), 0.5).insider == 0.5
    assert learned_prior(learned_shares((), 0.3), 0.3, 0.05) == 0.3


@pytest.mark.parametrize(("with_insider", "without"), [(0, 1), (0, 14), (2, 12), (30, 70), (5, 0)])
def test_certain_campaigns_count_like_draws_from_an_urn(with_insider: int, without: int) -> None:
    """With a uniform prior the mean is Laplace's rule of succession."""
    shares = learned_shares([INSIDER] * with_insider + [NO_INSIDER] * without, 0.5)
    assert shares.insider == pytest.approx((with_insider + 1) / (with_insider + without + 2), abs=2e-3)
    assert shares.insider_low < shares.insider < shares.insider_high


def test_the_share_that_campaigns_were_made_with_is_found() -> None:
    rng = np.random.default_rng(5)
    inside = rng.random(400) < 0.15
    # A normal observation of mean 2 or 0: its log Bayes factor is 2x - 2.
    seen = rng.standard_normal(400) + 2.0 * inside
    shares = learned_shares([CampaignNumbers(2.0 * x - 2.0, 0.5) for x in seen.tolist()], 0.5)
    assert shares.insider_low < 0.15 < shares.insider_high
    assert shares.insider == pytest.approx(0.15, abs=0.05)


def test_the_interval_narrows_with_campaigns() -> None:
    few, many = (learned_shares([INSIDER, NO_INSIDER, NO_INSIDER, NO_INSIDER] * times, 0.5) for times in (1, 40))
    assert many.insider_high - many.insider_low < 0.3 * (few.insider_high - few.insider_low)


def test_reports_of_campaigns_without_insider_have_another_cause() -> None:
    assert learned_shares([NO_INSIDER] * 50, 0.5).other_causes > 0.95
    assert learned_shares([INSIDER] * 50, 0.5).other_causes == pytest.approx(0.3, abs=0.03)


@given(st.lists(NUMBERS, max_size=12).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), SETTINGS)
def test_the_order_of_campaigns_changes_nothing(
    both: tuple[list[CampaignNumbers], list[CampaignNumbers]], setting: float
) -> None:
    assert learned_shares(both[0], setting) == learned_shares(both[1], setting)


@given(st.lists(NUMBERS, max_size=12), SETTINGS)
def test_a_campaign_that_says_nothing_changes_nothing(campaigns: list[CampaignNumbers], setting: float) -> None:
    before, after = learned_shares(campaigns, setting), learned_shares([*campaigns, SAYS_NOTHING], setting)
    if campaigns:
        assert after.insider == pytest.approx(before.insider, rel=1e-9)


@given(st.lists(NUMBERS, min_size=1, max_size=12), SETTINGS, st.floats(-60.0, 0.0))
def test_one_more_mailing_without_insider_never_raises_the_prior(
    campaigns: list[CampaignNumbers], setting: float, log_bayes_factor: float
) -> None:
    before = learned_shares(campaigns, setting)
    after = learned_shares([*campaigns, CampaignNumbers(log_bayes_factor, 0.5)], setting)
    assert after.insider <= before.insider * (1.0 + 1e-9)


@given(st.lists(NUMBERS, max_size=12), SETTINGS, st.floats(0.001, 0.05))
def test_the_prior_is_never_above_the_setting_and_never_below_the_floor(
    campaigns: list[CampaignNumbers], setting: float, floor: float
) -> None:
    assert floor <= learned_prior(learned_shares(campaigns, setting), setting, floor) <= setting


@given(st.lists(NUMBERS, max_size=12), SETTINGS)
def test_all_shares_are_shares_and_lie_in_their_intervals(campaigns: list[CampaignNumbers], setting: float) -> None:
    shares = learned_shares(campaigns, setting)
    assert 0.0 <= shares.insider_low <= shares.insider_high <= 1.0
    assert 0.0 <= shares.other_causes_low <= shares.other_causes <= shares.other_causes_high <= 1.0


def test_a_run_of_leaks_makes_nobody_the_next_source() -> None:
    """The attack: without the cap the prior of the next campaign would come near one."""
    shares = learned_shares([INSIDER] * 50, 0.5)
    assert shares.insider > 0.95
    assert learned_prior(shares, 0.5, 0.05) == 0.5


def test_many_harmless_mailings_do_not_hide_a_leak_among_them() -> None:
    """A source who floods the mailbox gains what the floor leaves: not quite three nats."""
    shares = learned_shares([NO_INSIDER] * 5000, 0.5)
    assert shares.insider < 0.001
    prior = learned_prior(shares, 0.5, 0.05)
    assert prior == 0.05
    assert -math.log(prior / (1.0 - prior)) < 3.0
    assert chance_of_insider(math.log(100.0 * 19.0), prior) > 0.99
