"""The block of header lines that a mail client writes above a forwarded text: where it is and what each line says.

Three shapes: labelled lines (From/Sent/To/Subject, any order, in any language of the tables, quoted with `>`, in bold,
in tables), the same run together in one line (Yahoo's plain text), and an attribution (`On <date>, <sender> wrote:`).
Everything is read from the top: who planted a block in his own text stands below the client's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import itemgetter

from leaktrace.mailroom.attributions import DatesRead, attribution, one_line
from leaktrace.mailroom.barelabels import bare_labels
from leaktrace.mailroom.blocklines import (
    COLONS,
    FORWARD_CUES,
    LEAD,
    LINE_CEILING_CHARACTERS,
    THUNDERBIRD_CUES,
    Block,
    Range,
    Value,
    blank_between,
    cue_before,
    label_at,
    most_spoken,
    value_at,
)
from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.growing import Growing
from leaktrace.mailroom.labels import Marker, Role, labels, marker_of, plain
from leaktrace.mailroom.mailboxes import ADDRESS, find_address
from leaktrace.mailroom.notesforwards import TRIAL_CEILING_COUNT as NOTES_CEILING_COUNT
from leaktrace.mailroom.notesforwards import notes_forward, notes_mark
from leaktrace.mailroom.texts import Text
from leaktrace.mailroom.unknownlabels import (
    Place,
    foreign_line,
    is_decorated,
    is_foreign_label,
    is_labelled,
    is_untold,
    unknown_labels,
)

_MARKER_SIGN = re.compile("[-_=*—–:：─~|\t]")
_WORDLESS = re.compile(r"[\W_]*[^\w:：]\Z")
"""A rule, which says nothing; a colon may end a line that was folded before it."""
_LINE = re.compile(r"[^\n]+")
_LINK_STARTS = ("http://", "https://")
_BLOCK_CEILING_LINES = 60
SEARCH_CEILING_LINES = 20_000
"""No reporter writes more lines than this above what he forwards; further down nothing is looked for."""
_RUN_CEILING_LINES = 4
"""Of lines that all look labelled, a block in an unknown language may begin at the first ones."""
_TRIAL_CEILING_COUNT = 10
"""Of lines that all begin with a label, so many are tried as the first one of a block."""
_DATE_CEILING_CHARACTERS = 100
_MAILBOX_ROLES: tuple[Role, ...] = ("from", "to", "cc", "bcc")
_TRIED_CEILING_LINES = 2_000
"""Lines that were taken for header lines and were none: whoever wrote more of them did not mean to forward a mail."""


@dataclass(slots=True)
class _Trials:
    """What was tried for a block and was none."""

    in_a_row_count: int = 0
    line_count: int = 0
    notes_count: int = 0
    dates: DatesRead = field(default_factory=DatesRead)


def find_block(text: Text, start: int = 0, subject: str | None = None) -> Block | None:
    """The first block at or after character `start`; `subject`, the outer one, helps where labels are unknown."""
    lines = _written_lines(text, start)
    marker: tuple[Marker, int] | None = None
    place = nowhere = Place(subject)
    trials = _Trials()
    unread_at: int | None = None
    index = -1
    while (index := index + 1) < len(lines):
        if marker is None and place == nowhere and not trials.in_a_row_count:
            index = _next_with_sign(text, lines, index)
            if index == len(lines):
                break
        begin, end = lines[index]
        line = text.text[begin : min(end, begin + LINE_CEILING_CHARACTERS)].strip(LEAD)
        if not line:
            continue
        if (marker is None and _MARKER_SIGN.search(line) is None) or _WORDLESS.match(line) is not None:
            marker, place, trials.in_a_row_count = None, nowhere, 0
            continue
        is_link = line.startswith(_LINK_STARTS)
        is_label = not is_link and label_at(text, lines[index]) is not None
        trials.in_a_row_count = trials.in_a_row_count + 1 if is_label else 0
        block = None
        if trials.in_a_row_count <= _TRIAL_CEILING_COUNT:
            block = _at_line(text, lines, index, line, marker, trials)
        if (block is None or _is_senderless(block)) and place.run_count < _RUN_CEILING_LINES:
            untold = unknown_labels(text, lines, index, place)
            if untold is not None:
                # Below a client's own mark nothing of the reporter's stands above the block.
                block = (untold.cue is None and _known_within(text, lines, index, untold)) or untold
        if block is not None:
            return block if unread_at is None or unread_at == block.start else _unread(block, unread_at)
        if is_link:  # no label, no marker, and labelled all the same
            marker, place = None, Place(subject, None, place.run_count + 1)
            continue
        by_notes = notes_mark(line) if line.startswith("---") else None
        labelled = is_labelled(line)
        untold_here = labelled and place.run_count == 0 and is_untold(text, lines, index)
        if unread_at is None and (by_notes == "forwarded" or untold_here):
            # What was forwarded begins here: where its lines cannot be read, those further down are not its.
            unread_at = begin
        kind = marker_of(line) or by_notes
        marker = (kind, begin) if kind else None
        run_count = place.run_count + 1 if labelled else 0
        place = Place(subject, begin if is_decorated(line) else None, run_count)
    return None


def _unread(below: Block, start: int) -> Block:
    """The block that begins at `start` and nobody can read, above one that is no more than a claim in it."""
    return replace(below, values={"from": Value("", start, start)}, start=start, end=below.start)


def _is_senderless(block: Block) -> bool:
    """Whether no line says who sent the mail; where two do, and nobody knows which is right, some line does."""
    return block.values["from"].start == block.values["from"].end


def _known_within(text: Text, lines: list[Range], index: int, block: Block) -> Block | None:
    """The block of known labels that begins inside one of unknown ones: what stands above it is the reporter's."""
    for place in range(index + 1, len(lines)):
        if lines[place][0] >= block.end:
            return None
        found = label_at(text, lines[place])
        if found is not None and "from" in found[0]:
            return _labelled(text, lines, place, None)[0]
    return None


def _written_lines(text: Text, start: int) -> list[Range]:
    """The lines that are not empty, from `start` on."""
    if text.written is None:
        text.written = _lines_from(text, 0)
    if start == 0:
        return text.written
    if len(text.written) >= SEARCH_CEILING_LINES:
        return _lines_from(text, start)
    lines = text.written[bisect_right(text.written, start, key=itemgetter(1)) :]
    if lines and lines[0][0] < start:
        lines[0] = (start, lines[0][1])
    return lines


def _lines_from(text: Text, start: int) -> list[Range]:
    if "\r" in text.text:
        return list(islice((line for line in text.lines(start) if line[1] > line[0]), SEARCH_CEILING_LINES))
    return [match.span() for match in islice(_LINE.finditer(text.text, start), SEARCH_CEILING_LINES)]


def _next_with_sign(text: Text, lines: list[Range], index: int) -> int:
    """The first line from `index` on with a sign that all have which may begin a block; the count of lines for none.

    Most lines of a text have none: the text is searched, not each line by itself.
    """
    sign = _MARKER_SIGN.search(text.text, lines[index][0])
    return len(lines) if sign is None else bisect_right(lines, sign.start(), index + 1, key=itemgetter(0)) - 1


def _at_line(
    text: Text, lines: list[Range], index: int, line: str, marker: tuple[Marker, int] | None, trials: _Trials
) -> Block | None:
    if line.startswith("---"):
        if (line_block := one_line(text, lines[index])) is not None:
            return line_block
        if trials.notes_count < NOTES_CEILING_COUNT:
            trials.notes_count += 1
            if (notes_block := notes_forward(text, lines, index)) is not None:
                return notes_block
    if label_at(text, lines[index]) is not None and trials.line_count < _TRIED_CEILING_LINES:
        labelled, looked_at_count = _labelled(text, lines, index, marker)
        if labelled is not None:
            return labelled
        trials.line_count += looked_at_count
    elif marker is not None and (bare := bare_labels(text, lines, index, marker)) is not None:
        return bare
    # A line may go on behind what was looked at of it.
    if text.text[max(lines[index][1] - 20, lines[index][0]) : lines[index][1]].rstrip(LEAD).endswith((":", "：")):
        return attribution(text, lines, index, marker, trials.dates)
    return None


# --- labelled lines ---------------------------------------------------------------------------------------


def _labelled(
    text: Text, lines: list[Range], first: int, marker: tuple[Marker, int] | None
) -> tuple[Block | None, int]:
    """The block that begins with this line, if one does, and how many lines were looked at."""
    growing, index = Growing(), first
    stop = min(len(lines), first + _BLOCK_CEILING_LINES)
    while index < stop:
        folded = index > first and _is_folded(text, lines, first, index, growing)
        found = None if folded else label_at(text, lines[index])
        gap = index > first and blank_between(text, lines[index - 1], lines[index])
        if gap and not growing.spaced:
            # A program that sets lines apart does so from the first on. Below it stand the sender's own words: where a
            # mail has no From, another one there is not its.
            if len(growing.values) > 1:
                break
            growing.spaced = True
        role = next((one for one in found[0] if one == "other" or one not in growing.values), None) if found else None
        if found is not None and role is not None:
            if growing.is_closed_for(role):
                break
            growing.take(role, found)
        elif found is not None:
            another = "from" in found[0] and growing.is_from_first_and_whole()
            if not gap and not another and text.kind == "plain":  # HTML wraps no value into a line of its own
                growing.doubt(found[0])
            break
        elif folded or (growing.last is not None and _continues(text, lines, index, growing, gap=gap)):
            _extend(text, growing, lines[index], folded=folded)
        else:
            break
        growing.end = lines[index][1]
        index += 1
    if first and "date" not in growing.values and (above := _date_above(text, lines[first - 1])) is not None:
        growing.values["date"] = above
    return _accepted(text, growing, lines[first][0], marker), index - first


def _date_above(text: Text, line: Range) -> Value | None:
    """When a mail was sent, by a line above its labels that has no colon: Orange writes `Message du 27/10/21 09:31`."""
    begin, end = line[0], min(line[1], line[0] + _DATE_CEILING_CHARACTERS)
    said = plain(text.text[begin:end].strip(LEAD))
    if not said.startswith(labels().date_above) or sent_window(said) == UNKNOWN:
        return None
    return value_at(text, begin, end)


def _is_folded(text: Text, lines: list[Range], first: int, index: int, growing: Growing) -> bool:
    """Whether a line goes on with the last value whatever it looks like: the sender chose what stands in it.

    After a line that ends in a blank where the text is flowed (RFC 3676, section 4.1); further in than the first label,
    as a field is folded (RFC 5322, section 2.2.3).
    """
    last = growing.values.get(growing.last) if growing.last is not None else None
    if last is None or not last.text:
        return False
    if text.flowed and text.text[lines[index - 1][0] : lines[index - 1][1]].endswith(" "):
        return True
    if text.kind != "plain" or not text.text[lines[first][0]].isalpha() or text.text[lines[index][0]] not in " \t":
        return False
    # Horde sets labels flush right: their colons are in one column.
    flush = _colon_column(text, lines[index]) == _colon_column(text, lines[first])
    return not flush or label_at(text, lines[index]) is None


def _colon_column(text: Text, line: Range) -> int:
    return text.text.find(":", *line) - line[0]


def _continues(text: Text, lines: list[Range], index: int, growing: Growing, *, gap: bool) -> bool:
    """Whether the line goes on with the last value: the client folded it, or more labels of the block follow."""
    line = text.text[lines[index][0] : lines[index][1]].strip(LEAD)
    last = growing.values[growing.last] if growing.last else None
    if not line:
        return not (growing.has("from", "subject") and (growing.has("date") or growing.has("to"))) or growing.spaced
    if last is None or len(line) > 1000:
        return False
    if not last.text:
        return not growing.on_label_lines or (not gap and growing.last in _MAILBOX_ROLES and _is_mailboxes(line))
    if gap:
        return False
    if text.flowed and text.text[lines[index - 1][0] : lines[index - 1][1]].endswith(" "):
        return True
    if growing.last in _MAILBOX_ROLES:
        folded = last.text.endswith((",", ";")) or last.text.count("<") > last.text.count(">")
        if folded or (line.startswith("<") and "@" in line and "@" not in re.split("[,;]", last.text)[-1]):
            return True
    if growing.has("from", "date", "subject", "to") or marker_of(line) is not None:
        return False
    if is_foreign_label(line):
        return True
    for later in lines[index + 1 : index + 5]:
        found = label_at(text, later)
        if found is not None:
            return any(role not in growing.values for role in found[0])
    return False


def _is_mailboxes(line: str) -> bool:
    """Whether a line is nothing but mailboxes: an empty field does not take the first line of the mail."""
    return line.endswith((">", ",", ";", "]")) or ADDRESS.fullmatch(line) is not None


def _extend(text: Text, growing: Growing, line: Range, *, folded: bool) -> None:
    role = growing.last
    quoted = len(text.text[line[0] : line[0] + 100]) - len(text.text[line[0] : line[0] + 100].lstrip(LEAD))
    more = value_at(text, line[0] + quoted, min(line[1], line[0] + quoted + 1000))
    last = growing.values[role] if role is not None else None
    if last is not None and not last.text and more.text.startswith(COLONS):
        more = value_at(text, more.start + 1, more.end)  # its label stood on the line before
    if role is None or last is None or not more.text.strip(LEAD):
        return
    if last.text and not folded and (foreign := foreign_line(text, line, more, role)) is not None:
        growing.last = foreign[0] if foreign[0] not in growing.values else "other"
        growing.values[growing.last] = foreign[1]
        return
    joined = f"{last.text} {more.text.lstrip(LEAD)}".strip()
    growing.values[role] = Value(joined, last.start if last.text else more.start, more.end)


def _accepted(text: Text, growing: Growing, start: int, marker: tuple[Marker, int] | None) -> Block | None:
    cue = cue_before(text, start)
    others = sum(role in growing.values for role in ("date", "subject", "to"))
    sender = growing.values.get("from")
    known = marker is not None or cue is not None
    is_senderless = sender is None or not (sender.text or growing.doubtful)
    if is_senderless:
        # Clients leave out the line of a mail without From, or leave it empty: nobody further down is its sender.
        if others < (2 if marker or cue in FORWARD_CUES else 3) or not _is_telling_block(growing):
            return None
        growing.values["from"] = Value("", start, start)  # `_is_senderless`
    elif others < (1 if marker or cue in FORWARD_CUES else 2):
        return None
    if not known and not _is_telling_block(growing):
        return None
    return Block(
        "unmarked-labels" if is_senderless and not known else "labels",
        marker[0] if marker else "forwarded" if cue in THUNDERBIRD_CUES else None,
        growing.values,
        most_spoken(growing.languages),
        marker[1] if marker else start,
        growing.end,
        cue,
    )


def _is_telling_block(growing: Growing) -> bool:
    """Whether some value is one that prose with colons would not have: an address, or a date beside a subject.

    `From: Berlin / To: Munich / Date: 4 June` is a journey.
    """
    addressed = any(find_address(growing.values[role].text) for role in _MAILBOX_ROLES if role in growing.values)
    dated = growing.has("date", "subject") and sent_window(growing.values["date"].text) != UNKNOWN
    return addressed or growing.doubtful or dated
