"""Trace fields: when a host we trust took a message, and what a message says of its own time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from leaktrace.mailroom.dates import HEADER_LANGUAGES, sent_at, sent_window
from leaktrace.mailroom.mime import Field, Part
from leaktrace.records import Window

_BY = re.compile(r"(?:^|\s)by\s+([^\s;()]+)", re.IGNORECASE)


def stamped_at(received: str) -> datetime | None:
    """The time in a Received field: what follows the last semicolon (RFC 5321, section 4.4)."""
    _, semicolon, date = received.rpartition(";")
    return sent_at(date) if semicolon else None


def is_by(received: str, trusted: Iterable[str]) -> bool:
    """Whether a Received field says that one of these hosts, or one below them, took the message."""
    by = _BY.search(received)
    host = by.group(1).rstrip(".").lower() if by else ""
    names = [name.strip().rstrip(".").lower() for name in trusted]
    return any(name and (host == name or host.endswith("." + name)) for name in names)


def trusted_receipt(message: Part, trusted: Iterable[str]) -> tuple[datetime, Field] | None:
    """When a trusted host took the message, by the topmost Received field; None when that is not a trusted host's.

    A sender can write fields only below those of the hosts that took the mail from him. So only an unbroken row of
    trusted hosts from the top counts, and of it the topmost: its time is late by seconds at most.
    """
    topmost = message.first("received")
    if topmost is None:
        return None
    text = message.text("received") or ""
    if not is_by(text, trusted):
        return None
    at = stamped_at(text)
    return None if at is None else (at, topmost)


def claimed_window(message: Part) -> Window:
    """When the message was sent, by its Date field: the sender's word."""
    return sent_window(message.text("date") or "", HEADER_LANGUAGES)


def reported_at(message: Part) -> datetime | None:
    """When the complaint was sent: by its topmost Received field, else by when it was redirected, else by its Date."""
    written = (message.text(name) or "" for name in ("resent-date", "date"))
    return stamped_at(message.text("received") or "") or next((at for at in map(sent_at, written) if at), None)
