"""What a way in is: batches of messages, each of which may be disposed of only after it was committed.

Whoever takes them in calls `settle` when the batch is on disk and in the book, and never before; a process that is
killed in between leaves the messages where they are, and they come again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from leaktrace.mailroom.sources import FoundMessage

STEP_SECONDS = 0.5
"""How often a way in that waits asks whether to stop."""
Stop = Callable[[], bool]
"""Whether to end after the batch in hand."""
Tell = Callable[[str], None]
"""Takes a sentence for whoever watches; it never holds a secret or a customer's address."""


def nothing() -> None:
    """What is left to do where a way in leaves its messages alone."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages to be committed together."""

    messages: tuple[FoundMessage, ...]
    settle: Callable[[], None] = nothing
    """To be called once the batch is committed."""
    refuse: Callable[[], None] | None = None
    """To be called where it could not be committed: the sender keeps it and tries again. None: that ends the way."""


class WayIn(Protocol):
    """Where messages come from."""

    def batches(self, *, stop: Stop, tell: Tell) -> Generator[Batch, None, None]:
        """Batches in the order they come, until there are no more or `stop` says so; MailError where it cannot go on.

        The next batch is asked for only after this one was settled or refused.
        """
        ...


def pause(seconds: float, stop: Stop) -> None:
    """Waits, but not when it is time to stop."""
    until = time.monotonic() + seconds
    while not stop() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, STEP_SECONDS))
