"""Files that hold a secret: who may read them is asked here, for every key, password and token of the program."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class ReadByOthersError(Exception):
    """Group or others have rights to a secret file; callers say what the file is, and what to do."""


def read_secret(path: Path, ceiling_bytes: int = -1) -> bytes:
    """What is in the file, as far as the ceiling (-1: all). OSError where it cannot be read.

    ReadByOthersError where anybody but its owner has a right to it. The file that is asked is the one that is read,
    whatever is put in its place meanwhile. What is no file has no owner to ask: a pipe (`<(pass show x)`) is read as it
    is.
    """
    with path.open("rb") as stream:
        mode = os.fstat(stream.fileno()).st_mode
        if stat.S_ISREG(mode) and stat.S_IMODE(mode) & 0o077:
            raise ReadByOthersError(path)
        return stream.read(ceiling_bytes)


def only_owner(path: Path) -> str:
    """The hint that goes with `ReadByOthersError`."""
    return f"Run: chmod 600 {path}"
