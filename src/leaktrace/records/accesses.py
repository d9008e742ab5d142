"""Who had been shown what: rows and counts that the ledger answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from leaktrace.records.basics import CustomerKey, Instants, Keys, PrincipalKey, PrincipalKind, Window


@dataclass(frozen=True, slots=True)
class Exposures:
    """Who had been shown which customer's field in time: three columns of equal length, sorted by customer, principal.

    A pair is there once, with the first time in the window. Sorted so that equal questions give equal bytes.
    """

    principal: Keys
    customer: Keys
    first_shown_at: Instants


@dataclass(frozen=True, slots=True)
class AccessRows:
    """Accesses of some principals, every one of them: columns of equal length, by customer, time, principal, manner."""

    principal: Keys
    customer: Keys
    at: Instants
    manner: NDArray[np.int64]
    """Index into `manners`."""
    manners: tuple[tuple[str, str], ...]
    """(tool, fields shown joined by semicolons), sorted by their bytes; no tool is the empty text."""


@dataclass(frozen=True, slots=True)
class AccessOrigin:
    """One access with where it stands in the logs that were ingested."""

    principal: PrincipalKey
    customer: CustomerKey
    at: datetime
    fields: tuple[str, ...]
    tool: str | None
    reason: str | None
    """Ticket or order, as the log has it."""
    source_sha256: str
    """Of the log file that the row came from, as it was ingested."""
    source_row: int
    """1-based row in it."""


@dataclass(frozen=True, slots=True)
class ChannelUses:
    """By which tool or type of ticket which customer's field had been shown: columns of equal length, by customer."""

    labels: tuple[str, ...]
    customer: Keys
    channel: NDArray[np.int64]
    """Index into `labels`."""
    first_shown_at: Instants


@dataclass(frozen=True, slots=True)
class PersonLookup:
    """What one principal had been shown in a window: counts only, no customer."""

    principal: str
    team: str | None
    site: str | None
    kind: PrincipalKind | None
    window: Window
    fields: dict[str, int]
    """Field -> distinct customers for whom it was shown."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Whole-log counts the model needs: how many distinct customers each principal was shown, and out of how many."""

    principal: Keys
    opened_count: NDArray[np.int64]
    """Distinct customers whose field the principal had been shown in the window."""
    customer_count: int
    """Customers there are: in the customers table or seen in accesses or contacts."""
    contacts_count: int
    """Rows in the contacts table; zero means that nobody told us who dealt with whom."""
