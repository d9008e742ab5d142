"""statement draft, show, gate, request, publish: what is said in public, and when."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.caserecords import StatementState
from leaktrace.cli.acting import KeyOption, PersonOption
from leaktrace.cli.output import JsonOption, answer, note
from leaktrace.cli.responses import CaseDoors, Signing
from leaktrace.cli.targets import check_new
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
from leaktrace.wholefiles import write_new

statements = typer.Typer(name="statement", no_args_is_help=True, help="The public statement, and the gate before it.")


_PolicyOption = Annotated[
    Path | None, typer.Option("--policy", envvar="LEAKTRACE_GATE", help="The gate's conditions, instead of ours.")
]


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
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
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill the statement from the facts of the case. A sentence that the case does not bear is left out, and named.

    Example: leaktrace statement draft K-3f2a9c1d --company "Example Market" --contact privacy@example.com
    """
    with _desk(context, Signing(person, key), case, policy) as desk:
        made = desk.draft(company, contact, audience)
    answer(made, None if as_json else render_statement(made), as_json=as_json)


@statements.command("show")
def show_statement(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    policy: _PolicyOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the statement drafted last, and how the gate stands.

    Example: leaktrace statement show K-3f2a9c1d
    """
    with _desk(context, Signing(person, key), case, policy) as desk:
        state = desk.state()
    answer(state, None if as_json else render_statement(state), as_json=as_json)


@statements.command("gate")
def answer_gate(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    opened: Annotated[str | None, typer.Option("--open", help="The condition that is met now.")] = None,
    held: Annotated[str | None, typer.Option("--hold", help="The condition that is not met, or another hold.")] = None,
    why: Annotated[str, typer.Option("--why", help="Why: it is written down.")] = "",
    approval: Annotated[
        str | None,
        typer.Option("--approval", help="The approved request lift_hold, A-…: for opening what somebody holds."),
    ] = None,
    policy: _PolicyOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Open or hold one condition of the gate; with neither, say how it stands. Exit 3 while the gate is shut.

    Example: leaktrace statement gate K-3f2a9c1d --open counsel --why "agreed by K. Lang, 3 December"
    """
    if (opened is not None and held is not None) or (opened is None and (approval or (held is None and why))):
        raise UsageError("Name --open or --hold, one of them.", "leaktrace statement show CASE lists the conditions.")
    with _desk(context, Signing(person, key), case, policy) as desk:
        asked = held if opened is None else opened
        verdict = (
            desk.state().gate
            if asked is None
            else desk.answer(asked, open_it=opened is not None, reason=why, approval=approval)
        )
    answer(verdict, None if as_json else render_gate(verdict), as_json=as_json)
    return 0 if verdict.met else 3


@statements.command("request")
def request_publication(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    why: Annotated[str, typer.Option("--why", help="Why: goes into the request that a second person reads.")],
    policy: _PolicyOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a second person to approve publishing the statement drafted last.

    Example: leaktrace statement request K-3f2a9c1d --why "the customers have been told"
    """
    signing = Signing(person, key)
    with _desk(context, signing, case, policy) as desk:
        state = desk.state()
    parameters = publication_parameters(state.sha256, _policy(policy))
    request = CaseDoors().ask(context, signing, case, "publish_statement", state.sha256, parameters, why)
    answer({"request": request, "sha256": state.sha256}, f"{request} waits for a second person.", as_json=as_json)


@statements.command("publish")
def publish_statement(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case.")],
    approval: Annotated[str, typer.Option("--approval", help="The approved request, as A-0001.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for the texts.")],
    policy: _PolicyOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release the statement: as drafted, under an open gate, by two people. Writes the texts to a folder.

    Example: leaktrace statement publish K-3f2a9c1d --approval A-0007 --out statement
    """
    check_new(out, folder=True)
    with _desk(context, Signing(person, key), case, policy) as desk, _written(desk.state(), out):
        state = desk.publish(approval)
    note(f"Written to {out}.")
    answer(state, None if as_json else render_statement(state), as_json=as_json)


@contextmanager
def _written(state: StatementState, out: Path) -> Iterator[None]:
    """All the texts, at their place once what is done meanwhile is done; where that fails, nothing is left of them."""
    aside = out.parent / f".{out.name}.{secrets.token_hex(8)}"
    try:
        aside.mkdir(mode=0o700, parents=True)
        for language in state.draft.sentences:
            write_new(aside / f"statement.{language}.txt", statement_text(state.draft, language).encode())
            write_new(aside / f"statement.{language}.html", statement_html(state.draft, language).encode())
        yield
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _policy(path: Path | None) -> GatePolicy:
    return read_policy(path) if path else builtin_policy()


@contextmanager
def _desk(context: typer.Context, signing: Signing, case: str, policy: Path | None) -> Iterator[StatementDesk]:
    with CaseDoors().desk(context, signing) as desk:  # signed in first, then the policy is read
        yield desk.statement(case, _policy(policy))
