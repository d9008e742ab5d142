"""What the mailroom remembers: every message once, every report in it, and the campaign it was put in.

SQLite, one file. Records are encrypted, for they hold customers' addresses; look-ups go by keyed hashes of addresses.
A batch is there as a whole or not at all, whatever kills the process. One writer at a time; readers are not disturbed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leaktrace.errors import KeyFileError, MailError, WorkspaceError
from leaktrace.keys import Keyring
from leaktrace.mailroom.bookshelf import micros_of
from leaktrace.mailroom.bookupgrade import upgrade
from leaktrace.mailroom.documents import message_from_document
from leaktrace.mailroom.domains import domain_of_address
from leaktrace.mailroom.features import features_from_document, features_of
from leaktrace.mailroom.groupbook import GroupBook, Ways
from leaktrace.mailroom.persons import house_of, person_of
from leaktrace.mailroom.reports import AddressHashes, StoredReport, hashes_of, stand_in
from leaktrace.mailroom.schema import CONTENTS, FORMAT, SCHEMA
from leaktrace.mailroom.shelves import rank
from leaktrace.records import MessageRecord, Original, Window, to_document, to_json

MAIL_DB = "mail.db"
_RESEALED_COUNT = 500
_DISOWNED = "*@disowned.invalid"


@dataclass(frozen=True, slots=True)
class AddedMail:
    """What became of the records of one `add`."""

    message_count: int
    """Records given, duplicates included."""
    report_count: int
    """Reports in new messages."""
    duplicate_count: int
    """Messages that were here before, or twice in the batch."""
    by_kind: dict[str, int]
    """New messages by kind."""
    reports: tuple[str, ...] = ()
    """Ids of the new reports."""
    messages: frozenset[str] = frozenset()
    """SHA-256 of the new messages."""


class MailBook:
    """The book of one workspace. Close it, or use it with `with`."""

    def __init__(
        self, folder: Path, keyring: Keyring, connection: sqlite3.Connection, own_domains: frozenset[str]
    ) -> None:
        self._folder = folder
        self._keyring = keyring
        self._connection = connection
        self._own_domains = own_domains
        path = folder / MAIL_DB
        self._groups = GroupBook(connection, keyring, Ways(lambda: _disk(path), self._asking, self._writing))

    @classmethod
    def open(cls, folder: Path, keyring: Keyring, own_domains: Iterable[str] = ()) -> MailBook:
        """The book in this folder, made when there is none. `own_domains`: see `features_of`.

        KeyFileError for another workspace's key, WorkspaceError for a newer version's book, MailError otherwise.
        """
        path = folder / MAIL_DB
        with _disk(path):
            folder.mkdir(mode=0o700, exist_ok=True)
            # Made here, so that it and SQLite's files beside it (same mode) are never readable by others.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, isolation_level=None, timeout=60.0)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA foreign_keys=ON")
                book = cls(folder, keyring, connection, frozenset(own_domains))
                book._check_or_make()
            except BaseException:
                connection.close()
                raise
        return book

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

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
        message_count = duplicate_count = 0
        with self._writing():
            for record in records:
                message_count += 1
                content, fingerprint = contents.get(record.sha256), _fingerprint(record, self._keyring)
                if self._is_known(record, content, fingerprint):
                    duplicate_count += 1
                    continue
                self._insert(record, seen_at, content, fingerprint)
                messages.add(record.sha256)
                by_kind[record.kind] = by_kind.get(record.kind, 0) + 1
                reports += [f"{record.sha256}/{index}" for index in range(len(record.originals))]
        return AddedMail(message_count, len(reports), duplicate_count, by_kind, tuple(reports), frozenset(messages))

    @property
    def groups(self) -> GroupBook:
        """Its pages about campaigns."""
        return self._groups

    @property
    def disowned(self) -> bytes:
        """Person and house of every report whose sender's domain asks that it be not believed (`arrival`)."""
        return self._keyring.address_hash(_DISOWNED)

    def reseal(self) -> int:
        """Encrypts under the newest generation of the key what is under an older one; how many records.

        Batch by batch: killed in between, the next call goes on. KeyFileError for a record that does not open.
        """
        count, last = 0, -1
        # Else the bytes under the old key would stay in free pages of the file.
        self._connection.execute("PRAGMA secure_delete = ON")
        while True:
            with self._writing():
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
        with _disk(self._folder / MAIL_DB):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    # --- reading ------------------------------------------------------------------------------------------

    def reports(self, *, campaign: str | None = None, only: Collection[str] | None = None) -> tuple[StoredReport, ...]:
        """Every report, or those of one campaign, or those of these ids; in the order of message hash and index."""
        with _disk(self._folder / MAIL_DB), self._reading():
            if campaign is None and only is None:
                addresses = self._addresses("")
                return tuple(_stored(row, addresses.get(row[:2], [])) for row in self._rows(""))
            if only is None:
                rows = self._rows("WHERE g.name = ?", campaign)
            else:
                names = [name.partition("/") for name in sorted(only)]
                rows = [row for name in names for row in self._rows("WHERE m.sha256 = ? AND r.idx = ?", *name[::2])]
            found = [self._addresses("WHERE message = ? AND idx = ?", *row[:2]) for row in rows]
        return tuple(_stored(row, one.get(row[:2], [])) for row, one in zip(rows, found, strict=True))

    def _addresses(self, where: str, *values: object) -> dict[tuple[int, int], list[tuple[str, AddressHashes]]]:
        found: dict[tuple[int, int], list[tuple[str, AddressHashes]]] = {}
        sql = f"SELECT message, idx, role, exact, folded FROM addresses {where} ORDER BY rowid"  # noqa: S608
        for message, index, role, exact, folded in self._connection.execute(sql, values):
            found.setdefault((message, index), []).append((role, AddressHashes(exact, folded)))
        return found

    def _rows(self, where: str, *values: object) -> list[tuple[Any, ...]]:
        sql = (
            "SELECT r.message, r.idx, m.sha256, sender_domain, form, grade, received_at, sent_start, sent_end, "  # noqa: S608
            "r.reported_at, m.seen_at, g.name, features, person, house FROM reports r "
            "JOIN messages m ON m.id = r.message LEFT JOIN clusters c ON c.id = r.cluster "
            f"LEFT JOIN campaigns g ON g.id = c.campaign {where} ORDER BY m.sha256, r.idx"
        )
        return self._connection.execute(sql, values).fetchall()

    def record(self, sha256: str) -> MessageRecord:
        """One message's record; MailError when it is not here."""
        with _disk(self._folder / MAIL_DB):
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
        with _disk(self._folder / MAIL_DB):
            names = [name for (name,) in self._connection.execute("SELECT sha256 FROM messages ORDER BY sha256")]
        for name in names:
            yield self.record(name)

    def counts(self) -> dict[str, int]:
        """How many messages of each kind there are."""
        with _disk(self._folder / MAIL_DB):
            return dict(self._connection.execute("SELECT kind, count(*) FROM messages GROUP BY kind ORDER BY kind"))

    # --- inside -------------------------------------------------------------------------------------------

    def _check_or_make(self) -> None:
        found = self._connection.execute("SELECT name FROM sqlite_master WHERE name = 'book'").fetchone()
        if found is None:
            with self._writing():
                for statement in SCHEMA:
                    self._connection.execute(statement)
                self._connection.execute(
                    "INSERT INTO book SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM book)",
                    (FORMAT, self._keyring.check_value()),
                )
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'contents'").fetchone():
            # A book that was made before messages were known by what they say gets the table when it is opened.
            with self._writing():
                self._connection.execute(CONTENTS)
        book_format, check_value = self._connection.execute("SELECT format, check_value FROM book").fetchone()
        if book_format > FORMAT:
            raise WorkspaceError(
                f"{self._folder / MAIL_DB} was written by a newer leaktrace: it has format {book_format}.",
                f"Open this workspace with the newer version; this one knows formats up to {FORMAT}.",
            )
        if check_value != self._keyring.check_value():
            raise KeyFileError(
                f"The key does not belong to {self._folder / MAIL_DB}.",
                "Set LEAKTRACE_KEY_FILE to the key file of this workspace.",
            )
        if book_format < FORMAT:
            with self._writing():
                upgrade(self._connection)

    def _is_known(self, record: MessageRecord, content: str | None, fingerprint: str | None) -> bool:
        if self._connection.execute(
            "SELECT 1 FROM messages WHERE sha256 = ? UNION ALL SELECT 1 FROM copies WHERE sha256 = ?",
            (record.sha256, record.sha256),
        ).fetchone():
            return True
        twin = self._connection.execute(
            "SELECT message FROM contents WHERE content = ? UNION ALL SELECT id FROM messages WHERE fingerprint = ?",
            (content, fingerprint),
        ).fetchone()
        if twin:
            self._connection.execute("INSERT INTO copies (sha256, message) VALUES (?, ?)", (record.sha256, twin[0]))
        return bool(twin)

    def _insert(self, record: MessageRecord, seen_at: datetime, content: str | None, fingerprint: str | None) -> None:
        sealed = self._keyring.encrypt(
            to_json(record, indent=None).encode("utf-8", "surrogatepass"), _context(record.sha256)
        )
        message = self._connection.execute(
            "INSERT INTO messages (sha256, kind, seen_at, fingerprint, sealed) VALUES (?, ?, ?, ?, ?)",
            (record.sha256, record.kind, _text(seen_at), fingerprint, sealed),
        ).lastrowid
        if content is not None:
            self._connection.execute("INSERT INTO contents (content, message) VALUES (?, ?)", (content, message))
        for index, original in enumerate(record.originals):
            features = features_of(original, self._keyring.feature_hash, self._own_domains).document()
            person, house = self._told_by(record, original)
            self._connection.execute(
                "INSERT INTO reports (message, idx, sender_domain, form, grade, received_at, sent_start, sent_end, "
                "reported_at, features, rank, mail_at, person, house) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message,
                    index,
                    domain_of_address(original.sender.address),
                    original.form,
                    original.grade,
                    _text(original.received_at),
                    _text(original.sent_between.start),
                    _text(original.sent_between.end),
                    _text(record.reported_at),
                    json.dumps(features, separators=(",", ":")),
                    rank(f"{record.sha256}/{index}"),
                    micros_of(original.received_at or original.sent_between.start or record.reported_at),
                    person,
                    house,
                ),
            )
            for role, address in _addresses(record, original):
                hashed = hashes_of(address, self._keyring)
                if hashed is not None:
                    self._connection.execute(
                        "INSERT INTO addresses (message, idx, role, exact, folded) VALUES (?, ?, ?, ?, ?)",
                        (message, index, role, hashed.exact, hashed.folded),
                    )

    def _told_by(self, record: MessageRecord, original: Original) -> tuple[bytes | None, bytes | None]:
        """Person and house of whoever told; where From is disowned, nobody knows who it was: all of them are one."""
        arrival = record.arrival
        if arrival is not None and arrival.sender == "disowned":
            return self.disowned, self.disowned
        address = next((address for _, address in _addresses(record, original)), None)
        return self._hash_of(address, person_of), self._hash_of(address, house_of)

    def _hash_of(self, address: str | None, one_for_all: Callable[[str], str | None]) -> bytes | None:
        text = one_for_all(address) if address is not None else None
        return None if text is None else self._keyring.address_hash(text)

    def _opened(self, sha256: str, sealed: bytes) -> MessageRecord:
        plain = self._keyring.decrypt(sealed, _context(sha256))
        return message_from_document(json.loads(plain.decode("utf-8", "surrogatepass")))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with _disk(self._folder / MAIL_DB):
            handle = os.open(self._folder / "mail.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            finally:
                os.close(handle)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        with _disk(self._folder / MAIL_DB), self._reading():
            yield

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Several questions to one state of the book, whatever a writer does meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")


def _stored(row: tuple[Any, ...], addresses: list[tuple[str, AddressHashes]]) -> StoredReport:
    _, index, sha256, sender_domain, form, grade, received, start, end, reported, seen, campaign, features = row[:13]
    return StoredReport(
        sha256=sha256,
        index=index,
        reporter=next((hashes for role, hashes in addresses if role == "reporter"), None),
        recipients=tuple(hashes for role, hashes in addresses if role != "reporter"),
        sender_domain=sender_domain,
        form=form,
        grade=grade,
        received_at=_instant(received),
        sent_between=Window(_instant(start), _instant(end)),
        reported_at=_instant(reported),
        seen_at=datetime.fromisoformat(seen),
        campaign=campaign,
        features=features_from_document(json.loads(features)),
        person=row[13],
        house=row[14],
    )


def _addresses(record: MessageRecord, original: Original) -> Iterator[tuple[str, str]]:
    if record.reporter.address:
        yield "reporter", record.reporter.address
    for recipient in original.recipients:
        if recipient.address:
            yield recipient.role, recipient.address
        elif recipient.name and "redacted_recipient" in original.flags and recipient.role == "rcpt":
            yield recipient.role, stand_in(recipient.name)


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


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat()


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """The one place where SQLite's and the file system's errors become ours."""
    hint = "Free space or make the disk writable, then do the same again: nothing was half-written."
    try:
        yield
    except OSError as error:
        raise MailError(f"{path} cannot be opened: {error.strerror}.", hint) from error
    except sqlite3.OperationalError as error:
        raise MailError(f"{path} cannot be read or written: {error}.", hint) from error
    except sqlite3.DatabaseError as error:
        raise MailError(f"{path} is damaged: {error}.", "Restore it from backup, or receive the mail anew.") from error
