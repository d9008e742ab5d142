"""case request, approvals, approve, refuse, unmask: what nobody does alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from leaktrace.casedesk.views import RequestView, request_view
from leaktrace.cases import ApprovalLine, Request
from leaktrace.cli.acting import KeyOption, PasswordOption, PersonOption, desk_of
from leaktrace.cli.case import CaseArgument, WhyOption, case
from leaktrace.cli.output import JsonOption, answer, note
from leaktrace.errors import UsageError
from leaktrace.report import words
from leaktrace.report.terminal import add_row

RequestArgument = Annotated[str, typer.Argument(help="The request's id, A-….")]
HoursOption = Annotated[float | None, typer.Option("--hours", help="It expires after so many hours.")]
_MAX_BYTES = 1_000_000


def register(app: typer.Typer) -> None:
    """Adds this group's commands to those of `case`."""
    del app  # they stand below `case`
    for command in (request, approvals, approve, refuse, unmask):
        case.command()(command)


def request(
    context: typer.Context,
    case: CaseArgument,
    action: Annotated[str, typer.Argument(help="contain_principal, send_notices, hand_over, …")],
    target: Annotated[str, typer.Argument(help="To whom or what: P-…, a seller, a version.")],
    parameters: Annotated[
        Path | None,
        typer.Option("--parameters", help="JSON file with exactly what is to be done."),
    ] = None,
    why: WhyOption = "",
    hours: HoursOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask for an action, signed with your key. A second person decides; then the action's own command does it.

    Example: leaktrace case request K-3f2a9c1d contain_principal P-4k2m --why "stop further leaks" --as ina
    """
    with desk_of(context, person, key) as desk:
        found = desk.work.request(case, action, target, _parameters(parameters), why, hours)  # type: ignore[arg-type]
        view = request_view(found, desk.now())
    _told((view,), as_json=as_json)


def _parameters(path: Path | None) -> Any:
    if path is None:
        return {}
    with path.open("rb") as stream:
        raw = stream.read(_MAX_BYTES + 1)
    try:
        return json.loads(raw if len(raw) <= _MAX_BYTES else b"")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON, or larger than {_MAX_BYTES} bytes.", "Plan the action again.") from error


def approvals(
    context: typer.Context,
    case: CaseArgument,
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """List what was asked for in a case, and what became of it.

    Example: leaktrace case approvals K-3f2a9c1d --as dana
    """
    with desk_of(context, person, key, by_password=password) as desk:
        found = tuple(request_view(one, desk.now()) for one in desk.work.approvals(case))
    _told(found, as_json=as_json)


def approve(
    context: typer.Context,
    case: CaseArgument,
    requests: Annotated[list[str], typer.Argument(help="The requests' ids, A-…; each is looked at by itself.")],
    yes: Annotated[bool, typer.Option("--yes", help="You have looked at it; do not ask.")] = False,
    why: Annotated[
        str, typer.Option("--why", help="Why you agree: kept in the log; needed where the request rests on words.")
    ] = "",
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look at exactly what would be done, and agree with your signature. Not for your own request.

    Several requests are shown, and signed, one by one.

    Example: leaktrace case approve K-3f2a9c1d A-0001 --as dana
    """
    views = []
    with desk_of(context, person, key) as desk:
        # All of them first: a mistyped id stops before anything is signed.
        for line in [desk.work.look_at(case, one) for one in dict.fromkeys(requests)]:
            signed = line.payload
            against = against_lines(desk.speaking_against(case, signed.action, signed.target))
            exactly = () if as_json else parameter_lines(line.parameters)
            note("\n".join((told_line(line), *against, *exactly)))
            if as_json:
                note(line.parameters.decode())
            if not yes and not _agreed(may_ask=not as_json and sys.stdin.isatty()):
                note(f"{line.payload.request} was not approved.")
                continue
            views.append(request_view(desk.work.approve(case, line.payload.request, why), desk.now()))
    if views:
        _told(tuple(views), as_json=as_json)


def _agreed(*, may_ask: bool) -> bool:
    if not may_ask:
        raise UsageError("There is nobody to ask.", "Look at it, then run it again with --yes; nothing was approved.")
    return typer.confirm("Do you approve exactly this?", err=True)


def told_line(line: ApprovalLine) -> str:
    """What would be done, for whoever decides."""
    signed = line.payload
    return words.plain(
        f"{signed.request}: {signed.action.replace('_', ' ')} of {signed.target}, asked for by {signed.requested_by} "
        f"at {words.instant(signed.requested_at)}, until {words.instant(signed.expires_at)}. Reason: {signed.reason}"
    )


def against_lines(against: tuple[str, ...]) -> list[str]:
    """What speaks against it, before anybody signs; nothing where the action is about no account inside."""
    return ["What speaks against it:", *(f"  {words.plain(one)}" for one in against)] if against else []


def parameter_lines(parameters: bytes) -> list[str]:
    """Exactly what would be done, one value a line; nothing of it is left out, and what is empty is said to be."""
    asked = json.loads(parameters)
    if not asked:
        return ["Nothing more is asked for than the action itself."]
    return ["Exactly this:", *(f"  {words.plain(one)}" for one in _flat("", asked))]


def _flat(name: str, value: Any) -> Iterator[str]:
    inner = value.items() if isinstance(value, dict) else enumerate(value, start=1) if isinstance(value, list) else ()
    if not value and value not in (0, False):
        yield f"{name}: nothing"
    elif not inner:
        yield f"{name}: {_SPOKEN.get(value, value) if isinstance(value, bool) else value}"
    else:
        for key, one in inner:
            yield from _flat(f"{name}, {_spoken(key)}" if name else _spoken(key), one)


def _spoken(key: object) -> str:
    return str(key).replace("_", " ")


_SPOKEN = {True: "yes", False: "no"}


def refuse(
    context: typer.Context,
    case: CaseArgument,
    request: RequestArgument,
    why: WhyOption = "",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say no to a request, also to an approved one that was not used yet.

    Example: leaktrace case refuse K-3f2a9c1d A-0001 --why "ask the team's lead first" --as dana
    """
    with desk_of(context, person, key, by_password=password) as desk:
        view = request_view(desk.work.refuse(case, request, why), desk.now())
    _told((view,), as_json=as_json)


def unmask(
    context: typer.Context,
    case: CaseArgument,
    what: Annotated[str, typer.Argument(help="A pseudonym to ask for, or the approved request A-….")],
    why: WhyOption = "",
    hours: HoursOption = None,
    person: PersonOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask to see who one pseudonym is; once a second person agreed, see it. Every look is logged, and it expires.

    Example: leaktrace case unmask K-3f2a9c1d P-4k2m --why "to ask the team's lead about shifts" --as ina
    """
    with desk_of(context, person, key) as desk:
        if not what.startswith("A-"):
            view = request_view(desk.work.request_unmask(case, what, why, hours), desk.now())
            _told((view,), as_json=as_json)
            return
        opened = desk.unmask(case, what)
    until = words.instant(opened.until_at)
    told = f"{opened.pseudonym} is {words.plain(opened.name)}. This may be looked at until {until}."
    answer(opened, Text(told), as_json=as_json)


def tell_request(found: Request, now: datetime, *, as_json: bool) -> None:
    """The answer of a command that asked for something."""
    _told((request_view(found, now),), as_json=as_json)


def _told(found: tuple[RequestView, ...], *, as_json: bool) -> None:
    whole = (Column(name, no_wrap=True) for name in ("request", "state"))
    table = Table(*whole, "action", "target", "asked by", "decided by", Column("expires", overflow="fold"), "reason")
    for one in found:
        add_row(
            table, one.request, one.state, one.action.replace("_", " "), one.target, one.requested_by,
            one.decided_by or "", words.instant(one.expires_at), one.reason,
        )  # fmt: skip
    answer(found, table, as_json=as_json)
