"""Forwards of Notes: a line of dashes that says by whom and when, the sender and a time without a label, then labels.

The labels follow a colon, or stand on lines of their own. Between the line of dashes and the first label stands what
Notes shows of the sender, and nothing else: where two addresses or two times are there, or a label comes twice, a name
was made to look like the rest, and nobody is claimed.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from leaktrace.mailroom.blocklines import (
    LEAD,
    Block,
    Labelled,
    Range,
    Value,
    blank_between,
    label_at,
    most_spoken,
    value_at,
)
from leaktrace.mailroom.labels import Marker, Role, labels, plain
from leaktrace.mailroom.mailboxes import addresses_in
from leaktrace.mailroom.texts import Text

_STAMP = re.compile(
    r"(?<!\d)\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\.?,?\s{1,3}\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:\s?[AaPp]\.?[Mm]\.?)?(?!\d)"
)
_CLOCK = re.compile(r"(?<![\d./-])\d{1,2}[:.h]\d\d(?:[:.]\d\d)?(?![\d./-])")
"""Of any time, however the date beside it is written."""
_MARK = re.compile(r"-{3,}\s{0,3}([^\W\d_].{5,200}?)\s{0,3}-{3,}", re.DOTALL)
_JOINING_WORD = re.compile(r"[>\"')\s]{0,4}[^\W\d_]{0,8}\s{0,3}")
"""Between the sender and the time: `on`, in whatever language."""
_TRAIL = LEAD.replace(">", "")
_ROLES: tuple[Role, ...] = ("to", "cc", "bcc", "subject")
_MARK_CEILING_CHARACTERS = 250
_LINE_CEILING_CHARACTERS = 1_000
_ZONE_CEILING_LINES = 6
_LABELS_CEILING_LINES = 40
TRIAL_CEILING_COUNT = 60
"""Lines that open such a forward and are followed by none: after so many nothing is looked for any more."""


def notes_mark(line: str) -> Marker | None:
    """Whether a line is Notes' mark of a forward; `original` where no table has its words: it may be a reply's."""
    found = _MARK.fullmatch(line) if len(line) <= _MARK_CEILING_CHARACTERS else None
    if found is None or _STAMP.search(found.group(1)) is None:
        return None
    return "forwarded" if plain(found.group(1)).startswith(labels().forwarded_by) else "original"


def notes_forward(text: Text, lines: list[Range], index: int) -> Block | None:
    """The block below the mark that begins with this line; None where Notes wrote none."""
    opened = _mark_at(text, lines, index)
    if opened is None:
        return None
    marker, first = opened
    last = next(
        (at for at in range(first, min(first + _ZONE_CEILING_LINES, len(lines))) if _label(text, lines[at])), first
    )
    sender = _sender_and_date(text, lines[first:last])
    if sender is None:
        return None
    told = _labels_at(text, lines, last)
    if told is None or not (told.doubtful or {"to", "subject"} <= set(told.values)):
        return None
    values: dict[Role, Value] = {"from": sender[0], "date": sender[1]}
    if told.doubtful:
        values["from"] = Value("", sender[0].start, sender[0].end)
    return Block("labels", marker, values | told.values, most_spoken(told.languages), lines[index][0], told.end)


def _mark_at(text: Text, lines: list[Range], index: int) -> tuple[Marker, int] | None:
    """The mark, which may go on in the next line, and the line after it."""
    line = _shown(text, lines[index])
    for count in (1, 2):
        if index + count >= len(lines) or len(line) > _MARK_CEILING_CHARACTERS:
            return None
        marker = notes_mark(line)
        if marker is not None:
            return marker, index + count
        line = f"{line} {_shown(text, lines[index + count])}"
    return None


def _shown(text: Text, line: Range) -> str:
    return text.text[line[0] : min(line[1], line[0] + _LINE_CEILING_CHARACTERS)].lstrip(LEAD).rstrip(_TRAIL)


def _sender_and_date(text: Text, zone: list[Range]) -> tuple[Value, Value] | None:
    """What stands between mark and labels: a sender, without an address where two may be meant, and a time."""
    if not zone:
        return None
    shown = [_shown(text, line) for line in zone]
    stamps = [(number, found) for number, line in enumerate(shown) for found in _STAMP.finditer(line)]
    if not stamps:
        return None
    number, stamp = stamps[0]
    before = " ".join((*shown[:number], shown[number][: stamp.start()])).strip()
    start, end = zone[0][0], zone[number][1]
    date = value_at(text, zone[number][0], end)
    date = Value(stamp.group(), date.start, date.end)
    found = list(addresses_in(before))
    clock_count = sum(1 for line in shown for _ in _CLOCK.finditer(line))
    if len(stamps) > 1 or clock_count > 1 or len({one.group().lower() for one in found}) > 1:
        return Value("", start, end), date
    if not found:
        on_same_line = stamp.start() > 0
        name = before.rpartition(" ")[0] if on_same_line and before.rpartition(" ")[2].isalpha() else before
        return (Value(name, start, end), date) if name else None
    after = before[found[-1].end() :]
    on_first_line = found[-1].end() <= len(shown[0])  # below it stand those who sent it for somebody
    if _JOINING_WORD.fullmatch(after) is None or not (on_first_line or shown[1].startswith("<")):
        return Value("", start, end), date
    written = before[: found[-1].end() + after.find(">") + 1] if ">" in after else before[: found[-1].end()]
    return Value(written, start, end), date


@dataclass(slots=True)
class _Told:
    """Labels while they are read."""

    values: dict[Role, Value] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    last: Role | None = None
    doubtful: bool = False
    end: int = 0

    def take(self, role: Role, found: Labelled) -> None:
        if role in self.values or "subject" in self.values:
            self.doubtful = True
            return
        self.values[role], self.last = found[1], role
        self.languages.update(found[0][role])

    def go_on(self, more: Value) -> None:
        if self.last is not None:
            before = self.values[self.last]
            joined = f"{before.text} {more.text}".strip()
            self.values[self.last] = Value(joined, before.start if before.text else more.start, more.end)


def _labels_at(text: Text, lines: list[Range], first: int) -> _Told | None:
    """The labels from a line on; doubtful where one comes twice, or anything but the mail's text below the subject."""
    told = _Told()
    for index in range(first, min(first + _LABELS_CEILING_LINES, len(lines))):
        line = lines[index]
        found = _label(text, line)
        subject = told.values.get("subject")
        if subject is not None and subject.text and blank_between(text, lines[index - 1], line):
            break
        if found is not None:
            told.take(found[0], found[1])
        elif subject is None or not subject.text:
            told.go_on(value_at(text, line[0], min(line[1], line[0] + _LINE_CEILING_CHARACTERS)))
        else:
            continue
        if not told.doubtful:
            told.end = line[1]
    return told if told.values else None


def _label(text: Text, line: Range) -> tuple[Role, Labelled] | None:
    """The label that a line begins with, or is, of those that Notes writes below the sender."""
    found = label_at(text, line)
    if found is None and line[1] - line[0] <= labels().longest_label + 12:
        roles = labels().roles.get(plain(_shown(text, line)))
        found = None if roles is None else (roles, value_at(text, line[1], line[1]))
    role = next((one for one in _ROLES if one in found[0]), None) if found is not None else None
    return None if found is None or role is None else (role, found)
