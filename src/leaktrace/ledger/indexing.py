"""The index beside the lake: opened where it matches, merged by year, built anew from the lake."""

from __future__ import annotations

import contextlib
import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from leaktrace.errors import LedgerError
from leaktrace.ledger.arrow import compute
from leaktrace.ledger.catalog import Catalog, StoredFile, StoredPostings
from leaktrace.ledger.durable import storing
from leaktrace.ledger.integrity import check_segment
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.lake import LAYOUT
from leaktrace.ledger.manners import Manners
from leaktrace.ledger.names import distinct_texts
from leaktrace.ledger.postings import (
    ByCustomer,
    ByPrincipal,
    LeftOut,
    PostingIndex,
    PostingRows,
    merge_by_customer,
    merge_by_principal,
)
from leaktrace.ledger.postingwriter import PostingWriter

REINDEX = "Build the index anew: leaktrace ledger reindex."
_NOTHING = LeftOut(np.zeros(0, dtype=np.uint64))


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
        if any(segment.posting is None for segment in segments):
            return None
        wanted = {segment.posting for segment in segments}
        sets = [stored for stored in self._catalog.postings() if stored.number in wanted]
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


def merge_years(
    folder: Path, catalog: Catalog, progress: Progress, left_out: LeftOut = _NOTHING, *, all_years: bool = False
) -> int:
    """Merges the postings of each year into one set; how many sets became fewer. Readers keep what they have open."""
    by_year: dict[int, list[StoredPostings]] = defaultdict(list)
    for stored in catalog.postings():
        by_year[stored.year].append(stored)
    merged = 0
    for year, sets in sorted(by_year.items()):
        if len(sets) > 1 or all_years:
            _merge_year(folder, catalog, progress, year, sets, left_out)
            merged += len(sets) - 1
    return merged


def _merge_year(
    folder: Path, catalog: Catalog, progress: Progress, year: int, sets: Sequence[StoredPostings], left_out: LeftOut
) -> None:
    index = OpenedPostings(folder, catalog).open(sets)
    rows = sum(stored.row_count for stored in sets)
    writer = PostingWriter(folder, f"merged-{secrets.token_hex(6)}", catalog.next_posting())
    told = [_telling(progress, f"index of {year} by {order}", rows) for order in ("customer", "principal")]
    try:
        writer.write_set(
            year,
            rows,
            lambda sink: _discarded(merge_by_customer(index.by_customer, sink, left_out, told[0])),
            lambda sink: _discarded(merge_by_principal(index.by_principal, sink, left_out, told[1])),
        )
        catalog.replace_postings([stored.number for stored in sets], writer.publish())
    except BaseException:
        writer.discard()
        raise
    remove_files(folder, [file for stored in sets for file in stored.files()])


def _telling(progress: Progress, what: str, rows: int) -> Callable[[int], None]:
    return lambda done: progress(what, done, rows)


def _discarded(_result: object) -> None:
    """A merge's own counts are those of its inputs."""


def remove_files(folder: Path, files: Sequence[StoredFile]) -> None:
    """Removes files that no longer count; who has them open keeps them until they are closed."""
    for file in files:
        with storing(folder / file.path), contextlib.suppress(FileNotFoundError):
            (folder / file.path).unlink()


def reindex(folder: Path, catalog: Catalog, progress: Progress) -> int:
    """Builds the postings anew from the lake and merges them by year; how many accesses they hold."""
    segments, old = catalog.segments("accesses"), catalog.postings()
    writer = PostingWriter(folder, f"rebuilt-{secrets.token_hex(6)}", catalog.next_posting())
    total, done, places = sum(s.row_count for s in segments), 0, dict[str, int]()
    try:
        for segment in segments:
            check_segment(folder, segment, catalog)
            numbers = writer.write(_rows_of(folder, segment))
            places[segment.path] = next(iter(numbers.values()))
            done += segment.row_count
            progress("building the index", done, total)
        catalog.set_postings(places, [stored.number for stored in old], writer.publish())
    except BaseException:
        writer.discard()
        raise
    remove_files(folder, [file for stored in old for file in stored.files()])
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
