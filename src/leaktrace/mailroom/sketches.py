"""A sketch of a text that tells how alike two texts are and holds no word of either (MinHash; Broder, SEQUENCES 1997).

Addresses, links and digits are masked first, so that mails that differ only in whom they greet or track sketch alike.
Two sketches agree in about the share of masked word shingles that the two texts have in common.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SKETCH_COUNT = 64
"""Hashes in a sketch, 32 bits each."""
SHINGLE_WORDS = 4
WORDS_NEEDED = 12
"""Different longer words that a text must have before its words alone are compared."""
_LONG_WORD = 4
WORD_CEILING_COUNT = 20_000
"""Words read of one text; a longer one is sketched by its beginning."""
_WORD_CEILING_CHARACTERS = 60

_SCHEMES = ("https", "http", "ftp")
_LINK_REST = re.compile(r"[^\s<>\"']{1,4000}")
_ADDRESS_BEFORE, _ADDRESS_AFTER = (re.compile(rf"[^\s<>()\[\],;:\"@]{{1,{most}}}") for most in (128, 255))
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]{1,60}")
_SPELLED_WORD = re.compile(r"[^\W_]{1,60}")
_LETTERS = re.compile(r"[^\W_]+")
_NOT_SPELLED = re.compile(r"[぀-ヿ㐀-鿿가-힯]")
"""Scripts in which each character counts as a word."""
_BLANKS = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum()})
_SEED = np.random.Generator(np.random.PCG64(20_240_501))
_FACTORS = _SEED.integers(1, 2**63, SKETCH_COUNT, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_ADDENDS = _SEED.integers(0, 2**63, SKETCH_COUNT, dtype=np.uint64)
_PLACES = _SEED.integers(1, 2**63, SHINGLE_WORDS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
"""Makes of a sum a hash (the finisher of MurmurHash3): sums of the same words elsewhere are not near each other."""
_CHUNK = 512
"""Elements permuted at once: what a processor keeps near."""


def text_sketch(text: str) -> tuple[int, ...]:
    """Of the text's runs of four words: 64 hashes of 32 bits; empty for a text with fewer words than a run."""
    return sketch_of_runs(masked_words(text))


def word_sketch(text: str) -> tuple[int, ...]:
    """Of the text's longer words, whatever their order; empty where there are fewer than `WORDS_NEEDED` of them.

    Short words are in everybody's text, so that two texts of one language would share too many.
    """
    return sketch_of_words(masked_words(text))


def sketch_of_runs(words: list[str]) -> tuple[int, ...]:
    """`text_sketch` of a text's masked words. The hash of a run is a mixed sum of its words' hashes, by their place."""
    count = len(words) - SHINGLE_WORDS + 1
    if count < 1:
        return ()
    hashes = _hashes(words)
    runs = np.zeros(count, dtype=np.uint64)
    for at, factor in enumerate(_PLACES):
        runs += hashes[at : at + count] * factor
    runs ^= runs >> np.uint64(33)
    runs *= _MIXER
    return _least(runs ^ (runs >> np.uint64(33)))


def sketch_of_words(words: list[str]) -> tuple[int, ...]:
    """`word_sketch` of a text's masked words."""
    longer = {word for word in set(words) if len(word) >= _LONG_WORD or not word.isascii()}
    return sketch_of_set(longer) if len(longer) >= WORDS_NEEDED else ()


def sketch_of_set(elements: set[str]) -> tuple[int, ...]:
    """MinHash of any set of texts: 64 hashes of 32 bits; empty for none."""
    return _least(_hashes(elements)) if elements else ()


@functools.lru_cache(maxsize=65_536)
def _hash(element: str) -> int:
    return int.from_bytes(hashlib.blake2b(element.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _hashes(elements: Iterable[str]) -> NDArray[np.uint64]:
    return np.fromiter(map(_hash, elements), dtype=np.uint64)


def _least(hashes: NDArray[np.uint64]) -> tuple[int, ...]:
    """The upper halves of the least of each permutation."""
    least = np.full(SKETCH_COUNT, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(hashes), _CHUNK):
        permuted = hashes[start : start + _CHUNK, None] * _FACTORS
        permuted += _ADDENDS
        np.minimum(least, permuted.min(axis=0), out=least)
    return tuple((least >> np.uint64(32)).tolist())


def masked_words(text: str) -> list[str]:
    """The words in order, without what differs from recipient to recipient: addresses, links, digits."""
    text = _without_addresses(_without_links(text[: WORD_CEILING_COUNT * 20].casefold()))
    text = _DIGITS.sub("0", text)
    if text.isascii():
        words = text.translate(_BLANKS).split()
        if not words or len(max(words, key=len)) <= _WORD_CEILING_CHARACTERS:
            return words[:WORD_CEILING_COUNT]
    return (_WORD if _NOT_SPELLED.search(text) else _SPELLED_WORD).findall(text)[:WORD_CEILING_COUNT]


def distinct_words(text: str) -> set[str]:
    """Every word of a text, as it stands, without case; one that a sign divides may be in its parts."""
    # Both Turkish letters i are i, as `re.IGNORECASE` has it.
    text = text.casefold().replace("\u0131", "i").replace("\u0307", "")
    return set(text.translate(_BLANKS).split() if text.isascii() else _LETTERS.findall(text))


def _without_links(text: str) -> str:
    """Each `scheme://...` as one word. Looked for from its sign on: most places of a text are not before one."""
    pieces, done = [], 0
    at = text.find("://")
    while at >= 0:
        scheme = next((one for one in _SCHEMES if text.endswith(one, done, at)), "")
        start = at - len(scheme)
        rest = _LINK_REST.match(text, at + 3)
        if scheme and rest is not None and not (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
            pieces += [text[done:start], " xurl "]
            done = rest.end()
        at = text.find("://", max(done, at + 3))
    return "".join([*pieces, text[done:]])


def _without_addresses(text: str) -> str:
    """Each `local@domain` as one word."""
    pieces, done = [], 0
    at = text.find("@")
    while at >= 0:
        before = _ADDRESS_BEFORE.match(text[max(done, at - 128) : at][::-1])
        after = _ADDRESS_AFTER.match(text, at + 1)
        if before is not None and after is not None:
            pieces += [text[done : at - before.end()], " xaddress "]
            done = after.end()
        at = text.find("@", max(done, at + 1))
    return "".join([*pieces, text[done:]])
