"""Whether a notice can go to an address as it stands in the company's directory; pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from leaktrace.response.notices.states import SuppressedReason

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_LONGEST, _LONGEST_LOCAL = 254, 64  # RFC 5321, section 4.5.3.1


def ready(address: str | None, sellers_domains: Collection[str]) -> tuple[str, SuppressedReason | None]:
    """(the address as it goes into the envelope, null); else ("", why nobody writes there).

    The local part is left as it is: its case is the receiver's affair. Quoted local parts and address literals are
    not written to. A mail to the seller's own domain would tell the seller what we know.
    """
    if not address or not address.strip():
        return "", "no_address"
    local, at, domain = address.strip().rpartition("@")
    if not at or not local:
        return "", "malformed_address"
    try:
        domain = (domain if domain.isascii() else domain.encode("idna").decode("ascii")).lower()
    except UnicodeError:
        return "", "malformed_address"
    if not local.isascii():
        # The relay and everybody behind it would have to speak SMTPUTF8 (RFC 6531); who does not would bounce it.
        return "", "address_needs_smtputf8" if local.isprintable() and " " not in local else "malformed_address"
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return "", "malformed_address"
    if len(local) > _LONGEST_LOCAL or len(local) + 1 + len(domain) > _LONGEST:
        return "", "malformed_address"
    if any(domain == theirs or domain.endswith(f".{theirs}") for theirs in sellers_domains):
        return "", "sellers_own_domain"
    return f"{local}@{domain}", None
