"""duties: which law asks what, by when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.caserecords import DutyAssessment, StartEvent
from leaktrace.cli.acting import KeyOption, PersonOption
from leaktrace.cli.output import JsonOption, answer, note
from leaktrace.cli.responses import CaseDoors, Signing
from leaktrace.cli.targets import check_files
from leaktrace.errors import UsageError, meant
from leaktrace.folder import write_aside
from leaktrace.report.duties import duties_page, render_duties
from leaktrace.response.duties import FACTS, assess, builtin_laws, facts_from_document, laws_from_folder
from leaktrace.response.duties.facts import markets_of, moment_of
from leaktrace.response.duties.model import Law

CEILING_BYTES = 20_000_000


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(duties)


NoticedOption = Annotated[
    str | None, typer.Option("--noticed", help="When it was first noticed; as --aware if not given.")
]
DeterminedOption = Annotated[
    str | None, typer.Option("--determined", help="When it was determined that a breach occurred: ISO 8601.")
]
PersonsToldOption = Annotated[str | None, typer.Option("--persons-told", help="When the persons were told: ISO 8601.")]
ReportedOption = Annotated[
    str | None, typer.Option("--reported", help="When the authority got the notification: ISO 8601.")
]
FactOption = Annotated[
    list[str] | None, typer.Option("--fact", help="A fact a person answers, as high_risk=no; may be repeated.")
]
MarketOption = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        help="Where you have customers, as DE or US: whoever's residence is not known lives in one of these. "
        "May be repeated; without it, anywhere.",
    ),
]


def duties(
    context: typer.Context,
    case: Annotated[str | None, typer.Argument(help="The case, with a frozen exposure list.")] = None,
    facts: Annotated[Path | None, typer.Option("--facts", help="Judge the facts of this file, without a case.")] = None,
    aware: Annotated[str | None, typer.Option("--aware", help="When the company became aware: ISO 8601.")] = None,
    noticed: NoticedOption = None,
    determined: DeterminedOption = None,
    persons_told: PersonsToldOption = None,
    reported: ReportedOption = None,
    fact: FactOption = None,
    market: MarketOption = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="A folder of rule files instead of ours.")] = None,
    person: PersonOption = None,
    key: KeyOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the answer as one HTML page, too.")] = None,
    as_json: JsonOption = False,
) -> int:
    """Say which law asks what, by when, and what a human has to decide. This is no legal advice.

    Exit 3 while something is owed or open, or no rule is known of where somebody lives.

    Example: leaktrace duties --facts facts.json --aware 2026-11-02T09:00+01:00
    """
    given = {
        "aware": aware,
        "noticed": noticed,
        "determined": determined,
        "persons_told": persons_told,
        "reported": reported,
    }
    moments: dict[StartEvent, datetime] = {
        event: moment_of(text, event)
        for event in ("aware", "noticed", "determined", "persons_told", "reported")
        if (text := given[event])
    }
    check_files(html, reads=(facts,))
    laws = laws_from_folder(rules) if rules else builtin_laws()
    answers = _answers(fact or [])
    if (case is None) == (facts is None):
        raise UsageError("Name a case or --facts FILE, one of them.", "Example: leaktrace duties --facts facts.json")
    if facts is not None:
        found = _of_file(facts, laws, answers, moments, market or [])
    else:
        assert case is not None  # noqa: S101 - one of both was given
        with CaseDoors().desk(context, Signing(person, key)) as desk:
            found = desk.assess_duties(case, laws, answers, moments, market or [])
    if html is not None:
        write_aside(html, duties_page(found))
        note(f"Written to {html}.")
    answer(found, None if as_json else render_duties(found), as_json=as_json)
    return 3 if found.without_rule or any(duty.answer not in {"no", "probably_no"} for duty in found.duties) else 0


def _of_file(
    path: Path,
    laws: tuple[Law, ...],
    answers: dict[str, bool],
    moments: dict[StartEvent, datetime],
    markets: list[str],
) -> DutyAssessment:
    raw = path.read_bytes()
    if len(raw) > CEILING_BYTES:
        raise UsageError(f"{path}: larger than {CEILING_BYTES} bytes.", "Facts are counts, not rows.")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: it is not JSON.", "docs/duties.md has the format.") from error
    known = facts_from_document(document)
    all_moments = {**known.moments, **moments}
    if "aware" in all_moments:
        all_moments.setdefault("noticed", all_moments["aware"])
    where = markets_of(markets) or known.markets
    merged = replace(known, answers={**known.answers, **answers}, moments=all_moments, markets=where)
    return assess(merged, laws, datetime.now(UTC))


def _answers(given: list[str]) -> dict[str, bool]:
    answers: dict[str, bool] = {}
    for one in given:
        name, _, value = one.partition("=")
        if name not in FACTS or value not in {"yes", "no"}:
            known = f"{meant(name, FACTS)}Facts are: {', '.join(FACTS)}."
            hint = f"Write {name}=yes or {name}=no." if name in FACTS else known
            raise UsageError(f"'{one}' is no fact with yes or no.", hint)
        if answers.setdefault(name, value == "yes") != (value == "yes"):
            raise UsageError(f"{name} is said to be yes and no.", f"Write {name}=yes or {name}=no, one of them.")
    return answers
