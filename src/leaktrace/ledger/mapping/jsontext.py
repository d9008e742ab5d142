"""JSON text as far as it is needed (RFC 8259): one value at a time out of a stream, and the byte where it breaks off.

NaN and Infinity, which RFC 8259 does not have, are refused.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import IO, Any, NoReturn

RECORD_CEILING_BYTES = 8_000_000
"""A longer record is rejected; in a document, where its end cannot be known, it breaks the file."""
BLOCK_BYTES = 1 << 20
_WHITE = re.compile(r"[ \t\n\r]*")


class BrokenJsonError(Exception):
    """The document is no JSON from this byte on."""

    def __init__(self, byte: int, what: str) -> None:
        super().__init__(what)
        self.byte, self.what = byte, what
        self.row: int | None = None
        """Of the record in which it breaks off, where that is known."""


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _whole(digits: str) -> int | float:
    """The number; infinity where it has more digits than Python reads (4,300), which no column takes for a name."""
    try:
        return int(digits)
    except ValueError:
        return math.inf


_decoder = json.JSONDecoder(parse_constant=_refuse)
_decoder_of_long_numbers = json.JSONDecoder(parse_constant=_refuse, parse_int=_whole)
"""A call for each number makes it slower."""


def decoded(text: str, position: int = 0) -> tuple[Any, int]:
    """(value, where it ends) of the JSON value at a position.

    ValueError where there is none, RecursionError where it is nested deeper than can be read.
    """
    try:
        return _decoder.raw_decode(text, position)
    except json.JSONDecodeError:
        raise
    except ValueError:  # of a number, and not of the grammar
        return _decoder_of_long_numbers.raw_decode(text, position)


class JsonText:
    """The text of a stream, read as far as it is needed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer, self._position, self._byte, self._dropped = "", 0, 0, 0
        self._ended = False

    def taken(self) -> int:
        """How many characters were taken."""
        return self._dropped + self._position

    def byte(self) -> int:
        """How many bytes of the plain text were taken."""
        return self._byte + len(self._buffer[: self._position].encode("utf-8", "surrogatepass"))

    def _more(self, at_least_bytes: int = 0) -> None:
        self._byte = self.byte()
        block = self._stream.read(max(BLOCK_BYTES, at_least_bytes))
        try:
            fresh = self._decode.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise BrokenJsonError(self._byte, "the text that follows is not UTF-8") from error
        self._ended = not block
        self._dropped += self._position
        self._buffer, self._position = self._buffer[self._position :] + fresh, 0

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            match = _WHITE.match(self._buffer, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if self._ended:
                return ""
            self._more()

    def take(self, *signs: str) -> str:
        """The next character, which must be one of these."""
        sign = self.peek()
        if sign not in signs:
            what = f"{' or '.join(signs)} is missing" if sign else "it breaks off"
            raise BrokenJsonError(self.byte(), what)
        self._position += 1
        return sign

    def value(self) -> Any:
        """The next value."""
        if not self.peek():
            raise BrokenJsonError(self.byte(), "it breaks off")
        while True:
            try:
                value, end = decoded(self._buffer, self._position)
            except RecursionError as error:
                raise BrokenJsonError(self.byte(), "it is nested deeper than can be read") from error
            except ValueError as error:
                if self._ended:
                    raise BrokenJsonError(self.byte(), "it is no JSON, or breaks off") from error
            else:
                if end < len(self._buffer) or self._ended:  # a number at the buffer's end may go on
                    self._position = end
                    return value
            if len(self._buffer) - self._position > RECORD_CEILING_BYTES:
                raise BrokenJsonError(self.byte(), f"no value ends within {RECORD_CEILING_BYTES} bytes")
            self._more(len(self._buffer) - self._position)  # each try begins anew, so each is of about twice the text
