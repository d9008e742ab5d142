"""However large the file, ingest takes no more memory than the setting allows and some blocks of rows."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger.engine import Engine, Query
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import open_ledger

ROOT = Path(__file__).parents[2]
MEGABYTE = 1024 * 1024
BOUND_MEGABYTES = 128
BLOCK_ROWS = 100_000


@dataclass(frozen=True)
class Taken:
    """What one ingest in a process of its own took."""

    accepted_count: int
    peak_bytes: int


def rows_block() -> bytes:
    """Rows whose text does not compress well, so that they take the room they seem to take."""
    digits = "".join(f"{n * 2_654_435_761 % 2**32:08x}" for n in range(40_000))
    return "".join(
        f"2025-03-{1 + n % 28:02}T{n % 24:02}:00:00Z,p{n % 97},c{n % 5000},email,{digits[n * 3 : n * 3 + 200]}\n"
        for n in range(BLOCK_ROWS)
    ).encode()


def ingest_apart(ledger: Path, path: Path) -> Taken:
    """Ingests in a process of its own, started by a small one: a peak includes that of whoever forked."""
    watch = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    measured = [sys.executable, "-m", "tests.ledger.test_ingest_memory", str(ledger), str(path)]
    ran = subprocess.run(
        [sys.executable, "-S", "-c", watch, *measured], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Taken(**json.loads(ran.stdout))


def main() -> None:
    """Ingests the file, then says how many rows and how much memory at most."""
    with open_ledger(Path(sys.argv[1]), settings=Settings(ingest_memory_megabytes=BOUND_MEGABYTES)) as ledger:
        report = ledger.ingest("accesses", [Path(sys.argv[2])])
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"accepted_count": report.accepted_count, "peak_bytes": peak_bytes}))


def test_a_file_several_times_the_bound_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    block, small, large = rows_block(), tmp_path / "small.csv", tmp_path / "large.csv"
    blocks = -(-3 * BOUND_MEGABYTES * MEGABYTE // len(block))
    for path, count in ((small, 2), (large, blocks)):
        with path.open("wb") as stream:
            stream.write(b"at,principal,customer,fields,reason\n")
            for _ in range(count):
                stream.write(block)
    assert large.stat().st_size > 3 * BOUND_MEGABYTES * MEGABYTE
    usual = ingest_apart(tmp_path / "usual", small)
    # What threads leave lying about only adds to a peak, a tenth from run to run: the least of three counts.
    runs = [ingest_apart(tmp_path / f"bounded-{number}", large) for number in range(3)]
    bounded = min(runs, key=lambda taken: taken.peak_bytes)
    assert (usual.accepted_count, bounded.accepted_count) == (2 * BLOCK_ROWS, blocks * BLOCK_ROWS)
    assert bounded.peak_bytes - usual.peak_bytes < 1.5 * BOUND_MEGABYTES * MEGABYTE


def test_too_little_memory_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    engine = Engine(tmp_path, BOUND_MEGABYTES, may_spill=False)
    try:
        with pytest.raises(LedgerError, match="too little memory for 'sort much'") as caught:
            engine.run(Query("sort much", "SELECT hash(n) AS n, repeat('x', 500) FROM range(2000000) t(n) ORDER BY n"))
        assert "ingest_memory_megabytes (it allows 128 here)" in caught.value.hint
    finally:
        engine.close()


if __name__ == "__main__":
    main()
