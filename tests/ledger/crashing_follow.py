"""A process that follows a file until it is killed; started from a server that has everything imported."""

from __future__ import annotations

from multiprocessing.synchronize import Event
from pathlib import Path

from leaktrace.ledger import Around, Pace
from tests.ledger.small_ledgers import open_ledger

BUSY = Pace(every_seconds=0.01, every_rows=25, poll_seconds=0.01, quiet_seconds=0.05)
"""Many small batches, so that a kill meets every step of one."""


def follow_until_killed(ledger: str, log: str, at_work: Event, took_rows: Event) -> None:
    """Never returns; says when it has begun to look at the log, and when rows are committed, however busy the machine
    is.
    """

    def stop() -> bool:
        at_work.set()
        return False

    def told(what: str, done: int, _total: int | None) -> None:
        if what.startswith("following") and done:
            took_rows.set()

    with open_ledger(Path(ledger)) as opened:
        opened.follow("accesses", Path(log), pace=BUSY, around=Around(stop=stop), progress=told)
