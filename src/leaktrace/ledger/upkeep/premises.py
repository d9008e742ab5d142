"""What the upkeep works on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger.catalog import Catalog, StoredFile
from leaktrace.ledger.dictionary import digest_of
from leaktrace.ledger.durable import only_writer
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.readers import Readers
from leaktrace.ledger.repair import remove_leftovers, remove_replaced, unknown_files
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

    def demand_whole(self, file: StoredFile) -> None:
        """Raises LedgerError unless a file has the bytes that were committed.

        Every byte is hashed, whatever the time of modification says: what is read from here is written anew under a
        new hash, and damage must not become the truth.
        """
        path = self.folder / file.path
        try:
            whole = path.stat().st_size == file.size_bytes and digest_of(path) == file.sha256
        except OSError as error:
            raise LedgerError(
                f"The ledger's file {path} cannot be read: {error.strerror or error}.", _RESTORE
            ) from error
        if not whole:
            raise LedgerError(
                f"The ledger's file {path} is damaged: its bytes are not those that were committed.", _RESTORE
            )

    def remove_replaced(self) -> int:
        """Removes files that gave way to others; how many must wait, because somebody still reads them."""
        remove_replaced(self.folder, self.catalog, self.readers, _PATIENCE_SECONDS)
        return len(unknown_files(self.folder, self.catalog))


_RESTORE = "Nothing was changed. Restore the workspace from your backup; leaktrace ledger verify lists what is damaged."
