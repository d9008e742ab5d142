"""Following in tests: what happens while the follower sleeps, lines as a log has them, what is then in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from leaktrace.ledger import Around, DuckLedger, Pace
from leaktrace.records import IngestReport, Window
from tests.ledger.small_ledgers import START, Access, principal, rows_of

ALWAYS = Window(None, None)
QUICK = Pace(every_seconds=0.001, poll_seconds=1.0, quiet_seconds=2.0)
"""Everything that is there is committed at each look."""
HEADER = "at,principal,customer,fields\n"


@dataclass
class Script:
    """The world around a follower: at each of its sleeps the next thing happens; after the last it is asked to stop."""

    happenings: Sequence[Callable[[], object]] = ()
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds
        if len(self.slept) < len(self.happenings):
            self.happenings[len(self.slept)]()
        self.slept.append(seconds)

    def around(self) -> Around:
        """What the follower is given."""
        return Around(clock=lambda: self.now, sleep=self.sleep, stop=lambda: len(self.slept) > len(self.happenings))


def nothing() -> None:
    """A sleep in which nothing happens."""


def follow(
    ledger: DuckLedger, path: Path, *happenings: Callable[[], object], pace: Pace = QUICK, table: str = "accesses"
) -> IngestReport:
    """Follows until all of this has happened and was looked at."""
    return ledger.follow(table, path, pace=pace, around=Script(happenings).around())


def access(number: int) -> Access:
    """The access of that number; no two are alike."""
    return Access(START + timedelta(seconds=number), f"p{number % 7}", f"c{number}")


def lines(*numbers: int) -> str:
    """Accesses as NDJSON."""
    return "".join(json.dumps(row) + "\n" for row in rows_of([access(number) for number in numbers]))


def csv_lines(*numbers: int) -> str:
    """Accesses as rows of a CSV file, under HEADER."""
    made = [access(number) for number in numbers]
    return "".join(f"{one.at.isoformat()},{one.principal},{one.customer},email\n" for one in made)


def append(path: Path, text: str | bytes) -> Callable[[], None]:
    """Writes at the end of a file, once it is called."""

    def write() -> None:
        with path.open("ab") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())

    return write


def numbers_in(ledger: DuckLedger) -> list[int]:
    """Numbers of the accesses that the ledger answers with, as often as it has them."""
    everything = ledger.opened_by([principal(f"p{n}") for n in range(7)], "email", ALWAYS)
    names = ledger.customer_names(np.unique(everything.customer))
    found = sorted(int(name.removeprefix("c")) for name in names)
    assert ledger.stats().access_count == len(found), "an access is in twice"
    return found


def source_rows(folder: Path) -> list[int]:
    """Row numbers that the segments below a ledger's folder keep."""
    segments = [pq.read_table(path)["source_row"] for path in (folder / "lake").rglob("*.parquet")]
    return sorted(int(str(row)) for rows in segments for row in rows.to_pylist())


def rejects_of(report: IngestReport) -> list[tuple[int, str]]:
    """(row, reason) of what was set aside."""
    assert report.rejects_file is not None
    told = [json.loads(line) for line in Path(report.rejects_file).read_text(encoding="utf-8").splitlines()]
    return [(one["row"], one["reason"]) for one in told]
