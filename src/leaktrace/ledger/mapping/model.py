"""What a mapping says, once it has been read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from leaktrace.ledger.mapping.paths import Path
from leaktrace.ledger.mapping.times import TimeFormat

InputKind = Literal["auto", "ndjson", "json", "csv"]
BulkRule = Literal["never", "if_no_customer", "always"]
COLUMN_NAMES = ("at", "principal", "customer", "fields", "action", "tool", "reason", "statement")
"""What a mapping fills; of the statement only the digest of a bulk read's is kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place a value may come from, and what is cut off it."""

    path: Path
    prefix: str = ""
    """The text must start with this, which is cut off; else the place gives nothing."""
    after: str = ""
    """What follows the first of these is taken; a text without it gives nothing."""
    after_last: str = ""
    """What follows the last of these is taken; a text without it is taken whole."""
    before: tuple[str, ...] = ()
    """The text is cut at the first of any of these."""


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is filled: from the first source that gives anything, else by the default."""

    sources: tuple[Source, ...] = ()
    default: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)
    """Translations; of field names the keys are in lower case."""
    other: str | None = None
    """What a value becomes that is not among `values`; null: it stays."""
    separator: str | None = None
    """Customers and fields: one text holds several, parted by this."""
    aliases: tuple[Path, ...] = ()
    """Fields: objects in the record that say what short names (`#e`) stand for."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds or does not hold for a record."""

    sources: tuple[Source, ...]
    among: frozenset[str] | None = None
    """Holds where one of the values is among these."""
    not_among: frozenset[str] | None = None
    """Holds where none of the values is among these."""
    exists: bool | None = None
    key: str | None = None
    """The one key of the record that it asks about, where it is as simple as that: most conditions are."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Records of one kind and what becomes of them."""

    conditions: tuple[Condition, ...]
    """All must hold."""
    columns: dict[str, Column]
    at_format: TimeFormat
    bulk: BulkRule = "never"
    """Whether a record that names no customer is a read of many that cannot be tied to them."""


@dataclass(frozen=True, slots=True)
class CsvShape:
    """How a CSV log is written."""

    delimiter: str = ","
    header: tuple[str, ...] = ()
    """Names of the columns where the file has none."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """A log's records as accesses."""

    rules: tuple[Rule, ...]
    """The first that fits a record decides; a record that fits none is no access and is passed over."""
    input: InputKind = "auto"
    records: tuple[Path, ...] = ()
    """Where the records are in a document or line, the first place that has any; empty: it is one itself."""
    require: tuple[Path, ...] = ()
    """Every record has these; one that has not is rejected."""
    skip: tuple[Condition, ...] = ()
    """A record for which one of these holds is passed over."""
    csv: CsvShape = CsvShape()
