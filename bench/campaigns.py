"""Campaigns with a known truth, planted into a world: families of leaks and of mailings that had no insider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bench.worlds import BULK, DAY, MAIL_DAY, SHADOW, SPECIALIST, TWINS, World
from leaktrace.records import Grade

MAIL_AT = MAIL_DAY * DAY
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Planted:
    """Who complains, when they were mailed, who leaked them, and what only an oracle knows."""

    family: str
    customers: NDArray[np.int64]
    mailed_at: NDArray[np.int64]
    sources: tuple[int, ...]
    seller: int
    noise: float = 1.0
    """Share of the reports that come from the sender's own list."""
    listed: Reals | None = None
    """Chance of each customer to be on that list, `[customers of the world]`; null: every customer alike."""
    pick: Reals | None = None
    """How much the source leans to each customer they were shown; null: all alike."""
    leaked_part: NDArray[np.int64] | None = None
    """What the source passed on, where it is only a part of what they were shown."""
    tied: tuple[int, ...] = ()
    """Principals whom no evidence can tell from a source."""
    grades: tuple[Grade, ...] = ()
    reporters: tuple[str, ...] = ()
    extra_pairs: tuple[tuple[int, int, int], ...] = field(default=())
    """(customer, principal, at): accesses that this campaign brought about."""
    contacts_known: bool = True
    seller_rows_known: bool = True
    known_buyers: NDArray[np.int64] | None = None
    """Of the seller's buyers, those whose contacts the ledger has, sorted; null: all."""
    handlers: tuple[int, ...] = ()
    """Principals known to handle complaints (`complaint_handlers`)."""


Make = Callable[[World, np.random.Generator, int], Planted | None]


def _times(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    return MAIL_AT + rng.integers(0, 10 * DAY, count)


def _seller(rng: np.random.Generator, world: World) -> int:
    return int(rng.integers(len(world.contacts)))


def _other_seller(rng: np.random.Generator, world: World) -> int:
    """A seller for whom nobody answers alone."""
    return int(rng.choice(np.delete(np.arange(len(world.contacts)), world.answered_seller)))


def _regional_list(world: World, region: int) -> Reals:
    inside = world.region == region
    return np.asarray(inside / inside.sum())


def _drawn(rng: np.random.Generator, count: int, chances: Reals) -> NDArray[np.int64]:
    able = int((chances > 0).sum())
    return rng.choice(len(chances), min(count, able), replace=False, p=chances / chances.sum())


def leak(
    world: World,
    rng: np.random.Generator,
    k: int,
    noise: float,
    *,
    family: str = "one source",
    who: int | None = None,
    pick: Reals | None = None,
    part: NDArray[np.int64] | None = None,
) -> Planted:
    """`k` reports of one source's leak, a share `noise` of them from the sender's own list of one region."""
    principal = _somebody(world, rng, k) if who is None else who
    shown = world.opened(principal, MAIL_AT) if part is None else part
    leaning = np.zeros(world.customers)
    leaning[shown] = 1.0 if pick is None else pick[shown]
    region = int(world.region[rng.choice(shown)])
    listed = _regional_list(world, region)
    others = int(rng.binomial(k, noise))
    customers = np.unique(np.concatenate([_drawn(rng, k - others, leaning), _drawn(rng, others, listed)]))
    return Planted(
        family=family,
        customers=customers,
        mailed_at=_times(rng, len(customers)),
        sources=(principal,),
        seller=_seller(rng, world),
        noise=noise,
        listed=listed,
        pick=pick,
        leaked_part=part,
    )


def _ordinary(world: World) -> NDArray[np.bool_]:
    """Principals without a part of their own to play."""
    plain = np.ones(world.principals, dtype=np.bool_)
    plain[[index for part in world.parts.values() for index in part]] = False
    return plain


def _somebody(world: World, rng: np.random.Generator, k: int) -> int:
    able = _ordinary(world) & (world.opened_counts(MAIL_AT) > max(150, 2 * k))
    return int(rng.choice(np.flatnonzero(able)))


def targeted(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """The buyer asked for one segment and for active customers."""
    pick = np.where(world.segment == rng.integers(3), 1.0, 0.05) * world.activity
    return leak(world, rng, k, noise, family="targeted pick", pick=pick)


def bulk_account(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """The source is a service account that opens 30 % of all customers."""
    return leak(world, rng, k, noise, family="bulk service account", who=int(rng.choice(world.parts[BULK])))


def small_source(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted | None:
    """The source was shown fewer than 150 customers."""
    sizes = world.opened_counts(MAIL_AT)
    able = np.flatnonzero(_ordinary(world) & (sizes < 150) & (sizes >= max(20, int(1.2 * k))))
    if len(able) == 0:
        return None
    return leak(world, rng, k, noise, family="under 150 customers", who=int(rng.choice(able)))


def twins(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """Somebody else was shown the very same customers."""
    who, other = world.parts[TWINS]
    return replace(leak(world, rng, k, noise, family="twins", who=who), tied=(other,))


def shadowed(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """A colleague was shown 85 % of what the source was shown."""
    return leak(world, rng, k, noise, family="colleague with 85 % of the queue", who=world.parts[SHADOW][0])


def specialist(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """Who answers for one seller passed the customers on to another."""
    (who,) = world.parts[SPECIALIST]
    planted = leak(world, rng, k, noise, family="specialist of one seller", who=who)
    return replace(planted, seller=_other_seller(rng, world))


def framed(world: World, rng: np.random.Generator, k: int, noise: float, *, smaller: bool) -> Planted | None:
    """A source who passes on only what a (smaller or larger) colleague had been shown too."""
    sizes = world.opened_counts(MAIL_AT)
    plain = np.flatnonzero(_ordinary(world))
    for _ in range(600):
        who, other = rng.choice(plain, 2, replace=False)
        if (sizes[other] < sizes[who]) != smaller:
            continue
        part = np.intersect1d(world.opened(int(who), MAIL_AT), world.opened(int(other), MAIL_AT))
        if len(part) >= max(k, 12):
            name = "frames a smaller colleague" if smaller else "frames a larger colleague"
            return leak(world, rng, k, noise, family=name, who=int(who), part=part)
    return None


def several(world: World, rng: np.random.Generator, k: int, noise: float, count: int) -> Planted:
    """Two or three sources who passed on to the same seller, in unequal parts."""
    able = np.flatnonzero(_ordinary(world) & (world.opened_counts(MAIL_AT) > max(150, 2 * k)))
    who = rng.choice(able, count, replace=False)
    parts = rng.multinomial(k - int(k * noise), rng.dirichlet(np.full(count, 6.0)))
    taken = [
        rng.choice(shown, min(int(n), len(shown)), replace=False)
        for shown, n in zip((world.opened(int(one), MAIL_AT) for one in who), parts, strict=True)
    ]
    leaked = np.unique(np.concatenate(taken))
    listed = _regional_list(world, int(world.region[rng.choice(leaked)]))
    customers = np.unique(np.concatenate([leaked, _drawn(rng, int(k * noise), listed)]))
    return Planted(
        family=f"{count} sources",
        customers=customers,
        mailed_at=_times(rng, len(customers)),
        sources=tuple(who.tolist()),
        seller=_seller(rng, world),
        noise=noise,
        listed=listed,
    )


def handled(
    world: World,
    rng: np.random.Generator,
    planted: Planted,
    *,
    days: tuple[int, int],
    name: str = "an earlier mail",
    listed: bool = True,
) -> Planted:
    """A handler opened the complaining customers' records after an earlier mail that nobody reported.

    `days`: before this mail, within which the complaints about the earlier one were handled; `listed`: whether the
    ledger is told that this is the handler's work.
    """
    handler = int(rng.choice(np.flatnonzero(_ordinary(world))))
    opened = rng.random(len(planted.customers)) < 0.9
    early = MAIL_AT - rng.integers(days[0] * DAY, days[1] * DAY, len(planted.customers))
    extra = tuple((int(c), handler, int(at)) for c, at in zip(planted.customers[opened], early[opened], strict=True))
    return replace(planted, family=f"handler of {name}", extra_pairs=extra, handlers=(handler,) if listed else ())


def posing(world: World, rng: np.random.Generator, k: int, noise: float) -> Planted:
    """A source who opens a colleague's customers, and others of the list, in weeks, as who handles complaints does, and
    passes on the colleague's.
    """
    planted = leak(world, rng, k, noise)
    able = np.flatnonzero(_ordinary(world))
    source = int(rng.choice(able[able != planted.sources[0]]))
    opened = rng.random(len(planted.customers)) < 0.9
    at = MAIL_AT - rng.integers(20 * DAY, 40 * DAY, len(planted.customers))
    extra = tuple((int(c), source, int(when)) for c, when in zip(planted.customers[opened], at[opened], strict=True))
    return replace(planted, family="frames a colleague", sources=(source,), extra_pairs=extra)


def handled_weeks_before(world: World, rng: np.random.Generator, planted: Planted) -> Planted:
    """The same, of a mail that came before the early cut."""
    first = int(rng.integers(15, 40))
    return handled(world, rng, planted, days=(first, first + 14), name="a mail weeks before")


def unlogged(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A team mate exported the queue with a tool that writes no log."""
    who = int(rng.choice(np.flatnonzero(_ordinary(world))))
    pool = np.flatnonzero(world.queue_of_customer == world.team_of[who])
    customers = np.sort(rng.choice(pool, min(k, len(pool)), replace=False))
    seller = _seller(rng, world)
    return Planted("unlogged export", customers, _times(rng, len(customers)), (who,), seller, noise=0.0)


# --- without an insider ----------------------------------------------------------------------------------------


def mailing(world: World, rng: np.random.Generator, k: int, family: str, listed: Reals) -> Planted:
    """A sender who had the addresses from elsewhere."""
    customers = np.sort(_drawn(rng, k, listed))
    return Planted(family, customers, _times(rng, len(customers)), (), _seller(rng, world), listed=listed)


def regional(world: World, rng: np.random.Generator, k: int) -> Planted:
    """The sender's own list of one region."""
    return mailing(world, rng, k, "sender's regional list", _regional_list(world, int(rng.choice(world.region))))


def anybody(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A dump of random customers."""
    return mailing(world, rng, k, "random customers", np.full(world.customers, 1.0 / world.customers))


def busiest(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A sender who wrote to the most active customers."""
    weights = world.activity**1.5
    return mailing(world, rng, k, "most active customers", weights / weights.sum())


def reviewers(world: World, rng: np.random.Generator, k: int) -> Planted:
    """Addresses guessed from reviews that anybody can read."""
    weights = np.zeros(world.customers)
    weights[world.reviewers] = 1.0 / len(world.reviewers)
    return mailing(world, rng, k, "harvested review writers", weights)


def segment_of_region(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A list of one segment of one region."""
    region, segment = int(rng.choice(world.region)), int(rng.integers(3))
    inside = (world.region == region) & (world.segment == segment)
    return mailing(world, rng, k, "one segment of a region", inside / inside.sum())


def queue_list(world: World, rng: np.random.Generator, k: int) -> Planted:
    """A list that leans to one queue's customers in a way no attribute shows."""
    inside = world.queue_of_customer == rng.choice(world.queue_of_customer)
    return mailing(world, rng, k, "one queue's customers", inside / inside.sum())


def team_list(world: World, rng: np.random.Generator, k: int) -> Planted | None:
    """A list of nobody but customers whom one team had been shown, no member most of them."""
    early = world.pair_at < MAIL_AT
    for team in rng.permutation(np.unique(world.team_of)).tolist():
        own = early & (world.team_of[world.pair_principal] == team)
        inside = np.zeros(world.customers, dtype=np.bool_)
        inside[world.pair_customer[own]] = True
        most = int(np.bincount(world.pair_principal[own], minlength=1).max())
        if int(inside.sum()) >= 2 * k and 2 * most <= int(inside.sum()):
            return mailing(world, rng, k, "what one team was shown", inside / inside.sum())
    return None


def buyers(world: World, rng: np.random.Generator, k: int, *, rows: bool) -> Planted:
    """The sender wrote to his own buyers; `rows`: the contacts table says so."""
    seller = _seller(rng, world)
    weights = np.zeros(world.customers)
    weights[world.contacts[seller]] = 1.0 / len(world.contacts[seller])
    name = "sender's buyers" if rows else "sender's buyers, rows missing"
    return replace(mailing(world, rng, k, name, weights), seller=seller, seller_rows_known=rows)


def buyers_partly_known(world: World, rng: np.random.Generator, k: int) -> Planted:
    """The sender wrote to his own buyers, for whom one principal answers; of every fourth the contacts are missing."""
    seller = world.answered_seller
    mine = world.contacts[seller]
    weights = np.zeros(world.customers)
    weights[mine] = 1.0 / len(mine)
    known = np.sort(rng.choice(mine, 3 * len(mine) // 4, replace=False))
    planted = mailing(world, rng, k, "sender's buyers, part of the rows missing", weights)
    return replace(planted, seller=seller, known_buyers=known)


def bought(world: World, rng: np.random.Generator, k: int) -> Planted:
    """The sender bought the list of the customers of another seller, for whom one principal answers."""
    weights = np.zeros(world.customers)
    weights[world.contacts[world.answered_seller]] = 1.0 / len(world.contacts[world.answered_seller])
    return replace(mailing(world, rng, k, "another seller's buyers", weights), seller=_other_seller(rng, world))


def forged(world: World, rng: np.random.Generator, k: int, grade: Grade, *, reporters: int | None = None) -> Planted:
    """Reports made up about one agent's customers; `reporters`: so many look-alikes wrote them all."""
    true = leak(world, rng, k, 0.0)
    count = len(true.customers)
    names = () if reporters is None else tuple(f"look-alike {i % reporters}" for i in range(count))
    label = f"forged {grade}" if reporters is None else f"forged {grade}, {reporters} reporter"
    return replace(true, family=label, sources=(), grades=(grade,) * count, reporters=names, noise=1.0, listed=None)


WITH_SOURCE: dict[str, Make] = {
    "one source, noise 0.1": lambda w, r, k: leak(w, r, k, 0.1),
    "one source, noise 0.3": lambda w, r, k: leak(w, r, k, 0.3),
    "one source, noise 0.5": lambda w, r, k: leak(w, r, k, 0.5),
    "one source, noise 0.7": lambda w, r, k: leak(w, r, k, 0.7),
    "targeted pick, noise 0.3": lambda w, r, k: targeted(w, r, k, 0.3),
    "bulk service account, noise 0.3": lambda w, r, k: bulk_account(w, r, k, 0.3),
    "under 150 customers, noise 0.3": lambda w, r, k: small_source(w, r, k, 0.3),
    "colleague with 85 % of the queue, noise 0.3": lambda w, r, k: shadowed(w, r, k, 0.3),
    "twins, noise 0.3": lambda w, r, k: twins(w, r, k, 0.3),
    "handler of an earlier mail, noise 0.3": lambda w, r, k: handled(w, r, leak(w, r, k, 0.3), days=(1, 8)),
    "handler of a mail weeks before, noise 0.3": lambda w, r, k: handled_weeks_before(w, r, leak(w, r, k, 0.3)),
    "frames a smaller colleague, noise 0.3": lambda w, r, k: framed(w, r, k, 0.3, smaller=True),
    "frames a smaller colleague, no noise": lambda w, r, k: framed(w, r, k, 0.0, smaller=True),
    "frames a larger colleague, noise 0.3": lambda w, r, k: framed(w, r, k, 0.3, smaller=False),
    "two sources, noise 0.2": lambda w, r, k: several(w, r, k, 0.2, 2),
    "three sources, noise 0.2": lambda w, r, k: several(w, r, k, 0.2, 3),
    "unlogged export by a team mate": unlogged,
    "handler of an earlier mail whom nobody lists, noise 0.3": lambda w, r, k: handled(
        w, r, leak(w, r, k, 0.3), days=(1, 8), listed=False
    ),
    "frames a colleague and poses as a handler, noise 0.3": lambda w, r, k: posing(w, r, k, 0.3),
    "specialist of one seller, noise 0.3": lambda w, r, k: specialist(w, r, k, 0.3),
}
WITHOUT: dict[str, Make] = {
    "sender's regional list": regional,
    "one segment of a region": segment_of_region,
    "one queue's customers": queue_list,
    "what one team was shown": team_list,
    "sender's buyers": lambda w, r, k: buyers(w, r, k, rows=True),
    "sender's buyers, rows missing": lambda w, r, k: buyers(w, r, k, rows=False),
    "sender's buyers, part of the rows missing": buyers_partly_known,
    "another seller's buyers": bought,
    "random customers": anybody,
    "harvested review writers": reviewers,
    "most active customers": busiest,
    "regional list, handler of a mail weeks before": lambda w, r, k: handled_weeks_before(w, r, regional(w, r, k)),
    "regional list, handler over two months": lambda w, r, k: handled(
        w, r, regional(w, r, k), days=(15, 75), name="mails over two months"
    ),
    "forged G1 about one agent": lambda w, r, k: forged(w, r, k, "G1"),
    "forged G2 by one reporter": lambda w, r, k: forged(w, r, k, "G2", reporters=1),
}
