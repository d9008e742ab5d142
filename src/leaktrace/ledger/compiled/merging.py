"""Finds sorted keys among sorted keys by going through both side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

_MANY = 4096


def found_among(held: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """For each wanted key: whether it is among the held ones (ascending), and where it stands or would stand.

    Many wanted keys in ascending order cost one pass over both; else each costs a binary search.
    """
    if len(wanted) > _MANY and len(held) and bool((wanted[1:] >= wanted[:-1]).all()):
        places, here = np.empty(len(wanted), dtype=np.intp), np.empty(len(wanted), dtype=np.bool_)
        _side_by_side(held, wanted, places, here)
        return here, places
    places = np.searchsorted(held, wanted)
    here = places < len(held)
    here[here] = held[places[here]] == wanted[here]
    return here, places


@compiled
def _side_by_side(held: Any, wanted: Any, places: Any, here: Any) -> None:
    i = place = 0
    # Which side goes on is a coin toss, so nothing branches on it: a place is written again until it is the right one.
    while i < len(wanted) and place < len(held):
        ours, theirs = wanted[i], held[place]
        places[i] = place
        here[i] = ours == theirs
        i += ours <= theirs
        place += theirs < ours
    for rest in range(i, len(wanted)):
        places[rest] = place
        here[rest] = False
