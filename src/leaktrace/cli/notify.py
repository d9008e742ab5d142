"""notify: telling the people affected, each once, after two people agreed to exactly that."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Protocol, get_args

import typer

from leaktrace.caserecords import Certainty
from leaktrace.cli.acting import KeyOption, PersonOption
from leaktrace.cli.noticeshown import (
    render_bounces,
    render_left,
    render_plan,
    render_preview,
    render_sent,
    render_status,
    render_templates,
)
from leaktrace.cli.output import JsonOption, answer, note, progress_line
from leaktrace.cli.responses import open_notices
from leaktrace.cli.targets import check_files, check_folder
from leaktrace.errors import UsageError
from leaktrace.folder import write_aside
from leaktrace.namedpaths import path_of
from leaktrace.noticedesk.desk import NoticeDesk
from leaktrace.noticedesk.reports import FIRST_VERSION, PlanFacts, TranslationDone
from leaktrace.response.notices import MEASURES, SAFEGUARDS, composed, translation_parameters
from leaktrace.response.notices.facts import Measure, Safeguard

CaseArgument = Annotated[str, typer.Argument(help="The case, with a frozen exposure list.")]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Which version of the notice; by default the latest.")
]
ParametersOption = Annotated[
    Path | None,
    typer.Option("--parameters", help="Write what two people must agree to into this JSON file, for `case request`."),
]


class OpenDesk(Protocol):
    """How this group reaches notices: whoever wires the cases gives one."""

    def __call__(
        self, context: typer.Context, person: str | None, key: Path | None
    ) -> AbstractContextManager[NoticeDesk]:
        """Notices of the workspace that -w names, as this person works with them."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `notify stop --json` prints."""

    stopped: bool = True


def register(app: typer.Typer, open_desk: OpenDesk = open_notices) -> None:
    """Adds this group's commands; `open_desk` finds the notices of the workspace that -w names."""
    commands = NotifyCommands(open_desk)
    group = typer.Typer(
        name="notify", no_args_is_help=True, help="Tell the people affected: plan, approve, send, reconcile."
    )
    for name in ("plan", "templates", "preview", "send", "stop", "status", "left", "bounces"):
        group.command(name)(getattr(commands, name))
    group.command("approve-translation")(commands.approve_translation)
    app.add_typer(group)


class NotifyCommands:
    """The commands, over whatever opens a desk."""

    def __init__(self, open_desk: OpenDesk) -> None:
        self._open = open_desk

    def plan(
        self,
        context: typer.Context,
        case: CaseArgument,
        noticed_on: Annotated[
            str | None, typer.Option("--noticed-on", help="The day the company learned of it: YYYY-MM-DD.")
        ] = None,
        occurred_from: Annotated[
            str | None,
            typer.Option(
                "--occurred-from",
                help="The first day data were looked at; by default what the list says.",
            ),
        ] = None,
        occurred_to: Annotated[
            str | None, typer.Option("--occurred-to", help="The last; by default the end of the list's window.")
        ] = None,
        measure: Annotated[
            list[str] | None, typer.Option("--measure", help=f"What was done, as it is true: {', '.join(MEASURES)}.")
        ] = None,
        safeguard: Annotated[
            list[str] | None,
            typer.Option("--safeguard", help=f"How the data were protected, as it is true: {', '.join(SAFEGUARDS)}."),
        ] = None,
        certainty: Annotated[
            str, typer.Option("--certainty", help="Write to those at least so sure: confirmed, likely, possible.")
        ] = "possible",
        version: Annotated[
            str,
            typer.Option("--version", help="What is told later is a new version; it leaves out whom another one told."),
        ] = FIRST_VERSION,
        again_because: Annotated[
            str,
            typer.Option(
                "--again-because",
                help="A correction: write again to those who were told, and why. It is kept in the case and approved.",
            ),
        ] = "",
        parameters: ParametersOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> int:
        """Plan notices to everybody on the frozen list; nothing is sent. Exit 3 where texts are still drafts.

        Example: leaktrace notify plan K-3f2a9c1d --noticed-on 2026-11-18 --measure access_suspended
        """
        check_files(parameters)
        said = PlanFacts(
            version=version,
            noticed_on=_day(noticed_on),
            occurred_from=_day(occurred_from),
            occurred_to=_day(occurred_to),
            measures=tuple(_one_of(one, get_args(Measure)) for one in measure or ()),
            safeguards=tuple(_one_of(one, get_args(Safeguard)) for one in safeguard or ()),
            least_certainty=_one_of(certainty, get_args(Certainty)),
            again_because=again_because.strip(),
        )
        with self._open(context, person, key) as desk:
            report = desk.plan(case, said)
        _write_parameters(parameters, report.parameters)
        answer(report, render_plan(report), as_json=as_json)
        return 3 if report.templates_to_approve else 0

    def templates(
        self,
        context: typer.Context,
        case: Annotated[str | None, typer.Argument(help="Say which are approved in this case.")] = None,
        out: Annotated[
            Path | None, typer.Option("--out", help="Write the shipped ones into this folder, to begin your own from.")
        ] = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """List every template with its hash: one for each law and language. Shipped ones are drafts.

        Example: leaktrace notify templates --out texts
        """
        check_folder(out, in_workspace=True)  # as notices.toml may name them
        with self._open(context, person, key) as desk:
            found = desk.templates(case)
        if out is not None:
            _write_templates(out, [(one.law, one.language) for one in found])
        answer(found, render_templates(found), as_json=as_json)

    def approve_translation(
        self,
        context: typer.Context,
        case: CaseArgument,
        template: Annotated[str, typer.Argument(help="Law and language: gdpr/fa.")],
        approval: Annotated[
            str | None, typer.Option("--approval", help="The approval by a second person, A-….")
        ] = None,
        parameters: ParametersOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> int:
        """Approve exactly the present text of a template. Without --approval it only says what is to be agreed to.

        Example: leaktrace notify approve-translation K-3f2a9c1d gdpr/fa --approval A-0003
        """
        check_files(parameters)
        law, slash, language = template.partition("/")
        if not slash:
            raise UsageError(f"'{template}' is no template.", "Write law and language, as gdpr/fa.")
        with self._open(context, person, key) as desk:
            found = desk.template(law, language, case=case)
            if approval is not None:
                desk.approve_translation(case, law, language, approval)
        _write_parameters(parameters, translation_parameters(found))
        done = TranslationDone(law, language, found.sha256, approval is not None)
        words = f"{template}, {found.sha256}: " + ("approved." if approval else "not approved yet; read it first.")
        answer(done, words, as_json=as_json)
        return 0 if approval is not None else 3

    def preview(
        self,
        context: typer.Context,
        case: CaseArgument,
        who: Annotated[
            str, typer.Option("--person", help="Whose notice: C-…, the reference in it, or with --why a customer's id.")
        ],
        why: Annotated[
            str, typer.Option("--why", help="Why a customer's id is looked up: it is written into log and case.")
        ] = "",
        html: Annotated[Path | None, typer.Option("--html", help="Write the HTML part to this file.")] = None,
        version: VersionOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show what one person gets, exactly, but for the address, and whether they got it.

        Example: leaktrace notify preview K-3f2a9c1d --person C-4k2mx1 --html notice.html
        """
        check_files(html)
        with self._open(context, person, key) as desk:
            found = desk.preview(case, who, version, why)
        if html is not None:
            write_aside(html, found.html)
            note(f"The HTML part is in {html}.")
        answer(found, render_preview(found), as_json=as_json)

    def send(
        self,
        context: typer.Context,
        case: CaseArgument,
        approval: Annotated[
            str | None, typer.Option("--approval", help="The approval by a second person, A-…; once a batch.")
        ] = None,
        canary: Annotated[
            int | None, typer.Option("--canary", min=0, help="So many first, then wait for --continue; 0: none.")
        ] = None,
        go_on: Annotated[bool, typer.Option("--continue", help="Go on after the canaries, or after a stop.")] = False,
        version: VersionOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> int:
        """Send what waits; resumes where an earlier run ended. Exit 3 while anybody waits, was refused or is unknown.

        Example: leaktrace notify send K-3f2a9c1d --approval A-0004 --canary 25
        """
        with self._open(context, person, key) as desk, progress_line(quiet=as_json) as tell:
            total = desk.status(case, version).sums.waiting_count
            report = desk.send(
                case,
                approval,
                version=version,
                canary=canary,
                go_on=go_on,
                progress=lambda done: tell("sending", done, total),
            )
        if report.recovered_unknown_count:
            note(f"An earlier sender ended in the middle: {report.recovered_unknown_count} unknown.")
        answer(report, render_sent(report), as_json=as_json)
        sums = report.status.sums
        return 3 if sums.waiting_count or sums.refused_count or sums.unknown_count else 0

    def stop(
        self,
        context: typer.Context,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Stop every sender of this workspace before its next mail.

        Example: leaktrace notify stop
        """
        with self._open(context, person, key) as desk:
            desk.stop()
        answer(Stopped(), "Senders stop before their next mail.", as_json=as_json)

    def status(
        self,
        context: typer.Context,
        case: CaseArgument,
        version: VersionOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Say where everybody on the frozen list stands; the sums add up or it says so.

        Example: leaktrace notify status K-3f2a9c1d
        """
        with self._open(context, person, key) as desk:
            found = desk.status(case, version)
        answer(found, render_status(found), as_json=as_json)

    def left(
        self,
        context: typer.Context,
        case: CaseArgument,
        version: VersionOption = None,
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """List whom a mail did not reach for certain: to be told in another way.

        Example: leaktrace notify left K-3f2a9c1d
        """
        with self._open(context, person, key) as desk:
            found = desk.left(case, version)
        answer(found, render_left(found), as_json=as_json)

    def bounces(
        self,
        context: typer.Context,
        paths: Annotated[
            list[Path], typer.Argument(parser=path_of, help="Messages, mbox files or folders of the bounce mailbox.")
        ],
        person: PersonOption = None,
        key: KeyOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Read delivery reports; only those to a return path that we signed count.

        Example: leaktrace notify bounces bounces.mbox
        """
        with self._open(context, person, key) as desk:
            found = desk.bounces(paths)
        answer(found, render_bounces(found), as_json=as_json)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"'{text}' is no day.", "Write it as 2026-11-18.") from None


def _one_of(text: str, allowed: tuple[Any, ...]) -> Any:
    if text not in allowed:
        raise UsageError(f"'{text}' is not one of {', '.join(allowed)}.", "Say only what is true of this case.")
    return text


def _write_parameters(path: Path | None, parameters: dict[str, Any]) -> None:
    if path is not None:
        write_aside(path, json.dumps(parameters, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        note(f"What two people must agree to is in {path}.")


def _write_templates(folder: Path, names: list[tuple[str, str]]) -> None:
    for law, language in names:
        path = folder / law / f"{language}.toml"
        if path.exists():
            raise UsageError(f"{path} is there already.", "Name a new folder: nothing of yours is written over.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, composed(law, language).decode("utf-8"))
    note(f"{len(names)} templates are in {folder}. Name it in notices.toml: [texts] folder.")
