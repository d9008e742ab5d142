"""The folder of a workspace: what says that it is one, and whose key opens it.

leaktrace.json   format, id and a check value of the key; settings.json   what differs from the defaults
ledger/ mail/ evidence/   the rooms' own; lookups.ndjson   the look-up log
learned.json   what traced campaigns tell about others, and the names given
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from leaktrace.errors import KeyFileError, UsageError, WorkspaceError
from leaktrace.keys import Keyring, read_key_file, write_new_key_file
from leaktrace.settings import Settings, from_document
from leaktrace.utf8 import is_text
from leaktrace.wholefiles import replace_file

FORMAT = 1
MARKER = "leaktrace.json"
SETTINGS = "settings.json"
LOOKUPS = "lookups.ndjson"
CASES = "cases"
"""The folder of cases, custody log and exhibits."""
LEARNED = "learned.json"


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace's folder with its key and settings."""

    path: Path
    workspace_id: str
    key_file: Path
    keyring: Keyring
    settings: Settings


def key_file_for(workspace_id: str, environment: Mapping[str, str]) -> Path:
    """`LEAKTRACE_KEY_FILE`, else a file per workspace under the user's configuration folder; never in the workspace."""
    named = environment.get("LEAKTRACE_KEY_FILE")
    if named:
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".config")
    return Path(home) / "leaktrace" / "keys" / f"{workspace_id}.key"


def create_folder(path: Path, environment: Mapping[str, str]) -> Opened:
    """Makes a new or empty folder ready to be a workspace; it is one once it is marked (`mark_folder`).

    WorkspaceError when the folder holds something that an interrupted attempt cannot have left.
    """
    _require_text(path)
    try:
        if path.exists() and (not path.is_dir() or not _may_begin(path)):
            if (path / MARKER).exists():
                raise WorkspaceError(
                    f"{path} is not an empty folder but a workspace already; it was left as it is.",
                    f"Use it: leaktrace -w {path} ledger stats. Or name a folder that is new or empty for another one.",
                )
            raise WorkspaceError(
                f"{path} is not an empty folder, and no workspace; it was left as it is.",
                "Name a folder that is new or empty.",
            )
        workspace_id = secrets.token_hex(8)
        key_file = key_file_for(workspace_id, environment)
        if key_file.resolve().is_relative_to(path.resolve()):
            raise KeyFileError(
                f"The key file {key_file} would lie inside the workspace.", "Set LEAKTRACE_KEY_FILE to a path outside."
            )
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in path.iterdir():
            leftover.unlink()
        if not key_file.exists():
            write_new_key_file(key_file)
    except OSError as error:
        raise cannot_write(path, error) from error
    return Opened(path, workspace_id, key_file, Keyring(read_key_file(key_file), workspace_id), Settings())


def _require_text(path: Path) -> None:
    """WorkspaceError for a path that is no UTF-8: the databases in it could not be opened."""
    if not is_text(os.fspath(path.absolute())):
        name = os.fspath(path).encode("utf-8", "backslashreplace").decode()
        raise WorkspaceError(f"The path {name} is no UTF-8 text.", "Rename the folder, or name another one.")


def _may_begin(path: Path) -> bool:
    """Whether all that is in a folder without a marker is what `init` makes before it: nobody has used it yet."""
    names = {entry.name for entry in path.iterdir() if not entry.name.startswith(f".{MARKER}.")}
    unused = not (path / LOOKUPS).exists() or (path / LOOKUPS).stat().st_size == 0
    return unused and names <= {LOOKUPS, *(f"{Path(LOOKUPS).stem}.{end}" for end in ("head", "head.new", "lock"))}


def mark_folder(opened: Opened, now: datetime) -> None:
    """The last step of making a workspace: from now on the folder is one."""
    marker = {
        "format": FORMAT,
        "id": opened.workspace_id,
        "created_at": now.isoformat(),
        "key_check": opened.keyring.check_value(),
        "first_key_generation": opened.keyring.generation,
    }
    write_aside(opened.path / MARKER, json.dumps(marker, indent=2) + "\n")


def mark_generation(path: Path, generation: int) -> None:
    """Remembers which generation of the key things are sealed under: an older key file is refused from now on."""
    marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
    if int(marker.get("key_generation", 1)) != generation:
        write_aside(path / MARKER, json.dumps({**marker, "key_generation": generation}, indent=2) + "\n")


def require_writable(path: Path) -> None:
    """WorkspaceError where the folder cannot be written: then nothing is answered, not even what changes nothing.

    Looking somebody up writes the look-up log first, and databases and locks are written by every reader. A copy can
    be looked at; half an answer out of a workspace that cannot log it cannot.
    """
    if os.access(path, os.W_OK | os.X_OK):
        return
    is_read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    why = "is on a read-only disk" if is_read_only else "may not be written by you (permission denied)"
    raise WorkspaceError(
        f"The workspace {path} {why}, and every answer needs it written: look-ups are logged before they are answered.",
        "To look at it, copy the folder to where it can be written and name the copy with -w (same key file).",
    )


def open_folder(path: Path, environment: Mapping[str, str]) -> Opened:
    """Opens a workspace; WorkspaceError when it is none or newer than this program, KeyFileError on a wrong key."""
    _require_text(path)
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
        version, workspace_id = int(marker["format"]), str(marker["id"])
        generation = int(marker.get("key_generation", 1))
    except FileNotFoundError as error:
        raise WorkspaceError(
            f"{path} is not a workspace.", f"Make one with: leaktrace -w {path} init (or name another with -w)."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise WorkspaceError(
            f"{path / MARKER} cannot be read.", "Restore it from a backup: it holds the id of the workspace."
        ) from error
    if version > FORMAT:
        raise WorkspaceError(
            f"{path} was made by a newer leaktrace (format {version}; this one knows {FORMAT}).",
            "Install the newer version; nothing was changed.",
        )
    key_file = key_file_for(workspace_id, environment)
    keyring = Keyring(read_key_file(key_file), workspace_id)
    if keyring.generation < generation:
        raise KeyFileError(
            f"{key_file} is older than the workspace {path}: it lacks a secret that a rotation has added since.",
            "Restore the key file from the back-up made after the last rotation (docs/keys.md).",
        )
    if not hmac.compare_digest(keyring.check_value(), str(marker.get("key_check", ""))):
        raise KeyFileError(
            f"{key_file} is not the key of the workspace {path}.",
            "Set LEAKTRACE_KEY_FILE to the file that `init` named, or restore that file from your backup.",
        )
    return Opened(path, workspace_id, key_file, keyring, read_settings(path))


def read_settings(path: Path) -> Settings:
    """The settings of the workspace in this folder, the defaults where it has none of its own; no key is needed.

    UsageError for a file that is no settings.
    """
    try:
        raw = (path / SETTINGS).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except OSError as error:
        raise WorkspaceError(f"{path / SETTINGS} cannot be read: {error.strerror}.") from error
    try:
        document = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path / SETTINGS} is not JSON.", "It is one object: setting name to value.") from error
    if not isinstance(document, dict):
        raise UsageError(f"{path / SETTINGS} is not a JSON object.", "It is one object: setting name to value.")
    try:
        return from_document(document)
    except UsageError as error:
        hint = error.hint or "docs/settings.md says what each setting may be."
        raise UsageError(f"{path / SETTINGS}: {error.message}", hint) from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number (RFC 8259, section 6)")


def write_aside(path: Path, text: str) -> None:
    """Writes a small file, 0600, that is there whole or not at all; WorkspaceError where it cannot be written.

    What is no file, as `/dev/null` or a pipe, is written to: a file in its place would break what others do with it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise cannot_write(path, error) from error
        return
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> WorkspaceError:
    """The error for a folder that cannot be written."""
    return WorkspaceError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Check the rights and the free space; nothing was left half-written.",
    )
