"""What people see: whole lines where no screen is, and nothing of a stranger's that acts on one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Group
from rich.errors import MarkupError
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

import leaktrace.cli
from leaktrace.cli.output import say
from leaktrace.report.rule import DimRule
from leaktrace.report.terminal import add_row
from tests.stories.conftest import Library
from tests.stories.desk import Desk

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


def test_a_line_across_is_no_longer_than_a_screen_where_none_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert set(map(len, _said(capsys, Group(DimRule(), Text("short"))))) == {80, 5}
    rule, line = _said(capsys, Group(DimRule(), Text(LONG)))
    assert (len(rule), len(line)) == (80, len(LONG))


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


def test_brackets_in_ids_and_reasons_act_on_no_screen(empty_desk: Desk, tmp_path: Path) -> None:
    table = tmp_path / "[red].csv"
    table.write_text("principal,team\n[/red],[bold]A[/bold]\n", encoding="utf-8")
    empty_desk.json("ingest", "principals", table)
    shown = empty_desk.run("lookup", "[/red]", "--why", "ticket [bold]7[/bold] \x1b[31m")
    assert shown.code == 0
    assert "[/red]" in shown.out
    assert "([bold]A[/bold])" in shown.out
    logged = empty_desk.run("lookups")
    assert logged.code == 0
    assert "[/red]" in logged.out
    assert "ticket [bold]7[/bold]" in logged.out
    assert "\x1b" not in logged.out


def test_a_row_shows_its_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", "what")
    add_row(table, "[/red]", Text("[bold]x", style="bold"))
    assert any("[/red]" in line and "[bold]x" in line for line in _said(capsys, table))
    table.add_row("[/red]", "x")
    with pytest.raises(MarkupError):  # what it is kept from
        say(table)


def test_no_command_gives_a_table_raw_texts() -> None:
    """Cells come through `add_row`, which reads no markup: else a customer's or seller's word acts on the screen."""
    for path in sorted(Path(leaktrace.cli.__file__).parent.glob("*.py")):
        assert "table.add_row(" not in path.read_text(encoding="utf-8"), path.name
