"""The tables a ledger takes (DESIGN 4.1) and how their columns are kept.

Each column has a kind, which says what a cell may hold and what is stored of it: instants as microseconds UTC,
customers and principals as keyed 64-bit numbers, addresses as keyed hashes, free text with addresses
replaced, labels (a seller's id and name, a field) as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leaktrace.errors import UsageError

ColumnKind = Literal["instant", "customer", "principal", "fields", "words", "choice", "text", "label", "address"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a table may have."""

    name: str
    kind: ColumnKind
    required: bool = False
    choices: tuple[str, ...] = ()
    """Values of a `choice`, in lower case."""
    stored: str = ""
    """Its name in the lake, where that differs."""
    beside: str = ""
    """Words that came with a later version: kept in this column of words, each behind the own name and a colon, so that
    segments of every version have the same columns."""

    def stored_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of what is kept of it."""
        if self.beside:
            return ()
        name = self.stored or self.name
        if self.kind == "address":
            return (f"{name}_exact", "BLOB"), (f"{name}_folded", "BLOB")
        return ((name, _SQL_TYPES[self.kind]),)


_SQL_TYPES = {
    "instant": "BIGINT",
    "customer": "UBIGINT",
    "principal": "UBIGINT",
    "fields": "VARCHAR",
    "words": "VARCHAR",
    "choice": "VARCHAR",
    "text": "VARCHAR",
    "label": "VARCHAR",
}
_LETTER = (
    r"[A-Za-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}\x{2070}-\x{218F}"
    r"\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}]"
)
"""What may start a name in XML 1.0 (5th edition, NameStartChar), without `:` and `_`: the same for every engine, while
`\\p{L}` grows with each version of Unicode and an engine's library."""
_SPACE = r"[\t\n\f\r ]*"
TICKET = rf"^{_SPACE}({_LETTER}{{1,12}})[-_#:/ ]?[0-9]+{_SPACE}\z"
"""A reason that is a ticket's number. RE2 (DuckDB) and Java (Spark) read it alike; of `\\s` and `$` they do not."""
DAY_OF_AT = '("at" - (("at" % 86400000000) + 86400000000) % 86400000000) // 86400000000'
"""SQL: the UTC day of `at`, counted from 1970-01-01, exact before 1970 too."""
PROVENANCE = (("source", "BIGINT"), ("source_row", "BIGINT"))
"""Where a row comes from: number of the source file in the catalogue, and 1-based row number in it."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table."""

    name: str
    columns: tuple[Column, ...]
    identity: str | None = None
    """Column by which a later row replaces an earlier one; null where rows accumulate."""
    order: tuple[str, ...] = ()
    """Stored columns by which its segments are sorted."""
    by_month: bool = False
    splits_times: bool = False
    """Whether segments hold `at` as `at_second` and `at_microsecond`."""

    def stored_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of the columns of its segments."""
        return tuple(pair for column in self.columns for pair in column.stored_columns()) + PROVENANCE

    def segment_columns(self, *, old: bool = False) -> tuple[tuple[str, str], ...]:
        """(name, SQL type) of the columns as they lie in a segment's file; `old`: of those with times in one column."""
        if old or not self.splits_times:
            return self.stored_columns()
        others = tuple(pair for pair in self.stored_columns() if pair[0] != "at")
        return (("at_second", "BIGINT"), ("at_microsecond", "INTEGER"), *others)

    def column_names(self) -> tuple[str, ...]:
        """Names by which files give its columns."""
        return tuple(column.name for column in self.columns)

    def required_names(self) -> tuple[str, ...]:
        """Names of the columns a file must have."""
        return tuple(column.name for column in self.columns if column.required)


_CUSTOMER = Column("customer", "customer", required=True)
_AT = Column("at", "instant", required=True)

ACCESSES = TableSchema(
    "accesses",
    (
        _AT,
        Column("principal", "principal", required=True),
        _CUSTOMER,
        Column("fields", "fields", required=True),
        Column("action", "choice", choices=("view", "search", "export", "api", "update")),
        Column("tool", "text"),
        Column("reason", "text"),
    ),
    order=("customer", "at", "principal", "source_row"),
    by_month=True,
    splits_times=True,
)
CONTACTS = TableSchema(
    "contacts",
    (
        _AT,
        _CUSTOMER,
        Column("seller", "label", required=True),
        Column("kind", "choice", required=True, choices=("order", "message", "review", "optin")),
        Column("product", "text"),
    ),
    order=("customer", "seller", "at", "source_row"),
)
PRINCIPALS = TableSchema(
    "principals",
    (
        Column("principal", "principal", required=True),
        Column("team", "text"),
        Column("site", "text"),
        Column("kind", "choice", choices=("employee", "contractor", "service")),
        Column("reports_to", "principal"),
        Column("active_from", "instant"),
        Column("active_to", "instant"),
    ),
    identity="principal",
    order=("principal",),
)
SELLERS = TableSchema(
    "sellers",
    (
        Column("seller", "label", required=True),
        Column("name", "label", required=True),
        Column("domains", "words"),
        Column("links", "words", beside="domains"),
        Column("products", "words", beside="domains"),
        Column("brands", "words", beside="domains"),
        Column("reply_addresses", "words", beside="domains"),
        Column("status", "text"),
    ),
    identity="seller",
    order=("seller",),
)
SELLER_MARKS = tuple(column.name for column in SELLERS.columns if column.beside)
CUSTOMERS = TableSchema(
    "customers",
    (
        _CUSTOMER,
        Column("email", "address"),
        Column("locale", "text"),
        Column("jurisdiction", "text"),
        Column("region", "text"),
        Column("segment", "text"),
    ),
    identity="customer",
    order=("customer",),
)
KNOWN_ELSEWHERE = TableSchema(
    "known_elsewhere",
    (
        _CUSTOMER,
        Column("field", "label", required=True),
        Column("since", "instant", required=True),
        # `source` is the name of our own provenance column
        Column("source", "text", stored="origin"),
    ),
    order=("customer", "field", "since", "source_row"),
)
BULK_READS = TableSchema(
    "bulk_reads",
    (
        _AT,
        Column("principal", "principal", required=True),
        Column("fields", "fields"),
        Column("tool", "text"),
        Column("statement_digest", "text"),
    ),
    order=("at", "principal", "source_row"),
)
"""Reads that could not be tied to customers. No file is ingested into it: a row reader of accesses yields them."""

INGESTED = {t.name: t for t in (ACCESSES, CONTACTS, PRINCIPALS, SELLERS, CUSTOMERS, KNOWN_ELSEWHERE)}
STORED = {**INGESTED, BULK_READS.name: BULK_READS}


def ingested_table(name: str) -> TableSchema:
    """The table of that name; UsageError for one that is not ingested."""
    if name == "evidence":
        raise UsageError(
            "Evidence is not kept in the ledger: one evidence file is one campaign.",
            "Give the file to trace: leaktrace trace --evidence FILE.",
        )
    if name not in INGESTED:
        raise UsageError(f"There is no table '{name}'.", f"Tables are {', '.join(INGESTED)}.")
    return INGESTED[name]
