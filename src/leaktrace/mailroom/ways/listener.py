"""A listener for what a mail system hands over by LMTP (RFC 2033) or SMTP (RFC 5321): 250 only after the commit.

The server runs in a thread of its own; each message waits there while whoever takes the batches in commits it, and only
then its sender is told. A message that cannot be committed (full disk) is answered 451 and comes again; a process that
is killed has answered nothing, so it comes again too. Nothing is ever relayed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import queue
import socket
import stat
import threading
from collections.abc import Coroutine, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from leaktrace.errors import MailError
from leaktrace.mailroom.sources import Envelope, FoundMessage
from leaktrace.mailroom.ways.asked import ListenAsked
from leaktrace.mailroom.ways.conversation import Answer, Conversations, Handed
from leaktrace.mailroom.ways.envelope import with_envelope
from leaktrace.mailroom.ways.interface import Batch, Stop, Tell
from leaktrace.settings import Settings

_BATCH_COUNT = 100
_WAIT_SECONDS = 0.2
_STEP_SECONDS = 0.01
_END_SECONDS = 10.0
_T = TypeVar("_T")


@dataclass(slots=True)
class _Waiting:
    """A message whose sender waits for an answer."""

    message: FoundMessage
    answer: Future[Answer] = field(default_factory=Future)


class Listener:
    """Listens while `batches` is iterated; `bound` is where, once it does."""

    def __init__(self, asked: ListenAsked, settings: Settings, *, hostname: str | None = None) -> None:
        self._asked = asked
        self._settings = settings
        self._hostname = hostname or socket.gethostname()
        self._waiting: queue.Queue[_Waiting] = queue.Queue()
        self._tell: Tell = lambda _: None
        self._conversations = Conversations(asked.protocol, settings, self._hostname, self._take, self._report)
        self.bound: tuple[str, int] | None = None
        """Host and port; null before it listens, and on a Unix socket."""

    def batches(self, *, stop: Stop, tell: Tell) -> Generator[Batch, None, None]:
        """Messages as they are handed over, many at a time where many wait; ends when `stop` says so."""
        self._tell = tell
        with _library_silent(), self._serving():
            place = self._asked.socket or "{}:{}".format(*(self.bound or ("", 0)))
            tell(f"Listening for {self._asked.protocol.upper()} on {place}.")
            if not self._asked.is_local:
                tell("Other machines can reach this listener; let nobody but your mail system through to it.")
            while not stop():
                if some := self._next(_WAIT_SECONDS):
                    yield Batch(
                        tuple(one.message for one in some),
                        settle=lambda some=some: _answer(some, Answer.TAKEN),  # type: ignore[misc]
                        refuse=lambda some=some: _answer(some, Answer.LATER),  # type: ignore[misc]
                    )

    # --- inside -------------------------------------------------------------------------------------------

    def _next(self, wait_seconds: float) -> list[_Waiting]:
        """What waits now; whatever came while the last batch was committed is committed together."""
        try:
            some = [self._waiting.get(timeout=wait_seconds)]
        except queue.Empty:
            return []
        with contextlib.suppress(queue.Empty):
            while len(some) < _BATCH_COUNT:
                some.append(self._waiting.get_nowait())
        return some

    async def _take(self, handed: Handed) -> Answer:
        """Puts a message into the queue and waits until it is committed or refused. Runs in the server's thread."""
        raw = with_envelope(handed, hostname=self._hostname, protocol=self._asked.protocol, now=datetime.now(UTC))
        envelope = (
            None if handed.client is None else Envelope(handed.client.address, handed.client.greeting, handed.sender)
        )
        sha256 = hashlib.sha256(raw).hexdigest()
        waiting = _Waiting(FoundMessage(self._asked.protocol, 0, raw, sha256, len(raw), envelope=envelope))
        self._waiting.put(waiting)
        return await asyncio.wrap_future(waiting.answer)

    def _report(self, sentence: str) -> None:
        self._tell(sentence)

    @contextlib.contextmanager
    def _serving(self) -> Iterator[None]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="listener", daemon=True)
        thread.start()
        try:
            server = _in_loop(loop, self._open())
            try:
                yield
            finally:
                _in_loop(loop, _closed(server))
                while some := self._next(_STEP_SECONDS):
                    _answer(some, Answer.LATER)
                _in_loop(loop, self._conversations.end())
                if self._asked.socket is not None:
                    self._asked.socket.unlink(missing_ok=True)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_END_SECONDS)
            loop.close()

    async def _open(self) -> asyncio.AbstractServer:
        loop = asyncio.get_running_loop()
        begin, path = self._conversations.begin, self._asked.socket
        try:
            if path is not None:
                return await loop.create_unix_server(begin, sock=_bound(path))
            opened = await loop.create_server(begin, self._asked.host, self._asked.port)
        except OSError as error:
            where = path or f"{self._asked.host}:{self._asked.port}"
            raise MailError(
                f"Nothing can listen on {where}: {error.strerror or error}.",
                "Is another program there, or the port one that needs rights (below 1024)?",
            ) from error
        host, port = opened.sockets[0].getsockname()[:2]
        self.bound = (str(host), int(port))
        return opened


@contextlib.contextmanager
def _library_silent() -> Iterator[None]:
    """The library would log what senders say, addresses included, to whoever reads stderr."""
    log = logging.getLogger("mail.log")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def _in_loop(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[None, None, _T]) -> _T:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(_END_SECONDS)


async def _closed(server: asyncio.AbstractServer) -> None:
    server.close()


def _answer(some: list[_Waiting], answer: Answer) -> None:
    for one in some:
        # A sender that went away has cancelled its future.
        if one.answer.set_running_or_notify_cancel():
            one.answer.set_result(answer)


def _bound(path: Path) -> socket.socket:
    """A Unix socket that listens at this path, in place of one that a killed listener left; OSError if one is alive."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode) and not _is_alive(path):
            path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        bound.bind(str(path))
        path.chmod(0o660)  # its folder decides who gets there
    except OSError:
        bound.close()
        raise
    return bound


def _is_alive(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
