"""Files that programs make of mail: gzip of a message, Apple Mail's `.emlx`, mbox. What each holds, with the way back.

Written for hostile files: what a file says of its own sizes is used where it fits the bytes, and never to reserve any.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from leaktrace.mailroom.compound import MAGIC as COMPOUND_MAGIC
from leaktrace.mailroom.mime import CeilingReached, Source, looks_like_message
from leaktrace.mailroom.outlookmsg import piece_of
from leaktrace.mailroom.tnef import SIGNATURE
from leaktrace.mailroom.transfer import covered_by

GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_BITS = 31
_GLANCE_BYTES = 20_000
_MBOX_LINE = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\s]{1,300} [^\n]{0,300}\d{4}[^\n]{0,40}\n")
_EMLX_COUNT = re.compile(rb"\s{0,9}(\d{1,10})[ \t]{0,20}\r?\n")
_PROPERTY_LIST = b"<?xml version"


def gunzipped(source: Source, ceiling_bytes: int) -> Source | None:
    """What the first member of a gzip file holds; None where it is broken, cut off, or begins like no mail.

    CeilingReached when it is more than that. RFC 1952 lets a file say its size at its end; that is not asked.
    """
    if not _may_be_mail(_unpacked(source.content, _GLANCE_BYTES)[0]):
        return None
    content, whole = _unpacked(source.content, ceiling_bytes + 1)
    if len(content) > ceiling_bytes:
        raise CeilingReached("a gzip file that unpacks to more than is read")
    return Source(content, covered_by(source.locate(0, len(source.content)))) if whole else None


def _unpacked(content: bytes, most_bytes: int) -> tuple[bytes, bool]:
    """At most so many bytes, and whether that was all; nothing of what cannot be unpacked, or fails its checksum."""
    unpacker = zlib.decompressobj(_GZIP_BITS)
    try:
        return unpacker.decompress(content, most_bytes), unpacker.eof
    except zlib.error:
        return b"", False


def _may_be_mail(opening: bytes) -> bool:
    if opening.startswith((COMPOUND_MAGIC, SIGNATURE, b"PK\x03\x04", GZIP_MAGIC)):
        return True
    return looks_like_message(opening) or is_mbox(opening) or _EMLX_COUNT.match(opening) is not None


def emlx_message(source: Source) -> Source | None:
    """The message of an `.emlx`: a line with its size, the message, a property list of Apple Mail's.

    Where the size does not fit, because a program changed the line ends, the message goes on until the property list.
    """
    begun = _EMLX_COUNT.match(source.content)
    if begun is None:
        return None
    start = begun.end()
    end = start + int(begun.group(1))
    rest = source.content[end : end + 200].lstrip()
    if end > len(source.content) or (rest and not rest.startswith(_PROPERTY_LIST)):
        found = source.content.rfind(_PROPERTY_LIST, start)
        end = found if found >= 0 else len(source.content)
    return (
        piece_of(source, start, end) if looks_like_message(source.content[start : min(end, start + 20_000)]) else None
    )


def is_mbox(content: bytes) -> bool:
    """Whether bytes begin with the line that opens each message of an mbox (RFC 4155)."""
    return _MBOX_LINE.match(content) is not None


def mbox_messages(source: Source) -> Iterator[Source]:
    """The messages of an mbox, split as `sources` does, where `From ` follows a blank line."""
    found = list(_MBOX_LINE.finditer(source.content))
    ends = [one.start() for one in found[1:]]
    for one, end in zip(found, [*ends, len(source.content)], strict=True):
        last = end
        for blank in (b"\r\n", b"\n"):
            if end < len(source.content) and source.content.endswith(blank, one.end(), end):
                last = end - len(blank)
                break
        yield piece_of(source, one.end(), last)
