"""Logs in memory and on disk for the tests of the custody log."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from leaktrace.cases.custody import CustodyLog, Pending
from leaktrace.cases.custody.checkpoints import SignedCheckpoint, sign_checkpoint, verify_checkpoint
from leaktrace.cases.custody.logkeys import LogKeys, log_keys

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORKSPACE = "5f2c6a90d1e4b387"
KEYS = log_keys([bytes(range(32))], WORKSPACE)
OTHER_KEYS = log_keys([bytes(range(1, 33))], WORKSPACE)


def pending(number: int, mark: str = "") -> Pending:
    """The event that these tests log as number so-and-so."""
    commitment = hashlib.sha256(f"{mark}{number}".encode()).hexdigest()
    return Pending(f"case-{number % 3}", "NoteAdded", START + timedelta(seconds=number), commitment)


def connect(path: Path | None = None) -> sqlite3.Connection:
    """A database as a case store opens it."""
    connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
    if path is not None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    return connection


def log_of(count: int, mark: str = "", path: Path | None = None, batch: int = 1000) -> CustodyLog:
    """A log with so many entries."""
    connection = connect(path)
    connection.execute("BEGIN")
    log = CustodyLog.create(connection)
    for first in range(0, count, batch):
        log.append_many(pending(number, mark) for number in range(first, min(count, first + batch)))
    connection.execute("COMMIT")
    return log


def checkpoint_of(log: CustodyLog, keys: LogKeys = KEYS) -> SignedCheckpoint:
    """The log's head, signed and verified."""
    note = sign_checkpoint(log.head(), keys.signer)
    return verify_checkpoint(note.encode(), keys.origin, keys.keys)
