"""Delivery reports that came back for notices (RFC 3464): only one to a return path that we signed counts.

Checks of a report, in this order: (1) it is not larger than a report is; (2) it is a multipart/report of delivery
status, with the null sender; (3) it is addressed to a return path whose token is ours; (4) it has an action and a
status. What fails (1), (2) or (4) is no report; what fails (3) is forged or not about us, and is counted as such.

Strangers write these, so the standard library reads header fields only: its reader of whole messages calls itself once
for each level of nesting and compares each line with every open boundary. Nothing nested counts here anyway.
"""

from __future__ import annotations

import email.parser
import email.policy
import email.utils
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from leaktrace.errors import ResponseError
from leaktrace.response.notices.tokens import NoticeTokens

CEILING_BYTES = 1_000_000
_PARTS_CEILING = 50
_CONTENT_TYPE_CEILING = 8_000
"""Characters; RFC 2046 allows a boundary 70 of them, and the library's time for parameters grows with their square."""
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_TO = ("delivered-to", "x-original-to", "envelope-to", "to")
_TYPES = ("message/delivery-status", "message/global-delivery-status")
BounceKind = Literal["hard", "soft", "delivered"]


@dataclass(frozen=True, slots=True)
class NoticeBounce:
    """A delivery report that counts."""

    notice: str
    kind: BounceKind
    """hard: the person was not told; soft: the mail system still tries; delivered: it says that it arrived."""
    action: str
    status: str
    """RFC 3463, `5.1.1`."""
    report_sha256: str


@dataclass(frozen=True, slots=True)
class NoBounce:
    """A message that changes nothing, and why."""

    why: Literal["too_large", "no_delivery_report", "forged_or_foreign"]


def read_bounce(raw: bytes, tokens: NoticeTokens, domain: str) -> NoticeBounce | NoBounce:
    """What a message from the bounce mailbox says about one notice; never raises for what strangers write."""
    if len(raw) > CEILING_BYTES:  # 1
        return NoBounce("too_large")
    head, body = _head_and_body(raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    message = _fields(head)
    status_text = _status_text(message, body)
    if status_text is None or not _null_sender(message):  # 2
        return NoBounce("no_delivery_report")
    notice = _notice(message, tokens, domain)
    if notice is None:  # 3
        return NoBounce("forged_or_foreign")
    found = _first_group(status_text)
    if found is None:  # 4
        return NoBounce("no_delivery_report")
    action, status = found
    return NoticeBounce(notice, _kind(action, status), action, status, hashlib.sha256(raw).hexdigest())


def _kind(action: str, status: str) -> BounceKind:
    # RFC 3464, section 2.3.3: "failed" is final, also where the status says 4.x.x because somebody gave up trying.
    if action == "failed":
        return "hard"
    return "soft" if action == "delayed" or status.startswith("4") else "delivered"


def _null_sender(message: Message) -> bool:
    returned = message.get("Return-Path")
    return returned is None or str(returned).replace(" ", "") in ("<>", "")


def _notice(message: Message, tokens: NoticeTokens, domain: str) -> str | None:
    for address in _addressed(message):
        try:
            return tokens.notice_of(address, domain)
        except ResponseError:
            continue
    return None


def _addressed(message: Message) -> Iterator[str]:
    for name in _TO:
        for value in message.get_all(name, [])[:5]:
            try:
                yield from [address for _, address in email.utils.getaddresses([str(value)[:1000]])[:5]]
            except RecursionError:  # comments in comments, a thousand deep: no mail system writes our address so
                continue


def _head_and_body(text: bytes) -> tuple[bytes, bytes]:
    if text.startswith(b"\n"):
        return b"", text[1:]
    head, _, body = text.partition(b"\n\n")
    return head, body


def _fields(head: bytes) -> Message:
    return email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(head)


def _status_text(message: Message, body: bytes) -> bytes | None:
    """The first part with a delivery status, without its header."""
    if message.get_content_type() != "multipart/report" or len(str(message["Content-Type"])) > _CONTENT_TYPE_CEILING:
        return None
    try:
        boundary = message.get_boundary("").encode("ascii")
    except (TypeError, ValueError):  # the library trips over parameters in pieces (RFC 2231) that do not fit together
        return None
    # Only its own parts: a report inside the returned mail is somebody else's.
    for part in _parts(body, boundary) if boundary else ():
        head, text = _head_and_body(part)
        if _fields(head).get_content_type() in _TYPES:
            return text
    return None


def _parts(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """What stands between the boundary lines (RFC 2046, section 5.1.1); the last part may lack its end."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\n|\Z)", re.MULTILINE)
    start, found = None, line.search(body)
    for _ in range(_PARTS_CEILING + 1):
        if start is not None:
            yield body[start : found.start() if found else len(body)]
        if found is None or found[1]:
            return
        start = found.end()
        found = line.search(body, start)


def _first_group(text: bytes) -> tuple[str, str] | None:
    """(action, status) of the first recipient; ours have one each, since each has a return path of its own."""
    for group in re.split(rb"\n{2,}", text.strip(b"\n"), maxsplit=_PARTS_CEILING)[:_PARTS_CEILING]:
        fields = _fields(group)
        action = str(fields.get("Action", "")).strip().lower()
        status = _STATUS.match(str(fields.get("Status", "")).strip())
        if action in _ACTIONS and status is not None:
            return action, status[0]
    return None
