"""What the last mail system on the way writes above a message: who sent it, for whom, from where and when it came."""

from __future__ import annotations

import secrets
from datetime import datetime
from email.utils import format_datetime

from leaktrace.mailroom.ways.conversation import Handed


def with_envelope(handed: Handed, *, hostname: str, protocol: str, now: datetime) -> bytes:
    """The message with Return-Path, Delivered-To and Received on top (RFC 5321, section 4.4); its own bytes unchanged.

    The null sender is kept as `Return-Path: <>`: such mail is a delivery report or another automatic answer.
    """
    lines = [f"Return-Path: <{_one_line(handed.sender)}>"]
    lines += [f"Delivered-To: {_one_line(recipient)}" for recipient in handed.recipients]
    lines.append(
        f"Received: from {_one_line(handed.greeting) or 'unknown'} ({_peer(handed.peer)})\r\n"
        f"\tby {hostname} (leaktrace) with {_with(handed, protocol)} id {secrets.token_hex(6)};\r\n"
        f"\t{format_datetime(now)}"
    )
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape") + handed.content


def _with(handed: Handed, protocol: str) -> str:
    """The registered name of the protocol (RFC 3848, RFC 6531)."""
    if protocol == "lmtp":
        return "UTF8LMTP" if handed.is_utf8 else "LMTP"
    return "UTF8SMTP" if handed.is_utf8 else "ESMTP"


def _peer(peer: object) -> str:
    if isinstance(peer, tuple) and peer:
        host = str(peer[0])
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
    return "a local socket"


def _one_line(text: str) -> str:
    """Without what could end the line or the field: the other side wrote it."""
    return "".join(character for character in text if character.isprintable() and character not in "<>()")[:1000]
