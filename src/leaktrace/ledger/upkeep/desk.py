"""All upkeep of one ledger, as the workspace calls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from leaktrace.errors import UsageError
from leaktrace.ledger.indexing import index_missing
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.upkeep.book import Book, Signed, demand_free, shown
from leaktrace.ledger.upkeep.compact import compact
from leaktrace.ledger.upkeep.forget import forget
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.reseal import reseal
from leaktrace.ledger.upkeep.retention import demand_no_hold, first_kept_month, retain
from leaktrace.ledger.upkeep.verify import verify
from leaktrace.records import Compaction, Erasure, LedgerActs, LedgerCheck, LegalHold, Retention


class Upkeep:
    """Checks, merges and erases. Every act is written down in the ledger's own record."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._book = Book(premises.catalog)

    def verify(self, progress: Progress | None = None) -> LedgerCheck:
        """Every file's bytes, every row's place, every count; what is not as it was committed, by file."""
        return verify(self._premises, progress or _silent)

    def reindex(self, progress: Progress | None = None) -> int:
        """Builds the index anew from the lake; how many accesses it holds."""
        with self._premises.writing():
            self._premises.catalog.drop_index()
            count = index_missing(self._premises.folder, self._premises.catalog, progress or _silent)
            self._premises.remove_replaced()
        return count

    def compact(self, progress: Progress | None = None) -> Compaction:
        """Merges small segments; the rows and the answers stay the same."""
        return compact(self._premises, progress or _silent)

    def reseal(self, progress: Progress | None = None) -> int:
        """Writes the names anew under the newest generation of the key; how many dictionaries were under an older."""
        return reseal(self._premises, progress or _silent)

    def retain(
        self,
        table: str,
        signed: Signed,
        *,
        months: int | None = None,
        before: str | None = None,
        done: bool = False,
        progress: Progress | None = None,
    ) -> Retention:
        """Lets months of a table go that are older than so many whole months, or than `before` (YYYY-MM).

        Only counts what would go unless `done`.
        """
        month = first_kept_month(months, before, signed.at)
        return retain(self._premises, table, month, signed, progress or _silent, done=done)

    def demand_no_hold(self, table: str, before: str, now: datetime) -> None:
        """LedgerError where a case holds anything older than the month `before` (YYYY-MM); nothing is let go."""
        demand_no_hold(self._premises, table, first_kept_month(None, before, now))

    def forget(self, customers: Sequence[str], signed: Signed, progress: Progress | None = None) -> Erasure:
        """Erases customers (ids as ingested) for good."""
        return forget(self._premises, self._premises.keyring.customer_keys(customers), signed, progress or _silent)

    def demand_erasable(self, customers: Sequence[str]) -> None:
        """UsageError for an empty id, LedgerError where one of them is on legal hold: before anybody is asked."""
        if not all(customer.strip() for customer in customers):
            raise UsageError("A customer's id is empty.", "Name customers by their ids as they were ingested.")
        demand_free(self._book.holds(), self.numbers(customers), "Forgetting")

    def numbers(self, customers: Sequence[str]) -> list[int]:
        """Keyed numbers of customers, in order: what is written down of them."""
        return [int(key) for key in self._premises.keyring.customer_keys(customers)]

    def hold(self, case: str, customers: Sequence[str] | None, signed: Signed) -> tuple[LegalHold, ...]:
        """Keeps customers' rows (None: everybody's) from being erased while a case needs them; the case's holds."""
        if not case.strip():
            raise UsageError("A legal hold without a case cannot be kept.", "Say for which case it is.")
        if customers is not None and not customers:
            raise UsageError("No customer was named.", "Name customers by their ids, or put everybody on hold (--all).")
        self._book.hold(case, None if customers is None else self.numbers(customers), signed)
        return self.holds(case)

    def holds(self, case: str) -> tuple[LegalHold, ...]:
        """What a case holds; nothing for a case without any."""
        return tuple(hold for hold in shown(self._book.holds()) if hold.case == case)

    def release(self, case: str, signed: Signed) -> int:
        """Ends a case's holds; how many there were. UsageError for a case without any."""
        count = self._book.release(case, signed)
        if not count:
            raise UsageError(f"The case '{case}' holds nothing.", "'leaktrace ledger acts' lists the holds in force.")
        return count

    def acts(self) -> LedgerActs:
        """The holds in force, and everything that was done to rows."""
        return LedgerActs(shown(self._book.holds()), self._book.acts())


def _silent(_what: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""
