"""The workspace key and what is derived from it: keyed hashes and encryption.

The key never lies inside the workspace (DESIGN 7). One 32-byte secret per key file; each purpose and each workspace
gets its own subkey by HKDF-SHA256 (RFC 5869), so that a hash of one workspace says nothing in another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from numpy.typing import NDArray

from leaktrace.errors import KeyFileError
from leaktrace.records import Keys

KEY_FILE_HEADER = "leaktrace-key-1 "
_NONCE_BYTES = 12


class Keyring:
    """Subkeys of one workspace. Its `repr` shows no secret."""

    def __init__(self, secret: bytes, workspace_id: str) -> None:
        self._workspace_id = workspace_id
        self._secret = secret
        self._customer = self._subkey("customer")
        self._principal = self._subkey("principal")
        self._address = self._subkey("address")
        self._log = self._subkey("log")
        self._feature = self._subkey("feature")
        self._cipher = AESGCM(self._subkey("encryption"))

    def __repr__(self) -> str:
        return f"Keyring(workspace={self._workspace_id!r})"

    def _subkey(self, purpose: str) -> bytes:
        info = f"leaktrace/1/{purpose}".encode()
        return HKDF(hashes.SHA256(), 32, self._workspace_id.encode(), info).derive(self._secret)

    def check_value(self) -> str:
        """A public value that only this key gives: tells a wrong key file from the right one."""
        return hmac.new(self._log, b"leaktrace key check", hashlib.sha256).hexdigest()

    def customer_keys(self, names: Iterable[str]) -> Keys:
        """Keyed 64-bit hashes of customer ids, in order."""
        return _keyed_hashes(self._customer, names)

    def principal_keys(self, names: Iterable[str]) -> Keys:
        """Keyed 64-bit hashes of principal ids, in order."""
        return _keyed_hashes(self._principal, names)

    def name_hashes(
        self, kind: Literal["customer", "principal"], texts: NDArray[np.uint8], ends: NDArray[np.int64]
    ) -> tuple[Keys, NDArray[np.uint32]]:
        """(keys, checks) of a column of ids, UTF-8; id i is `texts[ends[i] : ends[i + 1]]`.

        The keys are those of `customer_keys` or `principal_keys`. A check is a second keyed hash, which tells two ids
        that share a key: both are alike with a chance of 2^-96.
        """
        # Machine code is loaded where there is a column to hash, not at every start of the program.
        from leaktrace.compiled.blake2 import keyed_digests

        key = self._customer if kind == "customer" else self._principal
        first, second = keyed_digests(texts, ends, key, 8)
        return first, (second & np.uint64(0xFFFFFFFF)).astype(np.uint32)

    def address_hash(self, normalised_address: str) -> bytes:
        """Keyed 128-bit hash of an address that was normalised already; the address cannot be had back from it."""
        return hashlib.blake2b(normalised_address.encode(), digest_size=16, key=self._address).digest()

    def feature_hash(self, token: str) -> str:
        """Keyed 64-bit hash, in hex, of a word from a mail: equal words are seen to be equal, and nothing else."""
        return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8, key=self._feature).hexdigest()

    def log_tag(self, payload: bytes) -> str:
        """Keyed tag for a hash-chained log: without the key nobody can write a chain anew."""
        return hmac.new(self._log, payload, hashlib.sha256).hexdigest()

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """AES-256-GCM; `context` is bound to the bytes and must be said again to decrypt."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """The plain bytes; KeyFileError when key, context or bytes are not those that were sealed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError) as error:
            raise KeyFileError(
                f"Stored bytes ({context}) do not open with this workspace's key.",
                "They were changed on disk, or the key file is another workspace's: restore both from one backup.",
            ) from error


def _keyed_hashes(key: bytes, names: Iterable[str]) -> Keys:
    joined = b"".join(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for name in names
    )
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def write_new_key_file(path: Path) -> None:
    """Makes a key file with a fresh secret, 0600; refuses to write over one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be made: {error.strerror}.",
            "Set LEAKTRACE_KEY_FILE to a path you may write, outside the workspace.",
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(KEY_FILE_HEADER + secrets.token_hex(32) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def read_key_file(path: Path) -> bytes:
    """The secret in a key file; KeyFileError when there is none or it is not one."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be read: {error.strerror}.",
            "Without it the names and the mail in this workspace stay closed. Restore it from your backup, "
            "or set LEAKTRACE_KEY_FILE to where it is now.",
        ) from error
    try:
        secret = bytes.fromhex(text.removeprefix(KEY_FILE_HEADER).strip())
    except ValueError:
        secret = b""
    if not text.startswith(KEY_FILE_HEADER) or len(secret) != 32:
        raise KeyFileError(
            f"{path} is not a leaktrace key file.",
            "A key file is one line that starts with 'leaktrace-key-1'. Restore it from your backup.",
        )
    return secret
