"""Header fields and bodies in the forms that DKIM and ARC sign (RFC 6376, section 3.4; RFC 8617, section 5.1.1).

Everything is linear in the size of the message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

_BLANKS_OR_FOLDS = re.compile(rb"(?:\r\n)?[ \t]+")
_SIGNATURE_VALUE = re.compile(rb"(^|;)([ \t\r\n]{0,64}b[ \t\r\n]{0,64}=)[^;]*")
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_FIELD = re.compile(rb"(?!>?From )[^ \t\r:][^\r:]*:")
_ENVELOPE = (b"From ", b">From ")
_RELAXED = b"relaxed"


def split_message(message: bytes) -> tuple[list[bytes], bytes]:
    """(header fields without their last line end, body), lines ended by CRLF whatever they were ended by."""
    content = message
    if message.count(b"\n") != message.count(b"\r\n"):
        content = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if content.startswith(b"\r\n"):
        return [], content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    fields = _FIELD_END.split(header)
    if all(map(_FIELD.match, fields)):
        return fields, body
    pieces: list[list[bytes]] = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and pieces:
            pieces[-1].append(line)
        elif b":" in line and not line.startswith(_ENVELOPE):
            pieces.append([line])
    return [b"\r\n".join(piece) for piece in pieces], body


def name_of(field: bytes) -> bytes:
    """A header field's name in lower case."""
    return field.partition(b":")[0].strip().lower()


def canonical_field(field: bytes, form: bytes) -> bytes:
    """One header field, with its line end."""
    if form != _RELAXED:
        return field + b"\r\n"
    name, _, value = field.partition(b":")
    return name.strip().lower() + b":" + _BLANKS_OR_FOLDS.sub(b" ", value).replace(b"\r\n", b"").strip() + b"\r\n"


def without_signature(field: bytes) -> bytes:
    """A signature field with an empty b= tag, as it is signed itself (RFC 6376, section 3.7)."""
    name, _, value = field.partition(b":")
    return name + b":" + _SIGNATURE_VALUE.sub(rb"\1\2", value)


def signed_fields(fields: Sequence[bytes], names: Sequence[bytes], form: bytes) -> bytes:
    """The fields that h= names, each time the next one from below; a name with no field left adds nothing."""
    positions: dict[bytes, list[int]] = {}
    for at, field in enumerate(fields):
        positions.setdefault(name_of(field), []).append(at)
    found = []
    for name in names:
        left = positions.get(name.strip().lower())
        if left:
            found.append(canonical_field(fields[left.pop()], form))
    return b"".join(found)


class Bodies:
    """The body in its canonical forms (RFC 6376, section 3.4), each made once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._made: dict[bytes, bytes] = {}
        self._digests: dict[tuple[bytes, int | None], bytes] = {}

    def sha256(self, name: bytes, length: int | None) -> bytes:
        """Of the first `length` bytes (null: all) of a form; most signatures of a message are over the same ones."""
        if (name, length) not in self._digests:
            body = self.form(name)
            self._digests[name, length] = hashlib.sha256(body if length is None else body[:length]).digest()
        return self._digests[name, length]

    def form(self, name: bytes) -> bytes:
        """`simple` or `relaxed`."""
        if name not in self._made:
            body = self._body
            if name == _RELAXED:
                body = body.replace(b"\t", b" ")
                while b"  " in body:  # halves the longest run of blanks, so there are few rounds
                    body = body.replace(b"  ", b" ")
                if b" \r\n" in body:
                    body = body.replace(b" \r\n", b"\r\n")
                body = body.removesuffix(b" ")
            end = len(body)
            while body.endswith(b"\r\n", 0, end):
                end -= 2
            body = body[:end] + b"\r\n" if end or name != _RELAXED else b""
            self._made[name] = body
        return self._made[name]
