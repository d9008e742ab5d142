"""What the tables beside the log say of principals, customers and sellers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from leaktrace.records.basics import Keys, PrincipalKey, PrincipalKind


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """What the principals table says of one principal; null where it says nothing."""

    key: PrincipalKey
    name: str
    team: str | None = None
    site: str | None = None
    kind: PrincipalKind | None = None
    reports_to: str | None = None
    active_from: datetime | None = None
    active_to: datetime | None = None
    in_table: bool = False
    """False for a principal that only the log knows."""


@dataclass(frozen=True, slots=True)
class CustomerTable:
    """Attributes of customers, as columns of equal length; a null attribute is the empty string."""

    key: Keys
    region: tuple[str, ...]
    jurisdiction: tuple[str, ...]
    segment: tuple[str, ...]
    locale: tuple[str, ...]
    in_table: NDArray[np.bool_]
    """False for a customer that the customers table does not have."""


@dataclass(frozen=True, slots=True)
class SellerFacts:
    """One row of the sellers table."""

    seller: str
    name: str
    domains: tuple[str, ...] = ()
    status: str | None = None
    links: tuple[str, ...] = ()
    """His shops: host and path, also below a domain that he shares with others."""
    products: tuple[str, ...] = ()
    """Ids of what he sells."""
    brands: tuple[str, ...] = ()
    """Names he trades under beside `name`."""
    reply_addresses: tuple[str, ...] = ()
    """Keyed hashes of the mailboxes he is known to write from or be answered at."""
