"""Remembers the names of customers of a run of accesses: what no dictionary has goes into a new one, sorted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, taken, texts_of
from leaktrace.ledger.dictionary import Dictionary, known_and_clashing
from leaktrace.ledger.newnames import ClashingNamesError, DictionaryWriter
from leaktrace.records import Keys


class RunNames:
    """Takes the customers of one run after the other."""

    def __init__(self, known: Sequence[Dictionary], writer: DictionaryWriter, keyring: Keyring) -> None:
        self._known, self._writer, self._keyring = list(known), writer, keyring

    def take(
        self,
        keys: Keys,
        checks: NDArray[np.uint32],
        rows: NDArray[np.int64],
        names: ArrowColumn,
        places: NDArray[np.int32],
    ) -> None:
        """Writes the names that are new; ClashingNamesError for those whose number another name has.

        Rows in the order of the lake; the name of row i is `names[places[i]]`. Of two names of the run with one number,
        that of the earlier row keeps it.
        """
        starts = np.ones(len(keys), dtype=bool)
        starts[1:] = keys[1:] != keys[:-1]
        strange = np.zeros(len(keys), dtype=bool)
        strange[1:] = (checks[1:] != checks[:-1]) & ~starts[1:]
        if strange.any():
            raise ClashingNamesError({"customer": _later_names(keys, checks, rows, names, places, strange)})
        first = np.flatnonzero(starts)
        keys, checks, places = keys[first], checks[first], places[first]

        def names_at(wanted: NDArray[np.intp]) -> list[str]:
            return texts_of(taken(names, places[wanted]))

        known, clashing = known_and_clashing(keys, checks, names_at, self._known, self._keyring)
        if clashing.any():
            raise ClashingNamesError({"customer": frozenset(names_at(np.flatnonzero(clashing)))})
        fresh = np.flatnonzero(~known)
        if len(fresh):
            sorted_names = taken(names, places[fresh])
            self._known.append(
                self._writer.write_sorted("customer", keys[fresh], checks[fresh], sorted_names, self._keyring)
            )


def _later_names(
    keys: Keys,
    checks: NDArray[np.uint32],
    rows: NDArray[np.int64],
    names: ArrowColumn,
    places: NDArray[np.int32],
    strange: NDArray[np.bool_],
) -> frozenset[str]:
    later = set[str]()
    for key in np.unique(keys[strange]):
        own = np.flatnonzero(keys == key)
        keeper = checks[own[np.argmin(rows[own])]]
        later |= set(texts_of(taken(names, places[own[checks[own] != keeper]])))
    return frozenset(later)
