"""trace: who gave the addresses of a campaign away, or that nobody did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from leaktrace.cli.evidencetable import read_evidence_table
from leaktrace.cli.output import JsonOption, WhyOption, answer, note, progress_line, screen_of
from leaktrace.cli.targets import check_files
from leaktrace.errors import UsageError
from leaktrace.folder import write_aside
from leaktrace.records import CallBack, Finding
from leaktrace.report import finding_page, render_finding, render_findings
from leaktrace.report.words import plain
from leaktrace.tracing.exposing import exposure_table
from leaktrace.tracing.personprior import LEAST_WEIGHT, MOST_WEIGHT


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(trace)


EvidenceOption = Annotated[
    Path | None, typer.Option("--evidence", help="An evidence table instead: one file is one campaign.")
]
PriorOption = Annotated[
    Path | None,
    typer.Option("--prior", help="Weights of principals from elsewhere, CSV principal,weight; they never decide."),
]
CustomersOption = Annotated[
    Path | None,
    typer.Option(
        "--customers",
        help="Write whose data the named, else the first set, had been shown to this CSV file, and which fields.",
    ),
]
CallBackOption = Annotated[
    str | None,
    typer.Option(
        "--call-back",
        metavar="MAILED/ASKED",
        help="Of so many customers drawn at random among those shown to the source, so many got the mail: 12/40.",
    ),
]
EarlierOption = Annotated[
    bool,
    typer.Option(
        "--no-earlier-mail",
        help="It was checked that no earlier mail of this sender came; --why says by whom. Then whoever opened these "
        "customers just before, or in a burst, is no handler of complaints.",
    ),
]
CandidatesOption = Annotated[
    bool, typer.Option("--candidates", help="Show candidates although nobody is named. None of them is accused.")
]


def trace(
    context: typer.Context,
    campaign: Annotated[str | None, typer.Argument(help="A campaign's id, as `campaigns` lists them.")] = None,
    evidence: EvidenceOption = None,
    every: Annotated[bool, typer.Option("--all", help="All campaigns, most reports first.")] = False,
    field: Annotated[str, typer.Option("--field", help="Which field was given away.")] = "email",
    prior: PriorOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the finding as one page to this file.")] = None,
    customers: CustomersOption = None,
    call_back: CallBackOption = None,
    why: WhyOption = "",
    no_earlier_mail: EarlierOption = False,
    candidates: CandidatesOption = False,
    pseudonyms: Annotated[bool, typer.Option("--pseudonyms", help="Print pseudonyms instead of principals.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Say who inside gave the addresses of a campaign away, or that nobody did, or why that cannot be said.

    Exit 3 where rows of the evidence were left out, or no access ever showed the field.
    Example: leaktrace trace c-4f2a9c01 --html finding.html --why "case 7, asked by the privacy officer"
    """
    if sum((campaign is not None, evidence is not None, every)) != 1:
        raise UsageError("Name a campaign, give --evidence or --all, one of the three.", "See: leaktrace trace --help.")
    asked = None if call_back is None else _call_back(call_back)
    check_files(html, customers, reads=(evidence, prior))
    if every:
        if html is not None or candidates or customers is not None or asked is not None or no_earlier_mail:
            raise UsageError(
                "--html, --candidates, --customers, --call-back and --no-earlier-mail are of one campaign.",
                "Trace it alone for them.",
            )
        return _all(context, _Asked(field, prior, why, pseudonyms), as_json=as_json)
    with screen_of(context).open() as workspace, Console(stderr=True).status("weighing the evidence"):
        what, rejected = (str(campaign), 0) if evidence is None else read_evidence_table(evidence)
        traced = workspace.trace_with_reasons(
            what,
            field=field,
            why=why,
            pseudonyms=pseudonyms,
            prior=prior,
            call_back=asked,
            no_earlier_mail=no_earlier_mail,
        )
        exposed = () if customers is None else workspace.exposed_customers(traced, why=why)
        never = workspace.never_shown(field)
    _tell_clipped(traced.finding)
    _tell_never_shown(field, never)
    if html is not None:
        write_aside(html, finding_page(traced.finding, traced.explanation, show_candidates=candidates))
        note(f"The page is in {html}.")
    if customers is not None:
        write_aside(customers, exposure_table(exposed))
        note(f"{len(exposed):,} customers are in {customers}. Handle it as what it is: a list of people.")
    words = None if as_json else render_finding(traced.finding, traced.explanation, show_candidates=candidates)
    answer(traced.finding, words, as_json=as_json)
    return 3 if rejected or never else 0


_MOST_CHARACTERS = 40
"""Of two counts: nobody writes longer ones, and Python reads none of thousands of digits."""


def _call_back(text: str) -> CallBack:
    mailed, slash, asked = (part.strip() for part in text.partition("/"))
    if not (slash and mailed.isdecimal() and asked.isdecimal() and len(text) <= _MOST_CHARACTERS):
        told = f"--call-back {text[:_MOST_CHARACTERS]!r} is not how many got the mail of how many asked."
        raise UsageError(told, "Write it like this: 12/40.")
    return CallBack(asked_count=int(asked), mailed_count=int(mailed))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What holds for every campaign of `--all`."""

    field: str
    prior: Path | None
    why: str
    pseudonyms: bool


def _all(context: typer.Context, asked: _Asked, *, as_json: bool) -> int:
    with screen_of(context).open() as workspace:
        with progress_line() as progress:
            findings = workspace.trace_all(
                field=asked.field, why=asked.why, pseudonyms=asked.pseudonyms, prior=asked.prior, progress=progress
            )
        for finding in findings[:1]:
            _tell_clipped(finding)
        never = workspace.never_shown(asked.field)
        _tell_never_shown(asked.field, never)
        words = None if as_json else render_findings(findings, workspace.what_was_learned(asked.field))
        answer(findings, words, as_json=as_json)
    return 3 if never else 0


def _tell_never_shown(field: str, seen: tuple[str, ...]) -> None:
    """Says on stderr that the question was about a field that no access ever showed: misspelt, or never logged."""
    if seen:
        more = f" and {len(seen) - _MOST_FIELDS} more" if len(seen) > _MOST_FIELDS else ""
        known = ", ".join(f"'{plain(one)}'" for one in seen[:_MOST_FIELDS])
        note(f"No access in the ledger ever showed '{plain(field)}'. Fields that were shown: {known}{more}.")


_MOST_FIELDS = 12


def _tell_clipped(finding: Finding) -> None:
    """Says on stderr what of a file of weights did not count as it was given."""
    prior = finding.prior
    if prior and prior.file_clipped_count:
        note(f"Weights bounded to between {LEAST_WEIGHT:g} and {MOST_WEIGHT:g}: {prior.file_clipped_count}.")
    if prior and prior.file_unknown_count:
        note(f"Weights of principals who had not been shown the field here, left out: {prior.file_unknown_count}.")
