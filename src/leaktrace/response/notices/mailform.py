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

from leaktrace.response.notices.dkimsigner import DkimSigner, Header, relaxed
from leaktrace.response.notices.facts import REFERENCE_MARK
from leaktrace.response.notices.rendering import Rendered
from leaktrace.response.notices.tokens import NoticeTokens

_MARK = REFERENCE_MARK.encode()


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
        self._text, self._html = rendered.text.replace("\n", "\r\n").encode(), rendered.html.encode()
        self._before = _part_head(boundary, "plain")
        self._between = b"\r\n" + _part_head(boundary, "html")
        self._after = f"\r\n--{boundary}--\r\n".encode("ascii")
        self._constant: tuple[Header, ...] = (
            ("From", _mailbox(head.from_name, head.from_address)),
            ("Reply-To", head.reply_to.encode("ascii")),
            ("Subject", _words(rendered.subject)),
            ("MIME-Version", b"1.0"),
            ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'.encode("ascii")),
            ("Content-Language", rendered.language.encode("ascii")),
            # RFC 3834, section 5: no holiday answers to this.
            ("Auto-Submitted", b"auto-generated"),
        )
        self._canonical = b"".join(relaxed(header) + b"\r\n" for header in self._constant)
        self._written = b"".join(_line(header) for header in self._constant)

    def message(self, notice: str, recipient: str, at: datetime) -> bytes:
        """The whole message, signed. `recipient` is a checked ASCII address."""
        own: tuple[Header, ...] = (
            ("To", f"<{recipient}>".encode("ascii")),
            ("Date", format_datetime(at).encode("ascii")),
            ("Message-ID", self._head.tokens.message_id(notice, self._head.domain).encode("ascii")),
        )
        body = self._body(notice.encode("ascii"))
        canonical = self._canonical + b"".join(relaxed(header) + b"\r\n" for header in own)
        signature = self._head.signer.signature((*self._constant, *own), canonical, body, int(at.timestamp()))
        return b"".join((signature, self._written, *map(_line, own), b"\r\n", body))

    def return_path(self, notice: str) -> str:
        """The envelope sender for that person."""
        return self._head.tokens.return_path(notice, self._head.bounce_mailbox, self._head.bounce_domain)

    def _body(self, reference: bytes) -> bytes:
        return b"".join(
            (
                self._before,
                _encoded(self._text.replace(_MARK, reference)),
                self._between,
                _encoded(self._html.replace(_MARK, reference)),
                self._after,
            )
        )


def _encoded(content: bytes) -> bytes:
    return base64.encodebytes(content).rstrip(b"\n").replace(b"\n", b"\r\n")


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
