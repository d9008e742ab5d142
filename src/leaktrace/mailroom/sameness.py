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
_COUNTING = AUTHORS_FIELDS | {b"received"}
_INITIALS = frozenset(letter for name in _COUNTING for letter in (name[:1], name[:1].upper()))
_TELLING = frozenset((b"date", b"message-id"))
_QUOTED_FROM = re.compile(rb"\n>+From ")
_BLANK_LINE = re.compile(rb"\n\n")
_TAIL_BYTES = 100
_HEADER_CEILING_BYTES = 1_000_000
_BLANKS = re.compile(rb"[ \t\n]+")
_FOLDS = (b" ", b"\t")


def content_sha256(raw: bytes) -> str | None:
    """SHA-256, in hex, of what the author wrote; equal for one message whatever way it came by. Linear in the bytes.

    None where there are no header fields; a header beyond all measure counts whole, as it stands. Without Date and
    Message-ID two complaints in the same words are told apart by their Received fields only, so these count then.
    """
    lines = raw.replace(b"\r\n", b"\n")
    blank = _BLANK_LINE.search(lines)
    head = lines if blank is None else lines[: blank.start()]
    if len(head) > _HEADER_CEILING_BYTES:
        return hashlib.sha256(lines).hexdigest()
    fields = _fields(head)
    kept = AUTHORS_FIELDS if any(name in _TELLING for name, _ in fields) else _COUNTING
    said = sorted((name, value) for name, value in fields if name in kept)
    if not said:
        return None
    digest = hashlib.sha256()
    for name, value in said:
        digest.update(b"%d %s:%s\n" % (len(value), name, value))
    digest.update(_body(lines, len(lines) if blank is None else blank.start() + 1))
    return digest.hexdigest()


def _body(lines: bytes, start: int) -> bytes | memoryview:
    """The body with the line end before it and none at its end; one line end where there is nothing else."""
    if lines.find(b">From ", start) >= 0:
        lines, start = _QUOTED_FROM.sub(b"\nFrom ", lines[start:]), 0
    last = lines[-_TAIL_BYTES:]
    said = last.rstrip(b"\n")
    # Nearly always the last lines are not all empty; then nothing is copied.
    end = len(lines) - len(last) + len(said) if said else len(lines.rstrip(b"\n"))
    return memoryview(lines)[start:end] if end > start else b"\n"


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Names in lower case and unfolded values, blanks as one: relays may fold lines anew (RFC 6376, section 3.4.2)."""
    kept: list[list[bytes]] = []
    current: list[bytes] | None = None
    for line in head.split(b"\n"):
        if line[:1] in _FOLDS:
            if current is not None:
                current.append(line)
        elif line[:1] in _INITIALS:
            current = [line]
            kept.append(current)
        else:  # most are others: what mail systems on the way think of the message
            current = None
    found = []
    for lines in kept:
        name, colon, value = lines[0].partition(b":")
        name = name.rstrip(b" \t").lower()
        if colon and name in _COUNTING:
            found.append((name, _BLANKS.sub(b" ", b"\n".join((value, *lines[1:]))).strip()))
    return found
