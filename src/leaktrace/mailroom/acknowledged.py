"""Who was thanked when: written down before the mail is sent, so that a crash sends it once or not at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leaktrace.errors import MailError

ACKNOWLEDGED_DB = "acknowledged.db"
_SCHEMA = (
    # `reporter`: a keyed hash of the folded address. `state`: planned until the relay has taken it, then sent.
    "CREATE TABLE IF NOT EXISTS acknowledgements (reference TEXT PRIMARY KEY, reporter BLOB NOT NULL, "
    "planned_at TEXT NOT NULL, state TEXT NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS by_reporter ON acknowledgements (reporter, planned_at)",
    "CREATE INDEX IF NOT EXISTS by_time ON acknowledgements (planned_at)",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often is often enough."""

    every_days: int
    hourly_ceiling_count: int


class AcknowledgedBook:
    """The acknowledgements of one workspace. Close it, or use it with `with`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ACKNOWLEDGED_DB
        with _disk(self._path):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=60.0)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            for statement in _SCHEMA:
                self._connection.execute(statement)

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    def __enter__(self) -> AcknowledgedBook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan(self, reference: str, reporter: bytes, *, now: datetime, limits: Limits) -> str | None:
        """Writes down that this one is to be sent; None: send it now. Else why not, and nothing is written.

        Durable when it returns. Whoever fails to send it calls `withdraw` only where it certainly was not sent.
        """
        with _disk(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                declined = self._too_often(reference, reporter, now, limits)
                if declined is None:
                    self._connection.execute(
                        "INSERT INTO acknowledgements VALUES (?, ?, ?, 'planned')", (reference, reporter, _text(now))
                    )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return declined

    def sent(self, reference: str) -> None:
        """The relay has taken it."""
        self._run("UPDATE acknowledgements SET state = 'sent' WHERE reference = ?", reference)

    def withdraw(self, reference: str) -> None:
        """It was certainly not sent; the reporter's next report may be acknowledged."""
        self._run("DELETE FROM acknowledgements WHERE reference = ? AND state = 'planned'", reference)

    def counts(self) -> dict[str, int]:
        """State -> how many; `planned` ones were cut off by a crash or a lost connection and are not sent again."""
        with _disk(self._path):
            return dict(
                self._connection.execute("SELECT state, count(*) FROM acknowledgements GROUP BY state ORDER BY state")
            )

    def _run(self, statement: str, reference: str) -> None:
        with _disk(self._path):
            self._connection.execute(statement, (reference,))

    def _too_often(self, reference: str, reporter: bytes, now: datetime, limits: Limits) -> str | None:
        if self._connection.execute("SELECT 1 FROM acknowledgements WHERE reference = ?", (reference,)).fetchone():
            return "this message was acknowledged"
        lately = _text(now - timedelta(days=limits.every_days))
        if self._connection.execute(
            "SELECT 1 FROM acknowledgements WHERE reporter = ? AND planned_at > ?", (reporter, lately)
        ).fetchone():
            return f"its sender was thanked in the last {limits.every_days} days"
        (count,) = self._connection.execute(
            "SELECT count(*) FROM acknowledgements WHERE planned_at > ?", (_text(now - timedelta(hours=1)),)
        ).fetchone()
        if count >= limits.hourly_ceiling_count:
            return f"{limits.hourly_ceiling_count} were sent in the last hour"
        return None


def _text(instant: datetime) -> str:
    """Fixed width, so that text order is the order of time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise MailError(
            f"{path} cannot be read or written: {error}.", "Free space or make the disk writable; nothing was sent."
        ) from error
