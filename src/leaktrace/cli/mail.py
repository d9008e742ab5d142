"""mail: from an abuse mailbox to reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaktrace.cli.output import JsonOption, answer, progress_line, screen_of
from leaktrace.mailflow import inspect_files
from leaktrace.report import render_mail_report
from leaktrace.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(mail)


def mail(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="mbox files, Maildirs, .eml files or folders of them.")],
    inspect: Annotated[bool, typer.Option("--inspect", help="Only say what each message is; store nothing.")] = False,
    dns_keys: Annotated[
        Path | None, typer.Option("--dns-keys", help="DKIM keys for --inspect, one a line: name TAB record.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Store the mail of an abuse mailbox and find the reports in it. A message seen twice is one message.

    Examples: leaktrace mail abuse.mbox, and to look at one message: leaktrace mail --inspect complaint.eml --json
    """
    if inspect:
        found = inspect_files(paths, Settings(), dns_keys)
        lines = [
            f"{record.file}: {record.kind}"
            + (f" ({record.reason})" if record.reason else "")
            + "".join(
                f"\n    {original.form} {original.grade}: from {original.sender.address or 'no address'}, "
                f"'{original.subject or ''}'"
                for original in record.originals
            )
            for record in found
        ]
        answer(found, "\n".join(lines) or "No message in there.", as_json=as_json)
        return 0
    with screen_of(context).open() as workspace, progress_line() as tell:
        report = workspace.receive(paths, progress=tell)
    answer(report, render_mail_report(report), as_json=as_json)
    return 3 if report.rejected_count else 0
