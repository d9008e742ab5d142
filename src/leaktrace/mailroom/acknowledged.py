"""Who was thanked when: written down before the mail is sent, so that a crash sends it once or not at all."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leaktrace.mailroom.smallbook import SmallBook

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
        self._book = SmallBook(
            folder / ACKNOWLEDGED_DB, _SCHEMA, "Free space or make the disk writable; nothing was sent."
        )

    def close(self) -> None:
        """Lets the file go."""
        self._book.close()

    def __enter__(self) -> AcknowledgedBook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan(self, reference: str, reporter: bytes, *, now: datetime, limits: Limits) -> str | None:
        """Writes down that this one is to be sent; None: send it now. Else why not, and nothing is written.

        Durable when it returns. Whoever fails to send it calls `withdraw` only where it certainly was not sent.
        """
        with self._book.writing() as connection:
            declined = _too_often(connection, reference, reporter, now, limits)
            if declined is None:
                connection.execute(
                    "INSERT INTO acknowledgements VALUES (?, ?, ?, 'planned')", (reference, reporter, _text(now))
                )
        return declined

    def sent(self, reference: str) -> None:
        """The relay has taken it."""
        self._run("UPDATE acknowledgements SET state = 'sent' WHERE reference = ?", reference)

    def withdraw(self, reference: str) -> None:
        """It was certainly not sent; the reporter's next report may be acknowledged."""
        self._run("DELETE FROM acknowledgements WHERE reference = ? AND state = 'planned'", reference)

    def counts(self) -> dict[str, int]:
        """State -> how many; `planned` ones were cut off by a crash or a lost connection and are not sent again."""
        with self._book.reading() as connection:
            return dict(
                connection.execute("SELECT state, count(*) FROM acknowledgements GROUP BY state ORDER BY state")
            )

    def _run(self, statement: str, reference: str) -> None:
        with self._book.writing() as connection:
            connection.execute(statement, (reference,))


def _too_often(
    connection: sqlite3.Connection, reference: str, reporter: bytes, now: datetime, limits: Limits
) -> str | None:
    if connection.execute("SELECT 1 FROM acknowledgements WHERE reference = ?", (reference,)).fetchone():
        return "this message was acknowledged"
    lately = _text(now - timedelta(days=limits.every_days))
    if connection.execute(
        "SELECT 1 FROM acknowledgements WHERE reporter = ? AND planned_at > ?", (reporter, lately)
    ).fetchone():
        return f"its sender was thanked in the last {limits.every_days} days"
    (count,) = connection.execute(
        "SELECT count(*) FROM acknowledgements WHERE planned_at > ?", (_text(now - timedelta(hours=1)),)
    ).fetchone()
    if count >= limits.hourly_ceiling_count:
        return f"{limits.hourly_ceiling_count} were sent in the last hour"
    return None


def _text(instant: datetime) -> str:
    """Fixed width, so that text order is the order of time."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
