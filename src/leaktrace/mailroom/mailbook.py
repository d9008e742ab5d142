"""What the mailroom remembers: every message once, every report in it, and the campaign it was put in.

SQLite, one file (`bookfile`). Records are encrypted, for they hold customers' addresses; look-ups of reports
(`bookreports`) go by keyed hashes of addresses. A batch is there as a whole or not at all, whatever kills the process.
One writer at a time; readers are not disturbed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from leaktrace.errors import MailError
from leaktrace.keys import Keyring
from leaktrace.mailroom.bookfile import BookFile
from leaktrace.mailroom.bookreports import BookReports
from leaktrace.mailroom.booktimes import text_of
from leaktrace.mailroom.documents import message_from_document
from leaktrace.mailroom.groupbook import GroupBook
from leaktrace.mailroom.reports import StoredReport
from leaktrace.records import MessageRecord, to_document, to_json

_RESEALED_COUNT = 500


@dataclass(frozen=True, slots=True)
class AddedMail:
    """What became of the records of one `add`."""

    message_count: int
    """Records given, duplicates included."""
    report_count: int
    """Reports in new messages."""
    duplicate_count: int
    """Messages that were here before, or twice in the batch, and complaints that came again in another mail."""
    by_kind: dict[str, int]
    """New messages by kind."""
    reports: tuple[str, ...] = ()
    """Ids of the new reports."""
    messages: frozenset[str] = frozenset()
    """SHA-256 of the new messages."""
    resent_count: int = 0
    """Of the duplicates, those that are another mail: see `_fingerprint`."""


class MailBook:
    """The book of one workspace. Close it, or use it with `with`."""

    def __init__(self, file: BookFile, keyring: Keyring, own_domains: frozenset[str]) -> None:
        self._file = file
        self._keyring = keyring
        self._connection = file.connection
        self._reports = BookReports(file, keyring, own_domains)
        self._groups = GroupBook(file, keyring)

    @classmethod
    def open(cls, folder: Path, keyring: Keyring, own_domains: Iterable[str] = ()) -> MailBook:
        """The book in this folder, made when there is none. `own_domains`: see `features_of`.

        KeyFileError for another workspace's key, WorkspaceError for a newer version's book, MailError otherwise.
        """
        own = frozenset(own_domains)
        return cls(BookFile.open(folder, keyring), keyring, own)

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()

    def __enter__(self) -> MailBook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- writing ------------------------------------------------------------------------------------------

    def add(
        self,
        records: Iterable[MessageRecord],
        *,
        seen_at: datetime,
        contents: Mapping[str, str | None] | None = None,
    ) -> AddedMail:
        """Remembers a batch, all of it or nothing. A message that is here already changes nothing, even when it came
        another way that changed its line ends or its trace fields. `contents`: message's SHA-256 -> `content_sha256`.
        """
        contents = contents or {}
        messages: set[str] = set()
        by_kind: dict[str, int] = {}
        reports: list[str] = []
        message_count = duplicate_count = resent_count = 0
        with self._file.writing():
            for record in records:
                message_count += 1
                content, fingerprint = contents.get(record.sha256), _fingerprint(record, self._keyring)
                known = self._known(record, content, fingerprint)
                if known is not None:
                    duplicate_count += 1
                    resent_count += known == "complaint"
                    continue
                self._insert(record, seen_at, content, fingerprint)
                messages.add(record.sha256)
                by_kind[record.kind] = by_kind.get(record.kind, 0) + 1
                reports += [f"{record.sha256}/{index}" for index in range(len(record.originals))]
        return AddedMail(
            message_count, len(reports), duplicate_count, by_kind, tuple(reports), frozenset(messages), resent_count
        )

    @property
    def groups(self) -> GroupBook:
        """Its pages about campaigns."""
        return self._groups

    @property
    def disowned(self) -> bytes:
        """Person and house of every report whose sender's domain asks that it be not believed (`arrival`)."""
        return self._reports.disowned

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many records.

        Batch by batch: killed in between, the next call goes on. KeyFileError for a record that does not open.
        """
        count, last = 0, -1
        # Else the bytes under the old key would stay in free pages of the file.
        self._connection.execute("PRAGMA secure_delete = ON")
        while True:
            with self._file.writing():
                rows = self._connection.execute(
                    "SELECT id, sha256, sealed FROM messages WHERE id > ? ORDER BY id LIMIT ?", (last, _RESEALED_COUNT)
                ).fetchall()
                anew = [(self._keyring.resealed(sealed, _context(sha256)), message) for message, sha256, sealed in rows]
                changed = [one for one in anew if one[0] is not None]
                self._connection.executemany("UPDATE messages SET sealed = ? WHERE id = ?", changed)
            count += len(changed)
            if not rows:
                break
            last = rows[-1][0]
        with self._file.disk():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    # --- reading ------------------------------------------------------------------------------------------

    def reports(self, *, campaign: str | None = None, only: Collection[str] | None = None) -> tuple[StoredReport, ...]:
        """Every report, or those of one campaign, or those of these ids; in the order of message hash and index."""
        return self._reports.stored(campaign, only)

    def record(self, sha256: str) -> MessageRecord:
        """One message's record; MailError when it is not here."""
        with self._file.disk():
            row = self._connection.execute(
                "SELECT sha256, sealed FROM messages WHERE sha256 = ? "
                "OR id = (SELECT message FROM copies WHERE sha256 = ?)",
                (sha256, sha256),
            ).fetchone()
        if row is None:
            raise MailError(f"There is no message {sha256}.", "'campaigns' lists what has been received.")
        return self._opened(*row)

    def records(self) -> Iterator[MessageRecord]:
        """Every message's record, in the order of their hashes."""
        with self._file.disk():
            names = [name for (name,) in self._connection.execute("SELECT sha256 FROM messages ORDER BY sha256")]
        for name in names:
            yield self.record(name)

    def counts(self) -> dict[str, int]:
        """How many messages of each kind there are."""
        with self._file.disk():
            return dict(self._connection.execute("SELECT kind, count(*) FROM messages GROUP BY kind ORDER BY kind"))

    # --- inside -------------------------------------------------------------------------------------------

    def _known(
        self, record: MessageRecord, content: str | None, fingerprint: str | None
    ) -> Literal["message", "complaint"] | None:
        """Whether the message itself is here, or its complaint in another mail; either way it is evidence once."""
        if self._connection.execute(
            "SELECT 1 FROM messages WHERE sha256 = ? UNION ALL SELECT 1 FROM copies WHERE sha256 = ?",
            (record.sha256, record.sha256),
        ).fetchone():
            return "message"
        twin = self._connection.execute(
            "SELECT message, 'message' AS what FROM contents WHERE content = ? UNION ALL "
            "SELECT id, 'complaint' FROM messages WHERE fingerprint = ? ORDER BY what DESC LIMIT 1",
            (content, fingerprint),
        ).fetchone()
        if not twin:
            return None
        self._connection.execute("INSERT INTO copies (sha256, message) VALUES (?, ?)", (record.sha256, twin[0]))
        return "message" if twin[1] == "message" else "complaint"

    def _insert(self, record: MessageRecord, seen_at: datetime, content: str | None, fingerprint: str | None) -> None:
        sealed = self._keyring.encrypt(
            to_json(record, indent=None).encode("utf-8", "surrogatepass"), _context(record.sha256)
        )
        cursor = self._connection.execute(
            "INSERT INTO messages (sha256, kind, seen_at, fingerprint, sealed) VALUES (?, ?, ?, ?, ?)",
            (record.sha256, record.kind, text_of(seen_at), fingerprint, sealed),
        )
        message = cursor.lastrowid or 0
        if content is not None:
            self._connection.execute("INSERT INTO contents (content, message) VALUES (?, ?)", (content, message))
        self._reports.insert(message, record)

    def _opened(self, sha256: str, sealed: bytes) -> MessageRecord:
        plain = self._keyring.decrypt(sealed, _context(sha256))
        return message_from_document(json.loads(plain.decode("utf-8", "surrogatepass")))


def _fingerprint(record: MessageRecord, keyring: Keyring) -> str | None:
    """What stays equal when a report comes another way (mbox quoting, line ends); None where that is too little.

    Only for reports with a time of their own: two of one person in one second about one original are one complaint.
    """
    if record.kind != "report" or record.reported_at is None or not record.reporter.address:
        return None
    originals = [
        {
            "form": original.form,
            "sender": original.sender.address,
            "subject": original.subject,
            "message_id": original.message_id,
            "sent_between": original.sent_between,
            "sketch": () if original.message_id else original.text_sketch,
        }
        for original in record.originals
    ]
    document = to_document([record.reporter.address, record.reported_at, originals])
    return keyring.feature_hash("message " + json.dumps(document, sort_keys=True))


def _context(sha256: str) -> str:
    return f"mail record {sha256}"
