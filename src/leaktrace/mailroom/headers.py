"""Header field values as people read them: encoded words (RFC 2047), raw 8-bit, parameters (RFC 2045, RFC 2231)."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from leaktrace.mailroom.charsets import decode
from leaktrace.mailroom.transfer import decode_base64

VALUE_CEILING_BYTES = 100_000
"""Longer values are read up to here: no honest one is longer."""

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_Q_ESCAPE = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
_MAIN_TYPE = re.compile(r"\s*([A-Za-z0-9][\w.+-]{0,80}/[A-Za-z0-9][\w.+-]{0,80})")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_SPACES = re.compile(r"[ \t\n]+")


def decode_words(value: str) -> str:
    """The text with its encoded words decoded; neighbours are joined, also inside one character (RFC 2047, 6.2)."""
    pieces: list[str] = []
    pending: tuple[str, bytes] | None = None
    position = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[position : match.start()]
        charset, content = match.group(1), _word_bytes(match.group(2), match.group(3))
        if pending is not None and (between.strip() or charset.lower() != pending[0].lower()):
            pieces.append(decode(pending[1], pending[0]))
            pending = None
        if pending is not None:
            pending = (charset, pending[1] + content)
        else:
            if between.strip() or not pieces:
                pieces.append(between)
            pending = (charset, content)
        position = match.end()
    if pending is not None:
        pieces.append(decode(pending[1], pending[0]))
    return "".join(pieces) + value[position:]


def _word_bytes(encoding: str, text: str) -> bytes:
    content = text.encode("utf-8", "replace")
    if encoding in "bB":
        return decode_base64(content)[0]
    return _Q_ESCAPE.sub(lambda escape: bytes.fromhex(escape.group(1).decode()), content.replace(b"_", b" "))


def clean(text: str) -> str:
    """One line, no control characters, no runs of blanks."""
    if "  " not in text and text.isprintable():  # nearly all: no blank but single spaces, and nothing to take out
        return text.strip()
    return _SPACES.sub(" ", _CONTROLS.sub(" ", text)).strip()


def unfolded(value: bytes, charset: str | None = None) -> str:
    """A field's value in one line, raw 8-bit decoded, encoded words left alone: structure is read from this."""
    raw = value[:VALUE_CEILING_BYTES].replace(b"\r\n", b"\n").replace(b"\n", b" ")
    return clean(_raw_text(raw, charset))


def field_text(value: bytes, charset: str | None = None) -> str:
    """A field's value as text in one line: unfolded, raw 8-bit as UTF-8 or as hinted, encoded words decoded."""
    return clean(decode_words(unfolded(value, charset)))


def _raw_text(raw: bytes, charset: str | None) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return decode(raw, charset if charset and "utf" not in charset.lower() else None)


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """`type/subtype` (or the first word) in lower case, and the parameters by lower-case name, RFC 2231 undone."""
    main = _MAIN_TYPE.match(value)
    name = main.group(1) if main else value.partition(";")[0].strip()
    found: dict[str, str] = {}
    continued: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(value):
        key = match.group(1).lower()
        text = re.sub(r"\\(.)", r"\1", match.group(2)) if match.group(2) is not None else match.group(3).strip()
        base, star, rest = key.partition("*")
        if star:
            number = rest.rstrip("*")
            continued.setdefault(base, []).append((int(number) if number.isdecimal() else 0, key.endswith("*"), text))
        else:
            found.setdefault(key, decode_words(text))
    for base, sections in continued.items():
        found[base] = _join_sections(sections)
    return name.lower(), found


def _join_sections(sections: list[tuple[int, bool, str]]) -> str:
    charset, pieces = None, []
    for number, (_, extended, text) in enumerate(sorted(sections, key=lambda section: section[0])):
        if extended and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)  # noqa: PLW2901
        pieces.append(unquote_to_bytes(text) if extended else text.encode("utf-8", "replace"))
    return decode(b"".join(pieces), charset)
