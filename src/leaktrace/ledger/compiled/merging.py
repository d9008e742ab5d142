"""Finds sorted keys among sorted keys by going through both side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

_MANY = 4096


def places_of(held: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Where each wanted key stands, or would stand, among the held ones (ascending).

    Many wanted keys in ascending order cost one pass over both; else each costs a binary search.
    """
    if len(wanted) > _MANY and len(held) and bool((wanted[1:] >= wanted[:-1]).all()):
        places = np.empty(len(wanted), dtype=np.intp)
        _side_by_side(held, wanted, places)
        return places
    found: NDArray[np.intp] = np.searchsorted(held, wanted)
    return found


@compiled
def _side_by_side(held: Any, wanted: Any, places: Any) -> None:
    place = 0
    for i in range(len(wanted)):
        while place < len(held) and held[place] < wanted[i]:
            place += 1
        places[i] = place
