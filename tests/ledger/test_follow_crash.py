"""Kills of a follower at random moments, a full disk: no line is lost, none is taken twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger import Pace
from tests.ledger.crashing_follow import follow_until_killed
from tests.ledger.following import append, follow, lines, numbers_in, source_rows
from tests.ledger.old_catalogues import turn_back
from tests.ledger.small_ledgers import files_under, open_ledger, write_text

KILLS = 24
BAD = "this line is no row\n"


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start fast: their imports are done once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.ledger.crashing_follow"])
    return context


class Log:
    """A log that grows in pieces that end anywhere, and is rotated now and then."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.bad_count, self.generation_rows = path, 0, 0, [0]
        self._waiting = b""
        self._rotations = 0
        write_text(path, "")

    def grow(self, rng: np.random.Generator) -> None:
        """Writes some of the next lines, the last of them perhaps not to its end."""
        count = int(rng.integers(5, 40))
        self._waiting += lines(*range(self.count, self.count + count)).encode()
        self.count += count
        self.generation_rows[-1] += count
        if rng.random() < 0.2:
            self._waiting += BAD.encode()
            self.bad_count += 1
            self.generation_rows[-1] += 1
        cut = len(self._waiting) - int(rng.integers(0, 60))
        append(self.path, self._waiting[:cut])()
        self._waiting = self._waiting[cut:]

    def end_line(self) -> None:
        """Writes what is left of the last line."""
        append(self.path, self._waiting)()
        self._waiting = b""

    def rotate(self) -> None:
        """As logrotate does it with `create`."""
        self.end_line()
        self._rotations += 1
        self.path.rename(self.path.with_name(f"{self.path.name}-{self._rotations}"))
        write_text(self.path, "")
        self.generation_rows.append(0)


def test_kills_at_random_moments_lose_and_double_no_line(tmp_path: Path, processes: ForkServerContext) -> None:
    rng = np.random.default_rng(20250301)
    log, folder = Log(tmp_path / "log.ndjson"), tmp_path / "ledger"
    open_ledger(folder).close()
    progressed = 0
    for kill in range(KILLS):
        at_work, took_rows = processes.Event(), processes.Event()
        process = processes.Process(target=follow_until_killed, args=(str(folder), str(log.path), at_work, took_rows))
        process.start()
        log.grow(rng)
        assert (took_rows if kill % 2 == 0 else at_work).wait(60)
        until = time.monotonic() + float(rng.uniform(0.0, 0.5))
        while time.monotonic() < until:
            log.grow(rng)
            time.sleep(0.03)
        if kill % 6 == 5 and progressed:
            log.rotate()
            time.sleep(float(rng.uniform(0.0, 0.3)))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with open_ledger(folder) as ledger:
            found = numbers_in(ledger)
            progressed += bool(found) and found[-1] + 1 < log.count
            assert found == list(range(len(found))), "lines are taken in their order, none twice"
    log.end_line()
    assert progressed >= KILLS // 2, "the kills met a follower that had something left to do"
    with open_ledger(folder) as ledger:
        follow(ledger, log.path, *[lambda: None] * 6)
        assert numbers_in(ledger) == list(range(log.count))
        assert ledger.stats().rejected_count == log.bad_count
        told = [line for path in (folder / "rejects").iterdir() for line in path.read_text().splitlines()]
        assert len(told) == log.bad_count
        for path in (one for one in tmp_path.glob("log.ndjson*") if one.stat().st_size):
            assert ledger.ingest("accesses", [path], file_format="ndjson").accepted_count == 0
    rows = [row for count in log.generation_rows for row in range(1, count + 1)]
    assert len(source_rows(folder)) == len(rows) - log.bad_count
    assert set(source_rows(folder)) <= set(rows)
    assert not any((folder / "tmp").rglob("*lines*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for little; skipped where we may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=700k,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_it_and_it_goes_on_once_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", lines(*range(30_000)))
    pace = Pace(every_rows=2000)
    with open_ledger(small_disk / "ledger") as ledger:
        with pytest.raises(LedgerError) as caught:
            follow(ledger, log, pace=pace)
        assert caught.value.hint
        found = numbers_in(ledger)
        assert len(found) % 2000 == 0
        assert found == list(range(len(found)))
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    with open_ledger(small_disk / "ledger") as ledger:
        assert not {name for name in files_under(small_disk / "ledger") if name.startswith("tmp/")}
        follow(ledger, log, pace=pace)
        assert numbers_in(ledger) == list(range(30_000))


def test_a_ledger_of_the_version_before_gets_its_table(tmp_path: Path) -> None:
    import sqlite3

    open_ledger(tmp_path / "ledger").close()
    connection = sqlite3.connect(tmp_path / "ledger" / "ledger.db")
    connection.executescript("DROP TABLE followed; DROP TABLE followed_batches")
    connection.close()
    turn_back(tmp_path / "ledger", 2)
    log = write_text(tmp_path / "log.ndjson", lines(0))
    with open_ledger(tmp_path / "ledger") as ledger:
        assert follow(ledger, log).accepted_count == 1
