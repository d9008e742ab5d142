"""Keeps a log and its anchors together: what a store calls when it opens and after each commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leaktrace.cases.custody.anchor import check_anchors, move_anchors, start_anchors
from leaktrace.cases.custody.checkpoints import SignedCheckpoint
from leaktrace.cases.custody.log import CustodyLog
from leaktrace.cases.custody.logkeys import LogKeys


class LogKeeper:
    """The anchors of one log, with the keys that sign them."""

    def __init__(self, keys: LogKeys, anchors: Sequence[Path]) -> None:
        """`anchors`: where checkpoints are kept outside the database; at least one."""
        self.keys = keys
        self.anchors = tuple(anchors)

    def begin(self, log: CustodyLog) -> None:
        """Call when the database is opened, before anything is appended.

        An empty log gets its anchors; a log with entries must continue each of them, else CustodyError.
        """
        if log.head().size == 0:
            start_anchors(self.anchors, self.keys.signer, log)
        self.check(log)

    def check(self, log: CustodyLog) -> SignedCheckpoint:
        """The furthest anchor, if the log continues every one; CustodyError on truncation, fork or a missing anchor."""
        return check_anchors(log, self.anchors, self.keys.origin, self.keys.keys)

    def moved(self, log: CustodyLog) -> str:
        """Call after each commit: the anchors follow. The signed checkpoint of the log's head."""
        return move_anchors(log, self.anchors, self.keys.signer, self.keys.keys)
