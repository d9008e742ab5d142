"""Where customers live, and those of one language or country: what the customers table tells of. Pure.

A sender who writes to everybody of a language has a list of just those, and whoever answers in that language was shown
them. Where the regions tell the same, such a column says nothing beyond them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np

from leaktrace.records import ChannelUses, CustomerTable
from leaktrace.tracing.spelling import spelling_key

LEAST_CASES = 2
"""A language or a country of one customer in evidence explains nothing."""
MOST_COLUMNS = 16
"""Of languages, and of countries: those of the most cases."""
Place = Literal["region", "jurisdiction", "language"]
_ALWAYS = np.iinfo(np.int64).min


def place_of(table: CustomerTable) -> Place:
    """What of the table tells where customers live: the region; without any, the jurisdiction, else the language.

    Who serves one country is shown few of another, and where no table tells the country, the language nearly does.
    """
    if any(table.region):
        return "region"
    return "jurisdiction" if any(table.jurisdiction) else "language"


def places_in(table: CustomerTable, place: Place) -> Sequence[str]:
    """That of each customer, empty where it is not known."""
    if place == "language":
        return [_language(value) for value in table.locale]
    return table.region if place == "region" else table.jurisdiction


def customer_columns(table: CustomerTable, cases: int) -> ChannelUses:
    """Which of the customers are of each language ("language de") and of each country ("country CH").

    `cases`: so many customers of the table, its first, are in evidence. Only languages and countries of two of them or
    more, and none that all customers have.
    """
    labels: list[str] = []
    members = []
    for kind, values, part in (("language", table.locale, _language), ("country", table.jurisdiction, _country)):
        named = [part(value) for value in values]
        for name in _most(named[:cases]):
            own = np.flatnonzero(np.array([one == name for one in named], dtype=np.bool_))
            if len(own) < len(named):
                labels.append(f"{kind} {name}")
                members.append(own)
    row = np.concatenate([np.zeros(0, dtype=np.int64), *members])
    channel = np.repeat(np.arange(len(members)), [len(own) for own in members]).astype(np.int64)
    order = np.lexsort((channel, table.key[row]))
    return ChannelUses(tuple(labels), table.key[row][order], channel[order], np.full(len(row), _ALWAYS, dtype=np.int64))


def _most(names: Sequence[str]) -> list[str]:
    """Names of enough cases, most first, of two as many the first in the order of letters."""
    count = Counter(name for name in names if name)
    enough = [name for name in count if count[name] >= LEAST_CASES]
    return sorted(enough, key=lambda name: (-count[name], name))[:MOST_COLUMNS]


def _language(locale: str) -> str:
    """Of `de-AT`, `de_AT.UTF-8` and `DE`: `de`."""
    return spelling_key(locale.replace("_", "-").partition("-")[0].partition(".")[0])


def _country(jurisdiction: str) -> str:
    """Of `US-CA` and `us`: `US`."""
    return spelling_key(jurisdiction.partition("-")[0]).upper()
