"""statement draft, show, gate, request, publish: what is said in public, and when."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Protocol

import typer

from leaktrace.caserecords import StatementState
from leaktrace.cli.output import JsonOption, answer, note
from leaktrace.errors import UsageError
from leaktrace.report.statement import render_gate, render_statement
from leaktrace.response.statement import (
    PUBLIC,
    GatePolicy,
    StatementDesk,
    builtin_policy,
    publication_parameters,
    read_policy,
    statement_html,
    statement_text,
)

statements = typer.Typer(name="statement", no_args_is_help=True, help="The public statement, and the gate before it.")


class CaseStatements(Protocol):
    """How these commands reach cases; whoever wires them gives one."""

    def open(self, context: typer.Context, case: str, policy: GatePolicy) -> AbstractContextManager[StatementDesk]:
        """The case, open for whoever is at the terminal."""

    def ask(self, context: typer.Context, case: str, target: str, parameters: object, why: str) -> str:
        """Asks for the second person's approval of publishing; the request's name."""


_doors: list[CaseStatements] = []
_PolicyOption = Annotated[
    Path | None, typer.Option("--policy", envvar="LEAKTRACE_GATE", help="The gate's conditions, instead of ours.")
]


def register(app: typer.Typer, cases: CaseStatements | None = None) -> None:
    """Adds this group's commands; `cases` is how they reach cases."""
    _doors[:] = [cases] if cases else []
    app.add_typer(statements)


@statements.command("draft")
def draft_statement(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case, with a frozen exposure list.")],
    company: Annotated[str, typer.Option("--company", help="The company's name, as the public knows it.")],
    contact: Annotated[str, typer.Option("--contact", help="Where questions go.")],
    audience: Annotated[
        str, typer.Option("--audience", help="public, or a residence whose law forbids some content, as US-MA.")
    ] = PUBLIC,
    policy: _PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill the statement from the facts of the case. A sentence that the case does not bear is left out, and named.

    Example: leaktrace statement draft case-1 --company "Example Market" --contact privacy@example.com
    """
    with _door().open(context, case, _policy(policy)) as desk:
        made = desk.draft(company, contact, audience)
    answer(made, None if as_json else render_statement(made), as_json=as_json)


@statements.command("show")
def show_statement(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    policy: _PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the statement drafted last, and how the gate stands.

    Example: leaktrace statement show case-1
    """
    with _door().open(context, case, _policy(policy)) as desk:
        state = desk.state()
    answer(state, None if as_json else render_statement(state), as_json=as_json)


@statements.command("gate")
def answer_gate(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    opened: Annotated[str | None, typer.Option("--open", help="The condition that is met now.")] = None,
    held: Annotated[str | None, typer.Option("--hold", help="The condition that is not met, or another hold.")] = None,
    why: Annotated[str, typer.Option("--why", help="Why: it is written down.")] = "",
    policy: _PolicyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Open or hold one condition of the gate. Exit 3 while the gate is shut.

    Example: leaktrace statement gate case-1 --open counsel --why "agreed by K. Lang, 3 December"
    """
    if (opened is None) == (held is None):
        raise UsageError("Name --open or --hold, one of them.", "leaktrace statement show CASE lists the conditions.")
    with _door().open(context, case, _policy(policy)) as desk:
        verdict = desk.answer(opened or held or "", open_it=opened is not None, reason=why)
    answer(verdict, None if as_json else render_gate(verdict), as_json=as_json)
    return 0 if verdict.met else 3


@statements.command("request")
def request_publication(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    why: Annotated[str, typer.Option("--why", help="Why: goes into the request that a second person reads.")],
    policy: _PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a second person to approve publishing the statement drafted last.

    Example: leaktrace statement request case-1 --why "the customers have been told"
    """
    chosen = _policy(policy)
    with _door().open(context, case, chosen) as desk:
        state = desk.state()
    request = _door().ask(context, case, state.sha256, publication_parameters(state.sha256, chosen), why)
    answer({"request": request, "sha256": state.sha256}, f"{request} waits for a second person.", as_json=as_json)


@statements.command("publish")
def publish_statement(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    approval: Annotated[str, typer.Option("--approval", help="The approved request, as A-0001.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the texts.")],
    policy: _PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release the statement: as drafted, under an open gate, by two people. Writes the texts to a folder.

    Example: leaktrace statement publish case-1 --approval A-0007 --out statement
    """
    if out.exists():
        raise UsageError(f"{out} is there already.", "Name a new folder.")
    with _door().open(context, case, _policy(policy)) as desk:
        state = desk.publish(approval)
    _write(state, out)
    answer(state, None if as_json else render_statement(state), as_json=as_json)


def _write(state: StatementState, out: Path) -> None:
    out.mkdir(parents=True)
    for language in state.draft.sentences:
        (out / f"statement.{language}.txt").write_text(statement_text(state.draft, language), encoding="utf-8")
        (out / f"statement.{language}.html").write_text(statement_html(state.draft, language), encoding="utf-8")
    note(f"Written to {out}.")


def _policy(path: Path | None) -> GatePolicy:
    return read_policy(path) if path else builtin_policy()


def _door() -> CaseStatements:
    if not _doors:
        raise UsageError("This program was put together without cases.", "A statement needs a case.")
    return _doors[0]
