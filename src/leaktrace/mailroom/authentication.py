"""What a message's DKIM signatures say (RFC 6376, RFC 8301, RFC 8463), with keys given, never looked up here.

Checks of one signature, in this order; the first that fails is its result:
1. readable and of a known kind (v=1, rsa-sha256 or ed25519-sha256, each tag once, From signed, a sane size), else error
   or unsupported;
2. the body hash, which needs no key: body_hash_mismatch;
3. a key by that name, else no_key;
4. i= inside d= (equal to it under t=s), key neither revoked nor under 1,024 bits, of the signature's kind, else fail;
5. the signature itself: fail or pass; pass becomes expired when x= lies before the time it was received.

No clock is read, so the same bytes and keys always answer alike. The caller still owes: whose domain signed, what the
signature covers (`covers`, flag `partial_body_signed`), and that a good signature may have been sent on to anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.mailroom.arc import Chain, check_chain, has_chain
from leaktrace.mailroom.canonical import (
    Bodies,
    canonical_field,
    name_of,
    signed_fields,
    split_message,
    without_signature,
)
from leaktrace.mailroom.dkimkeys import BadKeyError, BadSignatureError, SignerKey, read_key
from leaktrace.mailroom.tags import TagError, decoded, read_tags
from leaktrace.records import Authentication, DkimResult

SIGNATURE_CEILING_COUNT = 10
FIELD_CEILING_COUNT = 1000
"""Signatures of messages with more header fields are not checked."""
SMALL_KEY_BITS = 2048
"""RFC 8301 wants signers to have at least so many; shorter ones are flagged."""
_ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
_FORMS = frozenset({b"simple", b"relaxed"})
_NEEDED = (b"v", b"a", b"b", b"bh", b"d", b"h", b"s")
_NO_CHAIN = Chain("none")


@dataclass(frozen=True, slots=True)
class Signed:
    """The results, and notes a grade needs."""

    authentication: Authentication
    flags: tuple[str, ...] = ()
    chain: Chain = _NO_CHAIN
    """What the ARC sealers say; only where keys were given."""


def check_signatures(message: bytes, keys: Mapping[str, str] | None, received_at: datetime | None) -> Signed:
    """The result of every DKIM signature (at most ten) and of the ARC chain of a message given with header and body.

    `keys`: key records by lower-case name without the last dot; null: none are known, and no chain is judged.
    """
    fields, body = split_message(message)
    named = _named(keys)
    chain = _NO_CHAIN
    cv: Literal["none", "pass", "fail"] | None = None if keys is None and has_chain(fields) else "none"
    if keys is not None and has_chain(fields):
        chain = check_chain(message, named)
        verdict = chain.result
        cv = None if verdict == "ended" else verdict
    positions = [at for at, field in enumerate(fields) if field[:1] in b"dD" and name_of(field) == b"dkim-signature"]
    canonical, results, flags, matches = Bodies(body), [], set(), []
    for at in positions[:SIGNATURE_CEILING_COUNT]:
        one = _Check(fields, at, canonical, named, received_at)
        results.append(one.result())
        flags |= one.flags
        if one.body_matches is not None:
            matches.append(one.body_matches)
    body_hash_matches = all(matches) if matches else None
    if body_hash_matches is False:
        flags.add("body_hash_mismatch")
    return Signed(Authentication(tuple(results), cv, body_hash_matches), tuple(sorted(flags)), chain)


class _Check:
    """One signature while it is checked."""

    def __init__(
        self, fields: list[bytes], at: int, bodies: Bodies, keys: Mapping[str, str], received_at: datetime | None
    ) -> None:
        self._fields = fields
        self._at = at
        self._bodies = bodies
        self._keys = keys
        self._received_at = received_at
        self._tags: dict[bytes, bytes] = {}
        self.flags: set[str] = set()
        self.body_matches: bool | None = None

    def result(self) -> DkimResult:
        unread = DkimResult("", "", "error", ())
        if len(self._fields) > FIELD_CEILING_COUNT:
            return unread
        try:
            self._tags = read_tags(self._fields[self._at])
        except TagError:
            return unread
        names = [name.lower() for name in _text(self._tags.get(b"h")).split(":") if name]
        found = self._judged(names)
        return DkimResult(_text(self._tags.get(b"d")), _text(self._tags.get(b"s")), found, tuple(names[:200]))  # type: ignore[arg-type]

    def _judged(self, names: list[str]) -> str:
        tags = self._tags
        # 1. readable, known
        header_form, _, body_form = tags.get(b"c", b"simple/simple").lower().partition(b"/")
        body_form = body_form or b"simple"
        if any(not tags.get(name) for name in _NEEDED) or tags[b"v"] != b"1" or "from" not in names:
            return "error"
        if tags[b"a"].lower() not in _ALGORITHMS or not {header_form, body_form} <= _FORMS:
            return "unsupported"
        # 2. the body hash
        if not self._body_is_signed(body_form):
            return "body_hash_mismatch"
        # 3. the key
        domain = _text(tags[b"d"]).lower()
        record = self._keys.get(f"{_text(tags[b's']).lower()}._domainkey.{domain}")
        if record is None:
            return "no_key"
        # 4. what the key allows
        key = self._usable(record, domain)
        # 5. the signature
        if key is None or not self._fits(key, names, header_form):
            return "fail"
        expires = _number(tags.get(b"x"))
        late = expires is not None and self._received_at is not None and self._received_at.timestamp() > expires
        return "expired" if late else "pass"

    def _body_is_signed(self, form: bytes) -> bool:
        body = self._bodies.form(form)
        length = _number(self._tags.get(b"l"))
        if b"l" in self._tags and (length is None or length > len(body)):
            self.body_matches = False
            return False
        if length is not None and length < len(body):
            self.flags.add("partial_body_signed")
        self.body_matches = decoded(self._tags[b"bh"]) == self._bodies.sha256(form, length)
        return self.body_matches

    def _usable(self, record: str, domain: str) -> SignerKey | None:
        try:
            key = read_key(record)
        except BadKeyError:
            return None
        identity = _text(self._tags.get(b"i")).rpartition("@")[2].lower() or domain
        within = identity == domain or (not key.strict and identity.endswith("." + domain))
        if not within or _ALGORITHMS[self._tags[b"a"].lower()] != key.algorithm:
            return None
        if key.algorithm == b"rsa" and key.bits < SMALL_KEY_BITS:
            self.flags.add("small_signature_key")
        if key.testing:
            self.flags.add("signature_key_in_testing")
        return key

    def _fits(self, key: SignerKey, names: list[str], form: bytes) -> bool:
        field = self._fields[self._at]
        others = [one for at, one in enumerate(self._fields) if at != self._at]
        # Once more than h= says: a From field that was added later must not stay unsigned beside the signed one.
        covered = [name.encode("ascii", "replace") for name in [*names, "from"]]
        itself = canonical_field(without_signature(field), form).removesuffix(b"\r\n")
        signature = decoded(self._tags[b"b"])
        try:
            if signature is not None:
                key.check(signature, signed_fields(others, covered, form) + itself)
        except BadSignatureError:
            return False
        return signature is not None


def _named(keys: Mapping[str, str] | None) -> Mapping[str, str]:
    """Keys by name as they are asked for; a mapping that looks names up when asked does its own folding."""
    if isinstance(keys, dict):
        return {name.rstrip(".").lower(): record for name, record in keys.items()}
    return {} if keys is None else keys


def _text(value: bytes | None) -> str:
    return "".join((value or b"").decode("ascii", "replace").split())


def _number(value: bytes | None) -> int | None:
    text = _text(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None


def passing_domains(authentication: Authentication) -> tuple[str, ...]:
    """Domains whose signature is good; empty means none."""
    return tuple(sorted({one.domain.lower() for one in authentication.dkim if one.result == "pass"}))
