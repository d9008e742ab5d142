r"""Bodies that Outlook keeps as compressed RTF: unpacked (MS-OXRTFCP), and read as text or as the HTML they wrap.

Only what a reader needs: text, line ends, escapes; `\*\htmltag` groups give back HTML (MS-OXRTFEX). Linear, and no
more than the ceiling is ever unpacked.
"""

from __future__ import annotations

import re
import struct

from leaktrace.mailroom.charsets import decode

_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_TOKEN = re.compile(rb"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)")
_SKIPPED = frozenset((b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer"))
_BREAKS = {b"par": "\n", b"line": "\n", b"tab": "\t", b"cell": "\t", b"row": "\n"}
_DEPTH_CEILING = 200


def unpack_rtf(packed: bytes, ceiling_bytes: int) -> bytes:
    """The RTF of a PidTagRtfCompressed value, at most `ceiling_bytes` of it; empty for what is none."""
    if len(packed) < 16:
        return b""
    _, raw_size, magic = struct.unpack_from("<II4s", packed)
    if magic == b"MELA":
        return packed[16 : 16 + min(raw_size, ceiling_bytes)]
    if magic != b"LZFu":
        return b""
    window = bytearray(_DICTIONARY.ljust(_WINDOW, b"\x00"))
    place, out, position = len(_DICTIONARY), bytearray(), 16
    limit = min(raw_size, ceiling_bytes)
    while position < len(packed) and len(out) < limit:
        flags, position = packed[position], position + 1
        for bit in range(8):
            if position >= len(packed) or len(out) >= limit:
                break
            if not flags >> bit & 1:
                out.append(packed[position])
                window[place] = packed[position]
                place, position = (place + 1) % _WINDOW, position + 1
                continue
            reference = int.from_bytes(packed[position : position + 2], "big")
            position += 2
            offset, length = reference >> 4, (reference & 15) + 2
            if offset == place:
                return bytes(out)
            for step in range(length):
                byte = window[(offset + step) % _WINDOW]
                out.append(byte)
                window[place] = byte
                place = (place + 1) % _WINDOW
    return bytes(out[:limit])


class _Group:
    """What holds inside one pair of braces."""

    __slots__ = ("html_tag", "ignored", "skip_count", "unseen")

    def __init__(self, outer: _Group | None = None) -> None:
        self.unseen: bool = outer.unseen if outer else False
        self.html_tag: bool = outer.html_tag if outer else False
        self.ignored: bool = outer.ignored if outer else False
        self.skip_count: int = outer.skip_count if outer else 1


class _Reader:
    """One document while it is read."""

    def __init__(self, charset: str | None, *, is_html: bool) -> None:
        self._charset = charset
        self._is_html = is_html
        self._groups = [_Group()]
        self._pieces: list[str] = []
        self._pending = bytearray()
        self._to_skip = 0
        self._starred = False

    def take(self, match: re.Match[bytes]) -> None:
        """One token."""
        word, number, escape, symbol, brace, text = match.groups()
        if symbol == b"*":
            self._starred = True
            return
        if brace == b"{":
            deep = len(self._groups) >= _DEPTH_CEILING
            self._groups.append(self._groups[-1] if deep else _Group(self._groups[-1]))
        elif brace == b"}":
            if len(self._groups) > 1:
                self._groups.pop()
        elif word is not None:
            self._control(word, number)
        elif not self._is_silent():
            self._show(bytes([int(escape, 16)]) if escape else symbol.replace(b"~", b" ") if symbol else text or b"")
        self._starred = False

    def text(self) -> str:
        """All that was shown; half a surrogate pair becomes U+FFFD."""
        self._flush()
        joined = "".join(self._pieces)
        return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _control(self, word: bytes, number: bytes | None) -> None:
        group = self._groups[-1]
        if word == b"htmltag":
            group.html_tag, group.unseen = True, False
        elif self._starred or word in _SKIPPED:
            group.unseen = True
        elif word == b"htmlrtf":
            group.ignored = number != b"0"
        elif word == b"uc":
            group.skip_count = min(abs(int(number or b"1")), 8)
        elif word == b"ansicpg" and self._charset is None and number:
            self._charset = f"cp{number.decode()}"
        elif word == b"u" and number and not self._is_silent():
            self._flush()
            self._pieces.append(chr(int(number) % 65536))
            self._to_skip = group.skip_count
        elif word in _BREAKS and not self._is_silent():
            self._flush()
            self._pieces.append(_BREAKS[word])

    def _show(self, shown: bytes) -> None:
        dropped = min(self._to_skip, len(shown))
        self._to_skip -= dropped
        self._pending += shown[dropped:]

    def _flush(self) -> None:
        if self._pending:
            self._pieces.append(decode(bytes(self._pending), self._charset or "cp1252"))
            self._pending.clear()

    def _is_silent(self) -> bool:
        group = self._groups[-1]
        return group.unseen or (self._is_html and group.ignored and not group.html_tag)


def read_rtf(rtf: bytes, charset: str | None = None) -> tuple[str, bool]:
    """The text of RTF, and whether it is HTML that was wrapped into it."""
    is_html = b"\\fromhtml" in rtf[:2000]
    reader = _Reader(charset, is_html=is_html)
    for match in _TOKEN.finditer(rtf):
        reader.take(match)
    return reader.text(), is_html
