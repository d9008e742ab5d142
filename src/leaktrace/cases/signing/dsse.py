"""DSSE envelopes: what exactly was signed, and by which different people.

The signature is over the pre-authentication encoding (PAE) of payload type and payload (DSSE v1, protocol.md), so a
payload of one kind cannot be passed off as another. KEYID is a hint for people: it decides nothing here, every
signature is tried with every known key.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leaktrace.cases.signing.keys import PersonKey
from leaktrace.errors import ApprovalError

MAX_ENVELOPE_BYTES = 1_000_000
MAX_SIGNATURES = 16
_HINT = "Ask for the request and the approval anew."


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A public key and the one person it belongs to."""

    person: str
    public_key: str
    """Raw Ed25519 public key, hex."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of an envelope, not verified."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope as it was read; nothing in it is verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """As JSON, keys sorted."""
        document = {
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": one.key_id, "sig": base64.b64encode(one.signature).decode("ascii")} for one in self.signatures
            ],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("utf-8")


@dataclass(frozen=True, slots=True)
class VerifiedPayload:
    """A payload that enough different people signed; only `verify` makes one."""

    payload: bytes
    people: frozenset[str]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: `DSSEv1 <length> <type> <length> <payload>`, lengths in bytes."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def signed(payload_type: str, payload: bytes, key: PersonKey) -> Envelope:
    """A new envelope with one signature."""
    return Envelope(payload_type, payload, (_signature(payload_type, payload, key),))


def signed_too(envelope: Envelope, key: PersonKey) -> Envelope:
    """The envelope with one more signature. The caller owes a look at the payload first."""
    added = _signature(envelope.payload_type, envelope.payload, key)
    return Envelope(envelope.payload_type, envelope.payload, (*envelope.signatures, added))


def _signature(payload_type: str, payload: bytes, key: PersonKey) -> Signature:
    return Signature(key.key_id, key.sign(pae(payload_type, payload)))


def parse_envelope(raw: bytes) -> Envelope:
    """The envelope in some bytes, with ceilings; ApprovalError where they hold none."""
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise _malformed(f"it is larger than {MAX_ENVELOPE_BYTES} bytes")
    try:
        document: Any = json.loads(raw.decode("utf-8"), object_pairs_hook=_no_twice)
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not JSON") from error
    if not isinstance(document, dict):
        raise _malformed("it is not an object")
    payload_type, signatures = document.get("payloadType"), document.get("signatures")
    if not isinstance(payload_type, str) or not isinstance(signatures, list):
        raise _malformed("it has no payload type or no signatures")
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise _malformed(f"it has {len(signatures)} signatures")
    return Envelope(payload_type, _decoded(document.get("payload")), tuple(_parsed(one) for one in signatures))


def verify(envelope: Envelope, keys: Iterable[SignerKey], threshold: int) -> VerifiedPayload:
    """The payload, if at least `threshold` different people signed it.

    Checks: 1. every known key belongs to one person, 2. signatures that hold, counted by person: two by one key or by
    two keys of one person are one, 3. the threshold. ApprovalError otherwise. The caller owes: payload type, what the
    payload says, and whether these people may sign that.
    """
    if threshold < 1:
        raise ValueError("a threshold below one verifies nothing")
    owners: dict[str, str] = {}
    for key in keys:
        if owners.setdefault(key.public_key, key.person) != key.person:  # 1
            raise ApprovalError("Two people are enrolled with the same key.", "Each needs a key of their own.")
    message = pae(envelope.payload_type, envelope.payload)
    people = {
        person
        for signature in envelope.signatures
        for public_key, person in owners.items()
        if _holds(public_key, signature.signature, message)
    }  # 2
    if len(people) < threshold:  # 3
        have = f"{len(people)} {'has' if len(people) == 1 else 'have'}"
        raise ApprovalError(
            f"{threshold} people have to sign this, each with the key they have now; {have}. "
            "A key that was replaced since it signed no longer counts.",
            _HINT,
        )
    return VerifiedPayload(envelope.payload, frozenset(people))


def _holds(public_key: str, signature: bytes, message: bytes) -> bool:
    # The one place where a bool is right: no key of the list is expected to fit more than one signature.
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _parsed(document: Any) -> Signature:
    if not isinstance(document, dict):
        raise _malformed("a signature is not an object")
    key_id = document.get("keyid", "")
    if not isinstance(key_id, str) or len(key_id) > 200:
        raise _malformed("a key id is not a short text")
    return Signature(key_id, _decoded(document.get("sig")))


def _decoded(text: Any) -> bytes:
    """Bytes of base64, standard or URL-safe: verifiers take both (DSSE v1, envelope.md)."""
    if not isinstance(text, str):
        raise _malformed("payload or signature is missing")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise _malformed("payload or signature is not base64") from error


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may take different ones of two equal names.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _malformed(why: str) -> ApprovalError:
    return ApprovalError(f"This is not a signed envelope: {why}.", _HINT)
