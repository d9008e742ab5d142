"""The ledger on one machine: DuckDB over an immutable Parquet lake, committed in SQLite."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger import queries
from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.catalog import Catalog, DayCount
from leaktrace.ledger.channels import channel_uses
from leaktrace.ledger.controls import draw_controls
from leaktrace.ledger.coverage import BulkCount, LogFacts, judge
from leaktrace.ledger.dictionary import Dictionary, NameKind, names_of
from leaktrace.ledger.durable import make_folder, only_writer
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.follow import FollowAsked, StreamAsked, follow
from leaktrace.ledger.formats import AskedFormat
from leaktrace.ledger.ingest import NAME_KINDS, Stores
from leaktrace.ledger.intake import take_files
from leaktrace.ledger.integrity import check_segment
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.queries import Rows, Span
from leaktrace.ledger.repair import FOLDERS, remove_leftovers
from leaktrace.ledger.schema import ingested_table
from leaktrace.ledger.times import DAY_MICROSECONDS, instant, microseconds, month_of, span_of
from leaktrace.records import (
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
JSON_MEMORY_MEGABYTES = 512
"""JSON is taken apart a few megabytes at a time."""


class DuckLedger:
    """Implements `Ledger`. Not to be shared between threads; any number of processes may read at once."""

    def __init__(self, folder: Path, keyring: Keyring, settings: Settings) -> None:
        self._folder, self._keyring, self._settings = folder, keyring, settings
        for name in FOLDERS:
            make_folder(folder / name)
        self._catalog = Catalog(folder / DATABASE)
        with only_writer(folder / LOCK, needed=False) as alone:
            if alone:
                remove_leftovers(folder, self._catalog)
        self._engine = Engine(folder, settings.ingest_memory_megabytes)
        self._json_engine: Engine | None = None
        self._opened: dict[str, Dictionary] = {}
        self._whole: set[str] = set()

    @classmethod
    def open(cls, folder: Path, keyring: Keyring, settings: Settings) -> Self:
        """The ledger in a folder, made where there is none; takes away what a kill has left."""
        return cls(folder.absolute(), keyring, settings)

    def close(self) -> None:
        """Lets go of files and memory."""
        self._opened.clear()
        self._engine.close()
        if self._json_engine is not None:
            self._json_engine.close()
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
        segments = self._catalog.segments(table, *months)
        for segment in segments:
            if segment.path not in self._whole:
                check_segment(self._folder, segment, self._catalog)
                self._whole.add(segment.path)
        paths = [str(self._folder / segment.path) for segment in segments]
        return queries.last_rows_of(table, paths, overlapping=self._catalog.overlapping(table))

    def _dictionaries(self, kind: NameKind) -> tuple[Dictionary, ...]:
        paths = self._catalog.dictionary_paths(kind)
        for path in paths:
            if path not in self._opened:
                self._opened[path] = Dictionary(self._folder / path, kind, Path(path).stem)
        return tuple(self._opened[path] for path in paths)

    def _names(self, kind: NameKind, keys: Keys) -> list[str]:
        names = names_of(keys, self._dictionaries(kind), self._keyring)
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
            remove_leftovers(self._folder, self._catalog)
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
                remove_leftovers(self._folder, self._catalog)
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
            dictionaries,
        )

    # --- accesses -------------------------------------------------------------------------------------

    def exposures(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> Exposures:
        """Who had been shown `field` of these customers in `[cutoff - window_days, cutoff)`, and when first."""
        table, span = _cutoff_table(cutoffs, window_days)
        return _exposures(self._engine.run(queries.exposures(self._rows("accesses", span), table, field)))

    def channels(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> ChannelUses:
        """By which tools and types of ticket `field` of these customers had been shown in the same time.

        A channel that one principal alone accounts for is that principal and is left out.
        """
        table, span = _cutoff_table(cutoffs, window_days)
        return channel_uses(self._engine.run(queries.channels(self._rows("accesses", span), table, field)))

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
        query = queries.opened_by(self._rows("accesses", span), wanted, field, span, limit, order)
        return _exposures(self._engine.run(query))

    def fields_shown(self, principals: Sequence[PrincipalKey], window: Window) -> dict[str, int]:
        """Field -> distinct customers for whom any of these principals was shown it in the window."""
        span = span_of(window)
        wanted = pa.table({"principal": np.unique(_keys(principals))})
        answer = self._engine.run(queries.fields_shown(self._rows("accesses", span), wanted, span))
        return {str(row["field"]): int(row["customer_count"]) for row in answer.to_pylist()}

    def totals(self, field: str, window: Window) -> Totals:
        """Distinct customers per principal, counted exactly, and how many customers there are."""
        span = span_of(window)
        counts = self._engine.run(queries.opened_counts(self._rows("accesses", span), field, span))
        everybody = self._engine.run(
            queries.customer_count(self._rows("customers"), self._rows("accesses"), self._rows("contacts"))
        )
        return Totals(
            principal=_column(counts, "principal", np.uint64),
            opened_count=_column(counts, "opened_count", np.int64),
            customer_count=int(everybody.column("customer_count")[0].as_py()),
            contacts_count=self._catalog.row_count("contacts"),
        )

    def draw_controls(self, count: int, *, seed: int, near: Keys, exclude: Keys) -> Keys:
        """Customers to compare with: sorted keys, half of them drawn from all customers alike, half from the regions
        (else jurisdictions) that `near` live in, in their proportions. The same seed and ledger give the same draw.
        """
        tables = (self._rows("customers"), self._rows("accesses"), self._rows("contacts"))
        return draw_controls(self._engine.run, tables, count, seed, near, exclude)

    # --- customers and others -------------------------------------------------------------------------

    def customers(self, keys: Keys) -> CustomerTable:
        """Attributes of these customers, in the order asked."""
        wanted = pa.table({"position": np.arange(len(keys), dtype=np.int64), "customer": _keys(keys)})
        answer = self._engine.run(queries.customer_rows(self._rows("customers"), wanted))
        return CustomerTable(
            key=_column(answer, "customer", np.uint64),
            region=_texts(answer, "region"),
            jurisdiction=_texts(answer, "jurisdiction"),
            segment=_texts(answer, "segment"),
            locale=_texts(answer, "locale"),
            in_table=_column(answer, "in_table", np.bool_),
        )

    def principals(self, keys: Keys | None = None) -> tuple[PrincipalFacts, ...]:
        """Facts of these principals in the order asked; None: of all there are, in the table or in accesses."""
        rows = {
            int(r["principal"]): r for r in self._engine.run(queries.principals(self._rows("principals"))).to_pylist()
        }
        wanted = sorted({*rows, *self._catalog.seen_principals()}) if keys is None else [int(key) for key in keys]
        chiefs = sorted({int(r["reports_to"]) for r in rows.values() if r["reports_to"] is not None})
        chief_names = dict(zip(chiefs, self._names("principal", _keys(chiefs)), strict=True))
        names = self._names("principal", _keys(wanted))
        return tuple(_principal(key, name, rows.get(key), chief_names) for key, name in zip(wanted, names, strict=True))

    def sellers(self) -> tuple[SellerFacts, ...]:
        """The sellers table, sorted by id."""
        return tuple(
            SellerFacts(
                r["seller"], r["name"], tuple((r["domains"] or "").split(";")) if r["domains"] else (), r["status"]
            )
            for r in self._engine.run(queries.sellers(self._rows("sellers"))).to_pylist()
        )

    def contacts(self, keys: Keys, seller: str, before: datetime) -> Keys:
        """Those of these customers (sorted) with a contact with the seller before the instant."""
        wanted = pa.table({"customer": _keys(keys)})
        query = queries.contacts(self._rows("contacts"), wanted, seller, microseconds(before))
        found: Keys = _column(self._engine.run(query), "customer", np.uint64)
        return found

    def known_elsewhere(self, keys: Keys, field: str, before: datetime) -> Keys:
        """Those of these customers (sorted) whose field somebody may know without us since before the instant."""
        wanted = pa.table({"customer": _keys(keys)})
        query = queries.known_elsewhere(self._rows("known_elsewhere"), wanted, field, microseconds(before))
        found: Keys = _column(self._engine.run(query), "customer", np.uint64)
        return found

    def customers_by_address(self, hashes: Sequence[bytes]) -> dict[bytes, CustomerKey]:
        """Keyed address hash (exact or folded) -> the one customer that has it; ambiguous ones are left out.

        A customer who has the very address goes before those whose address only folds to it.
        """
        wanted = pa.table({"hash": pa.array(sorted(set(hashes)), pa.binary())})
        holders: dict[bytes, dict[bool, set[int]]] = defaultdict(lambda: {True: set(), False: set()})
        for row in self._engine.run(queries.by_address(self._rows("customers"), wanted)).to_pylist():
            holders[row["hash"]][row["exact"]].add(int(row["customer"]))
        chosen = {address: found[True] or found[False] for address, found in holders.items()}
        return {address: next(iter(found)) for address, found in chosen.items() if len(found) == 1}

    def customer_names(self, keys: Keys) -> tuple[str, ...]:
        """Ids as ingested, in the order asked; LedgerError for a key the dictionary does not have."""
        return tuple(self._names("customer", _keys(keys)))

    # --- the ledger itself ----------------------------------------------------------------------------

    def coverage(self, field: str, window: Window) -> LogCoverage:
        """What the log can and cannot show for the window."""
        span = span_of(window)
        bulk = self._engine.run(queries.bulk_counts(self._rows("bulk_reads"), span)).to_pylist()
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
            rows = self._engine.run(queries.counts_between(self._rows("accesses", part), part))
            inside.extend(DayCount(**row) for row in rows.to_pylist())
        return tuple(inside)

    def _unknown_principals(self) -> tuple[str, ...]:
        if not self._catalog.row_count("principals"):
            return ()
        listed = _column(self._engine.run(queries.principals(self._rows("principals"))), "principal", np.uint64)
        seen = _keys(self._catalog.seen_principals())
        return tuple(self._names("principal", np.setdiff1d(seen, listed)))

    def snapshot(self) -> str:
        """A digest of all that is committed: equal snapshots answer alike.

        The order of ingest does not count, but where a source replaced rows of another one of its table: there the
        order decides what is answered, so it is in the digest.
        """
        tables: dict[str, dict[str, Any]] = {}
        for source in self._catalog.sources():
            table = tables.setdefault(source.table, {"sources": [], "ordered": False})
            table["sources"].append(source.sha256)
            table["ordered"] |= source.overlaps
        for table in tables.values():
            table["sources"] = table["sources"] if table["ordered"] else sorted(table["sources"])
        return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()

    def stats(self) -> LedgerStats:
        """How much there is; the index is the dictionaries and the catalogue."""
        sums = self._catalog.sums()
        customers = self._engine.run(queries.seen_customer_count(self._rows("accesses")))
        return LedgerStats(
            access_count=self._catalog.row_count("accesses"),
            customer_count=int(customers.column("customer_count")[0].as_py()),
            principal_count=len(self._catalog.seen_principals()),
            segment_count=sums["segment_count"],
            rejected_count=sums["rejected_count"],
            lake_bytes=sums["lake_bytes"],
            index_bytes=sums["dictionary_bytes"] + (self._folder / DATABASE).stat().st_size,
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
    until = np.array([microseconds(at) for at in cutoffs.values()], dtype=np.int64)
    since = until - window_days * DAY_MICROSECONDS
    table = pa.table({"customer": _keys(cutoffs), "since_at": since, "cutoff_at": until})
    return table, Span(int(since.min()), int(until.max())) if len(until) else Span(0, 0)


def _exposures(table: pa.Table) -> Exposures:
    return Exposures(
        principal=_column(table, "principal", np.uint64),
        customer=_column(table, "customer", np.uint64),
        first_shown_at=_column(table, "first_shown_at", np.int64),
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
