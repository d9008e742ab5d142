"""trace: who gave the addresses of a campaign away, or that nobody did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leaktrace.cli.output import JsonOption, WhyOption, answer, note, screen_of
from leaktrace.errors import UsageError
from leaktrace.evidence import read_evidence_file
from leaktrace.folder import write_aside
from leaktrace.report import finding_page, render_finding


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(trace)


def trace(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Argument(help="A campaign's id, as `campaigns` lists them.")] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", help="An evidence table instead: one file is one campaign.")
    ] = None,
    field: Annotated[str, typer.Option("--field", help="Which field was given away.")] = "email",
    html: Annotated[Path | None, typer.Option("--html", help="Write the finding as one page to this file.")] = None,
    why: WhyOption = "",
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Show candidates although nobody is named. None of them is accused.")
    ] = False,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Print pseudonyms instead of principals.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say who inside gave the addresses of a campaign away, or that nobody did, or why that cannot be said.

    Example: leaktrace trace c-4f2a9c01 --html finding.html --why "case 7, asked by the privacy officer"
    """
    if (campaign is None) == (evidence is None):
        raise UsageError("Name a campaign or give --evidence, one of the two.", "See: leaktrace trace --help.")
    rejected = 0
    with screen_of(context).open() as workspace, Console(stderr=True).status("weighing the evidence"):
        if evidence is not None:
            read = read_evidence_file(evidence)
            rejected = len(read.rejected)
            for row in read.rejected:
                note(f"{evidence}: row {row.row} was left out: {row.reason}.")
            if read.ignored_columns:
                note(f"{evidence}: columns ignored: {', '.join(read.ignored_columns)}.")
            traced = workspace.trace_with_reasons(read.evidence, field=field, why=why, pseudonyms=pseudonyms)
        else:
            traced = workspace.trace_with_reasons(str(campaign), field=field, why=why, pseudonyms=pseudonyms)
    if html is not None:
        write_aside(html, finding_page(traced.finding, traced.explanation, show_candidates=candidates))
        note(f"The page is in {html}.")
    words = None if as_json else render_finding(traced.finding, traced.explanation, show_candidates=candidates)
    answer(traced.finding, words, as_json=as_json)
    return 3 if rejected else 0
