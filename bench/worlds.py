"""Marketplaces in memory, for measuring the finder: built apart from `simulate`, from other parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leaktrace.records import PrincipalFacts

DAY = 86_400_000_000
LOG_DAYS = 300
MAIL_DAY = 280


@dataclass(frozen=True)
class World:
    """One marketplace: first time each principal was shown each customer's field, and attributes."""

    seed: int
    customers: int
    region: NDArray[np.int64]
    segment: NDArray[np.int64]
    activity: NDArray[np.float64]
    team_of: NDArray[np.int64]
    queue_of_customer: NDArray[np.int64]
    facts: tuple[PrincipalFacts, ...]
    pair_customer: NDArray[np.int64]
    """Sorted by customer, then principal."""
    pair_principal: NDArray[np.int64]
    pair_at: NDArray[np.int64]
    start_of: NDArray[np.int64]
    """Offsets of customers in the pairs, `[customers + 1]`."""
    contacts: tuple[NDArray[np.int64], ...]
    """Per seller, customers with a contact, sorted."""

    @property
    def principals(self) -> int:
        return len(self.facts)

    def opened(self, principal: int, before: int) -> NDArray[np.int64]:
        chosen = (self.pair_principal == principal) & (self.pair_at < before)
        return np.asarray(self.pair_customer[chosen])


def build_world(
    seed: int,
    *,
    customers: int = 60_000,
    principals: int = 600,
    accesses: int = 700_000,
    regions: int = 12,
    sellers: int = 30,
    busy: float = 1.0,
    home: float = 0.85,
    queue: float = 0.6,
    services: int = 2,
    twins: bool = True,
) -> World:
    """A marketplace. `busy`: how unequal customers are; `home`: accesses in one's region; `queue`: in one's queue."""
    rng = np.random.default_rng(seed)
    region = rng.choice(regions, customers, p=rng.dirichlet(np.full(regions, 4.0)))
    segment = rng.integers(0, 3, customers)
    activity = rng.lognormal(0.0, busy, customers)
    teams_per_region = max(1, principals // regions // 8)
    team_of = np.arange(principals) % (regions * teams_per_region)
    queue_of_customer = region + regions * rng.integers(0, teams_per_region, customers)
    productivity = rng.lognormal(0.0, 0.9, principals)
    productivity[:services] = 0.0
    who = rng.choice(principals, accesses, p=productivity / productivity.sum())
    customer = _choose(rng, who, team_of, region, queue_of_customer, activity, regions, home, queue)
    at = rng.integers(0, LOG_DAYS * DAY, accesses)
    for service in range(services):
        taken = rng.permutation(customers)[: int(0.3 * customers)]
        who = np.concatenate([who, np.full(len(taken), service)])
        customer = np.concatenate([customer, taken])
        at = np.concatenate([at, rng.integers(0, LOG_DAYS * DAY, len(taken))])
    if twins:
        # The last principal opens whatever the one before him opens.
        mine = who == principals - 2
        gone = who != principals - 1
        who, customer, at = who[gone], customer[gone], at[gone]
        mine = who == principals - 2
        who = np.concatenate([who, np.full(int(mine.sum()), principals - 1)])
        customer = np.concatenate([customer, customer[mine]])
        at = np.concatenate([at, at[mine] + 60_000_000])
    pair_customer, pair_principal, pair_at = first_shown(customer, who, at)
    facts = tuple(
        PrincipalFacts(
            key=index,
            name=f"p{index:05d}",
            team=None if index < services else f"t{team_of[index]:03d}",
            kind="service" if index < services else "employee",
            in_table=True,
        )
        for index in range(principals)
    )
    share = rng.dirichlet(np.full(sellers, 0.7))
    contacts = tuple(
        np.unique(rng.choice(customers, int(200 + share[s] * customers), p=activity / activity.sum()))
        for s in range(sellers)
    )
    return World(
        seed=seed,
        customers=customers,
        region=region,
        segment=segment,
        activity=activity,
        team_of=team_of,
        queue_of_customer=queue_of_customer,
        facts=facts,
        pair_customer=pair_customer,
        pair_principal=pair_principal,
        pair_at=pair_at,
        start_of=np.searchsorted(pair_customer, np.arange(customers + 1)),
        contacts=contacts,
    )


def _choose(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    team_of: NDArray[np.int64],
    region: NDArray[np.int64],
    queue_of_customer: NDArray[np.int64],
    activity: NDArray[np.float64],
    regions: int,
    home: float,
    queue: float,
) -> NDArray[np.int64]:
    """A customer for each access: of one's queue, else of one's region, else anybody, busy ones more often."""
    customers = len(region)
    chosen = rng.choice(customers, len(who), p=activity / activity.sum())
    draw = rng.random(len(who))
    for code, mask in (("queue", draw < queue * home), ("region", (draw >= queue * home) & (draw < home))):
        groups = team_of[who] if code == "queue" else team_of[who] % regions
        labels = queue_of_customer if code == "queue" else region
        for group in np.unique(groups[mask]):
            rows = np.flatnonzero(mask & (groups == group))
            pool = np.flatnonzero(labels == group)
            if len(pool):
                weights = activity[pool]
                chosen[rows] = rng.choice(pool, len(rows), p=weights / weights.sum())
    return chosen


def first_shown(
    customer: NDArray[np.int64], principal: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """One row a pair, with the first time, sorted by customer and principal."""
    order = np.lexsort((at, principal, customer))
    customer, principal, at = customer[order], principal[order], at[order]
    first = np.ones(len(customer), dtype=np.bool_)
    first[1:] = (customer[1:] != customer[:-1]) | (principal[1:] != principal[:-1])
    return customer[first], principal[first], at[first]
