"""A small database of the mailroom's own beside the mail book: one file, its owner's alone, its errors told as ours.

What is written in one transaction is there as a whole or not at all, and durable when the block ends.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from leaktrace.errors import MailError


class SmallBook:
    """An open one. `hint`: what whoever cannot read or write it may do."""

    def __init__(self, path: Path, schema: Iterable[str], hint: str) -> None:
        self._path = path
        self._hint = hint
        with self._guarded():
            # Made here, so that it and SQLite's files beside it (same mode) are never readable by others.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=60.0)
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                for statement in schema:
                    self._connection.execute(statement)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection; what fails within is told as MailError. Single statements may be written with it, too."""
        with self._guarded():
            yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection, in one transaction, one writer at a time."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise MailError(f"{self._path} cannot be read or written: {error}.", self._hint) from error
