"""How much likelier are the exposures if this principal is the source? Integrated over what nobody knows.

For a principal who had been shown the customers X_i of the cases i, with innocent rates p_i:

    H_e:  X_i = 1 with chance nu_i p_i + (1 - nu_i)        H_0:  X_i = 1 with chance p_i

nu_i = 1 - (1 - nu) a_i is the chance that case i has another cause: nu belongs to the campaign and is integrated over a
grid with weight at the high end (guard 3); a_i says how much the report can be believed at all. The p_i are estimates:
a shift of a principal's log-rates, normal with the spread that the other principals show beyond their own rates, is
integrated under both hypotheses. Two rules of picking are averaged: "as the buyer asked", where the region of a case
says nothing about the source, and "all alike", where a source's cases come from regions as their customers do (`lean`):
else somebody far away would explain two chance hits too well. The third rule, a chosen part, is in `rivals`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc, betainc

from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.study import Flags, Reals
from leaktrace.records import Grade

BELIEF: dict[Grade, float] = {"G0": 0.5, "G1": 0.85, "G2": 0.95, "G3": 0.98, "G4": 0.995}
"""a_i: how much a report of this grade can be believed to be a mail the customer really got."""
OTHER_PATH_BELIEF = 1e-4
"""a_i where the sender may know the customer by another path: a contact, or known elsewhere."""
LISTED_BELIEF = 0.9

_NODES = 24


def _noise_grid() -> tuple[Reals, Reals]:
    """Nodes and log-weights for nu: a broad middle and a heavy high end (true 0.8 assumed 0.05 covered 49 %)."""
    edges = np.linspace(0.0, 1.0, _NODES + 1)
    mass = 0.75 * np.diff(betainc(1.3, 1.8, edges)) + 0.25 * np.diff(betainc(6.0, 1.3, edges))
    return (edges[:-1] + edges[1:]) / 2.0, np.log(mass / mass.sum())


NOISE, LOG_NOISE_WEIGHT = _noise_grid()


def log_other_path(excess: float, cases: int) -> Reals:
    """What the seller's own buyers among the cases say about nu, `[len(NOISE)]`, in nats.

    Buyers beyond their share came by another path, and the leak cannot have been more than the rest: nu is at least
    their share. How many of the other path's customers are buyers nobody knows, so nothing else follows from them.
    """
    if excess < 1.0 or cases == 0:
        return np.zeros(len(NOISE))
    return np.log(np.maximum(bdtrc(math.floor(excess) - 1, cases, NOISE), 1e-300))


def _shift_grid() -> tuple[Reals, Reals]:
    """Gauss-Hermite nodes for a standard normal shift, and log-weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    return np.asarray(nodes), np.log(weights / weights.sum())


_SHIFT, _LOG_SHIFT_WEIGHT = _shift_grid()


@dataclass(frozen=True, slots=True)
class Columns:
    """Exposures and innocent rates of several hypotheses over the cases, `[hypotheses, cases]` each."""

    shown: Flags
    neutral: Flags
    """Neither for nor against: shown at a time that may be before or after the mail."""
    rate: Reals
    lean: Reals | None = None
    """For somebody who picks all alike: how much likelier than the sender's own list their customers come from the
    case's region. Null: only the rule "as the buyer asked" is weighed."""


def log_likelihood_ratio(columns: Columns, belief: Reals, weight: Reals, spread: Reals, *, other_path: Reals) -> Reals:
    """Ln of P(exposures | source) / P(exposures | nobody inside), one per hypothesis.

    `belief`: a_i per case; `weight`: how much each case counts (look-alike reporters share one), `[cases]`;
    `spread`: standard deviation of a hypothesis' log-rates, `[hypotheses]`; `other_path`: `log_other_path`.
    """
    profile = noise_profile(columns, belief, weight, spread) + other_path
    return np.asarray(log_sum(profile + LOG_NOISE_WEIGHT, axis=1))


def noise_profile(columns: Columns, belief: Reals, weight: Reals, spread: Reals) -> Reals:
    """The same, for each value of nu: `[hypotheses, len(NOISE)]`, before the prior weight of nu."""
    if columns.shown.shape[1] == 0:
        return np.zeros((columns.shown.shape[0], len(NOISE)))
    counted = np.where(columns.neutral, 0.0, weight[None, :])
    noise = 1.0 - (1.0 - NOISE)[:, None] * belief[None, :]
    profiles = []
    for row, (shown, rate, count) in enumerate(zip(columns.shown, columns.rate, counted, strict=True)):
        asked = _profile(shown, rate, count, noise, float(spread[row]), np.ones(len(count)))
        if columns.lean is None:
            profiles.append(asked)
            continue
        alike = _profile(shown, rate, count, noise, float(spread[row]), columns.lean[row])
        # Nobody knows how the source picked: both rules are averaged.
        profiles.append(np.logaddexp(asked, alike) - np.log(2.0))
    return np.stack(profiles) if profiles else np.zeros((0, len(NOISE)))


def _profile(shown: Flags, rate: Reals, count: Reals, noise: Reals, spread: float, lean: Reals) -> Reals:
    """One hypothesis and pick rule: ln ratio for each nu, `[len(NOISE)]`."""
    odds = rate / (1.0 - rate) * np.exp(spread * _SHIFT)[:, None]
    shifted = odds / (1.0 + odds)
    innocent = np.where(shown, np.log(shifted), np.log1p(-shifted)) @ count
    # The misses cost ln nu_i whatever the rate: ln(nu_i (1 - p)) - ln(1 - p).
    misses = (np.log(noise[:, ~shown]) @ count[~shown])[:, None] + (np.log1p(-shifted[:, ~shown]) @ count[~shown])
    hit_noise = noise[:, None, shown]
    hits = np.log(hit_noise * shifted[None, :, shown] + (1.0 - hit_noise) * lean[shown]) @ count[shown]
    source = log_sum(hits + misses + _LOG_SHIFT_WEIGHT, axis=1)
    return np.asarray(source - log_sum(innocent + _LOG_SHIFT_WEIGHT))


def expected_noise(profile: Reals, *, other_path: Reals) -> float:
    """Posterior mean of nu for one hypothesis, from its `noise_profile` row."""
    logs = profile + other_path + LOG_NOISE_WEIGHT
    return float(np.exp(logs - log_sum(logs)) @ NOISE)
