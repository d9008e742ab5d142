"""What became of the rows of an `ingest`, and what would become of them."""

from __future__ import annotations

from dataclasses import dataclass

TABLES = ("accesses", "contacts", "principals", "sellers", "customers", "known_elsewhere", "evidence")
"""Tables that `ingest` takes (DESIGN 4.1)."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of the rows of one `ingest`."""

    table: str
    accepted_count: int
    rejected_count: int
    already_ingested_count: int
    """Rows of files that had been ingested before, packed or not; they changed nothing."""
    rejects_file: str | None
    """Where the rejected rows are kept (0600), with row number and reason; null when there are none."""
    notes: tuple[str, ...] = ()
    """Sentences for people: columns that were ignored, and the like."""
    seconds: float = 0.0
    """How long it took."""
    rows_per_second: float = 0.0
    """Rows taken or rejected in that time."""
    batch_count: int | None = None
    """Batches committed; null where nothing was followed."""
    committed_line_count: int | None = None
    """Lines of the followed file or stream that are committed, by earlier runs too; null where nothing was followed."""


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row as it would be taken in; e-mail addresses are replaced by tokens."""

    file: str
    row: int
    """1-based number of the row, line or record in the file."""
    values: dict[str, str | None]
    """Column of the table -> what would be kept of it."""
    bulk: bool = False
    """A read that cannot be tied to customers."""


@dataclass(frozen=True, slots=True)
class PreviewReject:
    """One row that would be kept aside, and why."""

    file: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class IngestPreview:
    """What an `ingest` would make of the first part of its files. Nothing was written."""

    table: str
    file_count: int
    accepted_count: int
    """Rows of the part that was read that would be taken, bulk reads among them."""
    bulk_count: int
    rejected_count: int
    passed_over_count: int
    """Records of a log that are no accesses."""
    is_whole: bool
    """Everything was read; else the counts are those of a part."""
    rows: tuple[PreviewRow, ...]
    """The first ten."""
    rejected: tuple[PreviewReject, ...]
    """The first ten."""
    notes: tuple[str, ...] = ()
