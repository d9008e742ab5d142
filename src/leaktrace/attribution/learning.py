"""What many campaigns teach about the next one: empirical Bayes over the share of campaigns with an insider.

Most campaigns have no insider. With the share pi unknown and a wide Beta prior about the setting, the campaigns j with
their Bayes factors B_j of "somebody inside" against "nobody inside" say

    p(pi | campaigns) ~ Beta(pi) prod_j [ pi B_j + 1 - pi ]

(Robbins, An empirical Bayes approach to statistics, 1956). The caller leaves the campaign in question out, so that no
campaign counts twice. Learning only ever lowers the setting: a run of leaks makes nobody the next source. And it lowers
it to a floor at most, so that many mailings without insider do not hide a leak among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE
from leaktrace.attribution.special import betaincinv
from leaktrace.attribution.study import Reals

PRIOR_CAMPAIGNS = 2.0
"""What is believed of the share before any campaign weighs as much as so many campaigns."""
TAIL = 0.025
"""Of the share, left out of the printed interval at each end."""
_NODES = 2000


@dataclass(frozen=True, slots=True)
class CampaignNumbers:
    """What one campaign leaves behind for the others."""

    log_bayes_factor: float
    """Ln of the Bayes factor of somebody inside against nobody inside, free of any prior of an insider."""
    noise: float
    """Mean share of other causes, were there somebody inside."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What campaigns say together; means with 95 % intervals."""

    campaign_count: int
    insider: float
    """Share of campaigns with an insider."""
    insider_low: float
    insider_high: float
    other_causes: float
    """Share of reports with another cause than somebody inside, each campaign counted alike."""
    other_causes_low: float
    other_causes_high: float


def learned_shares(campaigns: Sequence[CampaignNumbers], setting: float) -> Shares:
    """The shares given these campaigns, in any order; none at all gives the prior about `setting`."""
    # Sorted: the sum of floats, too, must not depend on the order.
    logs = np.sort(np.array([one.log_bayes_factor for one in campaigns], dtype=np.float64))
    nodes = (np.arange(_NODES) + 0.5) / _NODES
    weight = _share_weights(logs, setting, nodes)
    mean = float(weight @ nodes) if len(logs) else setting
    reached = np.cumsum(weight)
    low, high = (float(nodes[min(int(np.searchsorted(reached, at)), _NODES - 1)]) for at in (TAIL, 1.0 - TAIL))
    causes = _other_causes(campaigns, mean, setting)
    return Shares(len(campaigns), mean, low, high, *causes)


def _share_weights(logs: Reals, setting: float, nodes: Reals) -> Reals:
    """Posterior mass at each share, `[nodes]`."""
    first, second = PRIOR_CAMPAIGNS * setting, PRIOR_CAMPAIGNS * (1.0 - setting)
    total = (first - 1.0) * np.log(nodes) + (second - 1.0) * np.log1p(-nodes)
    for log in logs.tolist():
        total = total + np.logaddexp(np.log(nodes) + log, np.log1p(-nodes))
    weight = np.exp(total - total.max())
    return np.asarray(weight / weight.sum())


def _other_causes(campaigns: Sequence[CampaignNumbers], share: float, setting: float) -> tuple[float, float, float]:
    """Mean and interval of the share of reports with another cause; a Beta that counts campaigns, not reports."""
    prior = 1.0 - setting * (1.0 - float(np.exp(LOG_NOISE_WEIGHT) @ NOISE))
    each = sorted(1.0 - chance_of_insider(one.log_bayes_factor, share) * (1.0 - one.noise) for one in campaigns)
    first = PRIOR_CAMPAIGNS * prior + sum(each)
    second = PRIOR_CAMPAIGNS * (1.0 - prior) + sum(1.0 - one for one in each)
    ends = (float(betaincinv(first, second, at)) for at in (TAIL, 1.0 - TAIL))
    low, high = ends
    return first / (first + second), low, high


def chance_of_insider(log_bayes_factor: float, prior: float) -> float:
    """Chance that a campaign has an insider, at this prior."""
    log_odds = log_bayes_factor + float(np.log(prior) - np.log1p(-prior))
    return float(np.exp(-np.logaddexp(0.0, -log_odds)))


def learned_prior(shares: Shares, setting: float, floor: float) -> float:
    """The insider prior for one more campaign: the mean share, never above the setting, never below the floor."""
    return min(max(shares.insider, floor), setting)
