"""Messages put together byte by byte, so that each looks as the program that claims to have written it would write it.

RFC 5322 header sections, RFC 2045 encodings, RFC 2047 encoded words; lines end in LF as in a mailbox file.
"""

from __future__ import annotations

import base64
import quopri
from collections.abc import Sequence
from datetime import datetime
from email import message_from_bytes
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Literal

import numpy as np

from leaktrace.errors import SimulationError

Encoding = Literal["7bit", "8bit", "quoted-printable", "base64"]
Headers = Sequence[tuple[str, str]]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_LINE = 998


def token(rng: np.random.Generator, length: int, letters: str = _LETTERS) -> str:
    """Random letters, for boundaries, queue ids and message ids."""
    return "".join(letters[i] for i in rng.integers(0, len(letters), length).tolist())


def uuid(rng: np.random.Generator) -> str:
    """Random text in the form of a UUID, upper case as Apple Mail writes it."""
    digits = token(rng, 32, "0123456789ABCDEF")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def words(text: str) -> str:
    """Text of a Subject: as it is when ASCII, else RFC 2047 encoded words, folded."""
    if text.isascii():
        return text
    return Header(text, "utf-8", maxlinelen=75, header_name="Subject").encode()


def mailbox(name: str | None, address: str) -> str:
    """`name <address>` for an address header; the name quoted or encoded where it must be."""
    return formataddr((name, address), charset="utf-8") if name else address


def stamp(at: datetime) -> str:
    """A time as RFC 5322 date-time, with the offset it carries."""
    return format_datetime(at)


def header_section(headers: Headers) -> bytes:
    """Header fields and the empty line that ends them."""
    return "".join(f"{name}: {value}\n" for name, value in headers).encode("ascii") + b"\n"


def entity(headers: Headers, text: str, *, subtype: str = "plain", encoding: Encoding = "quoted-printable") -> bytes:
    """A text part: its header section, given fields first, and the encoded UTF-8 text."""
    charset = "us-ascii" if encoding == "7bit" else "utf-8"
    own = [("Content-Type", f'text/{subtype}; charset="{charset}"'), ("Content-Transfer-Encoding", encoding)]
    return header_section([*headers, *own]) + _encoded(text, encoding)


def _encoded(text: str, encoding: Encoding) -> bytes:
    plain = text if text.endswith("\n") else text + "\n"
    if encoding == "base64":
        return base64.encodebytes(plain.replace("\n", "\r\n").encode())
    if encoding == "quoted-printable":
        return quopri.encodestring(plain.encode())
    raw = plain.encode("ascii" if encoding == "7bit" else "utf-8")
    if max(map(len, raw.split(b"\n"))) > _LONGEST_LINE:
        raise SimulationError("A simulated message has a line too long for its encoding.", "Please report this.")
    return raw


def multipart(headers: Headers, subtype: str, boundary: str, parts: Sequence[bytes], parameters: str = "") -> bytes:
    """A multipart entity: its header section, then the parts between boundaries (RFC 2046 5.1)."""
    own = [("Content-Type", f'multipart/{subtype};{parameters}\n\tboundary="{boundary}"')]
    edge = f"--{boundary}\n".encode()
    joined = b"\n".join(edge + part for part in parts)
    if not joined.isascii():
        own.append(("Content-Transfer-Encoding", "8bit"))
    return header_section([*headers, *own]) + joined + f"\n--{boundary}--\n".encode()


def embedded(raw: bytes, *, name: str | None = None, kind: str = "message/rfc822") -> bytes:
    """A part that carries a whole message (RFC 2046 5.2.1) as it is."""
    disposition = [("Content-Disposition", f'attachment; filename="{name}"')] if name else []
    encoding = "8bit" if not raw.isascii() else "7bit"
    return header_section([("Content-Type", kind), ("Content-Transfer-Encoding", encoding), *disposition]) + raw


def checked(raw: bytes) -> bytes:
    """The same bytes; SimulationError if a standard parser finds any fault with them."""
    message = message_from_bytes(raw)
    faults = [fault for part in message.walk() for fault in part.defects]
    if faults or any(name not in message for name in ("From", "To", "Date", "Message-ID", "Received")):
        raise SimulationError(
            f"A simulated message is not well-formed ({faults or 'missing header'}).", "Please report this."
        )
    return raw
