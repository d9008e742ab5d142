"""The study an investigator would have of a planted campaign: what the ledger would answer, of a world in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.campaigns import Planted
from bench.worlds import World, first_shown
from leaktrace.attribution import (
    Case,
    Channels,
    Circumstances,
    Group,
    Judgement,
    Samples,
    Study,
    judge,
    look_closely,
    look_first,
)
from leaktrace.records import Grade

MARGIN_DAYS = 14
AROUND = Circumstances(
    naming_threshold=0.99,
    nobody_threshold=0.9,
    set_mass=0.95,
    log_has_accesses=True,
    log_allows_nobody=True,
    margin_days=MARGIN_DAYS,
)
CONTROLS = 20_000
SAMPLED = 600


def group_of(
    world: World, customers: NDArray[np.int64], buyers: NDArray[np.int64], extra: Sequence[tuple[int, int, int]]
) -> Group:
    """The customers with everybody who had been shown them (cut off by the caller); `buyers`: of the seller."""
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
    contact = np.isin(customers, buyers)
    region, segment = world.region[customers] + 1, world.segment[customers] + 1
    if not world.attributes_known:
        region, segment = region * 0, segment * 0
    return Group(region, segment, contact, pair_customer, pair_principal, pair_at)


def buyers_of(world: World, planted: Planted) -> NDArray[np.int64]:
    """The seller's buyers whom the contacts table has."""
    if not planted.seller_rows_known:
        return np.zeros(0, dtype=np.int64)
    return world.contacts[planted.seller] if planted.known_buyers is None else planted.known_buyers


def study_of(world: World, planted: Planted, *, seed: int, controls: int = CONTROLS) -> Study:
    """What the ledger would answer for the campaign."""
    start = int(planted.mailed_at.min())
    drawn, uniform = drawn_controls(world, planted, seed, controls)
    group = group_of(world, planted.customers, buyers_of(world, planted), planted.extra_pairs).before(planted.mailed_at)
    control_group = group_of(world, drawn, buyers_of(world, planted), ()).before(start)
    attached: Grade = "G2"
    grades = planted.grades or tuple(attached for _ in planted.customers)
    reporters = planted.reporters or tuple(f"r{i}" for i in range(len(planted.customers)))
    cases = tuple(
        Case(f"report {i + 1}", "report", grades[i], True, int(at), int(at), reporters[i])
        for i, at in enumerate(planted.mailed_at)
    )
    return Study(
        principals=world.facts,
        opened_count=world.opened_counts(start),
        customer_count=world.customers,
        cases=cases,
        case_group=group,
        controls=control_group,
        uniform_control=uniform,
        elsewhere_control=np.zeros(len(drawn), dtype=np.bool_),
        start_at=start,
        seller_known=True,
        contacts_known=planted.contacts_known,
        seller_dealt=planted.seller_rows_known,
        region_known=world.attributes_known,
        channels=_dealings(world, planted, drawn),
    )


def _dealings(world: World, planted: Planted, drawn: NDArray[np.int64]) -> Channels:
    """Customers of the other sellers, where two cases or more are, as the ledger answers."""
    labels: list[str] = []
    cases, controls = [], []
    for seller, known in enumerate(world.contacts):
        case = np.flatnonzero(np.isin(planted.customers, known))
        if seller != planted.seller and len(case) >= 2:
            labels.append(f"seller {seller}")
            cases.append(case)
            controls.append(np.flatnonzero(np.isin(drawn, known)))
    return Channels(tuple(labels), *_by_channel(cases), *_by_channel(controls))


def _by_channel(members: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Customers of all channels, the channel of each, and when: before everything."""
    customer = np.concatenate([np.zeros(0, dtype=np.int64), *members])
    return customer, np.repeat(np.arange(len(members)), [len(one) for one in members]), np.zeros_like(customer)


def drawn_controls(
    world: World, planted: Planted, seed: int, count: int = CONTROLS
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Three quarters from all customers alike, the rest from the cases' regions, as the ledger draws them."""
    rng = np.random.default_rng(seed)
    if not world.attributes_known:
        drawn = np.setdiff1d(rng.choice(world.customers, count, replace=False), planted.customers)
        return drawn, np.ones(len(drawn), dtype=np.bool_)
    uniform = rng.choice(world.customers, 3 * count // 4, replace=False)
    weights = np.bincount(world.region[planted.customers], minlength=world.region.max() + 1)[world.region] + 0.0
    reachable = min(count // 4, int((weights > 0).sum()))
    near = rng.choice(world.customers, reachable, replace=False, p=weights / weights.sum())
    drawn = np.setdiff1d(np.unique(np.concatenate([uniform, near])), planted.customers)
    return drawn, np.isin(drawn, uniform)


def samples_of(
    world: World, study: Study, planted: Planted, principals: NDArray[np.int64], seed: int, limit: int = SAMPLED
) -> Samples:
    """What each of these principals opened, sampled as the ledger samples."""
    rng = np.random.default_rng(seed)
    drawn = []
    for principal in principals.tolist():
        opened = np.setdiff1d(world.opened(principal, study.start_at), planted.customers)
        drawn.append(np.sort(rng.choice(opened, min(limit, len(opened)), replace=False)))
    customers = np.unique(np.concatenate(drawn)) if drawn else np.zeros(0, dtype=np.int64)
    group = group_of(world, customers, buyers_of(world, planted), ()).before(study.start_at)
    present = [row for row, one in enumerate(drawn) if len(one)]
    row = np.repeat(np.arange(len(present)), [len(drawn[place]) for place in present])
    customer = np.searchsorted(customers, np.concatenate([drawn[place] for place in present]))
    at = _first_times(group, customer, principals[present][row])
    fresh = ~np.isin(customers, drawn_controls(world, planted, seed)[0])
    return Samples(principals[present], group, fresh, row, customer, at)


def _first_times(group: Group, customer: NDArray[np.int64], principal: NDArray[np.int64]) -> NDArray[np.int64]:
    """When each of these principals was first shown each of these customers."""
    width = int(group.pair_principal.max()) + 1
    pairs = group.pair_customer * width + group.pair_principal
    order = np.argsort(pairs, kind="stable")
    return group.pair_at[order[np.searchsorted(pairs[order], customer * width + principal)]]


def judged(world: World, planted: Planted, seed: int, insider_prior: float = 0.5) -> Judgement:
    """The whole way through the room."""
    study = study_of(world, planted, seed=seed)
    first = look_first(study, MARGIN_DAYS)
    look = look_closely(first, samples_of(world, study, planted, first.shortlist, seed))
    around = replace(AROUND, complaint_handlers=frozenset(world.facts[one].name for one in planted.handlers))
    return judge(look, around, insider_prior=insider_prior)


def exposure_rows(world: World, planted: Planted) -> NDArray[np.bool_]:
    """Who had been shown which complaining customer in time, `[principals, customers]`: for references and peers."""
    group = group_of(world, planted.customers, buyers_of(world, planted), planted.extra_pairs).before(planted.mailed_at)
    rows = np.zeros((world.principals, len(planted.customers)), dtype=np.bool_)
    rows[group.pair_principal, group.pair_customer] = True
    return rows


def without_contacts(planted: Planted) -> Planted:
    """The same campaign where nobody told who dealt with whom."""
    return replace(planted, contacts_known=False)
