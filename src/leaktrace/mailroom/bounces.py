"""Delivery reports (RFC 3464) and what stands in for them: mail that says some other mail did not arrive.

A bounce is never a report, whatever it attaches. With a delivery-status part the status is its own; without one the
envelope, the sender and the subject tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from leaktrace.mailroom.labels import plain
from leaktrace.mailroom.mailboxes import read_mailbox
from leaktrace.mailroom.mime import Part, walk
from leaktrace.mailroom.notices import notices
from leaktrace.records import Original

_STATUS = re.compile(rb"^[ \t>]{0,9}Status[ \t]{0,9}:[ \t]{0,9}([245]\.\d{1,3}\.\d{1,3})", re.MULTILINE | re.IGNORECASE)
_ACTION = re.compile(rb"^[ \t>]{0,9}Action[ \t]{0,9}:[ \t]{0,9}([A-Za-z-]{1,20})", re.MULTILINE | re.IGNORECASE)
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_PROGRAM = re.compile(r"(?:bounces?|(?!bounce)[a-z]+(?:[-_.]?(?:daemon|master|reply|delivery))*s?)(?:[-+=_\d@]|\Z)")
_SCAN_CEILING_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Bounce:
    """A delivery report: how it was recognised, and its status code where it has one."""

    reason: str
    status: str | None


def find_bounce(message: Part) -> Bounce | None:
    """The delivery report a message is by its form or its sender; None for what may still be one by weaker signs."""
    for part in walk(message):
        if part.content_type in _STATUS_TYPES:
            return Bounce("a delivery report (RFC 3464)", _first_status(part) or _status_anywhere(message))
    if message.content_type == "multipart/report":
        kind = message.parameters.get("report-type", "").lower()
        if kind in ("delivery-status", "global-delivery-status"):
            return Bounce("a delivery report (RFC 3464)", _status_anywhere(message))
    if message.first("x-mlserver") is not None and message.first("list-id") is None:
        return Bounce("a list server's answer to a mail it did not take", _status_anywhere(message))
    if message.first("x-failed-recipients") is not None:
        return Bounce("a delivery report by its X-Failed-Recipients field", _status_anywhere(message))
    if _is_daemon(message):
        return Bounce("a delivery report by its sender", _status_anywhere(message))
    return None


def find_bounce_by_null_sender(message: Part) -> Bounce | None:
    """The delivery report a message is by its null sender; ask after automatic answers are known."""
    returned = message.unfolded("return-path")
    if returned is not None and returned.replace(" ", "") in ("<>", ""):
        return Bounce(
            "mail with the null sender <>: a delivery report or another automatic answer", _status_anywhere(message)
        )
    return None


def find_bounce_by_subject(message: Part) -> Bounce | None:
    """The delivery report a message is by nothing but its subject, which a person may have written so."""
    subject = plain(message.text("subject") or "").lstrip("*[]()!-\"' ")
    if subject.startswith(notices().bounce_subjects):
        return Bounce("a delivery report by its subject", _status_anywhere(message))
    return None


def is_forwarded_bounce(original: Original) -> bool:
    """Whether what a person forwarded is a delivery report: the mail system's own name, not just a lure's subject."""
    local = plain(original.sender.address or "").partition("@")[0]
    by_daemon = local in ("mailer-daemon", "postmaster") or (not local and _starts_like_daemon(original.sender.name))
    return by_daemon and plain(original.subject or "").startswith(notices().bounce_subjects)


def find_forwarded_bounce(message: Part, originals: tuple[Original, ...]) -> Bounce | None:
    """The delivery report that a person forwarded: it is about a mail of their own, not about one they got."""
    if originals and all(is_forwarded_bounce(original) for original in originals):
        return Bounce("a delivery report that somebody forwarded", _status_anywhere(message))
    return None


def _starts_like_daemon(name: str | None) -> bool:
    return plain(name or "").startswith(notices().bounce_senders)


def _first_status(part: Part) -> str | None:
    """The status of the first recipient whose delivery failed, else of the first (RFC 3464, section 2.3.4)."""
    groups = re.split(rb"\r?\n[ \t]*\r?\n", part.decoded().content[:_SCAN_CEILING_BYTES])
    found: list[tuple[bool, str]] = []
    for group in groups:
        status, action = _STATUS.search(group), _ACTION.search(group)
        if status is not None:
            failed = action is not None and action.group(1).lower() == b"failed"
            found.append((failed, status.group(1).decode("ascii")))
    return next((status for failed, status in found if failed), found[0][1] if found else None)


def _status_anywhere(message: Part) -> str | None:
    match = _STATUS.search(
        message.source.content, message.body_start, min(message.end, message.body_start + _SCAN_CEILING_BYTES)
    )
    return match.group(1).decode("ascii") if match else None


def _is_daemon(message: Part) -> bool:
    mailbox = read_mailbox(message.unfolded("from") or "", encoded=True).mailbox
    names = notices().bounce_senders
    address = plain(mailbox.address or "")
    if address.startswith(names):
        # `bounce-17@`, `bounces@`; but `bounce.house@` and `bouncer@` may be somebody's name.
        certain = _PROGRAM.match(address) is not None and not address.startswith("postmaster")
        return certain or _subject_or_null(message)
    return plain(mailbox.name or "").startswith(
        tuple(name for name in names if name != "postmaster")
    ) and _subject_or_null(message)


def _subject_or_null(message: Part) -> bool:
    return (find_bounce_by_null_sender(message) or find_bounce_by_subject(message)) is not None
