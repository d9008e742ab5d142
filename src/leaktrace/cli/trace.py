"""trace: who gave the addresses of a campaign away, or that nobody did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leaktrace.cli.output import JsonOption, WhyOption, answer, note, screen_of
from leaktrace.errors import UsageError
from leaktrace.evidence import read_evidence_file
from leaktrace.exposing import exposure_table
from leaktrace.folder import write_aside
from leaktrace.records import CallBack, Evidence
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
    customers: Annotated[
        Path | None,
        typer.Option(
            "--customers",
            help="Write whose data the named, else the first set, had been shown to this CSV file, and which fields.",
        ),
    ] = None,
    call_back: Annotated[
        str | None,
        typer.Option(
            "--call-back",
            metavar="MAILED/ASKED",
            help="Of so many customers drawn at random among those shown to the source, so many got the mail: 12/40.",
        ),
    ] = None,
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
    asked = None if call_back is None else _call_back(call_back)
    rejected = 0
    with screen_of(context).open() as workspace, Console(stderr=True).status("weighing the evidence"):
        if evidence is not None:
            read = read_evidence_file(evidence)
            rejected = len(read.rejected)
            for row in read.rejected:
                note(f"{evidence}: row {row.row} was left out: {row.reason}.")
            if read.ignored_columns:
                note(f"{evidence}: columns ignored: {', '.join(read.ignored_columns)}.")
        what: Evidence | str = str(campaign) if evidence is None else read.evidence
        traced = workspace.trace_with_reasons(what, field=field, why=why, pseudonyms=pseudonyms, call_back=asked)
        exposed = () if customers is None else workspace.exposed_customers(traced, why=why)
    if html is not None:
        write_aside(html, finding_page(traced.finding, traced.explanation, show_candidates=candidates))
        note(f"The page is in {html}.")
    if customers is not None:
        write_aside(customers, exposure_table(exposed))
        note(f"{len(exposed):,} customers are in {customers}. Handle it as what it is: a list of people.")
    words = None if as_json else render_finding(traced.finding, traced.explanation, show_candidates=candidates)
    answer(traced.finding, words, as_json=as_json)
    return 3 if rejected else 0


def _call_back(text: str) -> CallBack:
    mailed, slash, asked = text.partition("/")
    if not (slash and mailed.strip().isdecimal() and asked.strip().isdecimal()):
        raise UsageError(
            f"--call-back {text!r} is not how many got the mail of how many asked.", "Write it like this: 12/40."
        )
    return CallBack(asked_count=int(asked), mailed_count=int(mailed))
