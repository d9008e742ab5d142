"""A report as the mail book keeps it: enough to find the customer and the campaign, and no address."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from leaktrace.addresses import fold, normalise
from leaktrace.keys import Keyring
from leaktrace.mailroom.features import Features
from leaktrace.records import Grade, OriginalForm, Window


@dataclass(frozen=True, slots=True)
class AddressHashes:
    """Keyed hashes of one address: as written, and folded (plus-tags, dots) for those who have many."""

    exact: bytes
    folded: bytes


def hashes_of(address: str, keyring: Keyring) -> AddressHashes | None:
    """The hashes that look an address up; None for what is no address."""
    exact, folded = normalise(address), fold(address)
    if exact is None or folded is None:
        return None
    return AddressHashes(keyring.address_hash(exact), keyring.address_hash(folded))


def stand_in(token: str) -> str:
    """An address that belongs to nobody and is the same for the same token of a redacted report (RFC 6590)."""
    return f"{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()}@redacted.invalid"


@dataclass(frozen=True, slots=True)
class StoredReport:
    """One original of one complaint."""

    sha256: str
    """Of the complaint that holds it."""
    index: int
    """Its place in the complaint's `originals`."""
    reporter: AddressHashes | None
    recipients: tuple[AddressHashes, ...]
    """Whom the original had been sent to."""
    sender_domain: str | None
    """Registrable; a freemail provider's too."""
    form: OriginalForm
    grade: Grade
    received_at: datetime | None
    sent_between: Window
    reported_at: datetime | None
    seen_at: datetime
    """When it came to us."""
    campaign: str | None
    """Null until it was grouped."""
    features: Features
    person: bytes | None = None
    """A keyed hash of whoever told, one for all mailboxes that are seen to be his (`persons`)."""
    house: bytes | None = None
    """The same, one for all mailboxes that one person may have made."""

    @property
    def report(self) -> str:
        """Its id."""
        return f"{self.sha256}/{self.index}"

    @property
    def mail_at(self) -> datetime | None:
        """The best known time of the unwanted mail: trusted, else the earliest claimed, else that of the complaint."""
        return self.received_at or self.sent_between.start or self.reported_at
