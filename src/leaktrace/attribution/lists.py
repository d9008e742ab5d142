"""What the sender's own list is like, learned from the mail that a leak does not explain.

The plain formula takes the regions of all reports together for the list's, and asks nothing of how busy its customers
are. But if a principal is the source, the leak brings customers like that principal's, and the list only the rest: mail
of a kind that the list does not reach must have come by the leak, and no miss may fall there. With L_a the list's
shares of the classes of attribute a (region, contact intensity), z_i the chance that case i is not of the leak, P_a the
shares among all customers, p_i the innocent rates and d_i how much likelier than anybody a customer like case i is to
be the principal's,

    ln P(cases | e)  >=  sum_i [ z_i ln(nu_i p_i / z_i) + (1 - z_i) ln((1 - nu_i) d_i prod_a P_a(i) / (1 - z_i)) ]
                         + sum_a ln D_a(sum z)

over the hits, and ln nu_i for each miss, where D_a integrates L_a over a Dirichlet prior about P_a (the
Dirichlet-multinomial). The z_i are fitted; a bound is a bound (Jordan et al., Machine Learning 37, 1999), so it never
adds too much. Two priors are averaged: lists of a class or two, and lists like everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.likelihood import NOISE, Columns, Credibility
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.special import gammaln
from leaktrace.attribution.study import Flags, Indices, Reals

CONCENTRATIONS = (2.0, 40.0)
"""Of the Dirichlet priors, in customers: a list of a class or two; a list like everybody."""
_STEPS = 4
_NODES = slice(1, None, 3)
_FEW = 400
"""Up to so many hits are reckoned each by itself; beyond, those that look alike (within 2 %) together."""
_STEP = 1.0 / 64.0
_BELIEFS = 1e6


@dataclass(frozen=True, slots=True)
class Attribute:
    """What class of an attribute cases and customers are of."""

    case: Indices
    """Each case's class, `[hypotheses, cases]`."""
    everybody: Reals
    """Shares of the classes among all customers, never zero, `[hypotheses, classes]`."""


def list_gain(columns: Columns, cases: Credibility, attributes: Sequence[Attribute], density: Reals) -> Reals:
    """What learning the list adds for somebody who picks all alike, over the plain formula, `[hypotheses, len(NOISE)]`.

    In nats, at unshifted rates; between some nodes of nu it is interpolated. `columns.lean` must be given. `density`:
    how much likelier than anybody a customer like each case is to be each hypothesis', `[hypotheses, cases]`.
    """
    many, size = columns.shown.shape
    if columns.lean is None or not many or not size:
        return np.zeros((many, len(NOISE)))
    counted = np.where(columns.neutral, 0.0, cases.weight[None, :])
    hit = columns.shown & (counted > 0.0)
    missed = np.where(columns.shown, 0.0, counted)
    lists = [_List.of(one, missed, counted) for one in attributes]
    rates = (columns.rate, np.maximum(columns.lean, 1e-12), np.maximum(density, 1e-12))
    hits = _Hits.of(rates, cases.belief, counted, hit, lists)
    gained = np.stack([_bound(hits, lists, concentration) for concentration in CONCENTRATIONS])
    nobody = np.stack(
        [sum(_log_dirichlet(one.everything, weight * one.everybody) for one in lists) for weight in CONCENTRATIONS]
    )
    total = log_sum(gained, axis=0) - log_sum(nobody, axis=0)[:, None] - _sums(hits.row, hits.plain, many)
    return np.stack([np.interp(NOISE, NOISE[_NODES], line) for line in total])


@dataclass(frozen=True, slots=True)
class _List:
    """One attribute of the sender's list."""

    case: Indices
    everybody: Reals
    misses: Reals
    """Weight of each hypothesis' missed cases by class, `[hypotheses, classes]`."""
    everything: Reals
    """Of all cases."""

    @staticmethod
    def of(attribute: Attribute, missed: Reals, counted: Reals) -> _List:
        """With the weight of the cases."""
        return _List(attribute.case, attribute.everybody, _by_class(missed, attribute), _by_class(counted, attribute))

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.everybody.shape[1])


def _by_class(weight: Reals, attribute: Attribute) -> Reals:
    """Weight of each hypothesis' cases by class, `[hypotheses, classes]`."""
    many, classes = attribute.everybody.shape
    cell = np.arange(many)[:, None] * classes + attribute.case
    sums = np.bincount(cell.ravel(), weights=weight.ravel(), minlength=many * classes)
    return sums.reshape(many, classes).astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Hits:
    """Cases shown, sorted by hypothesis; those that look alike taken together."""

    row: Indices
    weight: Reals
    """`[hits, 1]`."""
    cells: tuple[Indices, ...]
    """By attribute: hypothesis and class, in one number."""
    by_list: Reals
    """What the list explains of each, but for its shares of the classes, `[hits, nodes]`."""
    by_leak: Reals
    """What the leak explains."""
    plain: Reals
    """Ln of what the plain formula has for each, weighted."""

    @staticmethod
    def of(rates: tuple[Reals, Reals, Reals], belief: Reals, counted: Reals, hit: Flags, lists: list[_List]) -> _Hits:
        """Of the cases that count. `rates`: innocent rate, lean and density, `[hypotheses, cases]` each."""
        row, case = np.nonzero(hit)
        weight = counted[row, case]
        cells = [row * one.classes + one.case[row, case] for one in lists]
        parts = [np.log(values[row, case]) for values in rates]
        belief = belief[case]
        if len(row) > _FEW:
            first, place = _alike([*cells, np.rint(belief * _BELIEFS).astype(np.int64)], parts)
            weight = np.bincount(place, weights=weight, minlength=len(first)).astype(np.float64)
            row, belief = row[first], belief[first]
            cells, parts = [cell[first] for cell in cells], [part[first] for part in parts]
        rate, lean, likelier = (np.exp(part)[:, None] for part in parts)
        noise = 1.0 - (1.0 - NOISE[_NODES])[None, :] * belief[:, None]
        for one, cell in zip(lists, cells, strict=True):
            likelier = likelier * one.everybody.ravel()[cell][:, None]
        return _Hits(
            row=row,
            weight=weight[:, None],
            cells=tuple(cells),
            by_list=noise * rate,
            by_leak=(1.0 - noise) * likelier,
            plain=weight[:, None] * np.log(noise * rate + (1.0 - noise) * lean),
        )


def _alike(codes: list[Indices], logs: list[Reals]) -> tuple[Indices, Indices]:
    """The first of each kind, in order, and of what kind each is: the same codes, and logs within a step."""
    key = codes[0]
    for part in (*codes[1:], *(np.rint(log / _STEP).astype(np.int64) for log in logs)):
        _, narrow = np.unique(part, return_inverse=True)
        key = key * (int(narrow.max(initial=0)) + 1) + narrow.ravel()
        _, key = np.unique(key, return_inverse=True)
        key = key.ravel()
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return first, place.ravel()


def _bound(hits: _Hits, lists: list[_List], concentration: float) -> Reals:
    """The bound but for the misses' own ln nu, `[hypotheses, nodes]`."""
    many, nodes = len(lists[0].misses), hits.by_list.shape[1]
    odds = hits.by_leak / hits.by_list
    priors = [concentration * one.everybody for one in lists]
    counts = [np.repeat(one.misses[:, None, :], nodes, axis=1) for one in lists]
    chance = np.ones_like(odds)
    for _ in range(_STEPS):
        # The chance that a hit is of the list, and what the list is like if it is.
        expected = np.ones_like(odds)
        for count, prior, cell in zip(counts, priors, hits.cells, strict=True):
            share = count + prior[:, None, :]
            share /= share.sum(axis=2, keepdims=True)
            expected *= share.transpose(0, 2, 1).reshape(-1, nodes)[cell]
        chance = np.clip(1.0 / (1.0 + odds / np.maximum(expected, 1e-12)), 1e-9, 1.0 - 1e-9)
        listed = hits.weight * chance
        counts = [
            one.misses[:, None, :]
            + _cells(cell, listed, many * one.classes).reshape(many, one.classes, nodes).transpose(0, 2, 1)
            for one, cell in zip(lists, hits.cells, strict=True)
        ]
    terms = chance * np.log(hits.by_list / chance) + (1.0 - chance) * np.log(hits.by_leak / (1.0 - chance))
    total = _sums(hits.row, hits.weight * terms, many)
    for count, prior in zip(counts, priors, strict=True):
        total = total + _log_dirichlet(count, prior[:, None, :])
    return total


def _cells(cell: Indices, terms: Reals, many: int) -> Reals:
    """Sums of the terms of each cell, `[many, nodes]`."""
    return np.stack([np.bincount(cell, weights=term, minlength=many) for term in terms.T], axis=1)


def _sums(place: Indices, terms: Reals, many: int) -> Reals:
    """Sums of the terms that belong to each place (sorted), `[many, nodes]`."""
    total = np.zeros((many, terms.shape[1]))
    if len(place):
        start = np.flatnonzero(np.diff(place, prepend=-1))
        total[place[start]] = np.add.reduceat(terms, start, axis=0)
    return total


def _log_dirichlet(counts: Reals, prior: Reals) -> Reals:
    """Ln chance of a sequence of classes with these counts, shares integrated; over the last axis."""
    total = prior.sum(axis=-1)
    size = counts.sum(axis=-1)
    return np.asarray(gammaln(total) - gammaln(total + size) + (gammaln(prior + counts) - gammaln(prior)).sum(axis=-1))
