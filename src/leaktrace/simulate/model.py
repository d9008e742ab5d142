"""The shapes of the simulated marketplace: columns of equal length, indices instead of names.

Customers, principals, sellers and regions go by their position. Times are microseconds UTC (`Instants`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.records import Instants

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]
Flags = NDArray[np.bool_]

MICROSECONDS_A_SECOND = 1_000_000
MICROSECONDS_A_DAY = 86_400 * MICROSECONDS_A_SECOND
LOG_DAYS = 365
CONTACT_DAYS = 548
LOG_END = int(datetime(2025, 6, 30, tzinfo=UTC).timestamp()) * MICROSECONDS_A_SECOND
LOG_START = LOG_END - LOG_DAYS * MICROSECONDS_A_DAY

CARE, ORDERS, COMPLAINTS, SERVICE = range(4)
"""What a principal works on: a region's customer care, its order desk, everybody's complaints, or a machine."""

VIEWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("crm", "view", ("email", "name")),
    ("crm", "view", ("email", "name", "phone", "address")),
    ("crm", "view", ("name", "order")),
    ("crm", "update", ("email", "name")),
    ("crm", "update", ("name", "address")),
    ("order-desk", "view", ("name", "order")),
    ("order-desk", "view", ("name", "order", "address")),
    ("order-desk", "update", ("name", "order", "phone")),
    ("search", "search", ("email", "name")),
    ("search", "search", ("name",)),
    ("api", "api", ("email", "name")),
    ("api", "api", ("name", "order")),
    ("api", "api", ("order",)),
    ("export", "export", ("email", "name", "phone", "address")),
    ("export", "export", ("name", "order")),
)
"""Tool, action and fields of each screen a principal can open."""
VIEW_SHOWS_EMAIL: Flags = np.array(["email" in fields for _, _, fields in VIEWS])
VIEW_SHARES: dict[int, tuple[int, ...]] = {
    CARE: (30, 14, 14, 3, 3, 8, 4, 0, 14, 9, 0, 0, 0, 1, 0),
    ORDERS: (7, 4, 10, 1, 2, 36, 22, 6, 3, 8, 0, 0, 0, 0, 1),
    COMPLAINTS: (34, 24, 8, 2, 1, 6, 3, 0, 15, 7, 0, 0, 0, 0, 0),
    SERVICE: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 38, 30, 2, 4),
}
"""How often each kind of work opens each of `VIEWS`, in parts."""
NO_TICKET = -1


@dataclass(frozen=True, slots=True)
class Place:
    """A region and the people who live in it."""

    name: str
    jurisdiction: str
    locale: str
    people: str
    """Key of the name lists."""
    offset_minutes: int
    """Zone in the months of the mailings, as minutes east of UTC."""
    weight: float
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Customers:
    """All customers, sorted by region."""

    number: Numbers
    """The number in the customer's id; says nothing about the region."""
    region: Numbers
    activity: Shares
    """How much a customer shops and contacts support; heavy-tailed."""
    segment: Numbers
    name: tuple[tuple[str, str], ...]
    """First and last name as the customer writes them."""
    email: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Staff:
    """All principals."""

    name: tuple[str, ...]
    team: tuple[str, ...]
    site: tuple[str, ...]
    kind: tuple[str, ...]
    reports_to: tuple[str, ...]
    queue: Numbers
    """One of CARE, ORDERS, COMPLAINTS, SERVICE."""
    region: Numbers
    """The region a queue serves; -1 for everybody's."""
    offset_minutes: Numbers
    productivity: Shares
    start_day: Numbers
    """First day of work counted from the start of the log; 0 for those who were there before."""
    end_day: Numbers
    """Day after the last; LOG_DAYS for those who stay."""


@dataclass(frozen=True, slots=True)
class Sellers:
    """All sellers."""

    seller: tuple[str, ...]
    name: tuple[str, ...]
    domains: tuple[tuple[str, ...], ...]
    category: tuple[str, ...]
    share: Shares
    """`[regions, sellers]`: share of a region's orders that goes to each seller."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Lawful paths by which sellers know customers, in time order."""

    at: Instants
    customer: Numbers
    seller: Numbers
    kind: Numbers
    product: Numbers


@dataclass(frozen=True, slots=True)
class Accesses:
    """Who opened whose record when, on which of `VIEWS`, for which ticket (NO_TICKET: none given)."""

    at: Instants
    principal: Numbers
    customer: Numbers
    view: Numbers
    ticket: Numbers

    def __len__(self) -> int:
        return len(self.at)

    def take(self, rows: NDArray[Any]) -> Accesses:
        """These rows, by position or by mask."""
        return Accesses(self.at[rows], self.principal[rows], self.customer[rows], self.view[rows], self.ticket[rows])

    def in_time_order(self) -> Accesses:
        """Sorted by time; equal times keep their order."""
        return self.take(np.argsort(self.at, kind="stable"))

    def shows_email(self) -> Flags:
        """Which rows showed the customer's e-mail address."""
        shown: Flags = VIEW_SHOWS_EMAIL[self.view]
        return shown


def join_accesses(*parts: Accesses) -> Accesses:
    """All rows of the parts, in their order."""
    return Accesses(
        np.concatenate([p.at for p in parts]),
        np.concatenate([p.principal for p in parts]),
        np.concatenate([p.customer for p in parts]),
        np.concatenate([p.view for p in parts]),
        np.concatenate([p.ticket for p in parts]),
    )


@dataclass(frozen=True, slots=True)
class World:
    """The marketplace on ordinary days."""

    places: tuple[Place, ...]
    customers: Customers
    staff: Staff
    sellers: Sellers
    contacts: Contacts
    accesses: Accesses
    """Some more rows than asked for: a scenario adds its own and drops as many of nobody's interest."""


def moment(instant: int) -> datetime:
    """Microseconds UTC as a time."""
    return datetime.fromtimestamp(instant // MICROSECONDS_A_SECOND, UTC).replace(
        microsecond=int(instant % MICROSECONDS_A_SECOND)
    )
