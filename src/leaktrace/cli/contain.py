"""contain: stop an insider's access, or a seller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from leaktrace.cli.acting import KeyOption, PersonOption
from leaktrace.cli.output import JsonOption, answer
from leaktrace.cli.responses import CaseDoors, Signing
from leaktrace.errors import UsageError
from leaktrace.report.contain import render_outcome, render_plan
from leaktrace.response.contain import (
    ContainmentPlan,
    outcome_exit_code,
    parameters_of,
    read_config,
    statement_text,
)
from leaktrace.response.contain.interface import TargetKind


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
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
    justification: Annotated[
        str | None,
        typer.Option(
            "--justification",
            help="What else ties the seller to the mails, needed where the chance is too low; the seller is told.",
        ),
    ] = None,
    config: Annotated[
        Path, typer.Option("--config", envvar="LEAKTRACE_CONTAIN", help="The systems and how they are reached.")
    ] = Path("contain.toml"),
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Plan, ask for, or carry out stopping a principal or a seller, and read back what came of it.

    Without --approval it asks a second person, with --plan it only shows. Exit 3 when a person has to be called.
    Example: leaktrace contain K-3f2a9c1d --principal P-4k2m --plan --as ina
    """
    subject, kind = _subject(principal, seller)
    if plan and approval is not None:
        raise UsageError("Say --plan to look or --approval to do it, not both.", "Nothing was done.")
    signing, doors = Signing(person, key), CaseDoors()
    with doors.desk(context, signing) as desk:
        work = desk.containment(case, lambda: read_config(config, _now))
        if approval is not None and not plan:
            outcome = work.carry_out(subject, kind, approval, undo=undo)
            answer(outcome, None if as_json else render_outcome(outcome), as_json=as_json)
            return outcome_exit_code(outcome)
        said = None if justification is None else desk.justification(case, justification)
        planned = work.plan(subject, kind, undo=undo, justification=said)
    shown = render_plan(planned, statement_text(planned.statement) if planned.statement else None)
    if plan or planned.refusals:
        answer(planned, None if as_json else shown, as_json=as_json)
        return 3 if planned.refusals or planned.not_yet else 0
    if not why.strip():
        raise UsageError("A request says why: --why TEXT.", "Use --plan to only look.")
    parameters = parameters_of(planned)
    request = doors.ask(context, signing, case, planned.action, planned.subject, parameters, why)
    asked = Text(f"\nAsked for as {request}. A second person: leaktrace case approve {case} {request}")
    answer(Asked(request, planned), None if as_json else Group(shown, asked), as_json=as_json)
    return 0


def _subject(principal: str | None, seller: str | None) -> tuple[str, TargetKind]:
    if principal and not seller:
        return principal, "principal"
    if seller and not principal:
        return seller, "seller"
    raise UsageError("Name --principal or --seller, one of them.", "leaktrace contain K-3f2a9c1d --seller s-17")


def _now() -> datetime:
    return datetime.now(UTC)
