"""What stands before every public method of this room: who asks, for what, about which case.

A class that people's requests reach derives from `Guarded`; each of its public methods carries `needs(verb, thing)`. A
test walks those classes and fails on a public method without it, and another one calls every method as everybody.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from leaktrace.caserecords import Person, Role
from leaktrace.cases.case import Case
from leaktrace.cases.conflicts import ReportsTo, conflict
from leaktrace.cases.exhibits import ExhibitStore
from leaktrace.cases.identity import Actor
from leaktrace.cases.permissions import NO_CASE, WITHOUT_CASE, Footing, Thing, Verb, permitted
from leaktrace.cases.store import CaseStore, Transaction
from leaktrace.errors import CaseError, NotAllowedError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S", bound="Guarded")


@dataclass(frozen=True, slots=True)
class Premises:
    """What the room works with."""

    store: CaseStore
    exhibits: ExhibitStore
    clock: Callable[[], datetime]
    reports_to: Callable[[], ReportsTo]
    """The principals table: who reports to whom, ids as ingested."""


class Guarded:
    """Somebody at work with cases. Of one person: another person gets another one."""

    def __init__(self, premises: Premises, actor: Actor) -> None:
        self._store = premises.store
        self._exhibits = premises.exhibits
        self._clock = premises.clock
        self._reports_to = premises.reports_to
        self._premises = premises
        self._actor = actor

    @property
    def actor_name(self) -> str:
        """Who acts."""
        return self._actor.person

    def _person(self) -> Person:
        person = self._store.people().person(self._actor.person)
        if person is None:
            raise NotAllowedError("This person is not known here, or no longer active.", "An admin enrols people.")
        return person

    def _permit(self, verb: Verb, thing: Thing, case: str | None) -> frozenset[Role]:
        """The roles that grant it; NotAllowedError else. Made anew at every call: who is denied now is denied now."""
        person = self._store.people().person(self._actor.person)
        if case is None:
            return permitted(person, verb, thing)
        return permitted(person, verb, thing, self._footing(person, case))

    def _footing(self, person: Person | None, case: str) -> Footing:
        state = self._store.find(case)
        if state is None or person is None:
            # A case that there is not and one that is denied are told in the same words.
            return Footing(case, locked_out=True)
        return Footing(
            case,
            admitted=state.admitted.get(person.name, ()),
            locked_out=person.name in state.locked_out,
            conflict=conflict(person.principal, self._concerned(state), self._reports_to()),
        )

    def _concerned(self, state: Case) -> frozenset[str]:
        """Principals, by id, whom the case is, was or may be about: subjects, and who was named by a finding in it."""
        pseudonyms = set(state.ever_subjects) | {name for one in state.findings for name in one.named}
        names = (self._store.name_of(state.case, one) for one in pseudonyms)
        return frozenset(name for name in names if name is not None)

    def _case(self, case: str) -> Case:
        state = self._store.find(case)
        if state is None:
            raise CaseError(f"There is no case '{case[:40]}'.", "'leaktrace case list' shows those you may see.")
        return state

    @contextmanager
    def _writing(self, case: str | None) -> Iterator[Transaction]:
        """A transaction in which the person is still active and nothing denies them the case."""
        with self._store.writing() as transaction:
            person = self._person()
            footing = NO_CASE if case is None else self._footing(person, case)
            if not person.active or footing.locked_out or footing.conflict is not None:
                raise NotAllowedError(f"{person.name} may not do this here.", "Somebody else has to.")
            yield transaction


def needs(verb: Verb, thing: Thing) -> Callable[[Callable[Concatenate[_S, _P], _R]], Callable[Concatenate[_S, _P], _R]]:
    """Lets the method run only for whom the table of `permissions` lets do `verb` with `thing`.

    The method's first argument is the case, unless the pair is about none.
    """

    def guard(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
        @functools.wraps(method)
        def guarded(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> _R:
            self._permit(verb, thing, None if (thing, verb) in WITHOUT_CASE else _case_of(args, kwargs))
            return method(self, *args, **kwargs)

        guarded.__dict__["permission"] = (verb, thing)
        return cast("Callable[Concatenate[_S, _P], _R]", guarded)

    return guard


def _case_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    case = args[0] if args else kwargs.get("case")
    if not isinstance(case, str):
        raise CaseError("No case was named.", "Give its id: K-….")
    return case
