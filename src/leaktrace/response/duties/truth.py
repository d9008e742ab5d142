"""What a condition comes to on given facts: yes, no, or not known (Kleene's three values).

Numbers of persons are ranges, because residences and fields may not be known: `count > 500` is yes when even the
lowest number is above, no when even the highest is not, else not known. Nothing is ever guessed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leaktrace.caserecords import ExposedGroup
from leaktrace.response.duties.syntax import And, Comparison, Condition, Constant, Count, Fact, Fields, Not, Or

Truth = bool | None
"""Null: not known."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number of persons: at least, at most."""

    low: int
    high: int

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


@dataclass(frozen=True, slots=True)
class View:
    """What a condition is asked on: the persons a law may cover, their number, and what people answered."""

    groups: tuple[ExposedGroup, ...]
    count: Range
    residents: Mapping[str, Range]
    """Residence that a condition names -> persons."""
    fields_complete: bool
    answers: Mapping[str, bool] = field(default_factory=dict)


def truth(condition: Condition, view: View) -> Truth:
    """Yes, no, or not known."""
    match condition:
        case Constant(value):
            return value
        case Fact(name):
            return view.answers.get(name)
        case Fields():
            return _fields(condition, view)
        case Count(residence, comparison, number):
            counted = view.count if residence is None else view.residents[residence]
            return compare(counted, comparison, number)
        case Not(inner):
            return negated(truth(inner, view))
        case And(parts):
            return every([truth(part, view) for part in parts])
        case Or(parts):
            return some([truth(part, view) for part in parts])


def negated(value: Truth) -> Truth:
    """Not known stays not known."""
    return None if value is None else not value


def every(values: Sequence[Truth]) -> Truth:
    """Yes when all are; no when one is no, whatever the others are."""
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def some(values: Sequence[Truth]) -> Truth:
    """Yes when one is, whatever the others are; no when all are no."""
    return negated(every([negated(value) for value in values]))


def compare(counted: Range, comparison: Comparison, number: int) -> Truth:
    """Yes when every number of the range stands so to `number`, no when none does."""
    low, high = counted.low, counted.high
    match comparison:
        case ">":
            return _decided(low > number, high <= number)
        case ">=":
            return _decided(low >= number, high < number)
        case "<":
            return _decided(high < number, low >= number)
        case "<=":
            return _decided(high <= number, low > number)
        case "==":
            return _decided(low == high == number, number < low or number > high)


def _decided(yes: bool, no: bool) -> Truth:
    return True if yes else False if no else None


def _fields(asked: Fields, view: View) -> Truth:
    """A field that the log does not show is known to be missing only where the log shows every field."""
    names = set(asked.names)
    if asked.how == "only":
        if any(set(group.fields) - names for group in view.groups):
            return False
        return True if view.fields_complete else None
    met = any(names <= set(group.fields) if asked.how == "all" else names & set(group.fields) for group in view.groups)
    if met:
        return True
    return False if view.fields_complete or not view.groups else None
