"""A process that follows a file until it is killed; started from a server that has everything imported."""

from __future__ import annotations

from pathlib import Path

from leaktrace.ledger import Pace
from tests.ledger.small_ledgers import open_ledger

BUSY = Pace(every_seconds=0.01, every_rows=25, poll_seconds=0.01, quiet_seconds=0.05)
"""Many small batches, so that a kill meets every step of one."""


def follow_until_killed(ledger: str, log: str) -> None:
    """Never returns."""
    with open_ledger(Path(ledger)) as opened:
        opened.follow("accesses", Path(log), pace=BUSY)
