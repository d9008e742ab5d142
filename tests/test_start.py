"""What the program loads before it answers, what its list of commands says, and how it takes an interruption."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from typing import Any

import pytest
import typer

import leaktrace
from leaktrace.cli.app import app
from leaktrace.cli.commandlist import FAMILIES, CommandList

HEAVY = {
    "altair", "argon2", "babel", "cryptography", "dns", "duckdb", "holidays", "imapclient", "jinja2", "numba", "numpy",
    "pyarrow", "reportlab", "requests", "scipy", "sqlglot", "sqlite3", "tldextract", "urllib3",
}  # fmt: skip
"""Libraries that take longer to load than the answers below take to give."""
_LOADED = """
import sys
sys.argv = ["leaktrace", *{words!r}]
from leaktrace.start import run
try:
    run()
finally:
    import json
    sys.stderr.write(json.dumps(sorted(sys.modules)))
"""


def modules_after(*words: str) -> set[str]:
    """Every module that is loaded when the program ends, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(words=list(words))], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr))


@pytest.mark.parametrize("words", [("--version",), ("--help",), ()])
def test_help_and_version_load_no_library_behind_the_commands(words: tuple[str, ...]) -> None:
    found = modules_after(*words) if words else modules_of_an_import()
    assert not found & HEAVY, found & HEAVY
    assert "leaktrace.workspace" not in found
    assert not [one for one in found if one.startswith("leaktrace.cli.") and one.endswith((".trace", ".tables"))]


def modules_of_an_import() -> set[str]:
    code = "import json, sys, leaktrace; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_a_command_loads_its_own_modules_and_the_list_can_tell() -> None:
    found = modules_after("ledger", "--help")
    assert {"duckdb", "numpy"} <= found
    # Attribution and cases are not behind the ledger's commands.
    assert not [one for one in found if one.startswith(("leaktrace.attribution", "leaktrace.casedesk.desk", "altair"))]


def test_the_list_says_what_the_commands_say() -> None:
    program: Any = typer.main.get_command(app)
    assert isinstance(program, CommandList)
    listed = {name: command.help for name, command in program.commands.items()}
    program.load_all()
    assert list(program.commands) == list(listed)
    for name, command in program.commands.items():
        first = inspect.cleandoc(command.help or "").split("\n\n", 1)[0].replace("\n", " ")
        assert listed[name] == first, name
        assert not command.hidden
    # Every command of the modules is listed.
    loaded = {name for family in FAMILIES for name in family.commands}
    assert loaded == set(program.commands)


def test_a_misspelt_command_gets_the_closest_name() -> None:
    done = subprocess.run([sys.executable, "-m", "leaktrace", "trase"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean 'trace'" in done.stderr


def test_every_public_name_is_there_and_others_are_not() -> None:
    for name in leaktrace.__all__:
        assert getattr(leaktrace, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = leaktrace.no_such_name  # type: ignore[attr-defined]


_INTERRUPTED = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{signal})

sys.meta_path.insert(0, Finder())
sys.argv = ["leaktrace", "-w", "/nowhere", "ledger", "stats"]
{run}
"""
_START = "from leaktrace.start import run\nrun()"


@pytest.mark.parametrize(("name", "code", "word"), [("SIGINT", 130, "Interrupted;"), ("SIGTERM", 143, "Terminated;")])
@pytest.mark.parametrize("module", ["typer", "leaktrace.cli.app", "leaktrace.workspace", "duckdb", "numba", "pyarrow"])
def test_a_signal_while_libraries_load_is_one_line_and_its_code(module: str, name: str, code: int, word: str) -> None:
    done = _interrupted(module, _START, name)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith(word)
    assert not done.stdout


def test_a_sigterm_that_who_starts_us_ignores_stays_ignored() -> None:
    ignoring = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    done = _interrupted("duckdb", ignoring + _START, "SIGTERM")
    assert done.returncode == 2, done.stderr
    assert "/nowhere" in done.stderr


def test_without_the_guard_it_is_a_traceback() -> None:
    done = _interrupted("typer", "from leaktrace.cli.app import run\nrun()")
    assert "Traceback" in done.stderr


def _interrupted(module: str, run: str, name: str = "SIGINT") -> subprocess.CompletedProcess[str]:
    code = _INTERRUPTED.format(module=module, run=run, signal=name)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


_BROKEN = """
import sys
from leaktrace.cli.app import run

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "leaktrace.workspace":
            raise ValueError("ada@example.org is no number")

sys.meta_path.insert(0, Finder())
sys.argv = ["leaktrace", "-w", "/nowhere", "ledger", "stats", *OPTIONS]
run()
"""


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_mistake_of_ours_is_told_as_one_and_shows_nobodys_data(options: list[str]) -> None:
    code = _BROKEN.replace("OPTIONS", repr(options))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    told = done.stdout if options else done.stderr
    assert "leaktrace itself failed (ValueError in <string>, line 8)" in told
    assert "ada@example.org" not in done.stdout + done.stderr
    assert not options or set(json.loads(done.stdout)["error"]) == {"message", "hint"}
    environment = {**os.environ, "LEAKTRACE_TRACEBACK": "1"}
    asked = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" in asked.stderr
