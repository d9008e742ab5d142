"""Yardsticks that no product can have: they are told what an investigator must learn.

All weigh each principal against "the sender's list alone", with even odds before the evidence and every principal
alike. The oracle knows noise, list and pick; the family's rule knows that the list is regional and must learn the rest.
The matched rule knows that too, but takes how busy reporting customers are for no sign of anything, as whoever matches
on contact intensity must; its rates are exact, and it has no guard. `findable` is told all sources but one, and
`findable_by_matched` is told just that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bench.campaigns import MAIL_AT, Planted, Reals
from bench.studies import exposure_rows
from bench.worlds import World
from leaktrace.attribution.strata import CLASSES, intensity_class

_NOISE_GRID = np.linspace(0.025, 0.975, 20)
_PART_GRID = np.linspace(0.05, 0.75, 15)
_OTHERS = {1: np.ones((1, 1)), 2: np.array([[0.2, 0.8], [0.35, 0.65], [0.5, 0.5], [0.65, 0.35], [0.8, 0.2]])}
"""How the other sources may share their part."""


@dataclass(frozen=True)
class Reference:
    """What a yardstick says of one campaign."""

    person: Reals
    """Chance of being the source, `[principals]`."""

    @property
    def top(self) -> int:
        """The likeliest."""
        return int(np.argmax(self.person))

    def named(self, threshold: float = 0.99) -> int | None:
        """Who reaches the threshold."""
        return self.top if self.person[self.top] >= threshold else None

    def set_size(self, mass: float = 0.95) -> int:
        """Principals that make up this share of the chance that anybody is the source."""
        chances = np.sort(self.person)[::-1]
        return int(np.searchsorted(np.cumsum(chances), mass * chances.sum()) + 1)


def oracle(world: World, planted: Planted) -> Reference:
    """Knows noise, list and pick of a campaign with one source."""
    listed = _list_chances(world, planted)
    picked = _pick_chances(world, planted, planted.pick)
    ratio = np.log(_mixed(planted.noise, listed, picked)).sum(axis=1) - np.log(np.maximum(listed, 1e-12)).sum()
    return _posterior(world, ratio)


def family_rule(world: World, planted: Planted) -> Reference:
    """Knows that lists are regional (or of anybody) and picks are alike or lean to the active; learns which, and nu."""
    share = np.bincount(world.region) / world.customers
    lists, log_prior = _lists(world.region[planted.customers], share)
    chances = lists / (share * world.customers)[world.region[planted.customers]]
    picks = [_pick_chances(world, planted, pick) for pick in (None, world.activity)]
    return _learned(world, chances, log_prior, [np.broadcast_to(one, (len(lists), *one.shape)) for one in picks])


def matched_rule(world: World, planted: Planted) -> Reference:
    """The family's rule given each customer's contact intensity, the principal left out; rates are of the whole log."""
    cells = _Cells.of(world)
    lists, log_prior = _lists(cells.region[planted.customers], cells.region_share)
    return _learned(world, lists, log_prior, _matched_picks(world, planted, cells, lists))


def _matched_picks(world: World, planted: Planted, cells: _Cells, lists: Reals) -> list[Reals]:
    """Chance of each case to be a principal's next as the buyer asked, and all alike, `[lists, principals, cases]`."""
    shown = exposure_rows(world, replace(planted, extra_pairs=()))
    region = cells.region[planted.customers]
    others = np.where(shown, cells.without_one[planted.customers], cells.intensity[planted.customers])
    row = np.arange(world.principals)[:, None]
    own, everybody = cells.own[row, region, others], cells.everybody[row, region, others]
    as_asked = shown * (everybody + 1.0) / (own + 0.5)
    alike = shown * everybody / np.maximum(cells.own.sum(axis=1)[row, others], 1.0)
    return [as_asked[None] * lists[:, None, :], np.broadcast_to(alike, (len(lists), *alike.shape))]


def _lists(region: NDArray[np.int64], share: Reals) -> tuple[Reals, Reals]:
    """Chance of each case's region on lists of one region (99 %), and on one of anybody, `[lists, cases]`; ln priors.

    Half of the prior is that of a list of anybody; a list of one region is as likely as the region is large.
    """
    one_region = 0.99 * (region[None, :] == np.arange(len(share))[:, None]) + 0.01 * share[region][None, :]
    prior = np.append(share / 2.0, 0.5)
    return np.vstack([one_region, share[region][None, :]]), np.log(np.maximum(prior, 1e-300))


def _learned(world: World, lists: Reals, log_prior: Reals, picks: list[Reals]) -> Reference:
    """Averages over lists, noise and picks (`[lists, principals, cases]` each)."""
    nobody = float(logsumexp(np.log(lists).sum(axis=1) + log_prior))
    terms = []
    for number, one in enumerate(lists):
        for pick in picks:
            logs = [np.log(_mixed(noise, one, pick[number])).sum(axis=1) for noise in _NOISE_GRID]
            terms.append(logsumexp(np.stack(logs), axis=0) + log_prior[number])
    averaged = logsumexp(np.stack(terms), axis=0) - np.log(len(_NOISE_GRID) * len(picks))
    return _posterior(world, averaged - nobody)


@dataclass(frozen=True)
class _Cells:
    """Customers by region and contact intensity, each principal left out of it in turn."""

    region: NDArray[np.int64]
    """Of each customer; all the same where no table says it."""
    intensity: NDArray[np.int64]
    """Class of how many principals had been shown each customer."""
    without_one: NDArray[np.int64]
    """Class of one fewer."""
    own: Reals
    """Customers shown to each principal, `[principals, regions, classes]`."""
    everybody: Reals
    """All customers, likewise."""

    @property
    def region_share(self) -> Reals:
        """Share of customers in each region."""
        return np.bincount(self.region) / len(self.region)

    @staticmethod
    def of(world: World) -> _Cells:
        early = world.pair_at < MAIL_AT
        customer, principal = world.pair_customer[early], world.pair_principal[early]
        busy = np.bincount(customer, minlength=world.customers)
        intensity, without_one = intensity_class(busy), intensity_class(np.maximum(busy - 1, 0))
        region = world.region if world.attributes_known else np.zeros(world.customers, dtype=np.int64)
        shape = (world.principals, int(region.max()) + 1, CLASSES)

        def counted(classes: NDArray[np.int64]) -> Reals:
            cell = np.ravel_multi_index((principal, region[customer], classes[customer]), shape)
            return np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)

        own = counted(without_one)
        cell = np.ravel_multi_index((region, intensity), shape[1:])
        total = np.bincount(cell, minlength=shape[1] * shape[2]).reshape(shape[1:])
        return _Cells(region, intensity, without_one, own, total[None] - counted(intensity) + own)


def findable(world: World, planted: Planted) -> int:
    """How many of several sources somebody would find who is told noise, list, pick and all the *other* sources.

    Even odds that there is one more; found is who is in the smallest set of 95 % where one more is likelier than none.
    """
    listed = _list_chances(world, planted)
    picked = _pick_chances(world, planted, planted.pick)
    found = 0
    for source in planted.sources:
        others = picked[[one for one in planted.sources if one != source]].mean(axis=0)
        without = np.log(_mixed(planted.noise, listed, others)).sum()
        parts = [
            np.log(_mixed(planted.noise, listed, (1.0 - part) * others + part * picked)).sum(axis=1)
            for part in _PART_GRID
        ]
        ratio = logsumexp(np.stack(parts), axis=0) - np.log(len(parts)) - without
        ratio[[one for one in planted.sources if one != source]] = -np.inf
        found += _in_set(_posterior(world, ratio), source)
    return found


def findable_by_matched(world: World, planted: Planted) -> int:
    """How many somebody finds who is told all the *other* sources, has the matched rule's rates, and must learn noise,
    list, pick and shares. The list may be of any mix of regions, as it may be of a sender whom nobody knows.
    """
    cells = _Cells.of(world)
    region, share = cells.region[planted.customers], cells.region_share
    mixed = (np.bincount(region, minlength=len(share)) + 2.0 * share) / (len(region) + 2.0)
    listed = mixed[region]
    picks = [one[0] for one in _matched_picks(world, planted, cells, listed[None, :])]
    return sum(_found(world, planted, source, listed, picks) for source in planted.sources)


def _found(world: World, planted: Planted, source: int, listed: Reals, picks: list[Reals]) -> bool:
    known = [one for one in planted.sources if one != source]
    without, together = [], []
    for pick in picks:
        for others in _OTHERS[len(known)] @ pick[known]:
            for noise in _NOISE_GRID[::2]:
                without.append(np.log(_mixed(noise, listed, others)).sum())
                together += [
                    np.log(_mixed(noise, listed, (1.0 - part) * others + part * pick)).sum(axis=1)
                    for part in _PART_GRID[::2]
                ]
    ratio = logsumexp(np.stack(together), axis=0) - np.log(len(_PART_GRID[::2])) - logsumexp(without)
    ratio[known] = -np.inf
    return _in_set(_posterior(world, ratio), source)


def _in_set(reference: Reference, source: int) -> bool:
    """Whether one more is likelier than none, and the smallest set of 95 % holds this source."""
    chances = reference.person
    ahead = float(chances[chances > chances[source]].sum())
    return bool(chances.sum() > 0.5 and ahead < 0.95 * chances.sum())


def _mixed(noise: float, listed: Reals, picked: Reals) -> Reals:
    return np.maximum(noise * listed + (1.0 - noise) * picked, 1e-300)


def _list_chances(world: World, planted: Planted) -> Reals:
    if planted.listed is None:
        return np.full(len(planted.customers), 1.0 / world.customers)
    return planted.listed[planted.customers]


def _pick_chances(world: World, planted: Planted, pick: Reals | None) -> Reals:
    """Chance of each complaining customer to be a principal's next, `[principals, customers]`."""
    # Who only handled complaints opened the records after an earlier mail: both yardsticks know of it.
    shown = exposure_rows(world, replace(planted, extra_pairs=()))
    early = world.pair_at < MAIL_AT
    weights = np.ones(world.customers) if pick is None else pick
    total = np.bincount(world.pair_principal[early], weights=weights[world.pair_customer[early]], minlength=len(shown))
    chances: NDArray[np.float64] = shown * weights[planted.customers][None, :] / np.maximum(total, 1e-12)[:, None]
    return chances


def _posterior(world: World, log_ratio: Reals) -> Reference:
    able = world.opened_counts(MAIL_AT) > 0
    logs = np.where(able, log_ratio - np.log(able.sum()), -np.inf)
    total = logsumexp(np.append(logs, 0.0))
    return Reference(np.exp(logs - total))
