"""case exposure, exhibits, exhibit: whose data it is about, and what was taken into evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from leaktrace.caserecords import ExposureFrozen
from leaktrace.cli.acting import KeyOption, PasswordOption, PersonOption, desk_of
from leaktrace.cli.case import CaseArgument, case
from leaktrace.cli.caseshown import render_exposure, render_facts
from leaktrace.cli.output import JsonOption, answer
from leaktrace.cli.targets import check_new
from leaktrace.cli.textgiven import bytes_of
from leaktrace.errors import UsageError
from leaktrace.report import words
from leaktrace.report.terminal import add_row
from leaktrace.wholefiles import write_new


def register(app: typer.Typer) -> None:
    """Adds this group's commands to those of `case`."""
    del app  # they stand below `case`
    for command in (exposure, exhibits, exhibit):
        case.command()(command)


def exposure(
    context: typer.Context,
    case: CaseArgument,
    freeze: Annotated[bool, typer.Option("--freeze", help="Fix it: sealed evidence, its digest in the log.")] = False,
    rows: Annotated[bool, typer.Option("--rows", help="The frozen list itself, by pseudonym; it is logged.")] = False,
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Whose data, which fields, how sure; whether "only e-mail addresses" may be said; for approvers, as frozen.

    Example: leaktrace case exposure K-3f2a9c1d --freeze --as ina
    """
    if freeze and rows:
        raise UsageError("Freeze it, or look at the frozen one.", "--freeze or --rows.")
    with desk_of(context, person, key, by_password=password) as desk:
        if rows:
            found = desk.read_exposure(case)
            answer(found, render_facts(found), as_json=as_json)
            return
        if freeze:
            frozen: ExposureFrozen | None = desk.freeze_exposure(case)
            summary = desk.frozen_summary(case)
        else:
            summary, frozen = desk.shown_exposure(case)
        earlier = desk.work.show(case).exposure
    answer({"frozen": frozen, "summary": summary}, render_exposure(frozen, earlier, summary), as_json=as_json)


def exhibits(
    context: typer.Context,
    case: CaseArgument,
    add: Annotated[Path | None, typer.Option("--add", help="Take the bytes of this file into evidence.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="With --add: mail, tip, document, other, …")] = "document",
    title: Annotated[str, typer.Option("--title", help="With --add: what it is. The file's name is not kept.")] = "",
    media_type: Annotated[str, typer.Option("--media-type", help="With --add.")] = "application/octet-stream",
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the exhibits of a case, or take a file into evidence.

    Example: leaktrace case exhibits K-3f2a9c1d --add press.pdf --title "Press report" --as ina
    """
    with desk_of(context, person, key, by_password=password) as desk:
        if add is not None:
            from leaktrace.cases.exhibits import CEILING_BYTES  # loaded with the desk

            if not title.strip():
                raise UsageError("An exhibit has a title.", "Say what it is: --title, in words that name nobody.")
            desk.work.store_exhibit(case, kind, title, bytes_of(add, CEILING_BYTES), media_type)
        found = desk.work.exhibits(case)
    table = Table("exhibit", "kind", "title", "size", "sha256")
    for one in found:
        add_row(table, one.exhibit, one.kind, one.title, words.size(one.size_bytes), one.sha256[:16])
    answer(found, table, as_json=as_json)


def exhibit(
    context: typer.Context,
    case: CaseArgument,
    number: Annotated[str, typer.Argument(help="E-….")],
    out: Annotated[Path, typer.Option("--out", help="File to write it to; it must not exist.")],
    person: PersonOption = None,
    key: KeyOption = None,
    password: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write an exhibit to a file; findings and exposure lists with pseudonyms, other sealed ones not at all. Logged.

    Example: leaktrace case exhibit K-3f2a9c1d E-0003 --out statement.txt --as ina
    """
    check_new(out)
    with desk_of(context, person, key, by_password=password) as desk:
        content = desk.read_exhibit(case, number)
    write_new(out, content)
    answer({"exhibit": number, "file": str(out), "size_bytes": len(content)}, f"Written to {out}.", as_json=as_json)
