"""lookups: who looked whom up, and whether the log of it is whole."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from leaktrace.cli.output import JsonOption, WhyOption, answer, screen_of
from leaktrace.report import words
from leaktrace.report.terminal import add_row


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(lookup)
    app.command()(lookups)


def lookup(
    context: typer.Context,
    principal: Annotated[str, typer.Argument(help="The principal's id as ingested.")],
    why: WhyOption = "",
    days: Annotated[
        int | None,
        typer.Option(
            "--days", help="So many days back from now (else the setting exposure_window_days).", min=1, max=3_650_000
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say for how many customers a principal was shown which fields. Every look-up is logged first.

    Example: leaktrace lookup u01272 --why "case 7, asked by the works council"
    """
    with screen_of(context).open() as workspace:
        found = workspace.look_up(principal, why=why, days=days)
    since, until = (at.date().isoformat() if at else "-" for at in (found.window.start, found.window.end))
    whose = words.plain(f"{found.principal} ({found.team or 'no team'}), {since} to {until}")
    table = Table("field", "customers", title=Text(whose))
    for name, count in found.fields.items():
        add_row(table, name, f"{count:,}")
    answer(found, table, as_json=as_json)


def lookups(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check the look-up log and show its entries: who looked, when, what for.

    Example: leaktrace lookups
    """
    with screen_of(context).open() as workspace:
        verified = workspace.lookups()
    at = Column("at", no_wrap=True)  # an audit reads the time whole, however narrow the screen
    subject = Column("subject", overflow="fold")
    table = Table("number", at, "who", "what", subject, "why", title="Look-ups (every line checked)")
    for entry in verified.entries:
        add_row(table, str(entry.seq), f"{entry.at[:19]}Z", entry.who, entry.what, entry.subject, entry.why)
    answer(verified, table, as_json=as_json)
