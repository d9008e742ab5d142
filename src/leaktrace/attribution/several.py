"""Several sources: which small groups of principals explain the reports together?

A report of a campaign with the sources S was passed on by one of them: with shares w over S,

    L_S = prod_i [ nu_i + (1 - nu_i) sum_{e in S} w_e X_ei / p_ei ]

nu and w are integrated over grids. Plain maximum likelihood over all shares names a different rare principal for each
report, so every further person has a price: a prior of one in N, and odds of `ANOTHER` that there is one more at all.
What a further person adds is reckoned with the rates that know the company: a source's colleagues were shown the
source's customers too, and are no sources for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.buyers import BUYERS_SPREAD, against_buyers
from leaktrace.attribution.likelihood import LOG_NOISE_WEIGHT, NOISE, Doubt
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.ranking import with_level
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View
from leaktrace.attribution.weighing import against_both

ANOTHER = 0.5
"""How likely one source more is before the reports, in units of one fewer, each time."""
MOST_SOURCES = 3
"""So many sources together are weighed at most."""
_ALONE = 6
_ADDED = 4
_MOST_GROUPS = 8
_EXTENDED = 3
_MOST_SHARED = 0.97
_LEAST_RATE = 1e-12
_MARGIN = 5.0
"""A group that falls short of its price by so many nats on a rough reckoning is not weighed."""
_PAIR_SHARES = np.array([[w, 1.0 - w] for w in (0.12, 0.3, 0.5, 0.7, 0.88)])
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
_FOUR_SHARES = np.vstack(
    [np.full((1, 4), 0.25), *(np.where(np.eye(4) > 0.0, most, (1.0 - most) / 3.0) for most in (0.4, 0.6))]
)
_SHARES = {1: np.ones((1, 1)), 2: _PAIR_SHARES, 3: _TRIPLE_SHARES, 4: _FOUR_SHARES}
_PARTS = ((0.15, True), (0.4, True), (0.25, False))
"""Shares of a further source, and whether all were picked alike, that are enough to choose what is worth integrating:
even shares alone hide a small one, and what the buyer asked for alone hides who works for one region.
"""
_MOST = slice(1, None, 3)
"""Nodes of nu that are integrated over: what counts are differences between groups."""
_SOME = slice(3, None, 6)
"""Nodes of nu that are enough to choose what is worth integrating."""


Rows = tuple[int, ...]
"""Places of suspects, sorted."""


@dataclass(frozen=True, slots=True)
class Several:
    """A group of sources and ln of its likelihood ratio against nobody inside."""

    members: tuple[int, ...]
    """Principals, sorted."""
    log_ratio: float


def groups_of(
    view: View, suspects: Suspects, log_ratio: Reals, doubts: tuple[Doubt, Doubt], bought: Reals | None = None
) -> list[Several]:
    """Groups of two and three that may be worth their price.

    `log_ratio`: of each suspect as the only source; `doubts`: about the plain rates and those that know the company;
    `bought`: rates if reports that nothing marks are the seller's customers', where they may be.
    """
    if view.size == 0 or suspects.size < 2:
        return []
    plain = Gains.of(view, suspects, doubted(suspects.plain, doubts[0]))
    company = Gains.of(view, suspects, doubted(suspects.company, doubts[1]))
    eligible = int((view.study.opened_count > 0).sum())
    alone = plain.alone()
    ranked, strongest = _ranked(plain, log_ratio, alone)
    prices = [log_price(count, eligible, 0.0) for count in (1, 2, 3)]
    singles: dict[Rows, float] = {(int(row),): float(alone[row]) for row in strongest}
    smaller: dict[Rows, float] = {(int(row),): float(alone[row]) for row in ranked}
    pairs = _worth(plain, singles, ranked, smaller, prices[1] - prices[0])
    gains: tuple[Gains, ...] = (plain, company)
    if bought is not None:
        gains = (*gains, Gains.of(view, suspects, doubted(bought, Doubt.alike(suspects.size, BUYERS_SPREAD))))
    chain = _Chain(view, gains, log_ratio, {})
    found = {pair: chain.of(pair) for pair in pairs}
    leading = {pair: pairs[pair] for pair in _leading(found, _EXTENDED)}
    triples = _worth(plain, leading, ranked, pairs, prices[2] - prices[1])
    found |= {triple: chain.of(triple) for triple in triples}
    return [
        Several(tuple(sorted(int(suspects.principals[row]) for row in rows)), ratio) for rows, ratio in found.items()
    ]


def _worth(
    gains: Gains, groups: dict[Rows, float], ranked: Indices, smaller: dict[Rows, float], log_price: float
) -> dict[Rows, float]:
    """Groups with one member more that may be worth the price of it, with what they explain, on a rough reckoning.

    `groups`: those to enlarge; `smaller`: what all known groups of their size explain.
    """
    found: dict[Rows, float] = {}
    for group in groups:
        others = ranked[~np.isin(ranked, group)]
        for row, ratio in zip(others.tolist(), gains.quickly(group, others).tolist(), strict=True):
            together = tuple(sorted((*group, row)))
            found[together] = max(ratio, found.get(together, -np.inf))
    kept = {}
    for group, ratio in found.items():
        parts = [group[:place] + group[place + 1 :] for place in range(len(group))]
        best = max(smaller[part] for part in parts if part in smaller)
        if ratio - best + log_price > -_MARGIN:
            kept[group] = ratio
    return {group: kept[group] for group in _leading(kept, _MOST_GROUPS)}


def _leading(ratios: dict[Rows, float], many: int) -> list[Rows]:
    """The groups that explain most, and those level with the last of them: of twins none is left out by name."""
    groups = sorted(ratios, key=lambda group: (-ratios[group], group))
    values = np.array([ratios[group] for group in groups])
    return [groups[place] for place in with_level(np.arange(len(groups)), values, many).tolist()]


@dataclass(frozen=True, slots=True)
class _Chain:
    """Ln likelihood ratios of groups: the strongest member's alone, and what each further one adds to those before.

    What is added must stand against all nulls: that the rest of the mail came from a list like the controls, and that
    it came from one that leans to the further member's company.
    """

    view: View
    gains: tuple[Gains, ...]
    """By the plain rates, by those that know the company, and by those of the seller's customers where these may be."""
    log_ratio: Reals
    known: dict[Rows, tuple[float, ...]]
    """What was reckoned before."""

    def of(self, rows: Rows) -> float:
        """Of one group."""
        order = sorted(rows, key=lambda row: (-float(self.log_ratio[row]), row))
        total = float(self.log_ratio[order[0]])
        for count in range(2, len(order) + 1):
            before, after = self._by_all(order[: count - 1]), self._by_all(order[:count])
            plain, company, *bought = (np.array(more - less) for less, more in zip(before, after, strict=True))
            added = against_both(self.view, plain, company)
            total += float(against_buyers(added, bought[0]) if bought else added)
        return total

    def _by_all(self, rows: list[int]) -> tuple[float, ...]:
        key = tuple(sorted(rows))
        if key not in self.known:
            self.known[key] = tuple(gains.log_ratio(key) for gains in self.gains)
        return self.known[key]


def doubted(rates: Reals, doubt: Doubt) -> Reals:
    """Rates that lean towards innocence by the doubt about the null model: one standard deviation of their log-odds."""
    times = np.exp(doubt.mean + doubt.spread)[:, None]
    return np.asarray(rates * times / (1.0 - rates + rates * times))


@dataclass(frozen=True, slots=True)
class Gains:
    """What each suspect would explain of each case, `[suspects, cases]`."""

    shown: Flags
    seen: Flags
    """Shown, or neither for nor against."""
    gain: Reals
    """How much likelier each case is to have been shown to its source; one where that says nothing."""
    lean: Reals
    """How much more than that it is by the rule "all alike"."""
    share: Reals
    """Share of the second's customers that the first had been shown too, `[suspects, suspects]`; none of one's own."""
    noise: Reals
    """nu of each case, `[len(NOISE), cases]`."""
    weight: Reals
    prior: Reals
    """Ln weight of each nu before the reports, `[len(NOISE)]`."""
    missed: Reals
    """What each case costs whom it was not shown, in nats, at the nodes of `_MOST`, `[nodes, cases]`."""

    @staticmethod
    def of(view: View, suspects: Suspects, rates: Reals) -> Gains:
        """By one kind of rates, `[suspects, cases]`."""
        share = np.minimum(suspects.share, _MOST_SHARED)
        np.fill_diagonal(share, 0.0)
        noise = 1.0 - (1.0 - NOISE)[:, None] * view.belief[None, :]
        return Gains(
            shown=suspects.shown,
            seen=suspects.shown | suspects.neutral,
            gain=np.where(suspects.neutral, 1.0, suspects.shown / np.clip(rates, _LEAST_RATE, _MOST_SHARED)),
            lean=np.where(suspects.neutral, 1.0, suspects.lean),
            share=share,
            noise=noise,
            weight=view.weight,
            prior=view.other_path + LOG_NOISE_WEIGHT,
            missed=np.log(noise[_MOST]) * view.weight,
        )

    def with_list(self, shown: Flags, rate: Reals) -> Gains:
        """With one row more, the last: a list of customers, which explains `shown` for whatever reason they were."""
        size = len(self.gain)
        share = np.zeros((size + 1, size + 1))
        share[:size, :size] = self.share
        return replace(
            self,
            shown=np.vstack([self.shown, shown]),
            seen=np.vstack([self.seen, shown]),
            gain=np.vstack([self.gain, shown / np.clip(rate, _LEAST_RATE, _MOST_SHARED)]),
            lean=np.vstack([self.lean, np.ones_like(rate)]),
            share=share,
        )

    def alone(self) -> Reals:
        """What each suspect explains alone, on a rough reckoning, `[suspects]`."""
        pairs = _Pairs.of(self.seen)
        nobody = np.zeros(len(self.weight))
        asked = self.gain[pairs.who, pairs.case]
        alike = asked * self.lean[pairs.who, pairs.case]
        return np.asarray(np.maximum(*(self._roughly(nobody, pairs, gain) for gain in (asked, alike))))

    def quickly(self, group: Rows, others: Indices) -> Reals:
        """What a group explains with each of the others, at some values of nu and of the share that the other has, the
        group's own shares even, by the better rule, `[others]`.
        """
        base, pairs = np.array(group, dtype=np.int64), _Pairs.of(self.seen[others])
        case, other = pairs.case, others[pairs.who]
        shown, lean = self.shown[base], self.lean[base]
        alone = self._shared(base, shown, self.gain[base])
        # On cases that the other had been shown too.
        less = self.share[np.ix_(base, others)].take(pairs.who, axis=1) * self.shown[other, case]
        ours = np.minimum(alone.take(case, axis=1), _most_gain(less))
        less = self.share[np.ix_(others, base)].T.take(pairs.who, axis=1) * shown.take(case, axis=1)
        theirs = np.minimum(self.gain[other, case], _most_gain(less.max(axis=0)))
        asked = alone.mean(axis=0), ours.mean(axis=0), theirs
        ours_alike = (ours * lean.take(case, axis=1)).mean(axis=0)
        alike = (alone * lean).mean(axis=0), ours_alike, theirs * self.lean[other, case]
        found = []
        for part, picked_alike in _PARTS:
            lone, mine, yours = alike if picked_alike else asked
            found.append(self._roughly((1.0 - part) * lone, pairs, (1.0 - part) * mine + part * yours))
        return np.asarray(np.maximum.reduce(found))

    def _roughly(self, alone: Reals, pairs: _Pairs, together: Reals) -> Reals:
        """`alone`: gain from each case that the other was not shown, `[cases]`; `together`: from each of the pairs."""
        noise = self.noise[_SOME]
        without = _log_mixed(noise, alone) * self.weight
        more = _log_mixed(noise.take(pairs.case, axis=1), together) * self.weight[pairs.case]
        more -= without.take(pairs.case, axis=1)
        each = np.zeros((len(more), pairs.many))
        if len(pairs.who):
            each[:, pairs.who[pairs.first]] = np.add.reduceat(more, pairs.first, axis=1)
        return log_sum(each + (without.sum(axis=1) + self.prior[_SOME])[:, None], axis=0)

    def _shared(self, rows: Indices, shown: Flags, gain: Reals) -> Reals:
        """Gains of a group's members together, `[members, cases]`, from what each has alone.

        Whoever shares customers with another source had been shown that one's leak too, and is no source for it: on
        cases that another of the group had been shown, a member's rate is at least the share of the other's customers.
        """
        if len(rows) == 1:
            return gain
        least = self.share[np.ix_(rows, rows)][:, :, None] * shown[None, :, :]
        return np.asarray(np.minimum(gain, _most_gain(least.max(axis=1))))

    def log_ratio(self, rows: Rows) -> float:
        """The likelihood ratio of a group in nats, nu, the shares and the pick rule integrated."""
        chosen = np.array(rows, dtype=np.int64)
        # Cases that none of the group was shown cost the same whatever the shares.
        case = np.flatnonzero(self.seen[chosen].any(axis=0))
        asked = self._shared(chosen, self.shown[chosen].take(case, axis=1), self.gain[chosen].take(case, axis=1))
        alike = asked * self.lean[chosen].take(case, axis=1)
        mixed = np.concatenate([_SHARES[len(rows)] @ gain for gain in (asked, alike)])
        each = _log_mixed(self.noise[_MOST].take(case, axis=1)[:, None, :], mixed) @ self.weight[case]
        missed = self.missed.sum(axis=1) - self.missed.take(case, axis=1).sum(axis=1)
        return float(log_sum(each + (missed + self.prior[_MOST])[:, None])) - math.log(len(mixed))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Which of some others had been shown which case, or may have been; sorted."""

    many: int
    who: Indices
    case: Indices
    first: Indices
    """Places at which another one's cases begin."""

    @staticmethod
    def of(seen: Flags) -> _Pairs:
        who, case = np.nonzero(seen)
        return _Pairs(len(seen), who, case, np.flatnonzero(np.diff(who, prepend=-1)))


def _most_gain(rate: Reals) -> Reals:
    """The gain at most where the innocent rate is at least this."""
    return np.asarray(1.0 / np.maximum(rate, _LEAST_RATE))


def _log_mixed(noise: Reals, gain: Reals) -> Reals:
    """Ln (nu + (1 - nu) gain), in one table: to allocate more takes longer than to reckon."""
    mixed = (1.0 - noise) * gain
    mixed += noise
    return np.asarray(np.log(mixed, out=mixed))


def _ranked(gains: Gains, log_ratio: Reals, alone: Reals) -> tuple[Indices, Indices]:
    """The suspects worth combining, and the strongest of them alone.

    The strongest are those by `log_ratio` and those by what each explains of the plain list's mail (`alone`): a list of
    just one's customers explains what one of several sources was shown as well as that source does, and what all of
    them explain together not at all. Then those that add most to the strongest, and to these two: a third source
    with a small share says little alone; left out, somebody else would be taken for them.
    """
    by_ratio, by_gain = (np.argsort(-values, kind="stable") for values in (log_ratio, alone))
    strongest = [*with_level(by_ratio, log_ratio, _ALONE).tolist(), *with_level(by_gain, alone, _ALONE).tolist()]
    strongest = list(dict.fromkeys(strongest))
    chosen = strongest.copy()
    for first in dict.fromkeys((int(by_ratio[0]), int(by_gain[0]))):
        base: Rows = (first,)
        for _ in range(MOST_SOURCES - 1):
            others = np.setdiff1d(np.arange(len(log_ratio)), base, assume_unique=True)
            if len(others) == 0:
                break
            added = gains.quickly(base, others)
            best = others[with_level(np.argsort(-added, kind="stable"), added, _ADDED)].tolist()
            chosen += [row for row in best if row not in chosen]
            base = (*base, *best[:1])
    return np.array(chosen, dtype=np.int64), np.array(strongest, dtype=np.int64)


def log_alone(groups: Sequence[Several], principals: int) -> float:
    """Ln of the part of the insider prior that is for one source alone, where these groups have the rest.

    Groups that are not weighed explain little more than their members do alone; their part stays with these.
    """
    parts = [math.exp(log_price(len(group.members), principals, 0.0)) / principals for group in groups]
    return -math.log1p(sum(parts))


def log_price(count: int, principals: int, log_person: float) -> float:
    """A group's prior mass in nats: that of a person alone, and for each further one a chance and a choice of whom."""
    further = count - 1
    return (
        log_person
        + further * float(np.log(ANOTHER))
        - sum(float(np.log(max(principals - used, 1) / (used + 1))) for used in range(1, count))
    )
