"""What the upkeep and the way in work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from leaktrace.keys import Keyring
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.durable import only_writer
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.integrity import demand_whole
from leaktrace.ledger.lake import LAYOUT
from leaktrace.ledger.queries import Rows, rows_of
from leaktrace.ledger.readers import Readers
from leaktrace.ledger.repair import remove_leftovers, remove_replaced, unknown_files
from leaktrace.ledger.schema import STORED
from leaktrace.settings import Settings

_PATIENCE_SECONDS = 2.0
"""So long a question that is being answered is waited for before a replaced file is left for later."""


@dataclass(frozen=True, slots=True)
class Premises:
    """One ledger, open."""

    folder: Path
    catalog: Catalog
    engine: Engine
    keyring: Keyring
    settings: Settings
    readers: Readers
    lock_file: Path
    removed_at_open: tuple[str, ...] = ()
    """What a kill had left and was taken away when the ledger was opened."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else writes in the block; LedgerError where somebody does already."""
        with only_writer(self.lock_file, needed=True):
            remove_leftovers(self.folder, self.catalog, self.readers)
            yield

    def rows(self, table: str, segments: Sequence[StoredFile]) -> Rows:
        """The rows of these segments of a table."""
        splits = STORED[table].splits_times
        new = [str(self.folder / s.path) for s in segments if s.layout == LAYOUT or not splits]
        old = [str(self.folder / s.path) for s in segments if s.layout != LAYOUT and splits]
        return rows_of(table, new, old)

    def demand_whole(self, file: StoredFile) -> None:
        """Raises LedgerError unless a file has the bytes that were committed.

        Every byte is hashed, whatever the time of modification says: what is read from here is written anew under a
        new hash, and damage must not become the truth.
        """
        demand_whole(self.folder, file)

    def remove_replaced(self) -> int:
        """Removes files that gave way to others; how many must wait, because somebody still reads them."""
        remove_replaced(self.folder, self.catalog, self.readers, _PATIENCE_SECONDS)
        return len(unknown_files(self.folder, self.catalog))
