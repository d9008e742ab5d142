"""Who works with cases: enrolled, changed, deactivated, all by events that stay. Pure.

Rules, numbered as the code tags them:

1. The first person is an admin: somebody has to enrol the others.
2. A name, and a key, belongs to one person for ever; nobody is removed, only deactivated.
3. Nobody changes their own roles or activity; a key of one's own may be changed by oneself (rotation).
4. Roles that do not go together are not given (`permissions.sane_roles`).
5. The last active admin stays one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from leaktrace.caserecords import Person, PersonChanged, PersonEnrolled, RecordedEvent
from leaktrace.cases.permissions import sane_roles
from leaktrace.errors import CaseError, NotAllowedError

NO_CASE = "-"
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,39}")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class KeyTime:
    """A key and from which entry of the custody log on it is its owner's."""

    person: str
    public_key: str
    from_index: int


@dataclass(frozen=True, slots=True)
class People:
    """Everybody there is or was."""

    by_name: Mapping[str, Person] = field(default_factory=dict)
    keys: tuple[KeyTime, ...] = ()
    """Every key anybody ever had, oldest first: old signatures are checked by the key of their time."""

    def person(self, name: str) -> Person | None:
        """Somebody by name, active or not."""
        return self.by_name.get(name)

    def active(self) -> tuple[Person, ...]:
        """Those who may do anything at all, by name."""
        return tuple(one for _, one in sorted(self.by_name.items()) if one.active)

    def everybody(self) -> tuple[Person, ...]:
        """All, by name."""
        return tuple(one for _, one in sorted(self.by_name.items()))

    def with_role(self, role: str) -> tuple[Person, ...]:
        """Active people in a role."""
        return tuple(one for one in self.active() if role in one.roles)

    def key_owner(self, public_key: str) -> str | None:
        """Whose key this is or was."""
        return next((one.person for one in self.keys if one.public_key == public_key), None)


def key_id_of(public_key: str) -> str:
    """The hint that goes into envelopes: first 16 hex digits of the key's SHA-256."""
    if not _PUBLIC_KEY.fullmatch(public_key):
        raise CaseError("That is not an Ed25519 public key.", "It is 64 hexadecimal digits, lower case.")
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def enrolled(people: People, event: PersonEnrolled, index: int) -> People:
    """With one person more; CaseError or NotAllowedError by the rules above."""
    if not _NAME.fullmatch(event.person):
        raise CaseError(
            "That is not a user name.", "2 to 40 of: small letters, digits, dot, dash, underscore; a letter first."
        )
    roles = frozenset(event.roles)
    sane_roles(roles)  # 4
    if not people.by_name and "admin" not in roles:  # 1
        raise CaseError("The first person has to be an admin.", "leaktrace people add NAME --role admin")
    if event.person in people.by_name:  # 2
        raise CaseError(f"There is somebody named {event.person} already.", "Names are not given twice.")
    _own_key(people, event.person, event.key_id, event.public_key)
    person = Person(event.person, roles, event.key_id, event.public_key, event.principal)
    return _with(people, person, index)


def changed(people: People, event: PersonChanged, actor: str, index: int) -> People:
    """With one person changed; CaseError or NotAllowedError by the rules above."""
    before = people.person(event.person)
    if before is None:
        raise CaseError(f"There is nobody named {event.person}.", "'leaktrace people list' shows everybody.")
    if not event.reason.strip():
        raise CaseError("A change needs a reason.", "Say why: it stays in the log.")
    roles = frozenset(event.roles)
    sane_roles(roles)  # 4
    if actor == event.person and (roles != before.roles or event.active != before.active):  # 3
        raise NotAllowedError("Nobody changes their own roles.", "Another admin has to do it.")
    after = replace(before, roles=roles, active=event.active, key_id=event.key_id, public_key=event.public_key)
    if event.public_key != before.public_key:
        _own_key(people, event.person, event.key_id, event.public_key)
    moved = _with(people, after, index)
    if not moved.with_role("admin"):  # 5
        raise CaseError("Then nobody could configure anything any more.", "Enrol another admin first.")
    return moved


def _own_key(people: People, name: str, key_id: str, public_key: str) -> None:
    if key_id_of(public_key) != key_id:
        raise CaseError("The id of the key is not the key's.", "It is the beginning of the key's SHA-256.")
    if people.key_owner(public_key) not in (None, name):  # 2
        raise CaseError("This key is somebody else's.", "Everybody has a key of their own.")


def _with(people: People, person: Person, index: int) -> People:
    keys = people.keys
    if people.key_owner(person.public_key) is None:
        keys = (*keys, KeyTime(person.name, person.public_key, index))
    return People({**people.by_name, person.name: person}, keys)


def next_people(people: People, one: RecordedEvent) -> People:
    """After one more event."""
    if isinstance(one.event, PersonEnrolled):
        return enrolled(people, one.event, one.entry.index)
    if isinstance(one.event, PersonChanged):
        return changed(people, one.event, one.actor, one.entry.index)
    raise CaseError(f"{type(one.event).__name__} belongs into a case.", "Verify the log: leaktrace custody verify.")
