"""How far do principals' counts spread beyond what their rates say? The campaign's own measure of a wrong null model.

A sender's list is never quite like the matched controls. If it leans in a way the strata do not know, many principals
are shown more (or fewer) of its customers than expected, and the candidate is just one of them. So the spread is
learned over the *other* principals, each given what the hypothesis itself explains about them.
"""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.special import gammaln
from leaktrace.attribution.study import Flags, Reals

FLOOR = 0.15
"""Rates are estimates even where the spread shows nothing."""
TRIMMED = 3
"""As many sources as are weighed together."""
_GRID = np.array([FLOOR, 0.25, 0.4, 0.6, 0.85, 1.15, 1.5, 2.0, 2.6])
_PRIOR = -0.7 * np.arange(len(_GRID))
_NODES = np.linspace(-3.5, 3.5, 24)
"""Of a standard normal variable; none at zero, where above meets below."""
_LOG_WEIGHTS = -0.5 * _NODES**2 - np.log(np.exp(-0.5 * _NODES**2).sum())


def spread_of(counts: Reals, expected: Reals, alike: Flags | None = None) -> float:
    """Standard deviation of log-rates above what is expected: posterior mean of a Poisson-lognormal spread on a grid.

    `counts` and `expected`: per principal, cases shown and cases expected; `alike`: which of them had been shown nearly
    the same customers, `[principals, principals]`. The `TRIMMED` most surprising principals are left out, and who is
    like them: sources and their doubles are no fault of the null model. The spread below has a scale of its own: on a
    list of one queue's customers most principals were shown next to nobody, which is no sign against anybody.
    """
    relevant = expected > 0.02
    like = np.eye(int(relevant.sum()), dtype=np.bool_) if alike is None else alike[np.ix_(relevant, relevant)]
    counts, expected = counts[relevant], np.maximum(expected[relevant], 1e-6)
    if len(counts) < 10:
        return float(_GRID[2])
    kept = _usual((counts - expected) / np.sqrt(expected + 0.25), like)
    counts, expected = counts[kept], expected[kept]
    counts, expected, many = _cells(counts, expected)
    # Of each pair of scales, above and below: [above, below, nodes].
    shape = (len(_GRID), len(_GRID), len(_NODES))
    above, below = np.broadcast_to(_GRID[:, None, None], shape), np.broadcast_to(_GRID[None, :, None], shape)
    shifts = (np.where(_NODES > 0.0, above, below) * _NODES).reshape(-1, len(_NODES))
    logs = (
        counts[None, None, :] * (np.log(expected)[None, None, :] + shifts[:, :, None])
        - expected[None, None, :] * np.exp(shifts)[:, :, None]
        - gammaln(counts + 1.0)[None, None, :]
    )
    total = (log_sum(logs + _LOG_WEIGHTS[None, :, None], axis=1) @ many).reshape(len(_GRID), len(_GRID))
    # Two scales where one would do have their price: the prior is that of one, and half of it for alike.
    apart = np.where(np.eye(len(_GRID)) > 0.0, np.log(0.5), np.log(0.5 / (len(_GRID) - 1)))
    total = log_sum(total + _PRIOR[:, None] + apart, axis=1)
    weights = np.exp(total - log_sum(total))
    return float(weights @ _GRID)


def _usual(surprise: Reals, alike: Flags) -> Flags:
    """All but the most surprising, and whoever is like one of these; at least the least surprising one."""
    kept = np.ones(len(surprise), dtype=np.bool_)
    for _ in range(TRIMMED):
        first = int(np.argmax(np.where(kept, surprise, -np.inf)))
        kept &= ~alike[first]
        kept[first] = False
        if not kept.any():
            kept[int(np.argmin(surprise))] = True
            break
    return kept


def _cells(counts: Reals, expected: Reals) -> tuple[Reals, Reals, Reals]:
    """Principals with like counts and like expectations (5 % apart at most) taken together, and how many they are."""
    rounded = np.rint(counts * 4.0).astype(np.int64) * 4096 + np.rint(np.log(expected) * 20.0).astype(np.int64) + 2048
    cells, many = np.unique(rounded, return_counts=True)
    return cells // 4096 / 4.0, np.exp((cells % 4096 - 2048) / 20.0), many.astype(np.float64)
