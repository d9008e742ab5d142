"""Gathers lines until a batch is due and commits it when nobody else is writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from typing import Any

from leaktrace.errors import LedgerError, UsageError, to_utf8
from leaktrace.ledger.batches import LineTaker, Target
from leaktrace.ledger.formats import BadFileError
from leaktrace.ledger.linecutting import LineBuffer, header_of
from leaktrace.ledger.rawrows import HEAD_BYTES
from leaktrace.ledger.replay import Replay
from leaktrace.ledger.taken import Taken

OnlyWriter = Callable[[], AbstractContextManager[bool]]
"""Holds the writer's lock, or says that another has it."""
_MEMORY_SHARE = 16
"""A batch is held several times over while it is read, so it is at most this part of the memory allowed."""
_PATIENCE_SECONDS = 10.0
"""So long another writer is waited for once a stop is asked for."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When a batch is due, and how often to look."""

    every_seconds: float = 10.0
    every_rows: int = 100_000
    poll_seconds: float = 0.5
    quiet_seconds: float = 5.0
    """A file that was renamed is done once it has not grown for so long: whoever writes may still hold it."""

    def checked(self) -> Pace:
        """Itself; UsageError where it cannot be kept."""
        if not 0 < self.every_seconds <= 86_400:
            raise UsageError("--every-seconds is more than 0 and at most 86400.", "The default is 10.")
        if not 1 <= self.every_rows <= 10_000_000:
            raise UsageError("--every-rows lies between 1 and 10000000.", "The default is 100000.")
        return self


@dataclass(frozen=True, slots=True)
class Around:
    """What following takes from outside."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    stop: Callable[[], bool] = lambda: False
    """Whether to commit what is whole and end."""


class Batcher:
    """Lines of one file after the other, on their way into the ledger."""

    def __init__(self, target: Target, pace: Pace, around: Around, only_writer: OnlyWriter, memory_bytes: int) -> None:
        self._target, self._pace, self._around, self._only_writer = target, pace, around, only_writer
        self._most_bytes = memory_bytes // _MEMORY_SHARE
        self._taker: LineTaker | None = None
        self._head = b""
        self._buffer = LineBuffer(target.lines.cut)
        self._replay = Replay(())
        self.taken = Taken()
        self.batch_count = 0

    def begin(self, taker: LineTaker) -> None:
        """Goes on with this file; whatever waited of another is forgotten."""
        self._taker, self._head, self._buffer = taker, b"", LineBuffer(self._target.lines.cut)
        self._replay = Replay(())

    def pass_over(self, replay: Replay) -> None:
        """What is committed comes by again and is held against this."""
        self._replay = replay

    @property
    def taker(self) -> LineTaker:
        """How far the present file is taken."""
        assert self._taker is not None, "begin comes first"  # noqa: S101 - a fault of ours, not of the input
        return self._taker

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes."""
        if self._target.lines.has_header and self.taker.header is None:
            self._head += chunk
            try:
                self.taker.header = header_of(self._head)
            except UnicodeDecodeError as error:
                raise BadFileError(
                    f"{self.taker.shown}: the text is not UTF-8 at byte {error.start}.",
                    to_utf8(self._head),
                ) from error
            except LedgerError as error:
                raise BadFileError(f"{self.taker.shown}: {error.message}", error.hint) from error
            if self.taker.header is None:
                if len(self._head) > HEAD_BYTES:
                    raise BadFileError(f"{self.taker.shown}: the first line has no end.", "Is it CSV? Say --format.")
                return
            chunk, self._head = self._head[len(self.taker.header.text) :], b""
        chunk = self._replay.feed(chunk)
        try:
            self._buffer.feed(chunk, self._around.clock())
        except LedgerError as error:
            raise BadFileError(f"{self.taker.shown}: {error.message}", error.hint) from error

    def finish_line(self, *, end: bytes = b"") -> None:
        """Nothing more comes of this file: its last line is taken as it stands, `end` added to it."""
        if not self._replay.is_over:
            self._replay.end()
        if self._buffer.rest_bytes:
            self.feed(end)
            self._buffer.finish(self._around.clock())

    def commit(self, *, everything: bool = False) -> None:
        """Commits what is due, or all complete lines."""
        while self._buffer.line_count and (everything or self._is_due()):
            # Taken off the buffer only to be committed: a failure ends the run, and the next one reads them again.
            text = self._buffer.take(self._pace.every_rows)
            with self._alone():
                self.taken = sum_of(self.taken, self.taker.take(text))
            self.batch_count += 1

    def _is_due(self) -> bool:
        since = self._buffer.since
        return (
            self._buffer.line_count >= self._pace.every_rows
            or self._buffer.whole_bytes >= self._most_bytes
            or (since is not None and self._around.clock() - since >= self._pace.every_seconds)
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The writer's lock; waits while another process has it."""
        asked_at: float | None = None
        while True:
            with self._only_writer() as alone:
                if alone:
                    yield
                    return
            now = self._around.clock()
            asked_at = now if asked_at is None and self._around.stop() else asked_at
            if asked_at is not None and now - asked_at >= _PATIENCE_SECONDS:
                raise LedgerError(
                    "The last lines are not committed: another process is writing.",
                    "Follow again once it is done; of a file nothing is lost.",
                )
            self._around.sleep(self._pace.poll_seconds)


def sum_of(one: Taken, other: Taken) -> Taken:
    """What two parts brought together: counts add up, names are there once."""
    return Taken(
        **{field.name: _together(getattr(one, field.name), getattr(other, field.name)) for field in fields(one)}
    )


def _together(one: Any, other: Any) -> Any:
    return one + other if isinstance(one, int) else tuple(sorted({*one, *other}))
