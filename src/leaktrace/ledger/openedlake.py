"""The lake and its index as questions see them: what is committed, each file known to be what was committed."""

from __future__ import annotations

from pathlib import Path

from leaktrace.ledger import queries
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.indexing import OpenedPostings
from leaktrace.ledger.integrity import check_segment
from leaktrace.ledger.lake import LAYOUT
from leaktrace.ledger.postings import PostingIndex
from leaktrace.ledger.queries import Rows, Span
from leaktrace.ledger.schema import STORED
from leaktrace.ledger.times import month_of


class OpenedLake:
    """Segments are immutable, so each is checked once, and postings are opened once."""

    def __init__(self, folder: Path, catalog: Catalog, *, uses_index: bool) -> None:
        self._folder, self._catalog, self._uses_index = folder, catalog, uses_index
        self._postings = OpenedPostings(folder, catalog)
        self._whole: set[str] = set()

    def forget(self) -> None:
        """Lets go of all files."""
        self._postings.forget()

    def rows(self, table: str, span: Span | None = None) -> Rows:
        """A table's rows, of the months that the span touches; of one id only the last."""
        months = (None, None) if span is None else (month_of(span.start), month_of(span.end))
        segments = self._checked(self._catalog.segments(table, *months))
        splits = STORED[table].splits_times
        new = [str(self._folder / s.path) for s in segments if s.layout == LAYOUT or not splits]
        old = [str(self._folder / s.path) for s in segments if s.layout != LAYOUT and splits]
        overlapping = self._catalog.overlapping(table)
        return queries.last_rows_of(table, new, overlapping=overlapping, old_segments=old)

    def index(self, span: Span | None = None) -> PostingIndex | None:
        """The index of accesses of the months that the span touches; null where some have none, or none is wanted."""
        if not self._uses_index:
            return None
        months = (None, None) if span is None else (month_of(span.start), month_of(span.end))
        # The lake is the truth: where it is not what was committed, nobody is answered, out of the index neither.
        return self._postings.of(self._checked(self._catalog.segments("accesses", *months)))

    def _checked(self, segments: tuple[StoredFile, ...]) -> tuple[StoredFile, ...]:
        """The segments, each known to be what was committed."""
        for segment in segments:
            if segment.path not in self._whole:
                check_segment(self._folder, segment, self._catalog)
                self._whole.add(segment.path)
        return segments
