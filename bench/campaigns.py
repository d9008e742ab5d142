"""Campaigns with a known truth planted into a world, and the study an investigator would have of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.worlds import DAY, MAIL_DAY, World, first_shown
from leaktrace.attribution import Case, Circumstances, Group, Judgement, Sample, Study, judge, shortlist_of
from leaktrace.records import Grade

MARGIN_DAYS = 14
AROUND = Circumstances(
    naming_threshold=0.99,
    nobody_threshold=0.8,
    set_mass=0.95,
    log_has_accesses=True,
    log_allows_nobody=True,
    margin_days=MARGIN_DAYS,
)


@dataclass(frozen=True)
class Planted:
    """Who complains, when they were mailed, and who leaked them."""

    family: str
    customers: NDArray[np.int64]
    mailed_at: NDArray[np.int64]
    sources: tuple[int, ...]
    seller: int
    grades: tuple[Grade, ...] = ()
    extra_pairs: tuple[tuple[int, int, int], ...] = field(default=())
    """(customer, principal, at): accesses that this campaign brought about."""
    contacts_known: bool = True
    seller_rows_known: bool = True


def times(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    return MAIL_DAY * DAY + rng.integers(0, 10 * DAY, count)


def mixed(
    rng: np.random.Generator, world: World, leaked: NDArray[np.int64], count: int, noise: float
) -> NDArray[np.int64]:
    """`count` complaining customers, a share `noise` of them from the sender's own regional list."""
    others = int(rng.binomial(count, noise))
    region = world.region[rng.choice(leaked)] if len(leaked) else rng.integers(0, world.region.max() + 1)
    listed = rng.choice(np.flatnonzero(world.region == region), others, replace=False)
    taken = rng.choice(leaked, min(count - others, len(leaked)), replace=False)
    return np.unique(np.concatenate([taken, listed]))


def group_of(
    world: World, customers: NDArray[np.int64], seller: int, extra: Sequence[tuple[int, int, int]], rows: bool
) -> Group:
    """The customers with everybody who had been shown them (cut off by the caller)."""
    counts = world.start_of[customers + 1] - world.start_of[customers]
    index = np.repeat(np.arange(len(customers)), counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    position = world.start_of[customers][index] + offset
    pair_customer, pair_principal, pair_at = index, world.pair_principal[position], world.pair_at[position]
    where = {int(c): i for i, c in enumerate(customers)}
    added = [(where[c], p, at) for c, p, at in extra if c in where]
    if added:
        columns = np.array(added, dtype=np.int64).T
        pair_customer, pair_principal, pair_at = first_shown(
            np.concatenate([pair_customer, columns[0]]),
            np.concatenate([pair_principal, columns[1]]),
            np.concatenate([pair_at, columns[2]]),
        )
    contact = np.isin(customers, world.contacts[seller]) if rows else np.zeros(len(customers), dtype=np.bool_)
    return Group(
        world.region[customers] + 1, world.segment[customers] + 1, contact, pair_customer, pair_principal, pair_at
    )


def study_of(world: World, planted: Planted, *, seed: int, controls: int = 10_000, regions_known: bool = True) -> Study:
    """What the ledger would answer for the campaign."""
    rng = np.random.default_rng(seed)
    start = int(planted.mailed_at.min())
    uniform = rng.choice(world.customers, controls // 2, replace=False)
    weights = np.bincount(world.region[planted.customers], minlength=world.region.max() + 1)[world.region] + 0.0
    reachable = min(controls // 2, int((weights > 0).sum()))
    near = rng.choice(world.customers, reachable, replace=False, p=weights / weights.sum())
    drawn = np.setdiff1d(np.unique(np.concatenate([uniform, near])), planted.customers)
    group = group_of(world, planted.customers, planted.seller, planted.extra_pairs, planted.seller_rows_known)
    control_group = group_of(world, drawn, planted.seller, (), planted.seller_rows_known).before(start)
    before = world.pair_at < start
    attached: Grade = "G2"
    unsigned = tuple(attached for _ in planted.customers)
    grades = planted.grades or unsigned
    cases = tuple(
        Case(f"report {i + 1}", "report", grades[i], True, int(at), int(at), f"r{i}")
        for i, at in enumerate(planted.mailed_at)
    )
    if not regions_known:
        group = replace(group, region=group.region * 0)
        control_group = replace(control_group, region=control_group.region * 0)
    return Study(
        principals=world.facts,
        opened_count=np.bincount(world.pair_principal[before], minlength=world.principals),
        customer_count=world.customers,
        cases=cases,
        case_group=group,
        controls=control_group,
        uniform_control=np.isin(drawn, uniform),
        elsewhere_control=np.zeros(len(drawn), dtype=np.bool_),
        start_at=start,
        seller_known=True,
        contacts_known=planted.contacts_known,
        region_known=regions_known,
    )


def samples_of(
    world: World, study: Study, planted: Planted, principals: NDArray[np.int64], seed: int, limit: int = 600
) -> list[Sample]:
    rng = np.random.default_rng(seed)
    found = []
    for principal in principals.tolist():
        opened = world.opened(principal, study.start_at)
        chosen = np.sort(rng.choice(opened, min(limit, len(opened)), replace=False))
        group = group_of(world, chosen, planted.seller, (), planted.seller_rows_known).before(study.start_at)
        if not study.region_known:
            group = replace(group, region=group.region * 0)
        found.append(Sample(principal, group))
    return found


def run(world: World, planted: Planted, seed: int, *, regions_known: bool = True) -> Judgement:
    study = study_of(world, planted, seed=seed, regions_known=regions_known)
    listed = shortlist_of(study, MARGIN_DAYS)
    return judge(study, samples_of(world, study, planted, listed, seed), AROUND, insider_prior=0.5)


# --- families ------------------------------------------------------------------------------------------------


def source(world: World, rng: np.random.Generator, k: int, noise: float, principal: int | None = None) -> Planted:
    """One source who passed on what they were shown, all alike."""
    sizes = np.bincount(world.pair_principal[world.pair_at < MAIL_DAY * DAY], minlength=world.principals)
    able = np.flatnonzero(sizes[2 : world.principals - 2] > max(150, 2 * k)) + 2
    who = int(rng.choice(able)) if principal is None else principal
    leaked = world.opened(who, MAIL_DAY * DAY)
    customers = mixed(rng, world, leaked, k, noise)
    return Planted("source", customers, times(rng, len(customers)), (who,), int(rng.integers(len(world.contacts))))


def regional(world: World, rng: np.random.Generator, k: int) -> Planted:
    region = rng.integers(0, world.region.max() + 1)
    customers = rng.choice(np.flatnonzero(world.region == region), k, replace=False)
    return Planted("regional list", np.sort(customers), times(rng, k), (), int(rng.integers(len(world.contacts))))


def anybody(world: World, rng: np.random.Generator, k: int) -> Planted:
    customers = rng.choice(world.customers, k, replace=False)
    return Planted("random dump", np.sort(customers), times(rng, k), (), int(rng.integers(len(world.contacts))))


def busiest(world: World, rng: np.random.Generator, k: int) -> Planted:
    weights = world.activity**1.5
    customers = rng.choice(world.customers, k, replace=False, p=weights / weights.sum())
    return Planted("most active", np.sort(customers), times(rng, k), (), int(rng.integers(len(world.contacts))))


def buyers(world: World, rng: np.random.Generator, k: int, rows: bool) -> Planted:
    seller = int(rng.integers(len(world.contacts)))
    customers = rng.choice(world.contacts[seller], min(k, len(world.contacts[seller])), replace=False)
    return Planted(
        "buyers" if rows else "buyers, no rows",
        np.sort(customers),
        times(rng, len(customers)),
        (),
        seller,
        seller_rows_known=rows,
    )


def queue_list(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A list that leans to one queue's customers in a way no attribute shows."""
    queue = rng.choice(world.queue_of_customer)
    customers = rng.choice(np.flatnonzero(world.queue_of_customer == queue), k, replace=False)
    return Planted("one queue's list", np.sort(customers), times(rng, k), (), int(rng.integers(len(world.contacts))))


def framed(world: World, rng: np.random.Generator, k: int, noise: float, *, smaller: bool) -> Planted | None:
    """A source who passes on only what a (smaller or larger) colleague had been shown too."""
    before = world.pair_at < MAIL_DAY * DAY
    sizes = np.bincount(world.pair_principal[before], minlength=world.principals)
    for _ in range(400):
        who, other = rng.integers(0, world.principals - 2, 2)
        if who == other or (sizes[other] < sizes[who]) != smaller:
            continue
        leaked = np.intersect1d(world.opened(int(who), MAIL_DAY * DAY), world.opened(int(other), MAIL_DAY * DAY))
        if len(leaked) >= max(k, 12):
            customers = mixed(rng, world, leaked, k, noise)
            name = "framed smaller colleague" if smaller else "framed larger colleague"
            return Planted(
                name, customers, times(rng, len(customers)), (int(who),), int(rng.integers(len(world.contacts)))
            )
    return None


def forged(world: World, rng: np.random.Generator, k: int, grade: Grade = "G1") -> Planted:
    planted = source(world, rng, k, 0.0)
    return replace(planted, family=f"forged {grade}", sources=(), grades=(grade,) * len(planted.customers))


def twins(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    return replace(source(world, rng, k, noise, world.principals - 2), family="twins")


def handled(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """A handler opened the complaining customers' records after an earlier mail that nobody reported."""
    planted = source(world, rng, k, noise)
    handler = int(rng.integers(2, world.principals - 2))
    opened = rng.random(len(planted.customers)) < 0.9
    early = MAIL_DAY * DAY - rng.integers(DAY, 8 * DAY, len(planted.customers))
    extra = tuple((int(c), handler, int(at)) for c, at in zip(planted.customers[opened], early[opened], strict=True))
    return replace(planted, family="handlers of an earlier mail", extra_pairs=extra)


def unlogged(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A team mate exported the queue with a tool that writes no log."""
    who = int(rng.integers(2, world.principals - 2))
    pool = np.flatnonzero(world.queue_of_customer == world.team_of[who])
    customers = rng.choice(pool, min(k, len(pool)), replace=False)
    return Planted(
        "unlogged export",
        np.sort(customers),
        times(rng, len(customers)),
        (who,),
        int(rng.integers(len(world.contacts))),
    )


def several(world: World, rng: np.random.Generator, k: int, noise: float, count: int) -> Planted:
    """Two or three sources who passed on to the same seller, in unequal parts."""
    each = [source(world, rng, k, 0.0) for _ in range(count)]
    parts = rng.multinomial(k - int(k * noise), rng.dirichlet(np.full(count, 6.0)))
    chosen = [
        rng.choice(one.customers, min(int(n), len(one.customers)), replace=False)
        for one, n in zip(each, parts, strict=True)
    ]
    leaked = np.unique(np.concatenate(chosen))
    customers = np.unique(np.concatenate([leaked, mixed(rng, world, leaked, int(k * noise), 1.0)]))
    who = tuple(one.sources[0] for one in each)
    return replace(
        each[0], family=f"{count} sources", customers=customers, mailed_at=times(rng, len(customers)), sources=who
    )
