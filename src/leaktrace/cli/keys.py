"""keys status, backup, rotate, restore: the workspace key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.cli.output import JsonOption, answer_plain, note, progress_line, screen_of
from leaktrace.cli.passphrase import NewPassphraseFileOption, PassphraseFileOption, passphrase_from
from leaktrace.cli.targets import check_files
from leaktrace.errors import UsageError
from leaktrace.folder import open_folder
from leaktrace.keykeeping import KeyStatus, Rotated, begin_rotation
from leaktrace.keykeeping import restore as restore_key

keys = typer.Typer(no_args_is_help=True, help="The workspace key: state, back-up, rotation, restoring.")

_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class RotatedKey:
    """What `keys rotate` did."""

    rotated: Rotated
    backup_file: str | None


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (status, backup, rotate, restore):
        keys.command()(command)
    app.add_typer(keys, name="keys")


def status(context: typer.Context, as_json: JsonOption = False) -> int:
    """Say how the key is: generation, back-up, the custody log's public key. Exit 3 where something is to be done.

    Example: leaktrace keys status
    """
    with screen_of(context).open() as workspace:
        found = workspace.key_status()
    wanted = _to_do(found)
    answer_plain(
        found,
        f"Key file {found.key_file}, generation {found.generation}.\n"
        f"Custody log: {found.log_vkey}\nFingerprint {found.log_fingerprint}.\n"
        + ("\n".join(wanted) or "Nothing is to be done."),
        as_json=as_json,
    )
    return 3 if wanted else 0


def _to_do(found: KeyStatus) -> list[str]:
    wanted = []
    if found.backup_generation != found.generation:
        held = "no back-up" if found.backup_generation is None else f"a back-up of generation {found.backup_generation}"
        wanted.append(f"There is {held}: leaktrace keys backup FILE.")
    if found.resealed_generation != found.generation:
        wanted.append("A rotation was not finished: run leaktrace keys rotate again.")
    return wanted


def backup(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="A new file, outside of the workspace; print it.")],
    passphrase_file: NewPassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the key under a passphrase into a file that can be printed and typed in again.

    Example: leaktrace keys backup /media/safe/leaktrace-key.txt
    """
    check_files(out)
    with screen_of(context).open() as workspace:
        passphrase = passphrase_from(passphrase_file, new=True, what="the back-up")
        done = workspace.back_up_key(out, passphrase)
    answer_plain(done, f"Generation {done.generation} of the key is in {done.file}.", as_json=as_json)


def rotate(
    context: typer.Context,
    backup_to: Annotated[
        Path | None, typer.Option("--backup", help="New file for a back-up of the new key; made before it is used.")
    ] = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="You back the key file up yourself.")] = False,
    passphrase_file: NewPassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a new secret to the key and seal names, mail and cases anew under it. Let nothing else run meanwhile.

    Stored numbers stay those of the first secret (docs/keys.md). Killed in between: run it again.

    Example: leaktrace keys rotate --backup /media/safe/leaktrace-key-2.txt
    """
    if (backup_to is None) != no_backup:
        raise UsageError(
            "After a rotation the old back-up opens nothing any more.",
            "Say where the new one goes: --backup FILE; or --no-backup.",
        )
    check_files(backup_to)
    path = screen_of(context).workspace
    passphrase = None if backup_to is None else passphrase_from(passphrase_file, new=True, what="the back-up")
    if backup_to is not None and backup_to.exists():
        raise UsageError(f"{backup_to} is there already.", "Name a new file; nothing was changed.")
    begin_rotation(open_folder(path, os.environ))
    with screen_of(context).open() as workspace, progress_line() as tell:
        if backup_to is not None and passphrase is not None:
            workspace.back_up_key(backup_to, passphrase)
        rotated = workspace.finish_key_rotation(progress=tell)
    if backup_to is None:
        note("Back the key file up now: the earlier back-up opens nothing any more.")
    done = RotatedKey(rotated, None if backup_to is None else str(backup_to))
    told = ", ".join(f"{count:,} {name}" for name, count in rotated.resealed.items())
    answer_plain(
        done,
        f"Generation {rotated.generation} of the key is in use. Sealed anew: {told}.\n"
        f"New key of the custody log: {rotated.log_vkey}\nFingerprint {rotated.log_fingerprint}.\n"
        f"Publish it, with {rotated.handover_file}.",
        as_json=as_json,
    )


def restore(
    context: typer.Context,
    backup_file: Annotated[Path, typer.Argument(help="The back-up, copied or typed in from paper.")],
    passphrase_file: PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the key file back from its back-up. The workspace's folder must be there.

    Example: leaktrace keys restore leaktrace-key.txt
    """
    with backup_file.open("rb") as stream:
        raw = stream.read(_MAX_BYTES)
    passphrase = passphrase_from(passphrase_file, new=False, what="the back-up")
    done = restore_key(screen_of(context).workspace, raw, passphrase, os.environ)
    told = "is back" if done.is_new_file else "was there already"
    answer_plain(done, f"{done.key_file} {told}: generation {done.generation} of the key.", as_json=as_json)
