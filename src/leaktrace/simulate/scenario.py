"""The five stories: which principals leak, which handle complaints, and what that adds to the log. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from leaktrace.errors import SimulationError
from leaktrace.simulate.incident import Incident, Mailing, draw_incident, least_leak, most_reports, shown_early
from leaktrace.simulate.model import (
    COMPLAINTS,
    LOG_DAYS,
    LOG_END,
    MICROSECONDS_A_DAY,
    MICROSECONDS_A_SECOND,
    SERVICE,
    Accesses,
    Numbers,
    World,
    join_accesses,
)
from leaktrace.simulate.world import draw_world

Scenario = Literal["one", "two", "nobody", "twins", "handler"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
_SPARE_ROWS = 64
_HOUR = 3600 * MICROSECONDS_A_SECOND
_SHOWS_EMAIL_VIEWS = np.array([0, 0, 0, 1])
"""Complaint handlers look at who it is: the screens of `VIEWS` with the address."""


@dataclass(frozen=True, slots=True)
class Story:
    """A world with its incident."""

    world: World
    accesses: Accesses
    """Exactly as many as asked for, in time order."""
    incident: Incident
    tied: tuple[int, ...]
    handlers: tuple[int, ...]


def draw_story(scenario: Scenario, seed: int, *, customers: int, principals: int, accesses: int, reports: int) -> Story:
    """The story of a seed. SimulationError where the log is too small for so many reports."""
    world = draw_world(seed, customers=customers, principals=principals, accesses=accesses + _SPARE_ROWS)
    rng = np.random.default_rng([seed, 2, SCENARIOS.index(scenario)])
    log = world.accesses
    leakers = _choose_leakers(rng, world, reports, sources=2 if scenario == "two" else 1, twins=scenario == "twins")
    twin: int | None = None
    if scenario == "twins":
        twin = _colleague(rng, world, leakers[0])
        world, log = _as_twins(rng, world, log, leakers[0], twin)
    incident = draw_incident(
        rng,
        world,
        log,
        reports=reports,
        leakers=leakers,
        insiders=scenario != "nobody",
        earlier=scenario == "handler",
    )
    handlers = _handlers(rng, world)
    extra = _handling(rng, incident, handlers)
    untouched = {*leakers, *handlers} | ({twin} if twin is not None else set())
    log = _trim(rng, log, accesses - len(extra), np.array(sorted(untouched)))
    log = join_accesses(log, extra).in_time_order()
    return Story(world, log, incident, _tied(world, log, incident), handlers)


def _choose_leakers(
    rng: np.random.Generator, world: World, reports: int, *, sources: int, twins: bool
) -> tuple[int, ...]:
    """Anybody in a region's queue who had been shown enough; the second from another team than the first."""
    shown = shown_early(world, world.accesses)
    teams = np.array(world.staff.team)
    # Twins share the work of two, so that each may have been shown less than one of them alone.
    share = 0.4 if twins else 0.8
    able = np.flatnonzero(shown * share >= least_leak(reports, sources))
    if twins:
        sizes = dict(zip(*np.unique(teams, return_counts=True), strict=True))
        able = able[np.array([sizes[teams[p]] > 1 for p in able.tolist()], np.bool_)]
    chosen: list[int] = []
    while len(chosen) < sources:
        if not len(able):
            most = most_reports(float(np.sort(shown)[-sources]) * share, sources)
            raise SimulationError(
                f"No principal had been shown enough addresses for {reports} reports.",
                f"In a log of this size about {most} reports are possible: ask for fewer --reports or more --accesses.",
            )
        chosen.append(int(rng.choice(able)))
        able = able[teams[able] != teams[chosen[-1]]]
    return tuple(chosen)


def _colleague(rng: np.random.Generator, world: World, source: int) -> int:
    teams = np.array(world.staff.team)
    same = np.flatnonzero(teams == teams[source])
    return int(rng.choice(same[same != source]))


def _as_twins(rng: np.random.Generator, world: World, log: Accesses, one: int, other: int) -> tuple[World, Accesses]:
    """Both work every case of their queue together, start to end of the log: within seconds, on the same screens,
    for the same ticket, now one first and now the other. Each keeps about the work of the two divided by two.
    """
    theirs = np.isin(log.principal, [one, other])
    shared = log.take(np.flatnonzero(theirs)[::2])
    first = np.where(rng.random(len(shared)) < 0.5, one, other)
    second = np.where(first == one, other, one)
    gap = rng.integers(5, 90, len(shared)) * MICROSECONDS_A_SECOND
    pairs = join_accesses(
        replace(shared, principal=first), replace(shared, principal=second, at=np.minimum(shared.at + gap, LOG_END - 1))
    )
    staff = world.staff
    start, end = staff.start_day.copy(), staff.end_day.copy()
    start[[one, other]], end[[one, other]] = 0, LOG_DAYS
    kind, site = list(staff.kind), list(staff.site)
    kind[other], site[other] = kind[one], site[one]
    staff = replace(staff, start_day=start, end_day=end, kind=tuple(kind), site=tuple(site))
    return replace(world, staff=staff), join_accesses(log.take(~theirs), pairs)


def _handlers(rng: np.random.Generator, world: World) -> tuple[int, ...]:
    """Two of the complaints team who are there to the end; the first takes nearly every case."""
    team = np.flatnonzero((world.staff.queue == COMPLAINTS) & (world.staff.end_day == LOG_DAYS))
    if len(team) < 2:
        team = np.flatnonzero(world.staff.queue == COMPLAINTS)
    return tuple(int(p) for p in rng.choice(team, 2, replace=False))


def _handling(rng: np.random.Generator, incident: Incident, handlers: tuple[int, ...]) -> Accesses:
    """What complaint handlers open: the records of everybody who complained, soon after they did."""
    parts: list[Accesses] = []
    ticket = 9_000_000
    for mailing in (incident.main, *incident.others):
        customer = np.concatenate([mailing.reporter, mailing.worded])
        since = np.concatenate([mailing.reported_at, mailing.worded_at])
        for handler, share in zip(handlers, (0.95, 0.4), strict=True):
            parts.append(_opens(rng, handler, customer, since, share, ticket))
        ticket += len(customer)
    if incident.earlier_at is not None:
        callers = _earlier_callers(rng, incident.main)
        latest = int(incident.main.mailed_at.min()) - _HOUR
        called = rng.uniform(0.1, 0.7, len(callers)) * (latest - incident.earlier_at)
        early = _opens(rng, handlers[0], callers, incident.earlier_at + called.astype(np.int64), 0.97, ticket)
        parts.append(replace(early, at=np.minimum(early.at, latest)))
    return join_accesses(*parts)


def _earlier_callers(rng: np.random.Generator, main: Mailing) -> Numbers:
    """Who had telephoned after the earlier mail: nearly all who would report the later one, and as many others."""
    others = np.setdiff1d(main.mailed, main.reporter)
    count = min(len(others), len(main.reporter))
    return np.concatenate([main.reporter, rng.choice(others, count, replace=False)])


def _opens(
    rng: np.random.Generator, handler: int, customer: Numbers, since: Numbers, share: float, ticket: int
) -> Accesses:
    """One handler opens a share of these records within two days, some of them twice."""
    rows = np.flatnonzero(rng.random(len(customer)) < share)
    rows = np.sort(np.concatenate([rows, rows[rng.random(len(rows)) < 0.3]]))
    delay = np.minimum(rng.lognormal(np.log(4), 0.9, len(rows)) * _HOUR, 2 * MICROSECONDS_A_DAY).astype(np.int64)
    return Accesses(
        at=np.minimum(since[rows] + delay, LOG_END - 1),
        principal=np.full(len(rows), handler),
        customer=customer[rows],
        view=rng.choice(_SHOWS_EMAIL_VIEWS, len(rows)),
        ticket=ticket + rows,
    )


def _trim(rng: np.random.Generator, log: Accesses, count: int, untouched: Numbers) -> Accesses:
    """Drops rows of principals who are not in the story, at random, until `count` are left."""
    free = np.flatnonzero(~np.isin(log.principal, untouched))
    surplus = len(log) - count
    if count <= 0 or surplus > len(free) // 2:
        raise SimulationError(
            f"Handling the complaints takes {surplus - _SPARE_ROWS} accesses; the log is too small for that.",
            "Ask for more --accesses or fewer --reports.",
        )
    keep = np.ones(len(log), np.bool_)
    keep[rng.choice(free, surplus, replace=False)] = False
    return log.take(keep)


def _tied(world: World, log: Accesses, incident: Incident) -> tuple[int, ...]:
    """Persons whom no report separates from a source: shown every reporter's address that the source passed on,
    before the mail came. Service accounts open so many that a report weighs little for them; they are no persons.
    """
    main = incident.main
    tied: set[int] = set()
    cut = np.full(len(world.customers.number), incident.earlier_at or 0)
    if incident.earlier_at is None:
        cut[main.reporter] = main.reporter_mailed_at
    for leak in incident.leaks:
        reported = np.intersect1d(main.reporter, leak.customer)
        if not len(reported):
            continue
        rows = np.isin(log.customer, reported) & log.shows_email() & (log.at < cut[log.customer])
        pairs = np.unique(np.stack([log.principal[rows], log.customer[rows]]), axis=1)
        covered = np.bincount(pairs[0], minlength=len(world.staff.name))
        tied |= set(np.flatnonzero((covered == len(reported)) & (world.staff.queue != SERVICE)).tolist())
    return tuple(sorted(tied - {leak.source for leak in incident.leaks}))
