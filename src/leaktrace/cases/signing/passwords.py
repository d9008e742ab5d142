"""Passwords of local users: Argon2id hashes, and the same work for names that nobody has."""

from __future__ import annotations

import base64
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from leaktrace.errors import NotAllowedError, UsageError
from leaktrace.passphrases import DEFAULT_COST, Cost

MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_BYTES = 1024
"""A ceiling, so that nobody has a gigabyte hashed."""


class Passwords:
    """Hashes and verifies; `cost` is what one guess costs."""

    def __init__(self, cost: Cost = DEFAULT_COST) -> None:
        self._cost = cost
        self._hasher = PasswordHasher(cost.rounds, cost.memory_kibibytes, cost.lanes)

    def hash(self, password: str) -> str:
        """The PHC string to store; UsageError for a password that is too short or too long."""
        if len(password) < MIN_PASSWORD_CHARACTERS or len(_bytes(password)) > MAX_PASSWORD_BYTES:
            raise UsageError(
                f"A password has at least {MIN_PASSWORD_CHARACTERS} characters and at most {MAX_PASSWORD_BYTES} bytes.",
                "Take several words that nobody would put together.",
            )
        return self._hasher.hash(_bytes(password))

    def verify(self, stored: str | None, password: str) -> str | None:
        """Raises NotAllowedError unless this is the password. A new hash to store where the old one is too cheap.

        `stored` is null for a user who does not exist: the same work is done, so that time tells nothing, and the error
        is the same.
        """
        given = _bytes(password)[: MAX_PASSWORD_BYTES + 1]
        wanted = hash_of_nobody(self._cost) if stored is None else stored
        try:
            self._hasher.verify(wanted, given)
        except (VerificationError, InvalidHashError) as error:
            raise _refused() from error
        if stored is None:
            raise _refused()
        return self._hasher.hash(given) if self._hasher.check_needs_rehash(stored) else None


def hash_of_nobody(cost: Cost) -> str:
    """What a hash at this cost looks like, of nothing known.

    It is put together, not worked out: the time of that would tell that there is no such name.
    """
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={cost.memory_kibibytes},t={cost.rounds},p={cost.lanes}${salt}${digest}"


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _refused() -> NotAllowedError:
    return NotAllowedError("The name or the password is wrong.", "An administrator can set a new password.")
