"""Enrolling people, changing what they may do, their passwords."""

from __future__ import annotations

from collections.abc import Iterable

from leaktrace.caserecords import Person, PersonChanged, PersonEnrolled, Role
from leaktrace.cases.guard import Guarded, Premises, needs
from leaktrace.cases.people import NO_CASE, key_id_of
from leaktrace.cases.plainwords import nameless
from leaktrace.errors import CaseError, NotAllowedError


def enrol_first(premises: Premises, name: str, public_key: str, roles: Iterable[Role] = ("admin",)) -> Person:
    """Enrols the first person, who has to be an admin; NotAllowedError once there is anybody."""
    with premises.store.writing() as transaction:
        if premises.store.people().by_name:
            raise NotAllowedError("There are people already.", "An admin enrols others: --as NAME.")
        event = PersonEnrolled(name, tuple(sorted(roles)), key_id_of(public_key), public_key)
        transaction.append(NO_CASE, name, premises.clock(), [event])
    return premises.store.people().by_name[name]


class PeopleDesk(Guarded):
    """The people of a workspace, as one of them works with them."""

    @needs("list", "people")
    def people(self) -> tuple[Person, ...]:
        """Everybody, deactivated ones too, by name."""
        return self._store.people().everybody()

    @needs("add", "people")
    def enrol(self, name: str, public_key: str, roles: Iterable[Role], principal: str | None = None) -> Person:
        """One person more. `principal`: their account in the access log, so that they are kept from their own case."""
        event = PersonEnrolled(name, tuple(sorted(set(roles))), key_id_of(public_key), public_key, principal)
        with self._writing(None) as transaction:
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
        return self._store.people().by_name[name]

    @needs("change", "people")
    def change(
        self, name: str, reason: str, *, roles: Iterable[Role] | None = None, active: bool | None = None
    ) -> Person:
        """Other roles, or active or no longer; never one's own."""
        before = self._known(name)
        event = PersonChanged(
            name,
            tuple(sorted(before.roles if roles is None else set(roles))),
            before.active if active is None else active,
            before.key_id,
            before.public_key,
            nameless(reason, {}, "reason"),
        )
        with self._writing(None) as transaction:
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
        return self._store.people().by_name[name]

    @needs("change", "people")
    def replace_key(self, name: str, public_key: str, reason: str) -> Person:
        """A new key for somebody who lost theirs. What waits under the old key's signature is void from now on."""
        before = self._known(name)
        return self._with_key(before, public_key, reason)

    @needs("change_own", "people")
    def rotate_own_key(self, public_key: str) -> Person:
        """A new key for oneself; whoever asks signed in with the old one."""
        if self._actor.key is None:
            raise NotAllowedError("A key is changed by whoever holds the old one.", "Sign in with the key file.")
        return self._with_key(self._person(), public_key, "rotated by its owner")

    @needs("change", "people")
    def set_password(self, name: str, hashed: str) -> None:
        """A new password (its Argon2 hash) for somebody; that it was set is logged, what it is never."""
        self._keep_password(self._known(name), hashed, "password set by an admin")

    @needs("change_own", "people")
    def set_own_password(self, hashed: str) -> None:
        """A new password (its Argon2 hash) for oneself; it takes the key."""
        if self._actor.key is None:
            raise NotAllowedError("A password is set by whoever holds the person's key.", "Sign in with the key file.")
        self._keep_password(self._person(), hashed, "password set by its owner")

    def _keep_password(self, person: Person, hashed: str, reason: str) -> None:
        if not hashed.startswith("$argon2id$"):
            raise CaseError("That is no Argon2id hash.", "Hash the password first.")
        event = PersonChanged(
            person.name, tuple(sorted(person.roles)), person.active, person.key_id, person.public_key, reason
        )
        with self._writing(None) as transaction:
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
            transaction.keep_password(person.name, hashed)

    def _with_key(self, before: Person, public_key: str, reason: str) -> Person:
        event = PersonChanged(
            before.name,
            tuple(sorted(before.roles)),
            before.active,
            key_id_of(public_key),
            public_key,
            nameless(reason, {}, "reason"),
        )
        with self._writing(None) as transaction:
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
        return self._store.people().by_name[before.name]

    def _known(self, name: str) -> Person:
        person = self._store.people().person(name)
        if person is None:
            raise CaseError(f"There is nobody named {name[:40]}.", "'leaktrace people list' shows everybody.")
        return person
