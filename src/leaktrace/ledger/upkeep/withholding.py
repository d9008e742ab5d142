"""What is not taken in although it is sound: rows of months that went, rows of customers who were forgotten.

They are counted as withheld, not as rejected: nothing is wrong with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from leaktrace.ledger.cells import CheckedBatch
from leaktrace.ledger.times import month_start
from leaktrace.ledger.upkeep.book import Book
from leaktrace.records import Keys

_FLOOR_OF = {"accesses": "accesses", "bulk_reads": "accesses", "contacts": "contacts"}
"""Table -> the table whose kept months it follows."""


@dataclass(frozen=True, slots=True)
class Withholding:
    """What a ledger does not take in."""

    forgotten: Keys = field(default_factory=lambda: np.empty(0, np.uint64))
    floors: Mapping[str, int] = field(default_factory=dict)
    """Table -> first month (year * 12 + month - 1) that is kept."""

    def floor_at(self, table: str) -> int | None:
        """Rows of the table before that instant (microseconds UTC) are not taken in."""
        month = self.floors.get(_FLOOR_OF.get(table, ""))
        return None if month is None else month_start(month)

    def without_forgotten(self, checked: CheckedBatch) -> CheckedBatch:
        """The batch without rows of forgotten customers."""
        if not len(self.forgotten) or "customer" not in checked.columns:
            return checked
        leaves = np.isin(np.asarray(checked.columns["customer"]), self.forgotten)
        return checked.without_forgotten(leaves) if leaves.any() else checked


def withholding_of(book: Book) -> Withholding:
    """What the book says."""
    return Withholding(book.forgotten(), book.floors())
