"""Words as they come from a command line or a pipe: text in UTF-8, or a sentence that says what is not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.utf8 import is_text

NOT_TEXT_HINT = (
    "Write it in UTF-8: a terminal or a file in another encoding gives other bytes. LC_ALL=C.UTF-8 makes it so."
)


def as_text(word: str) -> str:
    """A word of the command line; UsageError where its bytes are no UTF-8 and name nothing that is on the disk.

    In a locale without UTF-8 the bytes of a word that was typed in UTF-8 are read as that.
    """
    if is_text(word) or os.path.lexists(word):
        return word
    try:
        return os.fsencode(word).decode("utf-8")
    except UnicodeError:
        shown = word.encode("utf-8", "backslashreplace").decode()
        raise UsageError(f"The word '{shown[:80]}' is no UTF-8 text.", NOT_TEXT_HINT) from None


def text_from_stdin() -> str:
    """All of standard input; UsageError where it is no UTF-8."""
    try:
        text = sys.stdin.read()
    except UnicodeError as error:
        raise UsageError("What was piped in is no UTF-8 text.", NOT_TEXT_HINT) from error
    try:
        return text if is_text(text) else os.fsencode(text).decode("utf-8")
    except UnicodeError as error:
        raise UsageError("What was piped in is no UTF-8 text.", NOT_TEXT_HINT) from error


def bytes_of(path: Path, ceiling_bytes: int) -> bytes:
    """A file's bytes; where it holds more, one more than the ceiling, which whoever takes them refuses."""
    with path.open("rb") as stream:
        return stream.read(ceiling_bytes + 1)
