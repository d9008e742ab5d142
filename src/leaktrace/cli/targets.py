"""Whether a command can write where it is told to: asked before it works, not after minutes or a used approval."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.folder import MARKER


def check_files(*targets: Path | None, read: Iterable[Path | None] = (), makes_folders: bool = False) -> None:
    """UsageError unless each can become a file; null: not asked for. Nothing is written.

    `read`: files that the command reads, which an answer must not replace. `makes_folders`: whether the command makes
    the folders above. What happens to the disk meanwhile is still told then.
    """
    given = [one for one in targets if one is not None]
    for one in given:
        if one.is_dir():
            raise UsageError(f"{one} is a folder.", "Name a file in it.")
        _check_folder(one, _nearest(one.parent) if makes_folders else one.parent)
    if len({os.path.realpath(one) for one in given}) < len(given):
        raise UsageError("Two answers would go into the same file.", "Name a file for each.")
    inputs = {os.path.realpath(one) for one in read if one is not None}
    for one in given:
        if os.path.realpath(one) in inputs:
            raise UsageError(f"{one} is read by this command and would be written over.", "Name another file.")


def check_new(target: Path | None, *, folder: bool = False) -> None:
    """UsageError unless nothing is there and a file, or with `folder` a folder, can be made. Nothing is written."""
    if target is None:
        return
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already.", f"Name a new {'folder' if folder else 'file'}.")
    _check_folder(target, _nearest(target.parent) if folder else target.parent)


def check_folder(target: Path | None) -> None:
    """UsageError unless files can be written into this folder, or it can be made. Nothing is written."""
    if target is not None:
        _check_folder(target, _nearest(target))


def _nearest(folder: Path) -> Path:
    """The first folder upwards that is there."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)


def _check_folder(target: Path, folder: Path) -> None:
    for above in (target, *Path(os.path.realpath(target)).parents):
        # What lies in a workspace is the program's: a page over its marker or catalogue closes it for good.
        if (above / MARKER).is_file():
            raise UsageError(f"{target} would lie in the workspace {above}.", "Name a place outside of it.")
    if not folder.exists():
        raise UsageError(f"{target} cannot be written: there is no folder {folder}.", "Make it, or name another place.")
    if not folder.is_dir():
        raise UsageError(f"{target} cannot be written: {folder} is no folder.", "Name another place.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{target} cannot be written: nothing may be written in {folder}.", "Check its rights, or another place."
        )
