"""The names of a ledger: its dictionaries, opened once, and the way back from keyed numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.dictionary import Dictionary, NameKind, names_of
from leaktrace.ledger.upkeep.book import Book
from leaktrace.records import Keys


class OpenedNames:
    """Dictionaries that are mapped already, by path; each stays open while it counts."""

    def __init__(self, folder: Path, catalog: Catalog, keyring: Keyring) -> None:
        self._folder, self._catalog, self._keyring = folder, catalog, keyring
        self._opened: dict[str, Dictionary] = {}

    def forget(self) -> None:
        """Lets go of all files."""
        self._opened.clear()

    def dictionaries(self, kind: NameKind) -> tuple[Dictionary, ...]:
        """All that count for names of this kind, oldest first."""
        paths = self._catalog.dictionary_paths(kind)
        for old in [path for path, one in self._opened.items() if one.kind == kind and path not in paths]:
            del self._opened[old]  # it gave way to one with fewer names; unmapped, its room on disk is free
        for path in paths:
            if path not in self._opened:
                self._opened[path] = Dictionary(self._folder / path, kind, Path(path).stem)
        return tuple(self._opened[path] for path in paths)

    def names(self, kind: NameKind, keys: Keys) -> list[str]:
        """The name of each, in the order asked; LedgerError where one is forgotten or in no dictionary."""
        names = names_of(keys, self.dictionaries(kind), self._keyring)
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
