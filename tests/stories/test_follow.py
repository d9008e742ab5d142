"""Somebody follows a log at a terminal: it comes in while it grows, stops when asked, goes on where it stopped."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stories.desk import PROGRAM, Desk

REPORT_KEYS = {
    "table", "accepted_count", "rejected_count", "already_ingested_count", "rejects_file", "notes", "seconds",
    "rows_per_second", "batch_count", "committed_line_count",
}  # fmt: skip


def _lines(*numbers: int) -> str:
    rows = [
        {"at": f"2025-01-01T00:00:{n % 60:02}Z", "principal": "u1", "customer": f"c{n}", "fields": ["email"]}
        for n in numbers
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _start(desk: Desk, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "-w", desk.workspace, *map(str, arguments)],
        env=desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def _wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.1)


def _count(desk: Desk) -> int:
    count: int = desk.json("ledger", "stats")["access_count"]
    return count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_followed_log_is_in_while_it_grows_and_a_signal_ends_it_well(
    empty_desk: Desk, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log.ndjson"
    log.write_text(_lines(1, 2), encoding="utf-8")
    with _start(empty_desk, "ingest", "accesses", log, "--follow", "--every-seconds", "0.1", "--json") as process:
        _wait_until(lambda: _count(empty_desk) == 2)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(_lines(3) + _lines(4)[:20])
        _wait_until(lambda: _count(empty_desk) == 3)
        empty_desk.json("ingest", "sellers", _sellers(tmp_path))  # others may write in between
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    report = json.loads(out)
    assert set(report) == REPORT_KEYS
    assert (report["accepted_count"], report["committed_line_count"], report["rejects_file"]) == (3, 3, None)
    assert report["seconds"] > 0
    assert report["rows_per_second"] > 0
    with log.open("a", encoding="utf-8") as stream:
        stream.write(_lines(4)[20:])
    whole = empty_desk.json("ingest", "accesses", log)
    assert (whole["already_ingested_count"], whole["accepted_count"]) == (3, 1)


def _sellers(tmp_path: Path) -> Path:
    path = tmp_path / "sellers.csv"
    path.write_text("seller,name\ns1,One\n", encoding="utf-8")
    return path


def test_a_producer_may_be_replayed_after_its_reader_was_killed(empty_desk: Desk) -> None:
    arguments = ("ingest", "accesses", "-", "--format", "ndjson", "--follow", "--stream", "crm", "--json")
    with _start(empty_desk, *arguments, "--every-rows", 2, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(_lines(1, 2, 3))
        process.stdin.flush()
        _wait_until(lambda: _count(empty_desk) == 2)
        process.kill()
    ran = empty_desk.program(*arguments, "--skip-committed", input=_lines(1, 2, 3, 4) + "no JSON\n")
    assert ran.returncode == 3, ran
    report = json.loads(ran.stdout)
    assert (report["accepted_count"], report["rejected_count"], report["committed_line_count"]) == (2, 1, 5)
    assert "begins with line 6" in report["notes"][-1]
    assert report["notes"][-1] in " ".join(ran.stderr.split())
    assert _count(empty_desk) == 4


def test_words_say_rows_seconds_and_rows_a_second(empty_desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.ndjson"
    log.write_text(_lines(*range(50)), encoding="utf-8")
    out = empty_desk.run("ingest", "accesses", log).out
    assert "seconds" in out
    assert "rows a second" in out
    ran = empty_desk.program("ingest", "accesses", "-", "--format", "ndjson", "--follow", input=_lines(7))
    assert ran.returncode == 0, ran
    assert "Lines committed in all" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-", "--format", "ndjson"), "with --follow only"),
        (("-", "--follow"), "no name that says its format"),
        (("log.ndjson", "log.ndjson", "--follow"), "One file is followed at a time"),
        ((".", "--follow"), "is a folder"),
        (("log.ndjson", "--follow", "--stream", "x"), "goes on by itself"),
        (("-", "--follow", "--format", "ndjson", "--skip-committed"), "needs the stream's name"),
        (("log.ndjson", "--every-rows", "5"), "go with --follow"),
        (("log.ndjson", "--follow", "--every-rows", "0"), "lies between 1 and"),
        (("log.ndjson", "--follow", "--every-seconds", "-1"), "more than 0"),
        (("log.ndjson", "--follow", "--format", "pgaudit"), "only understood as a whole"),
        (("absent.ndjson", "--follow"), "cannot be read"),
    ],
)
def test_what_does_not_go_together_is_said(
    empty_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.ndjson").write_text(_lines(1), encoding="utf-8")
    told = empty_desk.run("ingest", "accesses", *arguments, "--json").error()
    assert words in told["message"]
    assert told["hint"]
    assert _count(empty_desk) == 0


def test_evidence_is_not_followed(empty_desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "evidence.csv"
    log.write_text("customer,kind\n", encoding="utf-8")
    assert "evidence" in empty_desk.run("ingest", "evidence", log, "--follow", "--json").error()["message"].lower()


def _on_a_terminal(desk: Desk, *arguments: object) -> tuple[int, str]:
    """Exit code, and what the program showed on a terminal that is its stderr."""
    main, other = pty.openpty()
    shown = bytearray()
    with subprocess.Popen(
        [PROGRAM, "-w", desk.workspace, *map(str, arguments)],
        env={**desk.environment(), "TERM": "xterm", "COLUMNS": "160"},
        stdout=subprocess.DEVNULL,
        stderr=other,
    ) as running:
        os.close(other)
        while True:
            try:
                chunk = os.read(main, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not chunk:
                break
            shown += chunk
    os.close(main)
    return running.returncode, shown.decode(errors="replace")


def test_a_terminal_shows_rows_a_second_and_rejects(empty_desk: Desk, tmp_path: Path) -> None:
    log = tmp_path / "log.ndjson"
    log.write_text(_lines(*range(40_000)) + "no JSON\n", encoding="utf-8")
    code, shown = _on_a_terminal(empty_desk, "ingest", "accesses", log)
    assert code == 3
    assert "rows/s" in shown
    assert "1 rejected" in shown
    other = tmp_path / "other.ndjson"
    other.write_text(_lines(*range(40_000, 80_000)), encoding="utf-8")
    assert _on_a_terminal(empty_desk, "ingest", "accesses", other, "--json") == (0, "")
