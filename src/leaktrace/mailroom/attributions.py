"""Header lines that are one line: an attribution (`On <date>, <sender> wrote:`), and Yahoo's run of labels.

After a line that opens a forward an attribution needs no verb: Yandex and Mail.ru write `<date>, <sender>:` there. Nor
does a line that is nothing but a date and a mailbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from leaktrace.mailroom.blocklines import (
    LEAD,
    LINE_CEILING_CHARACTERS,
    Block,
    Range,
    Value,
    blank_between,
    label_at,
    value_at,
)
from leaktrace.mailroom.dates import UNKNOWN, is_zone_name, sent_window
from leaktrace.mailroom.labels import Marker, Role, labels, marker_of, plain
from leaktrace.mailroom.mailboxes import addresses_in, without_addresses
from leaktrace.mailroom.texts import Text
from leaktrace.records import Window

_ATTRIBUTION_CEILING_CHARACTERS = 500
_DATES_CEILING_COUNT = 60
_ONE_LINE = re.compile(r"-{3,}\s{0,9}([^-:<>]{3,80}?)\s{0,9}-{3,}\s{0,9}(?=\S)")
_DIGIT_OR_AT = re.compile(r"[\d@]")
_DATE_AND_MAILBOX = re.compile(
    r"(?:[^\W\d_]{1,20}[.,]{0,2}\s)?\d[^@]{3,200}@[^\s@<>]{1,255}>?[\s\u200e\u200f\u202c]{0,9}[:：]\Z"
)
"""`Mar 4, 2024 10:11:12 AM Ann <ann@x.example>:`, without a verb, as FairEmail, Yandex and Gmail in some languages have
it: nothing but a date, which comes first, and a mailbox."""
_IN_MESSAGE = re.compile(r"\bin\s{1,3}(?:message\s{1,3})?(?:news:)?<\Z", re.IGNORECASE)
"""Before the Message-ID that some programs cite in an attribution."""


def one_line(text: Text, line: Range) -> Block | None:
    """`----- Forwarded Message ----- From: ATo: BSent: CSubject: D`, as Yahoo's plain text has it."""
    begin, end = line[0], min(line[1], line[0] + LINE_CEILING_CHARACTERS)
    opening = _ONE_LINE.search(text.text, begin, min(end, begin + 300))
    if opening is None or (kind := marker_of(opening.group(1))) is None:
        return None
    found = _labels_of_line(text.text, opening.end(), end)
    if found is None:  # nobody can tell which is the client's; a block further down is not
        nobody = Value("", opening.end(), opening.end())
        return Block("one-line", kind, {"from": nobody}, frozenset(), begin, line[1])
    if len(found) < 2:
        return None
    ends = [start for _, start, _ in found[1:]] + [end]
    values = {role: value_at(text, after, stop) for (role, _, after), stop in zip(found, ends, strict=True)}
    languages = _languages_of([text.text[start : after - 1] for _, start, after in found])
    return Block("one-line", kind, values, languages, begin, line[1])


def _labels_of_line(text: str, start: int, end: int) -> list[tuple[Role, int, int]] | None:
    """The labels of a one-line block, each with where it and its value begin; null where names leave it open which.

    What the sender chose as a name may look like labels, and stands before the client's: of each but the first `From:`
    the last one before the subject counts. The subject is the last of all; what follows are the sender's words.
    """
    found: list[tuple[Role, int, int]] = []
    ended = seen_since = False
    for colon in _colons_outside(text, start, end):
        match = label_before(text, max(found[-1][2] if found and not ended else start, start), colon)
        if match is None or not (found or match[0] == "from"):
            continue
        role = match[0]
        if ended:
            if role == "subject" and seen_since:
                return None  # a name that holds a whole block, or a subject that does
            seen_since |= role == "to"
        elif role != "from" or not found:
            found = [one for one in found if one[0] != role]
            found.append((role, match[1], colon + 1))
            ended = role == "subject" and bool({"to", "date"} & {one[0] for one in found})
    return found


def _colons_outside(text: str, start: int, end: int) -> Iterator[int]:
    """Where a label may end: colons outside quotes, as far as these have partners, and outside angle brackets."""
    quoted = angled = False
    closing = text.rfind('"', start, end)
    for at in range(start, end):
        character = text[at]
        if character == '"' and (quoted or at < closing):
            quoted = not quoted
        elif not quoted and character in "<>":
            angled = character == "<"
        elif character == ":" and not quoted and not angled:
            yield at


def label_before(text: str, low: int, colon: int) -> tuple[Role, int] | None:
    """The longest label that ends at a colon, with its role and where it begins, not before `low`; null: none does."""
    stop = colon - 1 if text[colon - 1 : colon] in (" ", "\xa0") else colon
    for length, roles in labels().written.items():
        start = stop - length
        role = roles.get(text[start:stop]) if start >= low else None
        if role is not None and (length > 2 or start == low or not text[start - 1].isalpha()):
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


@dataclass(slots=True)
class DatesRead:
    """The lines of a text that were read as dates: after so many that were none there is no attribution."""

    count: int = 0
    known: dict[str, Window] = field(default_factory=dict)

    def sent_window(self, line: str) -> Window:
        """When a line says; the same line is read once."""
        if line not in self.known:
            self.known[line] = sent_window(line)
        return self.known[line]


def attribution(
    text: Text, lines: list[Range], index: int, marker: tuple[Marker, int] | None, read: DatesRead
) -> Block | None:
    """`On 28/10/2021 12:46, "John Doe" <john@x.example> wrote:`, also folded over up to three lines.

    Right below a line that opens a forward, date and address are enough, and lines of recipients may follow.
    """
    end = lines[index][1]
    for first in range(index, max(index - 3, -1), -1):
        begin = lines[first][0]
        if first < index and (
            end - begin > _ATTRIBUTION_CEILING_CHARACTERS or blank_between(text, lines[first], lines[first + 1])
        ):
            return None
        joined = " ".join(_ends_of(text.text, a, b) for a, b in lines[first : index + 1])
        if not _DIGIT_OR_AT.search(joined):
            continue
        said = plain(joined)
        verb = next((word for word in labels().wrote if word in said), None)
        is_below_mark = marker is not None and marker[0] == "forwarded"
        if verb is None and not is_below_mark and not _DATE_AND_MAILBOX.match(joined):
            continue
        if read.count >= _DATES_CEILING_COUNT:
            return None
        read.count += 1
        address = _sender_address(joined, verb)
        date = read.sent_window(without_addresses(joined))
        if verb is None and (address is None or date == UNKNOWN):
            continue
        if date != UNKNOWN or (address is not None and said.endswith((f"{verb}:", f"{verb} :"))):
            if date == UNKNOWN and first > max(index - 2, 0):
                continue
            value = value_at(text, begin, end)
            sender = Value(_attributed(joined, verb or ""), value.start, value.end)
            if address is not None and address.group() != _addresses_of(joined)[-1].group():
                # A name that ends in an address and a verb, or a line that says to whom it was written.
                sender = Value("", value.start, value.end)
            if verb is None and marker is not None and is_below_mark:
                return _with_recipients(text, lines, index, marker, {"from": sender, "date": value})
            languages = labels().wrote_languages.get(verb or "", frozenset())
            opened = lines[first - 1] if first else (0, 0)
            if marker_of(text.text[opened[0] : opened[1]].strip(LEAD)) == "forwarded":
                return Block("attribution", "forwarded", {"from": sender, "date": value}, languages, opened[0], end)
            return Block("attribution", None, {"from": sender, "date": value}, languages, begin, end)
    return None


def _ends_of(text: str, begin: int, end: int) -> str:
    """A line; of one that a name makes too long for an attribution both ends: there stand date, address and verb. Who
    chose such a name would else hide the client's line, and one planted below it would be the first.
    """
    if end - begin > _ATTRIBUTION_CEILING_CHARACTERS:
        half = _ATTRIBUTION_CEILING_CHARACTERS // 2
        return f"{text[begin : begin + half].lstrip(LEAD)} {text[end - half : end].rstrip(LEAD)}"
    return text[begin:end].strip(LEAD)


def _with_recipients(
    text: Text, lines: list[Range], index: int, marker: tuple[Marker, int], values: dict[Role, Value]
) -> Block:
    end, before = lines[index][1], lines[index]
    for line in lines[index + 1 : index + 4]:
        found = None if blank_between(text, before, line) else label_at(text, line)
        role = next((one for one in found[0] if one not in values and one != "other"), None) if found else None
        if found is None or role is None:
            break
        values[role], end, before = found[1], line[1], line
    return Block("attribution", marker[0], values, frozenset(), marker[1], end)


def _addresses_of(line: str) -> list[re.Match[str]]:
    """Its addresses; what stands in `<...>` after `in message` is none."""
    return [match for match in addresses_in(line) if not _IN_MESSAGE.search(line, 0, match.start())]


def _sender_address(line: str, verb: str | None) -> re.Match[str] | None:
    """The last address before the verb, else the last one."""
    found = _addresses_of(line)
    at = line.casefold().rfind(verb) if verb else -1
    return next((match for match in reversed(found) if match.end() <= at), found[-1] if found else None)


def _attributed(line: str, verb: str) -> str:
    """The sender out of an attribution line: the quoted name or what is left when date and verb are gone."""
    found = _sender_address(line, verb or None)
    address = found.group() if found is not None else None
    before = line[: found.start()].rstrip("< \t(") if found is not None else line
    quoted = re.search(r"[\"“„«]\s*([^\"“”„«»]{1,200}?)\s*[\"”“»]\s*\Z", before)
    if quoted is None:
        # Everything up to the last digit is the date; what follows it may begin with am, pm or a zone.
        name = re.sub(r"\A.*\d", "", before, flags=re.DOTALL) if address else _between_date_and_verb(before, verb)
        name = re.sub(r"\A\s*(?:[ap]\.?m\.?\b|[A-Z]{2,5}(?:[+-]\d+)?,)?", "", name.strip(), flags=re.IGNORECASE)
    else:
        name = quoted.group(1)
    if verb:
        name = re.sub(re.escape(verb) + r"\b", "", name, flags=re.IGNORECASE)
    name = name.strip(" ,;:\"'\t-()")
    if address is None:
        return name
    return f"<{address}>" if quoted is None and is_zone_name(name) else f"{name} <{address}>".strip()


def _between_date_and_verb(line: str, verb: str) -> str:
    at = line.casefold().rfind(verb)
    return re.sub(r"\A.*\d", "", line[:at] if at > 0 else line, flags=re.DOTALL)
