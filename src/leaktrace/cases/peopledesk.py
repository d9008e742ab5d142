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
        asked = None if roles is None else tuple(sorted(set(roles)))
        told = nameless(reason, {}, "reason")
        with self._writing(None) as transaction:
            before = self._known(name)  # in here: a key that is being replaced elsewhere is not put back
            event = PersonChanged(
                name,
                tuple(sorted(before.roles)) if asked is None else asked,
                before.active if active is None else active,
                before.key_id,
                before.public_key,
                told,
            )
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
        return self._store.people().by_name[name]

    @needs("change", "people")
    def replace_key(self, name: str, public_key: str, reason: str) -> Person:
        """A new key for somebody who lost theirs. What waits under the old key's signature is void from now on."""
        self._known(name)
        return self._with_key(name, public_key, reason)

    @needs("change_own", "people")
    def rotate_own_key(self, public_key: str) -> Person:
        """A new key for oneself; whoever asks signed in with the old one."""
        if self._actor.key is None:
            raise NotAllowedError("A key is changed by whoever holds the old one.", "Sign in with the key file.")
        return self._with_key(self._actor.person, public_key, "rotated by its owner", held=self._actor.key.public_key)

    @needs("change", "people")
    def set_password(self, name: str, hashed: str) -> None:
        """A new password (its Argon2 hash) for somebody; that it was set is logged, what it is never."""
        self._keep_password(self._known(name), hashed, "password set by an admin")

    @needs("change_own", "people")
    def set_own_password(self, hashed: str) -> None:
        """A new password (its Argon2 hash) for oneself; it takes the key."""
        if self._actor.key is None:
            raise NotAllowedError("A password is set by whoever holds the person's key.", "Sign in with the key file.")
        self._keep_password(self._person(), hashed, "password set by its owner", held=self._actor.key.public_key)

    def _keep_password(self, person: Person, hashed: str, reason: str, *, held: str | None = None) -> None:
        if not hashed.startswith("$argon2id$"):
            raise CaseError("That is no Argon2id hash.", "Hash the password first.")
        with self._writing(None) as transaction:
            now = self._still(person.name, held)
            event = PersonChanged(now.name, tuple(sorted(now.roles)), now.active, now.key_id, now.public_key, reason)
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
            transaction.keep_password(now.name, hashed)

    def _with_key(self, name: str, public_key: str, reason: str, *, held: str | None = None) -> Person:
        key_id, told = key_id_of(public_key), nameless(reason, {}, "reason")
        with self._writing(None) as transaction:
            now = self._still(name, held)
            event = PersonChanged(name, tuple(sorted(now.roles)), now.active, key_id, public_key, told)
            transaction.append(NO_CASE, self._actor.person, self._clock(), [event])
        return self._store.people().by_name[name]

    def _still(self, name: str, held: str | None) -> Person:
        """The person as they are now. `held`: the key of who acts as them; refused where it is theirs no longer."""
        person = self._known(name)
        if held not in (None, person.public_key):
            raise NotAllowedError(f"The key of {name} was replaced.", "Sign in with the new one.")
        return person

    def _known(self, name: str) -> Person:
        person = self._store.people().person(name)
        if person is None:
            raise CaseError(f"There is nobody named {name[:40]}.", "'leaktrace people list' shows everybody.")
        return person
