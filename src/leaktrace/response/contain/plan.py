"""Decides what containing somebody would take, and whether it may be asked for at all. Pure.

Checks, numbered; each one that fails stands in the plan's `refusals`, and a plan with refusals is never carried out:
1. the subject is known to at least one system, and to every system that is configured for it;
2. nobody else's access to a system would end with it: never the last administrator, and not knowing counts as last;
3. of our own people, two approvers remain who are not the subject; the subject never counts (nor an administrator who
   is alone);
4. a seller gets a statement of reasons;
5. undoing needs the state before, as the first doing found it;
6. a seller is tied to the mails by the threshold at least, or whoever asks says in writing what else ties them.
The caller owes: the two signatures over `parameters_of`, and the list "the account is not the person".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leaktrace.caserecords import (
    ActionName,
    ContainmentPlan,
    ContainmentState,
    Person,
    PlannedStep,
    SellerTie,
    StatementOfReasons,
    StepName,
    digest_of,
)
from leaktrace.response.contain.interface import Reading, Snapshot, Target

APPROVERS_LEFT = 2


def plan_of(
    case: str,
    action: ActionName,
    subject: str,
    *,
    steps: Sequence[tuple[Target, StepName]],
    snapshots: Mapping[str, Snapshot],
    unmapped: Sequence[str],
    people_refusals: Sequence[str],
    confirm_within_seconds: int,
    statement: StatementOfReasons | None,
    undo_of: str | None,
    tie: SellerTie | None,
    unmet: str | None,
    mark: Callable[[str], str],
    against: Sequence[str] = (),
    first_snapshots: Mapping[str, Snapshot] | None = None,
) -> ContainmentPlan:
    """The plan, with everything that speaks against it.

    `unmet`: what the case lacks before it may be asked for. `unmapped`: systems that have no account of the subject in
    contain.toml. `mark`: keyed hash of an account. `against`: what is on record against the suspicion of the subject.
    `first_snapshots`: for an undo, the states before the first doing, by system.
    """
    planned = tuple(
        PlannedStep(target.system, step, mark(f"{target.system}\n{target.account}")) for target, step in steps
    )
    undo = undo_of is not None
    refusals = [f"{system} has no account for this subject in contain.toml." for system in unmapped]  # 1
    if not planned and not unmapped:  # 1
        nothing = "Every account was inactive before: there is nothing to undo." if undo and snapshots else _NO_SYSTEM
        refusals.append(nothing)
    refusals += [_missing(name) for name in snapshots if not snapshots[name].found]  # 1
    if not undo:
        refusals += [why for name in snapshots if (why := _last(name, snapshots[name]))]  # 2
        refusals += people_refusals  # 3
    if action == "contain_seller" and statement is None:  # 4
        refusals.append("There is no statement of reasons.")
    if undo:  # 5
        known = first_snapshots or {}
        refusals += [f"{name}: the state before is not on record." for name in snapshots if name not in known]
    if tie is not None and not (sure_enough(tie) or tie.justification):  # 6
        refusals.append(_loose(tie))
    plan = ContainmentPlan(
        case=case,
        action=action,
        subject=subject,
        steps=planned,
        confirm_within_seconds=confirm_within_seconds,
        statement=statement,
        undo_of=undo_of,
        tie=tie,
        against=tuple(against),
        refusals=tuple(refusals),
        not_yet=() if unmet is None else (unmet,),
        warnings=tuple(_warnings(planned, snapshots, undo)),
        parameters_sha256="",
    )
    return _digested(plan)


_NO_SYSTEM = "No system is configured for this kind of subject."


def parameters_of(plan: ContainmentPlan) -> dict[str, Any]:
    """What two people sign: exactly these steps on exactly these accounts, for this long, with these reasons.

    When the block takes effect is the moment it is done, so it is no part of what is signed.
    """
    statement = None
    if plan.statement is not None:
        statement = {
            name: getattr(plan.statement, name)
            for name in ("seller", "decision", "territory", "duration", "facts", "origin", "automated_means")
        }
        statement |= {
            name: getattr(plan.statement, name) for name in ("contractual_ground", "legal_ground", "redress", "schema")
        }
    return {
        "action": plan.action,
        "subject": plan.subject,
        "steps": plan.steps,
        "confirm_within_seconds": plan.confirm_within_seconds,
        "statement": statement,
        "undo_of": plan.undo_of,
        "tie": plan.tie,
    }


def sure_enough(tie: SellerTie) -> bool:
    """Whether the mails are tied to the seller as surely as a block without further words needs."""
    return tie.probability is not None and float(tie.probability) >= float(tie.threshold)


def people_refusals(people: Iterable[Person], principal: str) -> list[str]:
    """Why our own people forbid suspending this principal: too few would be left to approve, or to administer.

    An approver or administrator may be suspended, for an insider may be one; but two approvers have to remain.
    """
    active = [person for person in people if person.active]
    subjects = [person for person in active if person.principal == principal]
    others = [person for person in active if person.principal != principal]
    refusals = []
    if any("approver" in person.roles for person in subjects):
        left = sum("approver" in person.roles for person in others)
        if left < APPROVERS_LEFT:
            refusals.append(f"The subject approves, and only {left} other approver(s) would be left; two have to be.")
    if any("admin" in person.roles for person in subjects) and not any("admin" in person.roles for person in others):
        refusals.append("The subject is the only administrator of leaktrace.")
    return refusals


def state_of(readings: Sequence[Reading], *, undo: bool, wanted_active: bool = True) -> ContainmentState:
    """What readings of one subject come to: contained only when every one says so; failed when one says it is not."""
    wanted = wanted_active if undo else False
    if not readings or any(reading.active is None for reading in readings):
        return "failed" if any(reading.active is (not wanted) for reading in readings) else "not_confirmed"
    if all(reading.active is wanted for reading in readings):
        return "undone" if undo else "contained"
    return "failed"


def joined_state(states: Sequence[ContainmentState]) -> ContainmentState:
    """The state of a subject over all systems: the worst of them; nothing at all is not confirmed."""
    for worst in ("failed", "not_confirmed"):
        if worst in states:
            return "failed" if worst == "failed" else "not_confirmed"
    return states[0] if states else "not_confirmed"


def _digested(plan: ContainmentPlan) -> ContainmentPlan:
    values = {name: getattr(plan, name) for name in ContainmentPlan.__slots__}
    values["parameters_sha256"] = digest_of(parameters_of(plan))
    return ContainmentPlan(**values)


def _loose(tie: SellerTie) -> str:
    how = "by nothing that was computed" if tie.probability is None else f"with a chance of {tie.probability} only"
    return (
        f"The mails are tied to this seller {how}; from {tie.threshold} on nothing more is needed. Below that, say "
        "what else ties them (--justification TEXT): the approver writes too, and the seller is told."
    )


def _missing(system: str) -> str:
    return f"{system} does not know the account that contain.toml names."


def _last(system: str, snapshot: Snapshot) -> str | None:
    if snapshot.last_administrator is True:
        return f"{system}: this is its last administrator."
    if snapshot.last_administrator is None:
        return (
            f"{system}: whether this is its last administrator is not known; name its administrators in contain.toml."
        )
    return None


def _warnings(planned: Sequence[PlannedStep], snapshots: Mapping[str, Snapshot], undo: bool) -> list[str]:
    warnings = []
    for name, snapshot in snapshots.items():
        steps = {one.step for one in planned if one.system == name}
        if not undo and snapshot.found and snapshot.active is False:
            warnings.append(f"{name}: the account is {snapshot.state} already; an undo will leave it so.")
        if steps == {"suspend"}:
            warnings.append(f"{name}: no call that ends sessions is configured; who is signed in may stay so.")
    return warnings
