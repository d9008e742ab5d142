"""What a source has brought while it is read: rows by what became of them, and the times its clock is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaktrace.ledger.cells import CheckedBatch, Withheld
from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.interface import Cost
from leaktrace.ledger.rawrows import RawBatch
from leaktrace.ledger.schema import BULK_READS, TableSchema
from leaktrace.ledger.sourceoutputs import SourceOutputs
from leaktrace.ledger.taken import Taken


class Gathered:
    """What a file has brought so far."""

    def __init__(self, clock: ClockWatch, outputs: SourceOutputs) -> None:
        self.clock, self.outputs = clock, outputs
        self.also_there: set[str] = set()
        self.passed_over_count = 0
        self._accepted = self._rejected = self._bulk = self._unreadable_addresses = 0
        self._retired = self._forgotten = 0

    def count(self, schema: TableSchema, accepted: int, rejected: int, unreadable_addresses: int) -> None:
        """Counts rows of a batch that were judged."""
        self._accepted += accepted
        self._bulk += accepted if schema is BULK_READS else 0
        self._rejected += rejected
        self._unreadable_addresses += unreadable_addresses

    def count_withheld(self, withheld: Withheld) -> None:
        """Counts rows that are sound and not taken in."""
        self._retired += withheld.retired_count
        self._forgotten += withheld.forgotten_count

    def note(self, raws: Sequence[RawBatch]) -> None:
        """Remembers what the reader ignored and passed over."""
        self.also_there |= {name for raw in raws for name in raw.also_there}
        self.passed_over_count += sum(raw.passed_over_count for raw in raws)

    def watch_clock(self, checked: Sequence[CheckedBatch]) -> None:
        """Shows the clock watch the rows of all parts in the order they stand in the file."""
        parts = [c for c in checked if "at" in c.columns]
        if not parts:
            return
        rows = np.concatenate([c.rows for c in parts] + [c.withheld.rows for c in parts])
        times = [np.asarray(c.columns["at"], dtype=np.int64) for c in parts]
        at = np.concatenate(times + [c.withheld.at for c in parts])
        alone = len(parts) == 1 and not len(parts[0].withheld.rows)
        order = slice(None) if alone else np.argsort(rows, kind="stable")
        self.clock.see(rows[order], at[order])

    def row_count(self) -> int:
        """Rows so far, whatever became of them."""
        return self._accepted + self._rejected + self._retired + self._forgotten

    def cost(self, seconds: float, done_share: float | None) -> Cost:
        """What it has cost."""
        return Cost(self.row_count(), self._rejected, seconds, done_share)

    def taken(self) -> Taken:
        """All of it, as it is told."""
        return Taken(
            accepted_count=self._accepted,
            rejected_count=self._rejected,
            bulk_count=self._bulk,
            unreadable_address_count=self._unreadable_addresses,
            retired_count=self._retired,
            forgotten_count=self._forgotten,
            also_there=tuple(sorted(self.also_there)),
            passed_over_count=self.passed_over_count,
        )
