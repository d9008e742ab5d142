"""Header lines whose labels no table has: each is told by its value, and only where nothing else could be meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from leaktrace.mailroom.blocklines import (
    FORWARD_CUES,
    LEAD,
    LINE_CEILING_CHARACTERS,
    Block,
    Range,
    Shape,
    Value,
    blank_between,
    cue_before,
    label_at,
    value_at,
)
from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.labels import Marker, Role, plain
from leaktrace.mailroom.mailboxes import ADDRESS, find_address
from leaktrace.mailroom.texts import Text

_UNKNOWN_LABEL = re.compile(r"([^\W\d_][^:：<>@/]{0,28}?)\s{0,3}[:：]\s{0,9}(\S.*)\Z", re.DOTALL)
_FOREIGN_LABEL = re.compile(r"[^\W\d_][\w-]{1,24}:\s")
"""A line like `Organization: X` among header lines: a label without a table, no part of the value above it."""
_CLOCK_AND_YEAR = re.compile(r"(?=.*\d[:.]\d\d)(?=.*\d{4})", re.DOTALL)
"""What every written time has, also in a language that no table has."""
_CLOCK = re.compile(r"\d[:.]\d\d")
_WHOLE_LINES = 4
"""Sender, time, recipient and subject: so many lines every client writes."""
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
        if find_address(value.text) and role in ("subject", "date"):
            return "other", value
    return ("other", more) if _FOREIGN_LABEL.match(more.text.lstrip(LEAD)) else None


def unknown_labels(text: Text, lines: list[Range], index: int, place: Place) -> Block | None:
    """Labelled lines in a language without a table, each told by its value.

    Right below a client's own mark three lines are enough, below a decorated line a time and a recipient or the subject
    must be among them. Elsewhere it must be all that a client writes: a mailbox in angle brackets, and these.
    """
    cue = cue_before(text, lines[index][0])
    by_client = cue in (*FORWARD_CUES, "divrplyfwdmsg")
    decorated = place.decorated_at is not None
    if not by_client and not decorated and not _may_be_whole(text, lines, index):
        return None
    run = _run_at(text, lines[index : index + 8], place.subject, by_client=by_client)
    if run.count >= 3 and run.sender is None and run.stopped:
        run.sender = Value("", lines[index][0], lines[index][0])  # nobody is told, nor by the lines below
    if run.count < 3 or run.sender is None or not (by_client or run.has_time_and_more()):
        return None
    if not by_client and not decorated and not run.sender.text.endswith(">"):
        return None
    marker: Marker | None = "forwarded" if cue in FORWARD_CUES else None
    shape: Shape = "unknown-labels" if by_client or decorated else "unmarked-labels"
    start = lines[index][0] if place.decorated_at is None else place.decorated_at
    return Block(shape, marker, run.told(), frozenset(), start, run.end, cue)


def is_untold(text: Text, lines: list[Range], index: int) -> bool:
    """Whether labelled lines may be a client's block that nobody can read: as many as each writes, with a time and a
    mailbox among them, and a line between them and the next ones. Those further down are not the client's then.
    """
    values: list[Value] = []
    for number, line in enumerate(lines[index : index + 8]):
        shown = text.text[line[0] : min(line[1], line[0] + LINE_CEILING_CHARACTERS)]
        match = _UNKNOWN_LABEL.match(shown, len(shown) - len(shown.lstrip(LEAD)))
        if match is None or (number and blank_between(text, lines[index + number - 1], line)):
            # Only now is it asked what they hold: a text of many labelled lines would be asked at every one.
            return number >= _WHOLE_LINES and _holds_time_and_mailbox(text, values)
        known = label_at(text, line)
        if number and known is not None and "from" in known[0]:
            return False
        values.append(value_at(text, line[0] + match.start(2), line[0] + len(shown)))
    return False


def _holds_time_and_mailbox(text: Text, values: list[Value]) -> bool:
    has_time = any(_CLOCK.search(value.text) is not None and _is_date(text, value) for value in values)
    return has_time and any(_is_mailbox(value) for value in values)


@dataclass(slots=True)
class _Run:
    """Labelled lines without a blank one between them, while they are read."""

    values: dict[Role, Value] = field(default_factory=dict)
    """What a known label tells, or a date and the outer subject by themselves; but for senders."""
    sender: Value | None = None
    """After a known label, else the first mailbox."""
    sender_known: bool = False
    others: list[Value] = field(default_factory=list)
    """The mailboxes below it: recipients, if it is the sender's."""
    subject_count: int = 0
    """Lines that say what the outer subject says."""
    unplaced_before: bool = False
    """Above the first mailbox stands a line that may be anything, the sender's name or the subject."""
    unplaced_count: int = 0
    stopped: bool = False
    """A known label for the sender follows, below all that a client writes: the mail's own text."""
    count: int = 0
    end: int = 0

    def has_time_and_more(self) -> bool:
        return "date" in self.values and ("to" in self.values or bool(self.others) or self.subject_count > 0)

    def told(self) -> dict[Role, Value]:
        """The values; no addresses where another line than that of the first mailbox may be the sender's."""
        values, sender = dict(self.values), self.sender
        one_subject = self.subject_count == 1 or (self.subject_count == 0 and self.unplaced_count > 0)
        if sender is not None and not self.sender_known and (self.unplaced_before or not one_subject):
            sender = Value("", sender.start, sender.end)
        else:
            free: list[Role] = [role for role in ("to", "cc") if role not in values]
            values.update(zip(free, self.others, strict=False))
        if sender is not None:
            values["from"] = sender
        return values


def _run_at(text: Text, lines: list[Range], subject: str | None, *, by_client: bool) -> _Run:
    run = _Run()
    for number, (begin, stop) in enumerate(lines):
        stop = min(stop, begin + LINE_CEILING_CHARACTERS)  # noqa: PLW2901
        segment = text.text[begin:stop]
        match = _UNKNOWN_LABEL.match(segment, len(segment) - len(segment.lstrip(LEAD)))
        if match is None or (number and blank_between(text, lines[number - 1], lines[number])):
            break
        known = label_at(text, (begin, stop))
        if by_client and run.count >= 3 and known is not None and "from" in known[0]:
            run.stopped = True
            break
        if known is not None:
            _take_known(run, next(iter(known[0])), known[1])
        else:
            _take_unknown(text, run, value_at(text, begin + match.start(2), stop), subject)
        run.count, run.end = run.count + 1, stop
    return run


def _take_known(run: _Run, role: Role, value: Value) -> None:
    if role == "from" and not run.sender_known:
        # What looked like mailboxes above it was something of the reporter's own: a signature, an order.
        run.sender, run.sender_known, run.others = value, True, []
    elif role != "from":
        run.subject_count += role == "subject"
        run.values.setdefault(role, value)


def _take_unknown(text: Text, run: _Run, value: Value, subject: str | None) -> None:
    # The subject is the sender's own words, and may hold an address.
    if subject and value.text and plain(subject).endswith(plain(value.text)):
        run.subject_count += 1
        run.values.setdefault("subject", value)
    elif find_address(value.text) and (run.sender is not None or _is_mailbox(value)):
        if run.sender is None:
            run.sender, run.unplaced_before = value, run.unplaced_count > 0
        else:
            run.others.append(value)
    elif _is_date(text, value):
        run.values.setdefault("date", value)
    else:
        run.unplaced_count += 1


def _is_mailbox(value: Value) -> bool:
    return value.text.endswith((">", "]")) or ADDRESS.fullmatch(value.text) is not None


def _may_be_whole(text: Text, lines: list[Range], index: int) -> bool:
    begin, end = lines[index][0], lines[min(index + 7, len(lines) - 1)][1]
    shown = text.text[begin : min(end, begin + LINE_CEILING_CHARACTERS)]
    return "@" in shown and ">" in shown and _CLOCK.search(shown) is not None


def _is_date(text: Text, value: Value) -> bool:
    place = (value.start, value.end)
    if place not in text.dated:
        known = sent_window(value.text) != UNKNOWN
        text.dated[place] = known or _CLOCK_AND_YEAR.match(value.text) is not None
    return text.dated[place]
