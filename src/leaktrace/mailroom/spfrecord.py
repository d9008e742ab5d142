"""SPF records taken apart (RFC 7208, sections 4.5, 4.6, 5, 6 and 12); the whole record is read before any of it counts.

A record with one wrong term says nothing (section 4.6): `BadSpfError` with the reason in words.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

RECORD_CEILING_CHARACTERS = 8000
Qualifier = Literal["pass", "fail", "softfail", "neutral"]
_QUALIFIERS: dict[str, Qualifier] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_VERSION = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)\Z", re.IGNORECASE)
_MECHANISM = re.compile(r"([-+?~]?)([a-z][a-z0-9]*)(.*)\Z", re.IGNORECASE)
_LENGTHS = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_ONE_LENGTH = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")
_EXPAND = r"%(?:\{[slodiphv][0-9]*r?[-.+,/_=]*\}|[%_-])"
_LITERAL = r"[!-$&-~]"
_MACRO_STRING = re.compile(rf"(?:%\{{[crt][0-9]*r?[-.+,/_=]*\}}|{_EXPAND}|{_LITERAL})*\Z", re.IGNORECASE)
_DOMAIN_START = re.compile(rf"(?:{_EXPAND}|{_LITERAL})+\Z", re.IGNORECASE)
_TOP_LABEL = re.compile(r"\.(?=[a-z0-9-]*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.?\Z", re.IGNORECASE)
_ENDS_IN_MACRO = re.compile(rf"{_EXPAND}\Z", re.IGNORECASE)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSpfError(ValueError):
    """The record is not one that may be used, with the reason in words."""


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism with what it says where it matches."""

    kind: Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]
    qualifier: Qualifier
    written: str
    domain: str | None = None
    """A domain-spec with its macros; null: the domain that is asked about."""
    network: Network | None = None
    """Of ip4 and ip6."""
    bits: tuple[int, int] = (32, 128)
    """Prefix lengths for IPv4 and IPv6 of a and mx."""


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record that is well-formed from its first word to its last."""

    terms: tuple[Term, ...]
    redirect: str | None


def choose_record(texts: Iterable[str]) -> str | None:
    """The one SPF record among TXT records, null where there is none (section 4.5); BadSpfError for several."""
    found = [text for text in texts if _VERSION.match(text)]
    if len(found) > 1:
        raise BadSpfError("there is more than one SPF record")
    return found[0] if found else None


def read_spf(record: str) -> SpfRecord:
    """The terms of a record, in its order."""
    if len(record) > RECORD_CEILING_CHARACTERS:
        raise BadSpfError("the SPF record is longer than any honest one")
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    for word in record[6:].split(" "):
        modifier = _MODIFIER.match(word)
        if modifier is None:
            terms += [_term(word)] if word else []
            continue
        name, value = modifier.group(1).lower(), modifier.group(2)
        if name not in ("redirect", "exp"):
            if not _MACRO_STRING.match(value):
                raise BadSpfError(f"{_shown(word)} has a macro that is none")
        elif name in modifiers:
            raise BadSpfError(f"{name}= stands twice")
        else:
            modifiers[name] = _domain_spec(value, word)
    return SpfRecord(tuple(terms), modifiers.get("redirect"))


def _term(word: str) -> Term:
    match = _MECHANISM.match(word)
    if match is None:
        raise BadSpfError(f"{_shown(word)} is no term")
    qualifier, kind, rest = _QUALIFIERS[match.group(1) or "+"], match.group(2).lower(), match.group(3)
    written = _shown(word)
    match kind:
        case "all":
            if rest:
                raise BadSpfError(f"{written} is no term")
            return Term("all", qualifier, written)
        case "include" | "exists":
            return Term(kind, qualifier, written, _domain_spec(rest.removeprefix(":"), word, colon=rest[:1]))
        case "ptr":
            domain = _domain_spec(rest[1:], word, colon=rest[:1]) if rest else None
            return Term("ptr", qualifier, written, domain)
        case "a" | "mx":
            return _addressed(kind, qualifier, rest, word)
        case "ip4" | "ip6":
            return Term(kind, qualifier, written, network=_network(kind, rest, word))
        case _:
            raise BadSpfError(f"{written} is no mechanism that exists")


def _addressed(kind: Literal["a", "mx"], qualifier: Qualifier, rest: str, word: str) -> Term:
    lengths = _LENGTHS.search(rest)
    assert lengths is not None  # noqa: S101 - the pattern matches the empty end
    four, six = lengths.group(1), lengths.group(2)
    bits = (32 if four is None else int(four), 128 if six is None else int(six))
    if bits[0] > 32 or bits[1] > 128:
        raise BadSpfError(f"{_shown(word)} has a prefix longer than an address")
    named = rest[: lengths.start()]
    domain = _domain_spec(named[1:], word, colon=named[:1]) if named else None
    return Term(kind, qualifier, _shown(word), domain, bits=bits)


def _network(kind: str, rest: str, word: str) -> Network:
    address, slash, length = rest[1:].partition("/")
    if rest[:1] != ":" or "%" in address or (slash and not _ONE_LENGTH.match(length)):
        raise BadSpfError(f"{_shown(word)} names no network")
    try:
        if kind == "ip4":
            return ipaddress.IPv4Network((address, int(length or 32)), strict=False)
        return ipaddress.IPv6Network((address, int(length or 128)), strict=False)
    except ValueError as error:
        raise BadSpfError(f"{_shown(word)} names no network") from error


def _domain_spec(spec: str, word: str, *, colon: str = ":") -> str:
    """A domain-spec as it is written: visible characters and macros, then a top label or a macro."""
    top = _TOP_LABEL.search(spec)
    start = spec[: top.start()] if top else spec
    ends = top is not None or _ENDS_IN_MACRO.search(spec) is not None
    if colon != ":" or not ends or not _DOMAIN_START.match(start):
        raise BadSpfError(f"{_shown(word)} names no domain")
    return spec


def _shown(word: str) -> str:
    """A word of the record for a person's eyes: the record's owner wrote it."""
    return "".join(character if character.isprintable() else "?" for character in word[:80])
