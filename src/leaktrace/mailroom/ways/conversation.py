"""Conversations in LMTP and SMTP with ceilings: connections, message size, line length, recipients, bytes held, time.

aiosmtpd speaks the protocol. What is added here: LMTP answers once for each recipient (RFC 2033, section 4.2); a sender
who goes on after the ceiling is cut off instead of being read for ever; and too many senders at a time are told to come
back.
"""

from __future__ import annotations

import asyncio
import enum
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import AnyStr, Literal

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from leaktrace.mailroom.forwarders import Forwarders
from leaktrace.mailroom.ways.interface import Tell
from leaktrace.mailroom.ways.xforward import ATTRIBUTES, BadXforwardError, Client, client_of, read_xforward
from leaktrace.settings import Settings

_SLACK_BYTES = 1 << 20
_HELD_MESSAGES = 4
"""So many messages of the largest size are held for all conversations together."""
_COMMAND_CEILING_COUNT = 1000


class Answer(enum.Enum):
    """What a sender is told after DATA (RFC 5321, section 4.2.3; RFC 3463)."""

    TAKEN = "250 2.0.0 Stored"
    LATER = "451 4.3.1 Cannot be stored now, try again later"


@dataclass(frozen=True, slots=True)
class Handed:
    """A message with its envelope."""

    sender: str
    """Empty: the null sender."""
    recipients: tuple[str, ...]
    content: bytes
    greeting: str
    """What the sender calls itself."""
    peer: object
    is_utf8: bool
    client: Client | None = None
    """From whom our own mail system has it; null where nobody who is believed says so."""


Take = Callable[[Handed], Awaitable[Answer]]


class Conversations:
    """All conversations of one listener. Used from the thread of its event loop only."""

    def __init__(
        self, protocol: Literal["lmtp", "smtp"], settings: Settings, hostname: str, take: Take, tell: Tell
    ) -> None:
        """`tell`: called from the thread of the event loop, with nothing in it of what a sender said."""
        self._protocol = protocol
        self._settings = settings
        self._hostname = hostname
        self._handler = _Handler(settings.listener_recipient_ceiling_count, take, tell)
        self.forwarders = Forwarders(settings.trusted_forwarders)
        self._open: set[_Guarded] = set()
        self.held_bytes = 0
        """Bytes read since each sender's last answer, over all conversations."""

    def begin(self) -> asyncio.Protocol:
        """The conversation with a new connection."""
        if len(self._open) >= self._settings.listener_connection_ceiling_count:
            return _TooMany()
        made = _Lmtp if self._protocol == "lmtp" else _Smtp
        return made(self, self._handler, self._settings, self._hostname)

    async def end(self) -> None:
        """Closes what is still open, after the answers that are due were written."""
        for conversation in tuple(self._open):
            conversation.leave()
        await self._wait(2.0)
        for conversation in tuple(self._open):
            conversation.cut_off()
        await self._wait(1.0)

    async def _wait(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while self._open and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)

    @property
    def held_ceiling_bytes(self) -> int:
        """How much may be held for all conversations together."""
        return _HELD_MESSAGES * (self._settings.message_ceiling_bytes + _SLACK_BYTES)

    def opened(self, conversation: _Guarded) -> None:
        """A connection was made."""
        self._open.add(conversation)

    def closed(self, conversation: _Guarded) -> None:
        """A connection is gone."""
        self._open.discard(conversation)


def _where(error: Exception) -> str:
    """A sentence of an error's kind and place; its own words may quote a sender."""
    at = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(at[-1].filename).name}:{at[-1].lineno}" if at else ""
    return f"A conversation broke off with {type(error).__name__}{place}; its sender was told to try again later."


class _TooMany(asyncio.Protocol):
    """Says that there are too many connections, and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()


class _Handler:
    """What is done with recipients and messages."""

    def __init__(self, recipient_ceiling_count: int, take: Take, tell: Tell) -> None:
        self._recipient_ceiling_count = recipient_ceiling_count
        self._take = take
        self._tell = tell

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Says that commands may be sent without waiting, which LMTP demands (RFC 2033, section 5): they are queued."""
        del envelope
        session.host_name = hostname
        asked = [f"250-XFORWARD {' '.join(ATTRIBUTES)}"] if isinstance(server, _Guarded) and server.is_ours() else []
        return [*responses[:-1], "250-PIPELINING", *asked, responses[-1]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session
        if len(envelope.rcpt_tos) >= self._recipient_ceiling_count:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the same
        content = envelope.original_content or b""
        handed = Handed(
            sender=(envelope.mail_from or "").removeprefix("<>"),
            recipients=tuple(envelope.rcpt_tos),
            content=content,
            greeting=session.host_name or "",
            peer=session.peer,
            is_utf8=envelope.smtp_utf8,
            client=server.client() if isinstance(server, _Guarded) else None,
        )
        return (await self._take(handed)).value

    async def handle_exception(self, error: Exception) -> str:
        """Nothing of an error is told to whoever may have caused it on purpose; the operator learns where it was."""
        self._tell(_where(error))
        return "451 4.3.0 Cannot be done now, try again later"


class _Guarded(SMTP):
    """A conversation that cannot be made to hold more than a message."""

    def __init__(self, all_of_them: Conversations, handler: _Handler, settings: Settings, hostname: str) -> None:
        # Read by aiosmtpd's constructor: it is the limit of the stream's buffer too.
        self.line_length_limit = settings.listener_line_ceiling_bytes
        super().__init__(
            handler,
            data_size_limit=settings.message_ceiling_bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="leaktrace",
            timeout=settings.listener_timeout_seconds,
            command_call_limit=_COMMAND_CEILING_COUNT,
            loop=asyncio.get_running_loop(),
        )
        self._all = all_of_them
        self._ceiling_bytes = settings.message_ceiling_bytes + _SLACK_BYTES
        self._held_bytes = 0
        self._leaving = False
        self._mid_data = False
        self._forwarded: dict[str, str] = {}

    def is_ours(self) -> bool:
        """Whether the other side is one of our own mail servers, whose word on its clients counts."""
        return self.session is not None and self._all.forwarders.has_peer(self.session.peer)

    def client(self) -> Client | None:
        """From whom our mail system has the message in hand."""
        return client_of(self._forwarded) if self.is_ours() else None

    async def smtp_XFORWARD(self, argument: str | None) -> None:  # noqa: N802 - aiosmtpd finds commands by name
        """Postfix's command, before MAIL; nobody but our own servers may use it."""
        if not self.is_ours():
            await self.push("550 5.7.0 Not believed from here")
        elif self.envelope is not None and self.envelope.mail_from is not None:
            await self.push("503 5.5.1 Not between MAIL and the end of a message")
        else:
            try:
                self._forwarded |= read_xforward(argument or "")
            except BadXforwardError:
                await self.push("501 5.5.4 Bad XFORWARD attributes")
            else:
                await self.push("250 2.0.0 OK")

    def _set_post_data_state(self) -> None:
        """What was said of one message's client is not true of the next one's."""
        self._forwarded = {}
        super()._set_post_data_state()  # type: ignore[no-untyped-call]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._all.opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._release()
        self._all.closed(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Counts before aiosmtpd sees it: a line that never ends would else be held until memory is gone."""
        self._held_bytes += len(data)
        self._all.held_bytes += len(data)
        if self._held_bytes > self._ceiling_bytes * 2 or self._all.held_bytes > self._all.held_ceiling_bytes:
            self.cut_off()
            return
        super().data_received(data)

    def cut_off(self) -> None:
        """Hangs up at once; the sender still has its message."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def push(self, status: AnyStr) -> None:
        """Answers; what was read for this answer is not held any more."""
        self._release()
        self._mid_data = str(status).startswith("354")
        await super().push(status)
        if self._leaving and not self._mid_data and self.transport is not None:
            self.transport.close()

    def leave(self) -> None:
        """Ends the conversation: at once, or after the answer that its sender waits for."""
        self._leaving = True
        waits = self._mid_data and self._held_bytes > 0
        if self.transport is not None and not waits:
            self.transport.close()

    def _release(self) -> None:
        self._all.held_bytes -= self._held_bytes
        self._held_bytes = 0


class _Smtp(_Guarded):
    """SMTP as it is."""


class _Lmtp(_Guarded, LMTP):
    """LMTP, with the answers it owes after DATA: one for each recipient."""

    _owed_count = 0

    async def push(self, status: AnyStr) -> None:
        text = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        count, self._owed_count = self._owed_count or 1, 0
        if text.startswith("354") and self.envelope is not None:
            self._owed_count = len(self.envelope.rcpt_tos)
        await super().push("\r\n".join([text] * count))
