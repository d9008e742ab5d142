"""Two others who between them passed on just what this principal had been shown too (guard 1).

Whoever means a colleague to be blamed needs no double of the colleague: two accounts will do, each passing on those of
its own customers whom the colleague had been shown as well. Neither is a rival, for each had been shown but a half; the
colleague, who had been shown all, explains the reports alone. What gives the two away is that between them they had
been shown all of it, while of the colleague's customers at large they had been shown a part.

Among hundreds of pairs some cover much by chance. A pair counts where fewer than `ACCOMPLICES_COUNT` pairs are to be
expected to cover as much, each case by itself with the share of the principal's customers like it. Chernoff's bound
stands for the tail and all pairs count as independent, so the true number is well below. Two who are not that far
beyond chance are not seen: few reports, or customers whom most people opened.
"""

from __future__ import annotations

import math

import numpy as np

from leaktrace.attribution.explanations import Weighed
from leaktrace.attribution.ranking import LEVEL, highest
from leaktrace.attribution.rivals import NEARLY_ALL_MISSED
from leaktrace.attribution.sharing import Opened, own_rates, shares_of_like
from leaktrace.attribution.study import Flags, Group, Indices, Reals
from leaktrace.attribution.view import View

ACCOMPLICES_COUNT = 0.2
"""Nobody is named where two others had between them been shown nearly all that this one was, and fewer such pairs than
this are to be expected."""
_MOST_ACCOMPLICES = 30
_TILTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0)


def accomplices_of(view: View, one: Weighed) -> frozenset[int]:
    """Two others who between them had been shown nearly all of the cases that this one was, furthest beyond chance, and
    whoever is level with them; nobody where no two are far enough beyond it. Fixed jobs are left out.
    """
    weight = np.where(one.shown, view.weight, 0.0)
    if one.opened is None or not weight.any():
        return frozenset()
    others = _open_to(view, one.principal, weight)
    theirs, unsure = view.rows(others)
    shown = theirs | unsure
    most_missed = max(1.0, NEARLY_ALL_MISSED * float(weight.sum()))
    missed = (weight * ~shown) @ (~shown).T.astype(np.float64)
    firsts, seconds = np.nonzero(np.triu(missed <= most_missed, k=1))
    if not len(firsts):
        return frozenset()
    covered = shown[firsts] | shown[seconds]
    tails = _log_tails(_shares(view, one, one.opened, others, firsts, seconds), covered, weight)
    people = len(view.study.principals) - 1 - len(view.fixed_jobs)
    least = float(tails.min())
    if least + math.log(math.comb(max(people, 2), 2)) > math.log(ACCOMPLICES_COUNT):
        return frozenset()
    level = np.flatnonzero(tails <= least + LEVEL)
    return frozenset(others[np.concatenate([firsts[level], seconds[level]])].tolist())


def _open_to(view: View, principal: int, weight: Reals) -> Indices:
    """Those who had been shown most of these cases, but for this principal and fixed jobs."""
    hits = np.bincount(
        view.pair_principal, weights=weight[view.pair_case], minlength=len(view.study.principals)
    ).astype(np.float64)
    hits[principal] = 0.0
    hits[view.fixed_jobs] = 0.0
    order = highest(hits, _MOST_ACCOMPLICES)
    return order[hits[order] > 0.0]


def _shares(view: View, one: Weighed, sample: Group, others: Indices, firsts: Indices, seconds: Indices) -> Reals:
    """Of the customers whom this one opened, the share shown to either of each pair, `[pairs, cases]`."""
    opened = Opened.of(view, one.principal, one.shown, sample)
    flags = opened.shown_to(view, others)
    return shares_of_like(
        view, opened, flags[firsts] | flags[seconds], own_rates(view, others).of_either(firsts, seconds)
    )


def _log_tails(share: Reals, covered: Flags, weight: Reals) -> Reals:
    """Ln of a bound on the chance that so much weight is covered, each case by itself with its share, `[pairs]`."""
    reached = covered @ weight
    found = np.zeros(len(share))
    for tilt in _TILTS:
        grown = np.log1p(share * np.expm1(tilt * weight)[None, :]).sum(axis=1)
        found = np.minimum(found, grown - tilt * reached)
    return found
