"""Facts from the log for 'the account is not the person': was this account used unlike its own habit? Pure.

Compared are the accesses that opened customers in evidence (in time) with all other accesses of the same account. A
fact is told as unusual where the difference would come about by chance less than once in a thousand accounts; with few
accesses it says that it cannot tell. Facts answer no check: an unusual hour may be an extra shift, and whoever uses a
stolen session in office hours leaves no mark here. The access log has no devices and no places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from leaktrace.records import PrincipalKind

Reading = Literal["usual", "unusual", "cannot_tell"]
_CHANCE = 0.001
_LEAST_HABIT, _LEAST_EVIDENCE = 50, 3
"""Accesses that habit and evidence must have to be compared."""
_RARE_SHARE = 0.02
_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class HabitFact:
    """One thing the log says about one subject, for one line of the list."""

    check: str
    about: Literal["hours", "weekdays", "tool", "volume", "kind"]
    reading: Reading
    sentence: str


@dataclass(frozen=True, slots=True)
class AccountUse:
    """Accesses of one account: columns of equal length."""

    at: NDArray[np.int64]
    """Microseconds UTC."""
    tool: tuple[str, ...]
    in_evidence: NDArray[np.bool_]
    """Whether the access opened, in time, a customer who is in evidence."""
    kind: PrincipalKind | None = None


def habit_facts(use: AccountUse) -> tuple[HabitFact, ...]:
    """What the log can say, one fact a question."""
    evidence = use.in_evidence
    hours, days = (use.at // _HOUR) % 24, (use.at // _DAY) % 7
    tools = sorted(set(use.tool))
    tool = np.array([tools.index(one) for one in use.tool], dtype=np.int64)
    return (
        _kind_fact(use.kind),
        _rarity("hours", "hours of the day", hours, evidence, 24),
        _rarity("weekdays", "days of the week", days, evidence, 7),
        _rarity("tool", "tools", tool, evidence, max(len(tools), 1)),
        _volume(use.at // _DAY, evidence),
    )


def _kind_fact(kind: PrincipalKind | None) -> HabitFact:
    if kind is None:
        return HabitFact("service_account", "kind", "cannot_tell", "The principals table does not say what it is.")
    reading: Reading = "unusual" if kind == "service" else "usual"
    return HabitFact("service_account", "kind", reading, f"The principals table says: {kind}.")


def _rarity(
    about: Literal["hours", "weekdays", "tool"],
    words: str,
    value: NDArray[np.int64],
    evidence: NDArray[np.bool_],
    size: int,
) -> HabitFact:
    """Whether accesses in evidence fall where the account's other accesses hardly ever do."""
    habit, mine = value[~evidence], value[evidence]
    if len(habit) < _LEAST_HABIT or len(mine) < _LEAST_EVIDENCE:
        return HabitFact("unusual_use", about, "cannot_tell", f"Too few accesses to speak of a habit in {words}.")
    counts = np.bincount(habit, minlength=size)
    rare = counts < _RARE_SHARE * len(habit)
    expected = (counts[rare].sum() + 0.5) / (len(habit) + 1)
    seen = int(rare[mine].sum())
    reading: Reading = "unusual" if at_least(seen, len(mine), float(expected)) < _CHANCE else "usual"
    return HabitFact(
        "unusual_use",
        about,
        reading,
        f"{seen} of {len(mine)} accesses in evidence fall into {words} where {expected:.1%} of its other accesses do.",
    )


def _volume(day: NDArray[np.int64], evidence: NDArray[np.bool_]) -> HabitFact:
    """Whether the days on which customers in evidence were opened were busier than the account's other days."""
    days, place, counts = np.unique(day, return_inverse=True, return_counts=True)
    touched = np.zeros(len(days), dtype=bool)
    touched[place[evidence]] = True
    if (~touched).sum() < 20 or touched.sum() < 1:
        return HabitFact("unusual_use", "volume", "cannot_tell", "Too few other days to speak of a habit in volume.")
    usual = float(np.median(counts[~touched]))
    edge = float(np.quantile(counts[~touched], 0.99))
    busy = int((counts[touched] > edge).sum())
    reading: Reading = "unusual" if at_least(busy, int(touched.sum()), 0.01) < _CHANCE else "usual"
    return HabitFact(
        "unusual_use",
        "volume",
        reading,
        f"On {busy} of {int(touched.sum())} days with accesses in evidence it opened more than on 99 % of its other "
        f"days (median {usual:.0f} a day).",
    )


def at_least(seen: int, tried: int, probability: float) -> float:
    """Chance of `seen` or more successes in so many independent tries (binomial tail)."""
    if seen <= 0:
        return 1.0
    if probability <= 0.0:
        return 0.0
    if probability >= 1.0:
        return 1.0
    log_p, log_q = math.log(probability), math.log1p(-probability)
    terms: Sequence[float] = [
        math.lgamma(tried + 1) - math.lgamma(k + 1) - math.lgamma(tried - k + 1) + k * log_p + (tried - k) * log_q
        for k in range(seen, tried + 1)
    ]
    top = max(terms)
    return min(1.0, math.exp(top) * sum(math.exp(term - top) for term in terms))
