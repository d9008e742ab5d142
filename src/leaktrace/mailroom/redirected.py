"""A mail that a customer redirected to us: the very mail, with Resent fields above it (RFC 5322, section 3.6.6).

"Redirect" in Apple Mail and Thunderbird, "bounce" in mutt. Who it is from is still the sender; who complains is in
Resent-From. Nothing that was written above the sender's own header, by the customer or on the way to us, says anything
about the mail: it came to us later than it came to the customer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from leaktrace.addresses import fold
from leaktrace.mailroom.disclaiming import is_listed
from leaktrace.mailroom.mailboxes import read_mailboxes
from leaktrace.mailroom.mime import Part
from leaktrace.records import Mailbox

BY_FIELD = "resent-from"
_RESENT = "resent-"
_OF_LISTS = ("list-post", "list-id", "x-mailing-list", "x-loop", "x-beenthere")


@dataclass(frozen=True, slots=True)
class Redirect:
    """Who redirected a mail, and that mail."""

    by: Mailbox
    mail: Part


def find_redirect(message: Part, staff: Collection[str]) -> Redirect | None:
    """The mail that somebody else than its sender redirected to us; null for any other message.

    Our own mail system does the same with complaints, and mailing lists with what is posted: Resent-From is then one
    of ours (`staff`: addresses and domains), of the domain that Resent-To is of, or the list.
    """
    if message.first(BY_FIELD) is None or message.first("from") is None:
        return None
    by = _first_address(message, BY_FIELD)
    if by is None or by.address is None or is_listed(by.address, staff):
        return None
    writers = {fold(one) for one in _addresses(message, "from")}
    homes = {one.rpartition("@")[2].lower() for one in _addresses(message, "resent-to")}
    if not writers or fold(by.address) in writers or by.address.rpartition("@")[2].lower() in homes:
        return None
    lists = " ".join(text for name in _OF_LISTS for text in message.texts(name)).lower()
    if by.address.lower() in lists or by.address.lower().replace("@", ".") in lists:
        return None
    return Redirect(by, _as_it_came(message))


def _as_it_came(message: Part) -> Part:
    """The mail below the topmost Resent fields; where they stand elsewhere, all of it but what hosts wrote."""
    first = next(place for place, field in enumerate(message.fields) if field.name.startswith(_RESENT))
    below = first
    while below < len(message.fields) and message.fields[below].name.startswith(_RESENT):
        below += 1
    rest = message.fields[below:]
    if any(field.name == "from" for field in rest):
        return replace(message, start=rest[0].start, fields=rest)
    kept = (one for one in message.fields if one.name != "received" and not one.name.startswith(_RESENT))
    return replace(message, fields=tuple(kept))


def _first_address(message: Part, name: str) -> Mailbox | None:
    found = read_mailboxes(message.unfolded(name) or "", encoded=True)
    return next((one.mailbox for one in found if one.mailbox.address), None)


def _addresses(message: Part, name: str) -> list[str]:
    found = read_mailboxes(message.unfolded(name) or "", encoded=True)
    return [one.mailbox.address for one in found if one.mailbox.address]
