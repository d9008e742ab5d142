"""The highest of many values: so many, or so many and who is level with the last."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.study import Indices, Reals

LEVEL = 1e-9
"""Values that differ by less are level."""


def highest(values: Reals, many: int) -> Indices:
    """Places of the so many highest values, highest first; of equal ones the first places."""
    if many <= 0 or len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    if many < len(values):
        # Most values are often the lowest, and choosing among equals takes ten times as long.
        lowest = values.min()
        rest = values[values > lowest]
        least = np.partition(rest, len(rest) - many)[len(rest) - many] if len(rest) >= many else lowest
        places = np.flatnonzero(values >= least)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:many].astype(np.int64)


def with_level(ordered: Indices, values: Reals, many: int) -> Indices:
    """The first so many of `ordered` (places, highest value first), and those level with the last of them.

    Who is level must not be left out by name; but at most twice as many are taken, whatever is level.
    """
    if len(ordered) <= many:
        return ordered
    least = float(values[ordered[many - 1]])
    level = int((values[ordered] >= least - LEVEL).sum())
    return ordered[: min(max(many, level), 2 * many)]
