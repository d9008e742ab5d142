"""Who sits at the keyboard: an identity provider says it, the service believes nothing else.

On the command line a person signs in with their key file (and its passphrase) or with their password. Whoever signs in
by key may also sign requests and approvals; a password alone reads and writes, and signs nothing. Single sign-on is one
more `IdentityProvider`: it returns an `Actor` for the person its token names, and nothing in this room changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from leaktrace.caserecords import Person
from leaktrace.cases.people import People
from leaktrace.cases.signing import Passwords, PersonKey, load_person_key
from leaktrace.cases.signing.dsse import SignerKey, signed, verify
from leaktrace.errors import NotAllowedError

SignedInBy = Literal["key", "password", "single_sign_on"]
_CHALLENGE_TYPE = "application/vnd.leaktrace.challenge.v1"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who signed in; only an identity provider makes one."""

    person: str
    signed_in_by: SignedInBy
    key: PersonKey | None = None
    """To sign with; null: signs nothing."""


class IdentityProvider(Protocol):
    """One way of signing in."""

    def sign_in(self, people: People) -> Actor:
        """Who it is, an active person of `people`; NotAllowedError in the same words for every failure."""


@dataclass(frozen=True, slots=True)
class KeyFileSignIn:
    """By the person's own key file: whoever can sign with the enrolled key is that person."""

    name: str
    path: Path
    passphrase: str | None = None

    def sign_in(self, people: People) -> Actor:
        """NotAllowedError for somebody unknown; KeyFileError where the file does not open or is another key's."""
        person = _active(people, self.name)
        key = load_person_key(self.path, self.name, self.passphrase, person.public_key)
        proof = signed(_CHALLENGE_TYPE, secrets.token_bytes(32), key)
        verify(proof, [SignerKey(person.name, person.public_key)], threshold=1)
        return Actor(person.name, "key", key)


@dataclass(frozen=True, slots=True)
class PasswordSignIn:
    """By password. `stored`: the hash of somebody, or None; `keep`: takes a new hash where the old one is too cheap."""

    name: str
    password: str
    stored: Callable[[str], str | None]
    keep: Callable[[str, str], None]
    passwords: Passwords

    def sign_in(self, people: People) -> Actor:
        """NotAllowedError, after the same work and in the same words, for a wrong name and a wrong password."""
        person = people.person(self.name)
        known = person is not None and person.active
        better = self.passwords.verify(self.stored(self.name) if known else None, self.password)
        if better is not None:
            self.keep(self.name, better)
        return Actor(self.name, "password")


def _active(people: People, name: str) -> Person:
    person = people.person(name)
    if person is None or not person.active:
        raise NotAllowedError("This person is not known here, or no longer active.", "An admin enrols people.")
    return person
