"""The main job over many seeds and scenarios: simulate, ingest, receive, trace; compared with the planted truth."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from leaktrace.records import Finding, SimulationTruth
from leaktrace.simulate import simulate
from leaktrace.workspace import Workspace, create

SCENARIOS = ("one", "nobody", "twins", "handler", "two")
TABLES = (
    ("principals", "principals.csv"),
    ("sellers", "sellers.csv"),
    ("customers", "customers.parquet"),
    ("contacts", "contacts.parquet"),
    ("accesses", "accesses"),
)


@dataclass
class Tally:
    """Counts of one scenario."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def filled(folder: Path, scenario: str, seed: int, sizes: dict[str, int]) -> tuple[Workspace, SimulationTruth]:
    """A workspace with a simulated marketplace in it."""
    market = folder / "market"
    truth = simulate(market, scenario=scenario, seed=seed, **sizes)  # type: ignore[arg-type]
    workspace = create(folder / "ws", environment={"LEAKTRACE_KEY_FILE": str(folder / "key")})
    for table, name in TABLES:
        workspace.ingest(table, market / name)
    workspace.receive(market / "abuse.mbox")
    return workspace, truth


def judge(finding: Finding, truth: SimulationTruth, tally: Tally) -> None:
    """Compares one finding with the truth."""
    named, sources = set(finding.named), set(truth.sources)
    tally.counts["campaigns"] += 1
    tally.counts[finding.outcome] += 1
    tally.counts["source named"] += bool(named & sources)
    tally.counts["innocent named"] += bool(named - sources)
    tally.counts["handler named"] += bool(named & set(truth.handlers) - sources)
    members = {name for found in finding.sets for name in found.principals}
    tally.counts["source in a set"] += bool(members & sources)
    tally.counts["exactly source and tied in the set"] += members == sources | set(truth.tied)


def run(seeds: int, sizes: dict[str, int]) -> str:
    """The table, in Markdown."""
    tallies = {scenario: Tally() for scenario in SCENARIOS}
    for scenario in SCENARIOS:
        for seed in range(1, seeds + 1):
            with tempfile.TemporaryDirectory() as name:
                started = time.perf_counter()
                workspace, truth = filled(Path(name), scenario, seed, sizes)
                with workspace:
                    judge(workspace.trace(workspace.campaigns()[0], why="benchmark"), truth, tallies[scenario])
                tallies[scenario].seconds += time.perf_counter() - started
    heads = [
        "campaigns",
        "source named",
        "innocent named",
        "handler named",
        "nobody",
        "undecided",
        "source in a set",
        "exactly source and tied in the set",
    ]
    lines = ["| scenario | " + " | ".join(heads) + " | seconds each |", "|" + "---|" * (len(heads) + 2)]
    for scenario, tally in tallies.items():
        counts = " | ".join(str(tally.counts[head]) for head in heads)
        lines.append(f"| {scenario} | {counts} | {tally.seconds / seeds:.1f} |")
    return "\n".join(lines)
