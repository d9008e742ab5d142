"""Principals: people in queues of a region and a site, complaint handlers, and service accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.simulate.draws import shares_out
from leaktrace.simulate.model import CARE, COMPLAINTS, LOG_DAYS, ORDERS, SERVICE, Place, Staff
from leaktrace.simulate.wording import wording

_TEAM_SIZE = 12
_SERVICE_SHARE_OF_WORK = 0.12
_SERVICES = ("parcel-sync", "invoice-run", "search-index", "fraud-check", "ratings", "ledger-close", "newsletter")


@dataclass(frozen=True, slots=True)
class _Post:
    """Where one principal works."""

    team: str
    site: str
    queue: int
    region: int


def draw_staff(rng: np.random.Generator, places: tuple[Place, ...], count: int) -> Staff:
    """`count` principals; their names say nothing about their work, except for service accounts."""
    services = max(1, count // 100)
    handlers = max(2, count // 60)
    posts = _queue_posts(places, count - services - handlers)
    posts += [_Post("complaints", places[0].sites[0], COMPLAINTS, -1)] * handlers
    posts += [_Post("platform", places[0].sites[0], SERVICE, -1)] * services
    offsets = wording("places")["site_offset_minutes"]
    people = count - services
    numbers = rng.permutation(np.arange(1000, 1000 + people * 3))[:people].tolist()
    names = [f"u{number:05d}" for number in numbers]
    names += [f"svc-{_SERVICES[n % len(_SERVICES)]}-{n // len(_SERVICES) + 1}" for n in range(services)]
    contractor = rng.random(people) < np.where(np.arange(people) % 3 == 0, 0.5, 0.15)
    start, end = _terms(rng, people, count)
    return Staff(
        name=tuple(names),
        team=tuple(post.team for post in posts),
        site=tuple(post.site for post in posts),
        kind=tuple("contractor" if hired else "employee" for hired in contractor) + ("service",) * services,
        reports_to=_leads(names, posts, people),
        queue=np.array([post.queue for post in posts]),
        region=np.array([post.region for post in posts]),
        offset_minutes=np.array([offsets[post.site] for post in posts]),
        productivity=_productivity(rng, people, services),
        start_day=start,
        end_day=end,
    )


def _queue_posts(places: tuple[Place, ...], count: int) -> list[_Post]:
    """Care and order desks of every region, in teams of about twelve, the second site for every third team."""
    posts: list[_Post] = []
    heads = shares_out(count, np.array([place.weight for place in places]), 2)
    for region, (place, head_count) in enumerate(zip(places, heads.tolist(), strict=True)):
        order_count = head_count // 3
        for queue, word, size in ((CARE, "care", head_count - order_count), (ORDERS, "orders", order_count)):
            for member in range(size):
                number = member // _TEAM_SIZE
                site = place.sites[1 if number % 3 == 1 else 0]
                posts.append(_Post(f"{word}-{place.name}-{number + 1}", site, queue, region))
    return posts


def _terms(rng: np.random.Generator, people: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First day and day after the last: some joined and some left within the log."""
    start, end = np.zeros(count, np.int64), np.full(count, LOG_DAYS, np.int64)
    joined = np.flatnonzero(rng.random(people) < 0.14)
    start[joined] = rng.integers(5, LOG_DAYS - 90, len(joined))
    left = np.flatnonzero(rng.random(people) < 0.08)
    end[left] = np.maximum(rng.integers(60, LOG_DAYS - 5, len(left)), start[left] + 30)
    return start, np.minimum(end, LOG_DAYS)


def _productivity(rng: np.random.Generator, people: int, services: int) -> np.ndarray:
    """Relative accesses per day: heavy-tailed for people, and a stated share of all for service accounts."""
    own = rng.lognormal(0.0, 0.7, people)
    machine = rng.lognormal(0.0, 0.8, services)
    return np.concatenate([own, machine * own.sum() * _SERVICE_SHARE_OF_WORK / machine.sum()])


def _leads(names: list[str], posts: list[_Post], people: int) -> tuple[str, ...]:
    """Everybody reports to the first of their team; leads and service accounts to nobody in the table."""
    first: dict[str, str] = {}
    for name, post in zip(names, posts, strict=True):
        first.setdefault(post.team, name)
    return tuple(
        "" if number >= people or first[post.team] == name else first[post.team]
        for number, (name, post) in enumerate(zip(names, posts, strict=True))
    )
