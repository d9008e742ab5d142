"""Links in what a message shows: never fetched, only listed, at most `LINK_CEILING_COUNT` of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leaktrace.mailroom.texts import Text

LINK_CEILING_COUNT = 200
LINK_CEILING_CHARACTERS = 2000
_URL = re.compile(r"\bhttps?://[^\s<>\"'\x00-\x1f]{1,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'\"*>»”’。，、）】"


def links_of(texts: Iterable[tuple[Text, int]]) -> tuple[str, ...]:
    """Web links of the texts, each from its given character on, in order and once each."""
    found: dict[str, None] = {}
    for text, start in texts:
        hrefs = text.rendered.links if text.rendered is not None else ()
        for link in hrefs:
            if link.text_at >= start and link.target[:8].lower().startswith(("http://", "https://")):
                found.setdefault(link.target[:LINK_CEILING_CHARACTERS])
        for match in _URL.finditer(text.text, start):
            found.setdefault(match.group().rstrip(_TRAILING))
            if len(found) >= LINK_CEILING_COUNT:
                break
    return tuple(found)[:LINK_CEILING_COUNT]
