"""Numbers of any width, one after the other, in an array of 64-bit words; the lowest bit of a word comes first."""

from __future__ import annotations

from typing import Any

import numpy as np

from leaktrace.compiled.jit import compiled

WORD_BITS = 64


@compiled
def put_bits(words: Any, place: Any, value: Any, width: Any) -> None:
    """Writes the lowest `width` bits of an unsigned value at a bit place of words that are zero there."""
    if width == 0:
        return
    word, shift = place >> 6, place & 63
    words[word] |= np.uint64(value) << np.uint64(shift)
    if shift + width > WORD_BITS:
        words[word + 1] |= np.uint64(value) >> np.uint64(WORD_BITS - shift)


@compiled
def get_bits(words: Any, place: Any, width: Any) -> Any:
    """The unsigned value of `width` bits at a bit place."""
    if width == 0:
        return np.uint64(0)
    word, shift = place >> 6, place & 63
    value = words[word] >> np.uint64(shift)
    if shift + width > WORD_BITS:
        value |= words[word + 1] << np.uint64(WORD_BITS - shift)
    return value & (~np.uint64(0) >> np.uint64(WORD_BITS - width))


@compiled
def width_of(value: Any) -> Any:
    """How many bits an unsigned value takes."""
    rest, width = np.uint64(value), 0
    while rest:
        rest >>= np.uint64(1)
        width += 1
    return width


@compiled
def words_for(bit_count: Any) -> Any:
    """How many words so many bits take."""
    return (bit_count + 63) >> 6
