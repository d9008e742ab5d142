"""Somebody else who passed on just the part that this principal had opened too (guards 1 and 7).

A source who was shown 5,000 customers passes on five that a colleague with 500 was shown too: the formula for "all
alike" gives the colleague 1.0000. So for a principal C every other principal S competes with the rule "S passed on what
C had been shown too". The innocent rate of such a customer is p_C times the share of C's customers that S had been
shown, so a rival explains the shared cases *better* than C, and every case of C's that S had not been shown must then
be chance. Twins are the limit: the share is one, nothing is missed, and no number of reports separates them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import rates_from_controls
from leaktrace.attribution.likelihood import Columns, Credibility, Doubt, integrated, noise_profile
from leaktrace.attribution.lists import Regions, list_gain
from leaktrace.attribution.ranking import highest
from leaktrace.attribution.screening import expected_hits
from leaktrace.attribution.sharing import Opened, own_rates, shares_of_like
from leaktrace.attribution.study import Flags, Group, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View

CLOSE_SHARE = 0.5
"""A rival must have been shown at least this share of the cases that the principal was shown."""
RIVAL_LOG_RATIO = math.log(10.0)
"""How much worse every rival's explanation must be. A framer chooses the part; a prior on his choice guards nobody. Of
1,781 framings, 613 of them with a victim who looked like the source, the true source who was not shown nearly all was
at most e times worse at any look, and never at all looks."""
NEARLY_ALL_LOG_RATIO = math.log(200.0)
"""The same of a rival who had been shown nearly all that the principal was, or opened whom the mail went to as who
handles complaints does."""
NEARLY_ALL_MISSED = 0.15
"""Who was shown all but this share of the cases that the principal was shown, was shown nearly all."""
FRAMED = 0.02
"""Chance that a source passes on just what a given colleague had been shown too, in units of all alike. Chances are
told with it, and nobody is guarded by it: who frames chooses the part, so sets and names are decided as if it were one.
"""
_ROUNDING = 1e-12
_MOST_RIVALS = 30
_HANDLED_LEAST = 2.5
_HANDLED_TIMES = 5.0


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody who may have passed on the part that `principal` had been shown."""

    rival: int
    principal: int
    log_ratio: float
    """ln likelihood ratio against nobody inside, at the rates that know the company."""
    behind: float
    """How much worse that explains the reports than the principal, picking alike, in nats."""
    missed: float
    """Cases that the principal was shown and the rival was not."""
    nearly_all: bool
    """The rival was shown nearly all that the principal was."""
    handles_all: bool
    """The rival was also shown the cases that the principal was not, far beyond chance: as who handles complaints."""

    @property
    def needed(self) -> float:
        """How much worse the rival's explanation must be, in nats, for the principal to be named.

        Who opened whom the mail went to, be it the principal's customer or not, as who handles complaints does, missed
        those whom nobody complained for yet: to have missed some says less.
        """
        return NEARLY_ALL_LOG_RATIO if self.nearly_all or self.handles_all else RIVAL_LOG_RATIO

    @property
    def viable(self) -> bool:
        """Whether the rival's explanation is not much worse."""
        return self.behind < self.needed


def rivals_of(
    view: View, suspects: Suspects, row: int, opened: Group | None, doubt: Doubt, log_ratio: float
) -> tuple[Rival, ...]:
    """All rivals worth weighing for one suspect; `log_ratio`: of the suspect, with the same rates and doubt."""
    principal = int(suspects.principals[row])
    shown, neutral = suspects.shown[row], suspects.neutral[row]
    others = _close(principal, shown, view)
    if len(others) == 0 or principal in view.fixed_jobs:
        return ()
    theirs, unsure = view.rows(others)
    many = len(others)
    part = np.where(theirs, 1.0 / _shared_share(view, principal, shown, opened, others), 0.0)
    columns = Columns(
        shown=np.repeat(shown[None, :], many, axis=0),
        neutral=np.repeat(neutral[None, :], many, axis=0),
        rate=np.repeat(suspects.company[row][None, :], many, axis=0),
        # Whoever passes on the shared part passes on customers who live where the principal's do.
        lean=np.repeat(suspects.lean[row][None, :], many, axis=0),
        # What may have been in time for the rival is neither for nor against the pair.
        part=np.where(unsure, 1.0, part),
    )
    cases = Credibility(view.belief, view.weight, view.other_path)
    same = Doubt(np.full(many, doubt.mean[row]), np.full(many, doubt.spread[row]))
    gain: Reals | float = 0.0
    if view.study.region_known:
        where = Regions(
            view.region, view.known.region_share, np.repeat(suspects.region_share[row][None, :], many, axis=0)
        )
        gain = list_gain(columns, cases, where)
    ratios = integrated(noise_profile(columns, cases, same, gain), cases.other_path)
    missed = (shown[None, :] & ~theirs & ~unsure) @ view.weight
    outside = (theirs & ~shown[None, :]) @ view.weight
    by_chance = expected_hits(view, view.weight * ~shown, others)
    handles = (outside >= _HANDLED_LEAST) & (outside > _HANDLED_TIMES * by_chance)
    # Whoever was shown all that the principal was explains it no worse, whatever two estimates of the rates say.
    behind = np.where(missed == 0.0, np.minimum(log_ratio - ratios, 0.0), log_ratio - ratios)
    few = np.maximum(1.0, NEARLY_ALL_MISSED * float(shown @ view.weight))
    return tuple(
        Rival(
            other, principal, float(ratio), float(worse), float(miss), nearly_all=miss <= few, handles_all=bool(handler)
        )
        for other, ratio, worse, miss, handler in zip(others.tolist(), ratios, behind, missed, handles, strict=True)
    )


def shared_out(chance: Reals, rivals: Mapping[int, Sequence[Rival]], prior: float) -> tuple[Reals, float]:
    """Each one's chance shared with whoever may have passed on just this one's part, and how much was given away.

    `rivals`: of some principals; `prior`: how likely that is before the reports, in units of the one's own explanation.
    After them it counts as much at most.
    """
    gifts: list[tuple[int, int, float]] = []
    for principal, others in sorted(rivals.items()):
        odds = {rival.rival: math.exp(min(math.log(prior) - rival.behind, 0.0)) for rival in others}
        total = sum(odds.values())
        mine = float(chance[principal])
        if mine * total <= 0.0:
            continue
        parts = {rival: mine * part / (1.0 + total) for rival, part in odds.items()}
        given = sum(parts.values())
        if given <= 0.0:  # chances so small that their parts are none
            continue
        # Nobody gets ahead of the one whose part it is by this.
        room = min((mine - float(chance[rival])) / (given + part) for rival, part in parts.items())
        share = float(np.clip(room, 0.0, 1.0))
        gifts += [(principal, rival, share * part) for rival, part in sorted(parts.items())]
    return _given(chance, gifts)


def _given(chance: Reals, gifts: list[tuple[int, int, float]]) -> tuple[Reals, float]:
    """The chances after all gifts (from, to, how much), and how much changed hands.

    Who gets something from several ends up no likelier than the likeliest of them is then, or they were before; what is
    more goes back, to each its part.
    """
    shared, received, givers = chance.copy(), dict[int, float](), dict[int, list[tuple[int, float]]]()
    for giver, rival, part in gifts:
        shared[giver] -= part
        received[rival] = received.get(rival, 0.0) + part
        givers.setdefault(rival, []).append((giver, part))
    left = shared.copy()
    for rival, part in received.items():
        had = float(left[rival])
        level = max(float(chance[rival]), *(float(left[giver]) for giver, _ in givers[rival]))
        if had + part < level * (1.0 - _ROUNDING):
            shared[rival] += part
            continue
        # Level is level, not nearly so: who comes first is then told by weight, not by rounding.
        shared[rival] = level + (shared[rival] - had)
        for giver, its in givers[rival]:
            shared[giver] += max(part - (level - had), 0.0) * its / part if part > _ROUNDING * level else 0.0
    return shared, float(np.maximum(chance - shared, 0.0).sum())


def _close(principal: int, shown: Flags, view: View) -> Indices:
    """Principals who had been shown a good part of the cases that this one was shown, closest first."""
    mine = shown[view.pair_case]
    shared = np.bincount(
        view.pair_principal[mine],
        weights=view.weight[view.pair_case[mine]],
        minlength=len(view.study.principals),
    )
    shared[principal] = 0.0
    shared[view.fixed_jobs] = 0.0
    least = max(CLOSE_SHARE * float(shown @ view.weight), 0.9)
    order = highest(shared.astype(np.float64), _MOST_RIVALS)
    return order[shared[order] >= least]


def _shared_share(view: View, principal: int, shown: Flags, sample: Group | None, others: Indices) -> Reals:
    """Of the customers whom the principal opened, the share that each other had been shown too, `[others, cases]`."""
    if sample is not None:
        opened = Opened.of(view, principal, shown, sample)
        return shares_of_like(view, opened, opened.shown_to(view, others), own_rates(view, others))
    busy = np.tile(np.maximum(view.intensity - 1, 0), len(others))
    who, region = np.repeat(others, view.size), np.tile(view.region, len(others))
    return rates_from_controls(view.known, who, region, busy).reshape(len(others), view.size)
