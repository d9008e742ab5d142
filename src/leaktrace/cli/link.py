"""link: are two incidents one?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leaktrace.cli.evidencetable import read_evidence_table
from leaktrace.cli.output import JsonOption, WhyOption, answer, screen_of
from leaktrace.errors import UsageError
from leaktrace.records import Evidence
from leaktrace.report import render_link
from leaktrace.workspace import Workspace

_HELP = "A campaign's id, as `campaigns` lists them, or an evidence table: one file is one campaign."


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(link)


def link(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help=_HELP)],
    b: Annotated[str, typer.Argument(help="The other one.")],
    field: Annotated[str, typer.Option("--field", help="Which field was given away.")] = "email",
    why: WhyOption = "",
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Print pseudonyms instead of principals.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say whether two campaigns are one incident: sources, sellers, senders and customers shared beyond chance.

    Example: leaktrace link c-4f2a9c01 found-for-sale.csv --why "case 7, a second leak is in the press"
    """
    with screen_of(context).open() as workspace, Console(stderr=True).status("weighing the evidence"):
        sides = [_side(workspace, name) for name in (a, b)]
        found = workspace.link(sides[0][0], sides[1][0], field=field, why=why, pseudonyms=pseudonyms)
    answer(found, None if as_json else render_link(found), as_json=as_json)
    return 3 if sides[0][1] or sides[1][1] else 0


def _side(workspace: Workspace, name: str) -> tuple[Evidence, int]:
    """The evidence that a word on the command line stands for, and how many of its rows were left out."""
    path = Path(name)
    try:
        return workspace.evidence_of(name), 0
    except UsageError as error:
        if not path.is_file():
            raise UsageError(
                f"There is no campaign '{name}', and no file of that name.",
                error.hint,
            ) from error
    return read_evidence_table(path)
