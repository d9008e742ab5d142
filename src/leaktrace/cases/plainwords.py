"""Free text that goes into events (titles, notes, reasons) names nobody. Pure.

The words that people write are never changed; a text that would open a pseudonym is refused, with what to write
instead. What this cannot see: a person described in words ("the tall one from team 4"). That stays with the writer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from leaktrace.addresses import holds_address
from leaktrace.errors import CaseError

CEILING_CHARACTERS = 20_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_WORD_EDGE = r"(?<![\w-]){}(?![\w-])"
_LEAST = 3
"""Shorter ids are ordinary words too often."""


def nameless(text: str, names: Iterable[str], what: str, instead: str = "Write the pseudonym.") -> str:
    """The text itself; CaseError where it holds an e-mail address, or an id that has a pseudonym in this case.

    `names`: ids as ingested; `instead`: what to write for one of them. The error repeats neither: whoever tries ids
    must not learn pseudonyms.
    """
    if len(text) > CEILING_CHARACTERS:
        raise CaseError(f"The {what} is longer than {CEILING_CHARACTERS} characters.", "Store it as an exhibit.")
    if _CONTROL.search(text):
        raise CaseError(f"The {what} holds characters that steer a terminal.", "Write it in plain text.")
    if holds_address(text):
        raise CaseError(f"The {what} holds an e-mail address.", "Store the source as an exhibit and cite that (E-…).")
    lowered = text.casefold()
    for name in names:
        folded = name.casefold()
        if len(name) >= _LEAST and folded in lowered and re.search(_WORD_EDGE.format(re.escape(folded)), lowered):
            raise CaseError(f"The {what} names somebody who has a pseudonym in this case.", instead)
    return text
