"""The signature of a bundle: one signed note over both manifests and the list of tag files.

BagIt (RFC 8493) guards against accidents only: whoever rewrites the payload rewrites the manifests, and a bag without
its tag manifest is still valid. So the log's key signs what must be there, by name (C2SP signed-note).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from leaktrace.response.bundle.inputs import Sign

STATEMENT = "leaktrace bundle 1"
"""First line of what is signed; no checkpoint begins so, as its first line is its origin."""
SIGNATURE_FILE = "signatures/bundle.note"
KEY_FILE = "signatures/key.pem"
_SPKI_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""SubjectPublicKeyInfo of an Ed25519 key, up to the key itself (RFC 8410, section 4)."""


def fingerprint_of(public_key: bytes) -> str:
    """SHA-256 of the raw Ed25519 public key, hex: what is compared over another channel."""
    return hashlib.sha256(public_key).hexdigest()


def grouped(fingerprint: str) -> str:
    """The fingerprint in groups of four digits, to be read out."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def key_file(public_key: bytes) -> bytes:
    """The public key as PEM, as `openssl` reads it."""
    encoded = base64.b64encode(_SPKI_PREFIX + public_key).decode("ascii")
    return f"-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n".encode()


def statement(origin: str, case: str, manifest: bytes, tag_manifest: bytes, tag_files: Sequence[str]) -> str:
    """The text that is signed."""
    lines = [
        STATEMENT,
        f"origin {origin}",
        f"case {case}",
        f"manifest-sha256.txt {hashlib.sha256(manifest).hexdigest()}",
        f"tagmanifest-sha256.txt {hashlib.sha256(tag_manifest).hexdigest()}",
        *(f"tag-file {name}" for name in sorted(tag_files)),
    ]
    return "\n".join(lines) + "\n"


def signed_note(text: str, name: str, public_key: bytes, sign: Sign) -> bytes:
    """The note with the signature line of the key of that name."""
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]
    line = base64.b64encode(key_id + sign(text.encode())).decode("ascii")
    return f"{text}\n— {name} {line}\n".encode()
