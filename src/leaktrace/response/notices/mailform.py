"""The bytes of a notice: what is the same for a variant is made once; a person costs two base64 and one signature.

RFC 5322 header section with CRLF, RFC 2046 multipart/alternative, text and HTML both UTF-8 in base64: no line of
the body starts with a dot or ends in a blank, so that nothing on the way has a reason to change it and break the
signature.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.header import Header as EncodedHeader
from email.utils import format_datetime, formataddr

from leaktrace.response.notices.dkimsigner import DkimSigner, Header, Unsigned, relaxed, signed_names
from leaktrace.response.notices.facts import REFERENCE_MARK
from leaktrace.response.notices.rendering import Rendered
from leaktrace.response.notices.tokens import NoticeTokens

_STAND_IN = b"\x00" * 16
"""As long as a reference, so that no other line of the base64 moves; a notice's text holds no NUL."""
_OWN = ("To", "Date", "Message-ID")
"""Fields that each person has of their own."""
_LINE_BYTES = 57  # 76 characters of base64 (RFC 2045, section 6.8)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who writes."""

    from_name: str
    from_address: str
    reply_to: str
    bounce_mailbox: str
    """Local part before the plus sign of the return path."""
    bounce_domain: str
    tokens: NoticeTokens
    signer: DkimSigner

    @property
    def domain(self) -> str:
        """Right side of the Message-ID."""
        return self.from_address.rpartition("@")[2]


class MailForm:
    """One variant, ready to be addressed."""

    def __init__(self, rendered: Rendered, head: Letterhead) -> None:
        self._head = head
        boundary = "=_" + hashlib.sha256(rendered.html.encode()).hexdigest()[:32]
        self._body = (
            _part_head(boundary, "plain"),
            *_pieces(rendered.text.replace("\n", "\r\n")),
            b"\r\n" + _part_head(boundary, "html"),
            *_pieces(rendered.html.replace("\n", "\r\n")),
            f"\r\n--{boundary}--\r\n".encode("ascii"),
        )
        constant: tuple[Header, ...] = (
            ("From", _mailbox(head.from_name, head.from_address)),
            ("Reply-To", head.reply_to.encode("ascii")),
            ("Subject", _words(rendered.subject)),
            ("MIME-Version", b"1.0"),
            ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'.encode("ascii")),
            ("Content-Language", rendered.language.encode("ascii")),
            # RFC 3834, section 5: no holiday answers to this.
            ("Auto-Submitted", b"auto-generated"),
        )
        self._canonical = b"".join(relaxed(header) + b"\r\n" for header in constant)
        self._written = b"".join(_line(header) for header in constant)
        self._names = signed_names([*(name for name, _ in constant), *_OWN])

    def draft(self, notice: str, recipient: str, at: datetime) -> Draft:
        """The whole message but for its signature. `recipient` is a checked ASCII address."""
        message_id = self._head.tokens.message_id(notice, self._head.domain)
        values = (f"<{recipient}>", format_datetime(at), message_id)
        # One blank after the colon and none elsewhere but in Date, single: the relaxed form only lowers the name.
        written = "".join(f"{name}: {value}\r\n" for name, value in zip(_OWN, values, strict=True))
        canonical = "".join(f"{name.lower()}:{value}\r\n" for name, value in zip(_OWN, values, strict=True))
        reference = notice.encode("ascii")
        body = b"".join(piece if isinstance(piece, bytes) else piece.encoded(reference) for piece in self._body)
        signed = self._canonical + canonical.encode("ascii")
        unsigned = self._head.signer.unsigned(self._names, signed, body, int(at.timestamp()))
        return Draft(self._head.signer, unsigned, b"".join((self._written, written.encode("ascii"), b"\r\n", body)))

    def message(self, notice: str, recipient: str, at: datetime) -> bytes:
        """The whole message, signed."""
        return self.draft(notice, recipient, at).signed()

    def return_path(self, notice: str) -> str:
        """The envelope sender for that person."""
        return self._head.tokens.return_path(notice, self._head.bounce_mailbox, self._head.bounce_domain)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that waits for its signature."""

    signer: DkimSigner
    unsigned: Unsigned
    rest: bytes

    def signed(self) -> bytes:
        """The message with its DKIM-Signature field: what takes longest, and may be done in another thread."""
        return self.signer.sign(self.unsigned) + self.rest


@dataclass(frozen=True, slots=True)
class _Reference:
    """The lines of base64 that hold a reference: all other lines are the same for everybody."""

    content: bytes

    def encoded(self, reference: bytes) -> bytes:
        return _base64(self.content.replace(_STAND_IN, reference))


def _pieces(text: str) -> list[bytes | _Reference]:
    """A text in base64 lines of 57 bytes each, made but for those lines that hold the reference."""
    content = text.encode().replace(REFERENCE_MARK.encode(), _STAND_IN)
    pieces: list[bytes | _Reference] = []
    done, at = 0, content.find(_STAND_IN)
    while at >= 0:
        start = max(done, at - at % _LINE_BYTES)
        end = at + len(_STAND_IN)
        following = content.find(_STAND_IN, end)
        while 0 <= following < -(-end // _LINE_BYTES) * _LINE_BYTES:
            end = following + len(_STAND_IN)
            following = content.find(_STAND_IN, end)
        end = -(-end // _LINE_BYTES) * _LINE_BYTES
        pieces += [_base64(content[done:start]), _Reference(content[start:end])]
        done, at = end, following
    return [*pieces, _base64(content[done:])]


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _part_head(boundary: str, subtype: str) -> bytes:
    return (
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode("ascii")


def _line(header: Header) -> bytes:
    return header[0].encode("ascii") + b": " + header[1] + b"\r\n"


def _words(text: str) -> bytes:
    if text.isascii():
        return EncodedHeader(text, "us-ascii", header_name="Subject").encode(linesep="\r\n").encode("ascii")
    return EncodedHeader(text, "utf-8", maxlinelen=75, header_name="Subject").encode(linesep="\r\n").encode("ascii")


def _mailbox(name: str, address: str) -> bytes:
    if name.isascii():
        return formataddr((name, address)).encode("ascii")
    words = EncodedHeader(name, "utf-8", maxlinelen=70, header_name="From").encode(linesep="\r\n")
    return f"{words}\r\n <{address}>".encode("ascii")
