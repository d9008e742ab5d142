"""Several sources: which small groups of principals explain the reports together?

A report of a campaign with the sources S was passed on by one of them: with shares w over S,

    L_S = prod_i [ nu_i + (1 - nu_i) sum_{e in S} w_e X_ei / p_ei ]

nu and w are integrated over grids. Plain maximum likelihood over all shares names a different rare principal for each
report, so every further person has a price: a prior of one in N, and of `ANOTHER` that there is one more at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.study import Flags, Reals
from leaktrace.attribution.view import View

ANOTHER = 0.1
"""Chance that there is one source more, each time."""
MOST_SOURCES = 3
_MOST_CANDIDATES = 6
_MOST_ADDED = 4
_MOST_GROUPS_EXTENDED = 4
_PAIR_SHARES = np.array([[w, 1.0 - w] for w in (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9)])
_TRIPLE_SHARES = np.array(
    [
        [1 / 3, 1 / 3, 1 / 3],
        [0.5, 0.25, 0.25],
        [0.25, 0.5, 0.25],
        [0.25, 0.25, 0.5],
        [0.7, 0.15, 0.15],
        [0.15, 0.7, 0.15],
        [0.15, 0.15, 0.7],
    ]
)
_SHARES = {1: np.ones((1, 1)), 2: _PAIR_SHARES, 3: _TRIPLE_SHARES}


@dataclass(frozen=True, slots=True)
class Part:
    """One principal's exposures, with rates that already lean towards innocence by the spread of the null model."""

    principal: int
    shown: Flags
    neutral: Flags
    rate: Reals
    lean: Reals
    log_ratio: float
    """As the only source, spread integrated."""


@dataclass(frozen=True, slots=True)
class Several:
    """A group of sources and ln of its likelihood ratio against nobody inside."""

    members: tuple[int, ...]
    log_ratio: float


def groups_of(parts: list[Part], view: View, counted: Reals) -> list[Several]:
    """Groups of two and three that may be worth their price; `counted`: weight of each case, `[cases]`."""
    chances = {part.principal: _gain(part) for part in parts}
    if view.size == 0 or len(parts) < 2:
        return []
    ranked = _ranked(parts, chances, view, counted)
    alone = {
        part.principal: _log_ratio([chances[part.principal]], [part], view, counted) - part.log_ratio for part in ranked
    }
    by_principal = {part.principal: part for part in ranked}
    pairs = [
        _weighed((one.principal, other.principal), chances, by_principal, alone, view, counted)
        for one, other in combinations(ranked, 2)
    ]
    pairs.sort(key=lambda group: -group.log_ratio)
    triples: dict[tuple[int, ...], Several] = {}
    for pair in pairs[:_MOST_GROUPS_EXTENDED]:
        for part in ranked:
            members = tuple(sorted({*pair.members, part.principal}))
            if len(members) == MOST_SOURCES and members not in triples:
                triples[members] = _weighed(members, chances, by_principal, alone, view, counted)
    return [*pairs, *triples.values()]


def _ranked(parts: list[Part], chances: dict[int, Reals], view: View, counted: Reals) -> list[Part]:
    """The parts worth combining: the strongest alone, then those that add most to the strongest, then to these two.

    A third source with a small share says little alone; left out, somebody else would be taken for them.
    """
    alone = sorted(parts, key=lambda part: (-part.log_ratio, part.principal))
    chosen = alone[:_MOST_CANDIDATES]
    base = alone[:1]
    for _ in range(MOST_SOURCES - 1):
        rest = [part for part in parts if part not in base]
        gain = {
            part.principal: _log_ratio([chances[one.principal] for one in (*base, part)], [*base, part], view, counted)
            for part in rest
        }
        rest.sort(key=lambda part: (-gain[part.principal], part.principal))
        chosen += [part for part in rest[:_MOST_ADDED] if part not in chosen]
        base = [*base, *rest[:1]]
    return chosen


def _gain(part: Part) -> Reals:
    """X / p of each case for both pick rules, `[2, cases]`; one where the time is unsure: neither for nor against."""
    asked = np.where(part.neutral, 1.0, np.where(part.shown, 1.0 / part.rate, 0.0))
    alike = np.where(part.neutral, 1.0, np.where(part.shown, part.lean / part.rate, 0.0))
    return np.stack([asked, alike])


def _weighed(
    members: tuple[int, ...],
    chances: dict[int, Reals],
    parts: dict[int, Part],
    alone: dict[int, float],
    view: View,
    counted: Reals,
) -> Several:
    """A group's log-ratio, less what the simpler formula overstates for its strongest member alone."""
    chosen = [parts[principal] for principal in members]
    log_ratio = _log_ratio([chances[principal] for principal in members], chosen, view, counted)
    strongest = max(chosen, key=lambda part: part.log_ratio).principal
    return Several(members, log_ratio - alone[strongest])


def _log_ratio(gains: list[Reals], parts: list[Part], view: View, counted: Reals) -> float:
    """The likelihood ratio in nats, nu, the shares and the pick rule integrated."""
    shares = _SHARES[len(parts)]
    mixed = np.concatenate([shares @ np.stack([gain[rule] for gain in gains]) for rule in (0, 1)])
    noise = 1.0 - (1.0 - NOISE)[:, None] * view.belief[None, :]
    each = np.log(noise[:, None, :] + (1.0 - noise[:, None, :]) * mixed[None, :, :]) @ counted
    each = each + view.other_path[:, None] + LOG_NOISE_WEIGHT[:, None] - np.log(len(mixed))
    return float(log_sum(each))


def log_price(count: int, principals: int, log_person: float) -> float:
    """A group's prior mass in nats: the one of a person, and for each further one a chance and a choice of whom."""
    further = count - 1
    return (
        log_person
        + further * float(np.log(ANOTHER))
        - sum(float(np.log(max(principals - used, 1) / (used + 1))) for used in range(1, count))
    )
