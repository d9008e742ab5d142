"""`.msg` files (MS-OXMSG): a compound file of property streams, one storage for each recipient and attachment."""

from __future__ import annotations

import struct

from leaktrace.mailroom.compound import CompoundFile, NotCompoundError
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
    ATTACH_METHOD,
    BINARY,
    BODY,
    DELIVERED_AT,
    HTML,
    INTERNET_CODEPAGE,
    LONG,
    MESSAGE_CODEPAGE,
    MESSAGE_ID,
    RECIPIENT,
    RECIPIENT_KIND,
    REPRESENTED,
    RTF_COMPRESSED,
    SENDER,
    STRING8,
    SUBJECT,
    SUBMITTED_AT,
    SYSTIME,
    TRANSPORT_HEADERS,
    UNICODE,
    Properties,
    Value,
)
from leaktrace.mailroom.mime import Source

_PROPERTIES = "__properties_version1.0"
_RECIPIENT, _ATTACHMENT, _CONTENT_STORAGE = "__recip_version1.0_", "__attach_version1.0_", "__substg1.0_3701000D"
_HEADER_BYTES = {"top": 32, "embedded": 24, "row": 8}
_EMBEDDED_MESSAGE = 5
_MESSAGE_TAGS = (
    SUBJECT, TRANSPORT_HEADERS, BODY, RTF_COMPRESSED, HTML, MESSAGE_ID,
    *(tag for person in (SENDER, REPRESENTED) for tag in (person.name, person.address_type, person.email, person.smtp)),
)  # fmt: skip
_ROW_TAGS = (
    RECIPIENT.name, RECIPIENT.address_type, RECIPIENT.email, RECIPIENT.smtp, ATTACH_FILENAME, ATTACH_LONG_FILENAME,
)  # fmt: skip
_FIXED = {LONG: 4, SYSTIME: 8}
_FIXED_TAGS = (SUBMITTED_AT, DELIVERED_AT, RECIPIENT_KIND, ATTACH_METHOD, INTERNET_CODEPAGE, MESSAGE_CODEPAGE)


def read_msg(source: Source, ceiling_bytes: int) -> Item:
    """The message of a .msg file; NotCompoundError for what is none, CeilingReached for too much of it."""
    file = CompoundFile(source, ceiling_bytes)
    if _PROPERTIES not in file.names():
        raise NotCompoundError("a compound file, but no message")
    return _item(file, (), 0)


def _item(file: CompoundFile, storage: tuple[str, ...], depth: int) -> Item:
    names = file.names(storage)
    recipients = [name for name in names if name.startswith(_RECIPIENT)][:RECIPIENT_CEILING_COUNT]
    attachments = [name for name in names if name.startswith(_ATTACHMENT)][:ATTACHMENT_CEILING_COUNT]
    read = (_attachment(file, (*storage, name), depth) for name in attachments)
    return Item(
        _properties(file, storage, "embedded" if storage else "top", _MESSAGE_TAGS),
        tuple(_properties(file, (*storage, name), "row", _ROW_TAGS) for name in recipients),
        tuple(one for one in read if one is not None),
    )


def _attachment(file: CompoundFile, storage: tuple[str, ...], depth: int) -> Attachment | None:
    properties = _properties(file, storage, "row", _ROW_TAGS)
    name = properties.text(ATTACH_LONG_FILENAME) or properties.text(ATTACH_FILENAME) or ""
    if properties.number(ATTACH_METHOD) == _EMBEDDED_MESSAGE:
        if depth >= ITEM_CEILING_DEPTH:
            return None
        return Attachment(name, None, _item(file, (*storage, _CONTENT_STORAGE), depth + 1))
    if not name.lower().endswith((".eml", ".msg", ".zip")):
        return None
    content = file.stream((*storage, f"__substg1.0_{ATTACH_CONTENT:04X}{BINARY:04X}"))
    return None if content is None else Attachment(name, content, None)


def _properties(file: CompoundFile, storage: tuple[str, ...], place: str, tags: tuple[int, ...]) -> Properties:
    values: dict[int, Value] = {}
    names = set(file.names(storage))
    for tag in tags:
        for kind in (UNICODE, STRING8, BINARY):
            name = f"__substg1.0_{tag:04X}{kind:04X}"
            if name in names and (found := file.stream((*storage, name))) is not None:
                values[tag] = Value(kind, found)
                break
    rows = file.stream((*storage, _PROPERTIES))
    if rows is not None:
        values |= _fixed(rows, _HEADER_BYTES[place])
    return Properties(values)


def _fixed(rows: Source, begin: int) -> dict[int, Value]:
    """The properties that stand in the property stream itself (MS-OXMSG, section 2.4.2.1)."""
    found: dict[int, Value] = {}
    for at in range(begin, len(rows.content) - 15, 16):
        kind, tag = struct.unpack_from("<HH", rows.content, at)
        size = _FIXED.get(kind)
        if size is not None and tag in _FIXED_TAGS:
            found.setdefault(tag, Value(kind, piece_of(rows, at + 8, at + 8 + size)))
    return found


def piece_of(source: Source, start: int, end: int) -> Source:
    """Part of a source, with its way back."""

    def locate(first: int, last: int) -> tuple[int, int]:
        return source.locate(start + first, start + last)

    return Source(source.content[start:end], locate)
