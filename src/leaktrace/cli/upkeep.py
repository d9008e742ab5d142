"""ledger verify, compact, reindex, retain, forget, hold, release, acts: the upkeep of the ledger."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from leaktrace.cli.acting import KeyOption, PersonOption, desk_of
from leaktrace.cli.output import JsonOption, answer, note, progress_line, screen_of
from leaktrace.cli.tables import ledger
from leaktrace.errors import UsageError
from leaktrace.report import (
    render_acts,
    render_check,
    render_compaction,
    render_erasure,
    render_holds,
    render_retention,
)

if TYPE_CHECKING:
    from leaktrace.cases import Request

WhyOption = Annotated[str, typer.Option("--why", help="Why it is done: written to the ledger's record.")]
CaseOption = Annotated[str | None, typer.Option("--case", help="The case in which it is asked for, K-….")]
ApprovalOption = Annotated[str | None, typer.Option("--approval", help="The approved request, A-….")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


@dataclass(frozen=True, slots=True)
class Released:
    """What `ledger release` ended."""

    case: str
    released_count: int
    """Holds there were."""


def register(app: typer.Typer) -> None:
    """Adds this group's commands to the ledger's."""
    del app  # they stand below `ledger`
    for command in (verify, compact, reindex, retain, forget, hold, release, acts):
        ledger.command()(command)


def verify(context: typer.Context, as_json: JsonOption = False) -> int:
    """Check every file of the ledger: bytes, row counts, order, months, sums by source. Exit 3 if there is a problem.

    Example: leaktrace ledger verify
    """
    with screen_of(context).open() as workspace, progress_line() as tell:
        found = workspace.verify_ledger(progress=tell)
    if as_json:
        for sentence in found.notes:
            note(sentence)
    answer(found, render_check(found), as_json=as_json)
    return 3 if found.problems else 0


def compact(context: typer.Context, as_json: JsonOption = False) -> None:
    """Merge small segments into larger ones. Answers stay the same; others may go on reading meanwhile.

    Example: leaktrace ledger compact
    """
    with screen_of(context).open() as workspace, progress_line() as tell:
        done = workspace.compact(progress=tell)
    answer(done, render_compaction(done), as_json=as_json)


def reindex(context: typer.Context, as_json: JsonOption = False) -> None:
    """Build the index of accesses anew from the lake. Answers stay the same; until it is done they come from the lake.

    Example: leaktrace ledger reindex
    """
    with screen_of(context).open() as workspace, progress_line() as tell:
        done = workspace.reindex(progress=tell)
    answer(done, f"The index holds {done.access_count:,} accesses.", as_json=as_json)


def retain(
    context: typer.Context,
    months: Annotated[
        int | None, typer.Option("--months", help="Keep so many whole months beside the present one.")
    ] = None,
    before: Annotated[str | None, typer.Option("--before", help="Or: the first month to keep, as YYYY-MM.")] = None,
    table: Annotated[
        str, typer.Option("--table", help="accesses (with reads that cannot be tied to customers) or contacts.")
    ] = "accesses",
    yes: YesOption = False,
    why: WhyOption = "",
    case: CaseOption = None,
    approval: ApprovalOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Let old months go. Without --yes it only counts. Later files do not bring them back; a legal hold refuses.

    Where people are enrolled it takes two: with --case it asks for it, with --approval it does what was approved.

    Example: leaktrace ledger retain --months 24 --yes --why "our retention policy"
    """
    _demand_case(case, approval)
    if case is not None:
        with desk_of(context, person, key) as desk, progress_line() as tell:
            if approval is None:
                _tell_request(desk.ask_to_retain(case, table, months, before, why), desk.now(), as_json=as_json)
                return 0
            if before is None:
                raise UsageError("What was approved names a month.", "Say it: --before YYYY-MM (see case approve).")
            let_go = desk.retain(case, approval, table, before, why, tell)
        answer(let_go, render_retention(let_go), as_json=as_json)
        return 3 if let_go.waiting_count else 0
    with screen_of(context).open() as workspace, progress_line() as tell:
        found = workspace.retain(table, months=months, before=before, confirmed=yes, why=why, progress=tell)
    answer(found, render_retention(found), as_json=as_json)
    return 3 if found.waiting_count else 0


def forget(
    context: typer.Context,
    customers: Annotated[list[str], typer.Argument(help="Ids of customers as ingested.")],
    yes: YesOption = False,
    why: WhyOption = "",
    case: CaseOption = None,
    approval: ApprovalOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> int:
    """Erase customers from the ledger for good: rows, names, counts. Later files do not bring them back.

    It is refused, with the case's name, while a legal hold needs the rows. It asks first, unless told --yes.
    Where people are enrolled it takes two: with --case it asks for it, with --approval it does what was approved.
    Exit 3 where cases still know a customer (what is evidence there stays, and the cases are named), and where there
    was no row of one: an id may have been mistyped.

    Example: leaktrace ledger forget c0012345 --yes --why "request 2026-114"
    """
    _demand_case(case, approval)
    if case is not None and approval is None:
        with desk_of(context, person, key) as desk:
            asked, unknown = desk.ask_to_forget(case, customers, why), desk.strangers(customers)
            _tell_request(asked, desk.now(), as_json=as_json)
        if unknown:
            note(f"The ledger knows no customer {', '.join(unknown)}: check the ids before anybody agrees.")
        return 3 if unknown else 0
    question = f"Erase {len(customers)} customer{'s' if len(customers) > 1 else ''} from the ledger for good?"
    if not yes and not _agreed(question, may_ask=not as_json and sys.stdin.isatty()):
        note("Nothing was changed.")
        return 0
    if case is not None and approval is not None:
        with desk_of(context, person, key) as desk, progress_line() as tell:
            found = desk.forget(case, approval, customers, why, tell)
    else:
        with screen_of(context).open() as workspace, progress_line() as tell:
            found = workspace.forget(customers, why=why, progress=tell)
    answer(found, render_erasure(found), as_json=as_json)
    return 3 if found.waiting_count or found.held_in or found.unknown_count else 0


def _demand_case(case: str | None, approval: str | None) -> None:
    if approval is not None and case is None:
        raise UsageError("An approval belongs to a case.", "Say which: --case K-…; nothing was changed.")


def _agreed(question: str, *, may_ask: bool) -> bool:
    if not may_ask:
        raise UsageError(
            "This cannot be undone, and there is nobody to ask.", "Run it again with --yes; nothing was changed."
        )
    return typer.confirm(question, err=True)


def hold(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Name of the case that needs the rows.")],
    customers: Annotated[list[str] | None, typer.Argument(help="Ids of customers as ingested.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every customer instead.")] = False,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> int:
    """Put customers on legal hold for a case: until it is released, forget and retain refuse to erase their rows.

    Exit 3 where the ledger does not know one of them: the hold stands, and the id may have been mistyped.

    Example: leaktrace ledger hold case-12 c0012345 c0067890
    """
    if everybody == bool(customers):
        raise UsageError("Name customers, or say --all; not both and not neither.", "leaktrace ledger hold CASE --all.")
    with screen_of(context).open() as workspace:
        holds = workspace.hold(case, None if everybody else customers, why=why)
        unknown = workspace.strangers(customers) if customers else []
    answer(holds, render_holds(holds), as_json=as_json)
    if unknown:
        note(f"The ledger knows no customer {', '.join(unknown)}: check the ids. The hold stands all the same.")
    return 3 if unknown else 0


def release(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="Name of the case.")],
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """End all legal holds of a case.

    Example: leaktrace ledger release case-12 --why "closed by the court"
    """
    with screen_of(context).open() as workspace:
        found = Released(case, workspace.release(case, why=why))
    many = "s" if found.released_count > 1 else ""
    answer(found, f"{found.released_count} legal hold{many} ended.", as_json=as_json)


def acts(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the legal holds in force, and what was taken out of the ledger: when, by whom, how many rows.

    Example: leaktrace ledger acts
    """
    with screen_of(context).open() as workspace:
        found = workspace.ledger_acts()
    answer(found, render_acts(found), as_json=as_json)


def _tell_request(found: Request, now: datetime, *, as_json: bool) -> None:
    # Cases are loaded only where something is asked for in one.
    from leaktrace.cli.caseapprovals import tell_request

    tell_request(found, now, as_json=as_json)
