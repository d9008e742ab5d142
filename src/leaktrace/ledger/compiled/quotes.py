"""Walks through CSV text byte by byte as the reader of CSV does, and stops where a quote may have swallowed rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

NOTHING, MAYBE_A_ROW, CLOSES_IN_TEXT, TOO_MANY_LINES = 0, 1, 2, 3
"""What a walk ends with: the end of the text; a line that began inside quotes and has the commas and the paired quotes
of a whole row; a value of several lines whose closing quote is followed by text; more line ends in a value than may be.
"""
OPENED_AT, ROW, LINES, _PLACE, _FILLED = 0, 1, 2, 3, 4
"""Places in the state: the byte at which the latest quoted value opened, the records that are complete, the line ends
in the latest quoted value; then where in a value the walk is, and whether the record has any byte."""
_STARTS, _PLAIN, _QUOTED, _AFTER_QUOTE = 0, 1, 2, 3
_OTHER, _QUOTE, _COMMA, _END, _RETURN = 0, 1, 2, 3, 4
_NEXT = np.array(
    [
        [_PLAIN, _QUOTED, _STARTS, _STARTS, _STARTS],
        [_PLAIN, _PLAIN, _STARTS, _STARTS, _PLAIN],
        [_QUOTED, _AFTER_QUOTE, _QUOTED, _QUOTED, _QUOTED],
        [_PLAIN, _QUOTED, _STARTS, _STARTS, _AFTER_QUOTE],
    ]
)
"""(where the walk is, what comes) -> where it is then, as Arrow reads CSV: a quote in a plain value is text."""


def new_state() -> NDArray[np.int64]:
    """The state before the first byte."""
    return np.zeros(5, dtype=np.int64)


def is_open(state: NDArray[np.int64]) -> bool:
    """Whether the walk is inside quotes."""
    return bool(state[_PLACE] == _QUOTED)


def walk(
    text: NDArray[np.uint8], start: int, offset: int, state: NDArray[np.int64], least_commas: int, most_lines: int
) -> tuple[int, int, int]:
    """(what it ended with, where the line it is in starts, where to go on), from `start`, which starts a line.

    `offset`: bytes before this text. The state goes on from text to text; each but the last must end with a line end.
    """
    found, line_start, end = _walk(text, start, offset, state, least_commas, most_lines)
    return int(found), int(line_start), int(end)


@compiled
def _walk(text: Any, start: Any, offset: Any, state: Any, least_commas: Any, most_lines: Any) -> Any:
    opened_at, row, lines, place, filled = state[0], state[1], state[2], state[3], state[4]
    line_start, began_inside, commas, quotes = start, place == _QUOTED, 0, 0
    found, i, size = NOTHING, start, len(text)
    while i < size and found == NOTHING:
        if text[i] > 44 and place in (_PLAIN, _QUOTED):
            i += 1  # most bytes: none of those that are looked for below
            continue
        kind = _kind_of(text[i], text[i + 1] if i + 1 < size else 0)
        if kind == _END:
            lines, row = lines + (place == _QUOTED), row + (place != _QUOTED and filled)  # a blank line is no record
            filled = filled and place == _QUOTED
            found = _at_end(place, lines, most_lines, began_inside and commas >= least_commas and quotes % 2 == 0)
            if found == NOTHING:
                line_start, began_inside, commas, quotes = i + 1, place == _QUOTED, 0, 0
        elif kind != _RETURN:
            commas, quotes, filled = commas + (kind == _COMMA), quotes + (kind == _QUOTE), 1
            if kind == _QUOTE and place == _STARTS:
                opened_at, lines = offset + i, 0
            elif kind == _OTHER and place == _AFTER_QUOTE and lines:
                found = CLOSES_IN_TEXT
        place, i = _NEXT[place, kind], i + 1
    state[0], state[1], state[2], state[3], state[4] = opened_at, row, lines, place, filled
    return found, line_start, i


@compiled
def _kind_of(octet: Any, following: Any) -> Any:
    if octet == 34:
        return _QUOTE
    if octet == 44:
        return _COMMA
    if octet == 13 and following == 10:
        return _RETURN
    return _END if octet in (10, 13) else _OTHER


@compiled
def _at_end(place: Any, lines: Any, most_lines: Any, maybe_a_row: Any) -> Any:
    if place == _QUOTED and lines > most_lines:
        return TOO_MANY_LINES
    return MAYBE_A_ROW if maybe_a_row else NOTHING
