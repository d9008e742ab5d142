"""1,000,000 accesses of 100,000 customers: how long ingest and each question take, and how much memory.

python -m bench.ledger_small [FORMAT]      csv, ndjson or parquet (default), with .gz or .zst appended if wanted
"""

from __future__ import annotations

import gzip
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from leaktrace.keys import Keyring
from leaktrace.ledger import DuckLedger
from leaktrace.records import Window
from leaktrace.settings import Settings

ACCESS_COUNT, CUSTOMER_COUNT, PRINCIPAL_COUNT = 1_000_000, 100_000, 1_000
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365


def accesses(rng: np.random.Generator) -> pa.Table:
    """A year of accesses, sorted by time; some customers and principals far busier than others."""
    at = np.sort(rng.integers(0, DAYS * 86_400_000_000, ACCESS_COUNT)) + int(START.timestamp()) * 1_000_000
    customer = (CUSTOMER_COUNT * rng.random(ACCESS_COUNT) ** 1.5).astype(np.int64)
    principal = (PRINCIPAL_COUNT * rng.random(ACCESS_COUNT) ** 2).astype(np.int64)
    fields = np.array(["email;name", "name;phone", "email;name;phone", "name"])
    tools = np.array(["crm", "search", "export"])
    return pa.table(
        {
            "at": pa.array(at, pa.timestamp("us", tz="UTC")),
            "principal": [f"agent-{p:05d}" for p in principal],
            "customer": [f"c-{c:09d}" for c in customer],
            "fields": fields[rng.integers(0, len(fields), ACCESS_COUNT)],
            "action": np.array(["view", "search"])[rng.integers(0, 2, ACCESS_COUNT)],
            "tool": tools[rng.integers(0, len(tools), ACCESS_COUNT)],
            "reason": [f"T-{n}" for n in rng.integers(0, 300_000, ACCESS_COUNT)],
        }
    )


def write(table: pa.Table, folder: Path, file_format: str) -> Path:
    """The table as a file of that format."""
    path = folder / f"accesses.{file_format}"
    name, _, packing = file_format.partition(".")
    if name == "parquet":
        pq.write_table(table, path)
        return path
    plain = folder / f"plain.{name}"
    times: list[Any] = table.column("at").to_pylist()
    text = table.set_column(0, "at", pa.array([at.isoformat() for at in times]))
    if name == "csv":
        pa_csv.write_csv(text, plain)
    else:
        plain.write_text("".join(json.dumps(row) + "\n" for row in text.to_pylist()))
    content = plain.read_bytes()
    plain.unlink()
    if packing:
        content = gzip.compress(content) if packing == "gz" else pa.Codec("zstd").compress(content, asbytes=True)
    path.write_bytes(content)
    return path


def timed(what: str, call: Callable[[], Any]) -> Any:
    """Runs, prints the seconds, returns the answer."""
    started, worked = time.perf_counter(), time.process_time()
    answer = call()
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    print(f"{what:<60} {seconds:8.3f} s  (processor {processor:.3f} s)", flush=True)
    return answer


def peak_megabytes() -> int:
    """Most memory this process has held (Linux); `ru_maxrss` would count what its parent held before."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


def measure(path: Path, folder: Path) -> None:
    """Runs in a process of its own, so that peak memory is the ledger's."""
    rng = np.random.default_rng(2)
    customers = pa.table(
        {
            "customer": [f"c-{c:09d}" for c in range(CUSTOMER_COUNT)],
            "email": [f"user{c}@example.com" for c in range(CUSTOMER_COUNT)],
            "region": [f"region-{c % 20}" for c in range(CUSTOMER_COUNT)],
        }
    )
    pq.write_table(customers, folder / "customers.parquet")
    del customers
    end = START + timedelta(days=DAYS)
    with DuckLedger.open(folder / "ledger", Keyring(secrets.token_bytes(32), "bench"), Settings()) as ledger:
        report = timed(f"ingest {ACCESS_COUNT:,} accesses ({path.name})", lambda: ledger.ingest("accesses", [path]))
        assert report.accepted_count == ACCESS_COUNT
        print(f"peak memory after ingest {peak_megabytes()} MB")
        timed(
            f"ingest {CUSTOMER_COUNT:,} customers", lambda: ledger.ingest("customers", [folder / "customers.parquet"])
        )
        window = Window(START, end)
        none = np.empty(0, np.uint64)
        everybody = ledger.draw_controls(CUSTOMER_COUNT, seed=3, near=none, exclude=none)
        reported = rng.choice(everybody, 50, replace=False)
        controls = timed(
            "draw 20,000 controls", lambda: ledger.draw_controls(20_000, seed=1, near=reported, exclude=reported)
        )
        cutoffs = dict.fromkeys([int(key) for key in (*reported, *controls)], end - timedelta(days=10))
        shown = timed("exposures of 50 customers + 20,000 controls", lambda: ledger.exposures(cutoffs, "email", 730))
        print(f"    {len(shown.customer):,} pairs")
        totals = timed("totals", lambda: ledger.totals("email", window))
        twenty = [int(key) for key in totals.principal[:20]]
        timed("opened_by for 20 principals", lambda: ledger.opened_by(twenty, "email", window))
        timed(
            "opened_by for 20 principals, 2,000 customers each",
            lambda: ledger.opened_by(twenty, "email", window, limit=2000, seed=1),
        )
        timed("fields_shown for 20 principals", lambda: ledger.fields_shown(twenty, window))
        timed("customers, 20,050", lambda: ledger.customers(np.array(list(cutoffs), np.uint64)))
        timed("customer_names, 50", lambda: ledger.customer_names(reported))
        timed("principals, all", ledger.principals)
        timed("coverage", lambda: ledger.coverage("email", window))
        print(timed("stats", ledger.stats))
    print(f"peak memory {peak_megabytes()} MB")


def main() -> None:
    """Makes the file in one process and measures in another."""
    import subprocess

    if len(sys.argv) == 4:
        measure(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write(accesses(np.random.default_rng(1)), folder, sys.argv[1] if len(sys.argv) > 1 else "parquet")
        subprocess.run([sys.executable, "-m", "bench.ledger_small", "measure", str(path), name], check=True)


if __name__ == "__main__":
    main()
