"""Macros of SPF records (RFC 7208, section 7): what of the mail goes into a name that is asked for."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from leaktrace.mailroom.spfrecord import BadSpfError

_NAME_CEILING_CHARACTERS = 253
_MACRO = re.compile(r"%(?:\{([a-z])([0-9]*)(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_SIGNS = {"%": "%", "_": " ", "-": "%20"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Mailer:
    """Who hands a mail over: what the macros stand for."""

    address: Address
    local: str
    """Local part of the envelope's sender."""
    domain: str
    """Its domain."""
    greeting: str
    """What the client calls itself (HELO)."""


def expand(spec: str, mailer: Mailer, domain: str, validated: Callable[[], str], ceiling_characters: int) -> str:
    """The name that a domain-spec stands for; `validated`: the client's name that leads back to it, for `%{p}`.

    BadSpfError for a macro that means nothing, and for an expansion beyond any use.
    """
    pieces: list[str] = []
    length = last = 0
    for match in _MACRO.finditer(spec):
        value = _SIGNS[match.group(5)] if match.group(5) else _value(match, mailer, domain, validated)
        pieces += [spec[last : match.start()], value]
        length += match.start() - last + len(value)
        if length > ceiling_characters:
            raise BadSpfError("its macros expand to more than any name has")
        last = match.end()
    pieces.append(spec[last:])
    return _cut("".join(pieces))


def depends_on_mail(spec: str) -> bool:
    """Whether the name is made of the mail's sender or client: it is asked for, and kept nowhere."""
    return any((match.group(1) or "d").lower() not in "dv" for match in _MACRO.finditer(spec))


def _value(match: re.Match[str], mailer: Mailer, domain: str, validated: Callable[[], str]) -> str:
    letter, digits, backwards, delimiters = match.group(1), match.group(2), match.group(3), match.group(4)
    is_four = mailer.address.version == 4
    match letter.lower():
        case "s":
            value = f"{mailer.local}@{mailer.domain}"
        case "l":
            value = mailer.local
        case "o":
            value = mailer.domain
        case "d":
            value = domain
        case "i":
            value = str(mailer.address) if is_four else ".".join(mailer.address.exploded.replace(":", ""))
        case "p":
            value = validated()
        case "v":
            value = "in-addr" if is_four else "ip6"
        case _:
            value = mailer.greeting
    parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
    if backwards:
        parts.reverse()
    if digits:
        if int(digits[:6]) == 0:
            raise BadSpfError("a macro keeps no part of its value")
        parts = parts[-int(digits[:6]) :]
    joined = ".".join(parts)
    return quote(joined, safe="") if letter.isupper() else joined


def _cut(name: str) -> str:
    """Whole labels cut off on the left until the name is short enough (section 7.3)."""
    name = name.removesuffix(".")
    while len(name) > _NAME_CEILING_CHARACTERS and "." in name:
        name = name.partition(".")[2]
    return name
