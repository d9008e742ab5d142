"""Words that are no UTF-8 text, from a terminal of another encoding or a file: a sentence, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.desk import Desk
from tests.stories.test_case import staffed

LATIN1 = "L\udcf6sung"
"""What Python makes of the bytes of a word in Latin-1."""


@pytest.mark.parametrize(
    "words",
    [
        ("campaigns", "merge", "c-1", "c-2", "--why", LATIN1),
        ("case", "note", "K-1", LATIN1, "--as", "ina"),
        ("case", "open", f"--title={LATIN1}", "--as", "ina"),
        ("case", "open", "--tip", LATIN1, "--as", "ina"),
        ("ledger", "hold", LATIN1, "--all"),
        ("lookup", "u1", "--why", LATIN1),
    ],
)
def test_a_word_in_another_encoding_is_told_as_that(words: tuple[str, ...], empty_desk: Desk) -> None:
    staffed(empty_desk)
    told = empty_desk.run(*words, "--json").error()
    assert told["message"].endswith("L\\udcf6sung' is no UTF-8 text.")
    assert "UTF-8" in told["hint"]
    assert not empty_desk.json("lookups")["entries"]


def test_a_file_whose_name_is_no_text(empty_desk: Desk, tmp_path: Path) -> None:
    """A table cannot be opened under such a name, and that is said; a mail can."""
    file = tmp_path / "log" / f"{LATIN1}.csv"
    file.parent.mkdir()
    file.write_text("principal\nu1\n", encoding="utf-8")
    for named in (file, file.parent):
        for command in (("ingest", "principals", named), ("ingest", "principals", named, "--preview")):
            told = empty_desk.run(*command, "--json").error()
            assert (told["message"].endswith("sung.csv is no UTF-8 text."), "Rename" in told["hint"]) == (True, True)
    mail = tmp_path / f"{LATIN1}.eml"
    mail.write_bytes(b"From: a@b.example\nSubject: x\n\nBuy now\n")
    assert empty_desk.json("mail", mail)["message_count"] == 1


def test_a_workspace_whose_name_is_no_text_is_refused(empty_desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / LATIN1
    folder.mkdir()
    for command in ("init", "campaigns"):
        told = Desk(folder, empty_desk.config).run(command, "--json").error()
        assert "is no UTF-8 text" in told["message"]


@pytest.mark.parametrize("words", [("case", "note", "K-1", "-"), ("case", "open", "--tip", "-")])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_bytes_from_a_pipe_that_are_no_text_are_told(words: tuple[str, ...], locale: str, empty_desk: Desk) -> None:
    staffed(empty_desk)
    done = _program(empty_desk, *words, "--as", "ina", given=b"L\xf6sung", variables={"LC_ALL": locale})
    assert done.returncode == 2
    assert b"no UTF-8 text" in done.stderr


def test_a_terminal_without_utf8_gets_plain_lines_and_its_words_are_kept(desk: Desk) -> None:
    """LC_ALL=C, and Python told not to take UTF-8 for it: a rule of hyphens, and the why as it was typed."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "60"}
    done = _program(desk, "trace", desk.main_campaign(), "--why", "für später".encode(), variables=plain)
    assert done.stdout.splitlines()[0] == b"-" * 60
    assert desk.json("lookups")["entries"][-1]["why"] == "für später"


def _program(
    desk: Desk, *words: str | bytes, variables: dict[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "leaktrace", "-w", os.fspath(desk.workspace), *words]
    environment = {**desk.environment(), "LEAKTRACE_TRACEBACK": "0", **variables}
    return subprocess.run(command, env=environment, input=given, capture_output=True, timeout=120, check=False)
