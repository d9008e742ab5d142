"""Secrets under a passphrase: Argon2id (RFC 9106) makes the key, AES-256-GCM seals. One line of text.

    leaktrace-sealed-1 t=3 m=65536 p=4 <salt, hex> <nonce and ciphertext, base64>

The parameters stand in the line, so they can grow; what is read has ceilings, so that a crafted file cannot ask for all
the memory of the machine.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from dataclasses import dataclass

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from leaktrace.errors import KeyFileError

HEADER = "leaktrace-sealed-1"
MIN_PASSPHRASE_CHARACTERS = 12
_SALT_BYTES = 16
_NONCE_BYTES = 12
_LINE = re.compile(
    rf"{HEADER} t=([1-9][0-9]?) m=([1-9][0-9]{{1,6}}) p=([1-9]) ([0-9a-f]{{32}}) ([A-Za-z0-9+/]{{38,90000}}={{0,2}})"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What guessing one passphrase costs."""

    rounds: int = 3
    memory_kibibytes: int = 65_536
    lanes: int = 4


DEFAULT_COST = Cost()
"""RFC 9106, section 4: the second recommended choice."""
MAX_COST = Cost(rounds=20, memory_kibibytes=1_048_576, lanes=8)


def seal(plain: bytes, passphrase: str, context: str, cost: Cost = DEFAULT_COST) -> str:
    """One line that only the passphrase opens; `context` must be said again. KeyFileError on a short passphrase."""
    if len(passphrase) < MIN_PASSPHRASE_CHARACTERS:
        raise KeyFileError(
            f"A passphrase of fewer than {MIN_PASSPHRASE_CHARACTERS} characters can be guessed.",
            "Take several words that nobody would put together.",
        )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(_key(passphrase, salt, cost)).encrypt(nonce, plain, context.encode())
    parameters = f"t={cost.rounds} m={cost.memory_kibibytes} p={cost.lanes}"
    return f"{HEADER} {parameters} {salt.hex()} {base64.b64encode(sealed).decode('ascii')}"


def is_sealed(text: str) -> bool:
    """Whether a text says of itself that it is under a passphrase."""
    return text.startswith(HEADER + " ")


def unseal(text: str, passphrase: str, context: str) -> bytes:
    """The plain bytes; KeyFileError on a wrong passphrase, another context, or bytes that were changed."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        raise KeyFileError("This is not a secret under a passphrase.", "Was a part of the line lost in copying?")
    cost = Cost(int(found[1]), int(found[2]), int(found[3]))
    if (
        cost.rounds > MAX_COST.rounds
        or cost.memory_kibibytes > MAX_COST.memory_kibibytes
        or cost.lanes > MAX_COST.lanes
    ):
        raise KeyFileError("This secret asks for more work than is allowed.", "It was not sealed by this program.")
    try:
        sealed = base64.b64decode(found[5], validate=True)
        key = _key(passphrase, bytes.fromhex(found[4]), cost)
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except (InvalidTag, HashingError, binascii.Error, ValueError) as error:
        raise KeyFileError(
            "The passphrase does not open this.",
            "Type it as it was given, with blanks and capitals; or the file was changed.",
        ) from error


def _key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    return hash_secret_raw(
        passphrase.encode("utf-8", "surrogatepass"),
        salt,
        time_cost=cost.rounds,
        memory_cost=cost.memory_kibibytes,
        parallelism=cost.lanes,
        hash_len=32,
        type=Type.ID,
    )
