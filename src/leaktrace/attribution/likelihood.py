"""How much likelier are the exposures if this principal is the source? Integrated over what nobody knows.

For a principal who had been shown the customers X_i of the cases i, with innocent rates p_i:

    H_e:  X_i = 1 with chance nu_i p_i + (1 - nu_i)        H_0:  X_i = 1 with chance p_i

nu_i = 1 - (1 - nu) a_i is the chance that case i has another cause: nu belongs to the campaign and is integrated over a
grid with weight at the high end (guard 3); a_i says how much the report can be believed at all. The p_i are estimates:
a shift of a principal's log-odds, normal with a mean and spread that other principals show beyond their own rates
(`doubts`), is integrated under both hypotheses. Two rules of picking are averaged: "as the buyer asked", where the
region of a case says nothing about the source, and "all alike", where a source's cases come from regions as their
customers do (`lean`): else somebody far away would explain two chance hits too well. The third rule, a chosen part, is
in `rivals`.

Cost grows with the hits; where there are many, those that look alike (equally credible, odds within 2 %) are taken
together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from leaktrace.attribution.logs import log_sum, softplus
from leaktrace.attribution.special import bdtrc, betainc
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.records import Grade

BELIEF: dict[Grade, float] = {"G0": 0.5, "G1": 0.85, "G2": 0.95, "G3": 0.98, "G4": 0.995}
"""a_i: how much a report of this grade can be believed to be a mail the customer really got."""
OTHER_PATH_BELIEF = 1e-4
"""a_i where the sender may know the customer by another path: a contact, or known elsewhere."""
LISTED_BELIEF = 0.9
"""a_i of an entry of a list for sale, at most."""

_NODES = 24
_SHIFT_NODES = 7
_EXACT = 20_000
"""Up to so many (hypothesis, case) each is reckoned by itself; beyond that, those whose odds are alike together."""
_FINE_STEP, _COARSE_STEP = 1.0 / 64.0, 1.0 / 16.0
_NEXT_TO_NONE = 1e-12


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
    return np.asarray(np.log(np.maximum(bdtrc(math.floor(excess) - 1, cases, NOISE), 1e-300)))


def _shift_grid() -> tuple[Reals, Reals]:
    """Gauss-Hermite nodes for a standard normal shift, and log-weights."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_SHIFT_NODES)
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
    part: Reals | None = None
    """For somebody who passes on just a part: how much likelier each case shown is of it than of all that was shown, by
    either rule; zero outside the part. Null: all may have been passed on."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far the log-odds of each hypothesis' rates may be off, `[hypotheses]` each."""

    mean: Reals
    spread: Reals

    @staticmethod
    def alike(hypotheses: int, spread: float) -> Doubt:
        """The same spread for all, about a mean of zero."""
        return Doubt(np.zeros(hypotheses), np.full(hypotheses, spread))

    def rows(self, chosen: Indices) -> Doubt:
        """Of some of them, in this order."""
        return Doubt(self.mean[chosen], self.spread[chosen])


@dataclass(frozen=True, slots=True)
class Credibility:
    """How much each case can be believed and counts, `[cases]`, and what the seller's buyers say of nu."""

    belief: Reals
    """a_i."""
    weight: Reals
    """How much a case counts: look-alike reporters share one."""
    other_path: Reals
    """`log_other_path`, `[len(NOISE)]`."""

    def only(self, kept: Flags) -> Credibility:
        """With the weight of all other cases taken away."""
        return Credibility(self.belief, self.weight * kept, self.other_path)


def log_likelihood_ratio(columns: Columns, cases: Credibility, doubt: Doubt) -> Reals:
    """Ln of P(exposures | source) / P(exposures | nobody inside), one per hypothesis."""
    return integrated(noise_profile(columns, cases, doubt), cases.other_path)


def integrated(profile: Reals, other_path: Reals) -> Reals:
    """Ln ratio of each row of a noise profile, nu integrated."""
    return np.asarray(log_sum(profile + other_path + LOG_NOISE_WEIGHT, axis=1))


def expected_noise(profile: Reals, other_path: Reals) -> Reals:
    """Posterior mean of nu for each hypothesis of a noise profile."""
    logs = profile + other_path + LOG_NOISE_WEIGHT
    return np.asarray(np.exp(logs - log_sum(logs, axis=1)[:, None]) @ NOISE)


def noise_profile(columns: Columns, cases: Credibility, doubt: Doubt, gain: Reals | float = 0.0) -> Reals:
    """The ratio for each value of nu: `[hypotheses, len(NOISE)]`, before the prior weight of nu.

    `gain`: what learning the sender's list adds for somebody who picks all alike (`lists.list_gain`), of like shape.
    """
    if not columns.shown.size:
        return np.zeros((len(columns.shown), len(NOISE)))
    reckoned = _reckoned(columns, cases, doubt)
    asked = reckoned.ratio(reckoned.hits.part)
    if columns.lean is None:
        return asked
    # Nobody knows how the source picked: both rules are averaged.
    alike = reckoned.ratio(reckoned.hits.part * reckoned.hits.lean)
    return np.asarray(np.logaddexp(asked, alike + gain) - np.log(2.0))


def list_log_ratio(columns: Columns, cases: Credibility, doubt: Doubt) -> Reals:
    """Ln of P(exposures | part of the mail came by a list of just some customers) / P(exposures | by none such).

    `columns.shown`: cases that may be on the list; `columns.lean`: chance that one on the list was shown to people as
    the case was, where `columns.rate` is that of any customer. The seller's buyers do not tell how large the part is.
    """
    if not columns.shown.size:
        return np.zeros(len(columns.shown))
    reckoned = _reckoned(columns, cases, doubt)
    return integrated(reckoned.ratio(reckoned.hits.lean), np.zeros(len(NOISE)))


@dataclass(frozen=True, slots=True)
class _Reckoned:
    """What all rules of picking have in common."""

    hits: _Hits
    noise: Reals
    """nu of each hit, `[hits, len(NOISE)]`."""
    by_chance: Reals
    """Chance that a hit has another cause and was shown anyway, `[hits, shifts, len(NOISE)]`."""
    missed: Reals
    """Ln chance that the missed cases were not shown, with the weight of the shift, `[hypotheses, shifts]`."""
    constant: Reals
    """Ln chance that the misses had another cause, less that of all cases if innocent, `[hypotheses, len(NOISE)]`."""

    def ratio(self, lean: Reals) -> Reals:
        """Ln ratio for each value of nu, each hit counting so much more than by the rule "as the buyer asked"."""
        terms = self.by_chance + ((1.0 - self.noise) * lean[:, None])[:, None, :]
        total = _by_hypothesis(self.hits, np.log(terms, out=terms), len(self.missed))
        total += self.missed[:, :, None]
        return np.asarray(log_sum(total, axis=1) + self.constant)


def _reckoned(columns: Columns, cases: Credibility, doubt: Doubt) -> _Reckoned:
    many = len(columns.shown)
    counted = np.where(columns.neutral, 0.0, cases.weight[None, :])
    beliefs, kind = np.unique(cases.belief, return_inverse=True)
    noise = 1.0 - (1.0 - NOISE)[None, :] * beliefs[:, None]
    shift = doubt.mean[:, None] + doubt.spread[:, None] * _SHIFT[None, :]
    missed = _missed(columns, counted, shift) + _LOG_SHIFT_WEIGHT
    hits = _hits(columns, counted, kind)
    log_rate = -softplus(-(hits.log_odds[:, None] + shift[hits.row]))
    of_hit = noise[hits.kind]
    by_chance = np.exp(log_rate)[:, :, None] * of_hit[:, None, :]
    innocent = log_sum(_by_hypothesis(hits, log_rate, many) + missed, axis=1)
    lost = _lost(columns.shown, counted, kind, noise)
    return _Reckoned(hits, of_hit, by_chance, missed, lost - innocent[:, None])


def _missed(columns: Columns, counted: Reals, shift: Reals) -> Reals:
    """Ln chance that the missed cases were not shown, `[hypotheses, shifts]`."""
    weight = np.where(columns.shown, 0.0, counted)
    log_odds = np.log(columns.rate / (1.0 - columns.rate))
    if weight.size <= _EXACT:
        return _weighed(softplus(log_odds[:, None, :] + shift[:, :, None]), weight)
    step = np.rint(log_odds / _COARSE_STEP).astype(np.int64)
    low = int(step.min())
    bins = int(step.max()) - low + 1
    cell = np.arange(len(weight))[:, None] * bins + step - low
    sums = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=len(weight) * bins).astype(np.float64)
    centre = (np.arange(bins) + low) * _COARSE_STEP
    return _weighed(softplus(centre[None, None, :] + shift[:, :, None]), sums.reshape(len(weight), bins))


def _weighed(costs: Reals, weight: Reals) -> Reals:
    """What all together cost, `[hypotheses, shifts]`, of `[hypotheses, shifts, ...]` each, as a loss."""
    return np.asarray(-(costs @ weight[:, :, None])[:, :, 0])


def _lost(shown: Flags, counted: Reals, kind: Indices, noise: Reals) -> Reals:
    """Ln chance that the missed cases had another cause, `[hypotheses, len(NOISE)]`."""
    missed = np.where(shown, 0.0, counted)
    by_kind = np.stack([missed[:, kind == k].sum(axis=1) for k in range(len(noise))], axis=1)
    return np.asarray(by_kind @ np.log(noise))


@dataclass(frozen=True, slots=True)
class _Hits:
    """Cases shown, those that look alike taken together; sorted by hypothesis."""

    row: Indices
    log_odds: Reals
    kind: Indices
    lean: Reals
    part: Reals
    count: Reals


def _hits(columns: Columns, counted: Reals, kind: Indices) -> _Hits:
    row, case = np.nonzero(columns.shown & (counted > 0.0))
    rate = columns.rate[row, case]
    log_odds = np.log(rate / (1.0 - rate))
    lean, part = (np.ones(len(row)) if one is None else one[row, case] for one in (columns.lean, columns.part))
    count = counted[row, case]
    if len(row) <= _EXACT // 50:
        return _Hits(row, log_odds, kind[case], lean, part, count)
    key = row * (int(kind.max()) + 1) + kind[case]
    rounded = []
    for logs in (log_odds, *(np.log(np.maximum(one, _NEXT_TO_NONE)) for one in (lean, part))):
        steps = np.rint(logs / _FINE_STEP).astype(np.int64)
        key = key * (int(np.ptp(steps)) + 1) + steps - steps.min()
        rounded.append(steps)
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    odds, log_lean, log_part = ((steps[first] * _FINE_STEP).astype(np.float64) for steps in rounded)
    return _Hits(
        row=row[first],
        log_odds=odds,
        kind=kind[case][first],
        lean=np.exp(log_lean),
        part=np.exp(log_part),
        count=np.bincount(place.ravel(), weights=count, minlength=len(first)).astype(np.float64),
    )


def _by_hypothesis(hits: _Hits, terms: Reals, many: int) -> Reals:
    """Sum of the hits' terms, counted, `[hypotheses, ...]`."""
    each = terms.reshape(len(terms), math.prod(terms.shape[1:]))
    total = np.zeros((many, each.shape[1]))
    start = np.flatnonzero(np.diff(hits.row, prepend=-1)).tolist()
    for first, last in pairwise((*start, len(hits.row))):
        total[hits.row[first]] = hits.count[first:last] @ each[first:last]
    return total.reshape(many, *terms.shape[1:])
