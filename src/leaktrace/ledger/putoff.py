"""What is found out while a question is answered, and written into the catalogue once it is over.

It only spares work: a disk that cannot be written is no reason not to answer.
"""

from __future__ import annotations

import contextlib

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogdatabase import CatalogDatabase


class PutOff:
    """Writes at once where no block of the database is open, else when `write` is called at its end."""

    def __init__(self, database: CatalogDatabase) -> None:
        self._database = database
        self._found_whole: dict[str, int] = {}
        self._counted: tuple[str, int] | None = None

    def segment_is_whole(self, path: str, modified_ns: int) -> None:
        """A segment, or a file of the index, had its hash when it was last modified then."""
        self._found_whole[path] = modified_ns
        self._write_unless_within()

    def keep_customer_count(self, snapshot: str, count: int) -> None:
        """So many customers there were in that state of the ledger; of other states it is forgotten."""
        self._counted = (snapshot, count)
        self._write_unless_within()

    def _write_unless_within(self) -> None:
        if not self._database.in_transaction:
            self.write()

    def write(self) -> None:
        """Writes what was put off, if anything was."""
        found, self._found_whole = self._found_whole, {}
        counted, self._counted = self._counted, None
        if not found and counted is None:
            return
        times = [(at, path) for path, at in found.items()]
        # On a disk that cannot be written it is found out anew every time.
        with contextlib.suppress(LedgerError), self._database.writing() as connection:
            for table, column in (("segments", ""), ("postings", "customer_"), ("postings", "principal_")):
                connection.executemany(
                    f"UPDATE {table} SET {column}modified_ns = ? WHERE {column}path = ?",  # noqa: S608
                    times,
                )
            if counted is not None:
                connection.execute("DELETE FROM customer_counts")
                connection.execute("INSERT INTO customer_counts VALUES (?, ?)", counted)
