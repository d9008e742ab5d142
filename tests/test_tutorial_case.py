"""The tutorial on cases: each of its commands runs, ends as it says, and what it shows is what comes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from docs.systems import running

from leaktrace.cli.app import main
from tests.test_tutorial import plain

ROOT = Path(__file__).parent.parent
TUTORIAL = ROOT / "docs" / "tutorial-case.md"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MADE_ANEW = re.compile(r"\b(?:(?P<case>K-[a-z0-9]{8})|(?P<mark>P-[a-z0-9]{4,})|(?P<digest>[0-9a-f]{64}))\b")
"""Names that are others in every workspace."""
_LOOKS = {"case": r"K-[a-z0-9]{8}", "mark": r"P-[a-z0-9]{4,}", "digest": "[0-9a-f]{64}"}
_EXIT = re.compile(r" # exit (\d)$")


@dataclass
class Names:
    """What the page's names are called in this run: learnt where a shown line has one for the first time."""

    known: dict[str, str] = field(default_factory=dict)

    def in_command(self, command: str) -> str:
        """The command with this run's names; KeyError for a name that nothing has shown yet."""
        return _MADE_ANEW.sub(lambda found: self.known[found.group()], command)

    def learn_from(self, line: str, told: str) -> bool:
        """Whether a shown line is in what was told; `...` stands for what differs."""
        shown, pattern, place = plain(line), "", 0
        new: list[str] = []
        for found in _MADE_ANEW.finditer(shown):
            pattern += _loosely(shown[place : found.start()])
            name, place = found.group(), found.end()
            if name in self.known:
                pattern += re.escape(self.known[name])
            else:
                new.append(name)
                pattern += f"({_LOOKS[str(found.lastgroup)]})"
        match = re.search(pattern + _loosely(shown[place:]), plain(told))
        if match is not None:
            self.known.update(zip(new, match.groups(), strict=True))
        return match is not None


def _loosely(text: str) -> str:
    return ".*?".join(re.escape(part) for part in text.split("..."))


def blocks_of(markdown: str) -> Iterator[tuple[str, list[str]]]:
    """(language, lines) of each block."""
    for language, body in _BLOCK.findall(markdown):
        yield language, [line.strip() for line in body.splitlines() if line.strip()]


@dataclass
class Reader:
    """Somebody who types what the page says."""

    stack: ExitStack
    capsys: pytest.CaptureFixture[str]
    names: Names = field(default_factory=Names)
    told: str = ""

    def type(self, line: str) -> None:
        """Runs one command; its exit code is the one that stands behind it, else 0."""
        expected = int(found.group(1)) if (found := _EXIT.search(line)) else 0
        program, *arguments = shlex.split(self.names.in_command(_EXIT.sub("", line)))
        if program == "python":
            code, told = _python(arguments)
        else:
            assert program == "leaktrace", line
            code = main(arguments)
            output = self.capsys.readouterr()
            told = f" {output.out} {output.err}"
        assert code == expected, f"{line}: {code}, {told}"
        self.told += told

    def start(self, line: str) -> None:
        """What the page lets run in another terminal."""
        words = shlex.split(line)
        if words[:3] == ["python", "-m", "docs.systems"]:
            self.stack.enter_context(running(*(Path(one) for one in words[3:])))


def _python(arguments: list[str]) -> tuple[int, str]:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, f" {done.stdout} {done.stderr}"


def test_the_tutorial_on_cases_shows_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    monkeypatch.chdir(tmp_path)
    for name in (
        "LEAKTRACE_KEY_FILE",
        "LEAKTRACE_PERSON",
        "LEAKTRACE_PERSON_KEY",
        "LEAKTRACE_CONTAIN",
        "LEAKTRACE_GATE",
    ):
        monkeypatch.delenv(name, raising=False)
    here = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "home" / "config")}
    for name, value in {**here, "LEAKTRACE_WORKSPACE": "incident", "COLUMNS": "300", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    typed = 0
    with ExitStack() as stack:
        reader = Reader(stack, capsys)
        for language, lines in blocks_of(TUTORIAL.read_text(encoding="utf-8")):
            if language == "sh":
                reader.told = ""
                for line in lines:
                    reader.type(line)
                    typed += 1
            elif language == "text":
                for line in lines:
                    assert reader.names.learn_from(line, reader.told), f"{line!r} not in\n{reader.told}"
            else:
                for line in lines:
                    reader.start(line)
    assert typed > 40
    assert (tmp_path / "evidence" / "data" / "cover.pdf").read_bytes().startswith(b"%PDF")


def test_a_wrong_line_or_name_would_be_noticed() -> None:
    names = Names()
    assert names.learn_from("K-aaaaaaa1  A title", "│ K-bbbbbbb2 │ A title │")
    assert names.in_command("case show K-aaaaaaa1") == "case show K-bbbbbbb2"
    assert names.learn_from("about P-fww2: ... K-aaaaaaa1", "about P-9xyz2: all of it K-bbbbbbb2")
    assert not names.learn_from("about P-fww2", "about P-other")
    assert not names.learn_from("K-aaaaaaa1", "K-ccccccc3")
    assert not names.learn_from("5 mails", "6 mails")
    with pytest.raises(KeyError):
        names.in_command("case show K-zzzzzzz9")
