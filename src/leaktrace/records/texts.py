"""What others wrote, as text: what is none, and what a program that opens a table would compute."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")


def shown_cell(text: str) -> str:
    """The text as a cell of a table that people open: with an apostrophe before it where a program would compute it as
    a formula (CWE-1236). A plain number with its sign stays as it is.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def is_text(word: str) -> bool:
    """Whether files, databases and hashes take it: JSON can spell half of a surrogate pair (RFC 8259, 8.2)."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
