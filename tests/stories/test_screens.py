"""What people see: whole lines where no screen is, and nothing of a stranger's that acts on one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from leaktrace.cli.output import say
from tests.stories.conftest import Library

LONG = "word " * 60 + "end"


def _said(capsys: pytest.CaptureFixture[str], renderable: object) -> list[str]:
    say(renderable)  # type: ignore[arg-type]
    return capsys.readouterr().out.splitlines()


def test_nothing_is_wrapped_where_no_screen_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table("name", "what")
    table.add_row("one", LONG)
    found = _said(capsys, Group(Rule(), Text(LONG), table))
    assert sum("word" in line for line in found) == 2
    assert all("end" in line for line in found if "word" in line)
    assert max(map(len, found)) < len(LONG) + 40  # the rule is as long as what it is over, no longer
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, _said(capsys, table))) <= 80


def test_brackets_in_a_text_are_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    assert _said(capsys, "Written to [red]out[/red]/x.") == ["Written to [red]out[/red]/x."]


def test_a_subject_acts_on_no_screen_and_stays_on_its_line(tmp_path: Path) -> None:
    subject = b"=?utf-8?q?=1B=5B31m=5Bred=5D?= " + b"X" * 120
    inner = b"From: shop@evil.example\r\nTo: c@example.org\r\nSubject: " + subject + b"\r\n"
    raw = (
        b"From: c@example.org\r\nTo: abuse@market.example\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner + b"\r\nBuy.\r\n--b--\r\n"
    )  # fmt: skip
    path = tmp_path / "mail.eml"
    path.write_bytes(raw)
    done = subprocess.run(
        [sys.executable, "-m", "leaktrace", "mail", "--inspect", path],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "evil.example" in line]
    assert "[31m[red] " + "X" * 120 + "'" in line


def test_a_piped_table_is_whole(stories: Library) -> None:
    told = stories("one")
    done = told.desk.program("campaigns")
    assert done.returncode == 0
    listed = told.desk.json("campaigns")
    for one in listed:
        (line,) = [line for line in done.stdout.splitlines() if one["campaign"] in line]
        assert one["seller"] is None or one["seller"] in line
