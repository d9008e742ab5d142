"""About how many more reports would decide? Rough on purpose, and printed with "about"."""

from __future__ import annotations

import math

import numpy as np

from leaktrace.attribution.explanations import Posterior, Weighed
from leaktrace.attribution.rivals import Rival
from leaktrace.attribution.study import Reals

NEVER_APART_SHARE = 0.97
"""Who had been shown more than this share of a principal's customers is not told apart by any number of reports."""


def more_for(late: Posterior, best: Weighed, threshold: float) -> int:
    """About how many more reports would lift the best candidate over the threshold."""
    chance = float(np.clip(late.own[best.principal], 1e-9, 1.0 - 1e-9))
    short = math.log(threshold / (1.0 - threshold)) - math.log(chance / (1.0 - chance))
    return max(1, math.ceil(max(short, 0.5) / _nats_per_report(float(np.mean(best.rate)), best.noise)))


def more_at_all(late: Posterior) -> int:
    """Reports needed from nothing, about log2(N / delta) / KL (DESIGN 5), less those that are there; half as many again
    at least, for what so many leave open few more do not settle.
    """
    rates: Reals = late.view.known.marginal[late.view.study.opened_count > 0]
    rate = float(np.median(rates)) if len(rates) else 0.01
    needed = math.log(max(len(rates), 1) / 0.01) / _nats_per_report(rate, 0.4)
    return max(1, math.ceil(needed) - late.view.size, math.ceil(late.view.size / 2))


def _nats_per_report(rate: float, noise: float) -> float:
    """What one report adds for a source: KL of Bern(P) from Bern(q), P = (1 - nu) + nu q."""
    q = min(max(rate, 1e-6), 0.95)
    noise = min(max(noise, 0.02), 0.9)
    p = min(1.0 - noise + noise * q, 0.999)
    return max(p * math.log(p / q) + (1.0 - p) * math.log((1.0 - p) / (1.0 - q)), 0.01)


def more_for_rival(best: Weighed, rival: Rival, least_log_ratio: float) -> int | None:
    """About how many more reports would part the two; null where the rival was shown all that the principal was."""
    return more_to_part(best, rival.rival, least_log_ratio - rival.behind)


def share_shown_to(best: Weighed, other: int) -> float | None:
    """Share of the principal's customers that another had been shown too; null where nothing was sampled."""
    if best.opened is None or best.opened.size == 0:
        return None
    return float((best.opened.pair_principal == other).sum()) / best.opened.size


def more_to_part(best: Weighed, other: int, short: float) -> int | None:
    """About how many more reports would bring so many nats between the two; null where no number does."""
    share = share_shown_to(best, other)
    if share is None or share > NEVER_APART_SHARE:
        return None
    q, noise = float(np.clip(np.mean(best.rate), 1e-6, 0.9)), min(max(best.noise, 0.05), 0.9)
    miss = math.log(1.0 + (1.0 - noise) / (noise * q))
    gain = (1.0 - noise) * (share * math.log(max(share, 1e-3)) + (1.0 - share) * miss)
    return max(1, math.ceil(short / gain)) if gain > 1e-3 else None
