"""What the readers of a client's header lines share: a line's label and value, a block, the marks in the HTML."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from leaktrace.mailroom.labels import Marker, Role, labels, plain
from leaktrace.mailroom.texts import Text

Range = tuple[int, int]
Shape = Literal["labels", "one-line", "attribution", "unknown-labels", "unmarked-labels"]

DIRECTIONS = "\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks for the direction of writing, which programs put around values, and the mark of a file's beginning."""
COLONS = (":", "：")
LEAD = " \t>|*\xa0" + DIRECTIONS
LINE_CEILING_CHARACTERS = 20_000
NEAR_CHARACTERS = 400
THUNDERBIRD_CUES = ("moz-forward-container", "moz-email-headers-table")
FORWARD_CUES = ("gmail_attr", *THUNDERBIRD_CUES)
_PADDED = re.compile("(?:[\u4e00-\u9fff] ){1,3}[\u4e00-\u9fff]")
"""A Chinese label that its program made as wide as those above it: `主　题`, `发 件 人`."""


@dataclass(frozen=True, slots=True)
class Value:
    """What stands after a label, in one line, and its range in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One client's header lines; the forwarded text begins at `end`."""

    shape: Shape
    marker: Marker | None
    values: dict[Role, Value]
    languages: frozenset[str]
    start: int
    end: int
    cue: str | None = None


Labelled = tuple[dict[Role, frozenset[str]], Value]
"""What a label may be, each with the languages that have it so, and what stands after it."""


def most_spoken(count: Counter[str]) -> frozenset[str]:
    """The languages that most labels of a block are in; none where there are none."""
    most = max(count.values(), default=0)
    return frozenset(language for language in count if count[language] == most)


def label_at(text: Text, line: Range) -> Labelled | None:
    """Roles (with languages) of the label a line begins with, and its value; None when it begins with none."""
    if line not in text.labelled:
        text.labelled[line] = _label_at(text, line)
    found: Labelled | None = text.labelled[line]
    return found


def _label_at(text: Text, line: Range) -> Labelled | None:
    begin, end = line[0], min(line[1], line[0] + LINE_CEILING_CHARACTERS)
    segment = text.text[begin:end]
    lead = len(segment) - len(segment.lstrip(LEAD))
    limit = lead + labels().longest_label + 12
    in_table = "|" in segment[:lead]
    colon = segment.find(":", lead, limit)
    if not segment.isascii() and (wide := segment.find("：", lead, limit)) >= 0 and (colon < 0 or wide < colon):
        colon = wide
    if in_table and (bar := segment.find("|", lead, limit)) >= 0 and (colon < 0 or bar < colon):
        colon = bar
    cell_end = segment.find("\t", lead, limit)
    if cell_end >= 0 and (colon < 0 or cell_end < colon) and plain(segment[lead:cell_end]) in labels().roles:
        colon = cell_end  # a table without colons
    if colon < 0:
        return _above_its_colon(text, line, segment[lead:]) if len(segment) < limit else None
    word = plain(segment[lead:colon]).strip("* _|").rstrip(":").strip()
    roles = labels().roles.get(word)
    if roles is None and _PADDED.fullmatch(word):
        roles = labels().roles.get(word.replace(" ", ""))
    if roles is None:
        return None
    return roles, value_at(text, begin + colon + 1, end, decorated="*" in segment[: colon + 2] or in_table)


def _above_its_colon(text: Text, line: Range, shown: str) -> Labelled | None:
    """A label alone on its line, as Daum's plain text has it: the colon begins the next one, the value follows."""
    roles = labels().roles.get(plain(shown))
    if roles is None or not text.text[line[1] : line[1] + 3].lstrip("\r\n").startswith(COLONS):
        return None
    return roles, Value("", line[1], line[1])


def value_at(text: Text, start: int, end: int, *, decorated: bool = False) -> Value:
    """The value in a range of the text, without blanks and, where the line is `decorated`, signs around it."""
    signs = " \t\xa0\r" + DIRECTIONS + ("*|" if decorated else "")
    content = text.text[start:end]
    lead = len(content) - len(content.lstrip(signs))
    while content.startswith("&nbsp;", lead):  # QQ leaves HTML in its plain text
        lead += len("&nbsp;")
    kept = content[lead:].strip(signs)
    return Value(" ".join(kept.split()), start + lead, start + lead + len(kept))


def blank_between(text: Text, before: Range, after: Range) -> bool:
    """Whether an empty line stands between two lines."""
    between = text.text[before[1] : after[0]]
    return between.count("\n") > 1 or not text.text[before[0] : before[1]].strip(LEAD)


def cue_before(text: Text, start: int) -> str | None:
    """The client's mark in the HTML shortly before a place; None without one."""
    if text.rendered is None or not text.rendered.cues:
        return None
    cues = text.rendered.cues
    at = bisect_right(cues, start + 5, key=lambda cue: cue[0]) - 1
    return cues[at][1] if at >= 0 and cues[at][0] >= start - NEAR_CHARACTERS else None
