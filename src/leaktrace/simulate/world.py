"""The marketplace on ordinary days, drawn from a seed. Pure: no files, no clock."""

from __future__ import annotations

import numpy as np

from leaktrace.simulate.draws import in_groups, in_proportion, working_days
from leaktrace.simulate.model import (
    CONTACT_DAYS,
    LOG_DAYS,
    LOG_END,
    LOG_START,
    MICROSECONDS_A_DAY,
    MICROSECONDS_A_SECOND,
    NO_TICKET,
    SERVICE,
    VIEW_SHARES,
    Accesses,
    Contacts,
    Customers,
    Numbers,
    Place,
    Sellers,
    Shares,
    Staff,
    World,
)
from leaktrace.simulate.people import draw_customers
from leaktrace.simulate.staff import draw_staff
from leaktrace.simulate.wording import place_count, places, wording

CONTACT_KINDS = ("order", "message", "review", "optin")
_KIND_SHARES = np.array([0.7, 0.12, 0.1, 0.08])
_CONTACTS_A_CUSTOMER = 2
_HOME_SHARE = 0.88
"""Share of a person's cases that come from their own region; the others are help for other queues."""
_ROWS_A_CASE_SHARES = np.array([0.5, 0.3, 0.14, 0.06])


def draw_world(seed: int, *, customers: int, principals: int, accesses: int) -> World:
    """The same world for the same numbers, whatever the scenario."""
    rng = np.random.default_rng([seed, 1])
    where = places(min(place_count(), max(4, min(customers // 250, principals // 6))))
    people = draw_customers(rng, where, customers)
    staff = draw_staff(rng, where, principals)
    sellers = _draw_sellers(rng, where)
    return World(
        where,
        people,
        staff,
        sellers,
        _draw_contacts(rng, people, sellers),
        _draw_accesses(rng, where, people, staff, accesses),
    )


def region_starts(customers: Customers, region_count: int) -> Numbers:
    """Where each region's customers begin; one more entry for the end."""
    return np.searchsorted(customers.region, np.arange(region_count + 1)).astype(np.int64)


def _draw_sellers(rng: np.random.Generator, where: tuple[Place, ...]) -> Sellers:
    words = wording("sellers")
    categories = list(words["categories"])
    order = rng.permutation(len(words["first_words"])).tolist()
    names, domains, kinds = [], [], []
    for number, first in enumerate(order):
        category = categories[number % len(categories)]
        second = words["categories"][category][number // len(categories) % 2]
        word = words["first_words"][first]
        names.append(f"{word} {second}")
        stem = f"{word}-{second}".lower() if number % 3 else f"{word}{second}".lower()
        domains.append((f"{stem}.example",) if number % 4 else (f"{stem}.example", f"{word.lower()}-shop.example"))
        kinds.append(category)
    size = rng.lognormal(0.0, 0.9, len(names))
    present = rng.random((len(where), len(names))) < 0.4
    share = (present + 0.02) * size
    ids = rng.permutation(np.arange(10_000, 10_000 + 50 * len(names)))[: len(names)].tolist()
    return Sellers(
        tuple(f"s{number}" for number in ids),
        tuple(names),
        tuple(domains),
        tuple(kinds),
        share / share.sum(axis=1, keepdims=True),
    )


def _draw_contacts(rng: np.random.Generator, customers: Customers, sellers: Sellers) -> Contacts:
    """Orders and the like: active customers order more, each region from its own mix of sellers."""
    count = _CONTACTS_A_CUSTOMER * len(customers.number)
    customer = in_proportion(rng, customers.activity * rng.lognormal(0.0, 0.3, len(customers.number)), count)
    regions, seller_count = sellers.share.shape
    starts = np.arange(regions + 1) * seller_count
    seller = in_groups(rng, sellers.share.ravel(), starts, customers.region[customer]) % seller_count
    span = CONTACT_DAYS * MICROSECONDS_A_DAY // MICROSECONDS_A_SECOND
    at = LOG_END - rng.integers(1, span, count) * MICROSECONDS_A_SECOND
    order = np.argsort(at, kind="stable")
    kind = in_proportion(rng, _KIND_SHARES, count)
    product = seller * 1000 + rng.integers(0, 400, count)
    return Contacts(at[order], customer[order], seller[order], kind[order], product[order])


def _draw_accesses(
    rng: np.random.Generator, where: tuple[Place, ...], customers: Customers, staff: Staff, count: int
) -> Accesses:
    """Cases of one to four rows: a principal helps a customer, and opens the record again within minutes."""
    rows_a_case = np.arange(1, 5)[in_proportion(rng, _ROWS_A_CASE_SHARES, count)]
    case_count = int(np.searchsorted(np.cumsum(rows_a_case), count)) + 1
    rows_a_case = rows_a_case[:case_count]
    present = (staff.end_day - staff.start_day) / LOG_DAYS
    principal = in_proportion(rng, staff.productivity * present, case_count)
    customer = _case_customers(rng, where, customers, staff, principal)
    at = _case_times(rng, staff, principal)
    ticket = 1_000_000 + np.argsort(np.argsort(at, kind="stable"), kind="stable")
    without = (staff.queue[principal] == SERVICE) | (rng.random(case_count) < 0.08)
    ticket = np.where(without, NO_TICKET, ticket)
    case = np.repeat(np.arange(case_count), rows_a_case)[:count]
    turn = np.arange(count) - (np.cumsum(rows_a_case) - rows_a_case)[case]
    later = turn * (20 + rng.exponential(90, count))
    return Accesses(
        at=np.minimum(at[case] + (later * MICROSECONDS_A_SECOND).astype(np.int64), LOG_END - 1),
        principal=principal[case],
        customer=customer[case],
        view=draw_views(rng, staff.queue[principal][case]),
        ticket=ticket[case],
    )


def _case_customers(
    rng: np.random.Generator, where: tuple[Place, ...], customers: Customers, staff: Staff, principal: Numbers
) -> Numbers:
    """Whom each case is about: mostly of the principal's region, active customers more; machines take anybody."""
    starts = region_starts(customers, len(where))
    work = np.add.reduceat(customers.activity, starts[:-1])
    home = staff.region[principal]
    away = (home < 0) | (rng.random(len(principal)) > _HOME_SHARE)
    region = np.where(away, in_proportion(rng, work, len(principal)), home)
    chosen = in_groups(rng, customers.activity, starts, region)
    machine = staff.queue[principal] == SERVICE
    return np.where(machine, rng.integers(0, len(customers.number), len(principal)), chosen)


def _case_times(rng: np.random.Generator, staff: Staff, principal: Numbers) -> Numbers:
    """People work weekdays from about eight to six where they sit; machines at every hour of every day."""
    machine = staff.queue[principal] == SERVICE
    day = working_days(rng, staff.start_day[principal], staff.end_day[principal])
    day = np.where(machine, rng.integers(0, LOG_DAYS, len(principal)), day)
    local = 8 + 10 * rng.beta(2, 2, len(principal))
    hour = np.where(machine, 24 * rng.random(len(principal)), local - staff.offset_minutes[principal] / 60)
    # The log begins at midnight UTC, and no site is so far from it that a working day leaves the day.
    return LOG_START + day * MICROSECONDS_A_DAY + (hour * 3600 * MICROSECONDS_A_SECOND).astype(np.int64)


def draw_views(rng: np.random.Generator, queue: Numbers) -> Numbers:
    """Which screen each row opened, by the kind of work."""
    view = np.zeros(len(queue), np.int64)
    for kind, shares in VIEW_SHARES.items():
        rows = np.flatnonzero(queue == kind)
        view[rows] = in_proportion(rng, np.array(shares, np.float64), len(rows))
    return view


def share_of_region(customers: Customers, region: int) -> Shares:
    """Weights of a list of a region's customers: everybody in it, keen shoppers somewhat more."""
    return np.where(customers.region == region, customers.activity**0.3, 0.0)
