"""The texts of a message: what a reader sees, each character traceable to its bytes in the raw message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from leaktrace.mailroom.charsets import CharacterPlaces, best_codec
from leaktrace.mailroom.markup import Rendered, render
from leaktrace.mailroom.mime import Part, Source, TextBudget, walk

_META_CHARSET = re.compile(rb"<meta[^>]{1,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_BODY_TYPES = ("text/plain", *_HTML_TYPES, "text/enriched")


@dataclass(slots=True)
class Text:
    """Shown text of one part."""

    kind: Literal["html", "plain"]
    text: str
    flowed: bool
    source: Source
    rendered: Rendered | None = None
    codec: str = "utf-8"
    labelled: dict[tuple[int, int], Any] = field(default_factory=dict, repr=False)
    """Lines that were looked at as header lines, and what was found: several readers ask for the same ones."""
    dated: dict[tuple[int, int], bool] = field(default_factory=dict, repr=False)
    """Ranges that were looked at as dates, and whether they are."""
    written: list[tuple[int, int]] | None = field(default=None, repr=False)
    """Its first lines that are not empty, once somebody asked for them."""
    _places: CharacterPlaces | None = field(default=None, repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the raw message that covers these characters."""
        if self.rendered is not None and end > start:
            start, end = self.rendered.runs.cover(start, end)
        if self._places is None:
            self._places = CharacterPlaces(self.source.content, self.codec)
        return self.source.locate(*self._places.span(start, end))

    def lines(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """Ranges of the lines from `start` on, without their ends."""
        text, position = self.text, start
        while position <= len(text):
            newline = text.find("\n", position)
            end = len(text) if newline < 0 else newline
            yield position, end - 1 if end > position and text[end - 1] == "\r" else end
            position = end + 1


def is_quoted(text: Text, at: int) -> bool:
    """Whether a place stands in what somebody answers: a line with `>`, or inside of a `<blockquote>`."""
    if text.rendered is not None:
        return any(start <= at < end for start, end in text.rendered.quotes)
    line = text.text.rfind("\n", 0, at) + 1
    return text.text.startswith(">", line)


def read_text(part: Part, budget: TextBudget) -> Text:
    """The text of a text/plain or text/html part; CeilingReached when the message has too much."""
    source = part.decoded()
    budget.spend(len(source.content))
    charset = part.parameters.get("charset")
    is_html = part.content_type in _HTML_TYPES
    if charset is None and is_html and (meta := _META_CHARSET.search(source.content[:4096])):
        charset = meta.group(1).decode("ascii")
    codec = best_codec(source.content, charset)
    text = source.content.decode(codec, "replace")
    if is_html:
        rendered = render(text)
        return Text("html", rendered.text, False, source, rendered, codec)
    if "\n" not in text:
        text = text.replace("\r", "\n")  # lines as old programs end them; no character moves
    flowed = part.parameters.get("format", "").lower() == "flowed"
    return Text("plain", text, flowed, source, None, codec)


def body_parts(message: Part) -> list[Part]:
    """The parts a reader sees as the message's own words: text that is no attachment, attached messages closed.

    In the order of reading, HTML first where two say the same: HTML says more about who wrote what. A named part below
    the first text is a file that came with the mail, whatever its disposition says. A message that is one text, of
    whatever kind (RFC 2046, section 4.1.4), is its own words, whatever it says of itself.
    """
    if message.content_type.startswith("text/") and not message.is_message:
        return [message]
    texts = [
        part
        for part in _in_order(message)
        if part.content_type in _BODY_TYPES and not part.is_message and part.disposition != "attachment"
    ]
    return [part for number, part in enumerate(texts) if number == 0 or not part.filename.strip()]


def _in_order(part: Part) -> Iterator[Part]:
    """A part and those inside it, the HTML of alternatives before their plain text."""
    yield part
    if part.is_message:
        return
    children = list(part.children)
    if part.content_type == "multipart/alternative":
        children.sort(key=lambda child: not any(one.content_type in _HTML_TYPES for one in walk(child)))
    for child in children:
        yield from _in_order(child)


def body_texts(message: Part, budget: TextBudget) -> list[Text]:
    """The body's texts, as `body_parts` has them."""
    return [read_text(part, budget) for part in body_parts(message)]
