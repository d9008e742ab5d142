"""Who may do what: one table of role, thing and verb, and the denials that beat it. Pure.

A judgement returns the roles that grant it, or raises; there is no answer that can be overlooked. In this order:

1. The person is known and active.
2. Explicit denials, whatever is granted: locked out of the case; about themselves, their manager or their report.
3. The table: one of the person's roles grants the verb on the thing. What is not in the table is refused.
4. Need to know: investigators and privacy officers reach only cases they were admitted to, in the roles admitted for.
   Approvers and auditors reach every case that does not deny them: whom to ask must not be the investigator's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from leaktrace.caserecords import (
    ActionName,
    GateAnswered,
    NoticesPlanned,
    NoticesReconciled,
    Person,
    Role,
    StatementDrafted,
    StatementPublished,
)
from leaktrace.errors import NotAllowedError

Thing = Literal["case", "exhibit", "identity", "exposure", "approval", "people", "events"]
THINGS: tuple[Thing, ...] = get_args(Thing)
Verb = Literal[
    "open",
    "list",
    "read",
    "note",
    "admit",
    "lock_out",
    "add",
    "set_subjects",
    "answer",
    "freeze",
    "request",
    "decide",
    "use",
    "unmask",
    "hold",
    "close",
    "change",
    "change_own",
    "record",
    "verify",
]
VERBS: tuple[Verb, ...] = get_args(Verb)
Grants = Mapping[Thing, frozenset[Verb]]

TABLE: Mapping[Role, Grants] = {
    "investigator": {
        "case": frozenset(
            {"open", "list", "read", "note", "admit", "lock_out", "set_subjects", "answer", "close", "record"}
        ),
        "exhibit": frozenset({"read", "add"}),
        "identity": frozenset({"unmask"}),
        "exposure": frozenset({"read", "freeze"}),
        "approval": frozenset({"read", "request", "use"}),
        "people": frozenset({"list", "change_own"}),
    },
    "privacy_officer": {
        "case": frozenset({"open", "list", "read", "note", "admit", "lock_out", "answer", "hold", "close", "record"}),
        "exhibit": frozenset({"read", "add"}),
        "identity": frozenset({"unmask"}),
        "exposure": frozenset({"read", "freeze"}),
        "approval": frozenset({"read", "request", "use"}),
        "people": frozenset({"list", "change_own"}),
    },
    "approver": {
        "case": frozenset({"list", "read", "note", "lock_out"}),
        "exhibit": frozenset({"read"}),
        "exposure": frozenset({"read"}),
        "approval": frozenset({"read", "decide"}),
        "people": frozenset({"list", "change_own"}),
    },
    "auditor": {
        "case": frozenset({"list"}),
        "approval": frozenset({"read"}),
        "people": frozenset({"list", "change_own"}),
        "events": frozenset({"read", "verify"}),
    },
    "admin": {
        "people": frozenset({"list", "add", "change", "change_own"}),
        "events": frozenset({"verify"}),
    },
}
"""What each role may do. The admin configures and reads no case; the auditor reads events and checks the log, and never
a name or an exhibit.
"""

NEEDS_ADMISSION: frozenset[Role] = frozenset({"investigator", "privacy_officer"})
WITHOUT_CASE: frozenset[tuple[Thing, Verb]] = frozenset(
    {
        ("case", "open"),
        ("case", "list"),
        ("people", "list"),
        ("people", "add"),
        ("people", "change"),
        ("people", "change_own"),
        ("events", "verify"),
    }
)
"""What is about no single case; everything else is refused without one."""
ALONE: frozenset[Role] = frozenset({"admin", "auditor"})
"""Roles that nobody has beside another one: who configures or audits does not also act."""
REQUESTERS: Mapping[ActionName, frozenset[Role]] = {
    "contain_principal": frozenset({"investigator"}),
    "contain_seller": frozenset({"investigator"}),
    "undo_containment": frozenset({"investigator", "privacy_officer"}),
    "send_notices": frozenset({"privacy_officer"}),
    "approve_translation": frozenset({"privacy_officer"}),
    "publish_statement": frozenset({"privacy_officer"}),
    "unmask": frozenset({"investigator", "privacy_officer"}),
    "hand_over": frozenset({"investigator", "privacy_officer"}),
    "forget": frozenset({"privacy_officer"}),
    "retain": frozenset({"privacy_officer"}),
    "split_campaign": frozenset({"investigator"}),
    "lift_hold": frozenset({"privacy_officer"}),
}
"""Who may ask for, and then do, which action. Deciding is always the approver's."""
RECORDERS: Mapping[type[Any], frozenset[Role]] = {
    NoticesPlanned: frozenset({"privacy_officer"}),
    NoticesReconciled: frozenset({"privacy_officer"}),
    StatementDrafted: frozenset({"privacy_officer"}),
    StatementPublished: frozenset({"privacy_officer"}),
    GateAnswered: frozenset({"privacy_officer"}),
}
"""Who may write down what is told to customers and to the public, of those who may write down at all. A gate is held by
any of them: that stops, and never lets go. It is opened by a privacy officer, and one that is held by two people.
"""


@dataclass(frozen=True, slots=True)
class Footing:
    """How a person stands to one case."""

    case: str
    admitted: tuple[Role, ...] = ()
    """Roles the person was admitted in; empty: not admitted."""
    locked_out: bool = False
    conflict: str | None = None
    """Why the case is about themselves, their manager or their report; null: it is not."""


NO_CASE = Footing("-")


def permitted(person: Person | None, verb: Verb, thing: Thing, footing: Footing = NO_CASE) -> frozenset[Role]:
    """The person's roles that grant the verb; NotAllowedError, in one and the same words for all a person may not know.

    Whether a case exists, and who its subjects are, is not told by the refusal.
    """
    if person is None or not person.active:  # 1
        raise NotAllowedError("This person is not known here, or no longer active.", "An admin enrols people.")
    if footing.locked_out or footing.conflict is not None:  # 2
        raise _refusal(person, verb, thing)
    granting = frozenset(role for role in person.roles if verb in TABLE[role].get(thing, frozenset()))  # 3
    if not granting:
        raise _refusal(person, verb, thing)
    if footing == NO_CASE or footing.case == "-":
        if (thing, verb) not in WITHOUT_CASE:
            raise _refusal(person, verb, thing)
        return granting
    reached = frozenset(role for role in granting if role not in NEEDS_ADMISSION or role in footing.admitted)  # 4
    if not reached:
        raise _refusal(person, verb, thing)
    return reached


def may_ask(person: Person, action: ActionName, roles: frozenset[Role]) -> None:
    """NotAllowedError unless one of these roles, which grant asking, may ask for this very action."""
    if not roles & REQUESTERS[action]:
        needed = " or ".join(sorted(REQUESTERS[action]))
        raise NotAllowedError(f"{person.name} may not ask for {action}.", f"It is asked for by: {needed}.")


def may_record(person: Person, kind: type[Any], roles: frozenset[Role]) -> None:
    """NotAllowedError unless one of these roles, which grant recording, may write down this kind of event."""
    needed = RECORDERS.get(kind)
    if needed is not None and not roles & needed:
        raise NotAllowedError(
            f"{person.name} may not do this here ({_SAID.get(kind.__name__, kind.__name__)}).",
            f"It is for: {' or '.join(sorted(needed))}.",
        )


_SAID = {
    "NoticesPlanned": "plan notices",
    "NoticesReconciled": "send notices",
    "StatementDrafted": "draft a statement",
    "StatementPublished": "publish a statement",
    "GateAnswered": "open the gate",
}


def sane_roles(roles: frozenset[Role]) -> None:
    """NotAllowedError for sets of roles that nobody may have."""
    unknown = roles - frozenset(TABLE)
    if unknown or not roles:
        raise NotAllowedError(
            f"'{', '.join(sorted(unknown)) or 'no role'}' is not a set of roles.", f"Roles are: {', '.join(TABLE)}."
        )
    if roles & ALONE and len(roles) > 1:
        raise NotAllowedError(
            f"{' and '.join(sorted(roles & ALONE))} cannot be combined with another role.",
            "Who configures or audits does not also act in cases: use two people.",
        )


def _refusal(person: Person, verb: Verb, thing: Thing) -> NotAllowedError:
    return NotAllowedError(
        f"{person.name} may not do this here ({verb.replace('_', ' ')}, {thing}).",
        "It needs another role, admission to the case, another person, or there is no such case.",
    )
