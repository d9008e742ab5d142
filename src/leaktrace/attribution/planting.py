"""Campaigns of known source, planted into the accesses of a real log: in memory, and out of arrays alone.

A leak is planted by drawing who complains: some of the customers that the source had been shown before the mail, and a
share of others who were written to for another reason (noise). Campaigns without insider are drawn from lists that a
sender might have. Nobody's accesses are changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.study import Case, Channels, Flags, Group, Indices, Reals, Study
from leaktrace.records import CalibrationKind, Instants, PrincipalFacts

LEAST_OPENED_COUNT = 20
"""A planted source opened at least so many customers, and twice as many as there are reports."""
TIED_SHARE = 0.9
"""Who was shown this share of somebody's customers can hardly be told from them."""
FIXED_JOB_SHARE = 0.75
"""A service account that was shown this share of all customers is a fixed job: no colleague of anybody."""


@dataclass(frozen=True, slots=True)
class Market:
    """What campaigns are planted into. Customers are indices into `people`, principals into `principals`."""

    principals: tuple[PrincipalFacts, ...]
    opened_count: Indices
    """Per principal, distinct customers whose field was shown in the window."""
    customer_count: int
    start_at: int
    """The first mail of every campaign, microseconds UTC."""
    people: Group
    """Customers with all who had been shown them before each one's own mail."""
    mail_at: Instants
    """When each customer would be mailed, microseconds UTC."""
    known_elsewhere: Flags
    uniform: Flags
    """Controls drawn from all customers alike, as `trace` marks them."""
    alike: Flags
    """Drawn from all customers alike: the uniform controls and some more."""
    by_region: Flags
    """Drawn from every region in like numbers, besides."""
    elsewhere: Flags
    """Customers who reported real campaigns."""
    openings: Mapping[int, Indices]
    """Principal -> a random draw of the customers they had been shown before the first mail."""
    channels: Channels
    """By which tools and types of ticket people had been shown, all of them as its controls."""
    near_count: int
    """So many controls come from the regions of the customers in evidence."""
    region_known: bool
    counted_until: int | None = None
    """As `Study` has it."""

    @property
    def listed(self) -> Flags:
        """Customers that a sender's own list may hold."""
        return self.alike | self.by_region


@dataclass(frozen=True, slots=True)
class Planted:
    """A campaign of which the truth is known."""

    kind: CalibrationKind
    report_count: int
    sources: Indices
    """Empty: nobody inside."""
    customers: Indices
    """Who complains, sorted."""
    leaked: Indices
    """Those of them whom a source passed on, sorted."""


def eligible(opened_count: Indices, report_count: int) -> Indices:
    """Principals who opened enough customers to be the source of so many reports."""
    return np.flatnonzero(opened_count >= max(LEAST_OPENED_COUNT, 2 * report_count))


def draw_sources(opened_count: Indices, report_count: int, many: int, rng: np.random.Generator) -> Indices:
    """So many different sources, each eligible principal as likely as any other; none where there are too few."""
    able = eligible(opened_count, report_count)
    if len(able) < many:
        return np.zeros(0, dtype=np.int64)
    return np.sort(rng.choice(able, many, replace=False)).astype(np.int64)


def openings_needed(report_count: int) -> int:
    """So many customers of each source must be drawn for a campaign of this size, if the source opened as many."""
    return max(100, 4 * report_count)


# --- with a source ----------------------------------------------------------------------------------------------


def one_source(market: Market, rng: np.random.Generator, size: int, noise: float, sources: Indices) -> Planted | None:
    """The source passes on whomever they had been shown, all alike."""
    return _leak("one_source", market, rng, size, noise, sources, [market.openings[int(sources[0])]])


def chosen_part(market: Market, rng: np.random.Generator, size: int, noise: float, sources: Indices) -> Planted | None:
    """The source passes on nobody but customers whom one colleague had been shown too: who did it is framed."""
    own = market.openings[int(sources[0])]
    shared = _shared(market, own)
    shared[sources[0]] = 0
    shared[fixed_jobs(market)] = 0
    able = np.flatnonzero(shared >= max(size, 5))
    if len(able) == 0:
        return None
    framed = int(rng.choice(able))
    part = own[_shown_to(market, own, framed)]
    return _leak("chosen_part", market, rng, size, noise, sources, [part])


def two_sources(market: Market, rng: np.random.Generator, size: int, noise: float, sources: Indices) -> Planted | None:
    """Two sources pass on to the same sender, each about half."""
    return _leak("two_sources", market, rng, size, noise, sources, [market.openings[int(one)] for one in sources])


def _leak(
    kind: CalibrationKind,
    market: Market,
    rng: np.random.Generator,
    size: int,
    noise: float,
    sources: Indices,
    parts: list[Indices],
) -> Planted | None:
    others = int(rng.binomial(size, noise))
    shares = rng.multinomial(size - others, np.full(len(parts), 1.0 / len(parts)))
    leaked = np.zeros(0, dtype=np.int64)
    for part, share in zip(parts, shares.tolist(), strict=True):
        left = np.setdiff1d(part, leaked)
        if len(left) < share:
            return None
        leaked = np.union1d(leaked, rng.choice(left, share, replace=False)).astype(np.int64)
    noisy = _drawn(rng, others, _own_list(market, rng, leaked), leaked)
    if noisy is None:
        return None
    return Planted(kind, size, sources, np.union1d(leaked, noisy).astype(np.int64), leaked)


def _own_list(market: Market, rng: np.random.Generator, leaked: Indices) -> Reals:
    """The list that a sender has beside the leak: customers of one region, where regions are known."""
    if not market.region_known or len(leaked) == 0:
        return market.alike.astype(np.float64)
    region = market.people.region[rng.choice(leaked)]
    inside = market.listed & (market.people.region == region)
    return (inside if region and inside.any() else market.alike).astype(np.float64)


# --- without an insider -------------------------------------------------------------------------------------------


def random_customers(market: Market, rng: np.random.Generator, size: int) -> Planted | None:
    """Addresses of whatever customers."""
    return _mailing("random_customers", rng, size, market.alike.astype(np.float64))


def one_region(market: Market, rng: np.random.Generator, size: int) -> Planted | None:
    """The sender's list of one region."""
    regions = market.people.region[market.alike & (market.people.region > 0)]
    if not market.region_known or len(regions) == 0:
        return None
    inside = market.listed & (market.people.region == rng.choice(regions))
    return _mailing("one_region", rng, size, inside.astype(np.float64))


def most_active(market: Market, rng: np.random.Generator, size: int) -> Planted | None:
    """A list that leans to customers whom many principals had been shown."""
    return _mailing("most_active", rng, size, np.where(market.alike, market.people.intensity() ** 1.5, 0.0))


def one_team(market: Market, rng: np.random.Generator, size: int) -> Planted | None:
    """A list of nobody but customers of one team, in a way that no attribute shows.

    Only teams of which no member had been shown more than half of the team's customers: a list of nearly nobody but one
    principal's customers is what that principal's leak is, and nothing could tell the two apart.
    """
    members: dict[str, list[int]] = {}
    for index, facts in enumerate(market.principals):
        if facts.team:
            members.setdefault(facts.team, []).append(index)
    teams = sorted(members)
    for place in rng.permutation(len(teams)).tolist():
        whose = _customers_of(market, members[teams[place]])
        if int(whose.sum()) >= size:
            return _mailing("one_team", rng, size, whose.astype(np.float64))
    return None


def _customers_of(market: Market, team: list[int]) -> Flags:
    """Customers on a sender's list whom a team had been shown; none where one member was shown more than half."""
    people = market.people
    own = np.isin(people.pair_principal, team) & market.listed[people.pair_customer]
    whose = np.zeros(people.size, dtype=np.bool_)
    whose[people.pair_customer[own]] = True
    most = int(np.bincount(people.pair_principal[own], minlength=1).max())
    return whose if 2 * most <= int(whose.sum()) else np.zeros(people.size, dtype=np.bool_)


def _mailing(kind: CalibrationKind, rng: np.random.Generator, size: int, chances: Reals) -> Planted | None:
    nobody = np.zeros(0, dtype=np.int64)
    customers = _drawn(rng, size, chances, nobody)
    return None if customers is None else Planted(kind, size, nobody, customers, nobody)


def _drawn(rng: np.random.Generator, count: int, chances: Reals, without: Indices) -> Indices | None:
    """So many different customers, sorted; null where there are too few."""
    left = chances.copy()
    left[without] = 0.0
    if int((left > 0).sum()) < count:
        return None
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    return np.sort(rng.choice(len(left), count, replace=False, p=left / left.sum())).astype(np.int64)


WithSource = Callable[[Market, np.random.Generator, int, float, Indices], Planted | None]
Without = Callable[[Market, np.random.Generator, int], Planted | None]
WITH_SOURCE: dict[CalibrationKind, tuple[int, WithSource]] = {
    "one_source": (1, one_source),
    "chosen_part": (1, chosen_part),
    "two_sources": (2, two_sources),
}
"""Kind -> how many sources, and how it is planted."""
WITHOUT_SOURCE: dict[CalibrationKind, Without] = {
    "random_customers": random_customers,
    "one_region": one_region,
    "most_active": most_active,
    "one_team": one_team,
}


# --- what the finder is given ---------------------------------------------------------------------------------------


def study_of(market: Market, planted: Planted, rng: np.random.Generator) -> tuple[Study, Indices]:
    """The study of a planted campaign as `trace` would have it, and the customers that are its controls (sorted).

    Every report is of grade G2, every reporter a person of their own, and a contacts table is there.
    """
    people, chosen = market.people, planted.customers
    in_evidence = np.zeros(people.size, dtype=np.bool_)
    in_evidence[chosen] = True
    near = _near(market, planted, rng)
    is_control = (market.alike | market.elsewhere) & ~in_evidence
    is_control[near] = True
    cases = tuple(
        Case(
            label=f"report {number}",
            kind="report",
            grade="G2",
            mailed=True,
            sure_at=int(market.mail_at[customer]),
            late_at=int(market.mail_at[customer]),
            reporter=f"customer {number}",
            known_elsewhere=bool(market.known_elsewhere[customer]),
        )
        for number, customer in enumerate(chosen.tolist(), start=1)
    )
    study = Study(
        principals=market.principals,
        opened_count=market.opened_count,
        customer_count=max(market.customer_count, 1),
        cases=cases,
        case_group=people.only(in_evidence),
        controls=people.only(is_control),
        uniform_control=market.uniform[is_control],
        elsewhere_control=market.elsewhere[is_control],
        start_at=market.start_at,
        counted_until=market.counted_until,
        seller_known=True,
        contacts_known=True,
        region_known=market.region_known,
        channels=_channels(market.channels, in_evidence, is_control),
    )
    return study, np.flatnonzero(is_control)


def _channels(channels: Channels, in_evidence: Flags, is_control: Flags) -> Channels:
    """Those of the cases and of the controls, renumbered."""
    people = channels.control_customer
    case, control = in_evidence[people], is_control[people]
    return Channels(
        labels=channels.labels,
        case_customer=(np.cumsum(in_evidence) - 1)[people[case]],
        case_channel=channels.control_channel[case],
        case_at=channels.control_at[case],
        control_customer=(np.cumsum(is_control) - 1)[people[control]],
        control_channel=channels.control_channel[control],
        control_at=channels.control_at[control],
    )


def _near(market: Market, planted: Planted, rng: np.random.Generator) -> Indices:
    """Controls from the regions of the customers in evidence, in their proportions as far as there are enough."""
    free = market.by_region.copy()
    free[planted.customers] = False
    region = market.people.region
    homes, counts = np.unique(region[planted.customers], return_counts=True)
    found = []
    for home, count in zip(homes.tolist(), counts.tolist(), strict=True):
        here = np.flatnonzero(free & (region == home))
        wanted = market.near_count * count // max(len(planted.customers), 1)
        found.append(rng.choice(here, min(wanted, len(here)), replace=False))
    return np.sort(np.concatenate(found)).astype(np.int64) if found else np.zeros(0, dtype=np.int64)


# --- who cannot be told apart ---------------------------------------------------------------------------------------


def fixed_jobs(market: Market) -> Indices:
    """Service accounts that were shown most customers there are."""
    service = np.array([facts.kind == "service" for facts in market.principals], dtype=np.bool_)
    return np.flatnonzero(service & (market.opened_count >= FIXED_JOB_SHARE * market.customer_count))


def tied_in_team(market: Market) -> dict[int, bool]:
    """Principal that customers were drawn of -> whether a colleague of the same team had been shown nearly all."""
    jobs = set(fixed_jobs(market).tolist())
    teams = np.array([facts.team or "" for facts in market.principals])
    found = {}
    for principal, own in sorted(market.openings.items()):
        mates = (teams == teams[principal]) & (teams != "")
        mates[[principal, *jobs]] = False
        found[principal] = bool(len(own) and (_shared(market, own)[mates] >= TIED_SHARE * len(own)).any())
    return found


def _shared(market: Market, customers: Indices) -> Indices:
    """Per principal, how many of these customers they had been shown before the first mail."""
    return np.bincount(_pairs_of(market, customers), minlength=len(market.principals)).astype(np.int64)


def _pairs_of(market: Market, customers: Indices) -> Indices:
    wanted = np.zeros(market.people.size, dtype=np.bool_)
    wanted[customers] = True
    kept = wanted[market.people.pair_customer] & (market.people.pair_at < market.start_at)
    return market.people.pair_principal[kept]


def _shown_to(market: Market, customers: Indices, principal: int) -> Flags:
    people = market.people
    kept = (people.pair_principal == principal) & (people.pair_at < market.start_at)
    return np.isin(customers, people.pair_customer[kept])
