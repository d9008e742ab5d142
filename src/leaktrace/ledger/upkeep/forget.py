"""Forgets customers: their rows go, their names go, and neither comes back with a later file."""

from __future__ import annotations

import numpy as np

from leaktrace.errors import UsageError
from leaktrace.ledger.indexing import index_missing
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.upkeep.book import Book, Signed, demand_free
from leaktrace.ledger.upkeep.leaving import OfCustomers
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.removal import Removal, Removed, allow_by
from leaktrace.records import Erasure, Keys

_TABLES = ("accesses", "contacts", "customers", "known_elsewhere")


def forget(premises: Premises, keys: Keys, signed: Signed, progress: Progress) -> Erasure:
    """Erases these customers (keyed numbers); LedgerError with the case's name where one of them is on hold."""
    wanted = np.unique(keys)
    if not len(wanted):
        raise UsageError("No customer was named.", "Name customers by their ids as they were ingested.")
    book = Book(premises.catalog)
    with premises.writing():
        allowed = allow_by(book)
        demand_free(book.holds(), wanted.tolist(), "Forgetting")
        removal = Removal(premises, _TABLES, OfCustomers(wanted))
        counts = removal.counts_by_customer(wanted)

        def write_down(_removed: Removed) -> None:
            book.forget(wanted)
            for key, row_counts in counts.items():
                book.write_act("forget", "", key, row_counts, signed)

        removed = removal.carry_out(wanted, allowed, write_down, progress)
        index_missing(premises.folder, premises.catalog, progress)
        waiting = premises.remove_replaced()
    unknown = sum(not any(row_counts.values()) for row_counts in counts.values())
    return Erasure(len(wanted), removed.row_counts, removed.name_count, waiting, unknown_count=unknown)
