"""Where a command takes a passphrase from: a file, the environment, or a person."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.errors import UsageError
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret

VARIABLE, NEW_VARIABLE = "LEAKTRACE_PASSPHRASE", "LEAKTRACE_NEW_PASSPHRASE"
"""Of a key that is there, and of one that is being made: somebody's own must not become a colleague's unasked."""
_MAX_BYTES = 10_000

PassphraseFileOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help=f"File with the passphrase; else {VARIABLE}, else you are asked."),
]

NewPassphraseFileOption = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help=f"File with the new passphrase; else {NEW_VARIABLE}, else you are asked."),
]


def passphrase_from(file: Path | None, *, new: bool, what: str, has_option: bool = True) -> str:
    """The passphrase; a new one has a variable of its own and is asked for twice. UsageError where nobody can be asked.

    `has_option`: whether --passphrase-file of this command means this passphrase.
    """
    if file is not None:
        return _in_file(file)
    variable = NEW_VARIABLE if new else VARIABLE
    if given := os.environ.get(variable):
        return given
    if not sys.stdin.isatty():
        way = f"Say --passphrase-file FILE, or set {variable}." if has_option else f"Set {variable}."
        if new and os.environ.get(VARIABLE):
            way += f" {VARIABLE} opens what there is, and is not taken for something new."
        raise UsageError(f"There is nobody to ask for the passphrase of {what}.", way)
    answer: str = typer.prompt(f"Passphrase of {what}", hide_input=True, confirmation_prompt=new, err=True)
    return answer


def _in_file(file: Path) -> str:
    try:
        return read_secret(file, _MAX_BYTES).decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", "Check its path and its rights.") from error
    except ReadByOthersError as error:
        raise UsageError(f"Others may read the passphrase file {file}.", f"{only_owner(file)}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text.", "A passphrase is one line of text.") from error
