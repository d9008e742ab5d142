"""XFORWARD: how Postfix says from whom it has a message (its XFORWARD_README). Believed from our own forwarders only.

    XFORWARD NAME=mail.example ADDR=192.0.2.7 PROTO=ESMTP HELO=mail.example SOURCE=REMOTE

What it says holds for the next message. A command line is short, so several commands add up.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
_VALUE_CEILING_CHARACTERS = 255
_UNKNOWN = frozenset(("[UNAVAILABLE]", "[TEMPUNAVAIL]"))
_XTEXT = re.compile(r"\+([0-9A-F]{2})", re.IGNORECASE)


class BadXforwardError(ValueError):
    """The command says nothing that can be read."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who gave a message to our mail system."""

    address: str
    greeting: str
    """Empty where it is not known."""


def read_xforward(argument: str) -> dict[str, str]:
    """The attributes of one command, by upper-case name; empty for what Postfix does not know."""
    found: dict[str, str] = {}
    for word in argument.split():
        name, equals, value = word.partition("=")
        if not equals or name.upper() not in ATTRIBUTES or len(value) > _VALUE_CEILING_CHARACTERS:
            raise BadXforwardError(word[:40])
        plain = "" if value.upper() in _UNKNOWN else _XTEXT.sub(lambda match: chr(int(match.group(1), 16)), value)
        if not plain.isprintable():
            raise BadXforwardError(name[:40])
        found[name.upper()] = plain
    if not found:
        raise BadXforwardError("nothing")
    return found


def client_of(attributes: dict[str, str]) -> Client | None:
    """The client that the attributes name; null where it is not named, or the message began on the mail system."""
    written = attributes.get("ADDR", "")
    address = written[5:] if written.upper().startswith("IPV6:") else written
    if attributes.get("SOURCE", "").upper() == "LOCAL":
        return None
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return None
    return Client(address, attributes.get("HELO", ""))
