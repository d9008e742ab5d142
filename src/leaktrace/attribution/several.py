"""Several sources: which small groups of principals explain the reports together?

A report of a campaign with the sources S was passed on by one of them: with shares w over S,

    L_S = prod_i [ nu_i + (1 - nu_i) sum_{e in S} w_e X_ei / p_ei ]

nu and w are integrated over grids. Plain maximum likelihood over all shares names a different rare principal for each
report, so every further person has a price: a prior of one in N, and of `ANOTHER` that there is one more at all. What a
further person adds is reckoned with the rates that know the company: a source's colleagues were shown the source's
customers too, and are no sources for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE, Doubt
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View
from leaktrace.attribution.weighing import against_both

ANOTHER = 0.1
"""Chance that there is one source more, each time."""
MOST_SOURCES = 3
"""So many sources together are weighed at most."""
_ALONE = 6
_ADDED = 4
_PAIRS = 10
_EXTENDED = 3
_TRIPLES = 10
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
_EVERY = slice(0, None)
_SOME = slice(2, None, 5)
"""Nodes of nu that are enough to choose what is worth integrating."""


@dataclass(frozen=True, slots=True)
class Several:
    """A group of sources and ln of its likelihood ratio against nobody inside."""

    members: tuple[int, ...]
    """Principals, sorted."""
    log_ratio: float


def groups_of(view: View, suspects: Suspects, log_ratio: Reals, doubts: tuple[Doubt, Doubt]) -> list[Several]:
    """Groups of two and three that may be worth their price.

    `log_ratio`: of each suspect as the only source; `doubts`: about the plain rates and those that know the company.
    """
    if view.size == 0 or suspects.size < 2:
        return []
    plain = _Gains.of(view, suspects, suspects.plain, doubts[0])
    company = _Gains.of(view, suspects, suspects.company, doubts[1])
    ranked = _ranked(company, log_ratio)
    pairs = _best(company, combinations(ranked, 2), _PAIRS)
    found = {pair: _chain(view, (plain, company), pair, log_ratio) for pair in pairs}
    leading = sorted(found, key=lambda pair: (-found[pair], pair))[:_EXTENDED]
    triples = {tuple(sorted({*pair, row})) for pair in leading for row in ranked if row not in pair}
    found |= {
        triple: _chain(view, (plain, company), triple, log_ratio)
        for triple in _best(company, sorted(triples), _TRIPLES)
    }
    return [
        Several(tuple(sorted(int(suspects.principals[row]) for row in rows)), ratio) for rows, ratio in found.items()
    ]


def _chain(view: View, gains: tuple[_Gains, _Gains], rows: tuple[int, ...], log_ratio: Reals) -> float:
    """A group's ln likelihood ratio: the strongest member's alone, and what each further one adds to those before.

    What is added must stand against both nulls: that the rest of the mail came from a list like the controls, and that
    it came from one that leans to the further member's company.
    """
    order = sorted(rows, key=lambda row: (-float(log_ratio[row]), row))
    total = float(log_ratio[order[0]])
    for count in range(2, len(order) + 1):
        before, after = tuple(order[: count - 1]), tuple(order[:count])
        plain, company = (gain.log_ratio(after) - gain.log_ratio(before) for gain in gains)
        total += float(against_both(view, np.array(plain), np.array(company)))
    return total


@dataclass(frozen=True, slots=True)
class _Gains:
    """What each suspect would explain of each case, `[suspects, cases]`."""

    shown: Flags
    neutral: Flags
    rate: Reals
    lean: Reals
    share: Reals
    """Share of the second's customers that the first had been shown too, `[suspects, suspects]`."""
    noise: Reals
    """nu of each case, `[len(NOISE), cases]`."""
    weight: Reals
    other_path: Reals

    @staticmethod
    def of(view: View, suspects: Suspects, rates: Reals, doubt: Doubt) -> _Gains:
        # The rates lean towards innocence by the doubt about the null model.
        rate = np.clip(rates * np.exp(doubt.mean + doubt.spread)[:, None], 1e-12, 0.97)
        noise = 1.0 - (1.0 - NOISE)[:, None] * view.belief[None, :]
        share = np.minimum(suspects.share[suspects.principals], 0.97)
        return _Gains(suspects.shown, suspects.neutral, rate, suspects.lean, share, noise, view.weight, view.other_path)

    def _of_group(self, rows: list[int]) -> tuple[Reals, Reals]:
        """X / p for both pick rules, `[members, cases]`; one where the time is unsure.

        Whoever shares customers with another source had been shown that one's leak too, and is no source for it: on
        cases that another of the group had been shown, a member's rate is at least the share of the other's customers.
        """
        shown, neutral = self.shown[rows], self.neutral[rows]
        rate = self.rate[rows]
        if len(rows) > 1:
            shared = self.share[np.ix_(rows, rows)] * ~np.eye(len(rows), dtype=np.bool_)
            rate = np.maximum(rate, (shared[:, :, None] * shown[None, :, :]).max(axis=1))
        gain = np.where(neutral, 1.0, shown / rate)
        return gain, np.where(neutral, 1.0, gain * self.lean[rows])

    def log_ratio(self, rows: tuple[int, ...], nodes: slice = _EVERY, shares: Reals | None = None) -> float:
        """The likelihood ratio of a group in nats, nu, the shares and the pick rule integrated."""
        weights = _SHARES[len(rows)] if shares is None else shares
        mixed = np.concatenate([weights @ gain for gain in self._of_group(list(rows))])
        noise = self.noise[nodes][:, None, :]
        each = np.log(noise + (1.0 - noise) * mixed[None, :, :]) @ self.weight
        each = each + (self.other_path + LOG_NOISE_WEIGHT)[nodes][:, None] - np.log(len(mixed))
        return float(log_sum(each))


def _best(gains: _Gains, groups: Iterable[tuple[int, ...]], many: int) -> list[tuple[int, ...]]:
    """The groups that explain most at a few values of nu and even shares."""
    quick = {rows: gains.log_ratio(rows, _SOME, np.full((1, len(rows)), 1.0 / len(rows))) for rows in groups}
    return sorted(quick, key=lambda rows: (-quick[rows], rows))[:many]


def _ranked(gains: _Gains, log_ratio: Reals) -> list[int]:
    """The suspects worth combining: the strongest alone, then those that add most to the strongest, then to these two.

    A third source with a small share says little alone; left out, somebody else would be taken for them.
    """
    alone: Indices = np.argsort(-log_ratio, kind="stable")
    chosen: list[int] = alone[:_ALONE].tolist()
    base: tuple[int, ...] = (int(alone[0]),)
    for _ in range(MOST_SOURCES - 1):
        groups = [(*base, row) for row in range(len(log_ratio)) if row not in base]
        best = [group[-1] for group in _best(gains, groups, _ADDED)]
        chosen += [row for row in best if row not in chosen]
        base = (*base, *best[:1])
    return chosen


def log_price(count: int, principals: int, log_person: float) -> float:
    """A group's prior mass in nats: the one of a person, and for each further one a chance and a choice of whom."""
    further = count - 1
    return (
        log_person
        + further * float(np.log(ANOTHER))
        - sum(float(np.log(max(principals - used, 1) / (used + 1))) for used in range(1, count))
    )
