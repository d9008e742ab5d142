"""A rough reckoning over all principals: whom is it worth to look at closely?

Rates come from the controls alone, and there is no spread. What a principal did not hit costs no time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import CEILING, rates_from_controls
from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.ranking import highest
from leaktrace.attribution.strata import intensity_class
from leaktrace.attribution.study import DAY, Flags, Indices, Reals, Study
from leaktrace.attribution.view import DECOY_TIMES, View, decoys, view_at

SHORTLISTED = 24
"""So many principals are worth a sample of what they opened, at each cut."""
_PEERS = 24
_LEADERS = 6
_NEAR = 6
_NODES = slice(1, None, 3)
"""Nodes of nu that are enough for a rough reckoning."""


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What the cases and controls say before anybody's openings are sampled."""

    study: Study
    view: View
    """Each customer's own mail is the cut."""
    roughly: Reals
    """`screen` of that view, `[principals]`."""
    margin_at: int
    """The early cut: so many days before the campaign's first mail, microseconds UTC."""
    shortlist: Indices
    """Principals worth a sample of what they opened, at either cut, with the peers they are compared with; sorted."""


def look_first(study: Study, margin_days: int) -> FirstLook:
    """Whom to sample: the beginning of a judgement, between the two look-ups."""
    early_cut = study.start_at - margin_days * DAY
    late = view_at(study)
    early = view_at(study, early_cut, like=late)
    roughly = screen(late)
    chosen: set[int] = set()
    leaders: set[int] = set()
    for view, log_ratio in ((late, roughly), (early, screen(early))):
        chosen |= set(closest(view, log_ratio, SHORTLISTED).tolist()) | set(peers(view).tolist())
        leaders |= set(highest(log_ratio, _LEADERS).tolist())
    for leader in leaders:
        chosen |= set(_near(late, leader).tolist())
    return FirstLook(study, late, roughly, early_cut, np.array(sorted(chosen), dtype=np.int64))


def closest(view: View, log_ratio: Reals, many: int) -> Indices:
    """So many, about: the strongest by weight, and those shown most cases; sorted."""
    hits = view.hits()
    by_weight = highest(log_ratio, many)
    by_hits = highest(hits, many // 4)
    chosen = np.union1d(by_weight, by_hits)
    return chosen[hits[chosen] > 0].astype(np.int64)


def peers(view: View) -> Indices:
    """Who would be shown most of such cases, whatever they were shown: they tell how good the null model is; sorted."""
    expected = expected_hits(view, view.weight)
    return np.sort(highest(expected, _PEERS))


def _near(view: View, leader: int) -> Indices:
    """Those who share most controls with a leading principal, whatever cases they were shown."""
    controls = view.controls
    own = np.zeros(controls.size, dtype=np.bool_)
    own[controls.pair_customer[controls.pair_principal == leader]] = True
    shared = controls.pair_principal[own[controls.pair_customer]]
    together = np.bincount(shared, minlength=len(view.study.principals)).astype(np.float64)
    together[leader] = 0.0
    # Sharing many counts, and sharing more than one's size makes likely.
    closeness = together**3 / (view.known.marginal * max(int(own.sum()), 1) + 0.5) ** 2
    return highest(closeness, _NEAR)


def screen(view: View) -> Reals:
    """Ln likelihood ratio of every principal, with rates from the controls and no spread, `[principals]`.

    Exact enough to choose whom to look at closely; only what a principal hit costs time.
    """
    count = len(view.study.principals)
    order = np.argsort(view.pair_principal, kind="stable")
    principal, case = view.pair_principal[order], view.pair_case[order]
    decoy = decoys(view)[case]
    nodes = NOISE[_NODES][:, None]
    noise = 1.0 - (1.0 - nodes) * view.belief[None, :]
    miss = np.log(noise) * view.weight
    rate = rates_from_controls(view.known, principal, view.region[case], view.intensity[case] - 1)
    rate = np.where(decoy, DECOY_TIMES * rate, rate)
    hit_noise, weight = noise[:, case], view.weight[case]
    rules = []
    for times in (np.ones(len(case)), _lean(view, principal, case, decoy)):
        gain = np.log(hit_noise + (1.0 - hit_noise) * times / rate) * weight - miss[:, case]
        rules.append(_sums(principal, gain, count))
    total = np.logaddexp(*rules) - np.log(2.0) + miss.sum(axis=1)
    if len(view.neutral_case):
        unsure = np.argsort(view.neutral_principal, kind="stable")
        total -= _sums(view.neutral_principal[unsure], miss[:, view.neutral_case[unsure]], count)
    total += view.other_path[_NODES] + LOG_NOISE_WEIGHT[_NODES]
    return np.asarray(log_sum(total, axis=1) - log_sum(LOG_NOISE_WEIGHT[_NODES]))


def _sums(principal: Indices, terms: Reals, count: int) -> Reals:
    """Sums of terms `[nodes, pairs]` over the pairs of each principal (sorted), `[principals, nodes]`."""
    total = np.zeros((count, len(terms)))
    if len(principal):
        start = np.flatnonzero(np.diff(principal, prepend=-1))
        total[principal[start]] = np.add.reduceat(terms, start, axis=1).T
    return total


def _lean(view: View, principal: Indices, case: Indices, decoy: Flags) -> Reals:
    """How much likelier its region makes each exposure, from the controls alone."""
    if not view.study.region_known:
        return np.ones(len(case))
    known, region = view.known, view.region[case]
    hit = np.unique(principal)
    weight = (known.region_hits[hit] + known.marginal[hit, None]) / (known.region_controls + 1.0) * known.region_share
    share = (weight / weight.sum(axis=1, keepdims=True))[np.searchsorted(hit, principal), region]
    return np.where(decoy, 1.0, share / view.listed_share[region])


def expected_hits(view: View, case_weight: Reals, principals: Indices | None = None) -> Reals:
    """How many cases each would have been shown if innocent, cases weighted, `[principals]`; of all, or of these."""
    known = view.known
    hits, marginal = known.region_hits, known.marginal[:, None]
    if principals is not None:
        hits, marginal = hits[principals], marginal[principals]
    lean = known.tilt / (known.class_share @ known.tilt)[:, None]
    pull = lean[view.region, intensity_class(np.maximum(view.intensity - 1, 0))] * case_weight
    by_region = np.bincount(view.region, weights=pull, minlength=known.regions)
    rate = (hits + 20.0 * marginal) / (known.region_controls + 20.0)
    return np.asarray(np.minimum(rate @ by_region, case_weight.sum() * CEILING))
