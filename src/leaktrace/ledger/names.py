"""From names to keyed numbers while a file is read; each different name of a batch is hashed once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, as_codes, bytes_of
from leaktrace.ledger.dictionary import NameKind
from leaktrace.records import Keys

TakeNames = Callable[[ArrowColumn, Keys, NDArray[np.uint32]], None]
"""Takes names, each once, with their numbers and checks."""


class NameKeys:
    """Keyed numbers of one kind of names."""

    def __init__(self, kind: NameKind, keyring: Keyring, take_new: TakeNames) -> None:
        self._kind, self._keyring, self._take_new = kind, keyring, take_new
        self._last: tuple[Keys, NDArray[np.int64]] = (np.zeros(0, np.uint64), np.zeros(0, np.int64))

    def __call__(self, names: ArrowColumn) -> Keys:
        """The numbers of these names (no nulls), in order."""
        used, places = distinct_texts(names)
        keys, checks = self._keyring.name_hashes(self._kind, *bytes_of(used))
        self._take_new(used, keys, checks)
        self._last = keys, places
        ordered: Keys = keys[places]
        return ordered

    def taken(self) -> tuple[Keys, NDArray[np.int64]]:
        """Of the names numbered last: each different number, and which of them each row has."""
        return self._last


def distinct_texts(texts: ArrowColumn) -> tuple[ArrowColumn, NDArray[np.int64]]:
    """Each different text that is there, and the place of each row's text among them."""
    encoded = as_codes(texts)
    places = np.asarray(encoded.indices, dtype=np.int64)
    used = np.zeros(len(encoded.dictionary), dtype=bool)
    used[places] = True
    if used.all():
        return encoded.dictionary, places
    return encoded.dictionary.filter(pa.array(used)), (np.cumsum(used) - 1)[places]
