"""The highest of many values, without sorting all of them."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.study import Indices, Reals


def highest(values: Reals, many: int) -> Indices:
    """Places of the so many highest values, highest first; of equal ones the first places."""
    if many <= 0 or len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    if many < len(values):
        least = np.partition(values, len(values) - many)[len(values) - many]
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:many].astype(np.int64)
