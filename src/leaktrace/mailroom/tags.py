"""Lists of tag=value, as DKIM and ARC fields carry them (RFC 6376, section 3.2)."""

from __future__ import annotations

import base64
import binascii
import re

FIELD_CEILING_BYTES = 8000
_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*\Z")
_BLANKS = re.compile(rb"[ \t\r\n]+")


class TagError(ValueError):
    """The field is no list of tags."""


def read_tags(field: bytes) -> dict[bytes, bytes]:
    """The tags of a header field, each once, blanks around values taken away."""
    if len(field) > FIELD_CEILING_BYTES:
        raise TagError("a signature field larger than any honest one")
    tags: dict[bytes, bytes] = {}
    pieces = field.partition(b":")[2].split(b";")
    if pieces and not pieces[-1].strip():
        pieces.pop()
    for piece in pieces:
        name, equals, value = piece.partition(b"=")
        name = name.strip()
        if not equals or not _NAME.match(name):
            raise TagError("a signature field is not a list of tags")
        if name in tags:
            raise TagError("a tag of a signature field stands twice")
        tags[name] = value.strip()
    return tags


def decoded(value: bytes) -> bytes | None:
    """Base64 with blanks and folds in it; None when it is none."""
    try:
        return base64.b64decode(_BLANKS.sub(b"", value), validate=True)
    except binascii.Error:
        return None
