"""One incident in the simulated world: who passed on what to whom, who was mailed, who complained, who handled it.

Pure. Customers are drawn as they would be in life: a list is a list, complaining customers are those who contact
support anyway; nothing is chosen so that an answer becomes easy or hard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.errors import SimulationError
from leaktrace.simulate.draws import without_return
from leaktrace.simulate.model import (
    COMPLAINTS,
    LOG_END,
    MICROSECONDS_A_DAY,
    MICROSECONDS_A_SECOND,
    SERVICE,
    Accesses,
    Numbers,
    Shares,
    World,
)
from leaktrace.simulate.world import share_of_region

_HOUR = 3600 * MICROSECONDS_A_SECOND
_LONGEST_MAILING = 3 * MICROSECONDS_A_DAY
_LONGEST_HESITATION = 9 * MICROSECONDS_A_DAY


@dataclass(frozen=True, slots=True)
class Mailing:
    """One sender's mailing and what came of it; `reporter` and its columns are of equal length."""

    seller: int
    mailed: Numbers
    mailed_at: Numbers
    """When each of `mailed` got it."""
    reporter: Numbers
    reporter_mailed_at: Numbers
    reported_at: Numbers
    worded: Numbers
    """Others who were mailed and complained in words only."""
    worded_at: Numbers


@dataclass(frozen=True, slots=True)
class Leak:
    """What one source passed on."""

    source: int
    customer: Numbers
    before: int
    """All of it had been shown to the source by then."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The mailing in question, its sources if any, and other mailings that nobody inside has to do with."""

    leaks: tuple[Leak, ...]
    main: Mailing
    others: tuple[Mailing, ...]
    earlier_at: int | None
    """When the same seller had mailed the same people once before, and nobody forwarded it."""


def draw_incident(
    rng: np.random.Generator,
    world: World,
    accesses: Accesses,
    *,
    reports: int,
    leakers: tuple[int, ...],
    insiders: bool,
    earlier: bool,
) -> Incident:
    """The incident of these leakers; without `insiders` the seller bought a list of the same size and region."""
    mail_at = LOG_END - int(rng.uniform(16, 18.5) * MICROSECONDS_A_DAY)
    leak_at = mail_at - int(rng.uniform(18, 45) * MICROSECONDS_A_DAY)
    leaks = tuple(_draw_leak(rng, accesses, leaker, leak_at, reports, len(leakers)) for leaker in leakers)
    leaked = np.unique(np.concatenate([leak.customer for leak in leaks]))
    region = int(world.staff.region[leakers[0]])
    share = world.sellers.share[region]
    seller = int(rng.choice(np.flatnonzero(share >= np.median(share))))
    noise_share = rng.uniform(0.2, 0.3)
    total = round(len(leaked) / (1 - noise_share))
    if insiders:
        own = _own_list(rng, world, region, seller, total - len(leaked), leaked)
        mailed = np.union1d(leaked, own)
    else:
        mailed = _own_list(rng, world, region, seller, total, leaked[:0])
    main = _draw_mailing(rng, world, seller, mailed, mail_at, reports)
    earlier_at = mail_at - int(rng.uniform(6, 11) * MICROSECONDS_A_DAY) if earlier else None
    others = _other_mailings(rng, world, main)
    return Incident(leaks if insiders else (), main, others, earlier_at)


def least_leak(reports: int, sources: int) -> int:
    """How many addresses each source must pass on so that one in two of those mailed need not complain."""
    return -(-18 * reports // (10 * sources)) + 2


def most_reports(leak: float, sources: int) -> int:
    """The other way round: how many reports so large a leak of each source can bring."""
    return int(max(0.0, leak - 2) * 10 * sources // 18)


def shown_early(world: World, accesses: Accesses) -> Numbers:
    """How many customers' addresses each person in a region's queue had been shown by the earliest moment of a leak;
    0 for complaint handlers and service accounts.
    """
    early = accesses.take(accesses.shows_email() & (accesses.at < LOG_END - 64 * MICROSECONDS_A_DAY))
    customer_count = len(world.customers.number)
    pairs = np.unique(early.principal * customer_count + early.customer)
    shown = np.bincount(pairs // customer_count, minlength=len(world.staff.name))
    person = (world.staff.queue != SERVICE) & (world.staff.queue != COMPLAINTS)
    return np.where(person, shown, 0)


def _draw_leak(
    rng: np.random.Generator, accesses: Accesses, source: int, leak_at: int, reports: int, sources: int
) -> Leak:
    """A random part of the customers whose address the source had been shown by `leak_at`."""
    rows = (accesses.principal == source) & accesses.shows_email() & (accesses.at < leak_at)
    shown = np.unique(accesses.customer[rows])
    wanted = min(round(rng.uniform(0.4, 0.8) * len(shown)), 30 * reports + 100)
    wanted = max(wanted, least_leak(reports, sources))
    if wanted > len(shown):
        raise SimulationError(
            f"A source who had been shown {len(shown)} addresses cannot pass on {wanted}.",
            "Ask for fewer --reports or more --accesses, or take another --seed.",
        )
    return Leak(source, np.sort(rng.choice(shown, wanted, replace=False)), leak_at)


def _own_list(
    rng: np.random.Generator, world: World, region: int, seller: int, count: int, without: Numbers
) -> Numbers:
    """Whom a seller mails without anybody's help: a bought list of a region, customers of old, addresses from
    anywhere.
    """
    bought = share_of_region(world.customers, region)
    known = np.zeros(len(bought))
    known[world.contacts.customer[world.contacts.seller == seller]] = 1.0
    anywhere = np.ones(len(bought))
    weight = sum(
        part * column / column.sum()
        for part, column in ((0.7, bought), (0.18, known * (0.1 + (bought > 0))), (0.12, anywhere))
        if column.sum()
    )
    chances: Shares = np.asarray(weight, np.float64).copy()
    chances[without] = 0.0
    if np.count_nonzero(chances) < count:
        raise SimulationError(
            f"There are too few customers for a mailing to {count} more of them.",
            "Ask for more --customers or fewer --reports.",
        )
    return without_return(rng, chances, count)


def _draw_mailing(
    rng: np.random.Generator, world: World, seller: int, mailed: Numbers, mail_at: int, reports: int
) -> Mailing:
    """Sent in the course of some hours or days; who contacts support anyway complains more."""
    if len(mailed) < reports:
        raise SimulationError(
            f"A mailing to {len(mailed)} customers cannot bring {reports} reports.",
            "Ask for fewer --reports or for more --accesses.",
        )
    delay = np.minimum(rng.exponential(14 * _HOUR, len(mailed)).astype(np.int64), _LONGEST_MAILING)
    delay -= delay.min()
    mailed_at = (mail_at + delay) // MICROSECONDS_A_SECOND * MICROSECONDS_A_SECOND
    complaining = without_return(
        rng, world.customers.activity[mailed] ** 0.3, min(len(mailed), reports + max(2, reports // 12))
    )
    complaining = rng.permutation(complaining)
    hesitation = rng.lognormal(np.log(14), 1.1, len(complaining)) * _HOUR
    seconds: Numbers = np.clip(hesitation, 0.2 * _HOUR, _LONGEST_HESITATION).astype(np.int64) // MICROSECONDS_A_SECOND
    reported_at = mailed_at[complaining] + seconds * MICROSECONDS_A_SECOND
    first, rest = complaining[:reports], complaining[reports:]
    return Mailing(
        seller,
        mailed,
        mailed_at,
        reporter=mailed[first],
        reporter_mailed_at=mailed_at[first],
        reported_at=reported_at[:reports],
        worded=mailed[rest],
        worded_at=reported_at[reports:],
    )


def _other_mailings(rng: np.random.Generator, world: World, main: Mailing) -> tuple[Mailing, ...]:
    """Three to five mailings of other sellers in the weeks around, to lists of their own; a few reports each."""
    people = [place.people for place in world.places]
    # One where Persian is written and one where Chinese is, so that every mailbox has such messages.
    regions = [people.index("fa"), people.index("zh"), *rng.integers(0, len(people), int(rng.integers(1, 4))).tolist()]
    sellers = rng.permutation(np.delete(np.arange(len(world.sellers.name)), main.seller))
    taken = main.mailed
    others: list[Mailing] = []
    for region, seller in zip(regions, sellers.tolist(), strict=False):
        size = max(20, min(300, len(world.customers.number) // 20))
        mailed = _own_list(rng, world, region, seller, size, taken)
        mail_at = LOG_END - int(rng.uniform(14, 60) * MICROSECONDS_A_DAY)
        mailing = _draw_mailing(rng, world, seller, mailed, mail_at, int(rng.integers(3, 7)))
        here = world.customers.region == region
        others.append(mailing if len(others) > 1 else _with_local_reporters(mailing, np.flatnonzero(here)))
        taken = np.union1d(taken, mailing.reporter)
    return tuple(others)


def _with_local_reporters(mailing: Mailing, local: Numbers) -> Mailing:
    """At least the first reporter lives there: swaps them with somebody who was mailed and does."""
    if np.isin(mailing.reporter[0], local):
        return mailing
    candidates = np.flatnonzero(
        np.isin(mailing.mailed, local) & ~np.isin(mailing.mailed, np.concatenate([mailing.reporter, mailing.worded]))
    )
    if not len(candidates):
        return mailing
    reporter, mailed_at = mailing.reporter.copy(), mailing.reporter_mailed_at.copy()
    hesitation = mailing.reported_at[0] - mailed_at[0]
    reporter[0], mailed_at[0] = mailing.mailed[candidates[0]], mailing.mailed_at[candidates[0]]
    reported_at = mailing.reported_at.copy()
    reported_at[0] = mailed_at[0] + hesitation
    return replace(mailing, reporter=reporter, reporter_mailed_at=mailed_at, reported_at=reported_at)
