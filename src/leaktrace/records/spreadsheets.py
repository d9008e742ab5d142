"""Text that a spreadsheet must show and never compute: what others wrote may be a formula (CWE-1236)."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")


def shown_cell(text: str) -> str:
    """The text as a cell of a table that people open: with an apostrophe before it where a program would compute it.

    A plain number with its sign stays as it is.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text
