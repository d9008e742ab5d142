"""The way into a ledger: whole files, and files and streams that are followed. One process writes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leaktrace.ledger.batcher import Around, Pace
from leaktrace.ledger.durable import only_writer
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.follow import FollowAsked, StreamAsked, follow
from leaktrace.ledger.formats import AskedFormat
from leaktrace.ledger.indexing import merge_small
from leaktrace.ledger.intake import take_files
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.openednames import OpenedNames
from leaktrace.ledger.repair import remove_leftovers_if_alone, remove_replaced
from leaktrace.ledger.room import Room
from leaktrace.ledger.schema import ingested_table
from leaktrace.ledger.stores import NAME_KINDS, Stores
from leaktrace.ledger.upkeep.book import Book
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.withholding import withholding_of
from leaktrace.records import IngestReport

JSON_MEMORY_MEGABYTES = 512
"""JSON is taken apart a few megabytes at a time."""


class Writer:
    """Takes rows into one ledger."""

    def __init__(self, premises: Premises, names: OpenedNames) -> None:
        self._premises, self._names = premises, names
        self._json_engine: Engine | None = None
        self._room = Room()

    def close(self) -> None:
        """Lets go of memory."""
        if self._json_engine is not None:
            self._json_engine.close()

    def ingest(self, table: str, files: Sequence[Path], asked: AskedFormat, progress: Progress) -> IngestReport:
        """Reads files into a table; LedgerError where somebody else is writing."""
        schema = ingested_table(table)
        with self._premises.writing():
            return take_files(self._stores, schema, files, asked, progress)

    def follow(
        self,
        table: str,
        source: Path | StreamAsked,
        asked: AskedFormat,
        pace: Pace,
        around: Around,
        progress: Progress,
    ) -> IngestReport:
        """Takes lines batch after batch; nobody is kept from writing between two of them."""
        schema, premises = ingested_table(table), self._premises
        remove_leftovers_if_alone(premises.lock_file, premises.folder, premises.catalog, premises.readers)
        return follow(
            FollowAsked(schema, source, asked, pace),
            self._stores,
            lambda: only_writer(premises.lock_file, needed=False),
            around,
            progress,
        )

    def _stores(self) -> Stores:
        premises = self._premises
        dictionaries = {kind: self._names.dictionaries(kind) for kind in NAME_KINDS}
        return Stores(
            premises.folder,
            premises.catalog,
            premises.engine,
            self._engine_for_json,
            premises.keyring,
            premises.settings,
            self._tidy,
            dictionaries,
            withholding_of(Book(premises.catalog)),
            self._room,
        )

    def _engine_for_json(self) -> Engine:
        """Made when it is first needed; what it sees holds names, so it never spills."""
        if self._json_engine is None:
            memory_megabytes = min(JSON_MEMORY_MEGABYTES, self._premises.settings.ingest_memory_megabytes)
            self._json_engine = Engine(self._premises.folder, memory_megabytes, may_spill=False)
        return self._json_engine

    def _tidy(self) -> None:
        """Keeps the files of the index few; only for whoever holds the writer's lock."""
        premises = self._premises
        if merge_small(premises.folder, premises.catalog):
            remove_replaced(premises.folder, premises.catalog, premises.readers)
