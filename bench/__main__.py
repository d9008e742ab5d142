"""`python -m bench [story speed attribution ...]`: writes docs/benchmarks/*.md."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
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
    market,
    sequential,
    spark,
    speed,
    story,
)
from bench.ledger_rows import Sizes
from bench.machine import machine

DOCS = Path(__file__).parent.parent / "docs" / "benchmarks"


def main() -> None:
    """Runs what was asked for, in the order of `BENCHMARKS`."""
    parser = _parser()
    asked = parser.parse_args()
    if unknown := sorted(set(asked.what) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    DOCS.mkdir(parents=True, exist_ok=True)
    for name, benchmark in BENCHMARKS.items():
        if name in asked.what:
            benchmark.run(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        default=["speed", "story", "attribution", "sequential"],
        help=f"any of: {', '.join(BENCHMARKS)}",
    )
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
    parser.add_argument("--market-seed", type=int, default=1, help="seed of the one marketplace")
    parser.add_argument("--market-repeats", type=int, default=8, help="its campaigns a family and size")
    parser.add_argument("--public-mail", type=Path, help="a folder of .eml files, for the mail benchmark")
    parser.add_argument("--no-chdb", action="store_true", help="leave chDB out of the ledger benchmark")
    return parser


# --- one function a page ----------------------------------------------------------------------------------


def _speed(asked: argparse.Namespace) -> None:
    sizes = {"customers": asked.customers, "accesses": asked.accesses, "reports": asked.reports}
    _write("speed", f"Sizes: {sizes}, seed 1.", speed.run(1, sizes))


def _spark(asked: argparse.Namespace) -> None:
    rows = asked.spark_accesses
    note = (
        f"{rows:,} accesses of {rows // 5:,} customers in 12 segments; seed 5. {_other_work()} Spark has this "
        "machine's cores in one process; this says nothing of a network."
    )
    _write("spark", note, spark.run(rows, rows // 5))


def _story(asked: argparse.Namespace) -> None:
    sizes = {"customers": asked.story_customers, "accesses": asked.story_accesses, "reports": asked.reports}
    _write("story", f"Sizes: {sizes}, seeds 1 to {asked.seeds} a scenario.", story.run(asked.seeds, sizes))


def _attribution(asked: argparse.Namespace) -> None:
    seeds = _seeds(asked)
    note = f"Worlds with seeds {seeds[0]} to {seeds[-1]}, {asked.repeats} campaign(s) a family and size in each."
    _write("attribution", note, attribution_tables.page(attribution.run(seeds, repeats=asked.repeats)))


def _market(asked: argparse.Namespace) -> None:
    note = (
        f"Seed {asked.market_seed}: 200,000 customers in 20 regions, 2,000 principals and two service accounts; "
        f"{asked.market_repeats} campaigns a family and size, all in one workspace, evidence tables of grade G2."
    )
    _write("market", note, market.run(asked.market_seed, asked.market_repeats))


def _judging(_: argparse.Namespace) -> None:
    note = (
        "Seed 3; medians of seven in milliseconds, one thread. The ledger's answers are in memory before the first "
        "step. Whom to sample is asked between two look-ups, fitting ends the second, judging is the rest."
    )
    _write("judging", note, judging.run(3))


def _linking(asked: argparse.Namespace) -> None:
    seeds = _seeds(asked)
    _write("linking", f"Worlds with seeds {seeds[0]} to {seeds[-1]}.", linking.page(linking.run(seeds)))


def _safety(asked: argparse.Namespace) -> None:
    note = f"{ledger_safety.FILES} files of {ledger_safety.ROWS:,} accesses, fixed seeds."
    _write("safety", note, ledger_safety.run(asked.kills, 10, 10, 10))


def _custody(asked: argparse.Namespace) -> None:
    note = (
        f"{asked.custody_entries:,} entries, one process, medians of {custody.REPEATS} taken in turn; WAL, "
        "synchronous=FULL. Bare SQLite: the same bytes in a table of number and blob, committed alike, in the same "
        f"run. {_other_work()}"
    )
    _write("custody", note, custody.run(asked.custody_entries, asked.folder))


def _mail(asked: argparse.Namespace) -> None:
    note = (
        "Messages are made from seeds (`bench/mailmade.py`), newsletters forwarded by four kinds of client; one "
        f"process. {_other_work()} Where others work too, only shares and quotients say something, not messages a "
        "second by themselves."
    )
    _write("mail", note, mail.run(asked.mail_count, public=asked.public_mail))


def _sequential(asked: argparse.Namespace) -> None:
    seeds = _seeds(asked)
    note = f"Worlds with seeds {seeds[0]} to {seeds[-1]}, in each a campaign without insider and one with a source."
    _write("sequential", note, sequential.page(sequential.run(seeds)))


def _ledger(asked: argparse.Namespace) -> None:
    """One size after the other, each in a folder of its own, removed at its end."""
    for accesses in asked.ledger_accesses:
        sizes = Sizes(accesses, asked.ledger_customers, asked.ledger_principals, min(asked.rows_a_file, accesses))
        note = (
            f"{asked.ledger_customers:,} customers, {asked.ledger_principals:,} principals, twelve months, seed 1, "
            f"files of {asked.rows_a_file:,} rows sorted by time, each on the disk before it is ingested and removed "
            f"once it is in; ingest memory {asked.memory_megabytes} MB. 10,000 customers and 20,000 controls asked, "
            "random over the whole range. Of "
            "the principals one is a service account that reads in bulk. Times are in one process without its start. "
            "Cold is with the ledger opened anew, one other customer asked and the page cache dropped; warm is the "
            "second time the same customers are asked. Peak memory is that of the process while it ingests "
            f"and compacts. {_other_work()}"
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
        f"# {BENCHMARKS[what].title}\n\n"
        f"Made by `python -m bench {what}`; do not edit by hand. Machine: {machine()}.\n\n"
        f"{note}\n\n{table}\n"
    )
    (DOCS / f"{name}.md").write_text(text, encoding="utf-8")
    return text


def _seeds(asked: argparse.Namespace) -> range:
    return range(asked.first_world, asked.first_world + asked.worlds)


def _other_work() -> str:
    return f"Other work on the machine at the start: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."


@dataclass(frozen=True)
class Benchmark:
    """A page of figures and what makes it."""

    title: str
    run: Callable[[argparse.Namespace], None]


BENCHMARKS = {
    "speed": Benchmark("Speed of the main job", _speed),
    "spark": Benchmark("DuckDB and Spark over the same segments on one machine", _spark),
    "story": Benchmark("The main job over many seeds", _story),
    "attribution": Benchmark("Who is named, over families of leaks and of mailings without insider", _attribution),
    "market": Benchmark("Hundreds of campaigns in one workspace", _market),
    "judging": Benchmark("The judgement after the look-up", _judging),
    "linking": Benchmark("Whether two incidents are one, over pairs of campaigns", _linking),
    "safety": Benchmark("Kills, full disks, readers beside a writer", _safety),
    "custody": Benchmark("The custody log beside bare SQLite", _custody),
    "mail": Benchmark("The mailroom: right, wrong and per second", _mail),
    "ledger": Benchmark("The ledger at scale", _ledger),
    "sequential": Benchmark("A campaign traced again after every new report", _sequential),
}


if __name__ == "__main__":
    main()
