"""The questions about accesses, answered out of postings: the same rows that the lake gives, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.ledger.compiled.tallies import count_distinct, count_openers
from leaktrace.ledger.postings.layout import Manner
from leaktrace.ledger.postings.reading import ByCustomer, ByPrincipal, of_customers
from leaktrace.ledger.postings.rows import PostingRows, joined
from leaktrace.records import AccessRows, Keys

SCAN_BITS = 8
"""Questions about everybody go through the customers in so many parts (a power of two), to bound memory."""


@dataclass(frozen=True, slots=True)
class PostingIndex:
    """The postings of one or more files, the same files in both orders."""

    by_customer: tuple[ByCustomer, ...]
    by_principal: tuple[ByPrincipal, ...]

    def exposures(self, wanted: Keys, since: NDArray[np.int64], until: NDArray[np.int64], field: str) -> pa.Table:
        """principal, customer, first_shown_at; by customer and principal. `wanted` in any order, each once."""
        return _first_shown(self._shown_between(wanted, since, until, field))

    def channels(self, wanted: Keys, since: NDArray[np.int64], until: NDArray[np.int64], field: str) -> pa.Table:
        """channel, principal, customer, first_shown_at; by channel, customer and principal."""
        rows = self._shown_between(wanted, since, until, field)
        used = [
            (f"tool {m.tool}" if m.tool else "", f"ticket type {m.ticket}" if m.ticket else "") for m in rows.manners
        ]
        labels = sorted({label for pair in used for label in pair if label}, key=str.encode)
        found = list[tuple[Keys, Keys, NDArray[np.int64], NDArray[np.int64]]]()
        for number, label in enumerate(labels):
            mask = np.array([label in pair for pair in used], dtype=bool)
            part = _grouped(rows.kept(mask[rows.manner]))
            found.append((*part, np.full(len(part[0]), number, dtype=np.int64)))
        principal, customer, at, code = (
            (np.concatenate(columns) for columns in zip(*found, strict=True)) if found else _none()
        )
        names: Any = pa.array(labels, pa.string())
        names = names.take(pa.array(code.astype(np.int64)))
        return pa.table({"channel": names, "principal": principal, "customer": customer, "first_shown_at": at})

    def opened_by(
        self, principals: Keys, field: str, start_at: int, end_at: int, limit: int | None, order: int
    ) -> pa.Table:
        """principal, customer, first_shown_at; by customer and principal; with `limit`, the first so many of each
        principal by `customer xor order`.
        """
        rows = joined([file.of(principals, start_at, end_at) for file in self.by_principal])
        rows = rows.kept(_showing(rows.manners, field)[rows.manner])
        principal, customer, at = _grouped(rows)
        if limit is not None:
            kept = _first_of_each(principal, customer ^ np.uint64(order), limit)
            principal, customer, at = principal[kept], customer[kept], at[kept]
        return pa.table({"principal": principal, "customer": customer, "first_shown_at": at})

    def fields_shown(self, principals: Keys, start_at: int, end_at: int) -> pa.Table:
        """field, customer_count; by field."""
        rows = joined([file.of(principals, start_at, end_at) for file in self.by_principal])
        names = sorted({name for m in rows.manners for name in m.fields.split(";")}, key=str.encode)
        counts = [len(np.unique(rows.customer[_showing(rows.manners, name)[rows.manner]])) for name in names]
        kept = [(name, count) for name, count in zip(names, counts, strict=True) if count]
        return pa.table(
            {
                "field": pa.array([name for name, _ in kept], pa.string()),
                "customer_count": pa.array([count for _, count in kept], pa.int64()),
            }
        )

    def accesses_of(self, principals: Keys, start_at: int, end_at: int) -> AccessRows:
        """Every access of these principals, by customer, time, principal and manner."""
        rows = joined([file.of(principals, start_at, end_at) for file in self.by_principal])
        manners = sorted(
            {(m.tool, m.fields) for m in rows.manners}, key=lambda pair: (pair[0].encode(), pair[1].encode())
        )
        code = np.array([manners.index((m.tool, m.fields)) for m in rows.manners] or [0], dtype=np.int64)[rows.manner]
        principal = rows.principals[rows.principal] if len(rows) else np.zeros(0, np.uint64)
        order = np.lexsort((code, principal, rows.at, rows.customer))
        used, place = np.unique(code[order], return_inverse=True)
        kept = tuple(manners[index] for index in used.tolist())
        return AccessRows(principal[order], rows.customer[order], rows.at[order], place.astype(np.int64), kept)

    def opened_counts(self, field: str, start_at: int, end_at: int) -> pa.Table:
        """principal, opened_count (distinct customers); by principal. Goes through all postings once."""
        principals = np.unique(np.concatenate([np.zeros(0, np.uint64), *(f.file.principals for f in self.by_customer)]))
        counts = np.zeros(len(principals), dtype=np.int64)
        for number in range(1 << SCAN_BITS):
            rows = self._part(number)
            kept = (rows.at >= start_at) & (rows.at < end_at) & _showing(rows.manners, field)[rows.manner]
            own = np.zeros(len(rows.principals), dtype=np.int64)
            count_openers(rows.customer, rows.principal, kept, own)
            counts[np.searchsorted(principals, rows.principals)] += own
        seen = counts > 0
        return pa.table({"principal": principals[seen], "opened_count": counts[seen]})

    def keys_between(self, first: int, last: int) -> Keys:
        """Customers seen in accesses whose number lies between these, both included; ascending, each once.

        The numbers between must all share their first bits, and no others share them.
        """
        bits = 64 - (last - first + 1).bit_length() + 1
        parts = [file.between(first >> (64 - bits), bits).customer for file in self.by_customer]
        return np.unique(np.concatenate([np.zeros(0, np.uint64), *parts]))

    def customers_seen(self) -> int:
        """How many customers there are in accesses."""
        return sum(int(count_distinct(self._part(number).customer)) for number in range(1 << SCAN_BITS))

    def _part(self, number: int) -> PostingRows:
        """The accesses of a part of the customers, sorted by customer."""
        rows = joined([file.between(number, SCAN_BITS) for file in self.by_customer])
        if len(self.by_customer) == 1:
            return rows
        order = np.argsort(rows.customer, kind="stable")
        return PostingRows(
            rows.customer[order], rows.principal[order], rows.at[order], rows.manner[order], rows.principals,
            rows.manners,
        )  # fmt: skip

    def _shown_between(
        self, wanted: Keys, since: NDArray[np.int64], until: NDArray[np.int64], field: str
    ) -> PostingRows:
        order = np.argsort(wanted, kind="stable")
        rows = of_customers(list(self.by_customer), wanted[order])
        place = order[np.searchsorted(wanted[order], rows.customer)] if len(rows) else np.zeros(0, np.int64)
        mask = (rows.at >= since[place]) & (rows.at < until[place]) & _showing(rows.manners, field)[rows.manner]
        return rows.kept(mask)


def _none() -> tuple[Keys, Keys, NDArray[np.int64], NDArray[np.int64]]:
    nothing = np.zeros(0, dtype=np.uint64)
    return nothing, nothing, np.zeros(0, np.int64), np.zeros(0, np.int64)


def _showing(manners: Sequence[Manner], field: str) -> NDArray[np.bool_]:
    """For each manner: whether it showed the field; one more, for an index without manners."""
    return np.array([f";{field};" in f";{manner.fields};" for manner in manners] or [False], dtype=bool)


def _grouped(rows: PostingRows) -> tuple[Keys, Keys, NDArray[np.int64]]:
    """(principal, customer, earliest time), each pair once, by customer and principal."""
    principal = rows.principals[rows.principal] if len(rows) else np.zeros(0, np.uint64)
    order = np.lexsort((rows.at, principal, rows.customer))
    principal, customer, at = principal[order], rows.customer[order], rows.at[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = (principal[1:] != principal[:-1]) | (customer[1:] != customer[:-1])
    return principal[first], customer[first], at[first]


def _first_shown(rows: PostingRows) -> pa.Table:
    principal, customer, at = _grouped(rows)
    return pa.table({"principal": principal, "customer": customer, "first_shown_at": at})


def _first_of_each(group: Keys, rank: Keys, limit: int) -> NDArray[np.intp]:
    """Places of the `limit` lowest ranks of each group, ascending."""
    order = np.lexsort((rank, group))
    starts = np.flatnonzero(np.r_[True, group[order][1:] != group[order][:-1]]) if len(group) else np.zeros(0, np.intp)
    within = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return np.sort(order[within < limit])
