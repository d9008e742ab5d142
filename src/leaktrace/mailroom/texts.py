"""The texts of a message: what a reader sees, each character traceable to its bytes in the raw message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from leaktrace.mailroom.charsets import CharacterPlaces, best_codec
from leaktrace.mailroom.markup import Rendered, render
from leaktrace.mailroom.mime import Part, Source, TextBudget, walk

_META_CHARSET = re.compile(rb"<meta[^>]{1,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


@dataclass(slots=True)
class Text:
    """Shown text of one part."""

    kind: Literal["html", "plain"]
    text: str
    flowed: bool
    source: Source
    rendered: Rendered | None = None
    codec: str = "utf-8"
    _places: CharacterPlaces | None = field(default=None, repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The range in the raw message that covers these characters."""
        if self.rendered is not None and end > start:
            start, end = self.rendered.runs.cover(start, end)
        if self._places is None:
            self._places = CharacterPlaces(self.source.content, self.codec)
        return self.source.locate(self._places.place(start), self._places.place(end))

    def lines(self, start: int = 0) -> Iterator[tuple[int, int]]:
        """Ranges of the lines from `start` on, without their ends."""
        text, position = self.text, start
        while position <= len(text):
            newline = text.find("\n", position)
            end = len(text) if newline < 0 else newline
            yield position, end - 1 if end > position and text[end - 1] == "\r" else end
            position = end + 1


def read_text(part: Part, budget: TextBudget) -> Text:
    """The text of a text/plain or text/html part; CeilingReached when the message has too much."""
    source = part.decoded()
    budget.spend(len(source.content))
    charset = part.parameters.get("charset")
    is_html = part.content_type in ("text/html", "application/xhtml+xml")
    if charset is None and is_html and (meta := _META_CHARSET.search(source.content[:4096])):
        charset = meta.group(1).decode("ascii")
    codec = best_codec(source.content, charset)
    text = source.content.decode(codec, "replace")
    if is_html:
        rendered = render(text)
        return Text("html", rendered.text, False, source, rendered, codec)
    flowed = part.parameters.get("format", "").lower() == "flowed"
    return Text("plain", text, flowed, source, None, codec)


def body_parts(message: Part) -> list[Part]:
    """The parts a reader sees as the message's own words: text that is not an attachment, attached messages closed."""
    return [
        part
        for part in walk(message)
        if part.content_type in ("text/plain", "text/html", "application/xhtml+xml", "text/enriched")
        and not part.is_message
        and part.disposition != "attachment"
    ]


def body_texts(message: Part, budget: TextBudget) -> list[Text]:
    """The body's texts, HTML before plain: HTML says more about who wrote what."""
    texts = [read_text(part, budget) for part in body_parts(message)]
    return sorted(texts, key=lambda text: text.kind != "html")
