"""The same queries over the same segments by DuckDB and by Spark on this machine: what a row costs a core.

Rows are made straight as segments, by month and sorted by customer, as ingest leaves them.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.ledger import queries
from leaktrace.ledger.engine import Answers, Engine, Query
from leaktrace.ledger.lake import ROW_GROUP_ROWS
from leaktrace.ledger.spark import SparkEngine

MONTHS = 12
PRINCIPALS = 10_000
MONTH_MICROSECONDS = 30 * 86_400_000_000
MEGABYTES = 4096
REPEATS = 3
CUTOFFS = (50, 20_000)


def segments(folder: Path, rows: int, customers: int, rng: np.random.Generator) -> list[str]:
    """A segment a month; every customer is as likely as every other."""
    everybody = np.sort(rng.integers(0, 2**64, customers, dtype=np.uint64))
    people = rng.integers(0, 2**64, PRINCIPALS, dtype=np.uint64)
    fields, tools = np.array(["email;name", "name;phone", "name"]), np.array(["crm", "search"])
    paths = []
    for month in range(MONTHS):
        count = rows // MONTHS
        table: Any = pa.table({
            "at": np.sort(rng.integers(0, MONTH_MICROSECONDS, count)) + month * MONTH_MICROSECONDS,
            "principal": people[rng.integers(0, PRINCIPALS, count)],
            "customer": everybody[np.sort(rng.integers(0, customers, count))],
            "fields": fields[rng.integers(0, len(fields), count)],
            "action": np.full(count, "view"),
            "tool": tools[rng.integers(0, len(tools), count)],
            "reason": pa.nulls(count, pa.string()),
            "source": np.full(count, month),
            "source_row": np.arange(count),
        })  # fmt: skip
        path = folder / "lake" / f"month={month}.parquet"
        path.parent.mkdir(exist_ok=True)
        labels = ["principal", "fields", "action", "tool"]
        pq.write_table(table, path, compression="zstd", use_dictionary=labels, row_group_size=ROW_GROUP_ROWS)  # type: ignore[arg-type]
        paths.append(str(path))
    return paths


def questions(paths: list[str], rng: np.random.Generator) -> dict[str, Query]:
    """What is asked, by a name for people."""
    rows = queries.rows_of("accesses", paths)
    known = pq.read_table(paths[0], columns=["customer"]).column("customer").unique().to_numpy()
    asked = {}
    for count in CUTOFFS:
        picked = rng.choice(known, min(count, len(known)), replace=False)
        end = MONTHS * MONTH_MICROSECONDS
        cutoffs = pa.table({"customer": picked, "since_at": np.zeros(len(picked), np.int64),
                            "cutoff_at": np.full(len(picked), end)})  # fmt: skip
        asked[f"exposures of {len(picked):,} customers"] = queries.exposures(rows, cutoffs, "email")
    asked["customers per principal"] = queries.opened_counts(rows, "email", queries.Span(0, 2**62))
    return asked


def seconds_of(engine: Answers, query: Query) -> tuple[float, float, pa.Table]:
    """The first time, the median of the next, and the answer."""
    took = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        answer = engine.run(query)
        took.append(time.perf_counter() - started)
    return took[0], statistics.median(took[1:]), answer


def run(rows: int, customers: int) -> str:
    """The table, in Markdown; an answer that differs between the engines stops it."""
    rng = np.random.default_rng(5)
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = segments(folder, rows, customers, rng)
        size = sum(Path(path).stat().st_size for path in paths)
        duck, spark = Engine(folder, MEGABYTES), SparkEngine(folder, MEGABYTES, None, os.environ)
        spark.run(queries.seen_customer_count(queries.rows_of("accesses", paths[:1])))  # starts it
        lines = [
            f"Segments: {size / rows:.1f} bytes a row. The driver of Spark had started before the first question.",
            "",
            "| question | engine | first, s | then (median), s | rows per core and second |",
            "|---|---|---|---|---|",
        ]
        for what, query in questions(paths, rng).items():
            answers = []
            for engine_name, engine in (("DuckDB", duck), ("Spark", spark)):
                first, usual, answer = seconds_of(engine, query)
                answers.append(answer)
                lines.append(f"| {what} | {engine_name} | {first:.2f} | {usual:.2f} | {rows / usual / cores:,.0f} |")
            assert answers[0].equals(answers[1]), what
        duck.close()
        spark.close()
    return "\n".join(lines)
