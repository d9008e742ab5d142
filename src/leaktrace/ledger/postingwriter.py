"""Writes postings beside the lake: aside, then published with their source, or discarded with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from leaktrace.ledger.catalog import StoredPostings
from leaktrace.ledger.compiled.tallies import months_of
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.postings import PostingRows, write_by_customer, write_by_principal
from leaktrace.ledger.postings.layout import Sink

FOLDER = "index"
Write = Callable[[Sink], None]


class PostingWriter:
    """The postings of one source, compaction or rebuilding; a set of two files for each year of each batch."""

    def __init__(self, folder: Path, name: str, first_set: int) -> None:
        self._folder, self._name, self._next = folder, name, first_set
        self._files: list[tuple[DurableFile, DurableFile, int, int, int]] = []

    def write(self, rows: PostingRows) -> dict[int, int]:
        """Writes accesses in the order of the lake, each year by itself; year -> number of its set."""
        years, numbers = months_of(rows.at) // 12, dict[int, int]()
        for year in np.unique(years):
            own = rows if years.min() == years.max() else rows.kept(years == year)
            numbers[int(year)] = self.write_set(
                int(year),
                len(own),
                lambda sink, own=own: write_by_customer(sink, own),  # type: ignore[misc]
                lambda sink, own=own: write_by_principal(sink, own),  # type: ignore[misc]
            )
        return numbers

    def write_set(self, year: int, row_count: int, by_customer: Write, by_principal: Write) -> int:
        """Writes one set of two files; its number."""
        number = self._next
        self._next += 1
        pair = [self._begin(f"{self._name}-{number}-{year}-{order}") for order in ("customer", "principal")]
        self._files.append((pair[0], pair[1], year, number, row_count))
        for file, write in zip(pair, (by_customer, by_principal), strict=True):
            with storing(file.place):
                write(file)
                file.flush()
        return number

    def _begin(self, name: str) -> DurableFile:
        return DurableFile(self._folder / "tmp" / f"{name}.postings", self._folder / FOLDER / f"{name}.postings")

    def publish(self) -> tuple[StoredPostings, ...]:
        """Puts the files in their places."""
        found = []
        for by_customer, by_principal, year, number, row_count in self._files:
            stored = []
            for file in (by_customer, by_principal):
                sha256 = file.publish()
                with storing(file.place):
                    modified = file.place.stat().st_mtime_ns
                stored.append((str(file.place.relative_to(self._folder)), file.size_bytes, sha256, modified))
            found.append(StoredPostings(number, year, row_count, *stored))
        return tuple(found)

    def discard_but(self, known: set[str]) -> None:
        """Leaves of them those whose relative paths are known."""
        for pair in self._files:
            for file in pair[:2]:
                if str(file.place.relative_to(self._folder)) not in known:
                    file.discard()

    def discard(self) -> None:
        """Leaves nothing of them."""
        for by_customer, by_principal, *_ in self._files:
            by_customer.discard()
            by_principal.discard()
