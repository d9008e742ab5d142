"""Which mailboxes are one person's, as far as addresses show it: one person with many mailboxes tells one thing.

Two readings, for two questions. *Person*: what providers deliver to one mailbox (plus-tags, dots, the provider's other
domains); counts of reporters use it, since it takes two people for one only where one domain has `j.lee` and `jlee`.
*House*: whatever one person could make without anybody's leave, so all mailboxes of a domain that is no mail
provider's. Who weighs the testimony of unknown people counts houses: a domain of one's own is cheap, and has as many
mailboxes as one likes.
"""

from __future__ import annotations

from leaktrace.addresses import fold, normalise
from leaktrace.mailroom.domains import listed, registrable

_SAME_PROVIDER = {
    "googlemail.com": "gmail.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "fastmail.fm": "fastmail.com",
}
"""Domains under which a provider delivers to one mailbox; each from the provider's own help pages."""


def person_of(address: str) -> str | None:
    """One text for all addresses that are seen to be one mailbox; None for what is no address."""
    folded = fold(address)
    if folded is None:
        return None
    local, _, domain = folded.rpartition("@")
    plain = local.replace(".", "") or local
    return f"{plain}@{_SAME_PROVIDER.get(domain, domain)}"


def house_of(address: str) -> str | None:
    """One text for all addresses that one person could have made; None for what is no address."""
    exact, person = normalise(address), person_of(address)
    if exact is None or person is None:
        return None
    domain = person.rpartition("@")[2]
    owner = registrable(domain) or domain
    return person if domain in listed("freemail") or owner in listed("freemail") else f"*@{owner}"
