"""The company's own directory of customers, asked for addresses at send time: one interface, three ways.

Nothing it answers is kept. A customer it answers twice, with two addresses, has none that we would know to be theirs.
"""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from leaktrace.errors import ResponseError
from leaktrace.response.notices.config import DirectoryConfig

_COMMAND_SECONDS = 120


class Directory(Protocol):
    """Where addresses are looked up."""

    def addresses(self, customers: Sequence[str]) -> Mapping[str, str]:
        """Customer -> address for those it knows; at most `MOST_AT_ONCE` of them. ResponseError: it cannot be asked."""


def open_directory(config: DirectoryConfig, wanted: Collection[str]) -> Directory:
    """The directory that notices.toml names. `wanted`: everybody who will be asked for."""
    if config.kind == "csv":
        return CsvDirectory(_needed(config.path), wanted, config.customer_column, config.address_column)
    if config.kind == "command":
        return CommandDirectory(config.command)
    return SqlDirectory(config.kind, _needed(config.path), config.query)


class CsvDirectory:
    """A CSV file with a header; of its rows only the wanted are held in memory."""

    def __init__(self, path: Path, wanted: Collection[str], customer_column: str, address_column: str) -> None:
        asked = frozenset(wanted)
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream)
                for column in (customer_column, address_column):
                    if column not in (reader.fieldnames or ()):
                        raise ResponseError(
                            f"{path.name} has no column {column}.", "Name it in notices.toml, [directory]."
                        )
                rows = ((row[customer_column], row[address_column]) for row in reader)
                self._found = one_each(pair for pair in rows if pair[0] in asked)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise _cannot(path.name, type(error).__name__) from error

    def addresses(self, customers: Sequence[str]) -> Mapping[str, str]:
        """See `Directory`."""
        return {one: self._found[one] for one in customers if one in self._found}


class SqlDirectory:
    """A query over SQLite or DuckDB (so, Parquet too); its one parameter, `$customers`, is a JSON list of ids."""

    def __init__(self, kind: str, path: Path, query: str) -> None:
        if "$customers" not in query:
            raise ResponseError(
                "The query of the directory has no parameter $customers.",
                "For example: SELECT id, email FROM users WHERE id IN (SELECT value FROM json_each($customers)).",
            )
        self._kind, self._path, self._query = kind, path, query

    def addresses(self, customers: Sequence[str]) -> Mapping[str, str]:
        """See `Directory`. Opened per question and for reading only: it is somebody else's database."""
        bound = {"customers": json.dumps(list(customers), ensure_ascii=False)}
        rows = self._sqlite(bound) if self._kind == "sqlite" else self._duckdb(bound)
        if rows and len(rows[0]) != 2:
            raise _cannot(self._path.name, "its query gives other columns than two, the customer and the address")
        return one_each((str(row[0]), row[1]) for row in rows)

    def _sqlite(self, bound: dict[str, str]) -> list[tuple[object, ...]]:
        try:
            connection = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                return connection.execute(self._query, bound).fetchall()
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise _cannot(self._path.name, str(error)) from error

    def _duckdb(self, bound: dict[str, str]) -> list[tuple[object, ...]]:
        import duckdb

        try:
            with duckdb.connect(str(self._path), read_only=True) as connection:
                return connection.execute(self._query, bound).fetchall()
        except duckdb.Error as error:
            raise _cannot(self._path.name, type(error).__name__) from error


class CommandDirectory:
    """A program of the company: gets a JSON list of ids on stdin, answers CSV lines `customer,address` on stdout."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    def addresses(self, customers: Sequence[str]) -> Mapping[str, str]:
        """See `Directory`. No shell is involved."""
        try:
            done = subprocess.run(  # noqa: S603 - the company's own words in its own file
                self._command,
                input=json.dumps(list(customers)).encode(),
                capture_output=True,
                check=True,
                timeout=_COMMAND_SECONDS,
            )
            rows = list(csv.reader(done.stdout.decode("utf-8").splitlines()))
        except (OSError, subprocess.SubprocessError, ValueError, csv.Error) as error:
            # Its own words may hold addresses.
            raise _cannot(Path(self._command[0]).name, type(error).__name__) from error
        asked = frozenset(customers)
        return one_each((row[0], row[1]) for row in rows if len(row) >= 2 and row[0] in asked)


def one_each(pairs: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Customer -> address; who has two different ones is left out."""
    found: dict[str, str] = {}
    doubtful: set[str] = set()
    for customer, address in pairs:
        text = "" if address is None else str(address).strip()
        if text and found.setdefault(customer, text) != text:
            doubtful.add(customer)
    return {customer: text for customer, text in found.items() if customer not in doubtful}


def _needed(path: Path | None) -> Path:
    if path is None:
        raise ResponseError("The directory in notices.toml has no path.", "Name its file under [directory].")
    return path


def _cannot(name: str, why: str) -> ResponseError:
    return ResponseError(
        f"The directory {name} cannot be asked for addresses: {why}.",
        "Nobody was written to meanwhile. Mend it, then run `notify send` again: it resumes.",
    )
