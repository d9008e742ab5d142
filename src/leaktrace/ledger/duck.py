"""The ledger: an immutable Parquet lake, committed in SQLite, ingested by DuckDB and asked by it or another engine.

Here it is opened and closed, and here stands all that may be asked of it. What answers has files of its own:
`accessanswers`, `everybody`, `tableanswers`, `logfacts` and `ledgerstate`, each out of what `asking` holds; what takes
rows in is `writer`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from leaktrace.keys import Keyring
from leaktrace.ledger import accessanswers, everybody, ledgerstate, tableanswers
from leaktrace.ledger.answercolumns import keys_of
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.coverage import judge
from leaktrace.ledger.durable import make_folder
from leaktrace.ledger.engine import Answers, Engine
from leaktrace.ledger.engines import OpenAnswers
from leaktrace.ledger.follow import StreamAsked
from leaktrace.ledger.formats import AskedFormat
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.logfacts import log_facts
from leaktrace.ledger.openedlake import OpenedLake
from leaktrace.ledger.openednames import OpenedNames
from leaktrace.ledger.readers import Readers, question
from leaktrace.ledger.repair import FOLDERS, remove_leftovers_if_alone
from leaktrace.ledger.times import span_of
from leaktrace.ledger.upkeep import Upkeep
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.writer import Writer
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


class DuckLedger:
    """Implements `Ledger`. Not to be shared between threads; any number of processes may read at once."""

    def __init__(
        self,
        folder: Path,
        keyring: Keyring,
        settings: Settings,
        answers: OpenAnswers | None = None,
    ) -> None:
        for name in FOLDERS:
            make_folder(folder / name)
        with ExitStack() as opened:  # what fails on the way lets go of what was opened before
            self._catalog = Catalog(folder / DATABASE)
            opened.callback(self._catalog.close)
            self._readers = Readers(folder / READERS, self._catalog)
            opened.callback(self._readers.close)
            removed = remove_leftovers_if_alone(folder / LOCK, folder, self._catalog, self._readers)
            self._engine = Engine(folder, settings.ingest_memory_megabytes)
            opened.callback(self._engine.close)
            self._answers: Answers = self._engine if answers is None else answers(folder, settings)
            opened.callback(self._answers.close)
            self._premises = Premises(
                folder, self._catalog, self._engine, keyring, settings, self._readers, folder / LOCK, removed
            )
            self._lake = OpenedLake(folder, self._catalog, uses_index=answers is None)
            self._names = OpenedNames(folder, self._catalog, keyring)
            self._asking = Asking(self._catalog, self._lake, self._names, self._answers)
            self._writer = Writer(self._premises, self._names)
            opened.callback(self._writer.close)
            self._opened = opened.pop_all()

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
        self._names.forget()
        self._lake.forget()
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        asked = AskedFormat(file_format, options or {})
        return self._writer.ingest(table, files, asked, progress or _no_progress)

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
        asked = AskedFormat(file_format, options or {})
        return self._writer.follow(table, source, asked, pace or Pace(), around or Around(), progress or _no_progress)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Inside, every question is answered out of the same committed state, whatever others commit meanwhile."""
        with self._readers.reading():
            yield

    # --- accesses -------------------------------------------------------------------------------------

    @question
    def exposures(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> Exposures:
        """Who had been shown `field` of these customers in `[cutoff - window_days, cutoff)`, and when first."""
        return accessanswers.exposures(self._asking, cutoffs, field, window_days)

    @question
    def channels(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> ChannelUses:
        """By which tools and types of ticket `field` of these customers had been shown in the same time.

        A channel that one principal alone accounts for is that principal and is left out.
        """
        return accessanswers.channels(self._asking, cutoffs, field, window_days)

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
        return accessanswers.opened_by(self._asking, principals, field, window, limit, seed)

    @question
    def accesses_of(self, principals: Sequence[PrincipalKey], window: Window) -> AccessRows:
        """Every access of these principals in the window. Of people, not of everybody: it comes whole into memory."""
        return accessanswers.accesses_of(self._asking, principals, window)

    @question
    def access_origins(
        self, principals: Sequence[PrincipalKey], customers: Sequence[CustomerKey], window: Window
    ) -> tuple[AccessOrigin, ...]:
        """Accesses of these principals to these customers, by time, each with its log file and row.

        Out of the lake, whatever the engine: the index knows no rows. Cost follows the months of the window.
        """
        return accessanswers.access_origins(self._asking, principals, customers, window)

    @question
    def fields_shown(self, principals: Sequence[PrincipalKey], window: Window) -> dict[str, int]:
        """Field -> distinct customers for whom any of these principals was shown it in the window."""
        return accessanswers.fields_shown(self._asking, principals, window)

    @question
    def totals(self, field: str, window: Window) -> Totals:
        """Distinct customers per principal, counted exactly, and how many customers there are."""
        return accessanswers.totals(self._asking, field, window)

    @question
    def draw_controls(self, count: int, *, seed: int, near: Keys, exclude: Keys) -> Keys:
        """Customers to compare with: sorted keys, half of them drawn from all customers alike, half from the regions
        (else jurisdictions) that `near` live in, in their proportions. The same seed and ledger give the same draw.
        """
        return everybody.controls(self._asking, count, seed, near, exclude)

    # --- customers and others -------------------------------------------------------------------------

    @question
    def customers(self, keys: Keys) -> CustomerTable:
        """Attributes of these customers, in the order asked."""
        return tableanswers.customers(self._asking, keys)

    @question
    def principals(self, keys: Keys | None = None) -> tuple[PrincipalFacts, ...]:
        """Facts of these principals in the order asked; None: of all there are, in the table or in accesses."""
        return tableanswers.principals(self._asking, keys)

    @question
    def sellers(self) -> tuple[SellerFacts, ...]:
        """The sellers table, sorted by id."""
        return tableanswers.sellers(self._asking)

    @question
    def contacts(self, keys: Keys, seller: str | None, before: datetime) -> Keys:
        """Those of these customers (sorted) with a contact with the seller, else with any, before the instant."""
        return tableanswers.contacts(self._asking, keys, seller, before)

    @question
    def sellers_dealt_with(self, before: datetime) -> frozenset[str]:
        """Sellers with whom anybody at all had a contact before the instant."""
        return tableanswers.sellers_dealt_with(self._asking, before)

    @question
    def dealings(self, cases: Keys, keys: Keys, before: datetime, *, but: str | None = None) -> ChannelUses:
        """With which sellers, and over which products, these customers and the cases had contacts, and when first."""
        return tableanswers.dealings(self._asking, cases, keys, before, but)

    @question
    def known_elsewhere(self, keys: Keys, field: str, before: datetime) -> Keys:
        """Those of these customers (sorted) whose field somebody may know without us since before the instant."""
        return tableanswers.known_elsewhere(self._asking, keys, field, before)

    @question
    def customers_by_address(self, hashes: Sequence[bytes]) -> dict[bytes, CustomerKey]:
        """Keyed address hash (exact or folded) -> the one customer that has it; ambiguous ones are left out.

        A customer who has the very address goes before those whose address only folds to it.
        """
        return tableanswers.customers_by_address(self._asking, hashes)

    @question
    def customer_names(self, keys: Keys) -> tuple[str, ...]:
        """Ids as ingested, in the order asked; LedgerError for a key the dictionary does not have."""
        return tuple(self._names.names("customer", keys_of(keys)))

    # --- the ledger itself ----------------------------------------------------------------------------

    @question
    def coverage(self, field: str, window: Window) -> LogCoverage:
        """What the log can and cannot show for the window."""
        return judge(log_facts(self._asking, span_of(window)), field, window, self._premises.settings)

    @question
    def snapshot(self) -> str:
        """A digest of all that is committed: equal snapshots answer alike.

        Merging segments does not change it; forgetting customers and letting months go do. The order of ingest does not
        count, but where a source replaced rows of another one of its table: there the order decides what is answered,
        so it is in the digest.
        """
        return ledgerstate.snapshot(self._catalog)

    def upkeep(self) -> Upkeep:
        """What checks, merges and erases."""
        return Upkeep(self._premises)

    def fields_seen(self) -> tuple[str, ...]:
        """Every field that any access showed, and `*` where one showed all there were; by name."""
        return ledgerstate.fields_seen(self._catalog)

    @question
    def stats(self) -> LedgerStats:
        """How much there is; the index is the postings, the dictionaries and the catalogue."""
        return ledgerstate.stats(self._asking, self._premises.folder / DATABASE)


def _no_progress(_what: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""
