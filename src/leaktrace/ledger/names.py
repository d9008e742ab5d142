"""From names to keyed numbers while a file is read: each name is hashed once, new ones wait to be committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa

from leaktrace.ledger.arrow import ArrowColumn, compute, texts_of
from leaktrace.records import Keys

_REMEMBERED_NAMES = 1_000_000
"""So many names stay in memory; beyond that they are hashed again."""

HashNames = Callable[[Iterable[str]], Keys]
TakeNames = Callable[[pa.Table], None]
"""Takes a table (key, name) of names seen for the first time, or again after they were forgotten."""


class NameKeys:
    """Keyed numbers of one kind of names."""

    def __init__(self, hash_names: HashNames, take_new: TakeNames) -> None:
        self._hash_names, self._take_new = hash_names, take_new
        self._forget()

    def _forget(self) -> None:
        self._names: ArrowColumn = pa.array([], pa.string())
        self._keys: Keys = np.empty(0, np.uint64)

    def __call__(self, names: ArrowColumn) -> Keys:
        """The numbers of these names (no nulls), in order."""
        if len(self._names) > _REMEMBERED_NAMES:
            self._forget()
        encoded = names.dictionary_encode()
        distinct = encoded.dictionary
        places = compute.index_in(distinct, value_set=self._names)
        fresh = distinct.filter(compute.is_null(places))
        if len(fresh):
            self._remember(fresh)
            places = compute.index_in(distinct, value_set=self._names)
        keys: Keys = self._keys[np.asarray(places, dtype=np.int64)][np.asarray(encoded.indices, dtype=np.int64)]
        return keys

    def _remember(self, fresh: ArrowColumn) -> None:
        keys = self._hash_names(texts_of(fresh))
        self._take_new(pa.table({"key": keys, "name": fresh}))
        self._names = pa.concat_arrays([self._names, fresh])
        self._keys = np.concatenate([self._keys, keys])
