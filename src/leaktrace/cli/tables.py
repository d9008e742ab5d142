"""init, ingest and ledger: making a workspace and filling it with tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from leaktrace.cli.following import FollowOptions, stop_on_signal
from leaktrace.cli.output import JsonOption, answer, note, progress_line, screen_of
from leaktrace.errors import UsageError
from leaktrace.ledger import Around, Pace
from leaktrace.namedpaths import path_of
from leaktrace.records import TABLES
from leaktrace.report import render_ingest_preview, render_ingest_report, render_stats
from leaktrace.workspace import preview

_PACE = Pace()


@dataclass(frozen=True, slots=True)
class Made:
    """What `init` made."""

    workspace: str
    key_file: str


ledger = typer.Typer(no_args_is_help=True, help="What the ledger holds, and its upkeep.")


def register(app: typer.Typer) -> None:
    """Adds this group's commands."""
    app.command()(init)
    app.command()(ingest)
    app.add_typer(ledger, name="ledger")


def init(context: typer.Context, as_json: JsonOption = False) -> None:
    """Make a workspace and its key file.

    Example: leaktrace -w case-7 init
    """
    screen = screen_of(context)
    with screen.create(screen.workspace) as made:
        told = Made(str(made.path), str(made.key_file))
    words = (
        f"Workspace {told.workspace} is ready.\n"
        f"Its key is {told.key_file}.\n"
        "Back the key up somewhere else now: without it, names and mail in this workspace stay closed for ever."
    )
    answer(told, words, as_json=as_json)


FileFormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", help="Read the files as this: parquet, csv, ndjson, pgaudit, cloudtrail, ocsf, ecs, mapped."
    ),
]
OptionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="What the format's reader is told, as name=value (pgaudit: snapshot=TABLE.csv; mapped: "
        "mapping=mapping.toml).",
    ),
]
PreviewOnlyOption = Annotated[
    bool,
    typer.Option(
        "--preview", help="Show the first ten rows and rejects as they would be; write nothing, need no workspace."
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Go on as the file grows (NDJSON, CSV); `-` is standard input.")
]
EverySecondsOption = Annotated[
    float, typer.Option("--every-seconds", help="With --follow: commit lines that have waited so long.")
]
EveryRowsOption = Annotated[
    int, typer.Option("--every-rows", help="With --follow: commit as soon as there are so many lines.")
]
StreamOption = Annotated[
    str | None, typer.Option("--stream", help="With --follow -: count the lines under this name over all runs.")
]
SkipCommittedOption = Annotated[
    bool,
    typer.Option("--skip-committed", help="With --stream: it is replayed from line 1; pass over the known."),
]


def ingest(
    context: typer.Context,
    table: Annotated[str, typer.Argument(help=f"One of: {', '.join(TABLES)}.")],
    paths: Annotated[
        list[Path], typer.Argument(parser=path_of, help="Files or folders: Parquet, CSV, NDJSON, also .gz and .zst.")
    ],
    file_format: FileFormatOption = None,
    option: OptionOption = None,
    preview_only: PreviewOnlyOption = False,
    follow: FollowOption = False,
    every_seconds: EverySecondsOption = _PACE.every_seconds,
    every_rows: EveryRowsOption = _PACE.every_rows,
    stream: StreamOption = None,
    skip_committed: SkipCommittedOption = False,
    as_json: JsonOption = False,
) -> int:
    """Read a table into the ledger. Bad rows are kept aside; the same file again changes nothing.

    With --follow: each batch is durable once committed, and after a stop or a kill the same command goes on there.

    Example: leaktrace ingest accesses log/2026-03.parquet

    Example: leaktrace ingest accesses log.ndjson --follow --every-seconds 10
    """
    if preview_only:
        seen = preview(table, paths, file_format=file_format, options=_named(option))
        if as_json:
            for sentence in seen.notes:
                note(sentence)
        answer(seen, render_ingest_preview(seen), as_json=as_json)
        return 3 if seen.rejected_count else 0
    following = FollowOptions(follow, every_seconds, every_rows, stream, skip_committed)
    source = following.source(paths)
    with screen_of(context).open() as workspace, progress_line(quiet=as_json) as tell:
        if source is None:
            report = workspace.ingest(table, paths, file_format=file_format, options=_named(option), progress=tell)
        else:
            with stop_on_signal() as stop:
                report = workspace.follow(
                    table,
                    source,
                    file_format=file_format,
                    options=_named(option),
                    pace=following.pace(),
                    around=Around(stop=stop),
                    progress=tell,
                )
    if as_json:
        for sentence in report.notes:
            note(sentence)
    answer(report, render_ingest_report(report), as_json=as_json)
    return 3 if report.rejected_count else 0


def _named(options: list[str] | None) -> dict[str, str]:
    named: dict[str, str] = {}
    for text in options or ():
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise UsageError(f"'{text}' is not name=value.", "For instance: --option snapshot=customers.csv.")
        named[name] = value
    return named


@ledger.command()
def stats(context: typer.Context, as_json: JsonOption = False) -> None:
    """How many accesses, customers, principals and segments there are.

    Example: leaktrace ledger stats --json
    """
    with screen_of(context).open() as workspace:
        counted = workspace.stats()
    answer(counted, render_stats(counted), as_json=as_json)
