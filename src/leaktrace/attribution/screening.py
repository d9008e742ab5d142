"""A rough reckoning over all principals: whom is it worth to look at closely?

Rates come from the controls alone, and there is no spread. What a principal did not hit costs no time.
"""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.baserates import CEILING, rates_from_controls
from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE
from leaktrace.attribution.strata import intensity_class
from leaktrace.attribution.study import NEVER, Flags, Indices, Reals, Study
from leaktrace.attribution.view import DECOY_TIMES, View, decoys, view_at

SHORTLISTED = 24
"""So many principals are worth a sample of what they opened, at each cut."""
_PEERS = 24
_LEADERS = 6
_NEAR = 6


def shortlist(study: Study, margin_at: int) -> Indices:
    """Principals worth a sample of what they opened, at either cut, with the peers they are compared with; sorted."""
    chosen: set[int] = set()
    for latest in (NEVER, margin_at):
        view = view_at(study, latest)
        log_ratio = screen(view)
        chosen |= set(closest(view, log_ratio, SHORTLISTED).tolist()) | set(peers(view).tolist())
        chosen |= set(_near(view, log_ratio).tolist())
    return np.array(sorted(chosen), dtype=np.int64)


def closest(view: View, log_ratio: Reals, many: int) -> Indices:
    """So many, about: the strongest by weight, and those shown most cases; sorted."""
    hits = view.hits()
    by_weight = np.argsort(-log_ratio, kind="stable")[:many]
    by_hits = np.argsort(-hits, kind="stable")[: many // 4]
    chosen = np.union1d(by_weight, by_hits)
    return chosen[hits[chosen] > 0].astype(np.int64)


def peers(view: View) -> Indices:
    """Who would be shown most of such cases, whatever they were shown: they tell how good the null model is; sorted."""
    expected = expected_hits(view, view.weight)
    return np.sort(np.argsort(-expected, kind="stable")[:_PEERS]).astype(np.int64)


def _near(view: View, log_ratio: Reals) -> Indices:
    """Those who share most controls with the leading principals, whatever cases they were shown."""
    controls, found = view.controls, set[int]()
    for leader in np.argsort(-log_ratio, kind="stable")[:_LEADERS].tolist():
        own = np.zeros(controls.size, dtype=np.bool_)
        own[controls.pair_customer[controls.pair_principal == leader]] = True
        together = np.bincount(controls.pair_principal[own[controls.pair_customer]], minlength=len(log_ratio)).astype(
            np.float64
        )
        together[leader] = 0.0
        # Sharing many counts, and sharing more than one's size makes likely.
        closeness = together**3 / (view.known.marginal * max(int(own.sum()), 1) + 0.5) ** 2
        found |= set(np.argsort(-closeness, kind="stable")[:_NEAR].tolist())
    return np.array(sorted(found), dtype=np.int64)


def screen(view: View) -> Reals:
    """Ln likelihood ratio of every principal, with rates from the controls and no spread, `[principals]`.

    Exact enough to choose whom to look at closely; only what a principal hit costs time.
    """
    count = len(view.study.principals)
    decoy = decoys(view)[view.pair_case]
    noise = 1.0 - (1.0 - NOISE)[:, None] * view.belief[None, :]
    miss = np.log(noise) * view.weight
    total = np.tile(miss.sum(axis=1), (count, 1))
    rate = rates_from_controls(
        view.known, view.pair_principal, view.region[view.pair_case], view.intensity[view.pair_case] - 1
    )
    rate = np.where(decoy, DECOY_TIMES * rate, rate)
    hit_noise = noise[:, view.pair_case]
    lean = _lean(view, decoy)
    rules = np.tile(total, (2, 1, 1))
    for rule, times in enumerate((np.ones(len(lean)), lean)):
        gain = np.log(hit_noise + (1.0 - hit_noise) * times / rate) * view.weight[view.pair_case]
        gain -= miss[:, view.pair_case]
        for node in range(len(NOISE)):
            rules[rule, :, node] += np.bincount(view.pair_principal, weights=gain[node], minlength=count)
    total = np.logaddexp(rules[0], rules[1]) - np.log(2.0)
    for node in range(len(NOISE)):
        total[:, node] -= np.bincount(view.neutral_principal, weights=miss[node, view.neutral_case], minlength=count)
    total += view.other_path
    peak = total.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(total - peak) @ np.exp(LOG_NOISE_WEIGHT)) + peak[:, 0])


def _lean(view: View, decoy: Flags) -> Reals:
    """How much likelier its region makes each exposure, from the controls alone."""
    if not view.study.region_known:
        return np.ones(len(view.pair_case))
    known, region = view.known, view.region[view.pair_case]
    weight = (known.region_hits + known.marginal[:, None]) / (known.region_controls + 1.0) * known.region_share
    share = weight[view.pair_principal, region] / weight.sum(axis=1)[view.pair_principal]
    return np.where(decoy, 1.0, share / view.listed_share[region])


def expected_hits(view: View, case_weight: Reals) -> Reals:
    """Per principal, how many cases they would have been shown if innocent, cases weighted, `[principals]`."""
    known = view.known
    lean = known.tilt / (known.class_share @ known.tilt)[:, None]
    pull = lean[view.region, intensity_class(np.maximum(view.intensity - 1, 0))] * case_weight
    by_region = np.bincount(view.region, weights=pull, minlength=known.regions)
    rate = (known.region_hits + 20.0 * known.marginal[:, None]) / (known.region_controls + 20.0)
    return np.asarray(np.minimum(rate @ by_region, case_weight.sum() * CEILING))
