"""The files and folders that a command is given for tables: one or several, and what is in the folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.utf8 import is_text

AnyPath = str | PathLike[str]


def as_paths(paths: AnyPath | Iterable[AnyPath]) -> Iterator[Path]:
    """One path or several, as paths; UsageError for an empty one, which would mean the folder one stands in."""
    for path in [paths] if isinstance(paths, str | PathLike) else paths:
        if not os.fspath(path):
            raise UsageError("A path is empty.", "Name a file or a folder; the folder you stand in is '.'.")
        yield Path(path)


def path_of(text: str) -> Path:
    """A word of the command line as a path; UsageError for an empty one (`Path("")` is the folder one stands in)."""
    (path,) = as_paths(text)
    return path


def walked(path: Path) -> list[Path]:
    """The file named, or those in the folder named, hidden ones left out, in order of name."""
    if not path.is_dir():
        return [path]
    return sorted(
        found
        for found in path.rglob("*")
        if found.is_file() and not any(part.startswith(".") for part in found.relative_to(path).parts)
    )


def files_of(paths: AnyPath | Iterable[AnyPath]) -> tuple[list[Path], tuple[str, ...]]:
    """All files of these paths, and a sentence for each folder that has none.

    Such a folder is no error: one that is filled day by day is empty on some. But whoever typed the wrong name is told.
    UsageError for a name that is no UTF-8 text: what reads tables cannot open it.
    """
    by_path = {path: walked(path) for path in as_paths(paths)}
    notes = [
        f"There is no file in the folder {path} (hidden ones are not read), so nothing was read from it. "
        "Is it the right folder?"
        for path, files in by_path.items()
        if not files
    ]
    found = [file for files in by_path.values() for file in files]
    for file in found:
        if not is_text(str(file)):
            name = str(file).encode("utf-8", "backslashreplace").decode()
            raise UsageError(f"The name of the file {name} is no UTF-8 text.", "Rename it, then read it again.")
    return found, tuple(notes)
