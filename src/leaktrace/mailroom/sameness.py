"""What one message says, apart from what its way here did to it: a message that comes twice is one message.

An mbox quotes `From ` at the beginning of a line and ends lines in LF, IMAP and LMTP in CRLF; each mail system on the
way puts trace fields, judgements and delivery fields on top (RFC 5321, section 4.4), mail programs add flags. None of
that is what the reporter wrote. What is: the fields that the author's program writes, and the body.
"""

from __future__ import annotations

import hashlib
import re

AUTHORS_FIELDS = frozenset(
    b"from sender reply-to to cc date message-id subject in-reply-to references content-type "
    b"content-transfer-encoding auto-submitted".split()
)
"""Fields that are written once, by the author's program (RFC 5322, section 3.6; RFC 2045; RFC 3834)."""
_TELLING = frozenset((b"date", b"message-id"))
_HEADER_END = re.compile(rb"\n\n")
_QUOTED_FROM = re.compile(rb"^>+From ", re.MULTILINE)
_BLANKS = re.compile(rb"[ \t\n]+")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)


def content_sha256(raw: bytes) -> str | None:
    """SHA-256, in hex, of what the author wrote; equal for one message whatever way it came by. Linear in the bytes.

    None where there are no header fields. Without Date and Message-ID two complaints in the same words are told apart
    by their Received fields only, so these count then.
    """
    lines = raw.replace(b"\r\n", b"\n")
    end = _HEADER_END.search(lines)
    head, body = (lines, b"") if end is None else (lines[: end.start()], lines[end.end() :])
    fields = _fields(head)
    kept = AUTHORS_FIELDS if any(name in _TELLING for name, _ in fields) else AUTHORS_FIELDS | {b"received"}
    said = sorted((name, value) for name, value in fields if name in kept)
    if not said:
        return None
    digest = hashlib.sha256()
    for name, value in said:
        digest.update(b"%d %s:%s\n" % (len(value), name, value))
    digest.update(b"\n" + _QUOTED_FROM.sub(b"From ", body).rstrip(b"\n"))
    return digest.hexdigest()


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Names in lower case and unfolded values, blanks as one: relays may fold lines anew (RFC 6376, section 3.4.2)."""
    found = []
    for field in re.split(rb"\n(?![ \t])", head):
        matched = _FIELD.match(field)
        if matched is not None:
            found.append((matched.group(1).lower(), _BLANKS.sub(b" ", matched.group(2)).strip()))
    return found
