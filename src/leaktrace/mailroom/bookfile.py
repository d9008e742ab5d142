"""The file that the mail book lies in: made and checked when it is opened, written by one at a time.

What is written in one transaction is there as a whole or not at all. Readers are not disturbed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from leaktrace.errors import KeyFileError, MailError, WorkspaceError
from leaktrace.keys import Keyring
from leaktrace.mailroom.bookupgrade import upgrade
from leaktrace.mailroom.schema import CONTENTS, FORMAT, SCHEMA

MAIL_DB = "mail.db"


class BookFile:
    """An open one: its connection, and the ways in which it is read and written."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._path = path
        self._lock_file = path.with_name("mail.lock")

    @classmethod
    def open(cls, folder: Path, keyring: Keyring) -> BookFile:
        """The file in this folder, made when there is none.

        KeyFileError for another workspace's key, WorkspaceError for a newer version's book, MailError otherwise.
        """
        path = folder / MAIL_DB
        with _disk(path):
            folder.mkdir(mode=0o700, exist_ok=True)
            # Made here, so that it and SQLite's files beside it (same mode) are never readable by others.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, isolation_level=None, timeout=60.0)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA foreign_keys=ON")
                file = cls(path, connection)
                file._make_tables(keyring)
                file._check(keyring)
            except BaseException:
                connection.close()
                raise
        return file

    def close(self) -> None:
        """Lets the file go."""
        self.connection.close()

    # --- ways of reading and writing --------------------------------------------------------------------------

    def disk(self) -> AbstractContextManager[None]:
        """Around any statement: the database's errors become ours."""
        return _disk(self._path)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Several questions to one state of the book, whatever a writer does meanwhile."""
        with self.disk():
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction, one writer at a time."""
        with self.disk():
            handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                self.connection.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self.connection.execute("COMMIT")
                except BaseException:
                    if self.connection.in_transaction:
                        self.connection.execute("ROLLBACK")
                    raise
            finally:
                os.close(handle)

    # --- when it is opened ------------------------------------------------------------------------------------

    def _make_tables(self, keyring: Keyring) -> None:
        if not self._has_table("book"):
            with self.writing():
                for statement in SCHEMA:
                    self.connection.execute(statement)
                self.connection.execute(
                    "INSERT INTO book SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM book)",
                    (FORMAT, keyring.check_value()),
                )
        if not self._has_table("contents"):
            # A book that was made before messages were known by what they say gets the table when it is opened.
            with self.writing():
                self.connection.execute(CONTENTS)

    def _has_table(self, name: str) -> bool:
        asked = "SELECT 1 FROM sqlite_master WHERE name = ?"
        return self.connection.execute(asked, (name,)).fetchone() is not None

    def _check(self, keyring: Keyring) -> None:
        """Refuses a book that is not for us; one of an earlier format becomes one of today."""
        book_format, check_value = self.connection.execute("SELECT format, check_value FROM book").fetchone()
        if book_format > FORMAT:
            raise WorkspaceError(
                f"{self._path} was written by a newer leaktrace: it has format {book_format}.",
                f"Open this workspace with the newer version; this one knows formats up to {FORMAT}.",
            )
        if check_value != keyring.check_value():
            raise KeyFileError(
                f"The key does not belong to {self._path}.",
                "Set LEAKTRACE_KEY_FILE to the key file of this workspace.",
            )
        if book_format < FORMAT:
            with self.writing():
                upgrade(self.connection)


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[None]:
    """The one place where SQLite's and the file system's errors become ours."""
    hint = "Free space or make the disk writable, then do the same again: nothing was half-written."
    try:
        yield
    except OSError as error:
        raise MailError(f"{path} cannot be opened: {error.strerror}.", hint) from error
    except sqlite3.OperationalError as error:
        raise MailError(f"{path} cannot be read or written: {error}.", hint) from error
    except sqlite3.DatabaseError as error:
        raise MailError(f"{path} is damaged: {error}.", "Restore it from backup, or receive the mail anew.") from error
