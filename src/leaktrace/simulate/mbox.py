"""Mailbox files: one message after the other, each behind a From_ line (RFC 4155), From lines quoted with `>`.

A line that starts with `From ` after any number of `>` gets one more `>`, so that nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED_LINE = re.compile(rb"^>(>*From )", re.MULTILINE)
_SEPARATOR = re.compile(rb"^From \S+ \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\n", re.MULTILINE)


def join_messages(messages: Sequence[tuple[str, datetime, bytes]]) -> bytes:
    """The mailbox of these messages: (reverse path, when it arrived, bytes that end in a line end)."""
    return b"".join(_entry(sender, at, raw) for sender, at, raw in messages)


def _entry(sender: str, at: datetime, raw: bytes) -> bytes:
    separator = f"From {sender or 'MAILER-DAEMON'} {at.astimezone(UTC):%a %b %e %H:%M:%S %Y}\n"
    return separator.encode("ascii") + _FROM_LINE.sub(rb">\1", raw) + b"\n"


def split_messages(mailbox: bytes) -> list[bytes]:
    """The messages of a mailbox that `join_messages` made, byte for byte."""
    entries = _SEPARATOR.split(mailbox)[1:]
    return [_QUOTED_LINE.sub(rb"\1", entry.removesuffix(b"\n")) for entry in entries]
