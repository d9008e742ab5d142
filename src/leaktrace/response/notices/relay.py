"""The one connection to the company's own mail relay: what it answers to one message.

Two round trips a message where the relay offers PIPELINING (RFC 2920): envelope and DATA in one write, then the
message. The foreign errors of smtplib and the socket end here. Before the first byte of the message an error is
`not_sent`; from then on, without an answer, it is `unknown` (RFC 1047: the relay may have taken it).
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from leaktrace.errors import ResponseError
from leaktrace.response.notices.journal import Answer
from leaktrace.response.notices.smtpreplies import Replies, Reply

_ENHANCED = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


class RelayUnreachableError(ResponseError):
    """Nothing can be said to the relay now; nothing was sent."""


class RelayRefusesError(ResponseError):
    """The relay refuses us, not a recipient: going on would mark everybody as refused."""


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Where the relay is and how to speak to it."""

    host: str
    port: int = 25
    tls: Literal["required", "if_offered", "none"] = "required"
    ca_file: str | None = None
    user: str | None = None
    password: str | None = None
    hello: str = "localhost"
    timeout_seconds: float = 300.0

    def __repr__(self) -> str:
        return f"RelayAddress({self.host!r}, {self.port}, tls={self.tls!r})"


class Relay(Protocol):
    """What the sender needs of a relay."""

    def send(self, sender: str, recipient: str, message: bytes, attempt: Callable[[], None]) -> Answer:
        """One message to one recipient; calls `attempt` before DATA. RelayUnreachableError, RelayRefusesError."""

    def close(self) -> None:
        """Says goodbye."""


@dataclass(frozen=True, slots=True)
class _Line:
    """An open connection: smtplib sets it up, then we speak ourselves, since smtplib waits after each command."""

    smtp: smtplib.SMTP
    sock: socket.socket
    replies: Replies
    pipelining: bool


class SmtpRelay:
    """A relay over SMTP (RFC 5321); connects when there is something to say."""

    def __init__(self, address: RelayAddress) -> None:
        self._address = address
        self._open: _Line | None = None

    def send(self, sender: str, recipient: str, message: bytes, attempt: Callable[[], None]) -> Answer:
        """See `Relay`. `message` has CRLF line ends."""
        line = self._connected()
        attempt()
        try:
            answer = self._envelope(line, sender, recipient)
        except OSError:
            self._drop()
            return Answer("not_sent")
        if answer is not None:
            return answer
        return self._message(line, message)

    def close(self) -> None:
        """QUIT, whatever the relay says to it."""
        line, self._open = self._open, None
        if line is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                line.smtp.quit()

    # --- one message --------------------------------------------------------------------------------------

    def _envelope(self, line: _Line, sender: str, recipient: str) -> Answer | None:
        """None: the relay waits for the message."""
        commands = (f"MAIL FROM:<{sender}>\r\n", f"RCPT TO:<{recipient}>\r\n", "DATA\r\n")
        replies: list[Reply] = []
        if line.pipelining:
            line.sock.sendall("".join(commands).encode("ascii"))
            replies = [line.replies.next() for _ in commands]
        else:
            for command, wanted in zip(commands, ((250,), (250, 251), (354,)), strict=True):
                line.sock.sendall(command.encode("ascii"))
                replies.append(line.replies.next())
                if replies[-1][0] not in wanted:
                    break
        return self._judged(line, replies)

    def _judged(self, line: _Line, replies: list[Reply]) -> Answer | None:
        mail, *others = replies
        if any(code == 421 for code, _ in replies):
            self._drop()
            return Answer("not_sent", 421)
        if mail[0] // 100 == 5:
            self._drop()
            raise RelayRefusesError(
                f"The relay refuses our sender address ({_read(mail, 'refused').told()}).",
                "Look at the relay's rules for that address. Nobody was marked as refused; run `notify send` again.",
            )
        refusal = next((reply for reply in replies if reply[0] // 100 in (4, 5)), None)
        waits_for_message = len(others) == 2 and others[1][0] == 354
        if refusal is None and waits_for_message:
            return None
        if waits_for_message:
            # A relay that accepts DATA although it took no recipient: a lone dot ends it (RFC 2920, section 3.1).
            line.sock.sendall(b".\r\n")
            line.replies.next()
        if refusal is None:
            self._drop()
            return Answer("not_sent", replies[-1][0])
        line.sock.sendall(b"RSET\r\n")
        line.replies.next()
        return _read(refusal, "retry" if refusal[0] // 100 == 4 else "refused")

    def _message(self, line: _Line, message: bytes) -> Answer:
        try:
            line.sock.sendall(dotted(message))
            reply = line.replies.next()
        except OSError:
            self._drop()
            return Answer("unknown")
        if reply[0] == 421:
            self._drop()
        match reply[0] // 100:
            case 2:
                return _read(reply, "accepted")
            case 4:
                return _read(reply, "retry")
            case 5:
                return _read(reply, "refused")
        self._drop()
        return _read(reply, "unknown")

    # --- the connection -----------------------------------------------------------------------------------

    def _connected(self) -> _Line:
        if self._open is not None:
            return self._open
        address = self._address
        smtp: smtplib.SMTP | None = None
        try:
            smtp = smtplib.SMTP(address.host, address.port, address.hello, timeout=address.timeout_seconds)
            smtp.ehlo_or_helo_if_needed()
            self._secure(smtp)
            if address.user and address.password:
                smtp.login(address.user, address.password)
        except smtplib.SMTPAuthenticationError as error:
            _let_go(smtp)
            raise RelayRefusesError(
                f"The relay {address.host} refuses our user name or password.", "Look at notices.toml, [relay]."
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            _let_go(smtp)
            raise RelayUnreachableError(
                f"The relay {address.host}, port {address.port}, cannot be reached: {_named(error)}.",
                "Nobody was written to meanwhile. When it is back, run `notify send` again: it resumes.",
            ) from error
        except ResponseError:
            _let_go(smtp)
            raise
        assert smtp.sock is not None  # noqa: S101 - smtplib has just spoken over it
        self._open = _Line(smtp, smtp.sock, Replies(smtp.sock), smtp.has_extn("pipelining"))
        return self._open

    def _secure(self, smtp: smtplib.SMTP) -> None:
        if self._address.tls == "none":
            return
        if smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context(cafile=self._address.ca_file))
            smtp.ehlo()
        elif self._address.tls == "required":
            raise RelayRefusesError(
                f"The relay {self._address.host} offers no STARTTLS.",
                'Nothing was sent. On a trusted line, say tls = "if_offered" in notices.toml.',
            )

    def _drop(self) -> None:
        line, self._open = self._open, None
        _let_go(None if line is None else line.smtp)


def dotted(message: bytes) -> bytes:
    """With leading dots doubled and the end of the message after it (RFC 5321, section 4.5.2)."""
    if message.startswith(b"."):
        message = b"." + message
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")


def _read(reply: Reply, kind: Literal["accepted", "refused", "retry", "unknown"]) -> Answer:
    match = _ENHANCED.match(reply[1])
    status = None if match is None else (int(match[1]), int(match[2]), int(match[3]))
    return Answer(kind, max(0, min(reply[0], 999)), status)


def _let_go(smtp: smtplib.SMTP | None) -> None:
    if smtp is not None:
        smtp.close()


def _named(error: Exception) -> str:
    # A reply's words may hold an address; its code says enough.
    code = getattr(error, "smtp_code", None)
    if code is not None:
        return f"it answered {code}"
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else type(error).__name__
