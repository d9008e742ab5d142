"""Openings as whoever handles complaints about an earlier mail has them; a source who harvested then looks alike.

Just before the first mail: far more of the cases than one's own habit explains lie behind the early cut (guard 4). Or
in a burst some time before: that cut lies a fixed time before the campaign, and an earlier mail of the same list that
nobody reported may be older. Whoever handled the complaints about it opened these very customers within days or weeks,
far more of them than their own work of that time would bring. Nor is it an excuse that all of somebody's work surged
just then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.explanations import Posterior
from leaktrace.attribution.special import bdtrc
from leaktrace.attribution.study import DAY, NEVER, Aside, Indices, Reals, Samples
from leaktrace.attribution.view import View, decoys
from leaktrace.records import Instants

LATE_ONLY_LOG_RATIO = 3.0
"""How much a principal's weight must grow (nats) between the cuts for what lies between them to be set aside."""
LATE_ONLY_CHANCE = 1e-3
"""And how unlikely by their own habit so many new cases between the cuts must be."""
WAVE_DAYS = 60
"""Complaints by telephone about a sender's mails are handled within about so many days."""
WAVE_CHANCE = 0.02
"""Openings that come together with less than this chance, whichever stretch of days is looked at, are a burst."""
HANDLER_CHANCE = 0.5
"""The same of whoever is known to handle complaints: it takes no proof that they did."""
YOUNG_CHANCE = 0.1
"""The same, where somebody may have passed on early what came by ordinary work, as a burst looks in a young log."""
SURGE_TIMES = 3.0
"""Of a principal's own work in those days no more counts as usual than so many times the share of everybody's that
fell into them."""
TRAIL_SHARE = 0.5
"""Of a burst's length, what lies just before and after it counts as little."""
_LEAST_GAINED = 1.5
_LEAST_OPENINGS = 3
_OTHERS_NEEDED = 100
_PRIOR = 1.0
_MOST_EDGES = 200
"""Of many openings only so many, evenly, are tried as the ends of a burst: the cost stays that of a few."""


@dataclass(frozen=True, slots=True)
class Wave:
    """A stretch of time in which one principal opened many of the mailed cases."""

    principal: int
    since: int
    """The first opening, or the early cut, microseconds UTC."""
    until: int
    """Past the last one; `NEVER` for what was opened just before the first mail."""
    opened_count: int

    @property
    def trail(self) -> int:
        """So long before and after it openings belong to it: the least likely stretch is seldom all of a burst."""
        return 0 if self.is_late else round(TRAIL_SHARE * (self.until - self.since)) + DAY

    @property
    def is_late(self) -> bool:
        """Whether it is what was opened just before the first mail."""
        return self.until == NEVER


def late_only(late: Posterior, early: Posterior, margin_at: int) -> tuple[Wave, ...]:
    """Of principals who were shown far more of the cases after the early cut than their own habit explains."""
    return tuple(
        Wave(index, margin_at, NEVER, round(gained))
        for index, (gained, chance) in sorted(gains(late, early).items())
        if gained > _LEAST_GAINED
        and chance < LATE_ONLY_CHANCE
        and late.log_ratio[index] - early.log_ratio[index] > LATE_ONLY_LOG_RATIO
    )


def gains(late: Posterior, early: Posterior) -> dict[int, tuple[float, float]]:
    """Cases shown between the cuts to those who were looked at closely, and how unlikely so many are by their habit."""
    hits_late, hits_early = late.view.hits(), early.view.hits()
    found = {}
    for one in late.weighed:
        hits = float(hits_late[one.principal])
        gained = hits - float(hits_early[one.principal])
        # Of all customers they opened, the share first opened after the early cut; never quite zero.
        chance = (
            float(bdtrc(np.floor(gained) - 1, max(int(np.ceil(hits)), 1), one.recent_share)) if gained >= 1.0 else 1.0
        )
        found[one.principal] = (gained, chance)
    return found


def aside_of(waves: Iterable[Wave], since: int) -> Aside:
    """What does not count: of whoever handled complaints, nothing since the first of them may have come (`since`,
    microseconds UTC). A burst is the least likely stretch, and what was handled before and after it would name them.
    """
    found = [
        (one.principal, min(since, one.since - one.trail), one.since - one.trail, one.until + one.trail)
        for one in waves
    ]
    return Aside(*np.array(found, dtype=np.int64).reshape(-1, 4).T)


def waves_of(
    view: View,
    samples: Samples,
    principals: Indices,
    since: int,
    everything: Instants,
    handlers: Collection[int] = (),
) -> tuple[Wave, ...]:
    """The bursts of these principals: see `wave_of`; `handlers` are those who are known to handle complaints."""
    found = (
        wave_of(view, samples, principal, since, HANDLER_CHANCE if principal in handlers else WAVE_CHANCE, everything)
        for principal in sorted(principals.tolist())
    )
    return tuple(wave for wave in found if wave is not None)


def share_in_bursts(view: View, principal: int, waves: Iterable[Wave]) -> float:
    """Of a principal's openings of the cases, the share that fell into others' bursts, or just before or after them."""
    at = _openings(view, principal)
    inside = np.zeros(len(at), dtype=np.bool_)
    for wave in waves:
        if wave.principal != principal:
            inside |= (at >= wave.since - wave.trail) & (at < wave.until + wave.trail)
    return float(inside.mean()) if len(at) else 0.0


def wave_of(
    view: View,
    samples: Samples,
    principal: int,
    since: int,
    least_chance: float = WAVE_CHANCE,
    everything: Instants | None = None,
) -> Wave | None:
    """The least likely burst of a principal's openings of the cases at or after `since` (microseconds UTC), if any
    has less than this chance. `everything`: all openings of the samples, sorted.

    Decoys are left out: they never complain. Of whom no other opening is known, half of the work may have fallen then.
    """
    at = np.sort(_openings(view, principal))
    habit = np.sort(_habit(samples, principal))
    first, last, tried = _stretches(at, since)
    if len(first) == 0:
        return None
    count = last - first + 1
    share = _share_within(habit, at[first], at[last])
    everything = np.sort(samples.draw_at) if everything is None else everything
    others = _Others(everything, habit, int(min(at[0], habit.min(initial=at[0]))))
    if others.size >= _OTHERS_NEEDED:
        # All of somebody's work in these days may have been the handling of complaints: then it excuses nothing.
        share = np.minimum(share, SURGE_TIMES * others.share_within(at[first], at[last]))
    # Who passed customers on some time ago opened none of them since: in a young log all of that lies in one stretch.
    young = np.maximum(share, _share_before(everything, at[first], at[last]))
    # Of the others, so many fall between these two; and any two might have been looked at.
    unlikely = np.flatnonzero(np.asarray(bdtrc(count - 3.0, len(at) - 2, share)) * tried < least_chance)
    chance = np.asarray(bdtrc(count[unlikely] - 3.0, len(at) - 2, young[unlikely])) * tried
    kept = chance < max(least_chance, YOUNG_CHANCE)
    unlikely, chance = unlikely[kept], chance[kept]
    if not len(unlikely):
        return None
    best = int(unlikely[np.lexsort((first[unlikely], -count[unlikely], chance))[0]])
    return Wave(principal, int(at[first[best]]), int(at[last[best]]) + 1, int(count[best]))


def _openings(view: View, principal: int) -> Instants:
    own = (view.pair_principal == principal) & ~decoys(view)[view.pair_case]
    return np.asarray(view.cases.pair_at[own])


def _share_within(times: Instants, first: Instants, last: Instants) -> Reals:
    """Share of some openings (sorted) that fell between two moments, both included; never quite none or all."""
    return np.asarray((_within(times, first, last) + _PRIOR) / (len(times) + 2.0 * _PRIOR))


def _share_before(everything: Instants, first: Instants, last: Instants) -> Reals:
    """Of all openings up to the last moment, the share at or after the first: little, but where the log is young."""
    before = np.searchsorted(everything, last, side="right")
    return np.asarray(_within(everything, first, last) / (before + 2.0 * _PRIOR))


def _within(times: Instants, first: Instants, last: Instants) -> Indices:
    return np.asarray(np.searchsorted(times, last, side="right") - np.searchsorted(times, first))


@dataclass(frozen=True, slots=True)
class _Others:
    """When everybody else who was sampled opened customers, from the principal's own first day on (`since`)."""

    everything: Instants
    """Of all who were sampled, sorted."""
    own: Instants
    """Of the principal, sorted."""
    since: int

    @property
    def size(self) -> int:
        """How many openings there are of them."""
        before = int(np.searchsorted(self.everything, self.since) - np.searchsorted(self.own, self.since))
        return len(self.everything) - len(self.own) - before

    def share_within(self, first: Instants, last: Instants) -> Reals:
        """As `_share_within`; no moment is before `since`."""
        within = _within(self.everything, first, last) - _within(self.own, first, last)
        return np.asarray((within + _PRIOR) / (self.size + 2.0 * _PRIOR))


def _habit(samples: Samples, principal: int) -> Instants:
    row = int(np.searchsorted(samples.principals, principal))
    if row >= len(samples.principals) or samples.principals[row] != principal:
        return np.zeros(0, dtype=np.int64)
    return np.asarray(samples.draw_at[samples.draw_row == row])


def _stretches(at: Instants, since: int) -> tuple[Indices, Indices, int]:
    """(first, last) opening of every stretch to look at, those of up to `WAVE_DAYS` with openings enough; and how many
    there are before one looks when they were.
    """
    edges = np.unique(np.linspace(0, max(len(at) - 1, 0), min(len(at), _MOST_EDGES)).astype(np.int64))
    one, other = np.triu_indices(len(edges), k=1)
    first, last = edges[one], edges[other]
    kept = (last - first + 1 >= _LEAST_OPENINGS) & (at[first] >= since) & (at[last] - at[first] <= WAVE_DAYS * DAY)
    return first[kept], last[kept], len(one)
