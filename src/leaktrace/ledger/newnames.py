"""Writes the dictionaries of one source: its names that no dictionary has yet, and finds names that clash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger import staging
from leaktrace.ledger.catalog import StoredFile
from leaktrace.ledger.dictionary import Dictionary, NameKind, checks_of, known_and_clashing, write_dictionary
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.engine import Engine

_ENTRIES_A_FILE = 1_000_000
"""Names in memory at a time; more go into a further file."""


class ClashingNamesError(LedgerError):
    """Names whose number another name has; raised inside ingest, which reads the file again without them."""

    def __init__(self, names: Mapping[NameKind, frozenset[str]]) -> None:
        super().__init__("Two names have the same keyed number.")
        self.names = names


class DictionaryWriter:
    """The dictionaries that one source brings; discarded unless published."""

    def __init__(self, folder: Path, source_sha256: str, table: str) -> None:
        self._folder, self._table, self._name = folder, table, source_sha256[:24]
        self._files: list[tuple[DurableFile, NameKind, int]] = []

    def write(self, kind: NameKind, engine: Engine, known: Sequence[Dictionary], keyring: Keyring) -> None:
        """Writes the gathered names of one kind that no dictionary has; ClashingNamesError where two share a number."""
        inside = engine.run(staging.clashing_names()).to_pylist()
        clashing = {str(row["name"]) for row in inside if row["kind"] == kind}
        keys, checks, names = list[np.uint64](), list[np.uint32](), list[str]()
        for batch in engine.stream(staging.sorted_names(kind)):
            batch_keys = np.asarray(batch.column("key"), dtype=np.uint64)
            batch_names = [str(name) for name in batch.column("name").to_pylist()]
            batch_checks = checks_of(batch_names, kind, keyring)
            here, clash = known_and_clashing(batch_keys, batch_checks, known)
            clashing |= {batch_names[i] for i in np.flatnonzero(clash)}
            fresh = np.flatnonzero(~here)
            keys.extend(batch_keys[fresh])
            checks.extend(batch_checks[fresh])
            names.extend(batch_names[i] for i in fresh)
            if len(names) >= _ENTRIES_A_FILE:
                self._write_file(kind, keys, checks, names, keyring)
        if clashing:
            raise ClashingNamesError({kind: frozenset(clashing)})
        if names:
            self._write_file(kind, keys, checks, names, keyring)

    def _write_file(
        self, kind: NameKind, keys: list[np.uint64], checks: list[np.uint32], names: list[str], keyring: Keyring
    ) -> None:
        identity = f"{kind}-{self._table}-{self._name}-{len(self._files)}"
        file = DurableFile(self._folder / "tmp" / identity, self._folder / "dictionary" / f"{identity}.names")
        self._files.append((file, kind, len(names)))
        with storing(file.place):
            write_dictionary(
                file, np.array(keys, np.uint64), np.array(checks, np.uint32), names, kind=kind, identity=identity,
                keyring=keyring,
            )  # fmt: skip
        for gathered in (keys, checks, names):
            gathered.clear()

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
