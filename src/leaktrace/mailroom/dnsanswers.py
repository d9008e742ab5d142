"""What SPF and DMARC ask the DNS, with ceilings on time, kept beside the keys: policies change, evidence stays.

A name made of the mail's sender or of its client's address is asked for and never kept: it may hold a person's
address.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from leaktrace.mailroom.dnskeys import FRESH, LIFETIME_SECONDS, Dnssec, FoundAnswer, kept_book
from leaktrace.mailroom.spf import RecordKind

MAIL_CEILING_SECONDS = 20.0
"""For all look-ups of one mail (RFC 7208, section 4.6.4: at least 20 seconds)."""
BATCH_CEILING_SECONDS = 120.0
"""For all look-ups of one batch: a sender whose DNS is slow on purpose holds up everybody else's mail no longer."""
_KEPT_CEILING_CHARACTERS = 16_000
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, "
    "records TEXT NOT NULL, dnssec TEXT NOT NULL, asked_at TEXT NOT NULL, server TEXT NOT NULL) STRICT",
    "CREATE INDEX IF NOT EXISTS answers_by_name ON answers (name, kind, asked_at)",
)


class AnswerServer(Protocol):
    """Where names are asked for."""

    def find(self, name: str, kind: RecordKind, now: datetime, *, seconds: float) -> FoundAnswer | None:
        """What there is, in at most so many seconds; null where no answer could be had."""


class AnswerBook:
    """The DNS for one batch of mail (`spf.Names`): kept answers that are fresh, else asked for and kept."""

    def __init__(
        self,
        path: Path,
        server: AnswerServer,
        clock: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        mail_seconds: float = MAIL_CEILING_SECONDS,
        batch_seconds: float = BATCH_CEILING_SECONDS,
    ) -> None:
        self._book = kept_book(path, _SCHEMA)
        self._server = server
        self._clock = clock
        self._monotonic = monotonic
        self._mail_seconds = self._mail_left_seconds = mail_seconds
        self._batch_left_seconds = batch_seconds
        self._silent: set[tuple[str, RecordKind]] = set()

    def close(self) -> None:
        """Lets the file go."""
        self._book.close()

    def next_mail(self) -> None:
        """What is asked from now on is for another mail, with a time of its own."""
        self._mail_left_seconds = self._mail_seconds

    def find(self, name: str, kind: RecordKind, *, is_of_mail: bool = False) -> tuple[str, ...] | None:
        """See `spf.Names`."""
        now, asked = self._clock(), (name.lower(), kind)
        kept = None if is_of_mail else self._kept(*asked)
        if kept is not None and kept.asked_at >= now - FRESH:
            return kept.records
        seconds = min(LIFETIME_SECONDS, self._mail_left_seconds, self._batch_left_seconds)
        if asked in self._silent or seconds <= 0:
            return None
        began = self._monotonic()
        found = self._server.find(*asked, now, seconds=seconds)
        spent = self._monotonic() - began
        self._mail_left_seconds -= spent
        self._batch_left_seconds -= spent
        if found is None:
            self._silent.add(asked)
            return None
        if not is_of_mail and sum(map(len, found.records)) <= _KEPT_CEILING_CHARACTERS:
            self._keep(found)
        return found.records

    def _kept(self, name: str, kind: RecordKind) -> FoundAnswer | None:
        with self._book.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM answers WHERE name = ? AND kind = ? "  # noqa: S608 - names of columns
                "ORDER BY asked_at DESC, id DESC LIMIT 1",
                (name, kind),
            ).fetchone()
        return None if row is None else _answer(row)

    def _keep(self, found: FoundAnswer) -> None:
        with self._book.reading() as connection:
            connection.execute(
                f"INSERT INTO answers ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - names of columns
                (
                    found.name,
                    found.kind,
                    json.dumps(found.records),
                    found.dnssec,
                    found.asked_at.isoformat(),
                    found.server,
                ),
            )


def read_answers(path: Path) -> tuple[FoundAnswer, ...]:
    """Everything ever kept in this file, oldest first: what goes with the evidence."""
    with contextlib.closing(kept_book(path, _SCHEMA)) as book, book.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM answers ORDER BY id").fetchall()  # noqa: S608 - the same
    return tuple(map(_answer, rows))


_COLUMNS = "name, kind, records, dnssec, asked_at, server"


def _answer(row: tuple[str, RecordKind, str, Dnssec, str, str]) -> FoundAnswer:
    name, kind, records, dnssec, asked_at, server = row
    return FoundAnswer(name, kind, tuple(json.loads(records)), dnssec, datetime.fromisoformat(asked_at), server)
