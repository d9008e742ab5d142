"""A sketch of a text that tells how alike two texts are and holds no word of either (MinHash; Broder, SEQUENCES 1997).

Addresses, links and digits are masked first, so that mails that differ only in whom they greet or track sketch alike.
Two sketches agree in about the share of masked word shingles that the two texts have in common.
"""

from __future__ import annotations

import hashlib
import re

import numpy as np

SKETCH_COUNT = 64
"""Hashes in a sketch, 32 bits each."""
SHINGLE_WORDS = 4
WORDS_NEEDED = 12
"""Different longer words that a text must have before its words alone are compared."""
_LONG_WORD = 4
WORD_CEILING_COUNT = 20_000
"""Words read of one text; a longer one is sketched by its beginning."""

_MASKS = (
    (re.compile(r"\b(?:https?|ftp)://[^\s<>\"']{1,4000}", re.IGNORECASE), " xurl "),
    (re.compile(r"[^\s<>()\[\],;:\"@]{1,128}@[^\s<>()\[\],;:\"@]{1,255}"), " xaddress "),
    (re.compile(r"\d+"), "0"),
)
_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_぀-ヿ㐀-鿿가-힯]{1,60}")
_SEED = np.random.Generator(np.random.PCG64(20_240_501))
_FACTORS = _SEED.integers(1, 2**63, SKETCH_COUNT, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_ADDENDS = _SEED.integers(0, 2**63, SKETCH_COUNT, dtype=np.uint64)


def text_sketch(text: str) -> tuple[int, ...]:
    """Of the text's runs of four words: 64 hashes of 32 bits; empty for a text with fewer words than a run."""
    words = masked_words(text)
    return sketch_of_set({" ".join(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - SHINGLE_WORDS + 1)})


def word_sketch(text: str) -> tuple[int, ...]:
    """Of the text's longer words, whatever their order; empty where there are fewer than `WORDS_NEEDED` of them.

    Short words are in everybody's text, so that two texts of one language would share too many.
    """
    words = {word for word in masked_words(text) if len(word) >= _LONG_WORD or not word.isascii()}
    return sketch_of_set(words) if len(words) >= WORDS_NEEDED else ()


def sketch_of_set(elements: set[str]) -> tuple[int, ...]:
    """MinHash of any set of texts: 64 hashes of 32 bits; empty for none."""
    if not elements:
        return ()
    digests = sorted(hashlib.blake2b(one.encode("utf-8", "replace"), digest_size=8).digest() for one in elements)
    hashes = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
    least = np.full(SKETCH_COUNT, np.iinfo(np.uint64).max, dtype=np.uint64)
    for chunk in np.array_split(hashes, max(1, len(hashes) // 4096)):
        permuted = chunk[:, None] * _FACTORS[None, :] + _ADDENDS[None, :]
        least = np.minimum(least, (permuted >> np.uint64(32)).min(axis=0))
    return tuple(int(value) for value in least)


def masked_words(text: str) -> list[str]:
    """The words in order, without what differs from recipient to recipient: addresses, links, digits."""
    text = text[: WORD_CEILING_COUNT * 20].casefold()
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return [match.group() for _, match in zip(range(WORD_CEILING_COUNT), _WORD.finditer(text), strict=False)]
