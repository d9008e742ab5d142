"""The ledger: an immutable Parquet lake, committed in SQLite, ingested by DuckDB and asked by it or another engine."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger import queries
from leaktrace.ledger.accessrows import access_rows
from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import DayCount, StoredFile
from leaktrace.ledger.cells import words_apart
from leaktrace.ledger.channels import channel_uses
from leaktrace.ledger.controls import draw_controls
from leaktrace.ledger.coverage import BulkCount, LogFacts, judge
from leaktrace.ledger.dictionary import Dictionary, NameKind, names_of
from leaktrace.ledger.durable import make_folder, only_writer
from leaktrace.ledger.engine import Answers, Engine
from leaktrace.ledger.engines import OpenAnswers
from leaktrace.ledger.follow import FollowAsked, StreamAsked, follow
from leaktrace.ledger.formats import AskedFormat
from leaktrace.ledger.indexing import OpenedPostings, merge_small
from leaktrace.ledger.ingest import NAME_KINDS, Stores
from leaktrace.ledger.intake import take_files
from leaktrace.ledger.integrity import check_segment
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.lake import LAYOUT
from leaktrace.ledger.postings import PostingIndex
from leaktrace.ledger.queries import Rows, Span
from leaktrace.ledger.readers import Readers, question
from leaktrace.ledger.repair import FOLDERS, remove_leftovers, remove_replaced
from leaktrace.ledger.room import Room
from leaktrace.ledger.schema import SELLER_MARKS, STORED, ingested_table
from leaktrace.ledger.times import DAY_MICROSECONDS, instant, instant_at, microseconds, month_of, span_of
from leaktrace.ledger.upkeep import Upkeep
from leaktrace.ledger.upkeep.book import Book
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.withholding import withholding_of
from leaktrace.records import (
    AccessOrigin,
    AccessRows,
    ChannelUses,
    CustomerKey,
    CustomerTable,
    Exposures,
    IngestReport,
    Keys,
    LedgerStats,
    LogCoverage,
    PrincipalFacts,
    PrincipalKey,
    SellerFacts,
    Totals,
    Window,
)
from leaktrace.settings import Settings

DATABASE = "ledger.db"
LOCK = "ingest.lock"
READERS = "readers.lock"
JSON_MEMORY_MEGABYTES = 512
"""JSON is taken apart a few megabytes at a time."""


class DuckLedger:
    """Implements `Ledger`. Not to be shared between threads; any number of processes may read at once."""

    def __init__(
        self,
        folder: Path,
        keyring: Keyring,
        settings: Settings,
        answers: OpenAnswers | None = None,
    ) -> None:
        self._folder, self._keyring, self._settings = folder, keyring, settings
        self._uses_index = answers is None
        for name in FOLDERS:
            make_folder(folder / name)
        self._catalog = Catalog(folder / DATABASE)
        self._readers = Readers(folder / READERS, self._catalog)
        self._removed: tuple[str, ...] = ()
        with only_writer(folder / LOCK, needed=False) as alone:
            if alone:
                self._removed = remove_leftovers(folder, self._catalog, self._readers)
        self._engine = Engine(folder, settings.ingest_memory_megabytes)
        self._answers: Answers = self._engine if answers is None else answers(folder, settings)
        self._json_engine: Engine | None = None
        self._opened: dict[str, Dictionary] = {}
        self._room = Room()
        self._postings = OpenedPostings(folder, self._catalog)
        self._whole: set[str] = set()

    @classmethod
    def open(
        cls,
        folder: Path,
        keyring: Keyring,
        settings: Settings,
        answers: OpenAnswers | None = None,
    ) -> Self:
        """The ledger in a folder, made where there is none; takes away what a kill has left.

        `answers`: opens what answers questions; null: the index, and where it has no answer the DuckDB that also
        ingests.
        """
        return cls(folder.absolute(), keyring, settings, answers)

    def close(self) -> None:
        """Lets go of files and memory."""
        self._opened.clear()
        self._postings.forget()
        self._answers.close()
        self._engine.close()
        if self._json_engine is not None:
            self._json_engine.close()
        self._readers.close()
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- rows and names -------------------------------------------------------------------------------

    def _rows(self, table: str, span: Span | None = None) -> Rows:
        """A table's rows, of the months that the span touches; of one id only the last."""
        months = (None, None) if span is None else (month_of(span.start), month_of(span.end))
        segments = self._checked(self._catalog.segments(table, *months))
        splits = STORED[table].splits_times
        new = [str(self._folder / s.path) for s in segments if s.layout == LAYOUT or not splits]
        old = [str(self._folder / s.path) for s in segments if s.layout != LAYOUT and splits]
        overlapping = self._catalog.overlapping(table)
        return queries.last_rows_of(table, new, overlapping=overlapping, old_segments=old)

    def _index(self, span: Span | None = None) -> PostingIndex | None:
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

    def _dictionaries(self, kind: NameKind) -> tuple[Dictionary, ...]:
        paths = self._catalog.dictionary_paths(kind)
        for old in [path for path, one in self._opened.items() if one.kind == kind and path not in paths]:
            del self._opened[old]  # it gave way to one with fewer names; unmapped, its room on disk is free
        for path in paths:
            if path not in self._opened:
                self._opened[path] = Dictionary(self._folder / path, kind, Path(path).stem)
        return tuple(self._opened[path] for path in paths)

    def _names(self, kind: NameKind, keys: Keys) -> list[str]:
        names = names_of(keys, self._dictionaries(kind), self._keyring)
        if None in names and kind == "customer" and np.isin(keys, Book(self._catalog).forgotten()).any():
            raise LedgerError(
                f"A customer asked for was forgotten in {self._folder}: there is no name any more.",
                "Ask again without customers who were forgotten (leaktrace ledger acts).",
            )
        if None in names:
            raise LedgerError(
                f"{names.count(None)} of {len(keys)} {kind}s asked for are not in the dictionary of {self._folder}.",
                f"Ask for {kind}s that were ingested into this workspace; if they were, a file of the dictionary is"
                " damaged: restore it from your backup.",
            )
        return [name for name in names if name is not None]

    def _engine_for_json(self) -> Engine:
        """Made when it is first needed; what it sees holds names, so it never spills."""
        if self._json_engine is None:
            memory_megabytes = min(JSON_MEMORY_MEGABYTES, self._settings.ingest_memory_megabytes)
            self._json_engine = Engine(self._folder, memory_megabytes, may_spill=False)
        return self._json_engine

    # --- ingest ---------------------------------------------------------------------------------------

    def ingest(
        self,
        table: str,
        files: Sequence[Path],
        *,
        file_format: str | None = None,
        options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Reads files into a table (DESIGN 4.1). Bad rows are kept aside; a bad file raises after the others are in."""
        schema = ingested_table(table)
        with only_writer(self._folder / LOCK, needed=True):
            remove_leftovers(self._folder, self._catalog, self._readers)
            asked = AskedFormat(file_format, options or {})
            return take_files(self._stores, schema, files, asked, progress or _no_progress)

    def follow(
        self,
        table: str,
        source: Path | StreamAsked,
        *,
        file_format: str | None = None,
        options: Mapping[str, str] | None = None,
        pace: Pace | None = None,
        around: Around | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Takes the lines of a growing file or a stream, each once, batch after batch, until a stop is asked for.

        A bad file raises; what was committed before stays, and the next call goes on from there.
        """
        schema, asked = ingested_table(table), AskedFormat(file_format, options or {})
        with only_writer(self._folder / LOCK, needed=False) as alone:
            if alone:
                remove_leftovers(self._folder, self._catalog, self._readers)
        return follow(
            FollowAsked(schema, source, asked, pace or Pace()),
            self._stores,
            lambda: only_writer(self._folder / LOCK, needed=False),
            around or Around(),
            progress or _no_progress,
        )

    def _stores(self) -> Stores:
        dictionaries = {kind: self._dictionaries(kind) for kind in NAME_KINDS}
        return Stores(
            self._folder,
            self._catalog,
            self._engine,
            self._engine_for_json,
            self._keyring,
            self._settings,
            self._tidy,
            dictionaries,
            withholding_of(Book(self._catalog)),
            self._room,
        )

    def _tidy(self) -> None:
        """Keeps the files of the index few; only for whoever holds the writer's lock."""
        if merge_small(self._folder, self._catalog):
            remove_replaced(self._folder, self._catalog, self._readers)

    def reindex(self, progress: Progress | None = None) -> int:
        """Builds the index anew from the lake; how many accesses it holds."""
        return self.upkeep().reindex(progress)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Inside, every question is answered out of the same committed state, whatever others commit meanwhile."""
        with self._readers.reading():
            yield

    # --- accesses -------------------------------------------------------------------------------------

    @question
    def exposures(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> Exposures:
        """Who had been shown `field` of these customers in `[cutoff - window_days, cutoff)`, and when first."""
        table, span = _cutoff_table(cutoffs, window_days)
        if (index := self._index(span)) is not None:
            return _exposures(index.exposures(*_stretches(table), field))
        return _exposures(self._answers.run(queries.exposures(self._rows("accesses", span), table, field)))

    @question
    def channels(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> ChannelUses:
        """By which tools and types of ticket `field` of these customers had been shown in the same time.

        A channel that one principal alone accounts for is that principal and is left out.
        """
        table, span = _cutoff_table(cutoffs, window_days)
        if (index := self._index(span)) is not None:
            return channel_uses(index.channels(*_stretches(table), field))
        return channel_uses(self._answers.run(queries.channels(self._rows("accesses", span), table, field)))

    @question
    def opened_by(
        self,
        principals: Sequence[PrincipalKey],
        field: str,
        window: Window,
        *,
        limit: int | None = None,
        seed: int = 0,
    ) -> Exposures:
        """Which customers' `field` these principals were shown in the window, and when first.

        `limit`: at most so many customers a principal, a random sample that is the same for the same seed.
        """
        span = span_of(window)
        wanted = pa.table({"principal": np.unique(_keys(principals))})
        order = queries.salt(seed, "opened by")
        if (index := self._index(span)) is not None:
            keys = np.unique(_keys(principals))
            return _exposures(index.opened_by(keys, field, span.start, span.end, limit, order))
        query = queries.opened_by(self._rows("accesses", span), wanted, field, span, limit, order)
        return _exposures(self._answers.run(query))

    @question
    def accesses_of(self, principals: Sequence[PrincipalKey], window: Window) -> AccessRows:
        """Every access of these principals in the window. Of people, not of everybody: it comes whole into memory."""
        span, keys = span_of(window), np.unique(_keys(principals))
        if (index := self._index(span)) is not None:
            return index.accesses_of(keys, span.start, span.end)
        wanted = pa.table({"principal": keys})
        return access_rows(self._answers.run(queries.accesses_of(self._rows("accesses", span), wanted, span)))

    @question
    def access_origins(
        self, principals: Sequence[PrincipalKey], customers: Sequence[CustomerKey], window: Window
    ) -> tuple[AccessOrigin, ...]:
        """Accesses of these principals to these customers, by time, each with its log file and row.

        Out of the lake, whatever the engine: the index knows no rows. Cost follows the months of the window.
        """
        span = span_of(window)
        wanted = pa.table({"principal": np.unique(_keys(principals))})
        asked = pa.table({"customer": np.unique(_keys(customers))})
        rows = self._answers.run(queries.access_origins(self._rows("accesses", span), wanted, asked, span))
        digests = {source.source: source.sha256 for source in self._catalog.sources()}
        return tuple(
            AccessOrigin(
                int(row["principal"]), int(row["customer"]), instant_at(int(row["at"])),
                tuple(field for field in str(row["fields"]).split(";") if field),
                str(row["tool"]) or None, str(row["reason"]) or None,
                digests[int(row["source"])], int(row["source_row"]),
            )
            for row in rows.to_pylist()
        )  # fmt: skip

    @question
    def fields_shown(self, principals: Sequence[PrincipalKey], window: Window) -> dict[str, int]:
        """Field -> distinct customers for whom any of these principals was shown it in the window."""
        span = span_of(window)
        wanted = pa.table({"principal": np.unique(_keys(principals))})
        if (index := self._index(span)) is not None:
            answer = index.fields_shown(np.unique(_keys(principals)), span.start, span.end)
        else:
            answer = self._answers.run(queries.fields_shown(self._rows("accesses", span), wanted, span))
        return {str(row["field"]): int(row["customer_count"]) for row in answer.to_pylist()}

    @question
    def totals(self, field: str, window: Window) -> Totals:
        """Distinct customers per principal, counted exactly, and how many customers there are."""
        span = span_of(window)
        if (index := self._index(span)) is not None:
            counts = index.opened_counts(field, span.start, span.end)
        else:
            counts = self._answers.run(queries.opened_counts(self._rows("accesses", span), field, span))
        return Totals(
            principal=_column(counts, "principal", np.uint64),
            opened_count=_column(counts, "opened_count", np.int64),
            customer_count=self._customer_count(),
            contacts_count=self._catalog.row_count("contacts"),
        )

    def _customer_count(self) -> int:
        """How many customers there are in any table; counted once for each state of the ledger."""
        snapshot = self.snapshot()
        known = self._catalog.customer_count(snapshot)
        if known is None:
            tables = (self._rows("customers"), self._rows("accesses"), self._rows("contacts"))
            known = int(self._answers.run(queries.customer_count(*tables)).column("customer_count")[0].as_py())
            self._catalog.keep_customer_count(snapshot, known)
        return known

    def _keys_between(self, first: int, last: int) -> Keys:
        """All customers whose number lies between these, both included; ascending, each once."""
        index, found = self._index(), list[Keys]()
        for table in ("customers", "contacts") if index is not None else ("customers", "contacts", "accesses"):
            query = queries.keys_between(self._rows(table), first, last)
            found.append(_column(self._answers.run(query), "customer", np.uint64))
        if index is not None:
            found.append(index.keys_between(first, last))
        keys: Keys = np.unique(np.concatenate(found))
        return keys

    @question
    def draw_controls(self, count: int, *, seed: int, near: Keys, exclude: Keys) -> Keys:
        """Customers to compare with: sorted keys, half of them drawn from all customers alike, half from the regions
        (else jurisdictions) that `near` live in, in their proportions. The same seed and ledger give the same draw.
        """
        return draw_controls(
            self._answers.run,
            self._rows("customers"),
            self._keys_between,
            self._customer_count(),
            count,
            seed,
            near,
            exclude,
        )

    # --- customers and others -------------------------------------------------------------------------

    @question
    def customers(self, keys: Keys) -> CustomerTable:
        """Attributes of these customers, in the order asked."""
        wanted = pa.table({"position": np.arange(len(keys), dtype=np.int64), "customer": _keys(keys)})
        answer = self._answers.run(queries.customer_rows(self._rows("customers"), wanted))
        return CustomerTable(
            key=_column(answer, "customer", np.uint64),
            region=_texts(answer, "region"),
            jurisdiction=_texts(answer, "jurisdiction"),
            segment=_texts(answer, "segment"),
            locale=_texts(answer, "locale"),
            in_table=_column(answer, "in_table", np.bool_),
        )

    @question
    def principals(self, keys: Keys | None = None) -> tuple[PrincipalFacts, ...]:
        """Facts of these principals in the order asked; None: of all there are, in the table or in accesses."""
        rows = {
            int(r["principal"]): r for r in self._answers.run(queries.principals(self._rows("principals"))).to_pylist()
        }
        wanted = sorted({*rows, *self._catalog.seen_principals()}) if keys is None else [int(key) for key in keys]
        chiefs = sorted({int(r["reports_to"]) for r in rows.values() if r["reports_to"] is not None})
        chief_names = dict(zip(chiefs, self._names("principal", _keys(chiefs)), strict=True))
        names = self._names("principal", _keys(wanted))
        return tuple(_principal(key, name, rows.get(key), chief_names) for key, name in zip(wanted, names, strict=True))

    @question
    def sellers(self) -> tuple[SellerFacts, ...]:
        """The sellers table, sorted by id."""
        return tuple(
            _seller(r["seller"], r["name"], words_apart(r["domains"], SELLER_MARKS), r["status"])
            for r in self._answers.run(queries.sellers(self._rows("sellers"))).to_pylist()
        )

    @question
    def contacts(self, keys: Keys, seller: str, before: datetime) -> Keys:
        """Those of these customers (sorted) with a contact with the seller before the instant."""
        wanted = pa.table({"customer": _keys(keys)})
        query = queries.contacts(self._rows("contacts"), wanted, seller, microseconds(before))
        found: Keys = _column(self._answers.run(query), "customer", np.uint64)
        return found

    @question
    def known_elsewhere(self, keys: Keys, field: str, before: datetime) -> Keys:
        """Those of these customers (sorted) whose field somebody may know without us since before the instant."""
        wanted = pa.table({"customer": _keys(keys)})
        query = queries.known_elsewhere(self._rows("known_elsewhere"), wanted, field, microseconds(before))
        found: Keys = _column(self._answers.run(query), "customer", np.uint64)
        return found

    @question
    def customers_by_address(self, hashes: Sequence[bytes]) -> dict[bytes, CustomerKey]:
        """Keyed address hash (exact or folded) -> the one customer that has it; ambiguous ones are left out.

        A customer who has the very address goes before those whose address only folds to it.
        """
        wanted = pa.table({"hash": pa.array(sorted(set(hashes)), pa.binary())})
        holders: dict[bytes, dict[bool, set[int]]] = defaultdict(lambda: {True: set(), False: set()})
        for row in self._answers.run(queries.by_address(self._rows("customers"), wanted)).to_pylist():
            holders[row["hash"]][row["exact"]].add(int(row["customer"]))
        chosen = {address: found[True] or found[False] for address, found in holders.items()}
        return {address: next(iter(found)) for address, found in chosen.items() if len(found) == 1}

    @question
    def customer_names(self, keys: Keys) -> tuple[str, ...]:
        """Ids as ingested, in the order asked; LedgerError for a key the dictionary does not have."""
        return tuple(self._names("customer", _keys(keys)))

    # --- the ledger itself ----------------------------------------------------------------------------

    @question
    def coverage(self, field: str, window: Window) -> LogCoverage:
        """What the log can and cannot show for the window."""
        span = span_of(window)
        bulk = self._answers.run(queries.bulk_counts(self._rows("bulk_reads"), span)).to_pylist()
        readers = dict(zip(
            sorted({int(r["principal"]) for r in bulk}),
            self._names("principal", _keys(sorted({int(r["principal"]) for r in bulk}))),
            strict=True,
        ))  # fmt: skip
        bulk_counts = tuple(
            BulkCount(
                r["tool"], readers[int(r["principal"])], tuple((r["fields"] or "").split(";")) if r["fields"] else (),
                r["row_count"], r["first_at"], r["last_at"],
            )
            for r in bulk
        )  # fmt: skip
        facts = LogFacts(self._day_counts(span), bulk_counts, self._catalog.clock_steps(), self._unknown_principals())
        return judge(facts, field, window, self._settings)

    def _day_counts(self, span: Span) -> tuple[DayCount, ...]:
        """Counts by day; a day that the window cuts is counted anew from the rows."""
        inside, cut = list[DayCount](), set[int]()
        for count in self._catalog.day_counts():
            if count.last_at < span.start or count.first_at >= span.end:
                continue
            if count.first_at >= span.start and count.last_at < span.end:
                inside.append(count)
            else:
                cut.add(count.day)
        for day in sorted(cut):
            start, end = day * DAY_MICROSECONDS, (day + 1) * DAY_MICROSECONDS
            part = Span(max(start, span.start), min(end, span.end))
            inside = [count for count in inside if count.day != day]
            rows = self._answers.run(queries.counts_between(self._rows("accesses", part), part))
            inside.extend(DayCount(**row) for row in rows.to_pylist())
        return tuple(inside)

    def _unknown_principals(self) -> tuple[str, ...]:
        if not self._catalog.row_count("principals"):
            return ()
        listed = _column(self._answers.run(queries.principals(self._rows("principals"))), "principal", np.uint64)
        seen = _keys(self._catalog.seen_principals())
        return tuple(self._names("principal", np.setdiff1d(seen, listed)))

    @question
    def snapshot(self) -> str:
        """A digest of all that is committed: equal snapshots answer alike.

        Merging segments does not change it; forgetting customers and letting months go do. The order of ingest does not
        count, but where a source replaced rows of another one of its table: there the
        order decides what is answered, so it is in the digest.
        """
        tables: dict[str, dict[str, Any]] = {}
        for source in self._catalog.sources():
            table = tables.setdefault(source.table, {"sources": [], "ordered": False})
            table["sources"].append(source.sha256)
            table["ordered"] |= source.overlaps
        for table in tables.values():
            table["sources"] = table["sources"] if table["ordered"] else sorted(table["sources"])
        book = Book(self._catalog)
        floors, forgotten = book.floors(), book.forgotten().tolist()
        # Rows depend on these, whether they came before or after; where segments begin and end does not count.
        left = {"floors": floors, "forgotten": forgotten} if floors or forgotten else {}
        return hashlib.sha256(json.dumps({**tables, **left}, sort_keys=True).encode()).hexdigest()

    def upkeep(self) -> Upkeep:
        """What checks, merges and erases."""
        return Upkeep(
            Premises(
                self._folder,
                self._catalog,
                self._engine,
                self._keyring,
                self._settings,
                self._readers,
                self._folder / LOCK,
                self._removed,
            )
        )

    def fields_seen(self) -> tuple[str, ...]:
        """Every field that any access showed, and `*` where one showed all there were; by name."""
        return tuple(sorted({one for count in self._catalog.day_counts() for one in count.fields.split(";") if one}))

    @question
    def stats(self) -> LedgerStats:
        """How much there is; the index is the postings, the dictionaries and the catalogue."""
        sums = self._catalog.sums()
        if (index := self._index()) is not None:
            customer_count = index.customers_seen()
        else:
            counted = self._answers.run(queries.seen_customer_count(self._rows("accesses")))
            customer_count = int(counted.column("customer_count")[0].as_py())
        return LedgerStats(
            access_count=self._catalog.row_count("accesses"),
            customer_count=customer_count,
            principal_count=len(self._catalog.seen_principals()),
            segment_count=sums["segment_count"],
            rejected_count=sums["rejected_count"],
            lake_bytes=sums["lake_bytes"],
            index_bytes=sums["posting_bytes"] + sums["dictionary_bytes"] + (self._folder / DATABASE).stat().st_size,
        )


def _no_progress(_what: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""


def _keys(keys: Any) -> Keys:
    return np.fromiter((int(key) for key in keys), dtype=np.uint64)


def _column(table: pa.Table, name: str, dtype: Any) -> Any:
    return np.asarray(table.column(name).to_numpy(), dtype=dtype)


def _texts(table: pa.Table, name: str) -> tuple[str, ...]:
    return tuple(str(text) for text in table.column(name).to_pylist())


def _cutoff_table(cutoffs: Mapping[CustomerKey, datetime], window_days: int) -> tuple[pa.Table, Span]:
    """Each customer's stretch of time, and the one that holds them all."""
    ends = {at: microseconds(at) for at in set(cutoffs.values())}  # controls have one between them
    until = np.array([ends[at] for at in cutoffs.values()], dtype=np.int64)
    since = until - window_days * DAY_MICROSECONDS
    table = pa.table({"customer": _keys(cutoffs), "since_at": since, "cutoff_at": until})
    return table, Span(int(since.min()), int(until.max())) if len(until) else Span(0, 0)


def _stretches(table: pa.Table) -> tuple[Keys, Any, Any]:
    """Customers and the stretch of time of each."""
    return (
        _column(table, "customer", np.uint64),
        _column(table, "since_at", np.int64),
        _column(table, "cutoff_at", np.int64),
    )


def _exposures(table: pa.Table) -> Exposures:
    return Exposures(
        principal=_column(table, "principal", np.uint64),
        customer=_column(table, "customer", np.uint64),
        first_shown_at=_column(table, "first_shown_at", np.int64),
    )


def _seller(seller: str, name: str, words: Mapping[str, tuple[str, ...]], status: str | None) -> SellerFacts:
    return SellerFacts(
        seller, name, words[""], status, words["links"], words["products"], words["brands"], words["reply_addresses"]
    )


def _principal(key: int, name: str, row: dict[str, Any] | None, chief_names: Mapping[int, str]) -> PrincipalFacts:
    if row is None:
        return PrincipalFacts(key=key, name=name)
    return PrincipalFacts(
        key=key,
        name=name,
        team=row["team"],
        site=row["site"],
        kind=row["kind"],
        reports_to=None if row["reports_to"] is None else chief_names[int(row["reports_to"])],
        active_from=instant(row["active_from"]),
        active_to=instant(row["active_to"]),
        in_table=True,
    )
