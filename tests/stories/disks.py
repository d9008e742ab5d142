"""Small disks of their own, to be full when a test wants them to be."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Disk = Callable[[int], Path]


def mount(*arguments: str) -> str | None:
    """Null when it worked, else why not."""
    if shutil.which("mount") is None:
        return "no mount program"
    ran = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    return None if ran.returncode == 0 else ran.stderr.strip() or "mount failed"


@contextlib.contextmanager
def small_disks(folder: Path) -> Iterator[Disk]:
    """Mounts small file systems below a folder for a test; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def make(size_bytes: int) -> Path:
        place = folder / f"disk{len(mounted)}"
        place.mkdir()
        failed = mount("-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "tmpfs", str(place))
        if failed:
            pytest.skip(f"a small file system cannot be mounted here: {failed}")
        mounted.append(place)
        return place

    try:
        yield make
    finally:
        for place in mounted:
            subprocess.run(["umount", "-l", place], check=True)


def filled(place: Path, leave_bytes: int) -> Path:
    """Takes the room of a disk but for so many bytes."""
    ballast = place / "ballast"
    free = os.statvfs(place)
    with ballast.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(free.f_bavail * free.f_frsize - leave_bytes, 1))
    return ballast
