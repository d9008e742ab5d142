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
from io import BufferedIOBase
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
                    sink._talk(self.rfile, self.connection)
                except OSError:
                    pass
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

    def _talk(self, lines: BufferedIOBase, out: socket.socket) -> None:
        sender = recipient = ""
        out.sendall(b"220 sink\r\n")
        while line := lines.readline(2000):
            self.commands.append(line)
            word = line[:4].upper()
            if word in (b"EHLO", b"HELO"):
                out.sendall(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n" if self.pipelining else b"250 sink\r\n")
            elif word == b"MAIL":
                sender, recipient = line[line.index(b"<") + 1 : line.index(b">")].decode(), ""
                if self._said("mail", "", b"250 2.1.0 ok\r\n", out):
                    return
            elif word == b"RCPT":
                asked = line[line.index(b"<") + 1 : line.index(b">")].decode()
                refused = self.script("rcpt", asked)
                recipient = "" if refused else asked
                if self._said("rcpt", asked, b"250 2.1.5 ok\r\n", out):
                    return
            elif word == b"DATA":
                usual = b"354 go\r\n" if recipient else b"554 5.5.1 no valid recipients\r\n"
                instead = self.script("data", recipient)
                if self._said("data", recipient, usual, out):
                    return
                if (instead or usual).startswith(b"354") and self._message(lines, out, sender, recipient):
                    return
            elif word == b"QUIT":
                out.sendall(b"221 bye\r\n")
                return
            else:
                out.sendall(b"250 ok\r\n")

    def _said(self, stage: Stage, recipient: str, usual: bytes, out: socket.socket) -> bool:
        """Whether the connection ends."""
        reply = self.script(stage, recipient)
        if reply == b"":
            out.shutdown(socket.SHUT_RDWR)
            return True
        out.sendall(reply or usual)
        return False

    def _message(self, lines: BufferedIOBase, out: socket.socket, sender: str, recipient: str) -> bool:
        content: list[bytes] = []
        while (line := lines.readline(2000)) != b".\r\n":
            if not line:
                return True
            content.append(line[1:] if line.startswith(b".") else line)
        reply = self.script("body", recipient) if recipient else b"554 5.5.1 no recipients\r\n"
        if reply is None or not reply or reply.startswith(b"2"):
            taken = Taken(sender, recipient, b"".join(content))
            self.on_taken(taken)
            self.taken.append(taken)
        if reply == b"":
            out.shutdown(socket.SHUT_RDWR)
            return True
        out.sendall(reply or b"250 2.0.0 taken\r\n")
        return False


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
