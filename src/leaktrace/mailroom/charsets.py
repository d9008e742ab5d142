"""Bytes to text, whatever the charset is called, and back from a character to its bytes.

Python also knows codecs that are no charsets of mail, some of them slow on hostile input (idna, punycode); only names
on `_MAIL_CHARSETS` are taken. An unknown charset is guessed: UTF-8 if it is that, else windows-1252.
"""

from __future__ import annotations

import codecs
import re
from array import array
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

_MAIL_CHARSETS = re.compile(
    r"ascii|utf-(?:7|8|16|32)(?:-sig|-le|-be)?|iso8859-\d{1,2}|iso2022_[a-z0-9_]+|cp\d{3,5}|koi8-[rut]|mac-[a-z0-9]+"
    r"|gbk|gb2312|gb18030|hz|big5(?:hkscs)?|euc_[a-z0-9_]+|shift_jis[a-z0-9_]*|johab|tis-620|ptcp154|kz1048|viscii"
)
_SUPERSETS = {
    # What is called by the first name is often written in the second, which has everything of the first.
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "cp950",
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "utf-8": "utf-8-sig",
}
_OTHER_NAMES = {
    # Names that mail uses and Python does not know: those of the WHATWG's Encoding Standard (section 4.2), and some
    # that Windows and old Macintosh programs write.
    "ks_c_5601-1987": "cp949", "ks_c_5601-1989": "cp949", "ksc_5601": "cp949", "iso-ir-149": "cp949",
    "windows-949": "cp949", "x-euc-kr": "cp949",
    "x-gbk": "gb18030", "gb_2312": "gb18030", "gb_2312-80": "gb18030", "cn-gb": "gb18030", "cp936": "gb18030",
    "windows-936": "gb18030",
    "cn-big5": "cp950", "x-x-big5": "cp950", "x-big5": "cp950", "windows-950": "cp950",
    "x-sjis": "cp932", "windows-31j": "cp932", "windows-932": "cp932", "x-euc-jp": "euc_jp",
    "cp50220": "iso2022_jp_ext", "cp50221": "iso2022_jp_ext", "iso-2022-jp-ms": "iso2022_jp_ext",
    "windows-874": "cp874", "x-windows-874": "cp874", "dos-874": "cp874", "iso-8859-11": "cp874",
    "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "logical": "iso8859-8", "visual": "iso8859-8",
    "iso-8859-6-i": "iso8859-6", "iso-8859-6-e": "iso8859-6", "koi8-ru": "koi8-u",
    "x-cp1250": "cp1250", "x-cp1251": "cp1251", "x-cp1252": "cp1252", "ansi": "cp1252",
    "x-mac-roman": "mac-roman", "x-mac-ce": "mac-latin2", "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic", "x-mac-greek": "mac-greek", "x-mac-turkish": "mac-turkish",
    "unicode-1-1-utf-7": "utf-7", "unicode-1-1-utf-8": "utf-8", "utf8mb4": "utf-8",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}\Z")
_CHUNK_BYTES = 512


def codec_name(charset: str | None) -> str | None:
    """Python's name of a charset that may be used for mail; None for unknown and unfit ones."""
    name = (charset or "").strip().strip("\"'").partition("*")[0].lower()
    if not _NAME.match(name):
        return None
    try:
        canonical = codecs.lookup(_OTHER_NAMES.get(name, name)).name
    except LookupError:
        return None
    if not _MAIL_CHARSETS.fullmatch(canonical):
        return None
    return _SUPERSETS.get(canonical, canonical)


def best_codec(content: bytes, charset: str | None) -> str:
    """The codec to read these bytes with: the one named if it is known (ASCII and UTF-8 only if true), else a guess."""
    codec = codec_name(charset)
    if codec is not None and codec not in ("utf-8", "utf-8-sig"):
        return codec
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        # A cut-off last character, or a single bad byte in a long text, does not make it another charset.
        return "utf-8-sig" if codec is not None and _is_damaged_utf8(content, error.start) else "cp1252"
    return "utf-8-sig"


def _is_damaged_utf8(content: bytes, bad_at: int) -> bool:
    """Whether bytes, the first bad one of which is at `bad_at`, are UTF-8 all the same: they have good characters of it
    beyond ASCII, which bytes of another charset hardly ever make, and the damage is late or rare.
    """
    text = content[:100_000].decode("utf-8", "replace")
    good = sum(1 for character in text if character > "\x7f" and character != "�")
    return good > 4 * text.count("�") or (good > 0 and bad_at > len(content) // 2)


def decode(content: bytes, charset: str | None) -> str:
    """The text; never fails, bad bytes become U+FFFD."""
    return content.decode(best_codec(content, charset), "replace")


_ASCII_IS_ITSELF = frozenset({"utf-8", "utf-8-sig", "ascii", "cp1252", "latin-1", "iso8859-1"})
"""Codecs in which a byte under 128 is that character, whatever stands before it."""


_ONE_BYTE_EACH = re.compile(r"cp125\d|cp874|iso8859-\d{1,2}|koi8-[rut]")
"""Codecs in which every byte is a character, also one that means nothing."""
_BOM = b"\xef\xbb\xbf"
_AT_ONCE_CEILING_BYTES = 1_000_000
"""Of a text in UTF-8 up to this size all places are found at once; that takes eight bytes for each character."""


class CharacterPlaces:
    """Where in the bytes each character of their decoded text lies; built once, on first use, in one pass."""

    def __init__(self, content: bytes, codec: str) -> None:
        self._content = content
        self._codec = codec
        self._single: bool | None = None
        self._starts: NDArray[np.int64] | None = None
        self._characters = array("q")
        self._states: list[tuple[bytes, int]] = []
        self._kept: dict[int, tuple[int, array[int]]] = {}

    def _utf8_starts(self) -> NDArray[np.int64] | None:
        """Where each character of good UTF-8 begins (the first before a byte order mark); None for anything else."""
        content = self._content
        if self._codec not in ("utf-8", "utf-8-sig") or len(content) > _AT_ONCE_CEILING_BYTES:
            return None
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            return None
        octets = np.frombuffer(content, dtype=np.uint8)
        starts = np.flatnonzero((octets & 0xC0) != 0x80)  # RFC 3629, section 3: the others go on with a character
        if self._codec == "utf-8-sig" and content.startswith(_BOM):
            starts = starts[1:]
            starts[:1] = 0
        return starts

    def _checkpoints(self) -> None:
        decoder = codecs.getincrementaldecoder(self._codec)("replace")
        count = 0
        for position in range(0, len(self._content), _CHUNK_BYTES):
            self._characters.append(count)
            self._states.append(decoder.getstate())
            count += len(decoder.decode(self._content[position : position + _CHUNK_BYTES]))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The bytes that hold these characters; all bytes where they are no text in that charset at all.

        Python's decoders for East Asian charsets give up on some broken sequences when they are fed in pieces.
        """
        try:
            return self.place(start), self.place(end)
        except UnicodeError:
            return 0, len(self._content)

    def place(self, index: int) -> int:
        """The byte at which character `index` begins."""
        if self._single is None:
            self._single = self._content.isascii() and self._codec in _ASCII_IS_ITSELF
            self._single = self._single or _ONE_BYTE_EACH.fullmatch(self._codec) is not None
            self._starts = None if self._single else self._utf8_starts()
        if self._single or not self._content:
            return min(index, len(self._content))
        if self._starts is not None:
            return int(self._starts[index]) if index < len(self._starts) else len(self._content)
        if not self._states:
            self._checkpoints()
        chunk = max(bisect_right(self._characters, index) - 1, 0)
        wanted, rest = index - self._characters[chunk], len(self._content) - chunk * _CHUNK_BYTES
        # A character may end in the next chunk; where it is broken, even later.
        size = min(_CHUNK_BYTES, rest)
        while len(begins := self._begins_in(chunk, size)) <= wanted:
            if size == rest:
                return len(self._content)
            size = min(2 * size, rest)
        return begins[wanted]

    def _begins_in(self, chunk: int, size: int) -> array[int]:
        """Where each character begins that ends within so many bytes from the beginning of a chunk: where the one
        before it ended. Kept, for the places that are asked for lie side by side.
        """
        kept_size, kept = self._kept.get(chunk, (0, array("q")))
        if kept_size < size:
            decoder = codecs.getincrementaldecoder(self._codec)("replace")
            decoder.setstate(self._states[chunk])
            first, kept = chunk * _CHUNK_BYTES, array("q")
            ended = first - len(self._states[chunk][0])
            for position in range(first, first + size):
                if got := decoder.decode(self._content[position : position + 1]):
                    kept.extend([ended] * len(got))
                    ended = position + 1 - len(decoder.getstate()[0])
            self._kept[chunk] = size, kept
        return kept
