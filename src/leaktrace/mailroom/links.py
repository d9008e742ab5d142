"""Links in what a message shows: never fetched, only listed, at most `LINK_CEILING_COUNT` of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from leaktrace.mailroom.texts import Text

LINK_CEILING_COUNT = 200
LINK_CEILING_CHARACTERS = 2000
_REST = re.compile(r"[^\s<>\"'\x00-\x1f]{1,2000}")
_TRAILING = ".,;:!?)]}'\"*>»”’。，、）】"


def links_of(texts: Iterable[tuple[Text, int]]) -> tuple[str, ...]:
    """Web links of the texts, each from its given character on, in order and once each."""
    found: dict[str, None] = {}
    for text, start in texts:
        hrefs = text.rendered.links if text.rendered is not None else ()
        for link in hrefs:
            if link.text_at >= start and link.target[:8].lower().startswith(("http://", "https://")):
                found.setdefault(link.target[:LINK_CEILING_CHARACTERS])
        for url in _written(text.text, start):
            found.setdefault(url.rstrip(_TRAILING))
            if len(found) >= LINK_CEILING_COUNT:
                break
    return tuple(found)[:LINK_CEILING_COUNT]


def _written(text: str, start: int) -> Iterator[str]:
    """Web links that the text itself shows, from a place on. The sign is looked for: few places are before one."""
    done, at = start, text.find("://", start)
    while at >= 0:
        before = text[max(done, at - 5) : at].lower()
        begin = at - 5 if before.endswith("https") else at - 4 if before.endswith("http") else -1
        rest = _REST.match(text, at + 3) if begin >= 0 and _begins_word(text, begin) else None
        if rest is not None:
            yield text[begin : rest.end()]
            done = rest.end()
        at = text.find("://", max(done, at + 3))


def _begins_word(text: str, at: int) -> bool:
    return at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_")
