"""Who works with cases, and in which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["investigator", "approver", "privacy_officer", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works with cases."""

    name: str
    roles: frozenset[Role]
    key_id: str
    """SHA-256 of the raw Ed25519 public key, hex, first 16 characters: a hint, never a decision."""
    public_key: str
    """Raw Ed25519 public key, hex."""
    principal: str | None = None
    """The account of this person in the access log, when it has one: nobody works on their own case."""
    active: bool = True
