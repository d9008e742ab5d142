"""What makes two e-mail addresses the same mailbox, for keyed look-ups (exact first, then folded).

`normalise` is safe for every provider: the domain in lower case and IDNA A-labels, the local part case-folded.
`fold` joins what many providers deliver to one person: plus-tags dropped, and dots for providers that ignore them.
"""

from __future__ import annotations

import re
import unicodedata

_IN_TEXT = re.compile(r"[^\s@<>()\[\],;:\"]{1,64}@[^\s@<>()\[\],;:\"]{1,255}\.[^\s@<>()\[\],;:\".]{2,63}")
_DOTLESS_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


def holds_address(text: str) -> bool:
    """Whether an e-mail address stands anywhere in what somebody wrote."""
    return _IN_TEXT.search(unicodedata.normalize("NFKC", text)) is not None


def normalise(address: str) -> str | None:
    """The address in the form that is hashed; None when it has no local part or no domain."""
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    domain = domain.rstrip(".").lower()
    if not at or not local or not domain or any(c.isspace() for c in local + domain):
        return None
    try:
        domain = domain.encode("idna").decode("ascii") if not domain.isascii() else domain
    except UnicodeError:
        return None
    return f"{local.casefold()}@{domain}"


def fold(address: str) -> str | None:
    """`normalise`, then without plus-tag, and without dots where the provider ignores them."""
    exact = normalise(address)
    if exact is None:
        return None
    local, _, domain = exact.rpartition("@")
    local = local.split("+", 1)[0] or local
    if domain in _DOTLESS_DOMAINS:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"
