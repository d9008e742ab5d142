"""DKIM key records (RFC 6376, section 3.6.1; RFC 8301 on sizes; RFC 8463 on Ed25519) and checking with one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

KEY_CEILING_CHARACTERS = 3000
MINIMUM_RSA_BITS = 1024
MAXIMUM_RSA_BITS = 8192
"""A larger modulus costs whoever checks it, and no honest signer has one."""


class BadKeyError(ValueError):
    """The record is no key that may be used, with the reason in words."""


class BadSignatureError(ValueError):
    """The signature was not made with this key over these bytes."""


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A key that may check signatures."""

    algorithm: bytes
    """`rsa` or `ed25519`."""
    bits: int
    strict: bool
    """`t=s`: i= must have the very domain of d=."""
    testing: bool
    """`t=y`: the domain only tries DKIM out."""
    _public: RSAPublicKey | Ed25519PublicKey

    def check(self, signature: bytes, signed: bytes) -> None:
        """Returns when `signature` was made over the SHA-256 of these bytes, else raises BadSignatureError."""
        try:
            if isinstance(self._public, RSAPublicKey):
                self._public.verify(signature, signed, PKCS1v15(), hashes.SHA256())
            else:
                digest = hashes.Hash(hashes.SHA256())
                digest.update(signed)
                self._public.verify(signature, digest.finalize())
        except (InvalidSignature, ValueError) as error:
            raise BadSignatureError("the signature does not fit") from error


def read_key(record: str) -> SignerKey:
    """The key in a TXT record; BadKeyError when it is revoked, too small, of another kind, or not readable."""
    if len(record) > KEY_CEILING_CHARACTERS:
        raise BadKeyError("the key record is longer than any honest one")
    tags = _tags(record)
    if tags.get("v", "DKIM1") != "DKIM1":
        raise BadKeyError("the record is of another version")
    if "sha256" not in _listed(tags.get("h", "sha256")):
        raise BadKeyError("the key is not for SHA-256")
    if not {"*", "email"} & _listed(tags.get("s", "*")):
        raise BadKeyError("the key is not for e-mail")
    kind = tags.get("k", "rsa").lower()
    if "p" not in tags:
        raise BadKeyError("the record has no key")
    if not tags["p"]:
        raise BadKeyError("the key was revoked")
    try:
        raw = base64.b64decode("".join(tags["p"].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKeyError("the key is not base64") from error
    public, bits = _public(kind, raw)
    flags = _listed(tags.get("t", ""))
    return SignerKey(kind.encode(), bits, "s" in flags, "y" in flags, public)


def _public(kind: str, raw: bytes) -> tuple[RSAPublicKey | Ed25519PublicKey, int]:
    if kind == "ed25519":
        if len(raw) != 32:
            raise BadKeyError("an Ed25519 key has 32 bytes")
        return Ed25519PublicKey.from_public_bytes(raw), 256
    if kind != "rsa":
        raise BadKeyError("the key is of an unknown kind")
    try:
        public = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKeyError("the key cannot be read") from error
    if not isinstance(public, RSAPublicKey):
        raise BadKeyError("the key is not an RSA key")
    if not MINIMUM_RSA_BITS <= public.key_size <= MAXIMUM_RSA_BITS:
        raise BadKeyError(f"an RSA key of {public.key_size} bits (RFC 8301: at least {MINIMUM_RSA_BITS})")
    return public, public.key_size


def _tags(record: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in record.split(";"):
        name, equals, value = tag.partition("=")
        if not equals:
            if tag.strip():
                raise BadKeyError("the record is not a list of tags")
            continue
        if name.strip() in tags:
            raise BadKeyError("a tag of the record stands twice")
        tags[name.strip()] = value.strip()
    return tags


def _listed(value: str) -> set[str]:
    return {one.strip().lower() for one in value.split(":") if one.strip()}
