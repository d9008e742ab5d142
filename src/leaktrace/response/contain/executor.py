"""Carries out a plan that two people approved: acts, reads back, says what is so.

Order of things, so that a kill at any moment can be gone on from:
0. what the case says of the request is looked at: no system is asked anything for one that cannot be carried out;
1. the plan is made again from how the systems are now; with a refusal in it nothing happens;
2. the approval is used, which no second run can; a run that goes on checks that the used one was about this;
3. the states before are stored as an exhibit, once;
4. each call is written down before it is made and after; after a kill between both, the account is read first;
5. reading back goes on until everything is so or the time is over; then the state is written down, and a person is
   called unless it is contained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from leaktrace.caserecords import (
    ActionName,
    ActionRequested,
    ActionUsed,
    ContainmentConfirmed,
    ContainmentOutcome,
    ContainmentPlan,
    ContainmentStepDone,
    SellerTie,
    StatementOfReasons,
    StepName,
    SystemOutcome,
    canonical,
    digest_of,
)
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.response.contain.casefile import CaseFile
from leaktrace.response.contain.config import ContainConfig, System
from leaktrace.response.contain.http import UnreachableError
from leaktrace.response.contain.interface import Acted, Order, Reading, Snapshot, Target, TargetKind
from leaktrace.response.contain.plan import (
    joined_state,
    parameters_of,
    people_refusals,
    plan_of,
    state_of,
    sure_enough,
)
from leaktrace.response.contain.reasons import statement_of_reasons

BEFORE = "state before"
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 15.0


class Containment:
    """Plans and carries out for one case."""

    def __init__(
        self,
        file: CaseFile,
        config: ContainConfig,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._file = file
        self._config = config
        self._clock = clock
        self._sleep = sleep

    def plan(
        self, subject: str, kind: TargetKind, *, undo: bool = False, justification: str | None = None
    ) -> ContainmentPlan:
        """What would be done about a subject (a pseudonym, or a seller), from how the systems are now.

        `justification`: what else ties a seller to the mails; needed, and kept, only below the threshold.
        """
        return self._look(subject, kind, undo, justification=justification)[0]

    def carry_out(self, subject: str, kind: TargetKind, request: str, *, undo: bool = False) -> ContainmentOutcome:
        """Does what was approved under `request`, or goes on with it after an interruption."""
        asked = self._asked(request, subject, kind, undo)  # 0
        tie = self._file.asked_parameters(request).get("tie") or {}
        plan, targets, snapshots = self._look(subject, kind, undo, request, tie.get("justification"))
        if plan.refusals:  # 1
            raise ResponseError(f"This is not done: {' '.join(plan.refusals)}", "The plan says what speaks against it.")
        self._use(plan, asked)  # 2
        order = Order(self._file.case, request, asked.reason, plan.statement)
        self._keep_before(plan, request, snapshots)  # 3
        run = _Run(self._file, plan, order, targets, snapshots)
        return run.to_the_end(self._connectors(kind), self._clock, self._sleep, self._config.on_call)

    def _connectors(self, kind: TargetKind) -> dict[str, System]:
        return {system.connector.system: system for system in self._config.of_kind(kind)}

    def _look(
        self,
        subject: str,
        kind: TargetKind,
        undo: bool,
        request: str | None = None,
        justification: str | None = None,
    ) -> tuple[ContainmentPlan, dict[str, Target], dict[str, Snapshot]]:
        name = self._file.principal_of(subject) if kind == "principal" else subject
        tie, statement = (None, None) if kind == "principal" or undo else self._told(subject, justification)
        systems = self._connectors(kind)
        found = {system: one.target(subject, name) for system, one in systems.items()}
        targets = {system: target for system, target in found.items() if target is not None}
        done_by = self._done_by(subject) if undo else []
        first: dict[str, Snapshot] = {}
        for one in done_by:
            first = {**self._snapshots(one), **first}
        # What this request already found, when it goes on: an account that it suspended itself is no finding.
        kept = self._snapshots(request) if request else {}
        snapshots = {
            system: _as_it_was(systems[system].connector.before(target), first.get(system) or kept.get(system))
            for system, target in targets.items()
        }
        steps = [
            (target, step)
            for system, target in targets.items()
            for step in systems[system].connector.steps(kind, undo=undo)
            if not (undo and snapshots[system].active is False)
        ]
        plan = plan_of(
            self._file.case,
            _action(kind, undo),
            subject,
            steps=steps,
            snapshots=snapshots,
            unmapped=[system for system, target in found.items() if target is None],
            people_refusals=people_refusals(self._file.people, name) if kind == "principal" else [],
            confirm_within_seconds=self._config.confirm_within_seconds,
            statement=statement,
            undo_of=done_by[0] if done_by else None,
            tie=tie,
            unmet=self._file.unmet(_action(kind, undo), subject),
            mark=self._file.account_mark,
            against=self._file.against(_action(kind, undo), subject),
            first_snapshots=first,
        )
        return plan, targets, snapshots

    def _told(self, seller: str, justification: str | None) -> tuple[SellerTie, StatementOfReasons]:
        """How surely the mails are this seller's, and what they are told."""
        if self._config.statement is None:
            raise ResponseError("contain.toml has no [statement].", "A seller who is blocked has to be told why.")
        facts = self._file.seller_facts(seller)
        tie = SellerTie(facts.seller_probability, str(self._file.seller_threshold_probability), None)
        if not sure_enough(tie):
            tie = replace(tie, justification=(justification or "").strip() or None)
        return tie, statement_of_reasons(self._config.statement, facts, self._clock(), tie.justification)

    def _asked(self, request: str, subject: str, kind: TargetKind, undo: bool) -> ActionRequested:
        """The request, if it may be carried out by what the case says; ApprovalError where it cannot."""
        asked = next(
            (one for one in self._file.events if isinstance(one, ActionRequested) and one.request == request), None
        )
        if asked is None:
            raise ApprovalError(f"There is no request {request} in this case.", "Ask for approval first.")
        action = _action(kind, undo)
        if not self._is_used(request):
            self._file.check(request, action, subject)
        elif (asked.action, asked.target) != (action, subject):
            raise ApprovalError(f"{request} was used for something else.", "Ask for approval of exactly this.")
        elif any(_ended(one, request) for one in self._file.events):
            raise ApprovalError(f"{request} was carried out already.", "Ask anew if it has to be done again.")
        return asked

    def _is_used(self, request: str) -> bool:
        return any(isinstance(one, ActionUsed) and one.request == request for one in self._file.events)

    def _use(self, plan: ContainmentPlan, asked: ActionRequested) -> None:
        if not self._is_used(asked.request):
            self._file.approvals.use(self._file.case, asked.request, plan.action, plan.subject, parameters_of(plan))
        elif asked.parameters_sha256 != digest_of(parameters_of(plan)):
            raise ApprovalError(f"{asked.request} was used for something else.", "Ask for approval of exactly this.")

    def _keep_before(self, plan: ContainmentPlan, request: str, snapshots: Mapping[str, Snapshot]) -> None:
        if self._snapshots(request):
            return
        # Without the system's own name for the account: whoever reads the exhibit would know who it is.
        kept = {system: replace(one, reference="") for system, one in snapshots.items()}
        content = canonical({"request": request, "snapshots": kept, "statement": plan.statement})
        exhibit = self._file.diary.store_exhibit(
            self._file.case, "document", f"State before {request}", content, "application/json"
        )
        self._file.diary.record(
            self._file.case, ContainmentStepDone(request, plan.subject, BEFORE, True, exhibit.exhibit)
        )

    def _snapshots(self, request: str) -> dict[str, Snapshot]:
        """The states before that a request found, by system."""
        for event in self._file.events:
            if isinstance(event, ContainmentStepDone) and (event.request, event.step) == (request, BEFORE):
                kept: dict[str, dict[str, Any]] = json.loads(self._file.read_exhibit(event.detail))["snapshots"]
                return {system: Snapshot(**values) for system, values in kept.items()}
        return {}

    def _done_by(self, subject: str) -> list[str]:
        """The requests that did something to a subject since it was last undone, the first one first: its state
        before is the one to go back to, however often it was done again.
        """
        requests: list[str] = []
        for event in self._file.events:
            if isinstance(event, ContainmentConfirmed) and event.target == subject:
                if event.state == "undone":
                    requests = []
                elif not self._is_undo(event.request) and event.request not in requests:
                    requests.append(event.request)
        if not requests:
            raise ResponseError("Nothing was done to this subject that could be undone.", "See the case's timeline.")
        return requests

    def _is_undo(self, request: str) -> bool:
        return any(
            isinstance(one, ActionRequested) and one.request == request and one.action == "undo_containment"
            for one in self._file.events
        )


class _Run:
    """One request being carried out."""

    def __init__(
        self,
        file: CaseFile,
        plan: ContainmentPlan,
        order: Order,
        targets: Mapping[str, Target],
        snapshots: Mapping[str, Snapshot],
    ) -> None:
        self._file = file
        self._plan = plan
        self._order = order
        self._targets = targets
        self._snapshots = snapshots
        steps = [one for one in file.events if isinstance(one, ContainmentStepDone) and one.request == order.request]
        self._begun = {one.step.removesuffix(" begins") for one in steps if one.step.endswith(" begins")}
        self._done = {one.step for one in steps if one.ok and not one.step.endswith(" begins")}
        self._undo = plan.undo_of is not None

    def to_the_end(
        self,
        systems: Mapping[str, System],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        on_call: str,
    ) -> ContainmentOutcome:
        """Acts, reads back, writes down."""
        ends = clock() + timedelta(seconds=self._plan.confirm_within_seconds)
        acted = {(one.system, one.step): self._act(systems, one.system, one.step) for one in self._plan.steps}  # 4
        wait = _FIRST_WAIT_SECONDS
        while True:  # 5
            outcomes = self._read(systems, acted)
            state = joined_state([one.state for one in outcomes])
            if state in {"contained", "undone"} or clock() >= ends:
                break
            sleep(min(wait, max(0.0, (ends - clock()).total_seconds())))
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
            for (system, step), one in acted.items():
                if not one.ok and one.again:
                    acted[system, step] = self._act(systems, system, step)
        detail = "; ".join(f"{one.system}: {one.state} ({one.detail})" for one in outcomes)
        self._record(ContainmentConfirmed(self._order.request, self._plan.subject, state, detail))
        call = None if state in {"contained", "undone"} else f"{on_call} Not confirmed in time: {detail}"
        return ContainmentOutcome(
            self._file.case, self._order.request, self._plan.subject, state, tuple(outcomes), call
        )

    def _act(self, systems: Mapping[str, System], system: str, step: StepName) -> Acted:
        name = f"{system}: {step}"
        connector, target, snapshot = systems[system].connector, self._targets[system], self._snapshots[system]
        if name in self._begun:
            # An earlier run began this: what it came to is read, not believed.
            reading = self._look(systems, system, step)
            if name in self._done and (reading is None or reading.active is not (not self._wanted(system))):
                return Acted(True, "done before an interruption")
            if reading is not None and reading.active is self._wanted(system):
                return self._finished(name, Acted(True, "found done after an interruption"))
        self._record(ContainmentStepDone(self._order.request, self._plan.subject, f"{name} begins", True, ""))
        self._begun.add(name)
        try:
            acted = connector.act(step, target, snapshot, self._order)
        except UnreachableError:
            acted = Acted(False, "no answer", again=True)
        except ResponseError as error:
            acted = Acted(False, error.message)
        return self._finished(name, acted)

    def _finished(self, name: str, acted: Acted) -> Acted:
        self._record(ContainmentStepDone(self._order.request, self._plan.subject, name, acted.ok, acted.detail))
        if acted.ok:
            self._done.add(name)
        return acted

    def _read(self, systems: Mapping[str, System], acted: Mapping[tuple[str, StepName], Acted]) -> list[SystemOutcome]:
        outcomes = []
        for system in dict.fromkeys(one.system for one in self._plan.steps):
            steps = [one.step for one in self._plan.steps if one.system == system]
            readings = [self._reading(systems, system, step, acted[system, step]) for step in steps]
            state = state_of(readings, undo=self._undo, wanted_active=self._wanted(system))
            outcomes.append(SystemOutcome(system, state, ", ".join(reading.detail for reading in readings)))
        return outcomes

    def _reading(self, systems: Mapping[str, System], system: str, step: StepName, acted: Acted) -> Reading:
        reading = self._look(systems, system, step)
        if reading is not None:
            return reading
        if acted.ok:
            return Reading(self._wanted(system), f"{acted.detail}, its word taken: it cannot be read back", False)
        return Reading(None, acted.detail)

    def _look(self, systems: Mapping[str, System], system: str, step: StepName) -> Reading | None:
        try:
            return systems[system].connector.read_back(step, self._targets[system], self._snapshots[system])
        except ResponseError as error:
            return Reading(None, error.message)

    def _wanted(self, system: str) -> bool:
        return (self._snapshots[system].active is not False) if self._undo else False

    def _record(self, event: ContainmentStepDone | ContainmentConfirmed) -> None:
        self._file.diary.record(self._file.case, event)


def _as_it_was(now: Snapshot, before: Snapshot | None) -> Snapshot:
    """The account where it is now, in the state that it had before anything was done."""
    if before is None:
        return now
    return replace(now, active=before.active, state=before.state, last_administrator=before.last_administrator)


def _action(kind: TargetKind, undo: bool) -> ActionName:
    if undo:
        return "undo_containment"
    return "contain_principal" if kind == "principal" else "contain_seller"


def _ended(event: object, request: str) -> bool:
    return (
        isinstance(event, ContainmentConfirmed) and event.request == request and event.state in {"contained", "undone"}
    )


def outcome_exit_code(outcome: ContainmentOutcome) -> int:
    """0 when it is so, 3 when a person has to look."""
    return 0 if outcome.call is None else 3
