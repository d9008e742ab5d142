"""Marketplaces in memory, for measuring the finder: built apart from `simulate`, from other parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.records import PrincipalFacts

DAY = 86_400_000_000
LOG_DAYS = 300
MAIL_DAY = 280

BULK, TWINS, SHADOW, SPECIALIST = "bulk", "twins", "shadow", "specialist"
"""Principals with a part to play: see `World.parts`."""


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
    reviewers: NDArray[np.int64]
    """Customers who wrote a review that anybody can read, sorted."""
    parts: dict[str, tuple[int, ...]]
    """`bulk`: service accounts that open 30 % of all customers; `twins`: two who open the very same ones; `shadow`: a
    principal and a colleague who was shown 85 % of the same customers; `specialist`: who answers for one seller, was
    shown 65 % of the customers of `answered_seller`, and nobody else."""
    answered_seller: int
    attributes_known: bool
    """Whether the ledger has a customers table with regions and segments."""

    @property
    def principals(self) -> int:
        return len(self.facts)

    def opened(self, principal: int, before: int) -> NDArray[np.int64]:
        chosen = (self.pair_principal == principal) & (self.pair_at < before)
        return np.asarray(self.pair_customer[chosen])

    def opened_counts(self, before: int) -> NDArray[np.int64]:
        """Distinct customers shown to each principal, `[principals]`."""
        return np.bincount(self.pair_principal[self.pair_at < before], minlength=self.principals)


def varied_world(seed: int) -> World:
    """A marketplace whose make-up, too, is drawn from the seed: no figure may hang on one of them."""
    rng = np.random.default_rng(seed + 77_000_000)
    customers = int(rng.choice([40_000, 60_000, 100_000]))
    makeup: dict[str, Any] = {
        "customers": customers,
        "principals": int(rng.choice([300, 600, 1200])),
        "accesses": int(customers * rng.choice([4.0, 8.0, 12.0])),
        "regions": int(rng.choice([8, 12, 20])),
        "busy": float(rng.choice([0.6, 1.0, 1.3])),
        "home": float(rng.choice([0.5, 0.85, 0.95])),
        "queue": float(rng.choice([0.3, 0.6, 0.8])),
        "hands": float(rng.choice([0.0, 0.15, 0.35])),
        "attributes_known": bool(rng.random() < 0.8),
    }
    return build_world(seed, **makeup)


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
    hands: float = 0.0,
    services: int = 2,
    attributes_known: bool = True,
) -> World:
    """A marketplace. `busy`: how unequal customers are; `home`: accesses in one's region; `queue`: in one's queue;
    `hands`: accesses after which a colleague of the same team opens the same customer too.
    """
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
    who, customer, at = _handed_on(rng, who, customer, at, team_of, services, hands)
    for service in range(services):
        taken = rng.permutation(customers)[: int(0.3 * customers)]
        who = np.concatenate([who, np.full(len(taken), service)])
        customer = np.concatenate([customer, taken])
        at = np.concatenate([at, rng.integers(0, LOG_DAYS * DAY, len(taken))])
    # The last opens whatever the one before opens; the third from the end 85 % of what the fourth does.
    who, customer, at = _copied(rng, who, customer, at, principals - 2, principals - 1, 1.0)
    who, customer, at = _copied(rng, who, customer, at, principals - 4, principals - 3, 0.85)
    share = rng.dirichlet(np.full(sellers, 0.7))
    contacts = tuple(
        np.unique(rng.choice(customers, int(200 + share[s] * customers), p=activity / activity.sum()))
        for s in range(sellers)
    )
    answered = int(np.argsort([len(one) for one in contacts])[sellers // 2])
    specialist = np.random.default_rng([seed, 7])
    theirs = contacts[answered][specialist.random(len(contacts[answered])) < 0.65]
    kept = who != principals - 5
    who, customer, at = (
        np.concatenate([old[kept], new])
        for old, new in (
            (who, np.full(len(theirs), principals - 5)),
            (customer, theirs),
            (at, specialist.integers(0, LOG_DAYS * DAY, len(theirs))),
        )
    )
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
        reviewers=np.unique(rng.choice(customers, customers // 15, p=activity / activity.sum())),
        parts={
            BULK: tuple(range(services)),
            TWINS: (principals - 2, principals - 1),
            SHADOW: (principals - 4, principals - 3),
            SPECIALIST: (principals - 5,),
        },
        answered_seller=answered,
        attributes_known=attributes_known,
    )


Openings = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Principal, customer, time."""


def _handed_on(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    customer: NDArray[np.int64],
    at: NDArray[np.int64],
    team_of: NDArray[np.int64],
    services: int,
    share: float,
) -> Openings:
    """A ticket that one hands on: a colleague of the team opens the same customer within two days."""
    rows = np.flatnonzero(rng.random(len(who)) < share)
    order = np.argsort(team_of[services:], kind="stable") + services
    teams = team_of[order]
    start, end = np.searchsorted(teams, team_of[who[rows]]), np.searchsorted(teams, team_of[who[rows]], side="right")
    mate = order[start + rng.integers(0, end - start)]
    later = at[rows] + rng.integers(0, 2 * DAY, len(rows))
    return np.concatenate([who, mate]), np.concatenate([customer, customer[rows]]), np.concatenate([at, later])


def _copied(
    rng: np.random.Generator,
    who: NDArray[np.int64],
    customer: NDArray[np.int64],
    at: NDArray[np.int64],
    first: int,
    second: int,
    share: float,
) -> Openings:
    """`second` opens this share of what `first` opens, a minute later; at share 1 `second` did nothing else."""
    if share >= 1.0:
        kept = who != second
        who, customer, at = who[kept], customer[kept], at[kept]
    mine = np.flatnonzero(who == first)
    mine = mine[rng.random(len(mine)) < share]
    return (
        np.concatenate([who, np.full(len(mine), second)]),
        np.concatenate([customer, customer[mine]]),
        np.concatenate([at, at[mine] + 60_000_000]),
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
