"""contain: stop an insider's access, or a seller."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer

from leaktrace.cli.output import JsonOption, answer
from leaktrace.errors import UsageError
from leaktrace.report.contain import render_outcome, render_plan
from leaktrace.response.contain import (
    CaseFile,
    Containment,
    ContainmentPlan,
    outcome_exit_code,
    parameters_of,
    read_config,
    statement_text,
)
from leaktrace.response.contain.interface import TargetKind


class CaseContaining(Protocol):
    """How this command reaches cases; whoever wires them gives one."""

    def open(self, context: typer.Context, case: str) -> AbstractContextManager[CaseFile]:
        """The case, open for whoever is at the terminal."""

    def ask(self, context: typer.Context, plan: ContainmentPlan, parameters: object, why: str) -> str:
        """Asks for the second person's approval; the request's name."""


_doors: list[CaseContaining] = []


def register(app: typer.Typer, cases: CaseContaining | None = None) -> None:
    """Adds this group's commands; `cases` is how it reaches cases."""
    _doors[:] = [cases] if cases else []
    app.command()(contain)


@dataclass(frozen=True, slots=True)
class Asked:
    """A plan that was asked for."""

    request: str
    plan: ContainmentPlan


def contain(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    principal: Annotated[str | None, typer.Option("--principal", help="The subject inside, by case pseudonym.")] = None,
    seller: Annotated[str | None, typer.Option("--seller", help="The seller to block.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the state before; by two people as well.")] = False,
    approval: Annotated[
        str | None, typer.Option("--approval", help="Do what was approved under this request, as A-0001.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="Why: goes into the request that a second person reads.")] = "",
    config: Annotated[
        Path, typer.Option("--config", envvar="LEAKTRACE_CONTAIN", help="The systems and how they are reached.")
    ] = Path("contain.toml"),
    as_json: JsonOption = False,
) -> int:
    """Plan, ask for, or carry out stopping a principal or a seller, and read back what came of it.

    Without --approval it asks a second person, with --plan it only shows. Exit 3 when a person has to be called.
    Example: leaktrace contain case-1 --principal P-7f3a --plan
    """
    subject, kind = _subject(principal, seller)
    settings = read_config(config, _now)
    with _door().open(context, case) as file:
        work = Containment(file, settings, _now, time.sleep)
        if approval is not None and not plan:
            outcome = work.carry_out(subject, kind, approval, undo=undo)
            answer(outcome, None if as_json else render_outcome(outcome), as_json=as_json)
            return outcome_exit_code(outcome)
        planned = work.plan(subject, kind, undo=undo)
    shown = render_plan(planned, statement_text(planned.statement) if planned.statement else None)
    if plan or planned.refusals:
        answer(planned, None if as_json else shown, as_json=as_json)
        return 3 if planned.refusals else 0
    if not why.strip():
        raise UsageError("A request says why: --why TEXT.", "Use --plan to only look.")
    request = _door().ask(context, planned, parameters_of(planned), why)
    answer(Asked(request, planned), None if as_json else shown, as_json=as_json)
    return 0


def _subject(principal: str | None, seller: str | None) -> tuple[str, TargetKind]:
    if principal and not seller:
        return principal, "principal"
    if seller and not principal:
        return seller, "seller"
    raise UsageError("Name --principal or --seller, one of them.", "Example: leaktrace contain case-1 --seller s-17")


def _now() -> datetime:
    return datetime.now(UTC)


def _door() -> CaseContaining:
    if not _doors:
        raise UsageError("This program was put together without cases.", "Containing needs a case.")
    return _doors[0]
