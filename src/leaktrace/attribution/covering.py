"""How few principals had been shown nearly all of the customers? "Nobody inside" must not be said over that.

The weights of single principals can all be small where several sources, or doubles of a source, share the mail; and a
list of just these few principals' customers explains it as well as they do. Which of the two it was nothing tells.
"""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.likelihood import OTHER_PATH_BELIEF
from leaktrace.attribution.screening import expected_hits
from leaktrace.attribution.several import MOST_SOURCES
from leaktrace.attribution.view import View

COVERED_SHARE = 0.8
"""Whoever was shown this part of the customers between them had been shown nearly all."""
CHANCE_SHARE = 0.5
"""Chance shows them, taken one by one, this part of those at most: else they are just who opens most."""


def few_covering(view: View) -> tuple[int, ...]:
    """The principals, `MOST_SOURCES` at most, who between them had been shown nearly all customers of whose mail no
    other path is known, far beyond chance; those who add most first, none where there are none. Fixed jobs are left
    out.
    """
    weight = np.where(view.belief > OTHER_PATH_BELIEF, view.weight, 0.0)
    total, expected = float(weight.sum()), expected_hits(view, weight)
    open_to = ~np.isin(view.pair_principal, view.fixed_jobs)
    case, principal = view.pair_case[open_to], view.pair_principal[open_to]
    left, chosen = weight.copy(), list[int]()
    while len(chosen) < MOST_SOURCES and float(left.sum()) > (1.0 - COVERED_SHARE) * total:
        gained = np.bincount(principal, weights=left[case], minlength=len(expected))
        best = int(np.argmax(gained))
        if gained[best] <= 0.0:
            return ()
        chosen.append(best)
        left[case[principal == best]] = 0.0
    covered = total - float(left.sum())
    if covered < COVERED_SHARE * total or float(expected[chosen].sum()) > CHANCE_SHARE * covered:
        return ()
    return tuple(chosen)
