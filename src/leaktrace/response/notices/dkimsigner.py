"""DKIM signatures (RFC 6376; Ed25519: RFC 8463), relaxed/relaxed, made fast enough for a batch.

dkimpy parses each message anew, which takes longer than sending it; here the header fields are known. The tests have
dkimpy verify what this signs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from leaktrace.errors import ResponseError
from leaktrace.response.notices.opensslsign import unlocked_rsa_signer
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret

_BLANKS = re.compile(rb"[ \t\r\n]+")
_LEAST_RSA_BITS = 2048
Header = tuple[str, bytes]
"""Name, and value as it stands after the colon and a blank; may be folded."""


def relaxed(header: Header) -> bytes:
    """One field in relaxed canonical form without its line end (section 3.4.2)."""
    name, value = header
    return name.lower().encode("ascii") + b":" + _BLANKS.sub(b" ", value).strip()


def signed_names(names: Iterable[str]) -> str:
    """The `h=` of a signature: `from` once more than there is, so that nobody can add a second one (section 8.15)."""
    return ":".join([*(name.lower() for name in names), "from"])


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A signature field up to its `b=`, and the bytes that are signed."""

    value: bytes
    content: bytes


class DkimSigner:
    """Signs for one domain and selector. Its `repr` shows no key."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, domain: str, selector: str) -> None:
        if isinstance(key, RSAPrivateKey) and key.key_size < _LEAST_RSA_BITS:
            raise ResponseError(
                f"The DKIM key has {key.key_size} bits.", f"Use RSA of at least {_LEAST_RSA_BITS} bits, or Ed25519."
            )
        self._key = key
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._unlocked = unlocked_rsa_signer(key) if isinstance(key, RSAPrivateKey) else None
        self._start = f"v=1; a={algorithm}; c=relaxed/relaxed; d={domain}; s={selector};\r\n t="

    def __repr__(self) -> str:
        return f"DkimSigner({self._start!r})"

    def unsigned(self, names: str, canonical: bytes, body: bytes, at_seconds: int) -> Unsigned:
        """What is to be signed, for `sign` in this or another thread.

        `names` of the fields in the order signed, by `signed_names`; `canonical` the fields in relaxed form, each with
        its line end. `body` ends in exactly one CRLF and has no blanks at line ends nor empty lines at its end: then
        it is its own relaxed form (section 3.4.4).
        """
        body_hash = base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")
        value = f"{self._start}{at_seconds}; h={names};\r\n bh={body_hash};\r\n b=".encode("ascii")
        # Its relaxed form: it has no other runs of blanks than its own folds.
        return Unsigned(value, canonical + b"dkim-signature:" + value.replace(b"\r\n", b""))

    def sign(self, unsigned: Unsigned) -> bytes:
        """The DKIM-Signature field with its line end."""
        signature = base64.b64encode(self._raw(unsigned.content))
        folded = b"\r\n ".join(signature[start : start + 72] for start in range(0, len(signature), 72))
        return b"DKIM-Signature: " + unsigned.value + folded + b"\r\n"

    def _raw(self, content: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(hashlib.sha256(content).digest())
        signature = self._unlocked(content) if self._unlocked is not None else b""
        return signature or self._key.sign(content, PKCS1v15(), hashes.SHA256())


def load_signer(path: Path, domain: str, selector: str) -> DkimSigner:
    """The signer whose private key is in this PEM file; ResponseError where others may read it or it is no key."""
    try:
        key = load_pem_private_key(read_secret(path), None)
    except ReadByOthersError as error:
        raise ResponseError(f"Others may read the DKIM key {path.name}.", f"{only_owner(path)}.") from error
    except (OSError, ValueError, TypeError) as error:
        raise ResponseError(
            f"The DKIM key {path.name} cannot be read.", "It is a PEM file without a passphrase; see docs/notices.md."
        ) from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise ResponseError(f"The DKIM key {path.name} is neither RSA nor Ed25519.", "Other kinds are not in DKIM.")
    return DkimSigner(key, domain, selector)
