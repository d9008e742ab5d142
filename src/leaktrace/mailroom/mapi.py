"""MAPI properties, as .msg files (MS-OXMSG) and TNEF (MS-OXTNEF) hold them: tag -> value with its place in the mail."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from leaktrace.mailroom.charsets import decode
from leaktrace.mailroom.mailboxes import clean_address
from leaktrace.mailroom.mime import Source
from leaktrace.records import Mailbox, Recipient

SUBJECT, SUBMITTED_AT, TRANSPORT_HEADERS, DELIVERED_AT = 0x0037, 0x0039, 0x007D, 0x0E06
BODY, RTF_COMPRESSED, HTML, MESSAGE_ID = 0x1000, 0x1009, 0x1013, 0x1035
RECIPIENT_KIND, DISPLAY_NAME, ADDRESS_TYPE, EMAIL, SMTP_ADDRESS = 0x0C15, 0x3001, 0x3002, 0x3003, 0x39FE
ATTACH_CONTENT, ATTACH_FILENAME, ATTACH_LONG_FILENAME, ATTACH_METHOD = 0x3701, 0x3704, 0x3707, 0x3705
INTERNET_CODEPAGE, MESSAGE_CODEPAGE = 0x3FDE, 0x3FFD
STRING8, UNICODE, BINARY, OBJECT, SYSTIME, LONG = 0x001E, 0x001F, 0x0102, 0x000D, 0x0040, 0x0003
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """The tags that describe one party: name, address type, address, SMTP address."""

    name: int
    address_type: int
    email: int
    smtp: int


SENDER = Person(0x0C1A, 0x0C1E, 0x0C1F, 0x5D01)
"""Who sent it: the Sender field."""
REPRESENTED = Person(0x0042, 0x0064, 0x0065, 0x5D02)
"""In whose name: the From field."""
RECIPIENT = Person(DISPLAY_NAME, ADDRESS_TYPE, EMAIL, SMTP_ADDRESS)


@dataclass(frozen=True, slots=True)
class Value:
    """One property: its type and its bytes with their place."""

    kind: int
    source: Source

    @property
    def span(self) -> tuple[int, int]:
        """Where in the raw message the value lies."""
        return self.source.locate(0, len(self.source.content))


class Properties:
    """The properties of one object."""

    def __init__(self, values: dict[int, Value]) -> None:
        self._values = values

    def get(self, tag: int) -> Value | None:
        """The property of that id."""
        return self._values.get(tag)

    def charset(self) -> str | None:
        """The charset of strings that are not Unicode."""
        number = self.number(MESSAGE_CODEPAGE) or self.number(INTERNET_CODEPAGE)
        return charset_of(number)

    def text(self, tag: int) -> str | None:
        """A string property; None without one."""
        value = self._values.get(tag)
        if value is None or value.kind not in (STRING8, UNICODE):
            return None
        content = value.source.content
        shown = content.decode("utf-16-le", "replace") if value.kind == UNICODE else decode(content, self.charset())
        return shown.rstrip("\x00")

    def span(self, tag: int) -> tuple[int, int] | None:
        """Where a property lies in the raw message."""
        value = self._values.get(tag)
        return None if value is None else value.span

    def number(self, tag: int) -> int | None:
        """An integer property."""
        value = self._values.get(tag)
        if value is None or value.kind != LONG or len(value.source.content) < 4:
            return None
        return int(struct.unpack_from("<I", value.source.content)[0])

    def at(self, tag: int) -> datetime | None:
        """A time: hundred-nanosecond steps since 1601 (MS-DTYP, section 2.3.3), UTC."""
        value = self._values.get(tag)
        if value is None or value.kind != SYSTIME or len(value.source.content) < 8:
            return None
        steps = int(struct.unpack_from("<Q", value.source.content)[0])
        try:
            at = _EPOCH + timedelta(microseconds=steps // 10)
        except OverflowError:
            return None
        return at if 1970 <= at.year <= 2100 else None

    def mailbox(self, person: Person) -> Mailbox | None:
        """A party. An address that is not of the internet (Exchange's `/O=...`) is no address."""
        name = (self.text(person.name) or "").strip() or None
        address = _smtp(self.text(person.smtp))
        if address is None and (self.text(person.address_type) or "SMTP").upper() == "SMTP":
            address = _smtp(self.text(person.email))
        if name is None and address is None:
            return None
        return Mailbox(address, None if name is not None and name.lower() == (address or "").lower() else name)

    def person_span(self, person: Person) -> tuple[int, int] | None:
        """Where the party's address, else the name, lies."""
        for tag in (person.smtp, person.email, person.name):
            shown = self.text(tag)
            if shown and (tag == person.name or _smtp(shown)):
                return self.span(tag)
        return None

    def recipient(self) -> Recipient | None:
        """The recipient that a row of the recipient table is."""
        mailbox = self.mailbox(RECIPIENT)
        if mailbox is None:
            return None
        return Recipient(mailbox.address, mailbox.name, "to" if self.number(RECIPIENT_KIND) in (None, 1) else "cc")


def charset_of(codepage: int | None) -> str | None:
    """The charset of a Windows code page."""
    if codepage is None:
        return None
    return {65001: "utf-8", 20127: "us-ascii", 28591: "iso-8859-1", 1200: "utf-16-le"}.get(codepage, f"cp{codepage}")


def _smtp(text: str | None) -> str | None:
    return clean_address(text) if text and "@" in text and not text.upper().startswith(("/O=", "/CN=")) else None
