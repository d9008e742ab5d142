"""Columns that a log's statements name, by table, under ceilings on how many are remembered."""

from __future__ import annotations

from leaktrace.ledger.pgaudit.ceilings import COLUMNS_CEILING_COUNT
from leaktrace.ledger.pgaudit.options import PgauditOptions

SEEN_CEILING_CHARACTERS = 50_000_000
"""Of names, with what each takes besides its text. Whoever may make temporary tables may name any number."""
_OBJECT_CHARACTERS = 64


class ColumnsSeen:
    """At least these columns a `SELECT *` shows, and by them a table is known to hold customers.

    A column that names a customer is always remembered of a table that is; so of these tables nothing is missed.
    """

    def __init__(self, options: PgauditOptions) -> None:
        self.whole = True
        """Whether every table that has columns named is remembered."""
        self._options = options
        self._tables: dict[str, set[str]] = {}
        self._characters = 0

    def add(self, table: str, column: str) -> None:
        """Remember a column of a table, both in lower case."""
        known = self._tables.get(table)
        if known is not None and column in known:
            return
        full = self._characters > SEEN_CEILING_CHARACTERS
        if known is None:
            if full:
                self.whole = False
                return
            known = self._tables[table] = set()
            self._characters += len(table) + _OBJECT_CHARACTERS
        if (full or len(known) >= COLUMNS_CEILING_COUNT) and column not in self._options.key_columns(table):
            self.whole = self.whole and not full
            return
        known.add(column)
        self._characters += len(column) + _OBJECT_CHARACTERS

    def by_table(self) -> dict[str, frozenset[str]]:
        """Table -> its columns."""
        return {table: frozenset(columns) for table, columns in self._tables.items()}
