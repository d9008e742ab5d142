"""How many wrong names are to be expected among all that a workspace ever gave, and whether there may be another.

A person counts once, at the worst of the campaigns they were named in: still named, with one minus their chance of
being a source as it is now; no longer named, with the larger of that and what it was when the name was given. The sum
is the expected number of wrong names, so the chance that there is any at all is no more than that (Markov).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GivenName:
    """One person in one campaign: named at its last look, or at an earlier one."""

    person: str
    """Any key; the same person has the same one in every campaign."""
    error: float
    """Chance that it was somebody else, as above."""


def expected_wrong(names: Iterable[GivenName]) -> float:
    """Expected wrong names."""
    worst: dict[str, float] = {}
    for name in names:
        worst[name.person] = max(name.error, worst.get(name.person, 0.0))
    return sum(sorted(worst.values()))


def error_of(then: float | None, now: float, *, is_named: bool) -> float:
    """What a name costs: `then` and `now` are chances of being a source, at the worst former name and at this look."""
    error = 1.0 - now
    return error if is_named or then is None else max(error, 1.0 - then)


def withheld(new: Iterable[str], known: Iterable[str], spent: float, allowed: float) -> frozenset[str]:
    """Which persons may not be named now: nobody new once the budget is spent; whoever was named before still may."""
    return frozenset(new) - frozenset(known) if spent >= allowed else frozenset()
