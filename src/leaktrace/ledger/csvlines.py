"""Lines for a CSV reader that takes a record apart only when it has all of it: a record has a ceiling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

RECORD_CEILING_CHARACTERS = 8_000_000
"""Of one record, its separators included: hundreds of millions of commas, cut into cells, take gigabytes."""


class TooLongError(Exception):
    """A record is longer than any is."""


class RecordLines:
    """The lines of a text, as many characters of them for each record as one may have."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._left = RECORD_CEILING_CHARACTERS

    def next_record(self) -> None:
        """What follows is of another record."""
        self._left = RECORD_CEILING_CHARACTERS

    def __iter__(self) -> Iterator[str]:
        """The lines, each once."""
        return self

    def __next__(self) -> str:
        """The next line; TooLongError where the record goes on beyond its ceiling."""
        line = self._text.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            raise TooLongError
        return line
