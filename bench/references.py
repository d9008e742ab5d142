"""Two yardsticks that no product can have: an oracle that knows the generator, and a Bayes rule that knows the family.

Both weigh each principal against "the sender's list alone", with even odds before the evidence and every principal
alike. The oracle knows noise, list and pick; the family's rule knows that the list is regional and must learn the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from bench.campaigns import MAIL_AT, Planted, Reals
from bench.studies import exposure_rows
from bench.worlds import World

_NOISE_GRID = np.linspace(0.025, 0.975, 20)


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
    regions = np.unique(world.region[planted.customers])
    lists = [np.full(len(planted.customers), 1.0 / world.customers)]
    for region in regions.tolist():
        inside = (world.region[planted.customers] == region) / (world.region == region).sum()
        lists.append(np.where(inside > 0, 0.99 * inside, 0.0) + 0.01 / world.customers)
    nobody = float(logsumexp([np.log(one).sum() for one in lists])) - np.log(len(lists))
    terms = []
    for pick in (None, world.activity):
        picked = _pick_chances(world, planted, pick)
        for one in lists:
            terms += [np.log(_mixed(noise, one, picked)).sum(axis=1) for noise in _NOISE_GRID]
    return _posterior(world, logsumexp(np.stack(terms), axis=0) - np.log(len(terms)) - nobody)


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
