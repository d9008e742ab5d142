"""HTML to lines of text, each character with its place in the HTML; linear, and no state outlives a message.

Not a browser: it knows which elements end a line, which are not shown (style, script, title), entities, and the marks
mail clients leave on a forward (`divRplyFwdMsg`, `gmail_quote`, `moz-forward-container` ...). A `<style>` or comment
that is never closed hides nothing: only its own tag is skipped.
"""

from __future__ import annotations

import html
import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass

_NEW_LINE = frozenset(
    (
        "address", "article", "blockquote", "body", "br", "caption", "center", "dd", "div", "dl", "dt", "fieldset",
        "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "ol", "p", "pre",
        "section", "table", "tbody", "thead", "tr", "ul",
    )
)  # fmt: skip
_CELLS = frozenset(("td", "th"))
_UNSEEN = frozenset(("style", "script", "title", "template", "noscript"))
_SIMPLE_TAG = re.compile('<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,40})(?:[\\s/][^<>"\']*(?:"[^"<>]*"[^<>"\']*){0,40})?>')
"""A tag as nearly all are: no bracket in its values, single quotes nowhere."""
_TELLING = frozenset(("a", "area", "blockquote"))
_QUOTE = re.compile("[\"']")
_PLAIN = re.compile(r" ?[^\s&]+(?: [^\s&]+)* ?")
_PIECE = re.compile(r"\s+|&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});?|[^\s&]+|&")
_TAG_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]{1,40})\s{0,9}=\s{0,9}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_CUES = (
    "gmail_attr",
    "gmail_quote",
    "divrplyfwdmsg",
    "moz-forward-container",
    "moz-email-headers-table",
    "yahoo_quoted",
)
_CUE = re.compile("|".join(_CUES), re.IGNORECASE)
ATTRIBUTES_CEILING_CHARACTERS = 5000


@dataclass(frozen=True, slots=True)
class Link:
    """A target and where in the shown text, and where in the HTML, it stands."""

    target: str
    text_at: int
    html_start: int
    html_end: int


class Runs:
    """Pieces of shown text, in order: where each begins in the text and in the HTML, and where it ends there.

    A piece whose end is unknown (-1) stands there character by character; every character of another covers its range.
    """

    def __init__(self) -> None:
        self._text = array("q")
        self._start = array("q")
        self._end = array("q")

    def add(self, text_at: int, start: int, end: int) -> None:
        """The next piece."""
        self._text.append(text_at)
        self._start.append(start)
        self._end.append(end)

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


class _Page:
    """Collects shown characters; blanks are joined as browsers do."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self.runs = Runs()
        self.links: list[Link] = []
        self.cues: list[tuple[int, str]] = []
        self.last = "\n"

    def put(self, text: str, start: int, end: int = -1) -> None:
        """Adds text that stands from `start` on; `end`: every character covers the whole range (an entity)."""
        self.pieces.append(text)
        self.runs.add(self.length, start, end)
        self.length += len(text)
        self.last = text[-1:]

    def blank(self, start: int, end: int) -> None:
        if self.last not in "\n \t":
            self.put(" ", start, end)

    def new_line(self, at: int, *, always: bool = False) -> None:
        if always or self.last != "\n":
            self.put("\n", at, at)

    def cell(self, at: int) -> None:
        if self.last not in "\n\t":
            self.put("\t", at, at)


class _Scanner:
    """Finds tags; remembers what is known to be absent from here on, so that nothing is searched twice."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lowered = source.lower() if len(source.lower()) == len(source) else source
        self._absent: set[str] = set()

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
    page, scanner, position = _Page(), _Scanner(source), 0
    while position < len(source):
        opening = scanner.find("<", position)
        if opening < 0:
            _text(page, source, position, len(source))
            break
        if opening > position:
            _text(page, source, position, opening)
        position = _markup(page, scanner, opening)
    return Rendered("".join(page.pieces), page.runs, tuple(page.links), tuple(page.cues))


def _markup(page: _Page, scanner: _Scanner, opening: int) -> int:
    """Handles what begins with the `<` at `opening`; returns where to go on."""
    source = scanner.source
    simple = _SIMPLE_TAG.match(source, opening)
    if simple is not None and (name := simple.group(2).lower()) not in _UNSEEN:
        _tag(page, name, source, opening, simple.end())
        return simple.end()
    if source.startswith("<!--", opening):
        close = scanner.find("-->", opening + 4)
        return close + 3 if close >= 0 else opening + 4
    match = _TAG_NAME.match(source, opening + 1)
    if match is None and not source.startswith(("<!", "<?"), opening):
        page.put("<", opening)
        return opening + 1
    end = scanner.tag_end(opening)
    if end < 0:
        _text(page, source, opening, opening + 1)
        return opening + 1
    if match is not None:
        name = match.group(1).lower()
        if name in _UNSEEN and source[opening + 1] != "/":
            close = scanner.find(f"</{name}", end)
            return end if close < 0 else close
        _tag(page, name, source, opening, end)
    return end


def _tag(page: _Page, name: str, source: str, start: int, end: int) -> None:
    closing = source[start + 1] == "/"
    if name in _CELLS and not closing:
        page.cell(start)
    elif name in _NEW_LINE:
        page.new_line(start, always=name in ("br", "hr") or (name == "p" and closing))
    if closing or end - start < 8 or not (name in _TELLING or _CUE.search(source, start, end)):
        return
    limit = min(end, start + ATTRIBUTES_CEILING_CHARACTERS)
    attributes = {
        attribute.lower(): quoted or single or bare
        for attribute, quoted, single, bare in _ATTRIBUTE.findall(source, start + 1 + len(name), limit)
    }
    if name in ("a", "area") and attributes.get("href"):
        page.links.append(Link(html.unescape(attributes["href"]).strip(), page.length, start, end))
    marks = f"{attributes.get('id', '')} {attributes.get('class', '')}".lower()
    if name == "blockquote" and attributes.get("type", "").lower() == "cite":
        page.cues.append((page.length, "cite"))
    for cue in _CUES:
        if cue in marks:
            page.cues.append((page.length, cue))
            return


def _text(page: _Page, source: str, start: int, end: int) -> None:
    if _PLAIN.fullmatch(source, start, end):
        # Most text: words with single spaces between them, and no entity.
        if source[start] == " " and page.last in "\n \t":
            start += 1
        page.put(source[start:end], start)
        return
    for match in _PIECE.finditer(source, start, end):
        piece = match.group()
        if piece[0] == "&" and len(piece) > 1:
            page.put(html.unescape(piece), match.start(), match.end())
        elif piece[0].isspace() and piece.strip("\xa0"):
            page.blank(match.start(), match.end())
        elif piece[0].isspace():
            page.put(" " * len(piece), match.start())
        else:
            page.put(piece, match.start())
