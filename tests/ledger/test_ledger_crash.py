"""Kills, full disks, read-only folders: nothing is lost, nothing doubled, nothing half-written."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger import DuckLedger
from leaktrace.ledger.durable import DurableFile
from leaktrace.records import Window
from tests.ledger.small_ledgers import (
    START,
    Access,
    files_under,
    open_ledger,
    pairs,
    principal,
    write_accesses,
    write_text,
)

ROOT = Path(__file__).parents[2]
ROWS_A_FILE = 3000


def start_ingest(ledger: Path, files: list[Path], **options: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.crashing_ingest", str(ledger), *map(str, files)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert isinstance(process, subprocess.Popen)
    return process


@pytest.fixture(scope="module")
def source_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    return [
        write_accesses(
            folder / f"{number}.csv",
            [
                Access(START + timedelta(minutes=number * 40_000 + 13 * n), f"p{n % 40}", f"c{(n * 7 + number) % 900}")
                for n in range(ROWS_A_FILE)
            ]
            + [Access(START, "", "nobody")],  # one bad row each: the rejects file must not double either
        )
        for number in range(8)
    ]


def answers(ledger: DuckLedger) -> object:
    everything = ledger.opened_by([principal(f"p{n}") for n in range(40)], "email", Window(None, None))
    names = ledger.customer_names(np.unique(everything.customer))
    return pairs(everything), sorted(names), ledger.snapshot(), ledger.stats().access_count


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path, source_files: list[Path]) -> None:
    with open_ledger(tmp_path / "whole") as whole:
        whole.ingest("accesses", source_files)
        expected = answers(whole)
    rng = np.random.default_rng(11)
    killed, interrupted = tmp_path / "killed", 0
    for _ in range(7):
        process = start_ingest(killed, source_files)
        with process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(rng.uniform(0.0, 0.5)))
            process.send_signal(signal.SIGKILL)
        interrupted += process.returncode == -signal.SIGKILL
        with open_ledger(killed) as ledger:
            count = ledger.stats().access_count
            assert count % ROWS_A_FILE == 0, "a file is in whole or not at all"
            assert_nothing_left_over(ledger, killed)
    assert interrupted >= 3, "the kills came too late to show anything"
    with open_ledger(killed) as ledger:
        report = ledger.ingest("accesses", source_files)
        assert report.accepted_count + report.rejected_count + report.already_ingested_count == 8 * (ROWS_A_FILE + 1)
        assert answers(ledger) == expected
        lines = [line for path in (killed / "rejects").iterdir() for line in path.read_text().splitlines()]
        assert len(lines) == 8


def assert_nothing_left_over(ledger: DuckLedger, folder: Path) -> None:
    """Every file on disk counts, by a fresh reading of the database."""
    import sqlite3

    connection = sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro", uri=True)
    try:
        known = {
            path for (path,) in connection.execute("SELECT path FROM segments UNION SELECT path FROM dictionaries")
        }
        known |= {path for (path,) in connection.execute("SELECT path FROM rejects")}
        for pair in connection.execute("SELECT customer_path, principal_path FROM postings"):
            known |= set(pair)
    finally:
        connection.close()
    assert files_under(folder) - {"ledger.db", "ingest.lock", "readers.lock"} == known
    assert ledger.coverage("email", Window(None, None)).access_count == ledger.stats().access_count


@pytest.mark.parametrize(
    "place", ["lake/accesses/month=2025-03/x.parquet", "dictionary/x.names", "index/x.postings", "tmp/x", "rejects/x"]
)
def test_leftovers_are_removed_at_open_but_not_while_another_writes(tmp_path: Path, place: str) -> None:
    open_ledger(tmp_path / "ledger").close()
    leftover = tmp_path / "ledger" / place
    leftover.parent.mkdir(parents=True, exist_ok=True)
    write_text(leftover, "half")
    lock = (tmp_path / "ledger" / "ingest.lock").open("w")
    with lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        open_ledger(tmp_path / "ledger").close()
        assert leftover.exists(), "it may be the other writer's"
    open_ledger(tmp_path / "ledger").close()
    assert not leftover.exists()


def test_a_second_writer_is_refused(tmp_path: Path, source_files: list[Path]) -> None:
    import fcntl

    with open_ledger(tmp_path / "ledger") as ledger, (tmp_path / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="Another process is writing"):
            ledger.ingest("accesses", source_files[:1])


def test_a_reader_beside_a_writer_sees_whole_sources(tmp_path: Path, source_files: list[Path]) -> None:
    with open_ledger(tmp_path / "ledger") as writer, open_ledger(tmp_path / "ledger") as reader:
        seen = [reader.stats().access_count]
        for path in source_files[:3]:
            writer.ingest("accesses", [path])
            seen.append(reader.stats().access_count)
            assert len(reader.principals()) == 40
    assert seen == [0, ROWS_A_FILE, 2 * ROWS_A_FILE, 3 * ROWS_A_FILE]


def test_a_rejects_file_is_cut_to_what_counts(tmp_path: Path, source_files: list[Path]) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        report = ledger.ingest("accesses", source_files[:1])
    assert report.rejects_file is not None
    rejects = Path(report.rejects_file)
    whole = rejects.read_text()
    rejects.write_text(whole + '{"file": "half')
    open_ledger(tmp_path / "ledger").close()
    assert rejects.read_text() == whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for little; skipped where we may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=600k,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def ingest_until_it_fails(ledger: DuckLedger, files: list[Path]) -> tuple[int, str]:
    """How many files were taken, and the hint of the error that ended it."""
    for taken, path in enumerate(files):
        try:
            ledger.ingest("accesses", [path])
        except LedgerError as error:
            return taken, error.hint
    return len(files), ""


def test_a_full_disk_leaves_nothing_half_written(small_disk: Path, source_files: list[Path]) -> None:
    with open_ledger(small_disk / "ledger") as ledger:
        taken, hint = ingest_until_it_fails(ledger, source_files)
        assert hint
        assert taken < len(source_files), "the disk was not full"
        assert ledger.stats().access_count == taken * ROWS_A_FILE
        assert_nothing_left_over(ledger, small_disk / "ledger")
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    with open_ledger(small_disk / "ledger") as ledger:
        assert_nothing_left_over(ledger, small_disk / "ledger")
        ledger.ingest("accesses", source_files)
        assert ledger.stats().access_count == 8 * ROWS_A_FILE


def test_what_is_not_wanted_goes_from_a_full_disk_too(small_disk: Path) -> None:
    """Even where bytes that are still to be written find no room: the other files of the same act must go as well."""
    (small_disk / "tmp").mkdir()
    file = DurableFile(small_disk / "tmp" / "one", small_disk / "one")
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(b"x" * 4096):
            pass
    file.write(b"y" * 100)
    with pytest.raises(LedgerError):
        file.publish()
    file.discard()
    assert files_under(small_disk) == {"filler"}


def test_a_read_only_disk_is_said(small_disk: Path, source_files: list[Path]) -> None:
    subprocess.run(["mount", "-o", "remount,size=50m", str(small_disk)], check=True)
    with open_ledger(small_disk / "ledger") as ledger:
        ledger.ingest("accesses", source_files[:1])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LedgerError) as caught:
        open_ledger(small_disk / "ledger")
    assert caught.value.hint
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    with open_ledger(small_disk / "ledger") as ledger:
        assert ledger.stats().access_count == ROWS_A_FILE


def test_a_file_that_may_not_grow_leaves_nothing_half_written(tmp_path: Path, source_files: list[Path]) -> None:
    """Needs no rights: the process itself may not write files above a size, as on a full quota."""
    big = write_accesses(
        tmp_path / "big.csv",
        [Access(START + timedelta(seconds=n * 7919 % 86_400), f"p{n % 97}", f"customer-{n}") for n in range(12_000)],
    )
    open_ledger(tmp_path / "ledger").close()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    with start_ingest(tmp_path / "ledger", [big], preexec_fn=limit) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    with open_ledger(tmp_path / "ledger") as ledger:
        assert ledger.stats().access_count == 0
        assert_nothing_left_over(ledger, tmp_path / "ledger")
        ledger.ingest("accesses", [big, source_files[0]])
        assert ledger.stats().access_count == 12_000 + ROWS_A_FILE
