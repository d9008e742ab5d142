"""How far may the innocent rates be off? The campaign's own measure of a wrong null model.

A sender's list is never quite like the matched controls. If it leans in a way the rates do not know, many principals
are shown more (or fewer) of its customers than expected, and the candidate is just one of them. So

- the *spread* of all principals' counts beyond their expectations is learned from peers who are chosen by what they
  would be expected to be shown, never by what they were;
- a candidate's rates that know the company are *calibrated* anew on the neighbours, those who share most customers with
  the candidate: logit p' = shift + slope logit p, fitted to what the neighbours had been shown of the very cases. On a
  list of one queue's customers the company no longer tells who is of the queue: the slope falls, and all of the queue
  are expected to have been shown all of it.

Rates here know who else was shown a customer, so what the candidate's own leak shows to colleagues is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.baserates import CEILING
from leaktrace.attribution.likelihood import Doubt
from leaktrace.attribution.logistic import newton_step
from leaktrace.attribution.propensity import DOUBLE_SHARE
from leaktrace.attribution.screening import peers
from leaktrace.attribution.spread import spread_of
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View

NEIGHBOURS = 8
"""So many colleagues who share customers with a candidate tell whether the list leans to their neighbourhood."""
SHIFT_SPREAD, SLOPE_SPREAD = 1.0, 0.4
"""Standard deviations of the calibration, before any evidence, about a shift of 0 and a slope of 1."""
_LEAST_LIFT = 2.0
_TEAM_TIMES = 10.0
_NEWTON_STEPS = 5
_STEP, _BINS = 0.125, 129


@dataclass(frozen=True, slots=True)
class Doubts:
    """Some of the suspects with calibrated rates, and how far either kind of rates may still be off."""

    suspects: Suspects
    plain: Doubt
    company: Doubt
    shift: Reals
    slope: Reals
    """Of each suspect's calibration: zero and one where there is nothing to calibrate by."""


def doubts_of(view: View, suspects: Suspects, rows: Indices) -> Doubts:
    """Spread over all suspects, and the calibration of some of them."""
    weight = view.weight[None, :] * ~suspects.neutral
    seen = (suspects.shown * weight).sum(axis=1)
    expected = (suspects.company * weight).sum(axis=1)
    chosen = np.isin(suspects.principals, peers(view)) & suspects.sampled
    spread = spread_of(seen[chosen], expected[chosen], _doubles(suspects)[np.ix_(chosen, chosen)])
    logits = _Logits.of(suspects, weight)
    order, near = _neighbours(view, suspects, rows, seen - expected)
    shift, slope, unsure = _calibrated(logits, order, near)
    # Who opens everybody alike has no company that a list could lean to, whatever few neighbours leave open.
    unsure = np.minimum(unsure, SHIFT_SPREAD * -np.expm1(-suspects.closeness[rows]))
    some = suspects.rows(rows)
    fitted = 1.0 / (1.0 + np.exp(-(logits.middle[rows] + shift)[:, None] - slope[:, None] * logits.away[rows]))
    # A decoy's rate is as low as it is.
    least = np.minimum(some.company, view.known.least * view.known.marginal[some.principals][:, None])
    return Doubts(
        replace(some, company=np.clip(fitted, least, CEILING)),
        Doubt.alike(len(rows), spread),
        Doubt(np.zeros(len(rows)), np.sqrt(spread**2 + unsure**2)),
        shift,
        slope,
    )


def _doubles(suspects: Suspects) -> Flags:
    """Who had been shown nearly the same customers, either way, `[suspects, suspects]`."""
    return np.asarray(np.minimum(suspects.share, suspects.share.T) >= DOUBLE_SHARE)


def _neighbours(view: View, suspects: Suspects, rows: Indices, surprise: Reals) -> tuple[Indices, Flags]:
    """Each one's neighbours among all suspects, closest first, and which of them count, `[NEIGHBOURS, rows]`."""
    share = suspects.share[:, rows]
    lift = share / np.maximum(view.known.marginal[suspects.principals][:, None], 1e-9)
    team = np.array([view.study.principals[index].team or "" for index in suspects.principals.tolist()])
    same = (team[:, None] == team[rows][None, :]) & (team != "")[:, None]
    # Sharing many counts, and sharing more than one's size makes likely: the queue goes before the busy of the region.
    closeness = np.where((lift >= _LEAST_LIFT) | same, (share + 1e-6) * lift**2 * np.where(same, _TEAM_TIMES, 1.0), 0.0)
    closeness *= suspects.sampled[:, None]
    closeness[rows, np.arange(len(rows))] = 0.0
    order = np.argsort(-closeness, axis=0, kind="stable")[:NEIGHBOURS]
    near = np.take_along_axis(closeness, order, axis=0) > 0.0
    # A second source among the neighbours is no lean: the most surprising one does not count.
    if len(rows):
        near[np.argmax(np.where(near, surprise[order], -np.inf), axis=0), np.arange(len(rows))] = False
    return order, near


@dataclass(frozen=True, slots=True)
class _Logits:
    """Logits of the suspects' rates over the cases, each about the suspect's own mean."""

    middle: Reals
    away: Reals
    """`[suspects, cases]`."""
    count: Reals
    """Weight of the cases by how far they are from the middle, in steps, `[suspects, _BINS]`."""
    hits: Reals
    """Weight of those that were shown, likewise."""

    @staticmethod
    def of(suspects: Suspects, weight: Reals) -> _Logits:
        logit = np.log(suspects.company / (1.0 - suspects.company))
        middle = (weight * logit).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
        away = logit - middle[:, None]
        step = np.clip(np.rint(away / _STEP).astype(np.int64) + _BINS // 2, 0, _BINS - 1)
        cell = (np.arange(suspects.size)[:, None] * _BINS + step).ravel()
        count, hits = (_binned(cell, part, suspects.size) for part in (weight, weight * suspects.shown))
        return _Logits(middle, away, count, hits)


def _binned(cell: Indices, weight: Reals, many: int) -> Reals:
    sums = np.bincount(cell, weights=weight.ravel(), minlength=many * _BINS)
    return sums.reshape(many, _BINS).astype(np.float64)


def _calibrated(logits: _Logits, order: Indices, near: Flags) -> tuple[Reals, Reals, Reals]:
    """Shift and slope that explain best what the neighbours had been shown, and the standard deviation of the shift."""
    away = (np.arange(_BINS) - _BINS // 2) * _STEP
    middle = logits.middle[order]
    counts, hits = (part[order] * near[:, :, None] for part in (logits.count, logits.hits))
    many = order.shape[1]
    shift, slope = np.zeros(many), np.ones(many)
    unsure = np.full(many, SHIFT_SPREAD)
    for _ in range(_NEWTON_STEPS):
        rate = 1.0 / (1.0 + np.exp(-(middle + shift)[:, :, None] - slope[None, :, None] * away))
        left, bend = hits - counts * rate, counts * rate * (1.0 - rate)
        shift, slope, unsure = newton_step(
            shift,
            slope,
            (left.sum(axis=(0, 2)), (left @ away).sum(axis=0)),
            (bend.sum(axis=(0, 2)), (bend @ away).sum(axis=0), (bend @ away**2).sum(axis=0)),
            (SHIFT_SPREAD, SLOPE_SPREAD),
            1.0,
        )
    return shift, slope, unsure
