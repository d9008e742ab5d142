"""A file is there whole or not at all: on a full disk, and whenever its writer is killed."""

from __future__ import annotations

import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leaktrace.errors import KeyFileError
from leaktrace.keys import write_new_key_file
from leaktrace.wholefiles import replace_file, write_new

OLD, NEW = b"old" * 3_000, b"newer" * 2_000


@contextmanager
def disk_with_room_for(size_bytes: int) -> Iterator[None]:
    """No file may grow over this: a write beyond it is cut short, and the next fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def names(folder: Path) -> list[str]:
    """What is in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_is_for_its_owner_only_and_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write_new(path, NEW)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_new(path, OLD)
    assert path.read_bytes() == NEW


def test_on_a_full_disk_no_half_file_stays(tmp_path: Path) -> None:
    with disk_with_room_for(4096), pytest.raises(OSError, match="large"):
        write_new(tmp_path / "note", NEW)
    assert names(tmp_path) == []


def test_on_a_full_disk_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "note"
    write_new(path, OLD)
    with disk_with_room_for(4096), pytest.raises(OSError, match="large"):
        replace_file(path, NEW)
    assert names(tmp_path) == ["note"]
    assert path.read_bytes() == OLD


def test_a_key_file_that_found_no_room_can_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with disk_with_room_for(10), pytest.raises(KeyFileError, match="cannot be made"):
        write_new_key_file(path)
    write_new_key_file(path)
    assert names(tmp_path) == ["key"]


def test_what_a_kill_left_aside_is_written_over_by_the_only_writer(tmp_path: Path) -> None:
    path, aside = tmp_path / "note", tmp_path / "note.new"
    aside.write_bytes(b"half")
    replace_file(path, NEW, aside=aside)
    assert names(tmp_path) == ["note"]
    assert path.read_bytes() == NEW


KILLED = """
import os, signal, sys
from pathlib import Path
from leaktrace.wholefiles import replace_file

def dying(*arguments, **options):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], dying)
replace_file(Path(sys.argv[1]), b"newer" * 2_000)
"""


@pytest.mark.parametrize("step", ["fsync", "replace", "open"])
def test_whenever_it_is_killed_a_reader_finds_the_old_file_or_the_new(tmp_path: Path, step: str) -> None:
    path = tmp_path / "note"
    write_new(path, OLD)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), step], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() in (OLD, NEW)
