"""Passes over the part of a replayed stream that was committed before, and holds it against what was committed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from leaktrace.errors import LedgerError


class Replay:
    """Swallows the bytes of the batches of a stream, in order."""

    def __init__(self, batches: Sequence[tuple[int, int, str]]) -> None:
        """`batches`: (start, end, SHA-256) of each, in bytes."""
        self._waiting = [(end - start, sha256) for start, end, sha256 in batches]
        self._digest, self._done = hashlib.sha256(), 0
        self._batch_count = len(batches)

    @property
    def is_over(self) -> bool:
        """Whether all that was committed has come by."""
        return not self._waiting

    def feed(self, chunk: bytes) -> bytes:
        """What of these bytes comes after the committed part; LedgerError where the stream is another one."""
        while self._waiting and chunk:
            length, sha256 = self._waiting[0]
            part, chunk = chunk[: length - self._done], chunk[length - self._done :]
            self._digest.update(part)
            self._done += len(part)
            if self._done < length:
                break
            if self._digest.hexdigest() != sha256:
                at = self._batch_count - len(self._waiting) + 1
                raise LedgerError(
                    f"The replayed stream differs from what was committed, in batch {at} of {self._batch_count}.",
                    "Replay the very bytes from the first line on, or give the stream another name with --stream.",
                )
            self._waiting.pop(0)
            self._digest, self._done = hashlib.sha256(), 0
        return chunk

    def end(self) -> None:
        """The stream is over; LedgerError where it is shorter than what was committed."""
        if len(self._waiting) == 1 and self._done == self._waiting[0][0] - 1:
            self.feed(b"\n")  # the last line had no end of its own and was given one
        if self._waiting:
            raise LedgerError(
                "The replayed stream ended before all that was committed had come by.",
                "Replay it from its first line on, or leave --skip-committed out if it goes on where it stopped.",
            )
