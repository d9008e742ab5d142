"""The workspace key and what is derived from it: keyed hashes and encryption.

The key never lies inside the workspace (DESIGN 7). One 32-byte secret per key file; each purpose and each workspace
gets its own subkey by HKDF-SHA256 (RFC 5869), so that a hash of one workspace says nothing in another.

Rotation adds a *generation*: a further secret, from which encryption and the custody log's signature are derived from
then on. Hashes stay those of the first secret, because every stored number is one. What was sealed under an earlier
generation still opens; nothing is sealed under it any more.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
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
from leaktrace.secretfiles import ReadByOthersError, only_owner, read_secret
from leaktrace.wholefiles import replace_file, sync_folder, write_new

KEY_FILE_HEADER = "leaktrace-key-1 "
KEY_FILE_HEADER_2 = "leaktrace-key-2"
MAX_GENERATIONS = 64
_NONCE_BYTES = 12
_SECRET_BYTES = 32
_GENERATION_LINE = re.compile(r"(root|[1-9][0-9]?) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class KeySecrets:
    """What a key file holds. Its `repr` shows no secret."""

    root: bytes = field(repr=False)
    """32 bytes: hashes come from it, and the encryption of generation 1."""
    later: tuple[bytes, ...] = field(default=(), repr=False)
    """32 bytes each: generations 2, 3, …"""

    @property
    def generation(self) -> int:
        """The number of the newest generation; 1 for a key that was never rotated."""
        return 1 + len(self.later)

    def rotated(self) -> KeySecrets:
        """With one more, fresh generation."""
        return KeySecrets(self.root, (*self.later, secrets.token_bytes(_SECRET_BYTES)))

    def text(self) -> str:
        """What stands in the key file: one line, or one line for each secret once there are several."""
        if not self.later:
            return f"{KEY_FILE_HEADER}{self.root.hex()}\n"
        lines = [f"{number} {one.hex()}" for number, one in enumerate(self.later, start=2)]
        return "\n".join([KEY_FILE_HEADER_2, f"root {self.root.hex()}", *lines]) + "\n"


class Keyring:
    """Subkeys of one workspace. Its `repr` shows no secret."""

    def __init__(self, secret: bytes | KeySecrets, workspace_id: str) -> None:
        held = secret if isinstance(secret, KeySecrets) else KeySecrets(secret)
        self._workspace_id = workspace_id
        self._secret = held.root
        self._customer = self._subkey("customer")
        self._principal = self._subkey("principal")
        self._address = self._subkey("address")
        self._log = self._subkey("log")
        self._feature = self._subkey("feature")
        self._custody = tuple(self._subkey("custody log", one) for one in (held.root, *held.later))
        self._ciphers = tuple(AESGCM(self._subkey("encryption", one)) for one in (held.root, *held.later))

    def __repr__(self) -> str:
        return f"Keyring(workspace={self._workspace_id!r})"

    def _subkey(self, purpose: str, secret: bytes | None = None) -> bytes:
        info = f"leaktrace/1/{purpose}".encode()
        return HKDF(hashes.SHA256(), 32, self._workspace_id.encode(), info).derive(secret or self._secret)

    @property
    def generation(self) -> int:
        """The generation under which things are sealed now; 1 for a key that was never rotated."""
        return len(self._ciphers)

    def custody_seeds(self) -> tuple[bytes, ...]:
        """Ed25519 seeds of the keys the custody log signs with, one a generation, oldest first; the last one signs."""
        return self._custody

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
        """AES-256-GCM under the newest generation; `context` is bound to the bytes and is said again to decrypt."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers[-1].encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """The plain bytes; KeyFileError when key, context or bytes are not those that were sealed."""
        return self._opened(sealed, context)[0]

    def generation_of(self, sealed: bytes, context: str) -> int:
        """Under which generation these bytes were sealed; KeyFileError as `decrypt`."""
        return self._opened(sealed, context)[1]

    def resealed(self, sealed: bytes, context: str) -> bytes | None:
        """The same plain bytes under the newest generation; null where they are already. KeyFileError as `decrypt`."""
        plain, generation = self._opened(sealed, context)
        return None if generation == self.generation else self.encrypt(plain, context)

    def _opened(self, sealed: bytes, context: str) -> tuple[bytes, int]:
        # Sealed bytes do not say their generation: the tag does, and a header would have made old bytes unreadable.
        failed: Exception | None = None
        for generation in range(self.generation, 0, -1):
            try:
                plain = self._ciphers[generation - 1].decrypt(
                    sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode()
                )
            except (InvalidTag, ValueError) as error:
                failed = error
            else:
                return plain, generation
        raise KeyFileError(
            f"Stored bytes ({context}) do not open with this workspace's key.",
            "They were changed on disk, or the key file is another workspace's: restore both from one backup.",
        ) from failed


def _keyed_hashes(key: bytes, names: Iterable[str]) -> Keys:
    joined = b"".join(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest() for name in names
    )
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def write_new_key_file(path: Path, held: KeySecrets | None = None) -> None:
    """Makes a key file, 0600, with a fresh secret or with those that are given; refuses to write over one."""
    wanted = held or KeySecrets(secrets.token_bytes(_SECRET_BYTES))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, wanted.text().encode("ascii"))
        sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be made: {error.strerror}.",
            "Set LEAKTRACE_KEY_FILE to a path you may write, outside the workspace.",
        ) from error


def replace_key_file(path: Path, held: KeySecrets) -> None:
    """Puts further secrets into a key file, whole or not at all. KeyFileError where one that is there would be lost."""
    before = read_key_file(path)
    if held.root != before.root or held.later[: len(before.later)] != before.later:
        raise KeyFileError(f"{path} holds secrets that would be lost.", "Nothing was changed: run the command again.")
    try:
        replace_file(path, held.text().encode("ascii"))
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be written: {error.strerror}.",
            "It is as it was; make it writable and try again.",
        ) from error


def read_key_file(path: Path) -> KeySecrets:
    """The secrets in a key file; KeyFileError when there is none or it is not one."""
    try:
        text = read_secret(path).decode("ascii", errors="replace")
    except OSError as error:
        raise KeyFileError(
            f"The key file {path} cannot be read: {error.strerror}.",
            "Without it the names and the mail in this workspace stay closed. Restore it from your backup, "
            "or set LEAKTRACE_KEY_FILE to where it is now.",
        ) from error
    except ReadByOthersError as error:
        hint = f"{only_owner(path)}; if others read it, make a new generation: leaktrace keys rotate."
        raise KeyFileError(f"Others may read the key file {path}.", hint) from error
    held = parse_key_text(text)
    if held is None:
        raise KeyFileError(
            f"{path} is not a leaktrace key file.",
            "A key file begins with 'leaktrace-key-1' or 'leaktrace-key-2'. Restore it from your backup.",
        )
    return held


def parse_key_text(text: str) -> KeySecrets | None:
    """The secrets in the text of a key file; null where it is none."""
    if text.startswith(KEY_FILE_HEADER):
        secret = _secret_of(text.removeprefix(KEY_FILE_HEADER).strip())
        return None if secret is None else KeySecrets(secret)
    header, *lines = text.strip().split("\n")
    found = [_GENERATION_LINE.fullmatch(line) for line in lines]
    wanted = ["root", *(str(number) for number in range(2, len(lines) + 1))]
    if header != KEY_FILE_HEADER_2 or len(lines) < 2 or len(lines) > MAX_GENERATIONS:
        return None
    if [match and match[1] for match in found] != wanted:
        return None
    root, *later = (bytes.fromhex(match[2]) for match in found if match)
    return KeySecrets(root, tuple(later))


def _secret_of(text: str) -> bytes | None:
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        return None
    return secret if len(secret) == _SECRET_BYTES else None
