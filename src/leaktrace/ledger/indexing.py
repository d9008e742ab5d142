"""The index beside the lake: opened where it matches, merged by year, built anew from the lake."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from leaktrace.errors import LedgerError
from leaktrace.ledger.arrow import compute
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import StoredFile, StoredPostings
from leaktrace.ledger.integrity import check_segment, demand_whole
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.lake import LAYOUT
from leaktrace.ledger.manners import Manners
from leaktrace.ledger.names import distinct_texts
from leaktrace.ledger.postings import (
    ByCustomer,
    ByPrincipal,
    Merged,
    PostingIndex,
    PostingRows,
    merge_by_customer,
    merge_by_principal,
)
from leaktrace.ledger.postingwriter import PostingWriter

SMALL_ROWS = 2_000_000
MOST_SMALL_SETS = 32
REINDEX = "Build the index anew: leaktrace ledger reindex."


class OpenedPostings:
    """Posting files that are mapped already, by path; files are immutable, so they are opened once."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder, self._catalog = folder, catalog
        self._by_customer: dict[str, ByCustomer] = {}
        self._by_principal: dict[str, ByPrincipal] = {}

    def of(self, segments: Sequence[StoredFile]) -> PostingIndex | None:
        """The index of these segments of accesses; null where a segment has none.

        LedgerError where the index does not match the lake.
        """
        counting = self._catalog.postings()
        self._let_go_but(counting)
        if any(segment.posting is None for segment in segments):
            return None
        wanted = {segment.posting for segment in segments}
        sets = [stored for stored in counting if stored.number in wanted]
        demand_match(sets, self._catalog)
        if len(sets) != len(wanted):
            raise _mismatch(f"{len(wanted) - len(sets)} of its sets are missing")
        return self.open(sets)

    def open(self, sets: Sequence[StoredPostings]) -> PostingIndex:
        """The postings of these sets."""
        for stored in sets:
            by_customer, by_principal = stored.files()
            if by_customer.path not in self._by_customer:
                for file in (by_customer, by_principal):
                    check_segment(self._folder, file, self._catalog)
                self._by_customer[by_customer.path] = ByCustomer(self._folder / by_customer.path)
                self._by_principal[by_principal.path] = ByPrincipal(self._folder / by_principal.path)
        return PostingIndex(
            tuple(self._by_customer[stored.by_customer[0]] for stored in sets),
            tuple(self._by_principal[stored.by_principal[0]] for stored in sets),
        )

    def _let_go_but(self, counting: Sequence[StoredPostings]) -> None:
        """What gave way is unmapped: else its room on disk, and who was forgotten in it, would stay until the end."""
        kept = {path for stored in counting for path in (stored.by_customer[0], stored.by_principal[0])}
        for opened in (self._by_customer, self._by_principal):
            for old in opened.keys() - kept:
                del opened[old]

    def forget(self) -> None:
        """Lets go of all files."""
        self._by_customer.clear()
        self._by_principal.clear()


def demand_match(sets: Sequence[StoredPostings], catalog: Catalog) -> None:
    """LedgerError unless each set has as many rows as the segments that it stands for."""
    rows: dict[int, int] = defaultdict(int)
    for segment in catalog.segments("accesses"):
        if segment.posting is not None:
            rows[segment.posting] += segment.row_count
    for stored in sets:
        if rows[stored.number] != stored.row_count:
            raise _mismatch(f"set {stored.number} has {stored.row_count} accesses, its segments {rows[stored.number]}")


def _mismatch(what: str) -> LedgerError:
    return LedgerError(f"The index does not match the lake: {what}.", REINDEX)


def merge_years(folder: Path, catalog: Catalog, progress: Progress) -> int:
    """Merges the postings of each year into one set; how many sets became fewer.

    The old files go once nobody reads them.
    """
    by_year: dict[int, list[StoredPostings]] = defaultdict(list)
    for stored in catalog.postings():
        by_year[stored.year].append(stored)
    fewer = 0
    for year, sets in sorted(by_year.items()):
        if len(sets) > 1:
            _merge_year(folder, catalog, progress, year, sets)
            fewer += len(sets) - 1
    return fewer


def merge_small(folder: Path, catalog: Catalog) -> bool:
    """Merges the small sets of a year once they are many, so that a followed log does not end in thousands of files.

    Whether it did. A row is merged again only while its set is small.
    """
    by_year: dict[int, list[StoredPostings]] = defaultdict(list)
    for stored in catalog.postings():
        if stored.row_count < SMALL_ROWS:
            by_year[stored.year].append(stored)
    many = {year: sets for year, sets in by_year.items() if len(sets) > MOST_SMALL_SETS}
    for year, sets in many.items():
        _merge_year(folder, catalog, _silent, year, sets)
    return bool(many)


def _silent(_what: str, _done: int, _total: int | None) -> None:
    """It takes a second at most."""


def _merge_year(folder: Path, catalog: Catalog, progress: Progress, year: int, sets: Sequence[StoredPostings]) -> None:
    for stored in sets:
        for file in stored.files():
            demand_whole(folder, file)
    index = OpenedPostings(folder, catalog).open(sets)
    rows = sum(stored.row_count for stored in sets)
    writer = PostingWriter(folder, f"merged-{secrets.token_hex(6)}", catalog.next_posting())
    told = [_telling(progress, f"index of {year} by {order}", rows) for order in ("customer", "principal")]
    with _uncommitted_go(writer, catalog):
        writer.write_set(
            year,
            rows,
            lambda sink: _demand_rows(merge_by_customer(index.by_customer, sink, told=told[0]), rows),
            lambda sink: _demand_rows(merge_by_principal(index.by_principal, sink, told=told[1]), rows),
        )
        catalog.replace_postings([stored.number for stored in sets], writer.publish())


def _telling(progress: Progress, what: str, rows: int) -> Callable[[int], None]:
    return lambda done: progress(what, done, rows)


def _demand_rows(merged: Merged, rows: int) -> None:
    if merged.row_count != rows:
        raise _mismatch(f"merging {rows} accesses gave {merged.row_count}")


@contextmanager
def _uncommitted_go(writer: PostingWriter, catalog: Catalog) -> Iterator[None]:
    """Whatever ends the block, files that do not count by then are discarded."""
    try:
        yield
    finally:
        # The catalogue is asked: an interrupt right after the commit must not take away what counts already.
        writer.discard_but(catalog.all_paths())


def index_missing(folder: Path, catalog: Catalog, progress: Progress) -> int:
    """Builds postings for segments of accesses that have none, and merges each year; how many accesses were added."""
    segments = [segment for segment in catalog.segments("accesses") if segment.posting is None]
    total, done = sum(segment.row_count for segment in segments), 0
    for segment in segments:
        progress("building the index", done, total)
        demand_whole(folder, segment)
        writer = PostingWriter(folder, f"rebuilt-{secrets.token_hex(6)}", catalog.next_posting())
        with _uncommitted_go(writer, catalog):
            (number,) = writer.write(_rows_of(folder, segment)).values()
            catalog.add_postings({segment.path: number}, writer.publish())
        done += segment.row_count
    progress("building the index", done, total)
    if segments:
        merge_years(folder, catalog, progress)
    return total


def _rows_of(folder: Path, segment: StoredFile) -> PostingRows:
    """A segment's accesses, in its order."""
    time_columns = ["at_second", "at_microsecond"] if segment.layout == LAYOUT else ["at"]
    columns = [*time_columns, "principal", "customer", "fields", "tool", "reason"]
    table = pq.read_table(folder / segment.path, columns=columns, partitioning=None).combine_chunks()
    numbers = {name: table.column(name).to_numpy() for name in (*time_columns, "principal", "customer")}
    at = numbers["at_second"] * 1_000_000 + numbers["at_microsecond"] if segment.layout == LAYOUT else numbers["at"]
    principals, principal = np.unique(numbers["principal"].astype(np.uint64), return_inverse=True)
    (fields, field), (tools, tool) = (
        distinct_texts(compute.fill_null(table.column(name), "").combine_chunks()) for name in ("fields", "tool")
    )
    manners = Manners()
    reason = table.column("reason").combine_chunks()
    codes = manners.codes(fields.to_pylist(), tools.to_pylist(), field, tool, reason)
    return PostingRows(
        numbers["customer"].astype(np.uint64), principal.astype(np.uint32), at.astype(np.int64), codes, principals,
        manners.all(),
    )  # fmt: skip
