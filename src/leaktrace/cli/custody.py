"""custody verify, checkpoint, witness, witness-key, cosigned, timestamp, proof, export: the log of what was done."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.casedesk.custody import Custody, CustodyCheck
from leaktrace.cases.custody import NoteKey, key_from_vkey
from leaktrace.cases.custody.anchor import read_whole
from leaktrace.cases.custody.checkpoints import Cosigned
from leaktrace.cases.custody.notes import NOTE_SIGNATURE
from leaktrace.cases.custody.proofs import verify_proof
from leaktrace.cases.custody.tiles import verify_folder
from leaktrace.cases.custody.witness import Witness, witness_signer
from leaktrace.cases.signing.keys import load_person_key, make_person_key
from leaktrace.cli.output import JsonOption, answer_plain, progress_line, screen_of
from leaktrace.cli.passphrase import NewPassphraseFileOption, PassphraseFileOption, passphrase_from
from leaktrace.cli.targets import check_files, check_folder
from leaktrace.errors import UsageError
from leaktrace.folder import open_folder, write_aside

custody = typer.Typer(no_args_is_help=True, help="The custody log: check it, prove from it, have it witnessed.")

LogOption = Annotated[list[str] | None, typer.Option("--log", help="Verifier key of the log, as you know it.")]
WitnessOption = Annotated[list[str] | None, typer.Option("--witness", help="Verifier key of a witness you trust.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Write it to this file too.")]
_MOST_DIGITS = 18
WITHOUT_OUTSIDE = (
    "Nothing from outside was compared: whoever holds the server and the key could have rewritten all of this. "
    "Give the checkpoint that somebody else keeps: --checkpoint FILE."
)


@dataclass(frozen=True, slots=True)
class VerifiedFolder:
    """What `custody verify --folder` and `--proof` found."""

    origin: str
    size: int
    root: str
    index: int | None
    """The entry that was proven; null for a folder."""
    entry: str | None
    file_count: int | None
    cosigned: tuple[Cosigned, ...]
    compared_size: int | None = None
    """Entries of the checkpoint that the folder was compared with; null: with none."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What `custody export` wrote."""

    folder: str
    size: int
    root: str
    file_count: int


@dataclass(frozen=True, slots=True)
class Proven:
    """What `custody proof` gives."""

    index: int
    size: int
    proof: str
    """The text of the proof (C2SP tlog-proof)."""
    file: str | None


@dataclass(frozen=True, slots=True)
class WitnessRequested:
    """What `custody checkpoint --request` gives."""

    old_size: int
    request: str
    file: str | None


@dataclass(frozen=True, slots=True)
class WitnessSaid:
    """What a witness gives back."""

    origin: str
    size: int
    seen_before: int
    cosignature: str
    vkey: str
    """The witness's verifier key."""


@dataclass(frozen=True, slots=True)
class WitnessKeyMade:
    """A witness's new key."""

    key_file: str
    vkey: str


@dataclass(frozen=True, slots=True)
class CosignatureTaken:
    """A cosignature that now stands under its checkpoint."""

    size: int
    witness: str
    at: datetime


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (verify, checkpoint, witness, cosigned, timestamp, timestamps, proof, export):
        custody.command()(command)
    custody.command("witness-key")(witness_key)
    app.add_typer(custody, name="custody")


def _open(context: typer.Context) -> Custody:
    return Custody(open_folder(screen_of(context).workspace, os.environ), os.environ)


def _keys(vkeys: list[str] | None) -> list[NoteKey]:
    return [key_from_vkey(one) for one in vkeys or ()]


def verify(
    context: typer.Context,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="A checkpoint that somebody outside kept.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Check an exported folder instead; needs --log, no workspace.")
    ] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", help="Check a proof instead; needs --log, no workspace.")
    ] = None,
    log: LogOption = None,
    witness: WitnessOption = None,
    quorum: Annotated[int, typer.Option("--quorum", help="So many of these witnesses must have cosigned.", min=0)] = 0,
    as_json: JsonOption = False,
) -> int:
    """Check every entry and hash of the custody log, and that it continues what was seen before. Exit 2 if not.

    Example: leaktrace custody verify --checkpoint kept-by-counsel.checkpoint
    """
    if folder is not None or proof is not None:
        return _verify_outside(folder, proof, _keys(log), _keys(witness), quorum, checkpoint, as_json=as_json)
    if quorum and checkpoint is None:
        raise UsageError("A quorum of witnesses needs a checkpoint to look at.", "Give it: --checkpoint FILE.")
    given = None if checkpoint is None else read_whole(checkpoint)
    with screen_of(context).open() as workspace, progress_line() as tell:
        found = workspace.verify_custody(given, keys=_keys(log), witnesses=_keys(witness), quorum=quorum, progress=tell)
    answer_plain(found, _told(found), as_json=as_json)
    return 0


def _told(found: CustodyCheck) -> str:
    outside = WITHOUT_OUTSIDE
    if found.compared_size is not None:
        outside = _continues(found.compared_size)
        if found.cosigned:
            outside += f" Cosigned by {', '.join(one.witness for one in found.cosigned)}."
    return (
        f"The custody log {found.origin} is whole: {found.size:,} entries, root {found.root}.\n"
        f"All {found.event_count or 0:,} events are as they were logged.\n"
        f"Key fingerprint {found.fingerprint}.\n{outside}"
    )


def _continues(size: int) -> str:
    return f"It continues the checkpoint of {size:,} entries that was given."


def _verify_outside(
    folder: Path | None,
    proof: Path | None,
    log: list[NoteKey],
    witnesses: list[NoteKey],
    quorum: int,
    kept: Path | None,
    *,
    as_json: bool,
) -> int:
    names = {key.name for key in log if key.kind == NOTE_SIGNATURE}
    if len(names) != 1 or (folder is None) == (proof is None):
        raise UsageError(
            "Say which folder or which proof, and the log's key.", "--folder DIR or --proof FILE, and --log VKEY."
        )
    if proof is not None and kept is not None:
        raise UsageError(
            "A proof has its own checkpoint: it cannot be compared with another one.",
            "Compare the whole log with yours: --folder DIR --checkpoint FILE.",
        )
    (origin,) = names
    compared_size = None
    if folder is not None:
        tiles = verify_folder(folder, origin, log, witnesses, quorum, None if kept is None else read_whole(kept))
        seen, index, leaf, count = tiles.checkpoint, None, None, tiles.file_count
        compared_size = tiles.compared_size
        told = f"{folder} is the log {origin}: {seen.head.size:,} entries, root {seen.head.root}.\n"
        told += WITHOUT_OUTSIDE if compared_size is None else _continues(compared_size)
    else:
        assert proof is not None  # noqa: S101 - one of the two, as checked above
        proven = verify_proof(read_whole(proof), origin, log, witnesses=witnesses, quorum=quorum)
        seen, index, leaf, count = proven.checkpoint, proven.index, proven.leaf.decode("utf-8", "replace"), None
        told = f"Entry {index} is in the log {origin} of {seen.head.size:,} entries:\n{leaf}"
    found = VerifiedFolder(origin, seen.head.size, seen.head.root, index, leaf, count, seen.cosigned, compared_size)
    answer_plain(found, told, as_json=as_json)
    return 0


def checkpoint(
    context: typer.Context,
    out: OutOption = None,
    request: Annotated[bool, typer.Option("--request", help="Make a request for a witness instead.")] = False,
    old: Annotated[int, typer.Option("--old", help="With --request: the size that witness has seen.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Sign the head of the custody log. Give it to somebody outside: without that, nothing shows a rewritten log.

    Example: leaktrace custody checkpoint --out today.checkpoint
    """
    check_files(out, makes_folders=True)
    with _open(context) as opened:
        if request:
            text = opened.witness_request(old)
            asked = WitnessRequested(old, text, None if out is None else str(out))
            _write(out, text)
            answer_plain(asked, text, as_json=as_json)
            return
        made = opened.checkpoint()
    _write(out, made.note)
    answer_plain(
        made, f"{made.note}\nKey {made.vkey}\nFingerprint {made.fingerprint}\nKept in {made.file}.", as_json=as_json
    )


def witness(
    request: Annotated[Path, typer.Argument(help="What the log's owner sent: custody checkpoint --request.")],
    key: Annotated[Path, typer.Option("--key", help="The witness's key file.")],
    name: Annotated[str, typer.Option("--name", help="The witness's name.")],
    state: Annotated[Path, typer.Option("--state", help="Folder where this witness remembers what it saw.")],
    log: Annotated[list[str], typer.Option("--log", help="Verifier keys of the logs it knows.")],
    out: OutOption = None,
    passphrase_file: PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Be a witness: cosign a checkpoint if the log only added to what you saw last. Needs no workspace.

    Example: leaktrace custody witness log.request --key w.key --name counsel.example --state seen --log VKEY
    """
    check_files(out, reads=(request,), makes_folders=True)
    logs: dict[str, tuple[NoteKey, ...]] = {}
    for one in _keys(log):
        logs[one.name] = (*logs.get(one.name, ()), one)
    signer = witness_signer(load_person_key(key, name, _passphrase(key, passphrase_file)))
    done = Witness(signer, logs, state).cosign(read_whole(request), datetime.now(UTC))
    _write(out, done.line)
    head = done.checkpoint.head
    said = WitnessSaid(done.checkpoint.origin, head.size, done.seen_before, done.line, signer.key.vkey())
    answer_plain(said, done.line.rstrip("\n"), as_json=as_json)


def witness_key(
    file: Annotated[Path, typer.Argument(help="Where the key is written.")],
    name: Annotated[str, typer.Option("--name", help="The witness's name, best a web address without scheme.")],
    plain: Annotated[bool, typer.Option("--plain", help="Without a passphrase.")] = False,
    passphrase_file: NewPassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a witness's key; the verifier key it prints goes to everybody who checks.

    Example: leaktrace custody witness-key w.key --name counsel.example
    """
    passphrase = None if plain else passphrase_from(passphrase_file, new=True, what=name)
    made = WitnessKeyMade(str(file), witness_signer(make_person_key(file, name, passphrase)).key.vkey())
    answer_plain(made, f"{made.vkey}\nKey file {made.key_file}.", as_json=as_json)


def cosigned(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What the witness gave back.")],
    witness: Annotated[str, typer.Option("--witness", help="The witness's verifier key.")],
    as_json: JsonOption = False,
) -> None:
    """Put a witness's cosignature under the checkpoint it is for.

    Example: leaktrace custody cosigned counsel.cosignature --witness VKEY
    """
    line = read_whole(file).decode("utf-8", "replace")
    with _open(context) as opened:
        found = opened.add_cosignature(line, key_from_vkey(witness))
    taken = CosignatureTaken(found.head.size, found.cosigned[0].witness, found.cosigned[0].at)
    answer_plain(
        taken, f"{taken.witness} saw the log at {taken.size:,} entries at {taken.at.isoformat()}.", as_json=as_json
    )


def timestamp(
    context: typer.Context,
    tsa: Annotated[str, typer.Option("--tsa", help="Address of a time-stamp authority (RFC 3161).")],
    chain: Annotated[Path, typer.Option("--chain", help="Its certificates, PEM: its own first, the root last.")],
    as_json: JsonOption = False,
) -> int:
    """Have the head of the custody log time-stamped. Exit 3 where the two checkers of the token do not agree.

    Example: leaktrace custody timestamp --tsa https://tsa.example/tsr --chain tsa-chain.pem
    """
    with _open(context) as opened:
        made = opened.timestamp(tsa, read_whole(chain))
    told = f"{made.authority} saw {made.size:,} entries at {made.at}." if made.at else f"Inconclusive: {made.reason}."
    answer_plain(made, told, as_json=as_json)
    return 0 if made.outcome == "timestamped" else 3


def timestamps(context: typer.Context, as_json: JsonOption = False) -> int:
    """Judge every time-stamp that is kept again. Exit 3 where one is inconclusive, 2 where one does not hold.

    Example: leaktrace custody timestamps
    """
    with _open(context) as opened:
        found = opened.timestamps()
    lines = [f"{one.size:,} entries: {one.at or one.reason}" for one in found]
    answer_plain(found, "\n".join(lines) or "No time-stamps are kept.", as_json=as_json)
    return 3 if any(one.outcome == "inconclusive" for one in found) else 0


def proof(
    context: typer.Context,
    what: Annotated[list[str], typer.Argument(help="Number of an entry; or a case and an exhibit of it.")],
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove that an entry is in the custody log: a text file that can be checked without this workspace.

    Example: leaktrace custody proof K-3f2a9c1d E-0001 --out E-0001.tlog-proof
    """
    if len(what) > 2 or (len(what) == 1 and not (what[0].isdecimal() and len(what[0]) <= _MOST_DIGITS)):
        raise UsageError(
            "Say the number of an entry, or a case and an exhibit.", "leaktrace custody proof CASE EXHIBIT."
        )
    check_files(out, makes_folders=True)
    with screen_of(context).open() as workspace, workspace.custody() as opened:
        index = int(what[0]) if len(what) == 1 else workspace.custody_index(what[0], what[1])
        found = opened.proof(index)
    text = found.to_text()
    _write(out, text)
    answer_plain(Proven(index, found.size, text, None if out is None else str(out)), text, as_json=as_json)


def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    as_json: JsonOption = False,
) -> None:
    """Write the whole log as static files (C2SP tlog-tiles); they hold no personal data.

    Example: leaktrace custody export log-for-the-auditor
    """
    check_folder(folder)
    with _open(context) as opened:
        head, count = opened.export(folder)
    done = Exported(str(folder), head.size, head.root, count)
    answer_plain(done, f"{head.size:,} entries in {count:,} files, root {head.root}.", as_json=as_json)


def _passphrase(key: Path, file: Path | None) -> str | None:
    from leaktrace.passphrases import is_sealed

    text = read_whole(key).decode("utf-8", "replace")
    return passphrase_from(file, new=False, what=str(key)) if is_sealed(text) else None


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        write_aside(path, text)
