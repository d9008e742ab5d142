"""The messages of a bounce mailbox: files of one message, mbox files, folders of either."""

from __future__ import annotations

import mailbox
from collections.abc import Iterable, Iterator
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.response.notices.bounces import CEILING_BYTES


def bounce_messages(paths: Iterable[Path]) -> Iterator[bytes]:
    """Each message's bytes; one that is too large to be a report is cut where that shows."""
    for path in paths:
        if path.is_dir():
            yield from bounce_messages(sorted(one for one in path.iterdir() if not one.name.startswith(".")))
        elif not path.is_file():
            raise UsageError(f"There is no file {path}.", "Name files or folders of the bounce mailbox.")
        else:
            yield from _in_file(path)


def _in_file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        start = stream.read(5)
    if start != b"From ":
        with path.open("rb") as stream:
            yield stream.read(CEILING_BYTES + 1)
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()
