"""What the sender's own list is like: its regions, learned from the mail that a leak does not explain.

The plain formula takes the regions of all reports together for the list's. But if a principal is the source, the leak
brings the regions of that principal's customers, and the list only the rest: mail from regions where the list does not
reach must have come by the leak, and no miss may fall there. With L the list's shares of regions, z_i the chance that
case i is not of the leak, f_e the shares among the principal's customers and p_i the innocent rates,

    ln P(cases | e)  >=  sum_i [ z_i ln(nu_i p_i / z_i) + (1 - z_i) ln((1 - nu_i) f_e(r_i) / (1 - z_i)) ] + ln D(sum z)

over the hits, and ln nu_i for each miss, where D integrates L over a Dirichlet prior about the shares of all customers
(the Dirichlet-multinomial). The z_i are fitted; a bound is a bound (Jordan et al., Machine Learning 37, 1999), so it
never adds too much. Two priors are averaged: lists of a region or two, and lists from everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.likelihood import NOISE, Columns, Credibility
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.special import gammaln
from leaktrace.attribution.study import Indices, Reals

CONCENTRATIONS = (2.0, 40.0)
"""Of the Dirichlet priors, in customers: a list of a region or two; a list from everywhere."""
_STEPS = 4
_NODES = slice(0, None, 2)


@dataclass(frozen=True, slots=True)
class Regions:
    """Where cases, customers and the hypotheses' own customers live."""

    case: Indices
    """Code of each case's region, `[cases]`."""
    everybody: Reals
    """Shares among all customers, `[regions]`."""
    own: Reals
    """Shares among each hypothesis' customers, `[hypotheses, regions]`."""


def list_gain(columns: Columns, cases: Credibility, where: Regions) -> Reals:
    """What learning the list adds for somebody who picks all alike, over the plain formula, `[hypotheses, len(NOISE)]`.

    In nats, at unshifted rates; between some nodes of nu it is interpolated. `columns.lean` must be given.
    """
    many, regions = where.own.shape
    if columns.lean is None or not many or not columns.shown.shape[1]:
        return np.zeros((many, len(NOISE)))
    counted = np.where(columns.neutral, 0.0, cases.weight[None, :])
    row, case = np.nonzero(columns.shown & (counted > 0.0))
    order = np.lexsort((where.case[case], row))
    row, case = row[order], case[order]
    weight = counted[row, case][:, None]
    noise = 1.0 - (1.0 - NOISE[_NODES])[None, :] * cases.belief[case][:, None]
    rate = columns.rate[row, case][:, None]
    part = 1.0 if columns.part is None else columns.part[row, case][:, None]
    own = np.maximum(where.own[row, where.case[case]][:, None] * part, 1e-12)
    plain = weight * np.log(noise * rate + (1.0 - noise) * columns.lean[row, case][:, None] * part)
    misses = _by_region(np.where(columns.shown, 0.0, counted), where.case, regions)
    everything = _by_region(counted, where.case, regions)
    by_list = noise * rate
    hits = _Hits(row, row * regions + where.case[case], weight, by_list, (1.0 - noise) * own / by_list)
    priors = [concentration * where.everybody for concentration in CONCENTRATIONS]
    gained = np.stack([_bound(hits, misses, prior) for prior in priors])
    nobody = np.stack([_log_dirichlet(everything, prior) for prior in priors])
    total = log_sum(gained, axis=0) - log_sum(nobody, axis=0)[:, None] - _sums(row, plain, many)
    return np.stack([np.interp(NOISE, NOISE[_NODES], line) for line in total])


@dataclass(frozen=True, slots=True)
class _Hits:
    """Cases shown, sorted by hypothesis and region."""

    row: Indices
    cell: Indices
    """Hypothesis and region in one number."""
    weight: Reals
    by_list: Reals
    """What the list explains of each, but for its share of the region, `[hits, nodes]`."""
    odds: Reals
    """How much more the leak explains."""


def _by_region(weight: Reals, region: Indices, regions: int) -> Reals:
    """Weight of each hypothesis' cases by region, `[hypotheses, regions]`."""
    many = len(weight)
    cell = np.arange(many)[:, None] * regions + region[None, :]
    sums = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=many * regions)
    return sums.reshape(many, regions).astype(np.float64)


def _bound(hits: _Hits, misses: Reals, prior: Reals) -> Reals:
    """The bound but for the misses' own ln nu, `[hypotheses, nodes]`."""
    many, regions = misses.shape
    nodes = hits.by_list.shape[1]
    total = float(prior.sum())
    share = (misses + prior) / (misses.sum(axis=1, keepdims=True) + total)
    expected = np.repeat(np.maximum(share, 1e-12)[:, :, None], nodes, axis=2)
    for _ in range(_STEPS):
        # The chance that a hit is of the list, and what the list's regions are if it is.
        chance = 1.0 / (1.0 + hits.odds / expected.reshape(many * regions, nodes).take(hits.cell, axis=0))
        chance = np.clip(chance, 1e-9, 1.0 - 1e-9)
        added = _sums(hits.cell, hits.weight * chance, many * regions).reshape(many, regions, nodes)
        counts = misses[:, :, None] + added
        expected = (counts + prior[:, None]) / (counts.sum(axis=1, keepdims=True) + total)
    other = 1.0 - chance
    terms = np.log(hits.by_list) - chance * np.log(chance) + other * np.log(hits.odds / other)
    return _sums(hits.row, hits.weight * terms, many) + _log_dirichlet(counts.transpose(0, 2, 1), prior)


def _sums(place: Indices, terms: Reals, many: int) -> Reals:
    """Sums of the terms that belong to each place (sorted), `[many, nodes]`."""
    total = np.zeros((many, terms.shape[1]))
    if len(place):
        start = np.flatnonzero(np.diff(place, prepend=-1))
        total[place[start]] = np.add.reduceat(terms, start, axis=0)
    return total


def _log_dirichlet(counts: Reals, prior: Reals) -> Reals:
    """Ln chance of a sequence of regions with these counts, shares integrated; over the last axis."""
    total = float(prior.sum())
    size = counts.sum(axis=-1)
    return np.asarray(gammaln(total) - gammaln(total + size) + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1))
