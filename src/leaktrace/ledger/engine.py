"""The one place where DuckDB runs: named queries in, Arrow out, its errors turned into LedgerError.

DuckDB sees the ledger's own folder and nothing else: no network, no extension that is not built in, bounded memory.
What it spills when memory is short lies in the ledger's folder for a while and is not encrypted (DuckDB cannot without
an extension), so nothing goes into an engine that the lake itself may not hold; an engine that must see more spills
nothing. Values, paths included, are bound, never written into SQL.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.ledger.durable import make_folder

STREAM_ROWS = 122_880
_MEGABYTES_A_THREAD = 128
"""Each thread of a sort holds blocks of its own that cannot be spilled; with less it fails instead of spilling."""
SPILL_PREFIX = "spill-"
"""Followed by the process's number and a token: the folder it may spill to."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question in SQL, its bound values and the small tables it joins with."""

    name: str
    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    """Name in the SQL -> Arrow table; there only while the query runs."""


class Answers(Protocol):
    """Whatever answers the ledger's named queries: the same rows, in the same order, of the same Arrow types."""

    def run(self, query: Query) -> pa.Table:
        """All rows of the answer; LedgerError where there is none."""

    def close(self) -> None:
        """Lets go of files, memory and connections."""


class Engine:
    """An in-memory DuckDB that may read one folder; implements `Answers`."""

    def __init__(
        self, folder: Path, memory_megabytes: int, threads: int | None = None, *, may_spill: bool = True
    ) -> None:
        self._folder, self._memory_megabytes = folder, memory_megabytes
        self._spill = folder / "tmp" / f"{SPILL_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        make_folder(self._spill)
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{memory_megabytes}MB",
                "threads": threads or max(1, min(os.cpu_count() or 1, memory_megabytes // _MEGABYTES_A_THREAD)),
                "temp_directory": str(self._spill) if may_spill else "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
            },
        )
        for name, sql, values in _LOCKDOWN:
            self.execute(Query(name, sql, {k: v.format(folder=folder) for k, v in values.items()}))

    def close(self) -> None:
        """Lets go of memory and spilled bytes."""
        self._connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)

    def run(self, query: Query) -> pa.Table:
        """All rows of the answer."""
        with self._guarded(query):
            answer: pa.Table = self._connection.sql(query.sql, params=dict(query.values)).to_arrow_table()
            return answer

    def execute(self, query: Query) -> None:
        """Runs what has no answer."""
        with self._guarded(query):
            self._connection.execute(query.sql, dict(query.values))

    def stream(self, query: Query) -> Iterator[pa.RecordBatch]:
        """The answer in batches, for answers that may not fit in memory."""
        with self._guarded(query):
            yield from self._connection.sql(query.sql, params=dict(query.values)).to_arrow_reader(STREAM_ROWS)

    @contextmanager
    def _guarded(self, query: Query) -> Iterator[None]:
        try:
            for name, table in query.tables.items():
                self._connection.register(name, table)
            yield
        except duckdb.OutOfMemoryException as error:
            raise LedgerError(
                f"The ledger in {self._folder} had too little memory for '{query.name}': {_first_line(error)}.",
                f"Raise the setting ingest_memory_megabytes (it allows {self._memory_megabytes} here), or look whether"
                " the disk has room for what is spilled.",
            ) from error
        except (duckdb.Error, pa.ArrowException) as error:
            raise LedgerError(
                f"The ledger in {self._folder} could not answer '{query.name}': {_first_line(error)}.",
                "If a file of it is damaged or missing, restore the workspace from your backup."
                f" The query was: {' '.join(query.sql.split())}.",
            ) from error
        finally:
            for name in query.tables:
                self._connection.unregister(name)


# Memory and threads are set before; after the last line nothing can be loosened again.
_LOCKDOWN: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("no progress bar", "SET enable_progress_bar = false", {}),
    ("allow the ledger folder", "SET allowed_directories = [$folder]", {"folder": "{folder}"}),
    ("no other files, no network", "SET enable_external_access = false", {}),
    ("lock the configuration", "SET lock_configuration = true", {}),
)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0].rstrip(".")
