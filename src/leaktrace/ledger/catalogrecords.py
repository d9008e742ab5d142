"""What the catalogue tells and is told: files in their place, a source with all that it brings, small counts."""

from __future__ import annotations

from dataclasses import dataclass

from leaktrace.ledger import followed

POSTINGS = "postings"
"""What stands for a table in the files of the index."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A segment or a dictionary in its place."""

    path: str
    """Relative to the ledger's folder."""
    row_count: int
    size_bytes: int
    sha256: str
    month: int | None = None
    """Year * 12 + month - 1, for tables kept by month."""
    table: str = ""
    """Table of a segment; kind of names of a dictionary."""
    modified_ns: int = 0
    """When its content was last known to have its hash: the file's time of modification, nanoseconds."""
    layout: int = 1
    """1: times in one column; 2: whole seconds and the rest in two."""
    posting: int | None = None
    """Number of the set of postings that has its rows; null where none has."""


@dataclass(frozen=True, slots=True)
class StoredPostings:
    """A set of postings in its place: the same accesses of one year in two orders."""

    number: int
    year: int
    row_count: int
    by_customer: tuple[str, int, str, int]
    """Path relative to the ledger's folder, bytes, SHA-256, time of modification in nanoseconds."""
    by_principal: tuple[str, int, str, int]

    def files(self) -> tuple[StoredFile, StoredFile]:
        """The two files, by customer first."""
        return (
            _posting_file(self.by_customer, self.row_count),
            _posting_file(self.by_principal, self.row_count),
        )


def _posting_file(stored: tuple[str, int, str, int], row_count: int) -> StoredFile:
    path, size, sha256, modified = stored
    return StoredFile(path, row_count, size, sha256, table=POSTINGS, modified_ns=modified)


@dataclass(frozen=True, slots=True)
class DayCount:
    """Rows of one tool that showed the same fields on one UTC day (days since 1970-01-01)."""

    tool: str | None
    fields: str
    day: int
    row_count: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Two rows next to each other in a source whose times run backwards, in microseconds."""

    source_row: int
    from_at: int
    to_at: int


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """All that one source file brings."""

    source: int
    sha256: str
    table: str
    file_name: str
    accepted_count: int
    rejected_count: int
    bulk_count: int
    overlaps: bool
    """Whether it replaces rows of an earlier source of the table."""
    segments: tuple[StoredFile, ...] = ()
    dictionaries: tuple[StoredFile, ...] = ()
    day_counts: tuple[DayCount, ...] = ()
    principals: tuple[int, ...] = ()
    """Keys seen in accesses."""
    clock_steps: tuple[ClockStep, ...] = ()
    postings: tuple[StoredPostings, ...] = ()
    rejects: tuple[str, int] | None = None
    """The rejects file and how long it is with this source's rows."""
    withheld_count: int = 0
    """Good rows that were not taken, because they are older than what is kept or of a forgotten customer."""
    content_sha256: str | None = None
    """Of what a packed file holds; null or the same as `sha256` where there is nothing to unpack."""
    followed: followed.Move | None = None
    """How far its file is taken with it."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """One committed source."""

    source: int
    sha256: str
    table: str
    file_name: str
    row_count: int
    overlaps: bool
    kept_count: int
    """Rows of it that are in the lake: those stored, less what was forgotten or retired since."""
