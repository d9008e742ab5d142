"""mail: from an abuse mailbox to reports."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.cli.following import stop_on_signal
from leaktrace.cli.mailways import WayOptions
from leaktrace.cli.output import JsonOption, answer, note, progress_line, screen_of
from leaktrace.folder import read_settings
from leaktrace.intake.mailflow import inspect_files
from leaktrace.mailroom.ways import PASSWORD_VARIABLE
from leaktrace.namedpaths import path_of
from leaktrace.report import render_mail_report, render_messages
from leaktrace.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(mail)


PathsArgument = Annotated[
    list[Path] | None, typer.Argument(parser=path_of, help="mbox files, Maildirs, .eml files or folders of them.")
]
InspectOption = Annotated[
    bool,
    typer.Option("--inspect", help="Only say what each message is, by the workspace's settings; store nothing."),
]
DnsKeysOption = Annotated[
    Path | None, typer.Option("--dns-keys", help="DKIM keys for --inspect, one a line: name TAB record.")
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Go on and take what comes, until SIGINT or SIGTERM: files or --imap.")
]
EverySecondsOption = Annotated[
    float | None, typer.Option("--every-seconds", help="How often followed files are looked at.", show_default="5")
]
ImapOption = Annotated[
    str | None,
    typer.Option("--imap", help="A mailbox, as imaps://user@host/INBOX. Its password is never part of it."),
]
ImapPasswordFileOption = Annotated[
    Path | None,
    typer.Option(
        "--imap-password-file",
        help=f"File (0600) whose first line is the password; without it ${PASSWORD_VARIABLE}.",
    ),
]
ImapCaFileOption = Annotated[
    Path | None,
    typer.Option("--imap-ca-file", help="PEM file of the authority that signed the server's certificate."),
]
MoveToOption = Annotated[
    str | None, typer.Option("--move-to", help="IMAP folder that messages are moved to once they are stored.")
]
LeaveOption = Annotated[
    bool, typer.Option("--leave", help="Leave stored messages where they are, unread (the default).")
]
ListenOption = Annotated[
    str | None,
    typer.Option(
        "--listen",
        help="Listen for a mail system: lmtp://127.0.0.1:2424, lmtp+unix:/path/to/socket, smtp://127.0.0.1:2525.",
    ),
]
AcknowledgeOption = Annotated[
    bool | None,
    typer.Option(
        "--acknowledge/--no-acknowledge",
        help="Whether reporters are thanked by mail.",
        show_default="as the setting acknowledge_reports says",
    ),
]


def mail(
    context: typer.Context,
    paths: PathsArgument = None,
    inspect: InspectOption = False,
    dns_keys: DnsKeysOption = None,
    follow: FollowOption = False,
    every_seconds: EverySecondsOption = None,
    imap: ImapOption = None,
    imap_password_file: ImapPasswordFileOption = None,
    imap_ca_file: ImapCaFileOption = None,
    move_to: MoveToOption = None,
    leave: LeaveOption = False,
    listen: ListenOption = None,
    acknowledge: AcknowledgeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Store the mail of an abuse mailbox and find the reports in it. A message seen twice is one message.

    Examples: leaktrace mail abuse.mbox, and to look at one message: leaktrace mail --inspect complaint.eml --json.
    A mailbox that fills: leaktrace mail --imap imaps://abuse@mail.market.example/INBOX
    --imap-password-file imap.password --move-to stored --follow, or behind Postfix:
    leaktrace mail --listen lmtp://127.0.0.1:2424, or a Maildir: leaktrace mail Maildir --follow.
    """
    options = WayOptions(
        follow, every_seconds, imap, imap_password_file, imap_ca_file, move_to, leave, listen, acknowledge
    )
    given = paths or []
    asked = options.asked(given, os.environ, inspect=inspect)
    if inspect:
        settings = read_settings(screen_of(context).workspace)
        return _inspect(given, settings, dns_keys, as_json=as_json)
    with screen_of(context).open() as workspace, progress_line() as tell:
        if asked is None:
            report = workspace.receive(given, progress=tell)
        else:
            with stop_on_signal() as stop:
                report = workspace.receive_from(asked, stop=stop, tell=note, acknowledge=acknowledge, progress=tell)
    answer(report, render_mail_report(report), as_json=as_json)
    for sentence in report.notes:
        note(sentence)
    if report.rejected_count and report.rejected_count == report.message_count:
        note("None of this could be read as mail: name .eml files, an mbox or a Maildir. The rejects say why.")
    return 3 if report.rejected_count else 0


def _inspect(paths: list[Path], settings: Settings, dns_keys: Path | None, *, as_json: bool) -> int:
    found = inspect_files(paths, settings, dns_keys, note)
    answer(found, render_messages(found), as_json=as_json)
    return 0
