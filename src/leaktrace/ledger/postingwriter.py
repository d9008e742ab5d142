"""Writes postings beside the lake: aside, then published with their source, or discarded with it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from leaktrace.ledger.catalogrecords import StoredPostings
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

    def begin(self, rows: PostingRows, grouped: PostingRows) -> tuple[dict[int, int], tuple[Callable[[], None], ...]]:
        """Year -> number of its set, and what is still to be done, in any order or at once.

        `rows`: accesses in the order of the lake; `grouped`: the same, those of a principal best near each other and in
        the order of time.
        """
        numbers, tasks = dict[int, int](), list[Callable[[], None]]()
        for year, own, together in _by_year(rows, grouped):
            numbers[year], (by_customer, by_principal) = self._begin_set(year, len(own))
            tasks.append(functools.partial(_fill, by_customer, functools.partial(write_by_customer, rows=own)))
            tasks.append(functools.partial(_fill, by_principal, functools.partial(write_by_principal, rows=together)))
        return numbers, tuple(tasks)

    def write(self, rows: PostingRows) -> dict[int, int]:
        """Writes accesses in the order of the lake, each year by itself; year -> number of its set."""
        numbers, tasks = self.begin(rows, rows)
        for task in tasks:
            task()
        return numbers

    def write_set(self, year: int, row_count: int, by_customer: Write, by_principal: Write) -> int:
        """Writes one set of two files; its number."""
        number, files = self._begin_set(year, row_count)
        for file, write in zip(files, (by_customer, by_principal), strict=True):
            _fill(file, write)
        return number

    def _begin_set(self, year: int, row_count: int) -> tuple[int, tuple[DurableFile, DurableFile]]:
        number = self._next
        self._next += 1
        names = [f"{self._name}-{number}-{year}-{order}" for order in ("customer", "principal")]
        pair = self._begin(names[0]), self._begin(names[1])
        self._files.append((*pair, year, number, row_count))
        return number, pair

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


def _by_year(rows: PostingRows, grouped: PostingRows) -> Iterator[tuple[int, PostingRows, PostingRows]]:
    years = months_of(rows.at) // 12
    if years.min() == years.max():
        yield int(years[0]), rows, grouped
        return
    grouped_years = months_of(grouped.at) // 12
    for year in np.unique(years).tolist():
        yield year, rows.kept(years == year), grouped.kept(grouped_years == year)


def _fill(file: DurableFile, write: Write) -> None:
    with storing(file.place):
        write(file)
        file.flush()
