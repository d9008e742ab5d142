"""Where a command takes a passphrase from: a file, the environment, or a person."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.errors import UsageError

VARIABLE = "LEAKTRACE_PASSPHRASE"
_MAX_BYTES = 10_000

PassphraseFileOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help=f"File with the passphrase; else {VARIABLE}, else you are asked."),
]


def passphrase_from(file: Path | None, *, new: bool, what: str) -> str:
    """The passphrase; a new one is asked for twice. UsageError where nobody can be asked."""
    if file is not None:
        with file.open(encoding="utf-8") as stream:
            return stream.read(_MAX_BYTES).rstrip("\r\n")
    if given := os.environ.get(VARIABLE):
        return given
    if not sys.stdin.isatty():
        raise UsageError(f"There is nobody to ask for the passphrase of {what}.", "Say --passphrase-file FILE.")
    answer: str = typer.prompt(f"Passphrase of {what}", hide_input=True, confirmation_prompt=new, err=True)
    return answer
