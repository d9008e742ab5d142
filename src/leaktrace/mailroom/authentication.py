"""What a message's DKIM signatures say (RFC 6376), with keys given, never looked up.

Checks of one signature, in this order; the first that fails is its result:
1. readable and of a known kind (v=1, rsa-sha256, each tag once, From signed, a sane size), else error or unsupported;
2. the body hash, which needs no key: body_hash_mismatch;
3. a key by that name, else no_key;
4. i= inside d= (equal to it under t=s), key neither revoked nor under 1,024 bits, else fail;
5. the signature itself, by dkimpy: fail or pass; pass becomes expired when x= lies before the time it was received.

No clock is read, so the same bytes and keys always answer alike. The caller still owes: whose domain signed, and what
the signature covers (`covers`, flag `partial_body`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import dkim
from dkim.asn1 import ASN1FormatError
from dkim.crypto import UnparsableKeyError
from dkim.util import InvalidTagValueList, parse_tag_value

from leaktrace.records import Authentication, DkimResult

SIGNATURE_CEILING_COUNT = 10
SIGNATURE_CEILING_BYTES = 8000
KEY_CEILING_CHARACTERS = 3000
FIELD_CEILING_COUNT = 1000
"""Signatures of messages with more header fields are not checked."""
_MINIMUM_KEY_BITS = 1024
_SIGNATURE_FIELD = re.compile(rb"dkim-signature[ \t]*:", re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t]+")
_NEEDED = (b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
_BROKEN_INPUT = (
    dkim.DKIMException,
    InvalidTagValueList,
    ASN1FormatError,
    UnparsableKeyError,
    binascii.Error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
)
"""What dkimpy raises on signatures and keys that are not well formed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The results, and notes a grade needs."""

    authentication: Authentication
    flags: tuple[str, ...] = ()


def check_signatures(message: bytes, keys: Mapping[str, str] | None, received_at: datetime | None) -> Signed:
    """The result of every DKIM signature (at most ten) of a message given with its header and body."""
    header, body = _split(message)
    fields = _header_fields(header)
    positions = [at for at, field in enumerate(fields) if _SIGNATURE_FIELD.match(field)][:SIGNATURE_CEILING_COUNT]
    if not positions:
        return Signed(Authentication())
    canonical = _Bodies(body)
    named = {name.rstrip(".").lower(): record for name, record in (keys or {}).items()}
    results, flags, matches = [], set(), []
    for order, at in enumerate(positions):
        result, hash_matches, partial = _check(fields, at, order, canonical, named, received_at)
        results.append(result)
        if hash_matches is not None:
            matches.append(hash_matches)
        if partial:
            flags.add("partial_body_signed")
    body_hash_matches = all(matches) if matches else None
    if body_hash_matches is False:
        flags.add("body_hash_mismatch")
    return Signed(Authentication(tuple(results), None, body_hash_matches), tuple(sorted(flags)))


def _split(message: bytes) -> tuple[bytes, bytes]:
    content = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if content.startswith(b"\r\n"):
        return b"", content[2:]
    header, _, body = content.partition(b"\r\n\r\n")
    return header + b"\r\n", body


def _header_fields(header: bytes) -> list[bytes]:
    pieces: list[list[bytes]] = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and pieces:
            pieces[-1].append(line)
        elif b":" in line and not line.startswith((b"From ", b">From ")):
            pieces.append([line])
    return [b"\r\n".join(piece) for piece in pieces]


class _Bodies:
    """The body in its canonical forms (RFC 6376, section 3.4), each made once, in linear time."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._made: dict[bytes, bytes] = {}

    def form(self, name: bytes) -> bytes:
        if name not in self._made:
            body = self._body
            if name == b"relaxed":
                body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n").removesuffix(b" ")
            end = len(body)
            while body.endswith(b"\r\n", 0, end):
                end -= 2
            body = body[:end] + b"\r\n" if end or name != b"relaxed" else b""
            self._made[name] = body
        return self._made[name]


def _check(
    fields: list[bytes],
    at: int,
    order: int,
    bodies: _Bodies,
    keys: Mapping[str, str],
    received_at: datetime | None,
) -> tuple[DkimResult, bool | None, bool]:
    """One signature's result, whether its body hash matches (None: not computed), whether l= leaves body unsigned."""
    field = fields[at]
    try:
        tags = _tags(field)
        if len(fields) > FIELD_CEILING_COUNT:
            raise ValueError("more header fields than any honest message has")
    except _BROKEN_INPUT:
        return DkimResult("", "", "error", ()), None, False
    domain, selector = _text(tags.get(b"d")), _text(tags.get(b"s"))
    covers = tuple(name.strip().lower() for name in _text(tags.get(b"h")).split(":") if name.strip())[:200]

    def result(name: str) -> DkimResult:
        return DkimResult(domain, selector, name, covers)  # type: ignore[arg-type]

    # 1. readable, known
    header_form, _, body_form = tags.get(b"c", b"simple/simple").lower().partition(b"/")
    body_form = body_form or b"simple"
    if any(not tags.get(name) for name in _NEEDED) or tags[b"v"] != b"1" or "from" not in covers:
        return result("error"), None, False
    if tags[b"a"].lower() != b"rsa-sha256" or {header_form, body_form} - {b"simple", b"relaxed"}:
        return result("unsupported"), None, False
    # 2. the body hash
    body = bodies.form(body_form)
    length = _number(tags.get(b"l"))
    partial = length is not None and length < len(body)
    signed = body if length is None else body[:length]
    matches = _decoded(tags[b"bh"]) == hashlib.sha256(signed).digest() and (length is None or length <= len(body))
    if not matches:
        return result("body_hash_mismatch"), False, partial
    # 3. the key
    record = keys.get(f"{selector}._domainkey.{domain}".lower())
    if record is None:
        return result("no_key"), True, partial
    # 4. what the key allows
    identity = _text(tags.get(b"i")).rpartition("@")[2].lower() or domain.lower()
    if not _key_allows(record, identity, domain.lower()):
        return result("fail"), True, partial
    # 5. the signature
    if not _verifies(fields, at, order, body, record, tags):
        return result("fail"), True, partial
    expires = _number(tags.get(b"x"))
    if expires is not None and received_at is not None and received_at.timestamp() > expires:
        return result("expired"), True, partial
    return result("pass"), True, partial


def _tags(field: bytes) -> dict[bytes, bytes]:
    if len(field) > SIGNATURE_CEILING_BYTES:
        raise ValueError("a signature field larger than any honest one")
    tags = parse_tag_value(re.sub(rb"\r\n", b"", field.partition(b":")[2]))
    return {bytes(name): bytes(value) for name, value in tags.items()}


def _text(value: bytes | None) -> str:
    return re.sub(r"\s+", "", (value or b"").decode("ascii", "replace"))


def _number(value: bytes | None) -> int | None:
    text = _text(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def _decoded(value: bytes) -> bytes | None:
    try:
        return base64.b64decode(re.sub(rb"\s+", b"", value), validate=True)
    except binascii.Error:
        return None


def _key_allows(record: str, identity: str, domain: str) -> bool:
    if len(record) > KEY_CEILING_CHARACTERS:
        return False
    tags = {
        name.strip().lower(): value.strip()
        for name, equals, value in (tag.partition("=") for tag in record.split(";"))
        if equals
    }
    strict = "s" in tags.get("t", "").lower().split(":")
    within = identity == domain or (not strict and identity.endswith("." + domain))
    hashes = tags.get("h", "sha256").lower().replace(" ", "").split(":")
    return within and bool(tags.get("p")) and tags.get("k", "rsa").lower() == "rsa" and "sha256" in hashes


def _verifies(fields: list[bytes], at: int, order: int, body: bytes, record: str, tags: dict[bytes, bytes]) -> bool:
    """Whether dkimpy finds the signature good; it gets the canonical body, which costs it linear time only."""
    field = fields[at]
    if re.search(rb"\s{64}", field):
        return False
    checker = dkim.DKIM(b"\r\n".join(fields) + b"\r\n\r\n" + body, minkey=_MINIMUM_KEY_BITS)
    signature = dict(tags)
    signature[b"a"] = tags[b"a"].lower()
    signature[b"c"] = tags.get(b"c", b"simple/simple").lower()
    include = [name.strip().lower() for name in tags[b"h"].split(b":")]
    try:
        found = [pair for pair in checker.headers if pair[0].strip().lower() == b"dkim-signature"][order]
        return bool(checker.verify_sig(signature, include, found, lambda *_args, **_named: record.encode("ascii")))
    except _BROKEN_INPUT:
        return False


def passing_domains(authentication: Authentication) -> tuple[str, ...]:
    """Domains whose signature is good; empty means none."""
    return tuple(sorted({one.domain.lower() for one in authentication.dkim if one.result == "pass"}))
