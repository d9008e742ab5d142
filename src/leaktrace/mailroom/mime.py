"""A MIME reader (RFC 5322, RFC 2045-2046) that knows where in the raw bytes everything lies and stops at ceilings.

Parts do not copy: a part is a range of its source's bytes, and only an encoded attached message gets a source of its
own, with a way back. Time is linear in the bytes times the depth ceiling. What a message breaks of the standards is
read as clients read it; the only exception is `CeilingReached`, with a reason for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from leaktrace.mailroom.headers import field_text, parse_parameters, unfolded
from leaktrace.mailroom.transfer import Locate, decode_transfer, same_place
from leaktrace.settings import Settings

_FIELD_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_BLANK_LINE = re.compile(rb"\n\r*\n")
_NEWLINE, _RETURN, _BLANK = b"\n\r "
_FOLDS = (b" ", b"\t")
_NAME_CEILING_BYTES = 250
"""Longer names of fields, with the blanks behind them, are none; and none is kept in memory."""
_PLAIN_HEADER_BYTES = 500_000
"""A larger header is read line by line: split into lines it would take sixty times its size."""
FIELD_CEILING_COUNT = 20_000
"""Header fields of one entity; mail that went through a hundred systems has a thousand."""
_ENVELOPE_LINE = (b"From ", b">From ")
_BARE_BOUNDARY = re.compile(rb"--([^\s]{1,70})[ \t]*\r?\nContent-")
_MESSAGE_TYPES = ("message/rfc822", "message/global", "message/news")
_BOUNDARY_REST = re.compile(rb"(--)?[ \t]*(?:\r?\n|\Z)")
_KNOWN_FIELDS = {
    "from",
    "to",
    "subject",
    "date",
    "received",
    "message-id",
    "return-path",
    "delivered-to",
    "mime-version",
}


class CeilingReached(Exception):  # noqa: N818 - not an error of this program
    """A message is larger, deeper or more fragmented than the settings allow."""


class TextBudget:
    """How many decoded bytes of text may still be read of one message."""

    def __init__(self, ceiling_bytes: int) -> None:
        self._ceiling_bytes = ceiling_bytes
        self._left_bytes = ceiling_bytes

    @property
    def left_bytes(self) -> int:
        """How many may still be taken."""
        return max(self._left_bytes, 0)

    def spend(self, size_bytes: int) -> None:
        """Takes so many bytes; CeilingReached when there are not enough."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            raise CeilingReached(f"decoded text is larger than {self._ceiling_bytes} bytes")


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes that parts lie in: the raw message itself, or what an encoded attachment decoded to."""

    content: bytes
    locate: Locate = same_place
    """Range in `content` -> range in the raw message."""


class Field(NamedTuple):
    """A header field: its lower-case name, and where in the source the whole field and its value lie."""

    name: str
    start: int
    value_start: int
    value_end: int


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity: fields and body as ranges of the source, children as parts."""

    source: Source
    start: int
    body_start: int
    end: int
    fields: tuple[Field, ...]
    content_type: str
    parameters: dict[str, str]
    disposition: str
    filename: str
    encoding: str
    children: tuple[Part, ...] = ()
    _topmost: dict[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_topmost", {field.name: field for field in reversed(self.fields)})

    @property
    def is_message(self) -> bool:
        """Whether its one child is a whole message."""
        return bool(self.children) and not self.content_type.startswith("multipart/")

    def all_fields(self, name: str) -> list[Field]:
        """The fields of that (lower-case) name, top to bottom."""
        return [field for field in self.fields if field.name == name]

    def first(self, name: str) -> Field | None:
        """The topmost field of that name."""
        return self._topmost.get(name)

    def value_of(self, field: Field) -> bytes:
        """A field's value as it stands, folded and encoded."""
        return self.source.content[field.value_start : field.value_end]

    def text(self, name: str) -> str | None:
        """The topmost such field's value as people read it; None when there is none."""
        field = self.first(name)
        return None if field is None else field_text(self.value_of(field), self.parameters.get("charset"))

    def texts(self, name: str) -> list[str]:
        """The values of all such fields, top to bottom."""
        return [field_text(self.value_of(field), self.parameters.get("charset")) for field in self.all_fields(name)]

    def unfolded(self, name: str) -> str | None:
        """The topmost such field's value in one line with its encoded words untouched."""
        field = self.first(name)
        return None if field is None else unfolded(self.value_of(field), self.parameters.get("charset"))

    def span(self, field: Field) -> tuple[int, int]:
        """Where in the raw message the field's value lies."""
        return self.source.locate(field.value_start, field.value_end)

    def whole(self) -> bytes:
        """The entity's own bytes, header and body."""
        return self.source.content[self.start : self.end]

    def body(self) -> bytes:
        """The body's bytes, still encoded."""
        return self.source.content[self.body_start : self.end]

    def decoded(self) -> Source:
        """The decoded body as a source with its way back to the raw message."""
        content, locate = decode_transfer(self.body(), self.encoding)
        outer, base = self.source.locate, self.body_start

        def locate_in_raw(start: int, end: int) -> tuple[int, int]:
            inner_start, inner_end = locate(start, end)
            return outer(base + inner_start, base + inner_end)

        return Source(content, locate_in_raw)


def _plain_fields(content: bytes, start: int, end: int) -> tuple[tuple[Field, ...], int] | None:
    """The fields, without blanks around their values, and where the body begins, of a header as nearly all are: every
    line begins a field or goes on with one, and there are not too many. None for any other.
    """
    blank = _BLANK_LINE.search(content, start, end)
    if blank is None or (start and content[start - 1] != _NEWLINE) or blank.start() - start > _PLAIN_HEADER_BYTES:
        return None
    fields: list[Field] = []
    position = begin = value_start = start
    name: str | None = None
    for line in content[start : blank.start()].split(b"\n"):
        if line[:1] not in _FOLDS:
            if name is not None:
                fields.append(_plain_field(content, name, begin, value_start, position))
            written, colon, _ = line.partition(b":")
            name = _field_name(written) if colon and len(written) <= _NAME_CEILING_BYTES else None
            begin, value_start = position, position + len(written) + 1
        if name is None or len(fields) == FIELD_CEILING_COUNT:
            return None
        position += len(line) + 1
    if name is not None:
        fields.append(_plain_field(content, name, begin, value_start, position))
    return tuple(fields), blank.end()


def _plain_field(content: bytes, name: str, begin: int, value_start: int, after: int) -> Field:
    """A field whose lines end at `after`."""
    if content[value_start] == _BLANK:
        value_start += 1
    # Nearly all: blanks are nowhere but behind the colon, and the line ends in CRLF.
    if value_start < after - 2 and content[value_start] > _BLANK < content[after - 3] and content[after - 2] == _RETURN:
        return Field(name, begin, value_start, after - 2)
    return _trimmed(Field(name, begin, value_start, after), content)


@lru_cache(maxsize=1024)
def _field_name(written: bytes) -> str | None:
    """What stands before a field's colon, as a name; None where it is none."""
    match = _FIELD_NAME.fullmatch(written + b":")
    return None if match is None else match.group(1).decode("ascii").lower()


def read_fields(content: bytes, start: int, end: int, *, ceiling: int | None = None) -> tuple[tuple[Field, ...], int]:
    """The header fields of `content[start:end]` and where the body begins (RFC 5322, section 2.2).

    Envelope lines of mbox files are skipped; a line that is no field ends the header and begins the body.
    CeilingReached for more fields than the ceiling.
    """
    fields: list[Field] = []
    position = start + 3 if content.startswith(b"\xef\xbb\xbf", start) else start
    while position < end:
        newline = content.find(b"\n", position, end)
        after = end if newline < 0 else newline + 1
        first = content[position]
        if first in b"\r\n" and content[position:after].strip(b"\r\n") == b"":
            return tuple(fields), after
        if first in b" \t" and fields:
            fields[-1] = fields[-1]._replace(value_end=after)
        elif match := _FIELD_NAME.match(content, position, after):
            if len(fields) == ceiling:
                raise CeilingReached(f"more than {ceiling} header fields")
            fields.append(Field(match.group(1).decode("ascii").lower(), position, match.end(), after))
        elif not content.startswith(_ENVELOPE_LINE, position):
            return tuple(fields), position
        position = after
    return tuple(fields), end


def _other_fields(content: bytes, start: int, end: int) -> tuple[tuple[Field, ...], int]:
    fields, body_start = read_fields(content, start, end, ceiling=FIELD_CEILING_COUNT)
    return tuple(_trimmed(field, content) for field in fields), body_start


def _trimmed(field: Field, content: bytes) -> Field:
    value = content[field.value_start : field.value_end]
    start = field.value_start + len(value) - len(value.lstrip(b" \t\r\n"))
    return Field(field.name, field.start, start, max(start, field.value_start + len(value.rstrip(b" \t\r\n"))))


class _Reader:
    """Reads one raw message; holds what it has used of the ceilings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._part_count = 0

    def entity(self, source: Source, start: int, end: int, depth: int, default_type: str = "text/plain") -> Part:
        self._part_count += 1
        if self._part_count > self._settings.part_ceiling_count:
            raise CeilingReached(f"more than {self._settings.part_ceiling_count} MIME parts")
        if depth > self._settings.depth_ceiling_count:
            raise CeilingReached(f"MIME parts nested deeper than {self._settings.depth_ceiling_count}")
        fields, body_start = _plain_fields(source.content, start, end) or _other_fields(source.content, start, end)
        if body_start - start > self._settings.text_ceiling_bytes:
            raise CeilingReached(f"a header larger than {self._settings.text_ceiling_bytes} bytes")
        part = _described(source, start, body_start, end, fields, default_type)
        children = self._children(part, depth)
        return replace(part, children=children) if children else part

    def _children(self, part: Part, depth: int) -> tuple[Part, ...]:
        if part.content_type.startswith("multipart/"):
            default = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
            return tuple(self.entity(part.source, start, end, depth + 1, default) for start, end in self._divided(part))
        if part.content_type in _MESSAGE_TYPES or part.filename.lower().endswith(".eml"):
            return self._embedded(part, depth)
        return ()

    def _divided(self, part: Part) -> Iterator[tuple[int, int]]:
        """Ranges of the body parts between boundary lines (RFC 2046, section 5.1.1)."""
        content = part.source.content
        boundary = part.parameters.get("boundary", "").encode("utf-8", "replace").rstrip()
        if not boundary:
            bare = _BARE_BOUNDARY.search(content, part.body_start, part.end)
            if bare is None:
                return
            boundary = bare.group(1)
        begin: int | None = None
        for start, end, last in _boundary_lines(content, part.body_start, part.end, b"--" + boundary):
            if begin is not None:
                yield begin, max(begin, _before_newline(content, start))
            if last:
                return
            begin = end
        if begin is not None:
            yield begin, part.end

    def _embedded(self, part: Part, depth: int) -> tuple[Part, ...]:
        """The whole message an attachment holds; none where it turns out to be something else."""
        source, start, end = part.source, part.body_start, part.end
        if part.encoding in ("base64", "quoted-printable") and not (
            part.encoding == "base64" and _looks_like_message(source.content, start, end)
        ):
            source = part.decoded()
            start, end = 0, len(source.content)
        while source.content[start : start + 1] in (b"\r", b"\n") and start < end:
            start += 1  # as above a whole message
        if part.content_type not in _MESSAGE_TYPES and not _looks_like_message(source.content, start, end):
            return ()
        return (self.entity(source, start, end, depth + 1),)


def _boundary_lines(content: bytes, start: int, end: int, dashed: bytes) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it closes) of the lines that are nothing but this boundary."""
    at: int = start if content.startswith(dashed, start, end) else content.find(b"\n" + dashed, start, end) + 1
    while at or content.startswith(dashed, at, end):
        rest = _BOUNDARY_REST.match(content, at + len(dashed), end)
        if rest is not None:
            yield at, rest.end(), bool(rest.group(1))
        newline = content.find(b"\n" + dashed, at, end)
        if newline < 0:
            return
        at = newline + 1


def _before_newline(content: bytes, position: int) -> int:
    if content[position - 2 : position] == b"\r\n":
        return position - 2
    return position - 1


def _looks_like_message(content: bytes, start: int, end: int) -> bool:
    fields, _ = read_fields(content, start, min(end, start + 20_000))
    return len({field.name for field in fields} & _KNOWN_FIELDS) >= 2


def _described(
    source: Source, start: int, body_start: int, end: int, fields: tuple[Field, ...], default_type: str
) -> Part:
    wanted = ("content-type", "content-disposition", "content-transfer-encoding")
    topmost = {one.name: one for one in reversed(fields) if one.name in wanted}

    def value(name: str) -> str:
        one = topmost.get(name)
        return "" if one is None else field_text(source.content[one.value_start : one.value_end])

    content_type, parameters = parse_parameters(value("content-type"))
    if "/" not in content_type:
        content_type = "text/plain" if content_type else default_type
    disposition, placed = parse_parameters(value("content-disposition"))
    filename = placed.get("filename") or parameters.get("name", "")
    encoding = value("content-transfer-encoding").partition(";")[0].strip().lower()
    return Part(
        source, start, body_start, end, fields, content_type, parameters, disposition, filename.strip(), encoding
    )


def read_message(raw: bytes, settings: Settings) -> Part:
    """The message as a tree of parts; CeilingReached when it is more than the settings allow."""
    if len(raw) > settings.message_ceiling_bytes:
        raise CeilingReached(f"{len(raw)} bytes are more than the {settings.message_ceiling_bytes} that are read")
    start = len(raw) - len(raw.lstrip(b"\r\n"))
    return _Reader(settings).entity(Source(raw), start, len(raw), 0)


def read_source(source: Source, settings: Settings) -> Part:
    """The message that bytes out of a container are, as a tree of parts; CeilingReached as `read_message`."""
    if len(source.content) > settings.message_ceiling_bytes:
        raise CeilingReached(f"a contained message of more than {settings.message_ceiling_bytes} bytes")
    return _Reader(settings).entity(source, 0, len(source.content), 0)


def looks_like_message(content: bytes) -> bool:
    """Whether bytes begin with header fields that messages have."""
    return _looks_like_message(content, 0, len(content))


def walk(part: Part, *, into_messages: bool = False) -> Iterator[Part]:
    """The part and everything in it, in the order of the bytes; attached messages stay closed unless asked."""
    yield part
    if part.is_message and not into_messages:
        return
    for child in part.children:
        yield from walk(child, into_messages=into_messages)
