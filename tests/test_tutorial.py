"""The tutorial is what a new user gets: each of its commands runs, and what it shows is what comes."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from leaktrace.cli.app import main

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """Commands, and the lines shown after them."""

    commands: tuple[str, ...]
    shown: tuple[str, ...]


def steps_of(markdown: str) -> list[Step]:
    steps: list[Step] = []
    for language, body in _BLOCK.findall(markdown):
        lines = tuple(line.strip() for line in body.splitlines() if line.strip())
        if language == "sh":
            steps.append(Step(lines, ()))
        elif language == "text":
            steps[-1] = Step(steps[-1].commands, lines)
    return steps


def plain(text: str) -> str:
    """Words alone: no frames of tables, however the lines are broken."""
    return " ".join(re.sub("[─-╿]", " ", text).split())


def pattern_of(line: str) -> str:
    """A shown line as an expression; `...` stands for what differs from machine to machine."""
    return ".*".join(re.escape(plain(part)) for part in line.split("..."))


def test_the_tutorial_shows_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "assets").symlink_to(ROOT / "tests" / "assets")
    monkeypatch.chdir(tmp_path)
    for name in ("LEAKTRACE_WORKSPACE", "LEAKTRACE_KEY_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(tmp_path / "home"), "COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    steps = steps_of(TUTORIAL.read_text(encoding="utf-8"))
    assert sum(len(step.commands) for step in steps) >= 10
    for step in steps:
        told = ""
        for command in step.commands:
            program, *arguments = shlex.split(command)
            assert program == "leaktrace", command
            code = main(arguments)
            output = capsys.readouterr()
            assert code == 0, f"{command}: {output.err}"
            told += f" {output.out} {output.err}"
        for line in step.shown:
            assert re.search(pattern_of(line), plain(told)), f"after {step.commands[-1]!r}: {line!r} not in\n{told}"
    assert (tmp_path / "finding.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list((tmp_path / "home" / ".config" / "leaktrace" / "keys").glob("*.key"))


def test_a_wrong_line_would_be_noticed() -> None:
    steps = steps_of("```sh\na\nb\n```\n\n```text\nRows taken   51\nkey is ... Back it up\n```\n")
    assert steps == [Step(("a", "b"), ("Rows taken   51", "key is ... Back it up"))]
    assert re.search(pattern_of(steps[0].shown[0]), plain("│ Rows taken │ 51 │"))
    assert not re.search(pattern_of(steps[0].shown[0]), plain("Rows taken 5"))
    assert re.search(pattern_of(steps[0].shown[1]), "Its key is /somewhere. Back it up now")
