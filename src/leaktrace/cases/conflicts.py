"""Nobody works on a case about themselves, their manager or their report. Pure.

Who reports to whom comes from the principals table (`reports_to`). A chain of reporting counts in both directions: the
head of a department is no more free than the team's lead, and an employee is not free about the head either. Colleagues
under the same manager are no conflict: they are whom an investigation needs to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from leaktrace.caserecords import Person

ReportsTo = Mapping[str, str]
"""Principal -> the principal they report to."""
_MOST_LEVELS = 64
"""A chain longer than this is a circle in the table."""


def chiefs_of(principal: str, reports_to: ReportsTo) -> Iterator[str]:
    """Those above, nearest first; a circle ends."""
    seen = {principal}
    here: str | None = principal
    for _ in range(_MOST_LEVELS):
        here = reports_to.get(here) if here is not None else None
        if here is None or here in seen:
            return
        seen.add(here)
        yield here


def conflict(principal: str | None, subjects: Iterable[str], reports_to: ReportsTo) -> str | None:
    """Why somebody with this account may not touch a case about these subjects; None where nothing speaks against it.

    Somebody without an account in the access log cannot be a subject of it.
    """
    if principal is None:
        return None
    named = frozenset(subjects)
    if principal in named:
        return "a subject of the case"
    if any(chief in named for chief in chiefs_of(principal, reports_to)):
        return "reports to a subject of the case"
    if any(principal in chiefs_of(subject, reports_to) for subject in named):
        return "the manager of a subject of the case"
    return None


def in_conflict(people: Iterable[Person], subjects: Iterable[str], reports_to: ReportsTo) -> dict[str, str]:
    """Person -> why, of all these people."""
    named = frozenset(subjects)
    found = {person.name: conflict(person.principal, named, reports_to) for person in people}
    return {name: why for name, why in found.items() if why is not None}
