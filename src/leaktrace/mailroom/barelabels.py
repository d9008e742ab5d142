"""Header lines whose labels have no colon, as eM Client writes them right below its mark: `From "X" <x@y.example>`.

A line of prose begins with such a word as well. So it must be right below a client's own mark, begin with the sender's
mailbox, and go on with two more labels without a line between; where a label comes twice, nobody is claimed.
"""

from __future__ import annotations

import re
from collections import Counter

from leaktrace.mailroom.blocklines import LEAD, Block, Range, Value, blank_between, most_spoken, value_at
from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.labels import Marker, Role, labels, plain
from leaktrace.mailroom.mailboxes import ADDRESS
from leaktrace.mailroom.texts import Text

_LINE_CEILING_CHARACTERS = 2_000
_CEILING_LINES = 12
_WORDS = re.compile(r"\S{1,30}(?:[ \t\xa0]\S{1,30}){0,2}")
_BLANKS = " \t\xa0"
_ROLES: tuple[Role, ...] = ("from", "to", "cc", "bcc", "date", "subject")


def bare_labels(text: Text, lines: list[Range], index: int, marker: tuple[Marker, int]) -> Block | None:
    """The block that begins with this line, below that mark; None where there is none."""
    first = _bare_label(text, lines[index])
    if first is None or "from" not in first[0]:
        return None
    values: dict[Role, Value] = {}
    languages: Counter[str] = Counter()
    end, last, doubtful = lines[index][1], None, False
    for place in range(index, min(index + _CEILING_LINES, len(lines))):
        if place > index and blank_between(text, lines[place - 1], lines[place]):
            break
        found = _bare_label(text, lines[place])
        if found is None:
            if last is None or not _goes_on(text, lines[place - 1]):
                break
            more = value_at(text, *_within(lines[place]))
            values[last] = Value(f"{values[last].text} {more.text}".strip(), values[last].start, more.end)
        else:
            last = next((role for role in _ROLES if role in found[0]), None)
            if last is None or last in values:
                doubtful = True
                break
            values[last] = found[1]
            languages.update(found[0][last])
        end = lines[place][1]
    whole = sum(role in values for role in ("to", "date", "subject")) > 1 and _tells_when(values)
    if not _is_mailbox(values["from"].text) or not (whole or doubtful):
        return None
    if doubtful:
        values["from"] = Value("", values["from"].start, values["from"].end)
    return Block("labels", marker[0], values, most_spoken(languages), marker[1], end)


def _tells_when(values: dict[Role, Value]) -> bool:
    return "date" in values and sent_window(values["date"].text) != UNKNOWN


def _is_mailbox(written: str) -> bool:
    return written.endswith(">") or ADDRESS.fullmatch(written) is not None


def _goes_on(text: Text, line: Range) -> bool:
    """Whether a line was cut where it ends (RFC 3676, section 4.1)."""
    return text.flowed and text.text[line[0] : line[1]].endswith(" ")


def _within(line: Range) -> Range:
    return line[0], min(line[1], line[0] + _LINE_CEILING_CHARACTERS)


def _bare_label(text: Text, line: Range) -> tuple[dict[Role, frozenset[str]], Value] | None:
    """The longest label that a line begins with, of up to three words, and what stands after it."""
    begin, end = _within(line)
    shown = text.text[begin:end]
    lead = len(shown) - len(shown.lstrip(LEAD))
    found = _WORDS.match(shown, lead)
    if found is None:
        return None
    stop = found.end()
    while stop > lead:
        roles = labels().roles.get(plain(shown[lead:stop]))
        if roles is not None and any(role in roles for role in _ROLES) and shown[stop : stop + 1] in (*_BLANKS, ""):
            return roles, value_at(text, begin + stop, end)
        stop = max(shown.rfind(blank, lead, stop) for blank in _BLANKS)
    return None
