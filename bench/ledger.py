"""The ledger at scale: ingest, sizes, questions warm and cold, beside DuckDB and chDB in the same run.

Input files are made one at a time and removed once they are in, for a disk that does not hold everything at once;
making them is not counted. The rows of DuckDB's own sorted COPY are those of the first files, as many as `copy_files`;
it runs before anything else is on the disk. Whoever asked is told of every figure at once, so that a run that is cut
short loses nothing.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq

from bench.ledger_rows import BULK_PRINCIPAL, START, Sizes, customer_name, principal_name, write_file
from bench.ledger_small import peak_megabytes
from leaktrace.keys import Keyring
from leaktrace.ledger import DuckLedger, answers_of
from leaktrace.records import Window
from leaktrace.settings import Settings

KEYRING = Keyring(b"\x05" * 32, "bench")
REPORTED, CONTROLS = 10_000, 20_000
ALWAYS = Window(None, None)
INGEST = "ingest alone"


@dataclass(slots=True)
class Measured:
    """Figures by name, in the order they were taken."""

    told: Callable[[Measured], None] = lambda _: None
    """Called after each figure."""
    figures: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, number: float, shown: str) -> None:
        self.numbers[name] = number
        self.figures[name] = shown
        print(f"{name}: {shown}", flush=True)
        self.told(self)


def run(
    sizes: Sizes,
    folder: Path,
    memory_megabytes: int,
    copy_files: int,
    *,
    with_chdb: bool,
    told: Callable[[Measured], None],
) -> Measured:
    found = Measured(told)
    settings = Settings(ingest_memory_megabytes=memory_megabytes)
    _ingest(sizes, folder, settings, copy_files, found)
    _sizes(sizes, folder, found)
    _questions(sizes, folder, settings, found)
    _peers(sizes, folder, settings, found, with_chdb=with_chdb)
    return found


# --- ingest -------------------------------------------------------------------------------------------


def _ingest(sizes: Sizes, folder: Path, settings: Settings, copy_files: int, found: Measured) -> None:
    paths = [folder / f"accesses-{number}.parquet" for number in range(sizes.file_count())]
    first = paths[:copy_files]
    for number, path in enumerate(first):
        write_file(sizes, number, path)
    rate = _sorted_copy(first, folder, settings)
    found.add("DuckDB's sorted COPY", rate, f"{rate:,.0f} rows/s, over the first {len(first)} files")
    taken, seconds, peak = 0, 0.0, 0
    with DuckLedger.open(folder / "ledger", KEYRING, settings) as ledger:
        for number, path in enumerate(paths):
            if path not in first:
                write_file(sizes, number, path)
            os.sync()  # making it goes on until it is on the disk
            forget_peak()
            began, worked = time.monotonic(), time.process_time()
            rows = ledger.ingest("accesses", [path]).accepted_count
            own, work = time.monotonic() - began, time.process_time() - worked
            taken, seconds, peak = taken + rows, seconds + own, max(peak, peak_megabytes())
            path.unlink()
            shown = f"{taken / seconds:,.0f} rows/s over the first {taken:,} rows; the last {rows:,}: {rows / own:,.0f}"
            found.add(INGEST, taken / seconds, f"{shown}, {work * 1e6 / rows:.2f} processor seconds a million")
        forget_peak()
        began, worked = time.monotonic(), time.process_time()
        ledger.upkeep().compact()
        compacting, work = time.monotonic() - began, time.process_time() - worked
        peak = max(peak, peak_megabytes())
    assert taken == sizes.accesses
    total = seconds + compacting
    found.add(INGEST, taken / seconds, f"{taken / seconds:,.0f} rows/s ({seconds:,.0f} s)")
    found.add("compact alone", compacting, f"{compacting:,.0f} s ({work:,.0f} processor seconds)")
    found.add("ingest and compact", sizes.accesses / total, f"{sizes.accesses / total:,.0f} rows/s ({total:,.0f} s)")
    gigabytes = peak * 2**20 / 1e9
    found.add("peak memory", gigabytes, f"{gigabytes:.1f} GB")
    ratio = sizes.accesses / total / rate
    found.add("ingest and compact over DuckDB's COPY", ratio, f"{ratio:.2f}")


def _sorted_copy(files: list[Path], folder: Path, settings: Settings) -> float:
    """DuckDB writing the same rows sorted by customer within each month: rows a second."""
    target = folder / "copied"
    connection = duckdb.connect(config={"memory_limit": f"{settings.ingest_memory_megabytes}MB", "threads": 2})
    connection.execute("SET temp_directory = ?", [str(folder / "spill")])
    began = time.monotonic()
    connection.execute(
        f"""COPY (SELECT *, strftime("at", '%Y-%m') AS month FROM read_parquet($files) ORDER BY month, customer, "at")
        TO '{target}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month))""",
        {"files": [str(path) for path in files]},
    )
    seconds = time.monotonic() - began
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    connection.close()
    shutil.rmtree(target)
    shutil.rmtree(folder / "spill", ignore_errors=True)
    return rows / seconds


def _sizes(sizes: Sizes, folder: Path, found: Measured) -> None:
    for name in ("lake", "index", "dictionary"):
        files = [path for path in (folder / "ledger" / name).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        if name == "dictionary":
            keys = sum(_entries(path) for path in files)
            found.add("dictionaries", size / keys, f"{size / keys:.1f} bytes a name ({keys:,} names)")
        else:
            found.add(name, size / sizes.accesses, f"{size / sizes.accesses:.1f} bytes an access ({size / 1e9:.1f} GB)")


def _entries(path: Path) -> int:
    with path.open("rb") as stream:
        return int(np.frombuffer(stream.read(16)[8:], dtype="<u8")[0])


# --- questions ----------------------------------------------------------------------------------------


def _asked(sizes: Sizes, seed: int) -> list[int]:
    """Random customers over the whole range, each time others."""
    rng = np.random.default_rng([sizes.seed, 999, seed])
    names = customer_name(rng.choice(sizes.customers, REPORTED + CONTROLS, replace=False))
    return [int(key) for key in KEYRING.customer_keys(names.to_pylist())]


def _cutoffs(sizes: Sizes, seed: int) -> dict[int, datetime]:
    at = datetime.fromtimestamp(START, UTC) + timedelta(days=364)
    return dict.fromkeys(_asked(sizes, seed), at)


def _timed(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


def _questions(sizes: Sizes, folder: Path, settings: Settings, found: Measured) -> None:
    cold = statistics.median(_cold(sizes, folder, settings, seed) for seed in range(1, 4))
    found.add("exposures, cold", cold, f"{cold:.3f} s")
    with DuckLedger.open(folder / "ledger", KEYRING, settings) as ledger:
        times = []
        for seed in range(1, 4):
            asked = _cutoffs(sizes, seed)
            ledger.exposures(asked, "email", 365)
            times.append(_timed(lambda asked=asked: ledger.exposures(asked, "email", 365)))  # type: ignore[misc]
        warm = statistics.median(times)
        found.add("exposures, warm", warm, f"{warm:.3f} s")
        _opened_by_one(ledger, found)
        seconds = _timed(lambda: ledger.totals("email", ALWAYS))
        found.add("distinct customers of everybody, first time", seconds, f"{seconds:.1f} s")
        seconds = _timed(lambda: ledger.totals("email", ALWAYS))
        found.add("distinct customers of everybody, again", seconds, f"{seconds:.1f} s")


def _cold(sizes: Sizes, folder: Path, settings: Settings, seed: int) -> float:
    """Seconds of a question of which nothing is in memory: the system keeps pages that an open ledger has touched."""
    asked, others = _cutoffs(sizes, seed), _cutoffs(sizes, 0)
    with DuckLedger.open(folder / "ledger", KEYRING, settings) as ledger:
        one = next(iter(others))
        ledger.exposures({one: others[one]}, "email", 365)  # opens files, loads machine code
        drop_page_cache()
        return _timed(lambda: ledger.exposures(asked, "email", 365))


def _opened_by_one(ledger: DuckLedger, found: Measured) -> None:
    """All that the account that reads in bulk was shown."""
    (bulk,) = KEYRING.principal_keys(principal_name(np.array([BULK_PRINCIPAL])).to_pylist())
    accesses = len(ledger.accesses_of([int(bulk)], ALWAYS).customer)
    shown = len(ledger.opened_by([int(bulk)], "email", ALWAYS).customer)
    seconds = _timed(lambda: ledger.opened_by([int(bulk)], "email", ALWAYS))
    found.add(
        "all that one principal opened",
        seconds,
        f"{seconds:.2f} s warm, one with {accesses:,} accesses ({shown:,} customers whose e-mail was shown)",
    )


def forget_peak() -> None:
    """From here on `peak_megabytes` is of what comes (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def drop_page_cache() -> None:
    """Forgets what files are in memory; needs root."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("1", encoding="ascii")


# --- peers --------------------------------------------------------------------------------------------


def _peers(sizes: Sizes, folder: Path, settings: Settings, found: Measured, *, with_chdb: bool) -> None:
    asked = _cutoffs(sizes, 1)
    with DuckLedger.open(folder / "ledger", KEYRING, settings, answers_of("duckdb")) as lake:
        lake.exposures(asked, "email", 365)
        seconds = _timed(lambda: lake.exposures(asked, "email", 365))
    found.add("DuckDB over the same lake, warm", seconds, f"{seconds:.2f} s")
    ratio = seconds / found.numbers["exposures, warm"]
    found.add("times faster than DuckDB", ratio, f"{ratio:.0f}")
    if with_chdb:
        seconds = _clickhouse(sizes, folder)
        found.add("chDB MergeTree ordered by customer, warm", seconds, f"{seconds:.2f} s")
        ratio = seconds / found.numbers["exposures, warm"]
        found.add("times faster than chDB", ratio, f"{ratio:.1f}")


def _clickhouse(sizes: Sizes, folder: Path) -> float:
    """The same question to chDB: rows of the lake in a MergeTree ordered by customer, merged into one part a month."""
    from chdb import session  # type: ignore[attr-defined, unused-ignore]

    chdb: Any = session.Session(str(folder / "chdb"))  # type: ignore[no-untyped-call, unused-ignore]
    chdb.query("CREATE DATABASE IF NOT EXISTS peer")
    chdb.query(
        "CREATE TABLE peer.accesses (customer UInt64, principal UInt64, at Int64, fields LowCardinality(String))"
        " ENGINE = MergeTree ORDER BY customer"
    )
    for path in sorted((folder / "ledger" / "lake" / "accesses").rglob("*.parquet")):
        chdb.query(
            "INSERT INTO peer.accesses SELECT customer, principal, at_second * 1000000 + at_microsecond, fields"
            f" FROM file('{path}', 'Parquet')"
        )
    chdb.query("OPTIMIZE TABLE peer.accesses FINAL")
    chdb.query("CREATE TABLE peer.asked (customer UInt64) ENGINE = Memory")
    keys = _asked(sizes, 1)
    for first in range(0, len(keys), 10_000):
        chdb.query(f"INSERT INTO peer.asked VALUES {', '.join(f'({key})' for key in keys[first : first + 10_000])}")
    question = (
        "SELECT principal, customer, min(at) FROM peer.accesses WHERE customer IN (SELECT customer FROM peer.asked)"
        " AND has(splitByChar(';', fields), 'email') GROUP BY principal, customer"
    )
    chdb.query(question, "Arrow")
    seconds = statistics.median(_timed(lambda: chdb.query(question, "Arrow")) for _ in range(3))
    chdb.close()
    shutil.rmtree(folder / "chdb", ignore_errors=True)
    return seconds


BARS = {
    "ingest and compact": ">= 1,000,000 rows/s",
    "peak memory": "<= 8 GB",
    "ingest and compact over DuckDB's COPY": ">= 0.5",
    "lake": "<= 20 bytes",
    "index": "<= 20 bytes",
    "exposures, warm": "<= 0.5 s",
    "exposures, cold": "<= 1.5 s",
    "times faster than DuckDB": ">= 50",
    "times faster than chDB": ">= 5",
    "all that one principal opened": "<= 1 s",
}


def page(results: list[tuple[Sizes, Measured]]) -> str:
    """One column for each size."""
    names = list(dict.fromkeys(name for _, found in results for name in found.figures))
    head = " | ".join(f"{sizes.accesses:,} accesses" for sizes, _ in results)
    lines = [f"| figure | {head} | bar |", f"|---|{'---|' * len(results)}---|"]
    for name in names:
        cells = " | ".join(found.figures.get(name, "") for _, found in results)
        lines.append(f"| {name} | {cells} | {BARS.get(name, '')} |")
    return "\n".join(lines)
