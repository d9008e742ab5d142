"""Looks at a column of UTF-8 texts once, byte by byte: whether anything in it needs the slower, exact look."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

MAY_BE_BLANK = 1
"""A text is empty, or starts with white space or beyond ASCII."""
MAY_BREAK = 2
"""A text has a line feed or a carriage return."""
MAY_NAME_AN_ADDRESS = 4
"""A text has an @, a % or a byte beyond ASCII."""
LONGEST_TICKET = 8
"""Letters of a type of ticket that fit into one number."""


def looks_of(texts: NDArray[np.uint8], ends: NDArray[np.int64]) -> int:
    """What holds of at least one of the texts; text i is `texts[ends[i] : ends[i + 1]]`."""
    return int(_looks(texts, ends))


@compiled
def _looks(texts: Any, ends: Any) -> Any:
    found = 0
    for i in range(len(ends) - 1):
        start, end = ends[i], ends[i + 1]
        if start == end or texts[start] <= 32 or texts[start] >= 127:
            found |= 1
        for j in range(start, end):
            octet = texts[j]
            if octet in (10, 13):
                found |= 2
            elif octet >= 128 or octet in (64, 37):
                found |= 4
    return found


def ticket_letters(texts: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The letters that each ticket's number starts with, as the bytes of a number (the first is the lowest).

    0 where the text is no ticket's number; all bits set where only the exact look can tell (more than
    `LONGEST_TICKET` letters, or a byte beyond ASCII).
    """
    letters = np.zeros(len(ends) - 1, dtype=np.uint64)
    _ticket_letters(texts, ends, letters)
    return letters


@compiled
def _ticket_letters(texts: Any, ends: Any, letters: Any) -> None:
    for i in range(len(letters)):
        j, end = ends[i], ends[i + 1]
        while j < end and (texts[j] == 32 or (9 <= texts[j] <= 13 and texts[j] != 11)):
            j += 1
        found, count = np.uint64(0), 0
        while j < end and (65 <= texts[j] <= 90 or 97 <= texts[j] <= 122) and count < 8:
            found |= np.uint64(texts[j]) << np.uint64(8 * count)
            count += 1
            j += 1
        unsure = count == 8 and j < end and texts[j] >= 65
        if j < end and count and texts[j] in (45, 95, 35, 58, 47, 32):
            j += 1
        digits = j
        while j < end and 48 <= texts[j] <= 57:
            j += 1
        some = j > digits
        while j < end and (texts[j] == 32 or (9 <= texts[j] <= 13 and texts[j] != 11)):
            j += 1
        for k in range(ends[i], end):
            unsure |= texts[k] >= 128
        if unsure:
            letters[i] = ~np.uint64(0)
        elif count and some and j == end:
            letters[i] = found
