"""Whether an ARC chain is whole (RFC 8617, section 5.2), and what a believed sealer says in it. Keys are given.

The checks, in the order of the RFC; the first that fails makes the chain `fail`:
1. the sets: instances 1 to N without a gap, N at most 50, one field of each kind in each; none at all: `none`;
2. every field readable: tags once, the needed ones there, known algorithms, no h= in a seal, no seal under h=;
3. the newest message signature: body hash, and signature by its key;
4. from the newest seal back: one that says cv=fail has ended the chain (section 5.1.2), and there is nothing left to
   judge (`ended`); cv= is `pass`, and `none` in the first; each by its key, over all fields of the sets up to it.

A whole chain proves that the sealers wrote what it says and nothing more. Who is believed is a list that people keep.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leaktrace.mailroom.canonical import (
    Bodies,
    canonical_field,
    name_of,
    signed_fields,
    split_message,
    without_signature,
)
from leaktrace.mailroom.dkimkeys import BadKeyError, BadSignatureError, read_key
from leaktrace.mailroom.tags import TagError, decoded, read_tags

ChainResult = Literal["none", "pass", "fail", "ended"]
INSTANCE_CEILING = 50
_SEAL, _SIGNATURE, _RESULTS = b"arc-seal", b"arc-message-signature", b"arc-authentication-results"
_KINDS = (_RESULTS, _SIGNATURE, _SEAL)
_INSTANCE = re.compile(rb"(?:^|;)[ \t\r\n]{0,64}i[ \t\r\n]{0,64}=[ \t\r\n]{0,64}([0-9]{1,9})[ \t\r\n]{0,64}(?:;|\Z)")
_ALGORITHMS = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}
_FORMS = (b"simple", b"relaxed")
_FIELD_CEILING_BYTES = 32_000
_FIELD_CEILING_COUNT = 1000


class _ChainError(ValueError):
    """Why a chain is not whole."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What an ARC chain is found to be."""

    result: ChainResult
    reason: str = ""
    sealers: tuple[str, ...] = ()
    """Domains that sealed, the newest first; only of a chain that passes."""
    results: tuple[str, ...] = ()
    """What each of them says the message was when it came: the values of ARC-Authentication-Results, same order."""
    covers: tuple[str, ...] = ()
    """Header fields under the newest message signature."""
    whole_body: bool = False
    """Whether that signature leaves no room for more body."""


@dataclass(frozen=True, slots=True)
class _Set:
    """The three fields of one instance."""

    results: bytes
    signature: bytes
    seal: bytes

    def field(self, kind: bytes) -> bytes:
        return {_RESULTS: self.results, _SIGNATURE: self.signature, _SEAL: self.seal}[kind]


def has_chain(fields: Iterable[bytes]) -> bool:
    """Whether any field of an ARC set is there."""
    return any(name_of(field) in _KINDS for field in fields if field[:1] in b"aA")


def check_chain(message: bytes, keys: Mapping[str, str]) -> Chain:
    """The chain of a message given with its header and body; `keys`: key records by lower-case name."""
    fields, body = split_message(message)
    try:
        sets = _sets(fields)
        if not sets:
            return Chain("none")
        seals = [_tags(one.seal, (b"i", b"a", b"b", b"cv", b"d", b"s")) for one in sets]
        tags = _check_signature(fields, sets[-1].signature, body, keys)
        for at in range(len(sets) - 1, -1, -1):
            if seals[at][b"cv"].lower() == b"fail":
                return Chain("ended", f"the sealer of instance {at + 1} found the chain broken")
            _check_seal_tags(seals[at], first=at == 0)
            _check_seal(sets[: at + 1], seals[at], keys)
    except (_ChainError, TagError, BadKeyError, BadSignatureError) as error:
        return Chain("fail", str(error))
    newest = list(zip(seals, sets, strict=True))[::-1]
    return Chain(
        "pass",
        sealers=tuple(_text(seal[b"d"]).lower() for seal, _ in newest),
        results=tuple(_text(one.results.partition(b":")[2]) for _, one in newest),
        covers=tuple(name.strip().lower() for name in _text(tags[b"h"]).split(":"))[:200],
        whole_body=b"l" not in tags,
    )


def _sets(fields: Sequence[bytes]) -> list[_Set]:
    """The ARC sets, oldest first."""
    found: dict[int, dict[bytes, bytes]] = {}
    for field in fields:
        name = name_of(field)
        if name not in _KINDS:
            continue
        if len(field) > _FIELD_CEILING_BYTES:
            raise _ChainError("an ARC field is larger than any honest one")
        value = field.partition(b":")[2]
        instance = _INSTANCE.search(value) if name != _RESULTS else _INSTANCE.match(value)
        if instance is None:
            raise _ChainError("an ARC field has no instance number")
        of_set = found.setdefault(int(instance.group(1)), {})
        if name in of_set:
            raise _ChainError("an ARC set has a field twice")
        of_set[name] = field
    if len(found) > INSTANCE_CEILING or set(found) != set(range(1, len(found) + 1)):
        raise _ChainError("the ARC sets are not numbered from 1 on without a gap")
    if any(set(of_set) != set(_KINDS) for of_set in found.values()):
        raise _ChainError("an ARC set is not complete")
    return [_Set(found[at][_RESULTS], found[at][_SIGNATURE], found[at][_SEAL]) for at in sorted(found)]


def _tags(field: bytes, needed: Iterable[bytes]) -> dict[bytes, bytes]:
    tags = read_tags(field)
    # An empty h= is allowed: the signature then covers the body and itself alone.
    missing = [name.decode() for name in needed if not tags.get(name) and not (name == b"h" and name in tags)]
    if missing:
        raise _ChainError(f"an ARC field lacks {missing[0]}=")
    if tags[b"a"].lower() not in _ALGORITHMS:
        raise _ChainError("an ARC field is signed by an unknown algorithm")
    return tags


def _check_seal_tags(seal: Mapping[bytes, bytes], *, first: bool) -> None:
    if b"h" in seal:
        raise _ChainError("a seal has h=, which it must not")
    if seal[b"cv"].lower() != (b"none" if first else b"pass"):
        raise _ChainError(f"a seal says cv={_text(seal[b'cv'])}")


def _check_signature(fields: Sequence[bytes], field: bytes, body: bytes, keys: Mapping[str, str]) -> dict[bytes, bytes]:
    tags = _tags(field, (b"i", b"a", b"b", b"bh", b"d", b"h", b"s"))
    names = [name.strip().lower() for name in tags[b"h"].split(b":")]
    if len(fields) > _FIELD_CEILING_COUNT:
        raise _ChainError("more header fields than any honest message has")
    if _SEAL in names:
        raise _ChainError("the message signature covers a seal, which it must not")
    header_form, _, body_form = tags.get(b"c", b"relaxed/relaxed").lower().partition(b"/")
    if header_form not in _FORMS or (body_form or b"simple") not in _FORMS:
        raise _ChainError("the message signature names an unknown canonical form")
    canonical = Bodies(body).form(body_form or b"simple")
    if b"l" in tags:
        length = _text(tags[b"l"])
        if not length.isascii() or not length.isdecimal() or len(length) > 20 or int(length) > len(canonical):
            raise _ChainError("the message signature covers more body than there is")
        canonical = canonical[: int(length)]
    if decoded(tags[b"bh"]) != hashlib.sha256(canonical).digest():
        raise _ChainError("the body is not the one that was signed")
    others = [one for one in fields if one is not field]
    itself = canonical_field(without_signature(field), header_form).removesuffix(b"\r\n")
    _check_by_key(tags, signed_fields(others, names, header_form) + itself, keys)
    return tags


def _check_seal(sets: Sequence[_Set], tags: Mapping[bytes, bytes], keys: Mapping[str, str]) -> None:
    covered = [canonical_field(one.field(kind), b"relaxed") for one in sets for kind in _KINDS]
    covered[-1] = canonical_field(without_signature(sets[-1].seal), b"relaxed").removesuffix(b"\r\n")
    _check_by_key(tags, b"".join(covered), keys)


def _check_by_key(tags: Mapping[bytes, bytes], signed: bytes, keys: Mapping[str, str]) -> None:
    name = f"{_text(tags[b's'])}._domainkey.{_text(tags[b'd'])}".lower()
    record = keys.get(name)
    if record is None:
        raise _ChainError(f"there is no key {name[:120]}")
    key = read_key(record)
    if _ALGORITHMS[tags[b"a"].lower()] != key.algorithm:
        raise _ChainError("the key is of another kind than the signature")
    signature = decoded(tags[b"b"])
    if signature is None:
        raise _ChainError("a signature is not base64")
    key.check(signature, signed)


def _text(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").split())
