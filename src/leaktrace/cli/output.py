"""How commands speak: JSON or words on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:  # the program's help is written without loading what stands behind the commands
    from leaktrace.ledger import Cost
    from leaktrace.workspace import Workspace

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else.")]
WhyOption = Annotated[str, typer.Option("--why", help="Why you look: written to the look-up log.")]


@dataclass(frozen=True, slots=True)
class Screen:
    """What every command gets from the global options."""

    workspace: Path
    engine: str = "index"
    master: str | None = None
    lake: str | None = None

    def open(self) -> Workspace:
        """The workspace that -w names."""
        from leaktrace.workspace import open_workspace

        return open_workspace(self.workspace, engine=self.engine, master=self.master, lake=self.lake)

    def create(self, path: Path) -> Workspace:
        """A new workspace."""
        from leaktrace.workspace import create

        return create(path, engine=self.engine, master=self.master, lake=self.lake)


def screen_of(context: typer.Context) -> Screen:
    """The global options."""
    screen = context.find_object(Screen)
    assert screen is not None, "the program's callback sets it"  # noqa: S101 - a fault of ours, not of the input
    return screen


def wants_json(arguments: list[str]) -> bool:
    """Whether errors are to be JSON too."""
    return "--json" in arguments


def say(renderable: RenderableType) -> None:
    """Words for people, on stdout; a text is printed as it is, whatever brackets are in it.

    What goes into a file or another program is as wide as it is: a line that was broken to fit a screen that is not
    there finds no `grep`. COLUMNS sets a width all the same.
    """
    console = Console(soft_wrap=False, highlight=False)
    shown = Text(renderable) if isinstance(renderable, str) else renderable
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        whole = console.options.update(width=_WIDEST)
        console.width = max(console.width, Measurement.get(console, whole, shown).maximum)
    console.print(shown)


_WIDEST = 10_000
"""Characters: wider than any line that anybody reads."""


def note(text: str) -> None:
    """A message beside the answer, on stderr."""
    Console(stderr=True, highlight=False).print(text, markup=False, soft_wrap=True)


def answer(record: Any, renderable: RenderableType | None, *, as_json: bool) -> None:
    """The answer of a command: the record as JSON, or its rendering."""
    if as_json:
        from leaktrace.records import to_json

        sys.stdout.write(to_json(record) + "\n")
    elif renderable is not None:
        say(renderable)


def answer_plain(record: Any, text: str, *, as_json: bool) -> None:
    """`answer` for what people copy (keys, signed notes): no line is wrapped, no word is styled."""
    if as_json:
        answer(record, None, as_json=True)
    else:
        sys.stdout.write(text.rstrip("\n") + "\n")


def print_error(message: str, hint: str, *, as_json: bool) -> None:
    """An error: what happened, and what to do next."""
    if as_json:
        sys.stdout.write(json.dumps({"error": {"message": message, "hint": hint}}, ensure_ascii=False) + "\n")
        return
    console = Console(stderr=True, highlight=False)
    console.print(message, markup=False, soft_wrap=True)
    if hint:
        console.print(hint, markup=False, soft_wrap=True)


class _Tell:
    """Turns a room's progress into one line on stderr."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        self._show(what, done, total, f"{done:,}")

    def cost(self, what: str, cost: Cost) -> None:
        """What reading has cost so far; the bar follows the part of the file that was read."""
        share = cost.done_share
        self._show(what, share or 0.0, None if share is None else 1.0, figures_of(cost))

    def _show(self, what: str, done: float, total: float | None, figures: str) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total, figures=figures)
        self._progress.update(self._tasks[what], completed=done, total=total, figures=figures)


def figures_of(cost: Cost) -> str:
    """Rows, rows a second and rejected rows, for the progress line."""
    rejected = f", {cost.rejected_count:,} rejected" if cost.rejected_count else ""
    return f"{cost.row_count:,} rows, {cost.rows_per_second:,.0f} rows/s{rejected}"


@contextmanager
def progress_line(*, quiet: bool = False) -> Iterator[_Tell]:
    """Progress on stderr while something takes long; nothing when stderr is no terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as progress:
        yield _Tell(progress)
