"""From names to keyed numbers while a file is read: each name is hashed once, new ones wait to be committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from leaktrace.ledger.arrow import ArrowColumn, texts_of
from leaktrace.records import Keys

_REMEMBERED_NAMES = 500_000
"""So many names stay in memory; beyond that all are forgotten and hashed again."""

HashNames = Callable[[Iterable[str]], Keys]
TakeNames = Callable[[list[str], Keys], None]
"""Takes names and their numbers, seen for the first time or again after they were forgotten."""


class NameKeys:
    """Keyed numbers of one kind of names."""

    def __init__(self, hash_names: HashNames, take_new: TakeNames) -> None:
        self._hash_names, self._take_new = hash_names, take_new
        self._known: dict[str, int] = {}

    def __call__(self, names: ArrowColumn) -> Keys:
        """The numbers of these names (no nulls), in order."""
        if len(self._known) > _REMEMBERED_NAMES:
            self._known.clear()
        encoded = names.dictionary_encode()
        distinct = texts_of(encoded.dictionary)
        if fresh := [name for name in distinct if name not in self._known]:
            keys = self._hash_names(fresh)
            self._take_new(fresh, keys)
            self._known.update(zip(fresh, keys.tolist(), strict=True))
        numbers = np.fromiter((self._known[name] for name in distinct), dtype=np.uint64, count=len(distinct))
        ordered: Keys = numbers[np.asarray(encoded.indices, dtype=np.int64)]
        return ordered
