"""HTML to lines of text, each character with its place in the HTML; linear, and no state outlives a message.

Not a browser: it knows which elements end a line, which are not shown (style, script, title), entities, and the marks
mail clients leave on a forward (`divRplyFwdMsg`, `gmail_quote`, `moz-forward-container` ...). A `<style>` or comment
that is never closed hides nothing: only its own tag is skipped.
"""

from __future__ import annotations

import html
import re
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_NEW_LINE = frozenset(
    (
        "address", "article", "blockquote", "body", "br", "caption", "center", "dd", "div", "dl", "dt", "fieldset",
        "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "ol", "p",
        "section", "table", "tbody", "thead", "tr", "ul",
    )
)  # fmt: skip
_UNSEEN = frozenset(("style", "script", "title", "template", "noscript"))
_HIDES, _ENDS_LINE, _BREAKS, _IS_PARAGRAPH, _IS_CELL, _KEEPS_LINES, _LEADS, _QUOTES = range(1, 9)
"""What elements do. From `_LEADS` on their attributes are read."""
_DOES = dict.fromkeys(_NEW_LINE, _ENDS_LINE) | dict.fromkeys(_UNSEEN, _HIDES)
_DOES |= {"br": _BREAKS, "hr": _BREAKS, "p": _IS_PARAGRAPH, "td": _IS_CELL, "th": _IS_CELL}
_DOES |= {"pre": _KEEPS_LINES, "a": _LEADS, "area": _LEADS, "blockquote": _QUOTES}
_PLAIN_TAG = re.compile('(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})(?:[\\s/][^"\']*(?:"[^"]*"[^"\']*){0,40})?')
"""What stands between `<` and the next `>` where a tag is as nearly all are: no bracket in its values, single quotes
nowhere."""
_KEPT_CHARACTERS = 100
"""Longer tags are seldom met again."""
_AT_ONCE_CHARACTERS = 50_000
"""Of a page that is taken apart: a large one is never in memory once more in pieces."""
_PIECES_AT_ONCE = 1000
"""Of the shown text before they are joined: a page of nothing but brackets is not held letter by letter."""
_AFTER_BLANKS = "\n \t"
"""Behind these blanks show nothing."""
_QUOTE = re.compile("[\"']")
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});?")
_PIECE = re.compile(rf"[^\s&]++(?: [^\s&]++)*+|\s++|{_ENTITY.pattern}|&")
"""Words with single spaces between them, blanks, an entity, or an ampersand that begins none. Nothing is ever given
back: else each word of a long text would be remembered as a place to go back to."""
_ADDRESS = re.compile(r"""<(?:mailto:)?[^\s<>"'=/@:]{1,128}@[^\s<>"'=/@:]{1,255}>""", re.IGNORECASE)
"""An address in angle brackets, as programs leave it that make HTML of text and do not write `&lt;`: no element has
such a name, and without it a name before it that looks like an address would be all there is."""
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_OTHER = r"""(?:\s{1,9}(?!href\b)[a-zA-Z-]{1,40}="[^"]*"){0,9}"""
_LINK = re.compile(rf"""<a{_OTHER}\s{{1,9}}href="([^"]+)"{_OTHER}>""")
"""A link as nearly all are."""
_CUES = (
    "gmail_attr",
    "gmail_quote",
    "divrplyfwdmsg",
    "moz-forward-container",
    "moz-email-headers-table",
    "yahoo_quoted",
)
_CUE = re.compile("|".join(_CUES), re.IGNORECASE)
_NO_CUE = sys.maxsize
ATTRIBUTES_CEILING_CHARACTERS = 5000


class Link(NamedTuple):
    """A target and where in the shown text it stands."""

    target: str
    text_at: int


class Runs:
    """Pieces of shown text, in order: where each begins in the text and in the HTML, and where it ends there.

    A piece whose end is unknown (-1) stands there character by character; every character of another covers its range.
    """

    def __init__(self, text: array[int], start: array[int], end: array[int]) -> None:
        self._text = text
        self._start = start
        self._end = end

    def place(self, character: int) -> tuple[int, int]:
        """The range in the HTML of one character of the text."""
        run = max(bisect_right(self._text, character) - 1, 0)
        if not self._text:
            return 0, 0
        start, end = self._start[run], self._end[run]
        if end < 0:
            start += character - self._text[run]
            return start, start + 1
        return start, end

    def cover(self, first: int, after: int) -> tuple[int, int]:
        """The least range in the HTML that covers these characters; at least one."""
        # Pieces stand in the order of the HTML, so the ends of the outermost characters are enough.
        return self.place(first)[0], self.place(after - 1)[1]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a reader of the HTML sees."""

    text: str
    runs: Runs
    """Where in the HTML each piece of `text` stands."""
    links: tuple[Link, ...]
    cues: tuple[tuple[int, str], ...]
    """(place in the text, name) of marks that clients leave on forwards and replies."""
    quotes: tuple[tuple[int, int], ...]
    """Ranges of the text inside of outermost `<blockquote>`s."""


class _Page:
    """Collects shown characters; blanks are joined as browsers do."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []
        self.length = 0
        self.text_at, self.start, self.end = array("q"), array("q"), array("q")
        self.links: list[Link] = []
        self.cues: list[tuple[int, str]] = []
        self.quotes: list[tuple[int, int]] = []
        self._quote_depth = self._quote_at = 0
        self.last = "\n"
        self.keeps_lines = False
        """Inside `<pre>`."""

    def quote(self, closing: str) -> None:
        """A `<blockquote>` begins or ends."""
        if not closing:
            self._quote_at = self.length if self._quote_depth == 0 else self._quote_at
            self._quote_depth += 1
        elif self._quote_depth:
            self._quote_depth -= 1
            if self._quote_depth == 0:
                self.quotes.append((self._quote_at, self.length))

    def all_quotes(self) -> tuple[tuple[int, int], ...]:
        """All outermost quotes; one that is not closed goes to the end."""
        return (*self.quotes, *([(self._quote_at, self.length + 1)] if self._quote_depth else ()))

    def put(self, text: str, start: int, end: int = -1) -> None:
        """Adds text that stands from `start` on; `end`: every character covers the whole range (an entity)."""
        self._pieces.append(text)
        if len(self._pieces) >= _PIECES_AT_ONCE:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()
        if end >= 0 or not self.end or self.end[-1] >= 0 or start - self.start[-1] != self.length - self.text_at[-1]:
            self.text_at.append(self.length)
            self.start.append(start)
            self.end.append(end)
        # Else it goes on where the piece before ended: one run, however finely the HTML was cut.
        self.length += len(text)
        self.last = text[-1:]

    def text(self) -> str:
        """All that was shown."""
        return "".join((*self._blocks, *self._pieces))

    def blank(self, start: int, end: int) -> None:
        if self.last not in _AFTER_BLANKS:
            self.put(" ", start, end)


class _Scanner:
    """Finds tags; remembers what is known to be absent from here on, so that nothing is searched twice."""

    def __init__(self, source: str) -> None:
        self.source = source
        lowered = source.lower()
        self.lowered = lowered if len(lowered) == len(source) else source
        self._absent: set[str] = set()
        self._cues = self._cue_places()

    def _cue_places(self) -> list[int]:
        if self.lowered is self.source:  # a letter whose small form is two characters: places would be others
            return [match.start() for match in _CUE.finditer(self.source)]
        places = []
        for cue in _CUES:
            at = self.lowered.find(cue)
            while at >= 0:
                places.append(at)
                at = self.lowered.find(cue, at + 1)
        return sorted(places)

    def next_cue(self, start: int) -> int:
        """Where a client's mark stands in the HTML, from `start` on; far behind the end where none does."""
        at = bisect_left(self._cues, start)
        return self._cues[at] if at < len(self._cues) else _NO_CUE

    def find(self, needle: str, start: int) -> int:
        if needle in self._absent:
            return -1
        at = self.lowered.find(needle, start)
        if at < 0:
            self._absent.add(needle)
        return at

    def tag_end(self, start: int) -> int:
        """Past the end of the tag that begins at `start`, quotes honoured where they are closed; -1 for no tag."""
        position = start
        quote = ""
        while (close := self.find(">", position)) >= 0:
            for mark in _QUOTE.findall(self.source, position, close):
                quote = mark if not quote else "" if mark == quote else quote
            if not quote:
                return close + 1
            reopened = self.find(quote, close)
            if reopened < 0:
                return close + 1
            position, quote = reopened + 1, ""
        return -1 if position == start else position


def render(source: str) -> Rendered:
    """The shown text of HTML, with places, links and clients' marks."""
    page, scanner = _Page(), _Scanner(source)
    position = at = source.find("<") if "<" in source else len(source)
    if position:
        _text(page, source, source[:position], 0, position)
    cue = scanner.next_cue(position)
    for piece in _pieces(source, position):
        opening, at = at, at + len(piece) + 1
        if opening < position:  # inside of what was read already
            shown = source[position:at]
        else:
            inside, closed, shown = piece.partition(">")
            tag = (_tag if len(inside) <= _KEPT_CHARACTERS else _read_tag)(inside) if closed else None
            if tag is None:
                position = _markup(page, scanner, opening)
                cue = scanner.next_cue(position)
                shown = source[position:at]
            else:
                does, closing, name = tag
                position = opening + len(inside) + 2
                if does and (does != _ENDS_LINE or page.last != "\n"):
                    _do(page, does, opening, closing)
                if not closing and (does >= _LEADS or cue < position):
                    _attributes(page, name, source, opening, position, has_cue=cue < position)
                    cue = scanner.next_cue(position)
        if shown and page.keeps_lines:
            _as_it_stands(page, source, position, at)
            position = at
        elif shown:
            # Blanks between tags that end lines: nearly half of what stands between tags, and it shows nothing.
            if page.last not in _AFTER_BLANKS or not shown.isspace() or "\xa0" in shown:
                _text(page, source, shown, position, at)
            position = at
    runs = Runs(page.text_at, page.start, page.end)
    return Rendered(page.text(), runs, tuple(page.links), tuple(page.cues), page.all_quotes())


def _pieces(source: str, start: int) -> Iterator[str]:
    """What stands behind each `<`, the first of which is at `start`, up to the next one."""
    while start < len(source):
        stop = source.find("<", start + _AT_ONCE_CHARACTERS)
        stop = len(source) if stop < 0 else stop
        yield from source[start + 1 : stop].split("<")
        start = stop


def _read_tag(inside: str) -> tuple[int, str, str] | None:
    """What a tag does, `/` where it closes, and its name; None for what must be looked at more closely."""
    match = _PLAIN_TAG.fullmatch(inside)
    if match is None:
        return None
    closing, name = match.group(1), match.group(2).lower()
    does = _DOES.get(name, 0)
    return None if does == _HIDES else (does, closing, name)


_tag = lru_cache(maxsize=4096)(_read_tag)
"""A page has the same tags again and again."""


def _markup(page: _Page, scanner: _Scanner, opening: int) -> int:
    """Handles what begins with the `<` at `opening`; returns where to go on."""
    source = scanner.source
    if source.startswith("<!--", opening):
        close = scanner.find("-->", opening + 4)
        return close + 3 if close >= 0 else opening + 4
    address = _ADDRESS.match(source, opening)
    if address is not None:
        page.put(address.group(), opening)
        return address.end()
    match = _TAG_NAME.match(source, opening + 1)
    if match is None and not source.startswith(("<!", "<?"), opening):
        page.put("<", opening)
        return opening + 1
    end = scanner.tag_end(opening)
    if end < 0:
        page.put("<", opening)
        return opening + 1
    if match is not None:
        name = match.group(1).lower()
        if name in _UNSEEN and source[opening + 1] != "/":
            close = scanner.find(f"</{name}", end)
            return end if close < 0 else close
        does, closing = _DOES.get(name, 0), "/" if source[opening + 1] == "/" else ""
        _do(page, does, opening, closing)
        if not closing and (does >= _LEADS or scanner.next_cue(opening) < end):
            _attributes(page, name, source, opening, end, has_cue=True)
    return end


def _do(page: _Page, does: int, at: int, closing: str) -> None:
    """What an element does to the line."""
    last = page.last
    if does == _QUOTES:
        page.quote(closing)
    if does == _IS_CELL:
        if not closing and last not in "\n\t":
            page.put("\t", at, at)
        return
    if does == _KEEPS_LINES:
        page.keeps_lines = not closing
    always = does == _BREAKS or (does == _IS_PARAGRAPH and closing)
    if always or (last != "\n" and does in (_ENDS_LINE, _IS_PARAGRAPH, _KEEPS_LINES, _QUOTES)):
        page.put("\n", at, at)


def _attributes(page: _Page, name: str, source: str, start: int, end: int, *, has_cue: bool) -> None:
    """Notes where a tag leads, and which client left it."""
    if end - start < 8:
        return
    limit = min(end, start + ATTRIBUTES_CEILING_CHARACTERS)
    if not has_cue and (link := _LINK.match(source, start, limit)) is not None:
        target = link.group(1)
        page.links.append(Link((html.unescape(target) if "&" in target else target).strip(), page.length))
        return
    attributes = {
        attribute.lower(): quoted or single or bare
        for attribute, quoted, single, bare in _ATTRIBUTE.findall(source, start + 1 + len(name), limit)
    }
    if name in ("a", "area") and attributes.get("href"):
        page.links.append(Link(html.unescape(attributes["href"]).strip(), page.length))
    marks = f"{attributes.get('id', '')} {attributes.get('class', '')}".lower()
    if name == "blockquote" and attributes.get("type", "").lower() == "cite":
        page.cues.append((page.length, "cite"))
    for cue in _CUES:
        if cue in marks:
            page.cues.append((page.length, cue))
            return


def _as_it_stands(page: _Page, source: str, start: int, end: int) -> None:
    """Shows `source[start:end]`, which stands inside `<pre>`: its lines and blanks are shown as they are."""
    for match in _ENTITY.finditer(source, start, end) if "&" in source[start:end] else ():
        if start < match.start():
            page.put(source[start : match.start()], start)
        page.put(_entity(match.group()), match.start(), match.end())
        start = match.end()
    if start < end:
        page.put(source[start:end], start)


_entity = lru_cache(maxsize=256)(html.unescape)


def _text(page: _Page, source: str, piece: str, start: int, end: int) -> None:
    """Shows `piece`, which stands in `source[start:end]`."""
    if piece.isspace() and "\xa0" not in piece:
        page.blank(start, end)
        return
    if "&" not in piece and "  " not in piece and piece.isprintable():
        # Most text: words with single spaces between them, and no entity. No other blank is printable.
        if piece[0] == " " and page.last in _AFTER_BLANKS:
            start, piece = start + 1, piece[1:]
        page.put(piece, start)
        return
    for match in _PIECE.finditer(source, start, end):
        piece = match.group()
        if piece[0] == "&" and len(piece) > 1:
            page.put(_entity(piece), match.start(), match.end())
        elif piece[0].isspace() and piece.strip("\xa0"):
            page.blank(match.start(), match.end())
        elif piece[0].isspace():
            page.put(" " * len(piece), match.start())
        else:
            page.put(piece, match.start())
