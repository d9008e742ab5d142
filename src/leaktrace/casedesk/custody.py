"""The custody log of a workspace, for whoever checks it or proves something from it.

cases/cases.db                  the log, beside the events (the case store appends to it)
cases/custody.anchor            the last checkpoint that was seen; `LEAKTRACE_CUSTODY_ANCHOR` names a folder for another
cases/custody/<size>.checkpoint checkpoints that were given out, with their cosignatures
cases/custody/<size>.tsr        a time-stamp over the three lines of that checkpoint, with <size>.chain.pem beside it
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from leaktrace.caserecords import TreeHead
from leaktrace.cases.custody import CustodyLog, LogKeeper, SignedCheckpoint, log_keys, verify_checkpoint
from leaktrace.cases.custody.anchor import continues, read_whole, write_anchor, write_whole
from leaktrace.cases.custody.checkpoints import Cosigned, checkpoint_text, with_cosignature
from leaktrace.cases.custody.notes import NoteKey, split_note
from leaktrace.cases.custody.proofs import InclusionProof, prove
from leaktrace.cases.custody.tiles import export
from leaktrace.cases.custody.witness import request_of
from leaktrace.cases.store import DATABASE
from leaktrace.errors import CustodyError
from leaktrace.folder import CASES, Opened
from leaktrace.keys import Keyring

if TYPE_CHECKING:
    from leaktrace.cases.custody.timestamp import Fetch, Judgement

_ANCHOR = "custody.anchor"
_GIVEN = "custody"
_HINT = "Open a case first: leaktrace case open."

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class CustodyCheck:
    """A log that is whole, as far as its own database, its anchors and what was given can show."""

    origin: str
    size: int
    root: str
    fingerprint: str
    """SHA-256 of the log's public key: compare it with the published one."""
    anchored_size: int
    """How far the furthest anchor reached."""
    compared_size: int | None
    """Size of the checkpoint that was given to compare with; null: none was, so nothing outside vouches for the log."""
    cosigned: tuple[Cosigned, ...]
    """By witnesses that were named, under the checkpoint that was given."""
    event_count: int | None = None
    """Events that were found to be what the log committed to; null: the log alone was looked at."""


@dataclass(frozen=True, slots=True)
class CheckpointMade:
    """A signed head, ready to be given to somebody who keeps it."""

    origin: str
    size: int
    root: str
    vkey: str
    """The log's verifier key (C2SP signed note)."""
    fingerprint: str
    note: str
    file: str


@dataclass(frozen=True, slots=True)
class TimestampMade:
    """What a time-stamp authority said of a checkpoint."""

    size: int
    outcome: str
    """`timestamped` or `inconclusive`."""
    at: datetime | None
    authority: str | None
    reason: str | None
    token_file: str


def keeper_of(workspace: Path, keyring: Keyring, workspace_id: str, environment: Mapping[str, str]) -> LogKeeper:
    """The keeper that the case store is opened with: `begin` at opening, `moved` after each commit."""
    anchors = [workspace / CASES / _ANCHOR]
    if elsewhere := environment.get("LEAKTRACE_CUSTODY_ANCHOR"):
        anchors.append(Path(elsewhere).expanduser() / f"{workspace_id}.checkpoint")
    return LogKeeper(log_keys(keyring.custody_seeds(), workspace_id), anchors)


def has_custody(workspace: Path) -> bool:
    """Whether a workspace has a custody log."""
    return (workspace / CASES / DATABASE).exists()


class Custody:
    """The log of one workspace. Close it, or use it with `with`."""

    def __init__(self, opened: Opened, environment: Mapping[str, str]) -> None:
        self._folder = opened.path / CASES
        self.keeper = keeper_of(opened.path, opened.keyring, opened.workspace_id, environment)
        database = self._folder / DATABASE
        if not database.exists():
            raise CustodyError(f"{opened.path} has no custody log yet.", _HINT)
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(database, isolation_level=None, timeout=30)
            has_log = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'custody_edge'").fetchone()
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise _damaged(database, error) from error
        self._connection = connection
        if has_log is None:
            self._connection.close()
            raise CustodyError(f"{opened.path} has no custody log yet.", _HINT)
        self.log = CustodyLog(self._connection)

    def __enter__(self) -> Custody:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the database go."""
        self._connection.close()

    def verify(
        self,
        checkpoint: bytes | None = None,
        *,
        keys: Iterable[NoteKey] = (),
        witnesses: Iterable[NoteKey] = (),
        quorum: int = 0,
        progress: Progress | None = None,
    ) -> CustodyCheck:
        """Checks: 1. the whole log, 2. that it continues its anchors, 3. and the checkpoint from outside, if given.

        `keys`: the log's keys as the checker knows them; without them those of the workspace are used. CustodyError
        names the first check that fails.
        """
        trusted = tuple(keys) or self.keeper.keys.keys
        given: SignedCheckpoint | None = None
        with self._reading():
            anchor = self.keeper.check(self.log)  # 2
            if checkpoint is not None:  # 3
                given = verify_checkpoint(checkpoint, self.keeper.keys.origin, trusted, witnesses, quorum)
                continues(self.log, given.head)
            head = self.log.verify(progress).head  # 1
        return CustodyCheck(
            origin=self.keeper.keys.origin,
            size=head.size,
            root=head.root,
            fingerprint=self.keeper.keys.signer.key.fingerprint(),
            anchored_size=anchor.head.size,
            compared_size=None if given is None else given.head.size,
            cosigned=() if given is None else given.cosigned,
        )

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One state of the log, whatever is appended meanwhile; SQLite's errors become CustodyError here."""
        try:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise _damaged(self._folder / DATABASE, error) from error

    def checkpoint(self) -> CheckpointMade:
        """Signs the head, after the anchors were found to be continued, and keeps a copy."""
        signed = self.signed()
        path = self._keep(signed)
        key = self.keeper.keys.signer.key
        return CheckpointMade(
            signed.origin, signed.head.size, signed.head.root, key.vkey(), key.fingerprint(), signed.note, str(path)
        )

    def _keep(self, signed: SignedCheckpoint) -> Path:
        path = self._given(signed.head.size, "checkpoint")
        if not path.exists():
            write_anchor(path, signed.note)
        return path

    def follow_key(self) -> int:
        """After a rotation: the anchors are signed by the new key; 1, or 0 where they were already."""
        before = self.keeper.check(self.log).log_key
        self.keeper.moved(self.log)
        return int(before != self.keeper.keys.signer.key)

    def signed(self) -> SignedCheckpoint:
        """The head as a verified checkpoint."""
        note = self.keeper.moved(self.log)
        return verify_checkpoint(note.encode(), self.keeper.keys.origin, self.keeper.keys.keys)

    def witness_request(self, old_size: int) -> str:
        """What to send to a witness that has seen the log at `old_size` (0: never).

        The checkpoint that it asks about is kept, so that the cosignature finds it.
        """
        signed = self.signed()
        self._keep(signed)
        return request_of(self.log, old_size, signed).to_text()

    def add_cosignature(self, line: str, witness: NoteKey) -> SignedCheckpoint:
        """Puts a witness's signature under the checkpoint it is for; CustodyError where it fits none that was given."""
        for path in sorted((self._folder / _GIVEN).glob("*.checkpoint"), reverse=True):
            note = with_cosignature(read_whole(path).decode(), line)
            try:
                found = verify_checkpoint(note.encode(), self.keeper.keys.origin, self.keeper.keys.keys, [witness], 1)
            except CustodyError:
                continue
            write_anchor(path, found.note)
            return found
        raise CustodyError(
            "This cosignature fits no checkpoint that was given out, or is not by this witness.",
            "Ask the witness again: leaktrace custody checkpoint --request.",
        )

    def export(self, folder: Path) -> tuple[TreeHead, int]:
        """Writes the log as C2SP tlog-tiles; (head, files)."""
        signed = self.signed()
        return signed.head, export(self.log, signed, folder)

    def proof(self, index: int) -> InclusionProof:
        """The proof that entry `index` is in the log, with today's checkpoint."""
        return prove(self.log, index, self.signed())

    def timestamp(self, url: str, chain: bytes, fetch: Fetch | None = None) -> TimestampMade:
        """Has the head time-stamped; the token and its chain are kept beside the checkpoint."""
        # Not at the top: an HTTP client and two parsers of certificates would be loaded at every start of the program.
        from leaktrace.cases.custody.timestamp import fetch_by_http, judge, request_timestamp

        made = self.checkpoint()
        text = checkpoint_text(made.origin, TreeHead(made.size, made.root)).encode()
        token = request_timestamp(text, url, fetch or fetch_by_http)
        judgement = judge(text, token, chain)
        path = self._given(made.size, "tsr")
        write_whole(self._given(made.size, "chain.pem"), chain)
        write_whole(path, token)
        return _told(made.size, judgement, path)

    def timestamps(self) -> tuple[TimestampMade, ...]:
        """Every kept token, judged again; CustodyError where one does not hold."""
        from leaktrace.cases.custody.timestamp import judge

        found = []
        for path in sorted((self._folder / _GIVEN).glob("*.tsr"), key=lambda one: int(one.stem)):
            size = int(path.stem)
            text, _ = split_note(read_whole(self._given(size, "checkpoint")))
            continues(self.log, verify_checkpoint(
                read_whole(self._given(size, "checkpoint")), self.keeper.keys.origin, self.keeper.keys.keys
            ).head)  # fmt: skip
            chain = read_whole(self._given(size, "chain.pem"))
            found.append(_told(size, judge(text.encode(), read_whole(path), chain), path))
        return tuple(found)

    def _given(self, size: int, suffix: str) -> Path:
        return self._folder / _GIVEN / f"{size}.{suffix}"


def _told(size: int, judgement: Judgement, path: Path) -> TimestampMade:
    from leaktrace.cases.custody.timestamp import Timestamped

    if isinstance(judgement, Timestamped):
        return TimestampMade(size, "timestamped", judgement.at, judgement.authority, None, str(path))
    return TimestampMade(size, "inconclusive", None, None, judgement.reason, str(path))


def _damaged(path: Path, error: sqlite3.Error) -> CustodyError:
    return CustodyError(
        f"{path} cannot be read: {error}.", "It is damaged or in use: restore it from a backup, or try again."
    )
