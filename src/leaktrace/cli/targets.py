"""Whether a command can write where it is told to: asked before it works, not after minutes or a used approval."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.folder import MARKER

_KEY_BEGINNINGS = (b"leaktrace-key-", b"leaktrace-person-", b"leaktrace-sealed-", b"leaktrace key back-up")
"""Of the files that cannot be had back: the workspace's key, a person's, one under a passphrase, a back-up."""


def check_files(*targets: Path | None, reads: Iterable[Path | None] = (), makes_folders: bool = False) -> None:
    """UsageError unless each can become a file; null: not asked for. Nothing is written.

    None lies in a workspace, is a key, or is one of the files that the command `reads`: what is there is written over.
    `makes_folders`: whether the command makes the folders above. What happens to the disk meanwhile is still told then.
    """
    given = [one for one in targets if one is not None]
    read = {os.path.realpath(one) for one in reads if one is not None}
    for one in given:
        if one.is_dir():
            raise UsageError(f"{one} is a folder.", "Name a file in it.")
        _check_outside(one)
        if os.path.realpath(one) in read:
            raise UsageError(f"{one} is read by this command, and would be written over.", "Name another file.")
        if _is_key(one):
            raise UsageError(f"{one} holds a key, which would be written over and lost.", "Name another file.")
        _check_folder(one, _nearest(one.parent) if makes_folders else one.parent)
    if len({os.path.realpath(one) for one in given}) < len(given):
        raise UsageError("Two answers would go into the same file.", "Name a file for each.")


def check_new(target: Path | None, *, folder: bool = False) -> None:
    """UsageError unless nothing is there and a file, or with `folder` a folder, can be made. Nothing is written."""
    if target is None:
        return
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} is there already.", f"Name a new {'folder' if folder else 'file'}.")
    _check_outside(target)
    _check_folder(target, _nearest(target.parent) if folder else target.parent)


def check_folder(target: Path | None, *, in_workspace: bool = False) -> None:
    """UsageError unless files can be written into this folder, or it can be made. Nothing is written.

    `in_workspace`: whether it may lie in one, as what its settings name does.
    """
    if target is None:
        return
    if not in_workspace:
        _check_outside(target)
    _check_folder(target, _nearest(target))


def _check_outside(target: Path) -> None:
    """Any workspace, not only the one that is asked: its files are its own, and what is beside them is no answer's."""
    # What a link leads to, and where the link itself lies: one of both is what is written.
    for place in (Path(os.path.realpath(target)), Path(os.path.realpath(target.parent)) / target.name):
        workspace = next((one for one in (place, *place.parents) if (one / MARKER).is_file()), None)
        if workspace is not None:
            raise UsageError(
                f"{target} lies in the workspace {workspace}, where only its own files are.", "Name a place outside."
            )


def _is_key(target: Path) -> bool:
    if not target.is_file():
        return False
    try:
        with target.open("rb") as stream:
            return stream.read(max(map(len, _KEY_BEGINNINGS))).startswith(_KEY_BEGINNINGS)
    except OSError:  # what cannot be read is told where it is written
        return False


def _nearest(folder: Path) -> Path:
    """The first folder upwards that is there."""
    return next((one for one in (folder, *folder.parents) if one.exists()), folder)


def _check_folder(target: Path, folder: Path) -> None:
    if not folder.exists():
        raise UsageError(f"{target} cannot be written: there is no folder {folder}.", "Make it, or name another place.")
    if not folder.is_dir():
        raise UsageError(f"{target} cannot be written: {folder} is no folder.", "Name another place.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            f"{target} cannot be written: nothing may be written in {folder}.", "Check its rights, or another place."
        )
