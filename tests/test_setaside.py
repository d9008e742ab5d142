"""The rejects file of a mailbox: each message once, by whomever, and whole lines whatever happens in between."""

from __future__ import annotations

import json
import multiprocessing
import resource
from pathlib import Path

import pytest

from leaktrace.keys import Keyring
from leaktrace.setaside import MailRejects, Rejected

KEYRING = Keyring(bytes(range(32)), "ws-test")


def rejected(numbers: range) -> dict[str, Rejected]:
    return {f"{n:064x}": (Path("box.mbox"), {"byte": n, "sha256": f"{n:064x}", "reason": "too deep"}) for n in numbers}


def lines(path: Path) -> list[int]:
    return [json.loads(line)["byte"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_stands_in_it_once_whatever_process_adds_it(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    one, other = MailRejects(path, KEYRING), MailRejects(path, KEYRING)
    one.add(rejected(range(3)))
    other.add(rejected(range(5)))
    one.add(rejected(range(4, 7)))
    assert lines(path) == list(range(7))
    assert path.stat().st_mode & 0o777 == 0o600


def _add_many(path: Path, first: int) -> None:
    rejects = MailRejects(path, KEYRING)
    for start in range(first, first + 300, 10):
        rejects.add(rejected(range(start, start + 15)))


def test_two_processes_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_add_many, args=(path, first)) for first in (0, 150)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0, 0]
    assert sorted(lines(path)) == list(range(455))


def test_what_a_kill_left_of_a_line_goes_and_strange_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    MailRejects(path, KEYRING).add(rejected(range(2)))
    with path.open("ab") as stream:
        stream.write(b'"a note"\n{"file": "box.mb')
    MailRejects(path, KEYRING).add(rejected(range(3)))
    written = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["byte"] for line in written if line.startswith("{")] == [0, 1, 2]
    assert written[2] == '"a note"'


def test_somebody_takes_the_file_away(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    rejects = MailRejects(path, KEYRING)
    rejects.add(rejected(range(3)))
    path.unlink()
    rejects.add(rejected(range(2)))
    assert lines(path) == [0, 1]


def _add_to_a_full_disk(path: Path) -> None:
    size = path.stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
    with pytest.raises(OSError, match="too large"):
        MailRejects(path, KEYRING).add(rejected(range(2, 9)))


def test_a_disk_that_takes_no_more_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "rejects.ndjson"
    MailRejects(path, KEYRING).add(rejected(range(2)))
    before = path.read_bytes()
    process = multiprocessing.get_context("spawn").Process(target=_add_to_a_full_disk, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert path.read_bytes() == before
