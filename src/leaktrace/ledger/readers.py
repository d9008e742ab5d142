"""Those who ask are not disturbed by those who replace files: a lock that all readers share, and one committed state.

A question lists the files that count and then reads them. Compaction, erasure and retention replace files; the
replaced ones may go only when nobody can still be reading them. So whoever asks holds a shared lock from before the
listing until the answer, and a replaced file is removed only under the same lock held alone, after the catalogue no
longer names it: who listed before is waited for (or the file stays until later), who lists after does not see it.
The system lets go of the lock of a process that dies. Within a question all is read from one state of the catalogue.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.durable import locked_alone, storing

P = ParamSpec("P")
Answer = TypeVar("Answer")


class Readers:
    """The lock of one ledger's readers, as this process holds it."""

    def __init__(self, lock_file: Path, catalog: Catalog) -> None:
        self._lock_file, self._catalog = lock_file, catalog
        self._depth = 0
        with storing(lock_file):
            self._handle = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)

    def close(self) -> None:
        """Lets go of the lock's file."""
        os.close(self._handle)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All in the block is read from one committed state, and no file of that state goes away meanwhile."""
        if self._depth == 0:
            with storing(self._lock_file):  # a file system without locks
                fcntl.flock(self._handle, fcntl.LOCK_SH)
        self._depth += 1
        try:
            # The state is fixed by the first look into the catalogue, so after the lock is held.
            with self._catalog.reading():
                yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    @contextmanager
    def nobody_reads(self, patience_seconds: float = 0.0) -> Iterator[bool]:
        """Whether no process is in the middle of a question; then none can begin one inside the block."""
        with storing(self._lock_file):
            handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield locked_alone(handle, patience_seconds)
        finally:
            os.close(handle)


class Asked(Protocol):
    """Something that answers questions out of the ledger's files."""

    @property
    def _readers(self) -> Readers: ...


Asker = TypeVar("Asker", bound=Asked)


def question(
    method: Callable[Concatenate[Asker, P], Answer],
) -> Callable[Concatenate[Asker, P], Answer]:
    """The method answers out of one committed state whose files stay until it is done."""

    @wraps(method)
    def answered(asked: Asker, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        with asked._readers.reading():
            return method(asked, *args, **kwargs)

    return answered
