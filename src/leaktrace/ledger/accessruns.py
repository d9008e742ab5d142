"""Accesses on their way into the lake and the index: gathered in memory, sorted and written in runs.

A run holds as many rows as memory allows. While one is sorted and written, the next is read. Nothing counts before the
source is committed, however many runs it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, arrow, bytes_of, compute, mask_of, taken
from leaktrace.ledger.cells import CheckedBatch
from leaktrace.ledger.compiled.sorting import access_order
from leaktrace.ledger.compiled.tallies import months_of
from leaktrace.ledger.daytallies import DayTallies
from leaktrace.ledger.lake import SegmentWriter
from leaktrace.ledger.manners import Manners
from leaktrace.ledger.names import NameKeys, distinct_texts
from leaktrace.ledger.postings import PostingRows
from leaktrace.ledger.postingwriter import PostingWriter
from leaktrace.ledger.runnames import RunNames
from leaktrace.records import Keys

RUN_SHARE = 4
"""A run is as large as this part of the memory: one is gathered, one sorted and written, and copied in its order."""
MOST_RUN_ROWS = 100_000_000
"""A column of names of a run fits into one of Arrow's with 32-bit places."""
ROW_GROUP_ROWS = 1_048_576


class CustomerColumn:
    """Hashes a batch's customers and keeps what the run needs to remember their names."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._last: tuple[ArrowColumn, Keys, NDArray[np.uint32]] | None = None

    def __call__(self, names: ArrowColumn) -> Keys:
        """The numbers of these names (no nulls), in order."""
        plain = names.cast(pa.string())
        keys, checks = self._keyring.name_hashes("customer", *bytes_of(plain))
        self._last = (plain, keys, checks)
        return keys

    def taken(self) -> tuple[ArrowColumn, Keys, NDArray[np.uint32]]:
        """(names, keys, checks) of the batch hashed last."""
        assert self._last is not None  # noqa: S101 - asked after a batch only
        return self._last


@dataclass(slots=True)
class _Run:
    """Columns gathered so far, a list of pieces each."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    row_count: int = 0
    size_bytes: int = 0

    def array(self, name: str) -> NDArray[Any]:
        if len(self.columns[name]) > 1:
            self.columns[name] = [np.concatenate(self.columns[name])]
        joined: NDArray[Any] = self.columns[name][0]
        return joined

    def texts(self, name: str) -> ArrowColumn:
        joined: ArrowColumn = pa.concat_arrays(self.columns.pop(name))
        return joined


class AccessRuns:
    """Takes checked batches of accesses of one source, in the order of the file."""

    def __init__(
        self,
        writer: SegmentWriter,
        postings: PostingWriter,
        names: RunNames,
        source: int,
        memory_bytes: int,
        forgotten: Keys,
    ) -> None:
        self._writer, self._postings, self._names, self._source = writer, postings, names, source
        self._forgotten = forgotten
        self._most_bytes = memory_bytes // RUN_SHARE
        self._manners, self.days = Manners(), DayTallies()
        self._words: dict[str, dict[str | None, int]] = defaultdict(dict)
        self._run = _Run()
        self._pool = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._principals: dict[int, int] = {}
        """Key -> code, the same over all runs."""

    def add(self, checked: CheckedBatch, customers: CustomerColumn, principals: NameKeys) -> None:
        """Takes a batch, whose names were numbered last; writes the run where it is full."""
        if not len(checked.rows):
            return
        run, columns = self._run, checked.columns
        at = np.asarray(columns["at"], dtype=np.int64)
        fields, tool = self._codes("fields", columns["fields"]), self._codes("tool", columns["tool"])
        names, keys, checks = customers.taken()
        principal = self._principal_codes(*principals.taken())
        if len(keys) > len(checked.rows):  # rows of forgotten customers were taken out after they were numbered
            stays = ~np.isin(keys, self._forgotten)
            names, keys, checks = names.filter(pa.array(stays)), keys[stays], checks[stays]
            principal = principal[stays]
        labels = self._labels("fields"), self._labels("tool")
        self.days.add(labels[1], labels[0], tool, fields, at)
        manner = self._manners.codes(*labels, fields, tool, columns["reason"])
        for name, piece in (
            ("at", at),
            ("row", checked.rows),
            ("customer", keys),
            ("check", checks),
            ("names", names),
            ("principal", principal),
            ("fields", fields.astype(np.uint32)),
            ("tool", tool.astype(np.uint32)),
            ("action", self._codes("action", columns["action"]).astype(np.uint8)),
            ("reason", columns["reason"].cast(pa.string())),
            ("manner", manner),
        ):
            run.columns[name].append(piece)
            run.size_bytes += piece.nbytes
        run.row_count += len(at)
        if run.size_bytes >= self._most_bytes or run.row_count >= MOST_RUN_ROWS:
            self._begin_writing()

    def finish(self) -> None:
        """Writes what is left; raises what went wrong in writing."""
        if self._run.row_count:
            self._begin_writing()
        self._wait()
        self._pool.shutdown()

    def abandon(self) -> None:
        """Waits for the run that is being written; what it says does not matter any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def principals(self) -> tuple[int, ...]:
        """Keys of the principals seen, ascending."""
        return tuple(sorted(self._principals))

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _begin_writing(self) -> None:
        self._wait()
        run, self._run = self._run, _Run()
        self._writing = self._pool.submit(self._write, run)

    def _codes(self, name: str, column: ArrowColumn) -> NDArray[np.int64]:
        """A code for each row's text, the same over all batches; null has a code of its own."""
        book = self._words[name]
        texts, places = distinct_texts(column.drop_null())
        own = np.array([book.setdefault(text, len(book)) for text in texts.to_pylist()], dtype=np.int64)
        if not column.null_count:
            return own[places]
        codes = np.full(len(column), book.setdefault(None, len(book)), dtype=np.int64)
        codes[mask_of(compute.is_valid(column))] = own[places]
        return codes

    def _principal_codes(self, keys: Keys, places: NDArray[np.int64]) -> NDArray[np.uint32]:
        own = np.array([self._principals.setdefault(key, len(self._principals)) for key in keys.tolist()], np.uint32)
        codes: NDArray[np.uint32] = own[places]
        return codes

    def _labels(self, name: str) -> list[str | None]:
        return list(self._words[name])

    # --- writing, in a thread of its own --------------------------------------------------------------

    def _write(self, run: _Run) -> None:
        customer, at, rows = run.array("customer"), run.array("at"), run.array("row")
        # Codes by ascending key, so that an order by code is an order by key.
        keys = np.fromiter(self._principals, dtype=np.uint64)
        ranks = np.argsort(np.argsort(keys)).astype(np.uint32)
        keys, code = np.sort(keys), ranks[run.array("principal")]
        order = access_order(customer, at, code, rows)
        manner, manners = run.array("manner"), self._manners.all()
        sets, tasks = self._postings.begin(PostingRows(customer, code, at, manner, keys, manners), order)
        check, names = run.array("check"), run.texts("names")
        with ThreadPoolExecutor(len(tasks) + 1) as pool:
            doing = [pool.submit(self._names.take, customer, check, names, rows, order), *map(pool.submit, tasks)]
            self._write_segments(run, order, sets, keys, code)
            for done in doing:
                done.result()

    def _write_segments(
        self, run: _Run, order: NDArray[np.int32], sets: dict[int, int], keys: Keys, code: NDArray[np.uint32]
    ) -> None:
        customer, at, rows = run.array("customer"), run.array("at"), run.array("row")
        months = months_of(at)
        columns = _Columns(customer, at, rows, keys, code, run.texts("reason"))
        for month in np.unique(months):
            places = order[months[order] == month] if months.min() != months.max() else order
            pieces = self._pieces(run, places, columns)
            self._writer.write_pieces(int(month), pieces, sets[int(month) // 12])

    def _pieces(self, run: _Run, places: NDArray[np.int32], columns: _Columns) -> Iterator[pa.Table]:
        """Tables of a row group each, in the order of the lake."""
        codes = {name: run.array(name) for name in ("fields", "action", "tool")}
        for first in range(0, len(places), ROW_GROUP_ROWS):
            piece = places[first : first + ROW_GROUP_ROWS]
            named = {name: _decoded(code[piece], self._labels(name)) for name, code in codes.items()}
            yield arrow.table(
                {
                    "at": columns.at[piece],
                    "principal": columns.principals[columns.principal[piece]],
                    "customer": columns.customer[piece],
                    **named,
                    "reason": taken(columns.reason, piece),
                    "source": np.full(len(piece), self._source, dtype=np.int64),
                    "source_row": columns.row[piece],
                }
            )


@dataclass(frozen=True, slots=True)
class _Columns:
    """A run's columns in the order of the file."""

    customer: Keys
    at: NDArray[np.int64]
    row: NDArray[np.int64]
    principals: Keys
    principal: NDArray[np.uint32]
    """Place in `principals`."""
    reason: ArrowColumn


def _decoded(codes: NDArray[Any], labels: Sequence[str | None]) -> ArrowColumn:
    texts = pa.array([label or "" for label in labels], pa.string())
    empty = np.array([label is None for label in labels], dtype=bool)[codes]
    indices = pa.array(codes.astype(np.int32), mask=empty if empty.any() else None)
    found: ArrowColumn = arrow.DictionaryArray.from_arrays(indices, texts)
    return found
