"""Takes rows out of the ledger, with everything that was derived from them: segments, counts, names.

All new files are written, synced and in place before one transaction makes them count. Killed before it, the ledger is
as it was; killed after it, the old files are leftovers that the next start takes away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogrecords import DayCount, StoredFile
from leaktrace.ledger.dictionary import Dictionary, NameKind
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.lake import LAYOUT, ROW_GROUP_ROWS, with_times
from leaktrace.ledger.queries import Rows
from leaktrace.ledger.schema import STORED, TableSchema
from leaktrace.ledger.upkeep import leaving as questions
from leaktrace.ledger.upkeep.book import Book
from leaktrace.ledger.upkeep.leaving import Leaving
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.rewrite import Replacements
from leaktrace.records import Keys

_CUSTOMER_COLUMNS = (
    ("accesses", "customer"), ("contacts", "customer"), ("customers", "customer"), ("known_elsewhere", "customer"),
)  # fmt: skip
_SEEN_COLUMNS = (("accesses", "principal"), ("bulk_reads", "principal"))
_PRINCIPAL_COLUMNS = (*_SEEN_COLUMNS, ("principals", "principal"), ("principals", "reports_to"))


@dataclass(slots=True)
class Touched:
    """The segments of one table in which rows leave."""

    schema: TableSchema
    segments: list[StoredFile] = field(default_factory=list)
    leaving: Counter[str] = field(default_factory=Counter)
    """Path -> rows of it that leave."""
    by_source: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Removed:
    """What an act came to."""

    row_counts: dict[str, int]
    name_count: int


class Removal:
    """Rows of some tables that leave: found at once, taken out by `carry_out`."""

    def __init__(self, premises: Premises, tables: Sequence[str], leaving: Leaving) -> None:
        self._premises, self._leaving = premises, leaving
        self._touched = [self._find(STORED[table]) for table in tables]

    def row_counts(self) -> dict[str, int]:
        """Table -> rows that leave; every table that was looked at is there."""
        return {one.schema.name: one.leaving.total() for one in self._touched}

    def counts_by_customer(self, keys: Keys) -> dict[int, dict[str, int]]:
        """Customer -> table -> rows that leave; each of these customers and each table is there."""
        found = {int(key): {one.schema.name: 0 for one in self._touched} for key in keys}
        for one in self._touched:
            if one.segments:
                query = questions.counts_by_customer(self._leaving_rows(one.schema.name), self._leaving)
                for row in self._premises.engine.run(query).to_pylist():
                    found[int(row["customer"])][one.schema.name] = int(row["row_count"])
        return found

    def held(self, keys: Keys) -> Keys:
        """Those of these customers who have rows among those that leave."""
        found = [np.empty(0, np.uint64)]
        for one in self._touched:
            if one.segments and any(name == "customer" for name, _ in one.schema.stored_columns()):
                rows = self._leaving_rows(one.schema.name)
                query = questions.held_customers(rows, self._leaving, pa.table({"customer": keys}))
                found.append(_numbers(self._premises.engine.run(query), "customer"))
        return np.unique(np.concatenate(found))

    def carry_out(
        self, forgotten: Keys, allowed: Callable[[], None], write_down: Callable[[Removed], None], progress: Progress
    ) -> Removed:
        """Takes the rows out. `forgotten`: customers whose names go in any case.

        `allowed` raises where it may not be after all; it and `write_down` are part of the one transaction.
        """
        premises = self._premises
        with Replacements(premises.folder, premises.catalog) as new:
            self._rewrite(new, progress)
            added = new.publish_segments()
            staying = _Staying(premises, {s.path for one in self._touched for s in one.segments}, added)
            days, counts = self._days(staying)
            progress("looking for names without rows", 0, None)
            unseen = self._unseen_principals(staying)
            names = self._write_dictionaries(new, staying, forgotten, unseen)
            dictionaries = new.publish_dictionaries()
            removed = Removed(self.row_counts(), names)
            with premises.catalog.writing():
                allowed()
                gone = [s.path for one in self._touched for s in one.segments]
                premises.catalog.replace_segments(gone, added)
                for old, kept in dictionaries:
                    premises.catalog.replace_dictionary(old, kept)
                self._write_counts(days, counts, unseen)
                write_down(removed)
        return removed

    # --- finding --------------------------------------------------------------------------------------

    def _find(self, schema: TableSchema) -> Touched:
        touched = Touched(schema)
        segments = self._premises.catalog.segments(schema.name)
        for alike in by_layout(segments, schema):
            split = schema.splits_times and alike[0].layout == LAYOUT
            paths = {str(self._premises.folder / s.path): s for s in alike}
            query = questions.where_they_are(list(paths), self._leaving, split=split)
            for row in self._premises.engine.run(query).to_pylist():
                segment = paths[str(row["path"])]
                touched.leaving[segment.path] += int(row["row_count"])
                touched.by_source[int(row["source"])] += int(row["row_count"])
        touched.segments = [s for s in segments if touched.leaving[s.path]]
        return touched

    def _leaving_rows(self, table: str) -> Rows:
        segments = [s for one in self._touched if one.schema.name == table for s in one.segments]
        rows = self._premises.rows(table, segments)
        return questions.leaving_rows(rows, self._leaving) if segments else rows

    # --- rewriting ------------------------------------------------------------------------------------

    def _rewrite(self, new: Replacements, progress: Progress) -> None:
        total = sum(s.row_count for one in self._touched for s in one.segments)
        done = 0
        for one in self._touched:
            for segment in one.segments:
                progress("rewriting segments", done, total)
                self._premises.demand_whole(segment)
                expected = segment.row_count - one.leaving[segment.path]
                batches = self._staying_batches(segment) if expected else iter(())
                written = new.write_segment(one.schema, segment.month, batches)
                if written != expected:
                    raise LedgerError(
                        f"Rewriting {segment.path} gave {written} rows instead of {expected}.",
                        "Nothing was changed. Run: leaktrace ledger verify.",
                    )
                done += segment.row_count
        progress("rewriting segments", done, total)

    def _staying_batches(self, segment: StoredFile) -> Iterator[pa.RecordBatch]:
        """In the order they stand in."""
        with pq.ParquetFile(self._premises.folder / segment.path) as parquet:
            untyped: Any = parquet
            for batch in untyped.iter_batches(batch_size=ROW_GROUP_ROWS):
                rows = with_times(batch)
                yield rows.filter(pa.array(self._leaving.stays(rows)))

    # --- what was derived -----------------------------------------------------------------------------

    def _days(self, staying: _Staying) -> tuple[pa.Table, pa.Table]:
        """(source, tool, fields, day) that change, and what stays of them."""
        engine = self._premises.engine
        days = engine.run(questions.days_of(self._leaving_rows("accesses"), self._leaving))
        months = {s.month for one in self._touched if one.schema.name == "accesses" for s in one.segments}
        return days, engine.run(questions.counts_again(staying.rows("accesses", months), days))

    def _unseen_principals(self, staying: _Staying) -> Keys:
        """Principals of rows that leave who are seen in none that stays."""
        return self._without_rows(staying, _SEEN_COLUMNS, _SEEN_COLUMNS, "principal")

    def _without_rows(
        self, staying: _Staying, left: Sequence[tuple[str, str]], stayed: Sequence[tuple[str, str]], name: str
    ) -> Keys:
        names = {one.schema.name for one in self._touched if one.segments}
        sources = [(self._leaving_rows(table), column) for table, column in left if table in names]
        numbers = _numbers(self._premises.engine.run(questions.numbers_of(sources, self._leaving, name)), name)
        return staying.without_rows(numbers, stayed, name)

    def _write_dictionaries(self, new: Replacements, staying: _Staying, forgotten: Keys, unseen: Keys) -> int:
        customers = np.union1d(forgotten, self._without_rows(staying, _CUSTOMER_COLUMNS, _CUSTOMER_COLUMNS, "customer"))
        principals = staying.without_rows(unseen, _PRINCIPAL_COLUMNS, "principal")
        unwanted: tuple[tuple[NameKind, Keys], ...] = (("customer", customers), ("principal", principals))
        count = 0
        for kind, keys in unwanted:
            for file in self._premises.catalog.dictionaries() if len(keys) else ():
                if file.table == kind and self._has_any(file, kind, keys):
                    self._premises.demand_whole(file)
                    count += new.write_dictionary(file.path, kind, keys, self._premises.keyring)
        return count

    def _has_any(self, file: StoredFile, kind: NameKind, keys: Keys) -> bool:
        path = self._premises.folder / file.path
        here, _ = Dictionary(path, kind, path.stem).find(keys)
        return bool(here.any())

    def _write_counts(self, days: pa.Table, counts: pa.Table, unseen: Keys) -> None:
        catalog = self._premises.catalog
        with catalog.writing() as connection:
            for one in self._touched:
                connection.executemany(
                    "UPDATE sources SET gone_count = gone_count + ? WHERE id = ?",
                    [(count, source) for source, count in one.by_source.items()],
                )
            connection.executemany(
                "DELETE FROM day_counts WHERE source = :source AND tool IS :tool AND fields = :fields AND day = :day",
                days.to_pylist(),
            )
            for row in counts.to_pylist():
                source = int(row.pop("source"))
                catalog.add_day_counts([DayCount(**row)], source)
            signed = unseen.view(np.int64).tolist()  # SQLite has signed numbers only
            connection.executemany("DELETE FROM seen_principals WHERE key = ?", [(key,) for key in signed])


class _Staying:
    """The rows that are there once the new segments count."""

    def __init__(self, premises: Premises, gone: set[str], added: Sequence[StoredFile]) -> None:
        self._premises, self._gone, self._added = premises, gone, added

    def rows(self, table: str, months: set[int | None] | None = None) -> Rows:
        """A table's rows, of these months only where they are said."""
        there = [s for s in self._premises.catalog.segments(table) if s.path not in self._gone]
        there += [s for s in self._added if s.table == table]
        return self._premises.rows(table, [s for s in there if months is None or s.month in months])

    def without_rows(self, numbers: Keys, columns: Sequence[tuple[str, str]], name: str) -> Keys:
        """Those of these numbers that stand in none of these (table, column)."""
        if not len(numbers):
            return numbers
        rows = [(self.rows(table), column) for table, column in columns]
        query = questions.without_rows(pa.table({name: numbers}), rows, name)
        return _numbers(self._premises.engine.run(query), name)


def by_layout(segments: Sequence[StoredFile], schema: TableSchema) -> list[list[StoredFile]]:
    """Segments whose files have the same columns together."""
    split = [s for s in segments if schema.splits_times and s.layout == LAYOUT]
    plain = [s for s in segments if s not in split]
    return [alike for alike in (split, plain) if alike]


def _numbers(answer: pa.Table, name: str) -> Keys:
    return np.asarray(answer.column(name).to_numpy(), dtype=np.uint64)


def allow_by(book: Book) -> Callable[[], None]:
    """Raises LedgerError where a hold was placed or ended since now."""
    before = book.holds()

    def check() -> None:
        if book.holds() != before:
            raise LedgerError(
                "The legal holds changed while rows were being taken out.", "Nothing was changed; run this again."
            )

    return check
