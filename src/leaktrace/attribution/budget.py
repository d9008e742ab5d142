"""How many wrong names are to be expected among all that a workspace ever gave, and whether there may be another.

A person counts once, at the worst of the campaigns they were named in: still named, with one minus their chance of
being a source as it is now; no longer named, with the larger of that and what it was when the name was given. The sum
is the expected number of wrong names.

What is allowed is a share of the names that were given, and a fixed number while there are few: the expected share of
wrong ones among all names (the false discovery rate; Benjamini and Hochberg, 1995) is then no more than one name may
cost. A fixed number alone would be spent by right names: sixty of them, each as sure as it must be, and after that the
surest evidence would name nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_STRICTER = 10.0
"""So many times smaller must the chance be that it was somebody else, once the budget is spent. Not smaller without
bound: then the plainest evidence would be hidden because somebody else was named wrongly."""


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


def allowed_wrong(at_least: float, naming_threshold: float, named_count: int) -> float:
    """How many wrong names may be expected among so many persons named: as many as the threshold leaves to each."""
    return max(at_least, (1.0 - naming_threshold) * named_count)


def needed_once_spent(naming_threshold: float) -> float:
    """The chance of being a source that a new name needs while names given before are in doubt."""
    return 1.0 - (1.0 - naming_threshold) / _STRICTER


def withheld(
    new: Mapping[str, float], known: Iterable[str], *, spent: float, allowed: float, naming_threshold: float
) -> frozenset[str]:
    """Which persons may not be named now, of those who would be, with their chances of being a source.

    Once the budget is spent, somebody new needs ten times the evidence; whoever was named before still may be.
    """
    if spent < allowed:
        return frozenset()
    needed = needed_once_spent(naming_threshold)
    return frozenset(person for person, chance in new.items() if chance < needed) - frozenset(known)
