"""Bodies that Outlook keeps as compressed RTF: unpacked (MS-OXRTFCP), and read as text or as the HTML they wrap.

Only what a reader needs: text, line ends, escapes; `\\*\\htmltag` groups give back HTML (MS-OXRTFEX). Linear, and no
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


class _State:
    """What holds inside one group."""

    __slots__ = ("html_tag", "ignored", "skip_count", "unseen")

    def __init__(self, before: _State | None = None) -> None:
        self.unseen = before.unseen if before else False
        self.html_tag = before.html_tag if before else False
        self.ignored = before.ignored if before else False
        self.skip_count = before.skip_count if before else 1


def read_rtf(rtf: bytes, charset: str | None = None) -> tuple[str, bool]:
    """The text of RTF, and whether it is HTML that was wrapped into it."""
    is_html = b"\\fromhtml" in rtf[:2000]
    states, pieces, pending, left = [_State()], [], bytearray(), 0
    starred = False

    def flush() -> None:
        if pending:
            pieces.append(decode(bytes(pending), charset or "cp1252"))
            pending.clear()

    for match in _TOKEN.finditer(rtf):
        word, number, escape, symbol, brace, text = match.groups()
        state = states[-1]
        if brace == b"{":
            states.append(_State(state) if len(states) < _DEPTH_CEILING else state)
        elif brace == b"}":
            if len(states) > 1:
                states.pop()
        elif symbol == b"*":
            starred = True
            continue
        elif word is not None:
            if word == b"htmltag":
                state.html_tag, state.unseen = True, False
            elif starred or word in _SKIPPED:
                state.unseen = True
            elif word == b"htmlrtf":
                state.ignored = number != b"0"
            elif word == b"uc":
                state.skip_count = min(abs(int(number or b"1")), 8)
            elif word == b"ansicpg" and charset is None and number:
                charset = f"cp{number.decode()}"
            elif word == b"u" and number and not _silent(state, is_html):
                flush()
                pieces.append(chr(int(number) % 65536))
                left = state.skip_count
            elif word in _BREAKS and not _silent(state, is_html) and not (is_html and not state.html_tag):
                flush()
                pieces.append(_BREAKS[word])
        elif not _silent(state, is_html):
            shown = bytes([int(escape, 16)]) if escape else symbol.replace(b"~", b" ") if symbol else text or b""
            dropped = min(left, len(shown))
            left -= dropped
            pending += shown[dropped:]
        starred = False
    flush()
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), is_html


def _silent(state: _State, is_html: bool) -> bool:
    return state.unseen or (is_html and state.ignored and not state.html_tag)
