"""TNEF, the `winmail.dat` that Exchange attaches (MS-OXTNEF): a row of attributes, most of MAPI properties.

Every length is checked against what is left; a broken attribute ends the reading, and what came before it counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from leaktrace.mailroom.items import (
    ATTACHMENT_CEILING_COUNT,
    ITEM_CEILING_DEPTH,
    RECIPIENT_CEILING_COUNT,
    Attachment,
    Item,
)
from leaktrace.mailroom.mapi import (
    ATTACH_CONTENT,
    ATTACH_FILENAME,
    ATTACH_LONG_FILENAME,
    BINARY,
    BODY,
    LONG,
    MESSAGE_CODEPAGE,
    MESSAGE_ID,
    OBJECT,
    STRING8,
    SUBJECT,
    UNICODE,
    Properties,
    Value,
)
from leaktrace.mailroom.mime import Source
from leaktrace.mailroom.outlookmsg import piece_of

SIGNATURE = b"\x78\x9f\x3e\x22"
_MAPI_PROPERTIES, _RECIPIENT_TABLE, _ATTACHMENT_PROPERTIES = 0x9003, 0x9004, 0x9005
_NEW_ATTACHMENT, _ATTACHMENT_CONTENT, _ATTACHMENT_TITLE, _OEM_CODEPAGE = 0x9002, 0x800F, 0x8010, 0x9007
_PLAIN = {0x8004: SUBJECT, 0x800C: BODY, 0x8009: MESSAGE_ID}
"""Attributes that hold a property of a message in an older form: attSubject, attBody, attMessageID."""
_SIZES = {
    0x0002: 2, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000A: 4, 0x000B: 2, 0x0014: 8, 0x0040: 8,
    0x0048: 16,
}  # fmt: skip
_VARIABLE = (STRING8, UNICODE, BINARY, OBJECT)
_MANY_VALUES = 0x1000
_COUNT_CEILING = 10_000
_INTERFACE_BYTES = 16
"""An embedded object begins with the id of its interface."""


class NotTnefError(Exception):
    """The bytes are no TNEF."""


@dataclass(slots=True)
class _Building:
    """An attachment while its attributes are read."""

    values: dict[int, Value] = field(default_factory=dict)
    content: Source | None = None
    title: str = ""


def read_tnef(source: Source, depth: int = 0) -> Item:
    """The message that a TNEF stream describes; NotTnefError for what is none."""
    if not source.content.startswith(SIGNATURE):
        raise NotTnefError("no TNEF signature")
    values: dict[int, Value] = {}
    recipients: list[Properties] = []
    attachments: list[_Building] = []
    for number, content in _attributes(source):
        if number == _MAPI_PROPERTIES:
            values |= _properties(content)
        elif number == _RECIPIENT_TABLE:
            recipients = _rows(content)
        elif number == _OEM_CODEPAGE and len(content.content) >= 4:
            values.setdefault(MESSAGE_CODEPAGE, Value(LONG, piece_of(content, 0, 4)))
        elif number in _PLAIN:
            values.setdefault(_PLAIN[number], Value(STRING8, content))
        elif number == _NEW_ATTACHMENT and len(attachments) < ATTACHMENT_CEILING_COUNT:
            attachments.append(_Building())
        elif attachments:
            _attach(attachments[-1], number, content)
    read = (_attachment(one, depth) for one in attachments)
    return Item(Properties(values), tuple(recipients), tuple(one for one in read if one is not None))


def _attributes(source: Source) -> Iterator[tuple[int, Source]]:
    """Number (its low half) and content of each attribute (MS-OXTNEF, section 2.1.3.1)."""
    content, position = source.content, len(SIGNATURE) + 2
    while position + 9 <= len(content):
        number, length = struct.unpack_from("<II", content, position + 1)
        begin = position + 9
        if begin + length > len(content):
            return
        yield number & 0xFFFF, piece_of(source, begin, begin + length)
        position = begin + length + 2


def _attach(building: _Building, number: int, content: Source) -> None:
    if number == _ATTACHMENT_CONTENT:
        building.content = content
    elif number == _ATTACHMENT_TITLE:
        building.title = content.content.rstrip(b"\x00").decode("cp1252", "replace")
    elif number == _ATTACHMENT_PROPERTIES:
        building.values |= _properties(content)


def _attachment(building: _Building, depth: int) -> Attachment | None:
    properties = Properties(building.values)
    name = properties.text(ATTACH_LONG_FILENAME) or properties.text(ATTACH_FILENAME) or building.title
    held = properties.get(ATTACH_CONTENT)
    if held is not None and held.kind == OBJECT:
        inner = piece_of(held.source, _INTERFACE_BYTES, len(held.source.content))
        if inner.content.startswith(SIGNATURE) and depth < ITEM_CEILING_DEPTH:
            return Attachment(name, None, read_tnef(inner, depth + 1))
        return Attachment(name, inner, None)
    content = held.source if held is not None else building.content
    return None if content is None else Attachment(name, content, None)


def _rows(content: Source) -> list[Properties]:
    if len(content.content) < 4:
        return []
    (count,) = struct.unpack_from("<I", content.content)
    rows, position = [], 4
    for _ in range(min(count, RECIPIENT_CEILING_COUNT)):
        values: dict[int, Value] = {}
        after = _read_properties(content, position, values)
        if after is None:
            break
        rows.append(Properties(values))
        position = after
    return rows


def _properties(content: Source) -> dict[int, Value]:
    values: dict[int, Value] = {}
    _read_properties(content, 0, values)
    return values


def _read_properties(source: Source, position: int, values: dict[int, Value]) -> int | None:
    """Reads a counted list of properties into `values`; where it ends, None where it is broken (section 2.1.3.4)."""
    content = source.content
    if position + 4 > len(content):
        return None
    (count,) = struct.unpack_from("<I", content, position)
    position += 4
    for _ in range(min(count, _COUNT_CEILING)):
        if position + 4 > len(content):
            return None
        kind, tag = struct.unpack_from("<HH", content, position)
        after_name = _after_name(content, position + 4, tag)
        after = None if after_name is None else _read_value(source, after_name, kind, tag, values)
        if after is None:
            return None
        position = after
    return position


def _after_name(content: bytes, position: int, tag: int) -> int | None:
    """Past the name that properties from 0x8000 on have: a set, then a number or a text."""
    if tag < 0x8000:
        return position
    if position + 24 > len(content):
        return None
    (named_by_text,) = struct.unpack_from("<I", content, position + 16)
    (length,) = struct.unpack_from("<I", content, position + 20)
    return position + 24 + (_padded(length) if named_by_text else 0)


def _read_value(source: Source, position: int, kind: int, tag: int, values: dict[int, Value]) -> int | None:
    content = source.content
    single = kind & ~_MANY_VALUES
    if single not in _VARIABLE and not kind & _MANY_VALUES:
        size = _SIZES.get(single)
        if size is None or position + size > len(content):
            return None
        values.setdefault(tag, Value(kind, piece_of(source, position, position + size)))
        return position + _padded(size)
    if position + 4 > len(content):
        return None
    (count,) = struct.unpack_from("<I", content, position)
    position += 4
    for _ in range(min(count, _COUNT_CEILING)):
        size, begin = _SIZES.get(single), position
        if single in _VARIABLE:
            if position + 4 > len(content):
                return None
            (size,) = struct.unpack_from("<I", content, position)
            begin = position + 4
        if size is None or begin + size > len(content):
            return None
        if not kind & _MANY_VALUES:
            values.setdefault(tag, Value(kind, piece_of(source, begin, begin + size)))
        position = begin + _padded(size)
    return position


def _padded(size: int) -> int:
    return -(-size // 4) * 4
