"""The program: global options, exit codes and how errors are told (DESIGN 4.3)."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from leaktrace.cli.commandlist import CommandList
from leaktrace.cli.output import Screen, note, print_error, wants_json
from leaktrace.cli.textgiven import NOT_TEXT_HINT, as_text
from leaktrace.cli.variables import misspelt
from leaktrace.errors import LeaktraceError
from leaktrace.settings import ENGINES
from leaktrace.start import EXIT_INTERRUPTED, EXIT_TERMINATED, Terminated
from leaktrace.utf8 import is_text
from leaktrace.version import __version__

EXIT_DONE = 0
EXIT_BAD = 2
_ENDED_BY_SIGNAL = {EXIT_INTERRUPTED: "Interrupted", EXIT_TERMINATED: "Terminated"}

app = typer.Typer(
    name="leaktrace",
    cls=CommandList,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who inside gave customers' addresses to a seller, or that nobody did.\n\n"
    "Start with: leaktrace demo. On your own logs: leaktrace init, ingest, mail, campaigns, trace.",
)


def _version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"leaktrace {__version__}")
        raise typer.Exit


@app.callback()
def program(
    context: typer.Context,
    workspace: Annotated[
        Path,
        typer.Option(
            "-w",
            "--workspace",
            envvar="LEAKTRACE_WORKSPACE",
            help="Folder of the workspace.",
            show_default=True,
        ),
    ] = Path("leaktrace-ws"),
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            envvar="LEAKTRACE_ENGINE",
            help=f"What answers questions of the ledger: {' or '.join(ENGINES)}. The answers are the same. "
            "Example: leaktrace --engine spark --master spark://host:7077 ledger stats.",
        ),
    ] = ENGINES[0],
    master: Annotated[
        str | None,
        typer.Option(
            "--master",
            envvar="LEAKTRACE_MASTER",
            help="URL of the Spark cluster, as spark://host:7077, for --engine spark; without it, this machine.",
        ),
    ] = None,
    lake: Annotated[
        str | None,
        typer.Option(
            "--lake",
            envvar="LEAKTRACE_LAKE",
            help="URL of a copy of the workspace's ledger/lake for --engine spark, as s3a://bucket/lake; without it "
            "every worker must see the folder itself.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=lambda value: _version(asked=value), is_eager=True, help="The version."),
    ] = False,
) -> None:
    """Who inside gave customers' addresses to a seller, or that nobody did."""
    del version
    for name, likely in misspelt(os.environ):
        note(f"{name} is no variable of leaktrace and is not read. Did you mean {likely}?")
    context.obj = Screen(workspace=workspace, engine=engine, master=master, lake=lake)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit code. Bad input ends in a sentence, never in a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    as_json = wants_json(given)
    try:
        outcome = app(args=[as_text(word) for word in given], prog_name="leaktrace", standalone_mode=False)
    except LeaktraceError as error:
        print_error(error.message, error.hint, as_json=as_json)
        return EXIT_BAD
    except TyperException as error:
        if told := error.format_message():
            context = getattr(error, "ctx", None)
            command = "leaktrace" if context is None else context.command_path
            print_error(_sentence(told), f"See: {command} --help.", as_json=as_json)
        return EXIT_BAD
    except (typer.Abort, KeyboardInterrupt):
        outcome = EXIT_INTERRUPTED
    except Terminated:
        outcome = EXIT_TERMINATED
    except (BrokenPipeError, SystemExit):
        # Typer itself leaves with 1 where nobody reads stdout any more.
        return EXIT_BAD
    except OSError as error:
        print_error(*_told(error), as_json=as_json)
        return EXIT_BAD
    except UnicodeEncodeError:
        # A file's name may be any bytes; a name that is looked up or written down may not.
        if all(map(is_text, given)):
            raise
        print_error("A word of the command is no UTF-8 text.", NOT_TEXT_HINT, as_json=as_json)
        return EXIT_BAD
    if outcome in _ENDED_BY_SIGNAL:  # Typer turns Ctrl-C into its code, and says nothing
        what = f"{_ENDED_BY_SIGNAL[outcome]}; what was committed before stays. Run it again to go on."
        print_error(what, "", as_json=as_json)
    return outcome if isinstance(outcome, int) else EXIT_DONE


def run() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 whatever the terminal speaks (RFC 8259, section 8.1); a file's name may be no text at all.
        sys.stdout.reconfigure(encoding="utf-8" if wants_json(sys.argv) else None, errors="backslashreplace")
    try:
        code = main()
    except Exception as error:
        # Nothing that is handed in leads here; where our own mistake does, programs get an answer in their form too.
        if os.environ.get("LEAKTRACE_TRACEBACK", "0") not in ("", "0"):
            raise
        print_error(*_own_mistake(error), as_json=wants_json(sys.argv))
        code = EXIT_BAD
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough; else the interpreter would complain when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_BAD
    sys.exit(code)


def _own_mistake(error: Exception) -> tuple[str, str]:
    """Where it happened, without the error's own text: that may hold somebody's data."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for this.", "Give it more, or less at once; what was committed before stays."
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return (
        f"leaktrace itself failed ({type(error).__name__} in {where}): its mistake, not yours.",
        "Set LEAKTRACE_TRACEBACK=1, run it again and report what it prints, once it shows nobody's data.",
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _told(error: OSError) -> tuple[str, str]:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"{where}the disk is full.", "Free some space and run it again; nothing was left half-written."
    if error.errno == errno.EROFS:
        return f"{where}the disk is read-only.", "Mount it for writing, or use a workspace elsewhere."
    return f"{where}{error.strerror or error}.", "Check the path and its rights."
