"""A mail relay that ends here: it keeps every message that it acknowledged, and is the judge of who was written to.

A message counts from the moment *before* its 250 is written: that a client did not read the answer is the client's
affair. `script` makes it misbehave. Run as a program (`python -m tests.response.sink FILE`), it writes what it took
to FILE.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Stage = str
"""mail, rcpt, data or body."""
Script = Callable[[Stage, str], bytes | None]
"""(stage, recipient) -> the reply instead of the usual one; b"" closes the connection without a reply."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One message the sink said 250 to."""

    sender: str
    recipient: str
    raw: bytes


def _obedient(*_: str) -> None:
    """The usual reply at every stage."""


@dataclass(slots=True)
class Sink:
    """The relay, in a thread."""

    script: Script = _obedient
    pipelining: bool = True
    taken: list[Taken] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    """Every line that was not part of a message."""
    on_taken: Callable[[Taken], object] = repr
    _server: socketserver.ThreadingTCPServer | None = None
    _clients: set[socket.socket] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        assert self._server is not None
        return int(self._server.server_address[1])

    def __enter__(self) -> Sink:
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sink._clients.add(self.connection)
                try:
                    sink._talk(_Line(self.connection))
                except OSError:
                    self.connection.close()
                finally:
                    sink._clients.discard(self.connection)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        for client in list(self._clients):
            client.close()

    def _talk(self, line: _Line) -> None:
        sender = recipient = ""
        line.say(b"220 sink\r\n")
        while command := line.read():
            self.commands.append(command)
            word = command[:4].upper()
            if word in (b"EHLO", b"HELO"):
                line.say(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n" if self.pipelining else b"250 sink\r\n")
            elif word == b"MAIL":
                sender, recipient = command[command.index(b"<") + 1 : command.index(b">")].decode(), ""
                self._say("mail", "", b"250 2.1.0 ok\r\n", line)
            elif word == b"RCPT":
                asked = command[command.index(b"<") + 1 : command.index(b">")].decode()
                recipient = "" if self.script("rcpt", asked) else asked
                self._say("rcpt", asked, b"250 2.1.5 ok\r\n", line)
            elif word == b"DATA":
                usual = b"354 go\r\n" if recipient else b"554 5.5.1 no valid recipients\r\n"
                if self._say("data", recipient, usual, line).startswith(b"354"):
                    self._take(line, sender, recipient)
            elif word == b"QUIT":
                line.say(b"221 bye\r\n")
                line.flush()
                return
            else:
                line.say(b"250 ok\r\n")

    def _say(self, stage: Stage, recipient: str, usual: bytes, line: _Line) -> bytes:
        reply = self.script(stage, recipient)
        if reply == b"":
            raise ConnectionResetError
        line.say(reply or usual)
        return reply or usual

    def _take(self, line: _Line, sender: str, recipient: str) -> None:
        content = line.message()
        reply = self.script("body", recipient) if recipient else b"554 5.5.1 no recipients\r\n"
        if reply is None or not reply or reply.startswith(b"2"):
            taken = Taken(sender, recipient, content)
            self.on_taken(taken)
            self.taken.append(taken)
        if reply == b"":
            raise ConnectionResetError
        line.say(reply or b"250 2.0.0 taken\r\n")


class _Line:
    """Reads commands, and answers those that came together together, as servers do (RFC 2920, section 3.2)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest, self._replies = b"", b""

    def say(self, reply: bytes) -> None:
        self._replies += reply

    def flush(self) -> None:
        self._connection.sendall(self._replies)
        self._replies = b""

    def read(self) -> bytes:
        """The next command; empty when the client is gone."""
        while (end := self._rest.find(b"\n")) < 0:
            if not self._more():
                return b""
        line, self._rest = self._rest[: end + 1], self._rest[end + 1 :]
        return line

    def message(self) -> bytes:
        """What comes after DATA, with its doubled dots undone; OSError where the client goes before its end."""
        start = 0
        while (end := self._rest.find(b"\r\n.\r\n", start)) < 0 and not self._rest.startswith(b".\r\n"):
            start = max(0, len(self._rest) - 4)
            if not self._more():
                raise ConnectionResetError
        content = self._rest[: end + 2] if end >= 0 else b""
        self._rest = self._rest[len(content) + 3 :]
        return content.replace(b"\r\n..", b"\r\n.")

    def _more(self) -> bool:
        if self._replies:
            self.flush()
        chunk = self._connection.recv(65536)
        self._rest += chunk
        return bool(chunk)


def main() -> None:
    """Listens until stdin ends; prints its port; appends the recipient of each message it takes to a file."""
    with Path(sys.argv[1]).open("ab", buffering=0) as stream, Sink(taken=_Nothing(), commands=_Nothing()) as sink:
        sink.on_taken = lambda taken: stream.write(taken.recipient.encode() + b"\n")
        print(sink.port, flush=True)
        sys.stdin.read()


class _Nothing(list):  # type: ignore[type-arg]
    """A list that keeps nothing: a program that runs for long."""

    def append(self, _: object) -> None:
        """Forgets it."""


if __name__ == "__main__":
    main()
