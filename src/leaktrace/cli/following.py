"""What `ingest --follow` is told, and how it is stopped."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from leaktrace.errors import UsageError
from leaktrace.ledger import Pace, StreamAsked

STANDARD_INPUT = Path("-")


@dataclass(frozen=True, slots=True)
class FollowOptions:
    """The options as given."""

    follow: bool
    every_seconds: float
    every_rows: int
    stream: str | None
    skip_committed: bool

    def source(self, paths: Sequence[Path]) -> Path | StreamAsked | None:
        """What is followed; None: nothing, whole files are read. UsageError for what does not go together."""
        if not self.follow:
            self._refuse_leftovers(paths)
            return None
        if len(paths) != 1:
            raise UsageError("One file is followed at a time.", "Start one process for each file.")
        (path,) = paths
        if path == STANDARD_INPUT:
            return StreamAsked(name=self.stream, skip_committed=self.skip_committed)
        if self.stream is not None or self.skip_committed:
            raise UsageError(
                "A file is known by its content and goes on by itself.", "Leave --stream and --skip-committed out."
            )
        if path.is_dir():
            raise UsageError(f"{path} is a folder.", "Name the file that grows.")
        return path

    def _refuse_leftovers(self, paths: Sequence[Path]) -> None:
        if STANDARD_INPUT in paths and not STANDARD_INPUT.exists():
            raise UsageError(
                "Standard input is read with --follow only.",
                "Run: producer | leaktrace ingest TABLE - --format ndjson --follow.",
            )
        if self.pace() != Pace() or self.stream is not None or self.skip_committed:
            raise UsageError(
                "--every-seconds, --every-rows, --stream and --skip-committed go with --follow.", "Add --follow."
            )

    def pace(self) -> Pace:
        """When a batch is due."""
        return Pace(every_seconds=self.every_seconds, every_rows=self.every_rows)


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come since; a second one ends the program as it always does."""
    came = list[int]()

    def remember(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, remember)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
