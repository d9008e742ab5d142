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
PERCENT_TOLERANCE = 4
"""Points by which a shown percentage may be off before the page has to be written anew."""
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


def is_in(line: str, told: str) -> bool:
    """Whether a shown line is in what was told; `...` stands for what differs from machine to machine."""
    pattern = ".*?".join(re.escape(plain(part)) for part in line.split("..."))
    pattern = re.sub(r"(?<![\d.])\d+(?=\\ %)", r"(\\d+)", pattern)
    shown = [int(number) for number in re.findall(r"(?<![\d.])\d+(?= %)", line)]
    return any(
        all(
            abs(int(number) - wanted) <= PERCENT_TOLERANCE for number, wanted in zip(match.groups(), shown, strict=True)
        )
        for match in re.finditer(pattern, plain(told))
    )


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
            assert is_in(line, told), f"after {step.commands[-1]!r}: {line!r} not in\n{told}"
    assert (tmp_path / "finding.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list((tmp_path / "home" / ".config" / "leaktrace" / "keys").glob("*.key"))


def test_a_wrong_line_would_be_noticed() -> None:
    steps = steps_of("```sh\na\nb\n```\n\n```text\nRows taken   51\nkey is ... Back it up\n```\n")
    assert steps == [Step(("a", "b"), ("Rows taken   51", "key is ... Back it up"))]
    assert is_in(steps[0].shown[0], "│ Rows taken │ 51 │")
    assert not is_in(steps[0].shown[0], "Rows taken 5")
    assert is_in(steps[0].shown[1], "Its key is /somewhere. Back it up now")
    assert is_in("a chance of 37 % here", "a chance  of 38 % here")
    assert not is_in("a chance of 37 % here", "a chance of 57 % here")
    assert not is_in("a name needs 99 %", "a name needs less")
