"""Kills, full disks and readers beside a writer, many times over: is a row lost or doubled, an answer of no state?"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.errors import LedgerError
from leaktrace.keys import Keyring
from leaktrace.ledger import DuckLedger
from leaktrace.records import Window
from leaktrace.settings import Settings

KEYRING = Keyring(b"\x09" * 32, "bench")
SETTINGS = Settings(ingest_memory_megabytes=512)
START = datetime(2025, 1, 1, tzinfo=UTC)
FILES, ROWS = 8, 40_000
ALWAYS = Window(None, None)


def sources(folder: Path) -> list[Path]:
    """Files of accesses by 40 principals to 3,000 customers."""
    found = []
    for number in range(FILES):
        rng = np.random.default_rng([4, number])
        at = np.sort(rng.integers(0, 30 * 86_400, ROWS)) + int(START.timestamp()) + number * 30 * 86_400
        table = pa.table(
            {
                "at": pa.array(at * 1_000_000, pa.timestamp("us", tz="UTC")),
                "principal": [f"p{n}" for n in rng.integers(0, 40, ROWS)],
                "customer": [f"c{n}" for n in rng.integers(0, 3000, ROWS)],
                "fields": [("email;name", "name")[n] for n in rng.integers(0, 2, ROWS)],
            }
        )
        found.append(folder / f"{number}.parquet")
        pq.write_table(table, found[-1])
    return found


def opened(folder: Path) -> DuckLedger:
    return DuckLedger.open(folder, KEYRING, SETTINGS)


def answer(ledger: DuckLedger) -> tuple[str, str]:
    """(state, digest of what is answered in it)."""
    cutoffs = {
        int(key): START + timedelta(days=200) for key in KEYRING.customer_keys(f"c{n}" for n in range(0, 3000, 30))
    }
    people = [int(key) for key in KEYRING.principal_keys(f"p{n}" for n in range(10))]
    with ledger.steady():
        exposures, totals = ledger.exposures(cutoffs, "email", 365), ledger.totals("email", ALWAYS)
        opened_by = ledger.opened_by(people, "email", ALWAYS)
        parts = (
            exposures.principal, exposures.customer, exposures.first_shown_at, totals.principal, totals.opened_count,
            opened_by.customer, opened_by.first_shown_at, np.array([totals.customer_count]),
        )  # fmt: skip
        return ledger.snapshot(), hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def work(arguments: list[str]) -> None:
    """What the other processes do: `ingest LEDGER FILE...` or `ask LEDGER COUNT`."""
    what, folder, *rest = arguments
    with opened(Path(folder)) as ledger:
        print("ready", flush=True)
        if what == "ingest":
            for path in rest:
                ledger.ingest("accesses", [Path(path)])
                ledger.upkeep().compact()
        else:
            for _ in range(int(rest[0])):
                print(*answer(ledger), flush=True)
                time.sleep(0.3)  # so that the answers are spread over the writer's time


def start(*arguments: object) -> subprocess.Popen[str]:
    program = [sys.executable, "-m", "bench.ledger_safety", *map(str, arguments)]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kills(folder: Path, files: list[Path], count: int) -> str:
    with opened(folder / "whole") as ledger:
        ledger.ingest("accesses", files)
        expected = answer(ledger)
    rng, interrupted, wrong, runs = np.random.default_rng(1), 0, 0, 0
    place = folder / "killed-0"
    for kill in range(count):
        process = start("ingest", place, *files)
        time.sleep(float(rng.uniform(0.0, 1.0)))
        interrupted += process.poll() is None
        process.kill()
        process.wait()
        with opened(place) as ledger:
            stats = ledger.stats().access_count
            wrong += stats % ROWS != 0 or bool(ledger.upkeep().verify().problems)
            if stats == FILES * ROWS or kill == count - 1:
                ledger.ingest("accesses", files)
                wrong += answer(ledger) != expected
                runs += 1
                place = folder / f"killed-{kill + 1}"
    assert not wrong
    return f"{interrupted} of {count} kills met a running ingest or compaction, over {runs} ledgers: {wrong} wrong"


def full_disks(folder: Path, files: list[Path], count: int) -> str:
    with opened(folder / "whole") as ledger:
        expected = answer(ledger)
    stopped = 0
    for number in range(count):
        disk = folder / f"disk-{number}"
        disk.mkdir()
        size = f"size={1_500 + 700 * number}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{size},mode=0700", "tmpfs", str(disk)], check=True)
        try:
            try:
                with opened(disk / "ledger") as ledger:
                    for path in files:
                        ledger.ingest("accesses", [path])
            except LedgerError:
                stopped += 1
            subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
            with opened(disk / "ledger") as ledger:
                assert ledger.stats().access_count % ROWS == 0
                assert not ledger.upkeep().verify().problems
                ledger.ingest("accesses", files)
                assert answer(ledger) == expected
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    return f"{stopped} of {count} disks were full in the middle: 0 wrong"


def readers(folder: Path, files: list[Path], process_count: int, each: int) -> str:
    states = dict[str, str]()
    with opened(folder / "states") as ledger:
        states.update([answer(ledger)])
        for path in files:
            ledger.ingest("accesses", [path])
            states.update([answer(ledger)])
    place = folder / "asked"
    opened(place).close()
    asking = [start("ask", place, each) for _ in range(process_count)]
    writing = start("ingest", place, *files)
    told = [line.split() for process in asking for line in (process.stdout or [])]
    writing.wait()
    assert all(process.wait() == 0 for process in (*asking, writing))
    strange = sum(states.get(state) != digest for state, digest in told)
    assert not strange
    seen = len({state for state, _ in told})
    return f"{len(told)} answers by {process_count} processes, of {seen} committed states: {strange} of no state"


def run(kill_count: int, disk_count: int, process_count: int, each: int) -> str:
    rows = ["| what | result |", "|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = sources(folder)
        rows.append(f"| killed (SIGKILL) while files are ingested and compacted | {kills(folder, files, kill_count)} |")
        if os.geteuid() == 0:
            rows.append(f"| disk full, then larger | {full_disks(folder, files, disk_count)} |")
        rows.append(f"| asked while files are ingested and compacted | {readers(folder, files, process_count, each)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    work(sys.argv[1:])
