"""The block of header lines that a mail client writes above a forwarded text: where it is and what each line says.

Three shapes: labelled lines (From/Sent/To/Subject, any order, in any language of the tables, quoted with `>`, in bold,
in tables), the same run together in one line (Yahoo's plain text), and an attribution (`On <date>, <sender> wrote:`).
Everything is read from the top: who planted a block in his own text stands below the client's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from leaktrace.mailroom.dates import UNKNOWN, sent_window
from leaktrace.mailroom.labels import Marker, Role, labels, marker_of, plain
from leaktrace.mailroom.mailboxes import ADDRESS
from leaktrace.mailroom.texts import Text

Range = tuple[int, int]

_LEAD = " \t>|*\ufeff\xa0\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_MARKER_SIGNS = frozenset("-_=*—–:：─~|")
_BLOCK_CEILING_LINES = 60
SEARCH_CEILING_LINES = 20_000
"""No reporter writes more lines than this above what he forwards; further down nothing is looked for."""
_LINE_CEILING_CHARACTERS = 20_000
_ATTRIBUTION_CEILING_CHARACTERS = 500
_NEAR_CHARACTERS = 400
_THUNDERBIRD_CUES = ("moz-forward-container", "moz-email-headers-table")
_FORWARD_CUES = ("gmail_attr", *_THUNDERBIRD_CUES)
_ONE_LINE = re.compile(r"-{3,}\s{0,9}([^-:<>]{3,80}?)\s{0,9}-{3,}\s{0,9}(?=\S)")
_UNKNOWN_LABEL = re.compile(r"([^\W\d_][^:：<>@/]{0,28}?)\s{0,3}[:：]\s{0,9}(\S.*)\Z", re.DOTALL)
_CLOCK_AND_YEAR = re.compile(r"(?=.*\d[:.]\d\d)(?=.*\d{4})", re.DOTALL)
"""What every written time has, also in a language that no table has."""
_FOREIGN_LABEL = re.compile(r"[^\W\d_][\w-]{1,24}:\s")
"""A line like `Organization: X` among header lines: a label without a table, no part of the value above it."""
_DIGIT_OR_AT = re.compile(r"[\d@]")
_DECORATED = re.compile(r"[-=_*]{3,}\s{0,9}[^\W\d_].{0,80}?[-=_*]{3,}\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Value:
    """What stands after a label, in one line, and its range in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One client's header lines; the forwarded text begins at `end`."""

    shape: Literal["labels", "one-line", "attribution", "unknown-labels", "unmarked-labels"]
    marker: Marker | None
    values: dict[Role, Value]
    languages: frozenset[str]
    start: int
    end: int
    cue: str | None = None


@dataclass(slots=True)
class _Growing:
    """Header lines while they are read."""

    values: dict[Role, Value] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    last: Role | None = None
    spaced: bool = False
    end: int = 0

    def best_languages(self) -> frozenset[str]:
        most = max(self.languages.values(), default=0)
        return frozenset(language for language, count in self.languages.items() if count == most)

    def has(self, *roles: Role) -> bool:
        return all(role in self.values for role in roles)


def find_block(text: Text, start: int = 0, subject: str | None = None) -> Block | None:
    """The first block at or after character `start`; `subject`, the outer one, helps where labels are unknown."""
    lines = list(islice((line for line in text.lines(start) if line[1] > line[0]), SEARCH_CEILING_LINES))
    marker: tuple[Marker, int] | None = None
    decorated: int | None = None
    for index, (begin, end) in enumerate(lines):
        line = text.text[begin : min(end, begin + _LINE_CEILING_CHARACTERS)].strip(_LEAD)
        if not line:
            continue
        if _MARKER_SIGNS.intersection(line):
            block = _at_line(text, lines, index, line, marker) or _unknown(text, lines, index, decorated, subject)
            if block is not None:
                return block
            kind = marker_of(line)
            marker = (kind, begin) if kind else None
            decorated = begin if _DECORATED.match(line[:200]) and len(line) <= 200 else None
        else:
            marker = decorated = None
    return None


def _at_line(text: Text, lines: list[Range], index: int, line: str, marker: tuple[Marker, int] | None) -> Block | None:
    if line.startswith("---") and (one_line := _one_line(text, lines[index])) is not None:
        return one_line
    if _label(text, lines[index]) is not None and (labelled := _labelled(text, lines, index, marker)) is not None:
        return labelled
    if line.endswith((":", "：")):
        return _attribution(text, lines, index)
    return None


# --- labelled lines ---------------------------------------------------------------------------------------


def _label(text: Text, line: Range) -> tuple[dict[Role, frozenset[str]], Value] | None:
    """Roles (with languages) of the label a line begins with, and its value; None when it begins with none."""
    begin, end = line[0], min(line[1], line[0] + _LINE_CEILING_CHARACTERS)
    segment = text.text[begin:end]
    lead = len(segment) - len(segment.lstrip(_LEAD))
    limit = lead + labels().longest_label + 12
    in_table = "|" in segment[:lead]
    colon = min((at for sign in ":：" if (at := segment.find(sign, lead, limit)) >= 0), default=-1)
    if in_table and (bar := segment.find("|", lead, limit)) >= 0 and (colon < 0 or bar < colon):
        colon = bar
    if colon < 0:
        return None
    roles = labels().roles.get(plain(segment[lead:colon]).strip("* _|").rstrip(":").strip())
    if roles is None:
        return None
    return roles, _value(text, begin + colon + 1, end, decorated="*" in segment[: colon + 2] or in_table)


def _value(text: Text, start: int, end: int, *, decorated: bool = False) -> Value:
    signs = " \t\xa0\r" + ("*|" if decorated else "")
    content = text.text[start:end]
    lead = len(content) - len(content.lstrip(signs))
    while content.startswith("&nbsp;", lead):  # QQ leaves HTML in its plain text
        lead += len("&nbsp;")
    kept = content[lead:].strip(signs)
    return Value(" ".join(kept.split()), start + lead, start + lead + len(kept))


def _labelled(text: Text, lines: list[Range], first: int, marker: tuple[Marker, int] | None) -> Block | None:
    growing, index = _Growing(), first
    stop = min(len(lines), first + _BLOCK_CEILING_LINES)
    while index < stop:
        found = _label(text, lines[index])
        gap = index > first and _is_blank_between(text, lines[index - 1], lines[index])
        if gap and not growing.spaced:
            if growing.has("from", "subject") and (growing.has("date") or growing.has("to")):
                break
            growing.spaced = True
        role = next((one for one in found[0] if one == "other" or one not in growing.values), None) if found else None
        if found is not None and role is not None:
            growing.values[role] = found[1]
            growing.last = role
            for language in found[0][role]:
                growing.languages[language] = growing.languages.get(language, 0) + 1
        elif found is not None or growing.last is None or not _continues(text, lines, index, growing, gap=gap):
            break
        else:
            _extend(text, growing, lines[index])
        growing.end = lines[index][1]
        index += 1
    return _accepted(text, growing, lines[first][0], marker)


def _is_blank_between(text: Text, before: Range, after: Range) -> bool:
    between = text.text[before[1] : after[0]]
    return between.count("\n") > 1 or not text.text[before[0] : before[1]].strip(_LEAD)


def _continues(text: Text, lines: list[Range], index: int, growing: _Growing, *, gap: bool) -> bool:
    """Whether the line goes on with the last value: the client folded it, or more labels of the block follow."""
    line = text.text[lines[index][0] : lines[index][1]].strip(_LEAD)
    last = growing.values[growing.last] if growing.last else None
    if not line:
        return not (growing.has("from", "subject") and (growing.has("date") or growing.has("to"))) or growing.spaced
    if last is None or gap or len(line) > 1000:
        return last is not None and not last.text and len(line) <= 1000
    if not last.text or (text.flowed and text.text[lines[index - 1][0] : lines[index - 1][1]].endswith(" ")):
        return True
    if growing.last in ("from", "to", "cc", "bcc"):
        folded = last.text.endswith((",", ";")) or last.text.count("<") > last.text.count(">")
        if folded or (line.startswith("<") and "@" in line and "@" not in last.text):
            return True
    if growing.has("from", "date", "subject", "to"):
        return False
    if _FOREIGN_LABEL.match(line):
        return True
    for later in lines[index + 1 : index + 5]:
        found = _label(text, later)
        if found is not None:
            return any(role not in growing.values for role in found[0])
    return False


def _extend(text: Text, growing: _Growing, line: Range) -> None:
    role = growing.last
    more = _value(text, line[0], min(line[1], line[0] + 1000))
    last = growing.values[role] if role is not None else None
    if role is None or last is None or not more.text.strip(_LEAD):
        return
    if last.text and (foreign := _foreign(text, line, more, role)) is not None:
        growing.last = foreign[0] if foreign[0] not in growing.values else "other"
        growing.values[growing.last] = foreign[1]
        return
    joined = f"{last.text} {more.text.lstrip(_LEAD)}".strip()
    growing.values[role] = Value(joined, last.start if last.text else more.start, more.end)


def _foreign(text: Text, line: Range, more: Value, role: Role) -> tuple[Role, Value] | None:
    """What a line among header lines is that has a label no table has: a date by its value, else nothing of ours."""
    match = _UNKNOWN_LABEL.match(text.text[: line[1]], more.start)
    if match is not None and match.end(1) - match.start(1) >= 2:
        value = _value(text, match.start(2), match.end(2))
        if sent_window(value.text) != UNKNOWN or _CLOCK_AND_YEAR.match(value.text):
            return "date", value
        if ADDRESS.search(value.text) and role in ("subject", "date"):
            return "other", value
    return ("other", more) if _FOREIGN_LABEL.match(more.text.lstrip(_LEAD)) else None


def _accepted(text: Text, growing: _Growing, start: int, marker: tuple[Marker, int] | None) -> Block | None:
    cue = _cue_before(text, start)
    others = sum(role in growing.values for role in ("date", "subject", "to"))
    sender = growing.values.get("from")
    if sender is None or not sender.text or others < (1 if marker or cue in _FORWARD_CUES else 2):
        return None
    known = marker is not None or cue is not None
    if not known and not any(_is_telling(role, growing.values[role]) for role in growing.values):
        return None
    return Block(
        "labels",
        marker[0] if marker else "forwarded" if cue in _THUNDERBIRD_CUES else None,
        growing.values,
        growing.best_languages(),
        marker[1] if marker else start,
        growing.end,
        cue,
    )


def _is_telling(role: Role, value: Value) -> bool:
    """Whether a value is one that prose with colons would not have: an address, a date."""
    if role == "date":
        return sent_window(value.text) != UNKNOWN
    return role in ("from", "to", "cc") and ADDRESS.search(value.text) is not None


def _cue_before(text: Text, start: int) -> str | None:
    if text.rendered is None:
        return None
    cues = text.rendered.cues
    at = bisect_right(cues, start + 5, key=lambda cue: cue[0]) - 1
    return cues[at][1] if at >= 0 and cues[at][0] >= start - _NEAR_CHARACTERS else None


# --- one line ----------------------------------------------------------------------------------------------


def _one_line(text: Text, line: Range) -> Block | None:
    """`----- Forwarded Message ----- From: ATo: BSent: CSubject: D`, as Yahoo's plain text has it."""
    begin, end = line[0], min(line[1], line[0] + _LINE_CEILING_CHARACTERS)
    opening = _ONE_LINE.search(text.text, begin, min(end, begin + 300))
    if opening is None or (kind := marker_of(opening.group(1))) is None:
        return None
    found: list[tuple[Role, int, int]] = []
    position = opening.end()
    while (colon := text.text.find(":", position, end)) >= 0:
        match = _label_before(text.text, max(position, opening.end()), colon)
        if match is not None and (match[0] not in {role for role, _, _ in found}) and (found or match[0] == "from"):
            found.append((match[0], match[1], colon + 1))
        position = colon + 1
    if len(found) < 2:
        return None
    ends = [start for _, start, _ in found[1:]] + [end]
    values = {role: _value(text, after, stop) for (role, _, after), stop in zip(found, ends, strict=True)}
    languages = _languages_of([text.text[start : after - 1] for _, start, after in found])
    return Block("one-line", kind, values, languages, begin, line[1])


def _label_before(text: str, low: int, colon: int) -> tuple[Role, int] | None:
    stop = colon - 1 if text[colon - 1 : colon] in (" ", "\xa0") else colon
    for word, role in labels().written:
        start = stop - len(word)
        if start >= low and role != "other" and text.startswith(word, start):
            glued = start > low and text[start - 1].isalpha()
            if len(word) > 2 or not glued:
                return role, start
    return None


def _languages_of(words: list[str]) -> frozenset[str]:
    counts: dict[str, int] = {}
    for word in words:
        for languages in labels().roles.get(plain(word), {}).values():
            for language in languages:
                counts[language] = counts.get(language, 0) + 1
    most = max(counts.values(), default=0)
    return frozenset(language for language, count in counts.items() if count == most)


# --- attributions -------------------------------------------------------------------------------------------


def _attribution(text: Text, lines: list[Range], index: int) -> Block | None:
    """`On 28/10/2021 12:46, "John Doe" <john@x.example> wrote:`, also folded over up to three lines."""
    end = lines[index][1]
    for first in range(index, max(index - 3, -1), -1):
        begin = lines[first][0]
        if end - begin > _ATTRIBUTION_CEILING_CHARACTERS or (
            first < index and _is_blank_between(text, lines[first], lines[first + 1])
        ):
            return None
        joined = " ".join(text.text[a:b].strip(_LEAD) for a, b in lines[first : index + 1])
        if not _DIGIT_OR_AT.search(joined):
            continue
        said = plain(joined)
        verb = next((word for word in labels().wrote if word in said), None)
        if verb is None:
            continue
        address = next(iter(reversed(list(ADDRESS.finditer(joined)))), None)
        date = sent_window(ADDRESS.sub(" ", joined))
        if date != UNKNOWN or (address is not None and said.endswith((f"{verb}:", f"{verb} :"))):
            if date == UNKNOWN and first > max(index - 2, 0):
                continue
            value = _value(text, begin, end)
            return Block(
                "attribution", None, {"from": Value(_attributed(joined, verb), value.start, value.end), "date": value},
                frozenset(), begin, end,
            )  # fmt: skip
    return None


def _attributed(line: str, verb: str) -> str:
    """The sender out of an attribution line: the quoted name or what is left when date and verb are gone."""
    addresses = list(ADDRESS.finditer(line))
    address = addresses[-1].group() if addresses else None
    before = line[: addresses[-1].start()].rstrip("< \t(") if addresses else line
    quoted = re.search(r"[\"“„«]\s*([^\"“”„«»]{1,200}?)\s*[\"”“»]\s*\Z", before)
    if quoted is None:
        # Everything up to the last digit is the date; what follows it may begin with am, pm or a zone.
        name = re.sub(r"\A.*\d", "", before, flags=re.DOTALL) if address else _between_date_and_verb(before, verb)
        name = re.sub(r"\A\s*(?:[ap]\.?m\.?\b|[A-Z]{2,5}(?:[+-]\d+)?,)?", "", name.strip(), flags=re.IGNORECASE)
    else:
        name = quoted.group(1)
    name = re.sub(re.escape(verb) + r"\b", "", name, flags=re.IGNORECASE).strip(" ,;:\"'\t-")
    return f"{name} <{address}>".strip() if address else name


def _between_date_and_verb(line: str, verb: str) -> str:
    at = line.casefold().rfind(verb)
    return re.sub(r"\A.*\d", "", line[:at] if at > 0 else line, flags=re.DOTALL)


# --- labels nobody told us ------------------------------------------------------------------------------------


def _unknown(text: Text, lines: list[Range], index: int, decorated: int | None, subject: str | None) -> Block | None:
    """Labelled lines in a language without a table, each told by its value.

    Right below a client's own mark or a decorated line three lines are enough. Elsewhere it must be all that a client
    writes: a mailbox in angle brackets, a time, and a recipient or the subject.
    """
    cue = _cue_before(text, lines[index][0])
    marked = decorated is not None or cue in (*_FORWARD_CUES, "divrplyfwdmsg")
    values: dict[Role, Value] = {}
    count, end = 0, lines[index][0]
    for begin, stop in lines[index : index + 8]:
        stop = min(stop, begin + _LINE_CEILING_CHARACTERS)  # noqa: PLW2901
        segment = text.text[begin:stop]
        match = _UNKNOWN_LABEL.match(segment, len(segment) - len(segment.lstrip(_LEAD)))
        if match is None:
            break
        known = _label(text, (begin, stop))
        if known is not None:
            values.setdefault(next(iter(known[0])), known[1])
        else:
            _place(values, _value(text, begin + match.start(2), stop), subject)
        count, end = count + 1, stop
    if count < 3 or "from" not in values or not (marked or _is_whole(values)):
        return None
    start = lines[index][0] if decorated is None else decorated
    marker: Marker | None = "forwarded" if cue in _FORWARD_CUES else None
    shape: Literal["unknown-labels", "unmarked-labels"] = "unknown-labels" if marked else "unmarked-labels"
    return Block(shape, marker, values, frozenset(), start, end, cue)


def _is_whole(values: dict[Role, Value]) -> bool:
    return "date" in values and ("to" in values or "subject" in values) and values["from"].text.endswith(">")


def _place(values: dict[Role, Value], value: Value, subject: str | None) -> None:
    if ADDRESS.search(value.text):
        role: Role = "from" if "from" not in values else "to" if "to" not in values else "cc"
    elif subject and value.text and plain(subject).endswith(plain(value.text)):
        role = "subject"
    elif sent_window(value.text) != UNKNOWN or _CLOCK_AND_YEAR.match(value.text):
        role = "date"
    else:
        return
    values.setdefault(role, value)
