"""Lets old months go, and keeps later files from bringing them back."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np

from leaktrace.errors import UsageError
from leaktrace.ledger.indexing import index_missing
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.times import microseconds, month_of, month_start, month_text
from leaktrace.ledger.upkeep.book import Book, Signed, demand_free
from leaktrace.ledger.upkeep.leaving import Before
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.removal import Removal, Removed, allow_by
from leaktrace.records import Keys, Retention

RETAINED = {"accesses": ("accesses", "bulk_reads"), "contacts": ("contacts",)}
"""Tables of which old months may go, and what goes with them."""
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_NO_NAMES = np.empty(0, np.uint64)


def first_kept_month(months: int | None, before: str | None, now: datetime) -> int:
    """The first month that is kept: `before` itself, or so many whole months before the present one.

    UsageError unless exactly one of the two is said, and it leaves the present month alone.
    """
    present = month_of(microseconds(now))
    if (months is None) == (before is None):
        raise UsageError(
            "Say either how many months to keep or before which month.", "--months 24, or --before 2024-01."
        )
    if months is not None:
        if not 1 <= months <= present:
            raise UsageError(f"{months} months cannot be kept.", "Keep at least 1 whole month beside the present one.")
        return present - months
    found = _MONTH.fullmatch(before or "")
    if found is None or found[1] == "0000":
        raise UsageError(f"'{before}' is not a month.", "Write it as YYYY-MM, for instance 2024-01.")
    month = int(found[1]) * 12 + int(found[2]) - 1
    if month > present:
        raise UsageError(f"{before} lies in the future: everything would go.", "Name the first month to keep.")
    return month


def retain(premises: Premises, table: str, month: int, signed: Signed, progress: Progress, *, done: bool) -> Retention:
    """Takes out what is older than the month (`done`), or counts it; LedgerError where a case holds any of it."""
    if table not in RETAINED:
        raise UsageError(f"The table '{table}' has no months to let go.", f"Tables are: {', '.join(RETAINED)}.")
    book = Book(premises.catalog)
    if not done:
        with premises.readers.reading():
            counts = Removal(premises, RETAINED[table], Before(month_start(month))).row_counts()
        return Retention(table, month_text(month), False, counts, 0, 0)
    with premises.writing():
        allowed = allow_by(book)
        removal = Removal(premises, RETAINED[table], Before(month_start(month)))
        _demand_no_hold(book, removal)

        def write_down(removed: Removed) -> None:
            book.raise_floor(table, month)
            if table == "accesses":
                premises.catalog.forget_clock_steps(month_start(month))
            book.write_act("retain", f"{table} from {month_text(month)}", None, removed.row_counts, signed)

        removed = removal.carry_out(_NO_NAMES, allowed, write_down, progress)
        index_missing(premises.folder, premises.catalog, progress)
        waiting = premises.remove_replaced()
    return Retention(table, month_text(month), True, removed.row_counts, removed.name_count, waiting)


def demand_no_hold(premises: Premises, table: str, month: int) -> None:
    """LedgerError where a case holds any of what is older than the month; nothing is taken out."""
    with premises.readers.reading():
        _demand_no_hold(Book(premises.catalog), Removal(premises, RETAINED[table], Before(month_start(month))))


def _demand_no_hold(book: Book, removal: Removal) -> None:
    """Raises LedgerError where rows of a customer on hold would go, or everybody is on hold and any row would."""
    holds = book.holds()
    keys: Keys = np.array([hold.key for hold in holds if hold.key is not None], dtype=np.uint64)
    touched = set(removal.held(keys).tolist())
    held = [hold for hold in holds if hold.key is None or hold.key in touched]
    if sum(removal.row_counts().values()):
        demand_free(held, touched, "Letting these months go")
