"""Replies of an SMTP server, read from a socket (RFC 5321, section 4.2): several come at once after a pipeline."""

from __future__ import annotations

import socket

Reply = tuple[int, bytes]
"""Code, and the text of its last line."""
_LINE_CEILING_BYTES = 8_192
_LINES_CEILING = 200


class Replies:
    """Reads reply after reply. OSError where the connection ends, or what comes is no reply."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._rest = b""

    def next(self) -> Reply:
        """The next reply, however many lines it has."""
        for _ in range(_LINES_CEILING):
            line = self._line()
            if not line[:3].isdigit() or line[3:4] not in (b" ", b"-", b""):
                raise ConnectionError("the server answers something that is no reply")
            if line[3:4] != b"-":
                return int(line[:3]), line[4:]
        raise ConnectionError("the server does not end its reply")

    def _line(self) -> bytes:
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > _LINE_CEILING_BYTES:
                raise ConnectionError("the server does not end its line")
            chunk = self._sock.recv(4096)
            if not chunk:
                raise ConnectionError("the server closed the connection")
            self._rest += chunk
        line, self._rest = self._rest[:end], self._rest[end + 1 :]
        return line.rstrip(b"\r")
