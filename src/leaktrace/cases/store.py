"""Cases at rest: events in SQLite, encrypted, each in one transaction with its entry in the custody log.

`case_events`   one row an event: place in the custody log, case, number in the case, kind, and the sealed rest (actor,
                event, salt), whose context binds it to exactly that place
`case_names`    case, pseudonym, sealed name: the only way back from a pseudonym
`passwords`     person, sealed Argon2 hash
Custody tables  see `cases.custody`

WAL, synchronous=FULL: what was committed survives a power cut. A case is always made anew from its events; what is
cached is checked to be a beginning of them. Nothing here deletes or changes an event.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from leaktrace.caserecords import CaseEvent, LogEntry, RecordedEvent, canonical, commitment_of, event_document
from leaktrace.cases.case import Case
from leaktrace.cases.codec import event_bytes, event_from
from leaktrace.cases.custody import CustodyLog, Pending
from leaktrace.cases.people import NO_CASE, People, next_people
from leaktrace.cases.pseudonyms import NameKind, pseudonym_for
from leaktrace.cases.resealing import SealedTable, reseal_tables
from leaktrace.cases.state import apply, opened
from leaktrace.errors import CaseError, CustodyError
from leaktrace.keys import Keyring

DATABASE = "cases.db"
_VERSION = 1
_SALT_BYTES = 32
_TABLES = (
    "CREATE TABLE IF NOT EXISTS case_events (idx INTEGER PRIMARY KEY, case_id TEXT NOT NULL, seq INTEGER NOT NULL, "
    "kind TEXT NOT NULL, sealed BLOB NOT NULL, UNIQUE (case_id, seq))",
    "CREATE TABLE IF NOT EXISTS case_names (case_id TEXT NOT NULL, pseudonym TEXT NOT NULL, sealed BLOB NOT NULL, "
    "PRIMARY KEY (case_id, pseudonym)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS passwords (person TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TRIGGER IF NOT EXISTS case_events_stay BEFORE DELETE ON case_events "
    "BEGIN SELECT RAISE(ABORT, 'events are never removed'); END",
    # `sealed` may be written anew under another key; what it holds is bound by the commitment in the log.
    "CREATE TRIGGER IF NOT EXISTS case_events_same BEFORE UPDATE OF idx, case_id, seq, kind ON case_events "
    "BEGIN SELECT RAISE(ABORT, 'events are never changed'); END",
)
_Row = tuple[int, str, int, str, bytes]


class Keeper(Protocol):
    """Who keeps the last checkpoint of the log outside the database (`cases.custody`)."""

    def begin(self, log: CustodyLog) -> object:
        """At opening: CustodyError unless the log continues what had been seen. Inside a transaction."""

    def moved(self, log: CustodyLog) -> object:
        """After each commit."""


class Transaction:
    """What may be done between begin and commit. Of one use."""

    def __init__(self, store: CaseStore) -> None:
        self._store = store

    def append(self, case: str, actor: str, at: datetime, events: Sequence[CaseEvent]) -> tuple[RecordedEvent, ...]:
        """Applies the events in order and writes them with their log entries; CaseError when a move is illegal."""
        return tuple(self._store._append(case, actor, at, event) for event in events)

    def pseudonym(self, case: str, kind: NameKind, name: str) -> str:
        """The pseudonym of a name in a case, given now if it had none."""
        return self._store._pseudonym(case, kind, name)

    def keep_password(self, person: str, hashed: str) -> None:
        """The Argon2 hash of somebody's password, in place of the one before."""
        self._store._keep_password(person, hashed)


class CaseStore:
    """All cases of one workspace."""

    def __init__(self, folder: Path, keyring: Keyring, keeper: Keeper | None = None) -> None:
        """`keeper`: keeps the anchors of the custody log; without one a shortened log is not found out."""
        self._keyring = keyring
        self._keeper = keeper
        self._cases: dict[str, tuple[Case, int]] = {}
        self._people: tuple[People, int] = (People(), -1)
        self._heads: dict[str, str] = {}
        with _guarded():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / DATABASE
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._prepare(path)
                self._log = CustodyLog(self._connection)
                if keeper is not None:
                    with self._begun():
                        keeper.begin(self._log)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, path: Path) -> None:
        with self._begun():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise CaseError(f"{path} was written by a newer leaktrace.", "Install that one; nothing was changed.")
            if version < _VERSION:
                for statement in _TABLES:
                    self._connection.execute(statement)
                CustodyLog.create(self._connection)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Lets the database go."""
        self._connection.close()

    @property
    def log(self) -> CustodyLog:
        """The custody log, to read and to prove from; appending goes through `writing`."""
        return self._log

    # --- writing ------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """One transaction: all of it is committed at the end, or nothing. One writer at a time; the others wait."""
        cases, people, heads = dict(self._cases), self._people, dict(self._heads)
        try:
            with _guarded(), self._begun():
                yield Transaction(self)
        except BaseException:
            self._cases, self._people, self._heads = cases, people, heads
            raise
        if self._keeper is not None:
            self._keeper.moved(self._log)

    @contextmanager
    def _begun(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _append(self, case: str, actor: str, at: datetime, event: CaseEvent) -> RecordedEvent:
        at = max(at.astimezone(UTC), self._last_at(case))
        seq = self._connection.execute("SELECT count(*) FROM case_events WHERE case_id = ?", (case,)).fetchone()[0]
        salt = secrets.token_bytes(_SALT_BYTES)
        document = event_document(event, actor, case, at)
        kind = type(event).__name__
        entry = self._log.append(Pending(case, kind, at, commitment_of(document, salt)))
        recorded = RecordedEvent(entry, event, actor, salt.hex())
        self._fold(recorded)
        sealed = self._keyring.encrypt(
            canonical({"actor": actor, "event": json.loads(event_bytes(event)), "salt": salt.hex()}),
            _context(case, entry.index, kind),
        )
        self._connection.execute(
            "INSERT INTO case_events (idx, case_id, seq, kind, sealed) VALUES (?, ?, ?, ?, ?)",
            (entry.index, case, seq, kind, sealed),
        )
        return recorded

    def _last_at(self, case: str) -> datetime:
        known = self.find(case)
        return datetime.min.replace(tzinfo=UTC) if known is None else known.last_at

    # --- reading ------------------------------------------------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """Ids of all cases, oldest first."""
        with _guarded():
            rows = self._connection.execute(
                "SELECT case_id FROM case_events WHERE seq = 0 AND case_id <> ? ORDER BY idx", (NO_CASE,)
            ).fetchall()
        return tuple(str(case) for (case,) in rows)

    def find(self, case: str) -> Case | None:
        """The case as its events made it, or None where there is none."""
        if case == NO_CASE:
            return None
        for recorded in self._news(case, self._cases[case][1] if case in self._cases else -1):
            self._fold(recorded)
        return self._cases[case][0] if case in self._cases else None

    def people(self) -> People:
        """Everybody there is or was."""
        for recorded in self._news(NO_CASE, self._people[1]):
            self._fold(recorded)
        return self._people[0]

    def last_commitment(self, case: str) -> str:
        """Hex commitment of the case's last event; empty where there is none."""
        self.find(case)
        return self._heads.get(case, "")

    def events(self, case: str) -> tuple[RecordedEvent, ...]:
        """All events of a case (`-`: of people), each opened and checked against its entry in the log."""
        return tuple(self._news(case, -1))

    def event_count(self) -> int:
        """Events of all cases together."""
        with _guarded():
            return int(self._connection.execute("SELECT count(*) FROM case_events").fetchone()[0])

    def _fold(self, recorded: RecordedEvent) -> None:
        case, index = recorded.entry.case, recorded.entry.index
        if case == NO_CASE:
            self._people = (next_people(self._people[0], recorded), index)
            return
        known = self._cases.get(case)
        args = (recorded.event, recorded.actor, recorded.entry.at)
        state = opened(case, *args) if known is None else apply(known[0], *args)
        self._cases[case] = (state, index)
        self._heads[case] = recorded.entry.commitment

    def _news(self, case: str, after: int) -> Iterator[RecordedEvent]:
        with _guarded():
            rows: list[_Row] = self._connection.execute(
                "SELECT idx, case_id, seq, kind, sealed FROM case_events WHERE case_id = ? AND idx > ? ORDER BY seq",
                (case, after),
            ).fetchall()
            for row in rows:
                yield self._opened(row)

    def _opened(self, row: _Row) -> RecordedEvent:
        """One stored event. CustodyError unless it is what its entry in the custody log commits to."""
        index, case, _, kind, sealed = row
        (entry,) = self._log.entries(index, index + 1)
        content = json.loads(self._keyring.decrypt(sealed, _context(case, index, kind)))
        event = event_from(kind, canonical(content["event"]))
        recorded = RecordedEvent(entry, event, content["actor"], content["salt"])
        _agrees(recorded, case, kind)
        return recorded

    # --- names --------------------------------------------------------------------------------------------

    def name_of(self, case: str, pseudonym: str) -> str | None:
        """Whom a pseudonym stands for; None where nobody has it. The caller owes the permission and the log of it."""
        with _guarded():
            row = self._connection.execute(
                "SELECT sealed FROM case_names WHERE case_id = ? AND pseudonym = ?", (case, pseudonym)
            ).fetchone()
        return None if row is None else self._keyring.decrypt(row[0], _name_context(case, pseudonym)).decode()

    def names(self, case: str) -> Mapping[str, str]:
        """Name -> pseudonym of everybody who has one in a case."""
        with _guarded():
            rows = self._connection.execute(
                "SELECT pseudonym, sealed FROM case_names WHERE case_id = ? ORDER BY pseudonym", (case,)
            ).fetchall()
        return {self._keyring.decrypt(sealed, _name_context(case, one)).decode(): one for one, sealed in rows}

    def _pseudonym(self, case: str, kind: NameKind, name: str) -> str:
        found = pseudonym_for(self._keyring.log_tag, case, kind, name, lambda one: self.name_of(case, one))
        sealed = self._keyring.encrypt(name.encode(), _name_context(case, found))
        self._connection.execute("INSERT OR IGNORE INTO case_names VALUES (?, ?, ?)", (case, found, sealed))
        return found

    # --- passwords ----------------------------------------------------------------------------------------

    def password_of(self, person: str) -> str | None:
        """The Argon2 hash of somebody's password; None where there is none."""
        with _guarded():
            row = self._connection.execute("SELECT sealed FROM passwords WHERE person = ?", (person,)).fetchone()
        return None if row is None else self._keyring.decrypt(row[0], f"password {person}").decode()

    def _keep_password(self, person: str, hashed: str) -> None:
        sealed = self._keyring.encrypt(hashed.encode(), f"password {person}")
        self._connection.execute("INSERT OR REPLACE INTO passwords VALUES (?, ?)", (person, sealed))

    def reseal(self) -> int:
        """Seals rows anew under the newest generation of the key; how many were under an older one."""
        with _guarded():
            return reseal_tables(self._connection, self._keyring, self._begun, _SEALED)

    # --- checking -----------------------------------------------------------------------------------------

    def verify_events(self) -> int:
        """Events looked at, if log and events agree.

        Checks: 1. as many events as entries, 2. every event opens the commitment of its entry, 3. numbers within a case
        leave none out, 4. every case can be made anew from its events. CustodyError or CaseError names the first that
        does not hold. The log itself is checked by `cases.custody`.
        """
        size, count = self._log.head().size, self.event_count()
        if size != count:  # 1
            raise CustodyError(
                f"The custody log has {size} entries, but there are {count} events.", "Restore both from one backup."
            )
        for case in (NO_CASE, *self.ids()):
            recorded = self.events(case)  # 2
            with _guarded():
                last = self._connection.execute(
                    "SELECT coalesce(max(seq), -1) FROM case_events WHERE case_id = ?", (case,)
                ).fetchone()[0]
            if last + 1 != len(recorded):  # 3
                raise CustodyError(f"Events of {case} are missing.", "Restore the workspace from a backup.")
            _made_anew(case, recorded)  # 4
        return count


def _made_anew(case: str, recorded: Sequence[RecordedEvent]) -> None:
    if case == NO_CASE:
        people = People()
        for one in recorded:
            people = next_people(people, one)
        return
    state: Case | None = None
    for one in recorded:
        args = (one.event, one.actor, one.entry.at)
        state = opened(case, *args) if state is None else apply(state, *args)


def _agrees(recorded: RecordedEvent, case: str, kind: str) -> LogEntry:
    entry = recorded.entry
    expected = commitment_of(recorded.document(), bytes.fromhex(recorded.salt))
    if (entry.case, entry.kind, entry.commitment) != (case, kind, expected):
        raise CustodyError(
            f"Event {entry.index} of {case} is not what the custody log committed to.",
            "It was changed after it was written: compare with your backup and with a witness.",
        )
    return entry


def _context(case: str, index: int, kind: str) -> str:
    return f"case event {case} {index} {kind}"


def _name_context(case: str, pseudonym: str) -> str:
    return f"case name {case} {pseudonym}"


_SEALED = (
    SealedTable("case_events", ("case_id", "idx", "kind"), _context),
    SealedTable("case_names", ("case_id", "pseudonym"), _name_context),
    SealedTable("passwords", ("person",), "password {}".format),
)


@contextmanager
def _guarded() -> Iterator[None]:
    """The one place where SQLite's and the disk's errors become ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise CaseError(
            f"The store of cases cannot be read or written: {error}.",
            "Free space, check its rights, and try again: nothing was left half-written.",
        ) from error
    except OSError as error:
        raise CaseError(f"The store of cases cannot be opened: {error.strerror}.", "Check the rights.") from error
