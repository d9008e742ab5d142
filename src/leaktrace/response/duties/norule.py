"""For whom no law is known here. Pure: a residence without a rule is told, not passed over as if nothing were owed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from leaktrace.caserecords import DutyFacts, WithoutRule
from leaktrace.response.duties.model import Law


def without_rule(facts: DutyFacts, laws: Sequence[Law], today: date) -> tuple[WithoutRule, ...]:
    """Each residence, and each market where persons of unknown residence may live, of which no law is in force.

    The law of a part does not speak for the whole: with laws of four states, `US` is without a rule, and says of which
    parts there is one.
    """
    places = tuple({place for law in laws if today >= law.valid_from for place in law.residences})
    counted: Counter[str] = Counter()
    for group in facts.groups:
        if group.residence is not None:
            counted[group.residence] += group.count
    unknown = sum(group.count for group in facts.groups if group.residence is None)
    found = [_told(one, count, places, market=False) for one, count in counted.items() if _open(one, count, places)]
    found += [_told(one, unknown, places, market=True) for one in facts.markets if _open(one, unknown, places)]
    return tuple(sorted(found, key=lambda one: (one.markets_only, -one.count, one.residence)))


def _open(residence: str, count: int, places: Sequence[str]) -> bool:
    return count > 0 and not within(residence, places)


def _told(residence: str, count: int, places: Sequence[str], *, market: bool) -> WithoutRule:
    parts = tuple(sorted(place for place in places if maybe_within(residence, (place,), ())))
    who = f"{count} {'person' if count == 1 else 'persons'}"
    if market:
        who += " whose residence is not known, should they live"
    only = f", only for parts of it ({', '.join(parts)})" if parts else ""
    sentence = f"For {who} in {residence} no rule is known here{only}: ask counsel."
    return WithoutRule(residence, count, parts, market, sentence)


def within(residence: str | None, places: Sequence[str]) -> bool:
    """Whether a resident of there is certainly one of these places' (`US-CA` is in `US`)."""
    return residence is not None and any(residence == place or residence.startswith(f"{place}-") for place in places)


def maybe_within(residence: str | None, places: Sequence[str], markets: Sequence[str]) -> bool:
    """Whether one may be: no residence is known, or only the country of the part that is asked about."""
    if residence is None:
        return not markets or any(within(one, places) or maybe_within(one, places, markets) for one in markets)
    return not within(residence, places) and any(place.startswith(f"{residence}-") for place in places)
