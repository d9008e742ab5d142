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
from leaktrace.attribution.screening import peers
from leaktrace.attribution.spread import spread_of
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View

NEIGHBOURS = 8
"""So many colleagues who share customers with a candidate tell whether the list leans to their neighbourhood."""
SHIFT_SPREAD, SLOPE_SPREAD = 1.0, 0.4
"""Standard deviations of the calibration, before any evidence, about a shift of 0 and a slope of 1; that of the shift
is for somebody whose customers are all of one company. Who opens everybody alike has none that a list leans to."""
_LEAST_LIFT = 2.0
_TEAM_TIMES = 10.0
_STEPS = 5


@dataclass(frozen=True, slots=True)
class Doubts:
    """The suspects with calibrated rates, and how far either kind of rates may still be off."""

    suspects: Suspects
    plain: Doubt
    company: Doubt
    slope: Reals
    """Of each suspect's calibration; one where there is nothing to calibrate by."""


def doubts_of(view: View, suspects: Suspects) -> Doubts:
    """Spread and calibration for all suspects."""
    if suspects.size == 0:
        return Doubts(suspects, Doubt.alike(0, 0.0), Doubt.alike(0, 0.0), np.ones(0))
    weight = view.weight[None, :] * ~suspects.neutral
    seen = (suspects.shown * weight).sum(axis=1)
    expected = (suspects.company * weight).sum(axis=1)
    chosen = np.isin(suspects.principals, peers(view)) & suspects.sampled
    spread = spread_of(seen[chosen], expected[chosen])
    order, near = _neighbours(view, suspects, seen - expected)
    shift, slope, unsure = _calibrated(suspects, weight, order, near)
    middle, away = _centred(suspects, weight)
    fitted = 1.0 / (1.0 + np.exp(-(middle + shift)[:, None] - slope[:, None] * away))
    return Doubts(
        replace(suspects, company=np.clip(fitted, 1e-12, CEILING)),
        Doubt.alike(suspects.size, spread),
        Doubt(np.zeros(suspects.size), np.sqrt(spread**2 + unsure**2)),
        slope,
    )


def _neighbours(view: View, suspects: Suspects, surprise: Reals) -> tuple[Indices, Flags]:
    """Rows of each suspect's neighbours, closest first, and which of them count, `[NEIGHBOURS, suspects]`."""
    share = suspects.share[suspects.principals]
    lift = share / np.maximum(view.known.marginal[suspects.principals][:, None], 1e-9)
    team = np.array([view.study.principals[index].team or "" for index in suspects.principals.tolist()])
    same = (team[:, None] == team[None, :]) & (team != "")[:, None]
    # Sharing many counts, and sharing more than one's size makes likely: the queue goes before the busy of the region.
    closeness = np.where((lift >= _LEAST_LIFT) | same, (share + 1e-6) * lift**2 * np.where(same, _TEAM_TIMES, 1.0), 0.0)
    closeness *= suspects.sampled[:, None]
    np.fill_diagonal(closeness, 0.0)
    order = np.argsort(-closeness, axis=0, kind="stable")[:NEIGHBOURS]
    near = np.take_along_axis(closeness, order, axis=0) > 0.0
    # A second source among the neighbours is no lean: the most surprising one does not count.
    near[np.argmax(np.where(near, surprise[order], -np.inf), axis=0), np.arange(suspects.size)] = False
    return order, near


def _centred(suspects: Suspects, weight: Reals) -> tuple[Reals, Reals]:
    """Each suspect's mean logit over the cases, and how far each case's is from it."""
    logit = np.log(suspects.company / (1.0 - suspects.company))
    middle = (weight * logit).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return middle, logit - middle[:, None]


def _calibrated(suspects: Suspects, weight: Reals, order: Indices, near: Flags) -> tuple[Reals, Reals, Reals]:
    """Shift and slope that explain best what the neighbours had been shown, and the standard deviation of the shift.

    Each neighbour's logits are taken about their own mean. Newton's steps to the posterior mode of a logistic
    regression with normal priors, all suspects at once; a step is never longer than one.
    """
    middle, away = (part[order] for part in _centred(suspects, weight))
    counts = weight[order] * near[:, :, None]
    shown = suspects.shown[order]
    free = np.maximum(SHIFT_SPREAD * -np.expm1(-suspects.closeness), 1e-3)
    shift, slope = np.zeros(suspects.size), np.ones(suspects.size)
    for _ in range(_STEPS):
        rate = 1.0 / (1.0 + np.exp(-(middle + shift)[:, :, None] - slope[None, :, None] * away))
        left, bend = counts * (shown - rate), counts * rate * (1.0 - rate)
        down_shift = left.sum(axis=(0, 2)) - shift / free**2
        down_slope = (left * away).sum(axis=(0, 2)) - (slope - 1.0) / SLOPE_SPREAD**2
        a = bend.sum(axis=(0, 2)) + 1.0 / free**2
        b = (bend * away).sum(axis=(0, 2))
        c = (bend * away**2).sum(axis=(0, 2)) + 1.0 / SLOPE_SPREAD**2
        room = a * c - b**2
        shift = shift + np.clip((c * down_shift - b * down_slope) / room, -1.0, 1.0)
        slope = np.clip(slope + np.clip((a * down_slope - b * down_shift) / room, -1.0, 1.0), 0.0, 1.5)
    return shift, slope, np.sqrt(c / room)
