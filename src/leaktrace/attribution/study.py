"""What a finding is computed from: the people who fell ill, the well, and what each had been exposed to.

The words are the epidemiologist's (DESIGN 5): *cases* are the customers in evidence, *controls* other customers looked
up in the same pass, *exposure* is "this principal had been shown the customer's field before the mail came". Everything
here is an index into `Study.principals` or into a group's customers; there are no names of customers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from leaktrace.errors import AttributionError
from leaktrace.records import EvidenceKind, Grade, Instants, PrincipalFacts

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]

NEVER = np.iinfo(np.int64).max
"""A time after all others, microseconds."""
DAY = 86_400_000_000
"""Microseconds."""


def coded(labels: Iterable[str]) -> tuple[list[str], Indices]:
    """The distinct labels, sorted, and the place of each label among them."""
    given = list(labels)
    names = sorted(set(given))
    place = {name: number for number, name in enumerate(names)}
    return names, np.fromiter((place[label] for label in given), dtype=np.int64, count=len(given))


def distinct(numbers: Indices) -> Indices:
    """Each number once, sorted. Sorting is much faster than `np.unique`, which hashes."""
    ordered = np.sort(numbers)
    kept = np.ones(len(ordered), dtype=np.bool_)
    kept[1:] = ordered[1:] != ordered[:-1]
    return ordered[kept]


@dataclass(frozen=True, slots=True)
class Group:
    """Customers with attributes and who had been shown them; pairs (customer, principal) are there once."""

    region: Indices
    """Code of the region, else the jurisdiction, else the language; 0 where unknown. One per customer."""
    segment: Indices
    contact: Flags
    """Known to the seller by a lawful path before the mail."""
    pair_customer: Indices
    """Index into this group."""
    pair_principal: Indices
    """Index into the study's principals."""
    pair_at: Instants
    """When first shown in the window, microseconds UTC."""

    def __post_init__(self) -> None:
        if not len(self.region) == len(self.segment) == len(self.contact):
            raise AttributionError("A group's attributes differ in length.")
        if not len(self.pair_customer) == len(self.pair_principal) == len(self.pair_at):
            raise AttributionError("A group's exposures differ in length.")

    @property
    def size(self) -> int:
        """Customers in the group."""
        return len(self.region)

    def before(self, instants: Instants | int) -> Group:
        """The same customers, with only what was shown before an instant (one, or one per customer)."""
        limit = np.broadcast_to(np.asarray(instants, dtype=np.int64), (self.size,))
        kept = self.pair_at < limit[self.pair_customer]
        return Group(
            self.region,
            self.segment,
            self.contact,
            self.pair_customer[kept],
            self.pair_principal[kept],
            self.pair_at[kept],
        )

    def only(self, kept: Flags) -> Group:
        """The part of the customers that is kept, renumbered."""
        renumbered = np.cumsum(kept) - 1
        pairs = kept[self.pair_customer]
        return Group(
            self.region[kept],
            self.segment[kept],
            self.contact[kept],
            renumbered[self.pair_customer[pairs]],
            self.pair_principal[pairs],
            self.pair_at[pairs],
        )

    def intensity(self) -> Indices:
        """How many principals had been shown each customer."""
        return np.bincount(self.pair_customer, minlength=self.size).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Channels:
    """Ways by which customers were shown that are no persons: tools, types of ticket. Pairs are there once."""

    labels: tuple[str, ...]
    case_customer: Indices
    """Index into the study's cases."""
    case_channel: Indices
    """Index into `labels`."""
    case_at: Instants
    """When first shown in the window, microseconds UTC."""
    control_customer: Indices
    control_channel: Indices
    control_at: Instants

    @staticmethod
    def none() -> Channels:
        """Nothing is known of tools and tickets."""
        nothing = np.zeros(0, dtype=np.int64)
        return Channels((), nothing, nothing, nothing, nothing, nothing, nothing)


@dataclass(frozen=True, slots=True)
class Case:
    """One customer in evidence."""

    label: str
    """Says which report it is, and names no customer."""
    kind: EvidenceKind
    grade: Grade
    mailed: bool
    """False for a decoy that stayed silent."""
    sure_at: int
    """What was shown before this counts, microseconds UTC."""
    late_at: int
    """What was shown between `sure_at` and this counts neither for nor against anybody; later ones do not count."""
    reporter: str
    """Cases with the same reporter count as one."""
    known_elsewhere: bool = False
    """Somebody may know the field without us."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Principals of whom what they opened from some time on does not count: it may be complaint handling."""

    principals: Indices
    since: Instants
    """One for each principal, microseconds UTC."""
    ticket_since: Instants
    """Nor do tickets and tools of the burst that it came in, whoever's they were."""
    ticket_until: Instants


@dataclass(frozen=True, slots=True)
class Samples:
    """What some principals opened before the campaign, drawn at random, with everybody else who had been shown it.

    A customer drawn for several principals is there once. Customers in evidence are left out.
    """

    principals: Indices
    """Indices of the study's principals, sorted; each with one draw at least."""
    group: Group
    fresh: Flags
    """Customers that are not among the study's controls too, one per customer."""
    draw_row: Indices
    """Draws: place in `principals`."""
    draw_customer: Indices
    """Draws: index into `group`."""
    draw_at: Instants
    """Draws: when the principal was first shown the customer, microseconds UTC."""

    @property
    def drawn(self) -> Indices:
        """How many customers were drawn for each principal."""
        return np.bincount(self.draw_row, minlength=len(self.principals)).astype(np.int64)

    def of(self, principal: int) -> Group | None:
        """What was drawn for one principal; null where nothing was."""
        row = int(np.searchsorted(self.principals, principal))
        if row >= len(self.principals) or self.principals[row] != principal:
            return None
        own = np.zeros(self.group.size, dtype=np.bool_)
        own[self.draw_customer[self.draw_row == row]] = True
        return self.group.only(own) if own.any() else None

    def only(self, principals: Indices) -> Samples:
        """The draws of these principals, and all customers that were drawn."""
        kept = np.isin(self.principals, principals)
        drawn = kept[self.draw_row]
        return replace(
            self,
            principals=self.principals[kept],
            draw_row=(np.cumsum(kept) - 1)[self.draw_row[drawn]],
            draw_customer=self.draw_customer[drawn],
            draw_at=self.draw_at[drawn],
        )

    @staticmethod
    def none() -> Samples:
        """Nothing was drawn."""
        nothing = np.zeros(0, dtype=np.int64)
        group = Group(nothing, nothing, np.zeros(0, dtype=np.bool_), nothing, nothing, nothing)
        return Samples(nothing, group, np.zeros(0, dtype=np.bool_), nothing, nothing, nothing)


@dataclass(frozen=True, slots=True)
class Study:
    """All the numbers a finding stands on."""

    principals: tuple[PrincipalFacts, ...]
    opened_count: Indices
    """Per principal, distinct customers whose field was shown in the window."""
    customer_count: int
    cases: tuple[Case, ...]
    case_group: Group
    controls: Group
    uniform_control: Flags
    """Controls drawn from all customers alike; the others come from the cases' regions."""
    elsewhere_control: Flags
    """Controls who reported other campaigns."""
    start_at: int
    """The campaign's first mail, microseconds UTC."""
    seller_known: bool
    contacts_known: bool
    region_known: bool
    """Whether customers' regions or jurisdictions are known at all."""
    channels: Channels = field(default_factory=Channels.none)
    seller_dealt: bool = True
    """Whether anybody at all is known to have dealt with the seller, or it is known that nobody has."""
    teams_known: bool = True
    """Whether teams stand in a table; else those that principals have, if any, were read off the openings."""
    counted_until: int | None = None
    """What was shown before it is in `opened_count` and in samples, microseconds UTC; null: until `start_at`."""
    case_is_decoy: Flags = field(init=False, repr=False)

    def __post_init__(self) -> None:
        decoy = np.array([case.kind == "decoy" for case in self.cases], dtype=np.bool_)
        object.__setattr__(self, "case_is_decoy", decoy)
        if len(self.cases) != self.case_group.size:
            raise AttributionError("There must be one customer for each case.")
        if len(self.principals) != len(self.opened_count):
            raise AttributionError("There must be one count for each principal.")

    @property
    def nobody_dealt(self) -> bool:
        """Whether not one of all these customers is known to have dealt with the seller."""
        anybody = self.case_group.size > 0 and self.controls.size > 0
        return anybody and not (self.case_group.contact.any() or self.controls.contact.any())
