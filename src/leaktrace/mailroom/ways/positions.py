"""Which messages of an IMAP mailbox are committed here: kept in the workspace, so that a restart goes on.

A message is known by UIDVALIDITY and UID (RFC 3501, section 2.3.1.1). Each one is written down by itself, not only the
highest: what was never fetched must never be moved, whatever order a server gives its messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from leaktrace.mailroom.smallbook import SmallBook

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
        self._book = SmallBook(
            folder / POSITIONS_DB,
            (_SCHEMA,),
            "Free space or make the disk writable. It may be removed: the mailbox is then read from its beginning.",
        )
        self._mailbox = mailbox
        self._uidvalidity = 0

    def close(self) -> None:
        """Lets the file go."""
        self._book.close()

    def begin(self, uidvalidity: int) -> None:
        """What follows is said of this incarnation of the mailbox; UIDs of an earlier one mean nothing any more."""
        self._uidvalidity = uidvalidity
        with self._book.writing() as connection:
            connection.execute("DELETE FROM uids WHERE mailbox = ? AND uidvalidity <> ?", (self._mailbox, uidvalidity))

    def known(self) -> dict[int, State]:
        """UID -> what is known of it."""
        with self._book.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT uid, state FROM uids WHERE mailbox = ? AND uidvalidity = ?",
                    (self._mailbox, self._uidvalidity),
                )
            )

    def mark(self, states: Iterable[tuple[int, State]]) -> None:
        """Writes down that these are committed; durable when it returns."""
        rows = [(self._mailbox, self._uidvalidity, uid, state) for uid, state in states]
        with self._book.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO uids VALUES (?, ?, ?, ?)", rows)

    def forget(self, uids: Iterable[int]) -> None:
        """These are gone from the mailbox; a UID is never given twice."""
        rows = [(self._mailbox, self._uidvalidity, uid) for uid in uids]
        with self._book.writing() as connection:
            connection.executemany("DELETE FROM uids WHERE mailbox = ? AND uidvalidity = ? AND uid = ?", rows)
