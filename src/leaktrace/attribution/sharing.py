"""Of the customers whom one principal opened, which part had others been shown too? By region and intensity.

A busy customer is shown to many, so a share over all of somebody's customers is too low for the busy ones among the
reports: then a colleague who was shown most of those would look chosen. What the sample says is a logistic line over
the other's own rates among all customers, and beyond that what it says of each class of intensity and each region,
where it has many of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import rates_by_class, rates_by_region
from leaktrace.attribution.logistic import newton_step
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import Flags, Group, Indices, Reals
from leaktrace.attribution.view import View

_SHRINK = 10.0
"""Customers of a class, or of a region, that the sample needs to weigh as much as the line through all of them."""
_SLOPE, _SLOPE_SPREAD, _LEVEL_SPREAD = 0.7, 0.4, 3.0
"""How the log-odds of sharing go with those of the other's own rate, before any sample."""
_NEWTON_STEPS = 8
_LOWEST, _HIGHEST = 1e-6, 0.999


@dataclass(frozen=True, slots=True)
class OwnRates:
    """How likely somebody, or one of two, is to be shown a customer, as the controls have it."""

    by_class: Reals
    """At each class of intensity, `[rows, CLASSES]`."""
    by_region: Reals
    """In each region, `[rows, regions]`."""

    def of_either(self, firsts: Indices, seconds: Indices) -> OwnRates:
        """For at least one of two; pairs are of places among the rows."""
        by_class, by_region = 1.0 - self.by_class, 1.0 - self.by_region
        return OwnRates(1.0 - by_class[firsts] * by_class[seconds], 1.0 - by_region[firsts] * by_region[seconds])


def own_rates(view: View, others: Indices) -> OwnRates:
    """Out of the controls."""
    return OwnRates(rates_by_class(view.known, others), rates_by_region(view.known, others))


@dataclass(frozen=True, slots=True)
class Opened:
    """Customers whom one principal opened: the cases among them, and a sample of all others."""

    region: Indices
    intensity: Indices
    """Class, this principal left out."""
    weight: Reals
    """How many customers each stands for, in units of one that was sampled."""
    sample: Group
    cases: Indices

    @staticmethod
    def of(view: View, principal: int, shown: Flags, sample: Group) -> Opened:
        """`shown`: which cases the principal had been shown. Of somebody with few customers these are a good part."""
        cases = np.flatnonzero(shown)
        others = max(int(view.study.opened_count[principal]) - len(cases), 1)
        busy = np.concatenate([sample.intensity(), view.intensity[cases]])
        return Opened(
            region=np.concatenate([sample.region, view.region[cases]]),
            intensity=intensity_class(np.maximum(busy - 1, 0)),
            weight=np.concatenate([np.ones(sample.size), np.full(len(cases), min(sample.size / others, 1.0))]),
            sample=sample,
            cases=cases,
        )

    def shown_to(self, view: View, others: Indices) -> Flags:
        """Which of these customers each other had been shown, `[others, customers]`."""
        flags = np.zeros((len(others), self.sample.size), dtype=np.bool_)
        place = np.full(max(self.sample.pair_principal.max(initial=-1), others.max(initial=-1)) + 1, -1)
        place[others] = np.arange(len(others))
        row = place[self.sample.pair_principal]
        flags[row[row >= 0], self.sample.pair_customer[row >= 0]] = True
        return np.hstack([flags, view.rows(others)[0][:, self.cases]])


def shares_of_like(view: View, opened: Opened, shown: Flags, own: OwnRates) -> Reals:
    """Of the customers somebody opened, the share that was shown, at each case's region and intensity, `[rows, cases]`.

    `shown`: of those in `opened`, `[rows, customers]`. Where there are few of a region, the rate there says how many
    are shared: two who both work far away share little over all, but not little of the few they have in common.
    """
    regions = view.known.regions
    by_class, in_class = _hits_by(opened, shown, opened.intensity, CLASSES)
    by_region, in_region = _hits_by(opened, shown, opened.region, regions)
    line = _line(by_class, in_class, own.by_class)
    share = (by_class + _SHRINK * line) / (in_class + _SHRINK)
    cell = opened.region * CLASSES + opened.intensity
    cells = np.bincount(cell, weights=opened.weight, minlength=regions * CLASSES).reshape(regions, CLASSES)
    expected = share @ cells.T
    total = max(float(in_region.sum()), 1e-9)
    # Before the sample says more, a region is to this one what it is to the other's own work.
    usual = own.by_region @ in_region / total
    prior = _SHRINK * expected.sum(axis=1, keepdims=True) / total
    lean = (by_region + prior * own.by_region / usual[:, None] + _LOWEST) / (expected + prior + _LOWEST)
    case_class = intensity_class(np.maximum(view.intensity - 1, 0))
    return np.asarray(np.clip(share[:, case_class] * lean[:, view.region], _LOWEST, 1.0))


def _line(hits: Reals, many: Reals, own: Reals) -> Reals:
    """The share at each class by a logistic line over the own rates, `[rows, CLASSES]`.

    `hits`: of `many` in each class.
    """
    rates = np.clip(own, _LOWEST, _HIGHEST)
    logit = np.log(rates / (1.0 - rates))
    overall = (hits.sum(axis=1) + 0.5) / (many.sum() + 1.0)
    middle = (logit @ many) / max(float(many.sum()), 1e-9)
    away = logit - middle[:, None]
    level, slope = np.zeros(len(hits)), np.full(len(hits), _SLOPE)
    start = np.log(overall / (1.0 - overall))
    for _ in range(_NEWTON_STEPS):
        rate = 1.0 / (1.0 + np.exp(-(start + level)[:, None] - slope[:, None] * away))
        left, bend = hits - many * rate, many * rate * (1.0 - rate)
        level, slope, _ = newton_step(
            level,
            slope,
            (left.sum(axis=1), (left * away).sum(axis=1)),
            (bend.sum(axis=1), (bend * away).sum(axis=1), (bend * away**2).sum(axis=1)),
            (_LEVEL_SPREAD, _SLOPE_SPREAD),
            _SLOPE,
        )
    return np.asarray(1.0 / (1.0 + np.exp(-(start + level)[:, None] - slope[:, None] * away)))


def _hits_by(opened: Opened, shown: Flags, code: Indices, codes: int) -> tuple[Reals, Reals]:
    """By code of a customer: how many were shown, `[rows, codes]`, and how many there are."""
    placed = np.zeros((len(code), codes))
    placed[np.arange(len(code)), code] = opened.weight
    return shown.astype(np.float64) @ placed, placed.sum(axis=0)
