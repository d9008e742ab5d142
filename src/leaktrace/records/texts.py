"""What others wrote, as text that a program which opens a table does not compute."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?\Z")


def shown_cell(text: str) -> str:
    """The text as a cell of a table that people open: with an apostrophe before it where a program would compute it as
    a formula (CWE-1236). A plain number with its sign stays as it is.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text
