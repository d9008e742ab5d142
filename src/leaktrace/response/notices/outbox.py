"""The outbox: who of a frozen list was told, and who still has to be; SQLite (WAL, synchronous=FULL), 0600.

UNIQUE(case, version, person) is the first guard against telling somebody twice, the states are the second. No
address is ever in it: a person is a case pseudonym, an answer of the relay is kept as its code. SQLite's errors
become ResponseError here.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from leaktrace.errors import ResponseError
from leaktrace.response.notices.outboxrows import (
    Batch,
    BatchStatus,
    ClaimedNotice,
    KeptNotice,
    Left,
    PlannedNotice,
    split_fields,
)
from leaktrace.response.notices.outcomes import Outcome
from leaktrace.response.notices.states import NoticeState, Reconciled, reconcile

DATABASE = "outbox.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS batch (
    number INTEGER PRIMARY KEY, case_id TEXT NOT NULL, version TEXT NOT NULL, document TEXT NOT NULL,
    frozen_count INTEGER NOT NULL, planned_at TEXT NOT NULL, approval TEXT, envelope_sha256 TEXT,
    parameters_sha256 TEXT, boot_id TEXT, fsync_each INTEGER, canary_count INTEGER, continued_at TEXT,
    UNIQUE (case_id, version)
) STRICT;
CREATE TABLE IF NOT EXISTS notice (
    row INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batch (number), person TEXT NOT NULL,
    notice TEXT NOT NULL UNIQUE, law TEXT NOT NULL, language TEXT NOT NULL, fields TEXT NOT NULL,
    state TEXT NOT NULL, attempt_count INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
    retry_at TEXT, changed_at TEXT NOT NULL,
    UNIQUE (batch, person)
) STRICT;
CREATE INDEX IF NOT EXISTS notice_by_state ON notice (batch, state, row);
CREATE TABLE IF NOT EXISTS bounce (
    notice TEXT NOT NULL REFERENCES notice (notice), report_sha256 TEXT NOT NULL, kind TEXT NOT NULL,
    action TEXT NOT NULL, status TEXT NOT NULL, read_at TEXT NOT NULL,
    PRIMARY KEY (notice, report_sha256)
) STRICT;
PRAGMA user_version = 1;
"""


class Outbox:
    """The open database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / DATABASE
        with _storing():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            # -wal and -shm take over the mode of the database.
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA foreign_keys = ON")
        if self._value("PRAGMA user_version") == 0:
            self._db.executescript(_SCHEMA)
        if (made_by := self._value("PRAGMA user_version")) != 1:
            raise ResponseError(
                f"The outbox was made by a newer leaktrace (format {made_by}).", "Install it; nothing was changed."
            )

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- planning -----------------------------------------------------------------------------------------

    def require_new(self, case: str, version: str) -> None:
        """ResponseError where this case has this version already."""
        if self._value("SELECT 1 FROM batch WHERE case_id = ? AND version = ?", case, version) is not None:
            raise ResponseError(
                f"Notices of version {version} are planned for {case} already.",
                "Send or look at them; what is told later is a new version.",
            )

    def plan(
        self, case: str, version: str, document: dict[str, Any], notices: Sequence[PlannedNotice], now: datetime
    ) -> Batch:
        """Writes a whole batch or nothing; ResponseError where this case has this version already."""
        with self._transaction():
            self.require_new(case, version)
            text = json.dumps(document, sort_keys=True, ensure_ascii=False)
            number = self._db.execute(
                "INSERT INTO batch (case_id, version, document, frozen_count, planned_at) VALUES (?, ?, ?, ?, ?)",
                (case, version, text, len(notices), now.isoformat()),
            ).lastrowid
            self._db.executemany(
                "INSERT INTO notice (batch, person, notice, law, language, fields, state, reason, changed_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (number, one.person, one.notice, one.law, one.language, ";".join(one.fields),
                     "suppressed" if one.suppressed else "planned", one.suppressed or "", now.isoformat())
                    for one in notices
                ),
            )  # fmt: skip
        return self.batch(case, version)

    def batch(self, case: str, version: str | None = None) -> Batch:
        """One batch of a case, the latest unless named; ResponseError where there is none."""
        found = self._rows(
            "SELECT number, case_id, version, frozen_count, planned_at, document, approval, parameters_sha256, "
            "envelope_sha256, canary_count, continued_at FROM batch WHERE case_id = ? AND (? IS NULL OR version = ?) "
            "ORDER BY number DESC LIMIT 1",
            (case, version, version),
        )
        if not found:
            raise ResponseError(
                f"No notices are planned for {case}" + (f" in version {version}." if version else "."),
                "Plan them first: leaktrace notify plan CASE.",
            )
        number, named, written, frozen_count, planned_at, document, approval, parameters, envelope, canary, at = found[
            0
        ]
        return Batch(
            number=number,
            case=named,
            version=written,
            frozen_count=frozen_count,
            planned_at=datetime.fromisoformat(planned_at),
            document=json.loads(document),
            approval=approval,
            parameters_sha256=parameters,
            envelope_sha256=envelope,
            canary_count=canary or 0,
            continued_at=None if at is None else datetime.fromisoformat(at),
        )

    # --- who was told by another version --------------------------------------------------------------------

    def told(self, case: str, *, but: Batch | None = None) -> dict[str, str]:
        """Person -> the earliest version, other than `but`, that reached them or may have: at most once is the rule."""
        return dict(
            self._rows(
                "SELECT person, version FROM notice JOIN batch ON batch = number WHERE case_id = ? AND number <> ? "
                "AND state IN ('accepted', 'unknown', 'claimed') ORDER BY number DESC",
                (case, -1 if but is None else but.number),
            )
        )

    def told_fields(self, case: str) -> dict[str, frozenset[str]]:
        """Person -> the fields that any version told, or may have told, them of."""
        found: dict[str, frozenset[str]] = {}
        for person, fields in self._rows(
            "SELECT person, fields FROM notice JOIN batch ON batch = number WHERE case_id = ? "
            "AND state IN ('accepted', 'unknown', 'claimed')",
            (case,),
        ):
            found[person] = found.get(person, frozenset()) | frozenset(split_fields(fields))
        return found

    def left_out(self, batch: Batch) -> frozenset[str]:
        """Persons whom the plan of this batch leaves out because another version told them."""
        found = self._rows(
            "SELECT person FROM notice WHERE batch = ? AND state = 'suppressed' AND reason = 'told_by_other_version'",
            (batch.number,),
        )
        return frozenset(person for (person,) in found)

    def leave_out_told(self, batch: Batch, now: datetime) -> int:
        """Takes those out whom another version reached since this one was planned; how many. Under the sender's lock.

        Not where two people agreed to writing to them again.
        """
        if batch.told_again:
            return 0
        with self._transaction():
            return self._db.execute(
                "UPDATE notice SET state = 'suppressed', reason = 'told_meanwhile', changed_at = ? WHERE batch = ? AND "
                "state IN ('planned', 'retry') AND person IN (SELECT person FROM notice JOIN batch ON batch = number "
                "WHERE case_id = ? AND number <> ? AND state IN ('accepted', 'unknown', 'claimed'))",
                (now.isoformat(), batch.number, batch.case, batch.number),
            ).rowcount

    def approve(self, batch: Batch, approval: str, envelope_sha256: str, parameters_sha256: str) -> None:
        """Notes under which approval the batch is sent; from now on it may be resumed under the same parameters."""
        with self._transaction():
            self._db.execute(
                "UPDATE batch SET approval = ?, envelope_sha256 = ?, parameters_sha256 = ? WHERE number = ?",
                (approval, envelope_sha256, parameters_sha256, batch.number),
            )

    def set_canary(self, batch: Batch, canary_count: int) -> None:
        """After so many attempts sending stops until a person continues it."""
        with self._transaction():
            self._db.execute("UPDATE batch SET canary_count = ? WHERE number = ?", (canary_count, batch.number))

    def go_on(self, batch: Batch, now: datetime) -> None:
        """A person looked at the canaries."""
        with self._transaction():
            self._db.execute("UPDATE batch SET continued_at = ? WHERE number = ?", (now.isoformat(), batch.number))

    # --- sending ------------------------------------------------------------------------------------------

    def turn(self, batch: Batch, outcomes: Iterable[Outcome], count: int, now: datetime) -> tuple[ClaimedNotice, ...]:
        """Commits what became of the claimed, and claims the next, in one transaction."""
        with self._transaction():
            self._settle(outcomes)
            found = self._db.execute(
                "SELECT row, person, notice, law, language, fields, attempt_count FROM notice "
                "WHERE batch = ? AND state = 'planned' ORDER BY row LIMIT ?",
                (batch.number, count),
            ).fetchall()
            if len(found) < count:
                found += self._db.execute(
                    "SELECT row, person, notice, law, language, fields, attempt_count FROM notice "
                    "WHERE batch = ? AND state = 'retry' AND retry_at <= ? ORDER BY row LIMIT ?",
                    (batch.number, now.isoformat(), count - len(found)),
                ).fetchall()
            self._db.executemany(
                "UPDATE notice SET state = 'claimed', changed_at = ? WHERE row = ?",
                ((now.isoformat(), one[0]) for one in found),
            )
        return tuple(
            ClaimedNotice(row, person, notice, law, language, split_fields(fields), attempts)
            for row, person, notice, law, language, fields, attempts in found
        )

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        for one in outcomes:
            changed = self._db.execute(
                "UPDATE notice SET state = ?, attempt_count = attempt_count + ?, reason = ?, retry_at = ?, "
                "changed_at = ? WHERE row = ? AND state = 'claimed'",
                (
                    one.state,
                    one.attempt_count,
                    one.reason,
                    None if one.retry_at is None else one.retry_at.isoformat(),
                    one.at.isoformat(),
                    one.row,
                ),
            ).rowcount
            if changed != 1:
                raise ResponseError(
                    f"The notice in row {one.row} of the outbox was not claimed by this sender.",
                    "Two senders may have been at work: stop both, and look at `leaktrace notify status`.",
                )

    def claimed(self) -> dict[int, int]:
        """Row -> earlier attempts of everything claimed, in all batches."""
        return dict(self._rows("SELECT row, attempt_count FROM notice WHERE state = 'claimed'"))

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Commits what became of claimed notices."""
        with self._transaction():
            self._settle(outcomes)

    def begin_run(self, batch: Batch, boot_id: str, *, fsync_each: bool) -> None:
        """Notes on which start of the machine, and how safely, the journal is written from now on."""
        with self._transaction():
            self._db.execute(
                "UPDATE batch SET boot_id = ?, fsync_each = ? WHERE number = ?", (boot_id, fsync_each, batch.number)
            )

    def runs_of_claimed(self) -> tuple[tuple[str, bool], ...]:
        """(boot id, whether each record was synced) of the runs that left something claimed."""
        return tuple(
            (boot_id or "", bool(fsync_each))
            for boot_id, fsync_each in self._rows(
                "SELECT DISTINCT boot_id, fsync_each FROM batch WHERE number IN "
                "(SELECT batch FROM notice WHERE state = 'claimed')"
            )
        )

    def variants(self, batch: Batch) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Every (law, language, fields) that somebody who is written to needs."""
        found = self._rows(
            "SELECT DISTINCT law, language, fields FROM notice WHERE batch = ? AND state <> 'suppressed'",
            (batch.number,),
        )
        return tuple((law, language, split_fields(fields)) for law, language, fields in found)

    def kept(self, case: str, who: str, version: str | None = None) -> KeptNotice | None:
        """The notice of a person, or with this reference, in the newest version that has one; null where none has."""
        found = self._rows(
            "SELECT version, state, changed_at, person, notice, law, language, fields, iif(state = 'suppressed', "
            "reason, NULL) FROM notice JOIN batch ON batch = number WHERE case_id = ? "
            "AND (person = ? OR notice = lower(?)) AND (? IS NULL OR version = ?) ORDER BY number DESC LIMIT 1",
            (case, who, who, version, version),
        )
        if not found:
            return None
        written, state, at, person, notice, law, language, fields, why = found[0]
        one = PlannedNotice(person, notice, law, language, split_fields(fields), why)
        return KeptNotice(written, one, state, datetime.fromisoformat(at))

    # --- bounces ------------------------------------------------------------------------------------------

    def add_bounce(self, notice: str, report_sha256: str, kind: str, action: str, status: str, now: datetime) -> bool:
        """Notes a delivery report once; False where it is known already or there is no such notice."""
        with self._transaction():
            if self._value("SELECT 1 FROM notice WHERE notice = ?", notice) is None:
                return False
            return bool(
                self._db.execute(
                    "INSERT OR IGNORE INTO bounce VALUES (?, ?, ?, ?, ?, ?)",
                    (notice, report_sha256, kind, action, status, now.isoformat()),
                ).rowcount
            )

    # --- asking -------------------------------------------------------------------------------------------

    def case_of(self, notice: str) -> str | None:
        """The case that a notice tells of; None where there is no such notice."""
        rows = self._rows(
            "SELECT batch.case_id FROM notice JOIN batch ON batch.number = notice.batch WHERE notice = ?", (notice,)
        )
        return str(rows[0][0]) if rows else None

    def attempted_count(self, batch: Batch) -> int:
        """Notices of which at least one attempt was made."""
        statement = "SELECT count(*) FROM notice WHERE batch = ? AND attempt_count > 0"
        return int(self._rows(statement, (batch.number,))[0][0])

    def sums(self, batch: Batch) -> Reconciled:
        """Everybody, each in one sum; ResponseError when the sums do not add up."""
        counted = self._rows("SELECT state, count(*) FROM notice WHERE batch = ? GROUP BY state", (batch.number,))
        return reconcile(batch.frozen_count, {cast("NoticeState", state): count for state, count in counted})

    def status(self, batch: Batch) -> BatchStatus:
        """How far a batch is."""
        suppressed = self._rows(
            "SELECT reason, count(*) FROM notice WHERE batch = ? AND state = 'suppressed' GROUP BY reason ORDER BY 1",
            (batch.number,),
        )
        bounced = dict(
            self._rows(
                "SELECT kind, count(DISTINCT notice) FROM bounce JOIN notice USING (notice) WHERE batch = ? "
                "GROUP BY kind",
                (batch.number,),
            )
        )
        return BatchStatus(
            batch.case,
            batch.version,
            self.sums(batch),
            batch.approval,
            batch.canary_count,
            batch.continued_at is not None,
            bounced.get("hard", 0),
            bounced.get("soft", 0),
            dict(suppressed),
            len(self._rows("SELECT 1 FROM notice WHERE batch = ? AND state = 'claimed'", (batch.number,))),
        )

    def left(self, batch: Batch) -> tuple[Left, ...]:
        """Whom no mail reached for certain: refused, unknown, bounced for good, or suppressed and not told before."""
        return tuple(
            Left(*one)
            for one in self._rows(
                "SELECT person, notice, state, reason FROM notice AS n WHERE batch = ? AND state IN ('refused', "
                "'unknown', 'suppressed') AND NOT (reason IN ('told_by_other_version', 'told_meanwhile') AND EXISTS "
                "(SELECT 1 FROM notice AS o JOIN batch ON o.batch = number WHERE case_id = ? AND o.person = n.person "
                "AND o.state = 'accepted' AND o.notice NOT IN (SELECT notice FROM bounce WHERE kind = 'hard'))) "
                "UNION ALL SELECT person, n.notice, state, 'bounced ' || min(b.status) FROM notice AS n "
                "JOIN bounce AS b USING (notice) WHERE batch = ? AND b.kind = 'hard' AND state = 'accepted' "
                "GROUP BY n.notice ORDER BY person",
                (batch.number, batch.case, batch.number),
            )
        )

    # --- SQLite -------------------------------------------------------------------------------------------

    def _value(self, statement: str, *values: object) -> object:
        with _storing():
            found = self._db.execute(statement, values).fetchone()
        return None if found is None else found[0]

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[Any]:
        with _storing():
            return self._db.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _storing():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


@contextlib.contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ResponseError(
            f"The outbox cannot be written: {error}.",
            "Make room or give write permission; nothing was left half-written, so run the same command again.",
        ) from error
