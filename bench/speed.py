"""1,000,000 accesses of 100,000 customers, 50 reports: how long ingest and trace take, and how much memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import peak_megabytes
from bench.story import TABLES
from leaktrace.simulate import simulate
from leaktrace.workspace import create, open_workspace


def child(folder: Path, what: str) -> None:
    """One step in a process of its own, so that its peak memory is its own."""
    environment = {"LEAKTRACE_KEY_FILE": str(folder / "key")}
    started = time.perf_counter()
    if what == "ingest":
        with create(folder / "ws", environment=environment) as workspace:
            workspace.ingest("accesses", folder / "market" / "accesses")
            seconds = time.perf_counter() - started
            for table, name in TABLES[:-1]:
                workspace.ingest(table, folder / "market" / name)
            workspace.receive(folder / "market" / "abuse.mbox")
    else:
        with open_workspace(folder / "ws", environment=environment) as workspace:
            workspace.trace(workspace.campaigns()[0], why="benchmark")
        seconds = time.perf_counter() - started
    sys.stdout.write(f"{seconds:.2f} {peak_megabytes():.0f}\n")


def run(seed: int, sizes: dict[str, int]) -> str:
    """The table, in Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder / "market", scenario="one", seed=seed, **sizes)  # type: ignore[arg-type]
        lines = ["| step | seconds | peak memory, MB |", "|---|---|---|"]
        for what in ("ingest", "trace"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.speed", name, what], check=True, capture_output=True, text=True
            )
            seconds, megabytes = done.stdout.split()
            lines.append(f"| {what} | {seconds} | {megabytes} |")
    return "\n".join(lines)


if __name__ == "__main__":
    child(Path(sys.argv[1]), sys.argv[2])
