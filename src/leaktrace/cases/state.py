"""The case as a state machine: an event makes the next case of a case, or is refused with reason and hint. Pure.

Rules, numbered as the code tags them:

 1. A case begins with `CaseOpened`, once. Events of people (`PersonEnrolled`, `PersonChanged`) belong to no case.
 2. After closing only reopening. What waited for approval when the case closed is void.
 3. Time does not run backwards, and every event has somebody who did it.
 4. Whoever is locked out does nothing more in the case and is not admitted again.
 5. Nothing is taken away: ids of exhibits and requests count up, and no event removes one.
 6. An event that cites an exhibit cites one that is there, of the right kind, with the same digest.
 7. Containing a principal needs it among the subjects and every line of the list of checks answered; a seller needs to
    be among the subjects; undoing needs something that was contained.
 8. Sending notices needs a frozen exposure list and an approved translation; a plan of notices is made of the exposure
    list that is frozen now; reconciled numbers add up.
 9. Publishing needs a drafted statement, no gate that is held and at least one that was opened.
10. A request is decided by another person than the one who asked, before it expires, while it waits; an approved one
    may still be refused until it is used.
11. A request is used once, only when approved, before it expires, with the envelope that was approved, and its
    conditions (7-9) are looked at again.
12. What an executor writes down names a used request of the right action and target.

Who may do what is decided elsewhere (`cases.permissions`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from leaktrace.caserecords import CaseEvent, CaseOpened, CaseReopened, PersonChanged, PersonEnrolled
from leaktrace.cases.case import Case
from leaktrace.cases.moves import MOVES, Move
from leaktrace.errors import CaseError


def opened(case: str, event: CaseEvent, actor: str, at: datetime) -> Case:
    """The case that its first event makes; CaseError for any event but `CaseOpened` (rule 1)."""
    if not isinstance(event, CaseOpened):
        raise CaseError(f"{case} does not begin with being opened but with {type(event).__name__}.", _DAMAGED)  # 1
    if not event.title.strip():
        raise CaseError("A case without a title cannot be opened.", "Give it a short title that names nobody.")
    _sane(actor, at)
    return Case(case, event.title, event.source, actor, at, at, event.summary, event.campaign)


def apply(state: Case, event: CaseEvent, actor: str, at: datetime) -> Case:
    """The next state; CaseError with the rule's reason and what to do, and then nothing has happened."""
    _sane(actor, at)
    if at < state.last_at:  # 3
        raise CaseError(
            f"{type(event).__name__} at {at.isoformat()} is before the last event of {state.case}.",
            "Set the clock right; the order of events is the order in the custody log.",
        )
    if state.state == "closed" and not isinstance(event, CaseReopened):  # 2
        raise CaseError(f"{state.case} is closed.", "Reopen it first: leaktrace case reopen.")
    if actor in state.locked_out:  # 4
        raise CaseError(f"{actor} is locked out of {state.case}.", "Somebody else has to go on with this case.")
    move = MOVES.get(type(event))
    if move is None:  # 1
        raise CaseError(f"{type(event).__name__} does not belong into a case that is open.", _DAMAGED)
    moved = move(Move(state, actor, at), event)
    return replace(moved, event_count=state.event_count + 1, last_at=at)


_DAMAGED = "Only a program of another version or a damaged store gives this; verify: leaktrace custody verify."


def _sane(actor: str, at: datetime) -> None:
    if at.tzinfo is None:  # 3
        raise CaseError("An event's time has no zone.", "Give an aware time, best in UTC.")
    if not actor.strip():  # 3
        raise CaseError("Nobody stands behind the event.", "Say who acts: --as NAME.")


CASE_EVENTS: frozenset[type[Any]] = frozenset({CaseOpened, *MOVES})
"""Events that a case can have."""
PEOPLE_EVENTS: frozenset[type[Any]] = frozenset({PersonEnrolled, PersonChanged})
"""Events that belong to no case (`-`)."""
