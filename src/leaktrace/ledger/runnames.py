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
        customer: Keys,
        check: NDArray[np.uint32],
        names: ArrowColumn,
        rows: NDArray[np.int64],
        order: NDArray[np.int32],
    ) -> None:
        """Writes the names that are new; ClashingNamesError for those whose number another name has.

        Of two names of the run with one number, that of the earlier row keeps it.
        """
        keys, checks = customer[order], check[order]
        starts = np.ones(len(keys), dtype=bool)
        starts[1:] = keys[1:] != keys[:-1]
        first = np.flatnonzero(starts)
        strange = checks != np.repeat(checks[first], np.diff(np.r_[first, len(keys)]))
        if strange.any():
            raise ClashingNamesError({"customer": self._later_names(keys, check, names, rows, order, strange)})
        keys, checks, places = keys[first], checks[first], order[first]

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
        self,
        keys: Keys,
        check: NDArray[np.uint32],
        names: ArrowColumn,
        rows: NDArray[np.int64],
        order: NDArray[np.int32],
        strange: NDArray[np.bool_],
    ) -> frozenset[str]:
        later = set[str]()
        for key in np.unique(keys[strange]):
            own = order[keys == key]
            keeper = check[own[np.argmin(rows[own])]]
            later |= set(texts_of(taken(names, own[check[own] != keeper])))
        return frozenset(later)
