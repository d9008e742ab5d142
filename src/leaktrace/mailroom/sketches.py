"""A sketch of a text that tells how alike two texts are and holds no word of either (MinHash; Broder, SEQUENCES 1997).

Addresses, links and digits are masked first, so that mails that differ only in whom they greet or track sketch alike.
Two sketches agree in about the share of masked word shingles that the two texts have in common.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from leaktrace.mailroom.words import masked_words

SKETCH_COUNT = 64
"""Hashes in a sketch, 32 bits each."""
SHINGLE_WORDS = 4
WORDS_NEEDED = 12
"""Different longer words that a text must have before its words alone are compared."""
_LONG_WORD = 4
_SEED = np.random.Generator(np.random.PCG64(20_240_501))
_FACTORS = _SEED.integers(1, 2**63, SKETCH_COUNT, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_ADDENDS = _SEED.integers(0, 2**63, SKETCH_COUNT, dtype=np.uint64)
_PLACES = _SEED.integers(1, 2**63, SHINGLE_WORDS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIXER = np.uint64(0xFF51AFD7ED558CCD)
"""Makes of a sum a hash (the finisher of MurmurHash3): sums of the same words elsewhere are not near each other."""
_CHUNK = 512
"""Elements permuted at once: what a processor keeps near."""
_MANY = 2000
"""From so many elements on each permutation is worked out by itself: its row is as long as NumPy likes them."""


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
    if len(hashes) >= _MANY:
        return tuple(_least_of_many(hashes))
    least = np.full(SKETCH_COUNT, np.iinfo(np.uint64).max, dtype=np.uint64)
    for start in range(0, len(hashes), _CHUNK):
        permuted = hashes[start : start + _CHUNK, None] * _FACTORS
        permuted += _ADDENDS
        np.minimum(least, permuted.min(axis=0), out=least)
    return tuple((least >> np.uint64(32)).tolist())


def _least_of_many(hashes: NDArray[np.uint64]) -> Iterator[int]:
    permuted = np.empty_like(hashes)
    for factor, addend in zip(_FACTORS, _ADDENDS, strict=True):
        np.multiply(hashes, factor, out=permuted)
        np.add(permuted, addend, out=permuted)
        yield int(permuted.min()) >> 32
