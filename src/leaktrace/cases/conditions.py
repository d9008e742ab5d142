"""What must be so in a case before an action may be asked for, and again before it is done. Pure."""

from __future__ import annotations

from collections.abc import Callable

from leaktrace.caserecords import ActionName, GateAnswered
from leaktrace.caserecords.checks import unanswered
from leaktrace.cases.case import Case
from leaktrace.errors import ApprovalError, CaseError


def needs_of(case: Case, action: ActionName, target: str) -> None:
    """CaseError with what is missing (rules 7, 8 and 9 of `cases.state`); nothing where nothing is."""
    if not target.strip():
        raise CaseError("The request names no target.", "Say what exactly is to be done to whom or what.")
    need = _NEEDS.get(action)
    if need is not None:
        need(case, target)


def _contain_principal(case: Case, target: str) -> None:
    if case.subjects is None or target not in case.subjects.principals:  # 7
        raise CaseError(f"{target} is not a subject of {case.case}.", "Set the subjects first: leaktrace case subject.")
    missing = unanswered(target, case.checks)
    if missing:  # 7
        raise CaseError(
            f"The account is not the person: {len(missing)} check(s) on {target} are open ({', '.join(missing)}).",
            f"Answer them first: leaktrace case checks {case.case}.",
        )


def _contain_seller(case: Case, target: str) -> None:
    if case.subjects is None or target not in case.subjects.sellers:  # 7
        raise CaseError("This seller is not a subject of the case.", "Set the subjects first: leaktrace case subject.")


def _undo(case: Case, target: str) -> None:
    if target not in case.contained:  # 7
        raise CaseError(f"Nothing was done to {target} that could be undone.", "'leaktrace case show' lists it.")


def _send_notices(case: Case, target: str) -> None:
    del target
    if case.exposure is None:  # 8
        raise CaseError("No exposure list is frozen.", "Freeze it first: leaktrace case exposure CASE --freeze.")
    if not case.translations:  # 8
        raise CaseError(
            "No translation of the notice was approved by a person.", "Approve one first: leaktrace notify templates."
        )


def _publish(case: Case, target: str) -> None:
    del target
    if case.statement is None:  # 9
        raise CaseError("No statement was drafted.", "Draft it first: leaktrace statement draft.")
    held = sorted(gate for gate, one in case.gates.items() if one.answer == "held")
    if held or not case.gates:  # 9
        raise CaseError(
            f"The publication gate is not open ({', '.join(held) or 'no condition was answered'}).",
            "Each condition is opened by a person, with a reason.",
        )


def _lift(case: Case, target: str) -> None:
    answered = case.gates.get(target)
    if answered is None or answered.answer != "held":
        raise CaseError(f"Nobody holds {target[:60]}.", "A condition that is not held is opened by an officer alone.")


def refuse_lifting(event: GateAnswered, before: GateAnswered | None, case: str) -> None:
    """ApprovalError where one person would open a gate that somebody holds."""
    if event.answer == "open" and before is not None and before.answer == "held":
        raise ApprovalError(
            f"{event.gate} is held ({before.reason}); a hold is lifted by two people.",
            f"Ask: leaktrace case request {case} lift_hold {event.gate} --why TEXT. Approved, say --approval A-….",
        )


_NEEDS: dict[ActionName, Callable[[Case, str], None]] = {
    "contain_principal": _contain_principal,
    "contain_seller": _contain_seller,
    "undo_containment": _undo,
    "send_notices": _send_notices,
    "publish_statement": _publish,
    "lift_hold": _lift,
}
