"""The different values among small whole numbers, in one pass instead of a sort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST = 1 << 22


def distinct_codes(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(different values, ascending; place of each row's value among them) of numbers that are not negative."""
    highest = int(codes.max(initial=0))
    if highest >= _MOST:
        used, places = np.unique(codes, return_inverse=True)
        return used, places
    there = np.bincount(codes, minlength=highest + 1) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]
