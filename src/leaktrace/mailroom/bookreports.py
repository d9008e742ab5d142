"""The reports in the mail book: an original of a complaint becomes a row, and a row becomes a `StoredReport`.

A row holds no address: customers are found by keyed hashes of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaktrace.keys import Keyring
from leaktrace.mailroom.bookfile import BookFile
from leaktrace.mailroom.booktimes import instant_of_text, micros_of, text_of
from leaktrace.mailroom.domains import domain_of_address
from leaktrace.mailroom.features import features_from_document, features_of
from leaktrace.mailroom.persons import house_of, person_of
from leaktrace.mailroom.reports import AddressHashes, StoredReport, hashes_of, stand_in
from leaktrace.mailroom.shelves import rank
from leaktrace.records import MessageRecord, Original, Window

_DISOWNED = "*@disowned.invalid"
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class BookReports:
    """Those of one book."""

    file: BookFile
    keyring: Keyring
    own_domains: frozenset[str]
    """See `features_of`."""

    @property
    def disowned(self) -> bytes:
        """Person and house of every report whose sender's domain asks that it be not believed (`arrival`)."""
        return self.keyring.address_hash(_DISOWNED)

    # --- writing ------------------------------------------------------------------------------------------

    def insert(self, message: int, record: MessageRecord) -> None:
        """Writes every report of a message, within the caller's transaction; `message`: its number in the book."""
        connection = self.file.connection
        for index, original in enumerate(record.originals):
            connection.execute(_INSERT, self._row(message, index, record, original))
            for role, address in _addresses(record, original):
                hashed = hashes_of(address, self.keyring)
                if hashed is not None:
                    connection.execute(
                        "INSERT INTO addresses (message, idx, role, exact, folded) VALUES (?, ?, ?, ?, ?)",
                        (message, index, role, hashed.exact, hashed.folded),
                    )

    def _row(self, message: int, index: int, record: MessageRecord, original: Original) -> _Row:
        features = features_of(original, self.keyring.feature_hash, self.own_domains).document()
        person, house = self._told_by(record, original)
        return (
            message,
            index,
            domain_of_address(original.sender.address),
            original.form,
            original.grade,
            text_of(original.received_at),
            text_of(original.sent_between.start),
            text_of(original.sent_between.end),
            text_of(record.reported_at),
            json.dumps(features, separators=(",", ":")),
            rank(f"{record.sha256}/{index}"),
            micros_of(original.received_at or original.sent_between.start or record.reported_at),
            person,
            house,
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
        return None if text is None else self.keyring.address_hash(text)

    # --- reading ------------------------------------------------------------------------------------------

    def stored(self, campaign: str | None, only: Collection[str] | None) -> tuple[StoredReport, ...]:
        """See `MailBook.reports`."""
        with self.file.reading():
            if campaign is None and only is None:
                addresses = self._hashes("")
                return tuple(_stored(row, addresses.get(row[:2], [])) for row in self._rows(""))
            if only is None:
                rows = self._rows("WHERE g.name = ?", campaign)
            else:
                names = [name.partition("/") for name in sorted(only)]
                rows = [row for name in names for row in self._rows("WHERE m.sha256 = ? AND r.idx = ?", *name[::2])]
            found = [self._hashes("WHERE message = ? AND idx = ?", *row[:2]) for row in rows]
        return tuple(_stored(row, one.get(row[:2], [])) for row, one in zip(rows, found, strict=True))

    def _hashes(self, where: str, *values: object) -> dict[tuple[int, int], list[tuple[str, AddressHashes]]]:
        found: dict[tuple[int, int], list[tuple[str, AddressHashes]]] = {}
        sql = f"SELECT message, idx, role, exact, folded FROM addresses {where} ORDER BY rowid"  # noqa: S608
        for message, index, role, exact, folded in self.file.connection.execute(sql, values):
            found.setdefault((message, index), []).append((role, AddressHashes(exact, folded)))
        return found

    def _rows(self, where: str, *values: object) -> list[_Row]:
        sql = (
            "SELECT r.message, r.idx, m.sha256, sender_domain, form, grade, received_at, sent_start, sent_end, "  # noqa: S608
            "r.reported_at, m.seen_at, g.name, features, person, house FROM reports r "
            "JOIN messages m ON m.id = r.message LEFT JOIN clusters c ON c.id = r.cluster "
            f"LEFT JOIN campaigns g ON g.id = c.campaign {where} ORDER BY m.sha256, r.idx"
        )
        return self.file.connection.execute(sql, values).fetchall()


_INSERT = (
    "INSERT INTO reports (message, idx, sender_domain, form, grade, received_at, sent_start, sent_end, "
    "reported_at, features, rank, mail_at, person, house) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _stored(row: _Row, addresses: list[tuple[str, AddressHashes]]) -> StoredReport:
    _, index, sha256, sender_domain, form, grade, received, start, end, reported, seen, campaign, features = row[:13]
    return StoredReport(
        sha256=sha256,
        index=index,
        reporter=next((hashes for role, hashes in addresses if role == "reporter"), None),
        recipients=tuple(hashes for role, hashes in addresses if role != "reporter"),
        sender_domain=sender_domain,
        form=form,
        grade=grade,
        received_at=instant_of_text(received),
        sent_between=Window(instant_of_text(start), instant_of_text(end)),
        reported_at=instant_of_text(reported),
        seen_at=datetime.fromisoformat(seen),
        campaign=campaign,
        features=features_from_document(json.loads(features)),
        person=row[13],
        house=row[14],
    )


def _addresses(record: MessageRecord, original: Original) -> Iterator[tuple[str, str]]:
    """(role, address) of whoever told and of whom the original had been sent to."""
    if record.reporter.address:
        yield "reporter", record.reporter.address
    for recipient in original.recipients:
        if recipient.address:
            yield recipient.role, recipient.address
        elif recipient.name and "redacted_recipient" in original.flags and recipient.role == "rcpt":
            yield recipient.role, stand_in(recipient.name)
