"""lookups: who looked whom up, and whether the log of it is whole."""

from __future__ import annotations

import typer
from rich.table import Table

from leaktrace.cli.output import JsonOption, answer, screen_of


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(lookups)


def lookups(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check the look-up log and show its entries: who looked, when, what for.

    Example: leaktrace lookups
    """
    with screen_of(context).open() as workspace:
        verified = workspace.lookups()
    table = Table("number", "at", "who", "what", "subject", "why", title="Look-ups (every line checked)")
    for entry in verified.entries:
        table.add_row(str(entry.seq), entry.at, entry.who, entry.what, entry.subject, entry.why)
    answer(verified, table, as_json=as_json)
