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
from leaktrace.ledger.postings import Manner, PostingRows
from leaktrace.ledger.postingwriter import PostingWriter
from leaktrace.ledger.principalcodes import PrincipalCodes
from leaktrace.ledger.room import Room
from leaktrace.ledger.runnames import RunNames
from leaktrace.ledger.sharing import ordered, shares_of_codes, shares_of_customers
from leaktrace.records import Keys

RUN_SHARE = 5
"""A run is as large as this part of the memory: one is gathered, one sorted and written, and copied in its order, and
its columns stay for the next."""
MOST_RUN_ROWS = 100_000_000
"""A column of names of a run fits into one of Arrow's with 32-bit places."""
ROW_GROUP_ROWS = 1_048_576
_CORES = 2
_NUMBERS = ("customer", "at", "principal", "row", "check", "fields", "tool", "action", "manner")


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


@dataclass(frozen=True, slots=True)
class _Arranged:
    """A run's columns in the order of the lake; texts stay in parts, and `places` says where each row's is."""

    numbers: dict[str, NDArray[Any]]
    places: NDArray[np.int32]
    names: ArrowColumn
    reason: ArrowColumn


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
        room: Room,
    ) -> None:
        self._writer, self._postings, self._names, self._source = writer, postings, names, source
        self._forgotten, self._room = forgotten, room
        self._most_bytes = memory_bytes // RUN_SHARE
        self._manners, self.days = Manners(), DayTallies()
        self._words: dict[str, dict[str | None, int]] = defaultdict(dict)
        self._run = _Run()
        # A batch is gathered while the next is judged; a run is written while the next is gathered.
        self._gatherer, self._writer_pool = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._gathering: Future[None] | None = None
        self._writing: Future[None] | None = None
        self._principals = PrincipalCodes()

    def add(self, checked: CheckedBatch, customers: CustomerColumn, principals: NameKeys) -> None:
        """Takes a batch, whose names were numbered last; writes the run where it is full."""
        if not len(checked.rows):
            return
        self._settle(self._gathering)
        self._gathering = self._gatherer.submit(self._gather, checked, customers.taken(), principals.taken())

    def _gather(
        self,
        checked: CheckedBatch,
        customers: tuple[ArrowColumn, Keys, NDArray[np.uint32]],
        principals: tuple[Keys, NDArray[np.int64]],
    ) -> None:
        run, columns, before = self._run, checked.columns, self._run.size_bytes
        at = np.asarray(columns["at"], dtype=np.int64)
        fields, tool = self._codes("fields", columns["fields"]), self._codes("tool", columns["tool"])
        names, keys, checks = customers
        own, places = principals
        principal = self._principals.of(own)[places]
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
        # The batch that is judged meanwhile, about as large as this one, is in memory too.
        if 2 * run.size_bytes - before >= self._most_bytes or run.row_count >= MOST_RUN_ROWS:
            self._begin_writing()

    def finish(self) -> None:
        """Writes what is left; raises what went wrong in writing."""
        self._settle(self._gathering)
        if self._run.row_count:
            self._begin_writing()
        self._settle(self._writing)
        self._gatherer.shutdown()
        self._writer_pool.shutdown()

    def abandon(self) -> None:
        """Waits for the run that is being written; what it says does not matter any more."""
        self._gatherer.shutdown(wait=True, cancel_futures=True)
        self._writer_pool.shutdown(wait=True, cancel_futures=True)

    def principals(self) -> tuple[int, ...]:
        """Keys of the principals seen, ascending."""
        return tuple(self._principals.keys.tolist())

    @staticmethod
    def _settle(begun: Future[None] | None) -> None:
        """Waits for it; raises what went wrong."""
        if begun is not None:
            begun.result()

    def _begin_writing(self) -> None:
        self._settle(self._writing)
        run, self._run = self._run, _Run()
        # What more batches will add to is looked at here, in the thread that adds.
        self._writing = self._writer_pool.submit(self._write, run, *self._principals.ranked(), self._manners.all())

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

    def _labels(self, name: str) -> list[str | None]:
        return list(self._words[name])

    # --- writing, in a thread of its own --------------------------------------------------------------

    def _write(self, run: _Run, keys: Keys, ranks: NDArray[np.uint32], manners: tuple[Manner, ...]) -> None:
        # Codes by ascending key, so that an order by code is an order by key.
        run.columns["principal"] = [ranks[piece] for piece in run.columns["principal"]]
        with ThreadPoolExecutor(_CORES) as pool:
            columns = [run.columns[name] for name in ("customer", "principal", "at", "manner")]
            grouped = pool.submit(_grouped, columns, keys, manners, self._room)
            arranged = _arranged(run, pool, self._room)
            by_principal = grouped.result()
        numbers = arranged.numbers
        rows = PostingRows(
            numbers["customer"], numbers["principal"], numbers["at"], numbers.pop("manner"), keys, manners
        )
        sets, tasks = self._postings.begin(rows, by_principal)
        with ThreadPoolExecutor(len(tasks) + 1) as pool:
            doing = [pool.submit(self._take_names, arranged), *map(pool.submit, tasks)]
            self._write_segments(arranged, sets, keys)
            for done in doing:
                done.result()

    def _take_names(self, arranged: _Arranged) -> None:
        numbers = arranged.numbers
        self._names.take(numbers["customer"], numbers["check"], numbers["row"], arranged.names, arranged.places)

    def _write_segments(self, arranged: _Arranged, sets: dict[int, int], keys: Keys) -> None:
        months = months_of(arranged.numbers["at"])
        for month in np.unique(months).tolist():
            pieces = self._pieces(arranged, np.flatnonzero(months == month), keys)
            self._writer.write_pieces(month, pieces, sets[month // 12])

    def _pieces(self, arranged: _Arranged, rows: NDArray[np.intp], keys: Keys) -> Iterator[pa.Table]:
        """Tables of a row group each, in the order of the lake."""
        numbers = arranged.numbers
        for first in range(0, len(rows), ROW_GROUP_ROWS):
            piece = rows[first : first + ROW_GROUP_ROWS]
            named = {name: _decoded(numbers[name][piece], self._labels(name)) for name in ("fields", "action", "tool")}
            yield arrow.table(
                {
                    "at": numbers["at"][piece],
                    "principal": keys[numbers["principal"][piece]],
                    "customer": numbers["customer"][piece],
                    **named,
                    "reason": taken(arranged.reason, arranged.places[piece]).cast(pa.string()),
                    "source": np.full(len(piece), self._source, dtype=np.int64),
                    "source_row": numbers["row"][piece],
                }
            )


def _arranged(run: _Run, pool: ThreadPoolExecutor, room: Room) -> _Arranged:
    """The columns sorted; first shared out by customer, so that what follows finds its rows near each other."""
    shares = shares_of_customers(run.columns["customer"], room)
    texts = {name: pool.submit(shares.texts, name, run.columns.pop(name)) for name in ("names", "reason")}
    waiting = {name: pool.submit(shares.numbers, name, run.columns[name]) for name in _NUMBERS}
    numbers = {name: shared.result() for name, shared in waiting.items()}
    waiting.clear()
    run.columns.clear()
    # Parts stand in the order of their customers, so stretches of them are sorted by themselves.
    middle = int(shares.starts[len(shares.starts) // 2])
    by = [numbers[name] for name in ("customer", "at", "principal", "row")]
    halves = slice(middle), slice(middle, None)
    low, high = pool.map(lambda half: access_order(*(column[half] for column in by)), halves)
    places = np.concatenate([low, high + np.int32(middle)])
    for name, shared in numbers.items():
        place = room.array(f"sorted {name}", len(shared), shared.dtype)
        waiting[name] = pool.submit(ordered, shared, places, place)
    found = {name: sorted_column.result() for name, sorted_column in waiting.items()}
    return _Arranged(found, places, texts["names"].result(), texts["reason"].result())


def _grouped(columns: Sequence[list[NDArray[Any]]], keys: Keys, manners: tuple[Manner, ...], room: Room) -> PostingRows:
    """Accesses (customer, principal, time, manner) in the order of the file, those of a principal near each other."""
    shares = shares_of_codes(columns[1], len(keys), room)
    customer, principal, at, manner = (
        shares.numbers(f"grouped {number}", pieces) for number, pieces in enumerate(columns)
    )
    return PostingRows(customer, principal, at, manner, keys, manners)


def _decoded(codes: NDArray[Any], labels: Sequence[str | None]) -> ArrowColumn:
    texts = pa.array([label or "" for label in labels], pa.string())
    empty = np.array([label is None for label in labels], dtype=bool)[codes]
    indices = pa.array(codes.astype(np.int32), mask=empty if empty.any() else None)
    found: ArrowColumn = arrow.DictionaryArray.from_arrays(indices, texts)
    return found
