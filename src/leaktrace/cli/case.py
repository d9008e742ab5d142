"""case open, list, show, timeline, note, admit, lockout, subject, checks, finding, hold, close, reopen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from leaktrace.casedesk.views import case_view, event_view
from leaktrace.caserecords import RecordedEvent
from leaktrace.cli.acting import KeyOption, PasswordOption, PersonOption, desk_of
from leaktrace.cli.caseshown import no_longer, render_case, render_checks
from leaktrace.cli.output import JsonOption, answer
from leaktrace.cli.output import note as say
from leaktrace.cli.people import roles_of
from leaktrace.cli.textgiven import bytes_of, text_from_stdin
from leaktrace.errors import UsageError
from leaktrace.report import render_timeline, words
from leaktrace.report.terminal import add_row

case = typer.Typer(no_args_is_help=True, help="Cases: what was done about a leak, by whom; nothing is ever removed.")

CaseArgument = Annotated[str, typer.Argument(help="The case's id, K-….")]
WhyOption = Annotated[str, typer.Option("--why", help="Why: it stays in the log. Name nobody but by pseudonym.")]


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    for command in (show, timeline, note, admit, lockout, subject, checks, finding, hold):
        case.command()(command)
    case.command("open")(open_case)
    case.command("list")(list_cases)
    case.command("close")(close)
    case.command("reopen")(reopen)
    app.add_typer(case, name="case")


def open_case(
    context: typer.Context,
    title: Annotated[str, typer.Option("--title", help="A short title that names nobody.")] = "",
    campaign: Annotated[
        str | None, typer.Option("--campaign", "--finding", help="About this campaign; its finding is traced.")
    ] = None,
    tip: Annotated[str | None, typer.Option("--tip", help="What somebody told, or - to read it from stdin.")] = None,
    mail: Annotated[Path | None, typer.Option("--mail", help="About the mail in this file.")] = None,
    summary: Annotated[str, typer.Option("--summary", help="A sentence or two.")] = "",
    field: Annotated[str, typer.Option("--field", help="Field in question, with --campaign.")] = "email",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Open a case from a finding, a mail, a tip, or by hand.

    Example: leaktrace case open --campaign c-3f2a9c1d --as ina
    """
    if sum(one is not None for one in (campaign, tip, mail)) > 1:
        raise UsageError(
            "A case is opened from one thing.", "Say one of --campaign, --tip and --mail, or none of them."
        )
    with desk_of(context, person, key, by_password=password) as desk:
        from leaktrace.casedesk.desk import MAIL_CEILING_BYTES  # loaded with the desk, which most commands do without

        if campaign is not None:
            opened = desk.open_from_campaign(
                campaign, title or "Unwanted mail to customers", field=field, summary=summary
            )
        elif tip is not None:
            opened = desk.open_from_tip(title or "A tip", text_from_stdin() if tip == "-" else tip, summary)
        elif mail is not None:
            opened = desk.open_from_mail(title or "An unwanted mail", bytes_of(mail, MAIL_CEILING_BYTES), summary)
        else:
            opened = desk.open_by_hand(title, summary)
        view = case_view(opened, desk.now())
    answer(view, render_case(view), as_json=as_json)


def list_cases(
    context: typer.Context,
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the cases that you may see.

    Example: leaktrace case list --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        found = desk.work.cases()
    table = Table("case", "state", "opened", "events", "title")
    for one in found:
        title = one.title if one.title is not None else "(not for you)"
        add_row(table, one.case, one.state, words.instant(one.opened_at), str(one.event_count), title)
    answer(found, table, as_json=as_json)


def show(
    context: typer.Context,
    case: CaseArgument,
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a case as it stands: subjects, checks, exposure, requests, what was contained, told and held.

    Example: leaktrace case show K-3f2a9c1d --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        view = case_view(desk.work.show(case), desk.now())
    answer(view, render_case(view), as_json=as_json)


def timeline(
    context: typer.Context,
    case: CaseArgument,
    audit: Annotated[bool, typer.Option("--audit", help="As an auditor, who reads events and nothing else.")] = False,
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Everything that was done in a case, in order: when, who, what.

    Example: leaktrace case timeline K-3f2a9c1d --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        events = desk.work.events(case) if audit else desk.work.timeline(case)
    answer(tuple(event_view(one) for one in events), render_timeline(events), as_json=as_json)


def note(
    context: typer.Context,
    case: CaseArgument,
    text: Annotated[str, typer.Argument(help="What you saw or did, or - to read it from stdin.")],
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write something down. It is never changed; write another note instead.

    Example: leaktrace case note K-3f2a9c1d "P-4k2m's lead was asked about shifts" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.work.note(case, text_from_stdin() if text == "-" else text)
    _told((done,), as_json=as_json)


def admit(
    context: typer.Context,
    case: CaseArgument,
    who: Annotated[str, typer.Argument(help="User name of whom you admit.")],
    role: Annotated[list[str], typer.Option("--role", help="In which of their roles; may be given several times.")],
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let somebody work on the case. Approvers and auditors need no admission.

    Example: leaktrace case admit K-3f2a9c1d olaf --role privacy_officer --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.work.admit(case, who, roles_of(role))
    _told((done,), as_json=as_json)


def lockout(
    context: typer.Context,
    case: CaseArgument,
    who: Annotated[str, typer.Argument(help="User name.")],
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deny somebody the case for ever, whatever else is granted to them.

    Example: leaktrace case lockout K-3f2a9c1d olaf --why "is related to P-4k2m" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.work.lock_out(case, who, why)
    _told((done,), as_json=as_json)


def subject(
    context: typer.Context,
    case: CaseArgument,
    principal: Annotated[
        list[str] | None, typer.Option("--principal", help="Pseudonym (P-…) or id; may be given several times.")
    ] = None,
    seller: Annotated[list[str] | None, typer.Option("--seller", help="A seller's id.")] = None,
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say whom the case is about, in place of whom it was about before. They, those above and those below them are
    locked out of the case at once.

    Example: leaktrace case subject K-3f2a9c1d --principal P-4k2m --seller s0017 --why "the finding" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        before = desk.work.show(case).subjects
        done = desk.set_subjects(case, principal or (), seller or (), why)
        for one in no_longer(before, desk.work.show(case).subjects):
            say(one)
    _told(done, as_json=as_json)


def checks(
    context: typer.Context,
    case: CaseArgument,
    reply: Annotated[
        list[str] | None,
        typer.Option("--answer", help="SUBJECT:CHECK=yes|no|unknown, or CHECK=… where there is one subject."),
    ] = None,
    remark: Annotated[str, typer.Option("--note", help="What the answer rests on.")] = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """The account is not the person: the list of checks, with what the log can say, and your answers.

    Example: leaktrace case checks K-3f2a9c1d --answer shared_account=no --note "register of accounts" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        for one in reply or ():
            desk.answer(case, one, remark)
        lines, facts = desk.work.checks(case), desk.subject_facts(case)
    document: dict[str, Any] = {"checks": lines, "facts": facts}
    answer(document, render_checks(lines, facts), as_json=as_json)


def finding(
    context: typer.Context,
    case: CaseArgument,
    campaign: Annotated[str, typer.Argument(help="Campaign to trace.")],
    field: Annotated[str, typer.Option("--field", help="Field in question.")] = "email",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Trace a campaign and put the finding into the case, sealed; people whom it concerns are locked out.

    Example: leaktrace case finding K-3f2a9c1d c-3f2a9c1d --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.attach_finding(case, campaign, field=field)
    _told(done, as_json=as_json)


def hold(
    context: typer.Context,
    case: CaseArgument,
    everybody: Annotated[bool, typer.Option("--all", help="Every customer, not only those exposed.")] = False,
    release: Annotated[bool, typer.Option("--release", help="End the hold instead.")] = False,
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the customers of the case on legal hold: forget and retain refuse to erase their rows until it is released.

    Example: leaktrace case hold K-3f2a9c1d --why "asked by the prosecutor" --as olaf
    """
    with desk_of(context, person, key) as desk:
        held = len(desk.hold(case, why, everybody=everybody)) if not release else 0
        count = desk.release(case, why) if release else held
    told = f"{words.count(count, 'hold')} {'ended' if release else 'set'}."
    answer({"case": case, "held": not release, "hold_count": count}, told, as_json=as_json)


def close(
    context: typer.Context,
    case: CaseArgument,
    conclusion: Annotated[str, typer.Option("--conclusion", help="source_found, no_insider, undecided or error.")],
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """End a case. What waits for approval is void; only reopening is left.

    Example: leaktrace case close K-3f2a9c1d --conclusion no_insider --why "the list was bought elsewhere" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.work.close(case, conclusion, why)  # type: ignore[arg-type]  # it says so itself
    _told((done,), as_json=as_json)


def reopen(
    context: typer.Context,
    case: CaseArgument,
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go on with a closed case.

    Example: leaktrace case reopen K-3f2a9c1d --why "another seller has the list" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        done = desk.work.reopen(case, why)
    _told((done,), as_json=as_json)


def _told(events: tuple[RecordedEvent, ...], *, as_json: bool) -> None:
    answer(tuple(event_view(one) for one in events), render_timeline(events), as_json=as_json)
