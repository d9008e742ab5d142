"""LIKE patterns (PostgreSQL manual, 9.7.1), matched in one pass from left to right.

A pattern stands in a log that anybody with a session can write to, so it is no regular expression with a repeat for
each `%`: such an expression tries every way to share the text out among them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LikePattern:
    """A pattern cut at its `%`; each piece matches texts of one length only, so there is nothing to go back to."""

    first: re.Pattern[str]
    middle: tuple[re.Pattern[str], ...]
    last: re.Pattern[str] | None
    """Null: the pattern has no `%`, and `first` is all of it."""
    last_length_characters: int
    ignores_case: bool

    def matches(self, text: str) -> bool:
        """Whether all of the text is as the pattern says."""
        text = _folded(text) if self.ignores_case else text
        if self.last is None:
            return self.first.fullmatch(text) is not None
        found = self.first.match(text)
        end = len(text) - self.last_length_characters
        if found is None or found.end() > end or self.last.match(text, end) is None:
            return False
        for piece in self.middle:  # the leftmost place leaves the most for the pieces that follow
            found = piece.search(text, found.end(), end)
            if found is None:
                return False
        return True


def compile_like(pattern: str, *, ignores_case: bool) -> LikePattern:
    """A LIKE (or ILIKE) pattern; a backslash takes the next character as it is."""
    pieces: list[list[str]] = [[]]
    characters = iter(_folded(pattern) if ignores_case else pattern)
    for character in characters:
        if character == "\\":
            pieces[-1].append(re.escape(next(characters, character)))
        elif character == "%":
            pieces.append([])
        else:
            pieces[-1].append("." if character == "_" else re.escape(character))
    compiled = [re.compile("".join(piece), re.DOTALL) for piece in pieces]
    middle = tuple(piece for piece in compiled[1:-1] if piece.pattern)
    last = compiled[-1] if len(pieces) > 1 else None
    return LikePattern(compiled[0], middle, last, len(pieces[-1]), ignores_case)


def _folded(text: str) -> str:
    """In lower case, each character by itself: a text keeps its length, as `_` needs it."""
    return text.lower() if text.isascii() else "".join(character.lower()[0] for character in text)
