"""Seals what cases keep anew under the newest generation of the workspace key; what it says stays the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from leaktrace.keys import Keyring


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with a column `sealed`, and how the context of a row is said from its key."""

    name: str
    keys: tuple[str, ...]
    context: Callable[..., str]
    """Takes the values of `keys`, in order."""


def reseal_tables(
    connection: sqlite3.Connection,
    keyring: Keyring,
    begun: Callable[[], AbstractContextManager[None]],
    tables: Sequence[SealedTable],
) -> int:
    """How many rows were under an older generation. Each table is one transaction: killed, the next call goes on."""
    count = 0
    # Else the bytes under the old key would stay in free pages of the file.
    connection.execute("PRAGMA secure_delete = ON")
    for table in tables:
        columns = ", ".join(table.keys)
        wanted = " AND ".join(f"{key} = ?" for key in table.keys)
        with begun():
            rows = connection.execute(f"SELECT sealed, {columns} FROM {table.name}").fetchall()  # noqa: S608 - our names
            for sealed, *values in rows:
                anew = keyring.resealed(sealed, table.context(*values))
                if anew is not None:
                    connection.execute(f"UPDATE {table.name} SET sealed = ? WHERE {wanted}", (anew, *values))  # noqa: S608
                    count += 1
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count
