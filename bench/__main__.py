"""`python -m bench [story|speed|attribution|judging|linking|mail ...]`: writes docs/benchmarks/*.md."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench import (
    attribution,
    attribution_tables,
    custody,
    judging,
    ledger,
    ledger_safety,
    linking,
    mail,
    mailspeed,
    sequential,
    spark,
    speed,
    story,
)
from bench.ledger_rows import Sizes
from bench.machine import machine

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks"


TITLES = {
    "ledger": "The ledger at scale",
    "safety": "Kills, full disks, readers beside a writer",
    "spark": "DuckDB and Spark over the same segments on one machine",
    "speed": "Speed of the main job",
    "story": "The main job over many seeds",
    "judging": "The judgement after the look-up",
    "linking": "Whether two incidents are one, over pairs of campaigns",
    "sequential": "A campaign traced again after every new report",
    "mail": "The mailroom: right, wrong and per second",
    "custody": "The custody log beside bare SQLite",
    "attribution": "Who is named, over families of leaks and of mailings without insider",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["speed", "story", "attribution", "sequential"])
    parser.add_argument("--seeds", type=int, default=50, help="seeds per scenario of the story")
    parser.add_argument("--worlds", type=int, default=48, help="worlds of the attribution families")
    parser.add_argument("--first-world", type=int, default=1001, help="seed of the first of them")
    parser.add_argument("--repeats", type=int, default=1, help="campaigns per world, family and size")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--accesses", type=int, default=1_000_000)
    parser.add_argument("--reports", type=int, default=50)
    parser.add_argument("--story-customers", type=int, default=20_000)
    parser.add_argument("--story-accesses", type=int, default=200_000)
    parser.add_argument("--spark-accesses", type=int, default=20_000_000)
    parser.add_argument("--ledger-accesses", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--ledger-customers", type=int, default=300_000_000)
    parser.add_argument("--ledger-principals", type=int, default=100_000)
    parser.add_argument("--rows-a-file", type=int, default=12_500_000)
    parser.add_argument(
        "--copy-files", type=int, default=8, help="files that DuckDB's own sorted COPY is measured over"
    )
    parser.add_argument("--memory-megabytes", type=int, default=4096)
    parser.add_argument("--folder", type=Path, help="where the ledgers of the ledger benchmark go; default: a new one")
    parser.add_argument("--custody-entries", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--mail-count", type=int, default=mailspeed.COUNT, help="messages of the mail benchmark")
    parser.add_argument("--no-chdb", action="store_true", help="leave chDB out of the ledger benchmark")
    asked = parser.parse_args()
    DOCS.mkdir(parents=True, exist_ok=True)
    if "speed" in asked.what:
        sizes = {"customers": asked.customers, "accesses": asked.accesses, "reports": asked.reports}
        _write("speed", f"Sizes: {sizes}, seed 1.", speed.run(1, sizes))
    if "spark" in asked.what:
        rows, load = asked.spark_accesses, os.getloadavg()[0]
        note = (
            f"{rows:,} accesses of {rows // 5:,} customers in 12 segments; seed 5. Other work on the machine at the "
            f"start: load {load:.1f}. Spark has this machine's cores in one process; this says nothing of a network."
        )
        _write("spark", note, spark.run(rows, rows // 5))
    if "story" in asked.what:
        sizes = {"customers": asked.story_customers, "accesses": asked.story_accesses, "reports": asked.reports}
        _write("story", f"Sizes: {sizes}, seeds 1 to {asked.seeds} a scenario.", story.run(asked.seeds, sizes))
    if "attribution" in asked.what:
        seeds = range(asked.first_world, asked.first_world + asked.worlds)
        note = f"Worlds with seeds {seeds[0]} to {seeds[-1]}, {asked.repeats} campaign(s) a family and size in each."
        _write("attribution", note, attribution_tables.page(attribution.run(seeds, repeats=asked.repeats)))
    if "judging" in asked.what:
        note = (
            "Seed 3; medians of seven in milliseconds, one thread. The ledger's answers are in memory before the first "
            "step. Whom to sample is asked between two look-ups, fitting ends the second, judging is the rest."
        )
        _write("judging", note, judging.run(3))
    if "linking" in asked.what:
        seeds = range(asked.first_world, asked.first_world + asked.worlds)
        _write("linking", f"Worlds with seeds {seeds[0]} to {seeds[-1]}.", linking.page(linking.run(seeds)))
    if "safety" in asked.what:
        note = f"{ledger_safety.FILES} files of {ledger_safety.ROWS:,} accesses, fixed seeds."
        _write("safety", note, ledger_safety.run(asked.kills, 10, 10, 10))
    if "custody" in asked.what:
        note = (
            f"{asked.custody_entries:,} entries, one process, medians of {custody.REPEATS} taken in turn; WAL, "
            "synchronous=FULL. Bare SQLite: the same bytes in a table of number and blob, committed alike, in the same "
            f"run. Other work on the machine at the start: load {os.getloadavg()[0]:.1f}."
        )
        _write("custody", note, custody.run(asked.custody_entries, asked.folder))
    if "mail" in asked.what:
        load = os.getloadavg()[0]
        note = (
            "Messages are made from seeds (`bench/mailmade.py`), newsletters forwarded by four kinds of client; one "
            f"process. Other work on the machine at the start: load {load:.1f} on {os.cpu_count()} cores, so that only "
            "shares and quotients say something, not messages a second by themselves."
        )
        _write("mail", note, mail.run(asked.mail_count))
    if "ledger" in asked.what:
        _ledger(asked)
    if "sequential" in asked.what:
        seeds = range(asked.first_world, asked.first_world + asked.worlds)
        note = f"Worlds with seeds {seeds[0]} to {seeds[-1]}, in each a campaign without insider and one with a source."
        _write("sequential", note, sequential.page(sequential.run(seeds)))


def _ledger(asked: argparse.Namespace) -> None:
    """One size after the other, each in a folder of its own, removed at its end."""
    for accesses in asked.ledger_accesses:
        sizes = Sizes(accesses, asked.ledger_customers, asked.ledger_principals, min(asked.rows_a_file, accesses))
        note = (
            f"{asked.ledger_customers:,} customers, {asked.ledger_principals:,} principals, twelve months, seed 1, "
            f"files of {asked.rows_a_file:,} rows sorted by time, each removed once it is in; ingest memory "
            f"{asked.memory_megabytes} MB. 10,000 customers and 20,000 controls asked, random over the whole range. Of "
            "the principals one is a service account that reads in bulk. Times are in one process without its start. "
            "Cold is with the ledger opened anew, one other customer asked and the page cache dropped; warm is the "
            "second time the same customers are asked. Peak memory is that of the process while it ingests "
            "and compacts. Other work on the machine at the start: load "
            f"{os.getloadavg()[0]:.1f}."
        )
        name = f"ledger-{accesses // 1_000_000}m"

        def keep(found: ledger.Measured, name: str = name, note: str = note, sizes: Sizes = sizes) -> None:
            _keep(name, f"{note} **The run was not over when this was written.**", ledger.page([(sizes, found)]))

        with tempfile.TemporaryDirectory(dir=asked.folder, prefix="leaktrace-bench-") as folder:
            found = ledger.run(
                sizes,
                Path(folder),
                asked.memory_megabytes,
                asked.copy_files,
                with_chdb=not asked.no_chdb,
                told=keep,
            )
        _write(name, note, ledger.page([(sizes, found)]))


def _write(name: str, note: str, table: str) -> None:
    print(_keep(name, note, table))


def _keep(name: str, note: str, table: str) -> str:
    """Writes the page; its text."""
    what = name.split("-", maxsplit=1)[0]
    text = (
        f"# {TITLES[what]}\n\nMade by `python -m bench {what}`; do not edit by hand. Machine: {machine()}.\n\n"
        f"{note}\n\n{table}\n"
    )
    (DOCS / f"{name}.md").write_text(text, encoding="utf-8")
    return text


if __name__ == "__main__":
    main()
