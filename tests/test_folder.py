"""Small files that are there whole or not at all, and what is no file."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

from leaktrace.folder import write_aside


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    """A file put in the place of /dev/null would break every program of the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = list[str]()
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write_aside(pipe, "hello")
    reader.join(10)
    assert read == ["hello"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_aside(path, "one")
    write_aside(path, "two")
    assert (path.read_text(encoding="utf-8"), [one.name for one in tmp_path.iterdir()]) == ("two", ["page.html"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
