"""Header lines whose labels no table has: each is told by its value, and only where nothing else could be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from leaktrace.mailroom.blocklines import (
    FORWARD_CUES,
    LEAD,
    LINE_CEILING_CHARACTERS,
    Block,
    Range,
    Shape,
    Value,
    cue_before,
    label_at,
    value_at,
)
from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.labels import Marker, Role, plain
from leaktrace.mailroom.mailboxes import ADDRESS
from leaktrace.mailroom.texts import Text

_UNKNOWN_LABEL = re.compile(r"([^\W\d_][^:：<>@/]{0,28}?)\s{0,3}[:：]\s{0,9}(\S.*)\Z", re.DOTALL)
_FOREIGN_LABEL = re.compile(r"[^\W\d_][\w-]{1,24}:\s")
"""A line like `Organization: X` among header lines: a label without a table, no part of the value above it."""
_CLOCK_AND_YEAR = re.compile(r"(?=.*\d[:.]\d\d)(?=.*\d{4})", re.DOTALL)
"""What every written time has, also in a language that no table has."""
_CLOCK = re.compile(r"\d[:.]\d\d")
_DECORATED = re.compile(r"[-=_*]{3,}\s{0,9}[^\W\d_].{0,80}?[-=_*]{3,}\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """What stands around a line: the outer subject, a decorated line right above, labelled lines right above."""

    subject: str | None
    decorated_at: int | None = None
    run_count: int = 0


def is_labelled(line: str) -> bool:
    """Whether a line is a word or two, a colon and something."""
    return _UNKNOWN_LABEL.match(line) is not None


def is_foreign_label(line: str) -> bool:
    """Whether a line begins with one word and a colon, as header fields without a table do."""
    return _FOREIGN_LABEL.match(line) is not None


def is_decorated(line: str) -> bool:
    """Whether a line looks like one that opens a forward, whatever its words say."""
    return len(line) <= 200 and _DECORATED.match(line) is not None


def foreign_line(text: Text, line: Range, more: Value, role: Role) -> tuple[Role, Value] | None:
    """What a line among header lines is that has a label no table has: a date by its value, else nothing of ours."""
    match = _UNKNOWN_LABEL.match(text.text, more.start, min(line[1], line[0] + LINE_CEILING_CHARACTERS))
    if match is not None and match.end(1) - match.start(1) >= 2:
        value = value_at(text, match.start(2), match.end(2))
        if _is_date(text, value):
            return "date", value
        if ADDRESS.search(value.text) and role in ("subject", "date"):
            return "other", value
    return ("other", more) if _FOREIGN_LABEL.match(more.text.lstrip(LEAD)) else None


def unknown_labels(text: Text, lines: list[Range], index: int, place: Place) -> Block | None:
    """Labelled lines in a language without a table, each told by its value.

    Right below a client's own mark or a decorated line three lines are enough. Elsewhere it must be all that a client
    writes: a mailbox in angle brackets, a time, and a recipient or the subject.
    """
    cue = cue_before(text, lines[index][0])
    marked = place.decorated_at is not None or cue in (*FORWARD_CUES, "divrplyfwdmsg")
    if not marked and not _may_be_whole(text, lines, index):
        return None
    values: dict[Role, Value] = {}
    count, end = 0, lines[index][0]
    for begin, stop in lines[index : index + 8]:
        stop = min(stop, begin + LINE_CEILING_CHARACTERS)  # noqa: PLW2901
        segment = text.text[begin:stop]
        match = _UNKNOWN_LABEL.match(segment, len(segment) - len(segment.lstrip(LEAD)))
        if match is None:
            break
        known = label_at(text, (begin, stop))
        if known is not None:
            values.setdefault(next(iter(known[0])), known[1])
        else:
            _place(text, values, value_at(text, begin + match.start(2), stop), place.subject)
        count, end = count + 1, stop
    if count < 3 or "from" not in values or not (marked or _is_whole(values)):
        return None
    start = lines[index][0] if place.decorated_at is None else place.decorated_at
    marker: Marker | None = "forwarded" if cue in FORWARD_CUES else None
    shape: Shape = "unknown-labels" if marked else "unmarked-labels"
    return Block(shape, marker, values, frozenset(), start, end, cue)


def _may_be_whole(text: Text, lines: list[Range], index: int) -> bool:
    begin, end = lines[index][0], lines[min(index + 7, len(lines) - 1)][1]
    shown = text.text[begin : min(end, begin + LINE_CEILING_CHARACTERS)]
    return "@" in shown and ">" in shown and _CLOCK.search(shown) is not None


def _is_whole(values: dict[Role, Value]) -> bool:
    return "date" in values and ("to" in values or "subject" in values) and values["from"].text.endswith(">")


def _is_date(text: Text, value: Value) -> bool:
    place = (value.start, value.end)
    if place not in text.dated:
        known = sent_window(value.text) != UNKNOWN
        text.dated[place] = known or _CLOCK_AND_YEAR.match(value.text) is not None
    return text.dated[place]


def _place(text: Text, values: dict[Role, Value], value: Value, subject: str | None) -> None:
    if ADDRESS.search(value.text):
        role: Role = "from" if "from" not in values else "to" if "to" not in values else "cc"
    elif subject and value.text and plain(subject).endswith(plain(value.text)):
        role = "subject"
    elif _is_date(text, value):
        role = "date"
    else:
        return
    values.setdefault(role, value)
