"""The life of a workspace key: what it is like, backed up, rotated, restored.

Rotation goes in steps that may be killed anywhere and be run again:

1. the key file gets a further secret (a new generation), whole or not at all;
2. the workspace's marker says which generation it needs, so that an older key file is refused; the caller has the new
   key backed up before anything depends on it;
3. everything sealed is sealed anew under it, piece by piece; what is done already is passed over;
4. `keys.json` says that all of it is done, and which back-up there is.

Hashes stay those of the first secret: every stored number is one. docs/keys.md says what that means.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from leaktrace.cases.custody import handover_note, log_keys
from leaktrace.errors import KeyFileError, WorkspaceError
from leaktrace.folder import MARKER, Opened, key_file_for, mark_generation, open_folder, write_aside
from leaktrace.keybackup import backup_text, read_backup
from leaktrace.keys import MAX_GENERATIONS, Keyring, KeySecrets, read_key_file, replace_key_file, write_new_key_file

STATE = "keys.json"


@dataclass(frozen=True, slots=True)
class Area:
    """Something of the workspace that is sealed."""

    name: str
    reseal: Callable[[], int]
    """Seals anew under the newest generation what is under an older one; how many things."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What there is to know about a workspace's key, without any secret."""

    key_file: str
    generation: int
    resealed_generation: int
    """Everything is sealed under at least this one; below `generation` a rotation was not finished."""
    backup_generation: int | None
    """Which generation the newest back-up holds; null: none was made by `keys backup`."""
    backup_at: str | None
    log_vkey: str
    """The custody log's verifier key now."""
    log_fingerprint: str
    earlier_log_vkeys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    generation: int
    resealed: dict[str, int]
    """Area -> things that were sealed anew."""
    log_vkey: str
    log_fingerprint: str
    handover_file: str
    """The custody log's old key introduces its new one: give it to everybody who keeps the old one."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A back-up that was written."""

    file: str
    generation: int


@dataclass(frozen=True, slots=True)
class Restored:
    """A key file that is back."""

    key_file: str
    generation: int
    is_new_file: bool
    """False: it was there already and the same."""


def status(opened: Opened) -> KeyStatus:
    """How the key is, from the key file and what the workspace remembers."""
    held = log_keys(opened.keyring.custody_seeds(), opened.workspace_id)
    state = _state(opened.path)
    backup = state.get("backup") or {}
    return KeyStatus(
        key_file=str(opened.key_file),
        generation=opened.keyring.generation,
        resealed_generation=min(_resealed_generation(opened.path), opened.keyring.generation),
        backup_generation=backup.get("generation"),
        backup_at=backup.get("at"),
        log_vkey=held.signer.key.vkey(),
        log_fingerprint=held.signer.key.fingerprint(),
        earlier_log_vkeys=tuple(key.vkey() for key in held.keys[:-1]),
    )


def back_up(opened: Opened, out: Path, passphrase: str, now: datetime) -> BackedUp:
    """Writes the key under a passphrase into a new file. KeyFileError where there is one, or inside the workspace."""
    if out.resolve().is_relative_to(opened.path.resolve()):
        raise KeyFileError("A back-up of the key inside the workspace helps whoever steals it.", "Name another folder.")
    if out.exists():
        raise KeyFileError(f"{out} is there already.", "Name a new file: it may be the only back-up of another key.")
    held = read_key_file(opened.key_file)
    write_aside(out, backup_text(held, opened.workspace_id, passphrase, now))
    read_backup(out.read_bytes()).open(passphrase)
    _remember(opened.path, backup={"at": now.isoformat(), "generation": held.generation})
    return BackedUp(str(out), held.generation)


def begin_rotation(opened: Opened) -> Opened:
    """Steps 1 and 2: the workspace opened with a new generation, or with the one that an unfinished rotation began."""
    with _alone(opened.key_file):
        held = read_key_file(opened.key_file)
        if _resealed_generation(opened.path) >= held.generation:
            if held.generation >= MAX_GENERATIONS:
                raise KeyFileError("This key was rotated as often as it can be.", "Make a new workspace.")
            held = held.rotated()
            replace_key_file(opened.key_file, held)
        mark_generation(opened.path, held.generation)
    keyring = Keyring(held, opened.workspace_id)
    return Opened(opened.path, opened.workspace_id, opened.key_file, keyring, opened.settings)


def finish_rotation(opened: Opened, areas: Sequence[Area]) -> Rotated:
    """Steps 3 and 4, with what `begin_rotation` gave. May be run again after a kill."""
    resealed = {area.name: area.reseal() for area in areas}
    seeds = opened.keyring.custody_seeds()
    handover = opened.path / f"log-key-handover-{opened.keyring.generation}.note"
    write_aside(handover, handover_note(seeds, opened.workspace_id))
    _remember(opened.path, resealed_generation=opened.keyring.generation)
    key = log_keys(seeds, opened.workspace_id).signer.key
    return Rotated(opened.keyring.generation, resealed, key.vkey(), key.fingerprint(), str(handover))


def restore(workspace: Path, raw: bytes, passphrase: str, environment: Mapping[str, str]) -> Restored:
    """Puts a key file back from its back-up.

    Checks: 1. the back-up is of this workspace, 2. it opens, 3. the key is the workspace's, 4. it is not older than
    what things are sealed under, 5. no other key is in its place. KeyFileError otherwise, and nothing is written.
    """
    marker = _marker(workspace)
    backup = read_backup(raw)
    if backup.workspace_id != marker["id"]:  # 1
        raise KeyFileError(
            f"This back-up is of the workspace {backup.workspace_id}, not of {workspace}.", "Take the other paper."
        )
    held = backup.open(passphrase)  # 2
    if Keyring(held, backup.workspace_id).check_value() != marker["key_check"]:  # 3
        raise KeyFileError(f"This is not the key of {workspace}.", "Restore both from one back-up.")
    needed = int(marker.get("key_generation", 1))
    if held.generation < needed:  # 4
        raise KeyFileError(
            f"The back-up holds generation {held.generation} of the key; the workspace is sealed under {needed}.",
            "Take the back-up that was made at the last rotation; without it names, mail and cases stay closed.",
        )
    path = key_file_for(backup.workspace_id, environment)
    is_new = _put(path, held)  # 5
    open_folder(workspace, environment)
    return Restored(str(path), held.generation, is_new)


@contextlib.contextmanager
def _alone(key_file: Path) -> Iterator[None]:
    """Two rotations at once would each add a secret, and one of them would be lost."""
    handle = os.open(key_file.with_name(f".{key_file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _resealed_generation(workspace: Path) -> int:
    """Everything in the workspace is sealed under at least this one."""
    return int(_state(workspace).get("resealed_generation", _marker(workspace).get("first_key_generation", 1)))


def _put(path: Path, held: KeySecrets) -> bool:
    if not path.exists():
        write_new_key_file(path, held)
        return True
    there = read_key_file(path)
    if there.root == held.root and there.later[: len(held.later)] == held.later:
        return False  # the same, or with more generations: nothing to put back
    replace_key_file(path, held)  # an older copy of the same key gets what it lacks; another key is refused
    return True


def _marker(workspace: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, TypeError):
        marker: dict[str, Any] = json.loads((workspace / MARKER).read_text(encoding="utf-8"))
        if {"id", "key_check"} <= set(marker):
            return marker
    raise WorkspaceError(
        f"{workspace} is not a workspace.", f"Restore its folder first: {MARKER} is missing or damaged."
    )


def _state(workspace: Path) -> dict[str, Any]:
    try:
        state = json.loads((workspace / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WorkspaceError(f"{workspace / STATE} cannot be read.", "Restore it from a backup.") from error
    return state if isinstance(state, dict) else {}


def _remember(workspace: Path, **what: Any) -> None:
    write_aside(workspace / STATE, json.dumps({**_state(workspace), **what}, indent=2, sort_keys=True) + "\n")
