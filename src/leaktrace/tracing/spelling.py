"""Names of teams, sites, regions and segments, as different systems spell them: one name however it is written.

Two spellings of one team are two teams to whoever compares letters, and then colleagues who cannot be told apart look
like strangers. So names that differ only in case, blanks or Unicode form (NFC, NFD, full width) are one.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from leaktrace.records import PrincipalFacts


def spelling_key(name: str) -> str:
    """The same for all spellings of a name."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def codes_of(names: Iterable[str]) -> dict[str, int]:
    """Each name as it is spelled -> the number of the name, from 1 on in the order of names; empty ones are left out.

    Names without a letter or sign that shows are empty ones.
    """
    keys = {name: spelling_key(name) for name in set(names)}
    numbers = {key: number for number, key in enumerate(sorted({key for key in keys.values() if key}), start=1)}
    return {name: numbers[key] for name, key in keys.items() if key}


def one_spelling(principals: Sequence[PrincipalFacts]) -> tuple[PrincipalFacts, ...]:
    """The same principals with every team and every site spelled as it is most often; of two as often, the first in
    the order of letters.
    """
    teams = _usual(facts.team for facts in principals)
    sites = _usual(facts.site for facts in principals)
    return tuple(
        replace(facts, team=teams.get(facts.team or ""), site=sites.get(facts.site or "")) for facts in principals
    )


def _usual(names: Iterable[str | None]) -> dict[str, str]:
    """Each spelling -> the usual one of that name; those that name nothing are left out."""
    count = Counter(name for name in names if name)
    usual: dict[str, str] = {}
    for name in sorted(count, key=lambda name: (-count[name], name)):
        usual.setdefault(spelling_key(name), name)
    return {name: usual[spelling_key(name)] for name in count if spelling_key(name)}
