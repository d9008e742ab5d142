"""Somebody at a terminal: runs the program in this process or as installed, with a key folder of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from leaktrace.cli import main

PROGRAM = Path(sys.executable).with_name("leaktrace")
"""The installed console script."""
TABLES = {
    "principals": "principals.csv",
    "sellers": "sellers.csv",
    "customers": "customers.parquet",
    "contacts": "contacts.parquet",
    "accesses": "accesses",
}
"""Table -> what `simulate` writes it to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """The one JSON document that stdout holds."""
        return json.loads(self.out)

    def error(self) -> dict[str, str]:
        """What a command with --json says of an error: two sentences, exit code 2, nothing else."""
        assert self.code == 2, self
        document = self.document()
        assert set(document) == {"error"}, document
        assert set(document["error"]) == {"message", "hint"}, document
        assert "Traceback" not in self.err, self.err
        told: dict[str, str] = document["error"]
        return told


@dataclass(frozen=True, slots=True)
class Desk:
    """A workspace as the command line reaches it."""

    workspace: Path
    config: Path
    key_file: Path | None = None
    """LEAKTRACE_KEY_FILE; null: not set."""

    def environment(self) -> dict[str, str]:
        """The environment of a command, without what this machine's user has set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LEAKTRACE_", "COV_"))}
        named = {} if self.key_file is None else {"LEAKTRACE_KEY_FILE": str(self.key_file)}
        return {**kept, "XDG_CONFIG_HOME": str(self.config), "LEAKTRACE_TRACEBACK": "1", **named}

    def run(self, *arguments: object) -> Answer:
        """Runs a command in this process; anything but an exit code is a defect and is raised here."""
        given = ["-w", str(self.workspace), *map(str, arguments)]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as streams:
            for name in [name for name in os.environ if name.startswith("LEAKTRACE_")]:
                patch.delenv(name)
            patch.setenv("XDG_CONFIG_HOME", str(self.config))
            patch.setenv("COLUMNS", "200")
            if self.key_file is not None:
                patch.setenv("LEAKTRACE_KEY_FILE", str(self.key_file))
            streams.enter_context(contextlib.redirect_stdout(out))
            streams.enter_context(contextlib.redirect_stderr(err))
            code = main(given)
        return Answer(code, out.getvalue(), err.getvalue())

    def json(self, *arguments: object) -> Any:
        """The JSON of a command that must succeed."""
        answer = self.run(*arguments, "--json")
        assert answer.code == 0, answer
        return answer.document()

    def program(
        self, *arguments: object, before: tuple[str, ...] = (), **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs the installed program in a process of its own, started by the program `before` if there is one."""
        return subprocess.run(
            [*before, PROGRAM, "-w", self.workspace, *map(str, arguments)],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def fill(self, market: Path) -> None:
        """Makes the workspace and takes a simulated marketplace in."""
        self.json("init")
        for table, name in TABLES.items():
            self.json("ingest", table, market / name)
        self.json("mail", market / "abuse.mbox")

    def main_campaign(self) -> str:
        """The campaign with the most reports."""
        campaign: str = self.json("campaigns")[0]["campaign"]
        return campaign

    def copy_to(self, workspace: Path) -> Desk:
        """The same workspace in another place, same key."""
        shutil.copytree(self.workspace, workspace)
        return replace(self, workspace=workspace)
