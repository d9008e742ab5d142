"""Writes the dictionaries of one source: its names that no dictionary has yet, and finds names that clash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger import staging
from leaktrace.ledger.arrow import ArrowColumn, taken, texts_of
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.dictionary import Dictionary, NameKind, known_and_clashing, write_dictionary
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.engine import Engine
from leaktrace.records import Keys

_SEAL = "name waiting for its dictionary"
_ENTRIES_A_FILE = 1_000_000
"""Names in memory at a time; more go into a further file."""
_REMEMBERED_NAMES = 500_000
"""So many names are known to have been gathered; beyond that all are forgotten and gathered again."""


class ClashingNamesError(LedgerError):
    """Names whose number another name has; raised inside ingest, which reads the file again without them."""

    def __init__(self, names: Mapping[NameKind, frozenset[str]]) -> None:
        super().__init__("Two names have the same keyed number.")
        self.names = names


class NewNames:
    """Gathers the names of one kind that no dictionary has; sealed, for what is gathered may be spilled to disk."""

    def __init__(
        self, kind: NameKind, engine: Engine, known: Sequence[Dictionary], keyring: Keyring, unwanted: Keys
    ) -> None:
        self._kind, self._engine, self._known, self._keyring = kind, engine, known, keyring
        self._taken = np.zeros(0, dtype=np.uint64)
        self._unwanted = unwanted  # numbers of names that may not come back

    def take(self, names: ArrowColumn, keys: Keys, checks: NDArray[np.uint32]) -> None:
        """Keeps those that are new, and those whose number a dictionary has for another name."""
        marks = keys ^ (checks.astype(np.uint64) << np.uint64(32))
        places = np.minimum(np.searchsorted(self._taken, marks), max(0, len(self._taken) - 1))
        unseen = np.flatnonzero(self._taken[places] != marks) if len(self._taken) else np.arange(len(marks))
        if not len(unseen):
            return
        if len(self._taken) > _REMEMBERED_NAMES:
            self._taken = marks[:0]
        self._taken = np.union1d(self._taken, marks[unseen])
        names, keys, checks = taken(names, unseen), keys[unseen], checks[unseen]

        def names_at(wanted: NDArray[np.intp]) -> list[str]:
            return texts_of(taken(names, wanted))

        known, clashing = known_and_clashing(keys, checks, names_at, self._known, self._keyring)
        fresh = np.flatnonzero((~known | clashing) & ~np.isin(keys, self._unwanted))
        if len(fresh):
            sealed = [self._keyring.encrypt(text.encode(), _SEAL) for text in names_at(fresh)]
            columns = {"key": keys[fresh], "mark": checks[fresh], "sealed": sealed, "clashing": clashing[fresh]}
            self._engine.execute(staging.keep_names(self._kind, pa.table(columns)))


class DictionaryWriter:
    """The dictionaries that one source brings; discarded unless published."""

    def __init__(self, folder: Path, source_sha256: str, table: str) -> None:
        self._folder, self._table, self._name = folder, table, source_sha256[:24]
        self._files: list[tuple[DurableFile, NameKind, int]] = []

    def write(self, kind: NameKind, engine: Engine, keyring: Keyring) -> None:
        """Writes the gathered names of one kind; ClashingNamesError where two names share a number."""
        clashing = engine.run(staging.clashing_names(kind)).column("sealed").to_pylist()
        if clashing:
            raise ClashingNamesError({kind: frozenset(_opened(clashing, keyring))})
        keys, checks, names = list[np.uint64](), list[np.uint32](), list[str]()
        for batch in engine.stream(staging.sorted_names(kind)):
            keys.extend(np.asarray(batch.column("key"), dtype=np.uint64))
            checks.extend(np.asarray(batch.column("mark"), dtype=np.uint32))
            names.extend(_opened(batch.column("sealed").to_pylist(), keyring))
            if len(names) >= _ENTRIES_A_FILE:
                self._write_gathered(kind, keys, checks, names, keyring)
        if names:
            self._write_gathered(kind, keys, checks, names, keyring)

    def _write_gathered(
        self, kind: NameKind, keys: list[np.uint64], checks: list[np.uint32], names: list[str], keyring: Keyring
    ) -> None:
        column = pa.array(names, pa.string())
        self.write_sorted(kind, np.array(keys, np.uint64), np.array(checks, np.uint32), column, keyring)
        for gathered in (keys, checks, names):
            gathered.clear()

    def write_sorted(
        self, kind: NameKind, keys: Keys, checks: NDArray[np.uint32], names: ArrowColumn, keyring: Keyring
    ) -> Dictionary:
        """Writes names that are new and sorted by key; the file as it can be read at once, before it is published."""
        identity = f"{kind}-{self._table}-{self._name}-{len(self._files)}"
        file = DurableFile(self._folder / "tmp" / identity, self._folder / "dictionary" / f"{identity}.names")
        self._files.append((file, kind, len(names)))
        with storing(file.place):
            write_dictionary(file, keys, checks, names, kind=kind, identity=identity, keyring=keyring)
            file.flush()
        return Dictionary(file.aside, kind, identity)

    def publish(self) -> tuple[StoredFile, ...]:
        """Puts the files in their places."""
        return tuple(
            StoredFile(str(file.place.relative_to(self._folder)), count, file.size_bytes, file.publish(), table=kind)
            for file, kind, count in self._files
        )

    def discard(self) -> None:
        """Leaves nothing of them."""
        for file, _, _ in self._files:
            file.discard()


def _opened(sealed: Iterable[bytes | None], keyring: Keyring) -> list[str]:
    return [keyring.decrypt(name, _SEAL).decode() for name in sealed if name is not None]
