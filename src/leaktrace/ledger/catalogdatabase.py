"""The catalogue's SQLite file: made or brought to today's version, its transactions, its errors as LedgerError."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger import followed
from leaktrace.ledger.catalogversions import CONTENTS, VERSION, steps_from


class CatalogDatabase:
    """One connection to the file. What is done outside of `writing` and `reading` is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._within = False
        with self._guarded():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA foreign_keys = ON")
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        with self.writing():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise LedgerError(
                    f"{self._path} was written by a newer version of leaktrace (ledger format {version}).",
                    "Install the version that made this workspace, or a newer one.",
                )
            for statement in steps_from(version):
                self._connection.execute(statement)
            for statement in (*followed.SCHEMA, CONTENTS):
                self._connection.execute(statement)
            if version < VERSION:
                self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"The ledger's catalogue {self._path} failed: {error}.",
                "Check free space and permissions; what was committed before is safe.",
            ) from error

    @property
    def in_transaction(self) -> bool:
        """Whether a block of `writing` or `reading` is open."""
        return self._connection.in_transaction

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of the block or nothing; a block inside another one is part of it."""
        if self._within:
            yield self._connection
            return
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            self._within = True
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._within = False

    @contextmanager
    def reading(self, afterwards: Callable[[], None]) -> Iterator[None]:
        """All of the block sees one committed state; `afterwards` is called when it may be written again."""
        if self._within or self._connection.in_transaction:
            yield
            return
        with self._guarded():
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            with self._guarded():
                self._connection.execute("COMMIT")
            afterwards()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """The answer to a question."""
        with self._guarded():
            return self._connection.execute(sql, values).fetchall()
