"""What a ledger holds, whether it is whole, and what was done to its rows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LedgerStats:
    """How much the ledger holds."""

    access_count: int
    customer_count: int
    """Distinct customers seen in accesses."""
    principal_count: int
    """Distinct principals seen in accesses."""
    segment_count: int
    rejected_count: int
    lake_bytes: int
    index_bytes: int
    row_counts: dict[str, int] = field(default_factory=dict)
    """Table -> rows that are kept of it, only of tables with any; a later row about the same id counts beside the
    earlier one."""


@dataclass(frozen=True, slots=True)
class LedgerProblem:
    """One thing that is not as it was committed."""

    file: str
    """Relative to the ledger's folder; for counts of one ingested file, that file's name."""
    problem: str


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What checking every file of a ledger found."""

    problems: tuple[LedgerProblem, ...]
    """Empty: the ledger is whole."""
    segment_count: int
    dictionary_count: int
    row_count: int
    """Rows that were read and compared with the catalogue."""
    checked_bytes: int
    notes: tuple[str, ...] = ()
    """Sentences for people: what was taken away at the start, what could not be looked at."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What merging small segments came to. The rows are the same as before."""

    merged_count: int
    """Segments that gave way to larger ones."""
    written_count: int
    """Segments that took their place."""
    row_count: int
    """Rows that moved."""
    segment_count: int
    """Segments there are now."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What building the index anew came to."""

    access_count: int
    """Accesses that are in it now."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What goes, or went, because it is older than what is kept."""

    table: str
    kept_from: str
    """First month that is kept, as YYYY-MM."""
    done: bool
    """False: it was only counted."""
    row_counts: dict[str, int]
    """Table -> rows that go."""
    name_count: int
    """Names in the dictionaries that no row has any more; 0 where it was only counted."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What forgetting customers came to."""

    customer_count: int
    """Customers asked for; none of them comes back with a later file."""
    row_counts: dict[str, int]
    """Table -> rows that went."""
    name_count: int
    """Names that went out of the dictionaries."""
    waiting_count: int
    """Replaced files that somebody still reads; they go the next time the ledger is opened."""
    held_in: tuple[str, ...] = ()
    """Cases that still know any of the customers: what is evidence there is not erased."""
    unknown_count: int = 0
    """Of the customers asked for, those of whom there was no row: an id may have been mistyped."""


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Rows that nobody may erase while a case needs them."""

    case: str
    customer: str | None
    """Keyed number in hexadecimal; null: every customer."""
    at: str
    """ISO 8601 in UTC."""
    who: str


@dataclass(frozen=True, slots=True)
class LedgerAct:
    """One act of upkeep as it stands in the ledger's append-only record."""

    at: str
    """ISO 8601 in UTC."""
    who: str
    what: str
    """forget, retain, hold or release."""
    subject: str
    """The case of a hold; the table and month of a retention; empty for forget."""
    customer: str | None
    """Keyed number in hexadecimal; null where the act is not about one customer."""
    row_counts: dict[str, int]
    why: str


@dataclass(frozen=True, slots=True)
class LedgerActs:
    """Legal holds in force, and what was done to the ledger's rows."""

    holds: tuple[LegalHold, ...]
    acts: tuple[LedgerAct, ...]
