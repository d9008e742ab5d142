"""Which messages of an IMAP mailbox are committed here: kept in the workspace, so that a restart goes on.

A message is known by UIDVALIDITY and UID (RFC 3501, section 2.3.1.1). Each one is written down by itself, not only the
highest: what was never fetched must never be moved, whatever order a server gives its messages.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from leaktrace.errors import MailError

POSITIONS_DB = "positions.db"
State = Literal["committed", "left"]
"""`left`: too large; it is known here by its beginning and stays in its mailbox."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS uids (mailbox TEXT NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL, "
    "state TEXT NOT NULL, PRIMARY KEY (mailbox, uidvalidity, uid)) STRICT, WITHOUT ROWID"
)


class Positions:
    """The committed messages of one mailbox. `mailbox`: a keyed hash of its address, never the address itself."""

    def __init__(self, folder: Path, mailbox: str) -> None:
        self._path = folder / POSITIONS_DB
        self._mailbox = mailbox
        self._uidvalidity = 0
        with _disk(self._path):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=60.0)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_SCHEMA)

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    def begin(self, uidvalidity: int) -> None:
        """What follows is said of this incarnation of the mailbox; UIDs of an earlier one mean nothing any more."""
        self._uidvalidity = uidvalidity
        with self._writing():
            self._connection.execute(
                "DELETE FROM uids WHERE mailbox = ? AND uidvalidity <> ?", (self._mailbox, uidvalidity)
            )

    def known(self) -> dict[int, State]:
        """UID -> what is known of it."""
        with _disk(self._path):
            return dict(
                self._connection.execute(
                    "SELECT uid, state FROM uids WHERE mailbox = ? AND uidvalidity = ?",
                    (self._mailbox, self._uidvalidity),
                )
            )

    def mark(self, states: Iterable[tuple[int, State]]) -> None:
        """Writes down that these are committed; durable when it returns."""
        rows = [(self._mailbox, self._uidvalidity, uid, state) for uid, state in states]
        with self._writing():
            self._connection.executemany("INSERT OR REPLACE INTO uids VALUES (?, ?, ?, ?)", rows)

    def forget(self, uids: Iterable[int]) -> None:
        """These are gone from the mailbox; a UID is never given twice."""
        rows = [(self._mailbox, self._uidvalidity, uid) for uid in uids]
        with self._writing():
            self._connection.executemany("DELETE FROM uids WHERE mailbox = ? AND uidvalidity = ? AND uid = ?", rows)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with _disk(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise MailError(
            f"{path} cannot be read or written: {error}.",
            "Free space or make the disk writable. It may be removed: the mailbox is then read from its beginning.",
        ) from error
