"""Codes for the principals of a source: small numbers in the order in which they came."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaktrace.records import Keys


class PrincipalCodes:
    """Gives each principal's key a code, the same over all batches."""

    def __init__(self) -> None:
        self.keys: Keys = np.zeros(0, dtype=np.uint64)
        """Those seen, ascending."""
        self._codes: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)
        """The code of each of them."""

    def of(self, keys: Keys) -> NDArray[np.uint32]:
        """The codes of these keys."""
        places, here = self._sought(keys)
        if not here.all():
            fresh = np.unique(keys[~here])
            codes = np.arange(len(self.keys), len(self.keys) + len(fresh), dtype=np.uint32)
            before = np.searchsorted(self.keys, fresh)
            self.keys, self._codes = np.insert(self.keys, before, fresh), np.insert(self._codes, before, codes)
            places, _ = self._sought(keys)
        found: NDArray[np.uint32] = self._codes[places]
        return found

    def _sought(self, keys: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        places = np.searchsorted(self.keys, keys)
        here = places < len(self.keys)
        here[here] = self.keys[places[here]] == keys[here]
        return places, here

    def ranked(self) -> tuple[Keys, NDArray[np.uint32]]:
        """(keys, ascending; by code, the place of its key among them)."""
        ranks = np.empty(len(self._codes), dtype=np.uint32)
        ranks[self._codes] = np.arange(len(ranks), dtype=np.uint32)
        return self.keys, ranks
