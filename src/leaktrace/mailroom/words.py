"""The words of a text, without what differs from recipient to recipient: addresses, links and digits are masked.

Texts are taken apart by what finds single letters and translates whole texts; a pattern that is tried at every letter
takes ten times as long, and is left for what these do not cover.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

WORD_CEILING_COUNT = 20_000
"""Words read of one text; a longer one is read at its beginning."""
_WORD_CEILING_CHARACTERS = 60
_STRANGE_CEILING_COUNT = 60
"""Kinds of signs beyond ASCII that are replaced one by one; no language has as many."""
_PLACES_CEILING_COUNT = 10_000
_FEW_COUNT = 1_000
"""So many letters are sorted sooner than marked in a table of all."""

_SCHEMES = ("https", "http", "ftp")
_LINK_REST = re.compile(r"[^\s<>\"']{1,4000}")
_ADDRESS_BEFORE, _ADDRESS_AFTER = (re.compile(rf"[^\s<>()\[\],;:\"@]{{1,{most}}}") for most in (128, 255))
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]{1,60}")
_SPELLED_WORD = re.compile(r"[^\W_]{1,60}")
_LETTERS = re.compile(r"[^\W_]+")
_NOT_SPELLED = re.compile(r"[぀-ヿ㐀-鿿가-힯]")
"""Scripts in which each character counts as a word."""
_SIGNS = "".join(chr(code) for code in range(128) if not chr(code).isalnum())
_BLANKS = str.maketrans(_SIGNS, " " * len(_SIGNS))
_MASK = str.maketrans(f"{_SIGNS}123456789", " " * len(_SIGNS) + "0" * 9)
_MASK_BYTES = bytes.maketrans(f"{_SIGNS}123456789".encode(), b" " * len(_SIGNS) + b"0" * 9)
_NUMBER_SIGNS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f().-/"
"""What may stand between the digits of one number."""
_NUMBERS = str.maketrans("123456789", "0" * 9, _NUMBER_SIGNS)
_NUMBERS_BYTES = bytes.maketrans(b"123456789", b"0" * 9)
_NO_NUMBER_BYTES = _NUMBER_SIGNS.encode() + bytes(range(128, 256))


class Words(NamedTuple):
    """What a text says, without case."""

    masked: list[str]
    """In order, each link, address and run of digits as one word, the same for all."""
    distinct: set[str]
    """Each word once: the masked ones, and those inside of links and addresses."""
    is_ascii_numbered: bool
    """It has no digits of other scripts."""


def words_of(text: str) -> Words:
    """Reads a text once. One that a sign divides may be in its parts; both Turkish letters i are told apart."""
    taken: list[str] = []
    text = text[: WORD_CEILING_COUNT * 20].casefold()
    strange = "" if text.isascii() else _beyond_ascii(text)
    text = _without_addresses(_without_links(text, taken), taken)
    spelled = _spelled(text, strange)
    if spelled is None:
        masked = (_WORD if _NOT_SPELLED.search(text) else _SPELLED_WORD).findall(_DIGITS.sub("0", text))
        distinct = set(_LETTERS.findall(_DIGITS.sub("0", text)))
    else:
        masked = spelled.split()
        distinct = set(masked)
        if len(max(distinct, key=len, default="")) > _WORD_CEILING_CHARACTERS:
            masked = _SPELLED_WORD.findall(spelled)
    for piece in taken:
        distinct.update(_LETTERS.findall(_DIGITS.sub("0", piece)))
    return Words(masked[:WORD_CEILING_COUNT], distinct, not any(map(str.isdecimal, strange)))


def masked_words(text: str) -> list[str]:
    """The words in order, without what differs from recipient to recipient: addresses, links, digits."""
    return words_of(text).masked


def may_have_number(text: str, digit_count: int, *, is_ascii_numbered: bool) -> bool:
    """False where a text has no `digit_count` digits with at most blanks and the signs of numbers between them."""
    if text.isascii():
        return "0" * digit_count in text.translate(_NUMBERS)
    if not is_ascii_numbered:
        return True
    return b"0" * digit_count in text.encode("utf-8", "surrogatepass").translate(_NUMBERS_BYTES, _NO_NUMBER_BYTES)


def places_of(words: Iterable[str], text: str) -> list[int] | None:
    """Where any of some words begins in a text in small letters, in order; also as a part of others. None for a text of
    little else.
    """
    places = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            places.append(at)
            if len(places) > _PLACES_CEILING_COUNT:
                return None
            at = text.find(word, at + 1)
    return sorted(places)


def _spelled(text: str, strange: str) -> str | None:
    """The words between blanks, digits masked; `strange`: what it has beyond ASCII. None for what has to be taken apart
    by patterns: scripts without blanks, and texts of too many kinds of signs.
    """
    if text.isascii():
        spelled = text.translate(_MASK)
    else:
        signs = [letter for letter in strange if letter.isdecimal() or not letter.isalnum()]
        if len(signs) > _STRANGE_CEILING_COUNT or _NOT_SPELLED.search(strange) is not None:
            return None
        for letter in signs:
            text = text.replace(letter, "0" if letter.isdecimal() else " ")
        spelled = text.encode("utf-8", "surrogatepass").translate(_MASK_BYTES).decode("utf-8", "surrogatepass")
    while "00" in spelled:
        spelled = spelled.replace("00", "0")
    return spelled


def _beyond_ascii(text: str) -> str:
    """Each letter and sign of a text that is not of ASCII, once."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = codes[codes > 127]
    if len(codes) < _FEW_COUNT:
        return "".join(map(chr, np.unique(codes).tolist()))
    seen = np.zeros(int(codes.max()) + 1, dtype=bool)  # a byte for each code there is
    seen[codes] = True
    return "".join(map(chr, np.flatnonzero(seen).tolist()))


def _without_links(text: str, taken: list[str]) -> str:
    """Each `scheme://...` as one word. Looked for from its sign on: most places of a text are not before one."""
    pieces, done = [], 0
    at = text.find("://")
    while at >= 0:
        scheme = next((one for one in _SCHEMES if text.endswith(one, done, at)), "")
        start = at - len(scheme)
        rest = _LINK_REST.match(text, at + 3)
        if scheme and rest is not None and not (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
            pieces += [text[done:start], " xurl "]
            taken.append(rest.group())
            done = rest.end()
        at = text.find("://", max(done, at + 3))
    return "".join([*pieces, text[done:]])


def _without_addresses(text: str, taken: list[str]) -> str:
    """Each `local@domain` as one word."""
    pieces, done = [], 0
    at = text.find("@")
    while at >= 0:
        before = _ADDRESS_BEFORE.match(text[max(done, at - 128) : at][::-1])
        after = _ADDRESS_AFTER.match(text, at + 1)
        if before is not None and after is not None:
            pieces += [text[done : at - before.end()], " xaddress "]
            taken.append(text[at - before.end() : after.end()])
            done = after.end()
        at = text.find("@", max(done, at + 1))
    return "".join([*pieces, text[done:]])
