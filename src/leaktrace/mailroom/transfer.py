"""Content-Transfer-Encoding (RFC 2045, section 6), undone so that each decoded byte is found again in the raw bytes.

A `Locate` answers: which half-open range of encoded bytes covers this half-open range of decoded bytes? Both decoders
take anything and fail on nothing: what is not in the encoding stays as it is (quoted-printable) or is skipped (base64).

Most parts are well formed and nobody asks where their bytes came from: those are decoded by `binascii`, and the map is
made when it is first asked for.
"""

from __future__ import annotations

import binascii
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable

import numpy as np

Locate = Callable[[int, int], tuple[int, int]]

_QUOTED = re.compile(rb"(?:=[0-9A-Fa-f]{2})+|=[ \t]*(?:\r?\n|\Z)")
_ODD_QUOTED = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n)")
_LINE_ENDS = b"\r\n"
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]+")


def same_place(start: int, end: int) -> tuple[int, int]:
    """The `Locate` of bytes that are not encoded."""
    return start, end


def covered_by(span: tuple[int, int]) -> Locate:
    """The `Locate` of bytes that all come out of one range: unpacked ones, where no finer place can be told."""

    def locate(_start: int, _end: int) -> tuple[int, int]:
        return span

    return locate


class _Runs:
    """A piecewise map: run k begins at decoded[k] and encoded[k], each decoded byte takes stride[k] encoded ones."""

    def __init__(self) -> None:
        self.decoded = array("q")
        self.encoded = array("q")
        self.stride = array("b")

    def add(self, decoded: int, encoded: int, stride: int) -> None:
        self.decoded.append(decoded)
        self.encoded.append(encoded)
        self.stride.append(stride)

    def first(self, index: int) -> tuple[int, int]:
        """Encoded start of decoded byte `index`, and how many encoded bytes it takes."""
        run = max(bisect_right(self.decoded, index) - 1, 0)
        if not self.decoded:
            return 0, 0
        return self.encoded[run] + (index - self.decoded[run]) * self.stride[run], self.stride[run]

    def locate(self, start: int, end: int) -> tuple[int, int]:
        begin, _ = self.first(start)
        if end <= start:
            return begin, begin
        last, width = self.first(end - 1)
        return begin, last + width


class _Later:
    """A `Locate` that makes its map when it is first asked."""

    def __init__(self, make: Callable[[], Locate]) -> None:
        self._make = make
        self._made: Locate | None = None

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        if self._made is None:
            self._made = self._make()
        return self._made(start, end)


def decode_quoted_printable(encoded: bytes) -> tuple[bytes, Locate]:
    """The decoded bytes and where they came from; stray equals signs stay."""
    if _ODD_QUOTED.search(encoded) is None:
        return binascii.a2b_qp(encoded), _Later(lambda: _quoted_places(encoded))
    return _mapped_quoted_printable(encoded)


def _quoted_places(encoded: bytes) -> Locate:
    """Of well-formed quoted-printable: the encoded byte at which each decoded one begins, all at once."""
    octets = np.frombuffer(encoded, dtype=np.uint8)
    kept = np.ones(len(octets), dtype=bool)
    signs = np.flatnonzero(octets == ord("="))
    following = np.concatenate([octets, np.zeros(2, dtype=np.uint8)])
    soft = np.isin(following[signs + 1], (ord("\r"), ord("\n")))
    kept[signs[soft]] = False
    for ahead in (1, 2):
        # The two digits of an escape; of a soft line break its one or two bytes.
        gone = signs[~soft | (ahead == 1) | (following[signs + 1] == ord("\r"))] + ahead
        kept[gone[gone < len(octets)]] = False
    places = np.flatnonzero(kept)

    def locate(start: int, end: int) -> tuple[int, int]:
        if not len(places):
            return 0, 0
        begin = int(places[min(start, len(places) - 1)])
        if end <= start:
            return begin, begin
        last = int(places[min(end, len(places)) - 1])
        return begin, last + (3 if encoded[last] == ord("=") else 1)

    return locate


def _base64_places(encoded: bytes, count: int) -> Locate:
    """Of well-formed base64: where each letter stands."""
    octets = np.frombuffer(encoded, dtype=np.uint8)
    places = np.flatnonzero((octets != ord("\r")) & (octets != ord("\n")))[:count]

    def locate(start: int, end: int) -> tuple[int, int]:
        if not count:
            return 0, 0
        begin = int(places[min(start // 3 * 4, count - 1)])
        if end <= start:
            return begin, begin
        return begin, int(places[min(-(-end // 3) * 4, count) - 1]) + 1

    return locate


def _mapped_quoted_printable(encoded: bytes) -> tuple[bytes, Locate]:
    runs, pieces, length, position = _Runs(), [], 0, 0
    for match in _QUOTED.finditer(encoded):
        if match.start() > position:
            runs.add(length, position, 1)
            pieces.append(encoded[position : match.start()])
            length += match.start() - position
        position = match.end()
        if match.group()[1:2].strip(b" \t\r\n"):
            runs.add(length, match.start(), 3)
            pieces.append(bytes.fromhex(match.group().replace(b"=", b"").decode("ascii")))
            length += len(pieces[-1])
    if position < len(encoded):
        runs.add(length, position, 1)
        pieces.append(encoded[position:])
    return b"".join(pieces), runs.locate


def decode_base64(encoded: bytes) -> tuple[bytes, Locate]:
    """The decoded bytes and where they came from, up to the first padding (lists append footers after it)."""
    padding = encoded.find(b"=")
    letters = (encoded if padding < 0 else encoded[:padding]).translate(None, _LINE_ENDS)
    try:
        content = binascii.a2b_base64(letters + b"=" * (-len(letters) % 4), strict_mode=True)
    except binascii.Error:
        return _mapped_base64(encoded)
    return content, _Later(lambda: _base64_places(encoded, len(letters)))


def _mapped_base64(encoded: bytes) -> tuple[bytes, Locate]:
    runs, pieces, length = _Runs(), [], 0
    padding = encoded.find(b"=")
    for match in _BASE64_RUN.finditer(encoded, 0, len(encoded) if padding < 0 else padding):
        runs.add(length, match.start(), 1)
        pieces.append(match.group())
        length += len(match.group())
    if length % 4 == 1:  # six bits are no byte
        length -= 1
    letters = b"".join(pieces)[:length]

    def locate(start: int, end: int) -> tuple[int, int]:
        quantum_end = min(-(-end // 3) * 4, length) if end > start else start // 3 * 4
        return runs.locate(start // 3 * 4, quantum_end)

    return binascii.a2b_base64(letters + b"=" * (-length % 4)), locate


def decode_transfer(encoded: bytes, encoding: str) -> tuple[bytes, Locate]:
    """Undoes the named encoding; an unknown one counts as none."""
    if encoding == "base64":
        return decode_base64(encoded)
    if encoding == "quoted-printable":
        return decode_quoted_printable(encoded)
    return encoded, same_place
