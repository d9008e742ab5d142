"""A copy of the customer table as CSV, and which of its customers a statement's conditions hold for."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from leaktrace.errors import LedgerError
from leaktrace.ledger.csvlines import RECORD_CEILING_CHARACTERS, RecordLines, TooLongError
from leaktrace.ledger.pgaudit.ceilings import PATTERN_CEILING_CHARACTERS
from leaktrace.ledger.pgaudit.like import compile_like
from leaktrace.ledger.pgaudit.options import KEY_COLUMNS, PgauditOptions
from leaktrace.ledger.pgaudit.record import split_array
from leaktrace.ledger.pgaudit.scopes import (
    ArrayOf,
    Comparison,
    Condition,
    Opaque,
    Parameter,
    Parameters,
    Value,
)

Verdict = Callable[[Mapping[str, str]], bool | None]
"""Whether a condition holds for a row; None is "not known"."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The customer table at one time."""

    columns: tuple[str, ...]
    """In lower case."""
    key_column: str
    rows: tuple[tuple[str, ...], ...]

    def customers(self, conditions: tuple[Condition, ...], parameters: Parameters) -> tuple[str, ...] | None:
        """Keys of the rows that all conditions hold for; None where that cannot be said for every row."""
        key = self.columns.index(self.key_column)
        verdicts_of = [verdict_of(condition, parameters) for condition in conditions]
        found: list[str] = []
        for row in self.rows:
            values = dict(zip(self.columns, row, strict=True))
            verdicts = [verdict(values) for verdict in verdicts_of]
            if False in verdicts:
                continue
            if None in verdicts:
                return None
            found.append(row[key])
        return tuple(dict.fromkeys(found))


def read_snapshot(path: Path, options: PgauditOptions) -> Snapshot:
    """The table in a CSV file with a header; LedgerError for a file that is none or has no key column."""
    rows: list[tuple[str, ...]] = []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            records = _records(stream, path)
            header = tuple(name.strip().lower() for name in next(records, ()))
            for number, row in enumerate(filter(None, records), 2):
                if len(row) != len(header):
                    raise LedgerError(f"{path}: line {number} of the snapshot has not as many fields as the header.")
                rows.append(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LedgerError(f"{path}: the snapshot cannot be read as CSV in UTF-8.", "Export the table again.") from error
    wanted = (options.key_column.lower(),) if options.key_column else (*KEY_COLUMNS, "id")
    key_column = next((name for name in wanted if name in header), None)
    if key_column is None:
        raise LedgerError(
            f"{path}: the snapshot has none of the columns {', '.join(wanted)}.", "Say key_column, or export it too."
        )
    if len(set(header)) < len(header):
        raise LedgerError(f"{path}: a column of the snapshot is there more than once.", "Export the table again.")
    return Snapshot(header, key_column, tuple(rows))


def _records(stream: IO[str], path: Path) -> Iterator[tuple[str, ...]]:
    lines = RecordLines(stream)
    records = csv.reader(lines, strict=True)
    try:
        for row in records:
            lines.next_record()
            yield tuple(row)
    except TooLongError as error:
        raise LedgerError(
            f"{path}: after line {records.line_num} of the snapshot stands a record of more than "
            f"{RECORD_CEILING_CHARACTERS} characters.",
            "Export the table again.",
        ) from error


def known_values(values: tuple[Value, ...], parameters: Parameters) -> tuple[str, ...] | None:
    """What the values are, parameters and arrays looked up; None where one of them is not known."""
    found: list[str] = []
    for value in values:
        plain = value.value if isinstance(value, ArrayOf) else value
        text = parameters.get(plain.number) if isinstance(plain, Parameter) else plain
        if text is None:
            return None
        elements = split_array(text) if isinstance(value, ArrayOf) else (text,)
        if elements is None:
            return None
        found += elements
    return tuple(dict.fromkeys(found))


def verdict_of(condition: Condition, parameters: Parameters) -> Verdict:
    """SQL's three-valued logic over texts; None is "not known", as of an empty cell, which may be NULL.

    What does not depend on the row, the values compared with and their patterns, is worked out here and not per row.
    """
    if isinstance(condition, Opaque):
        return _not_known
    if isinstance(condition, Comparison):
        return _comparison_verdict(condition, parameters)
    parts = [verdict_of(part, parameters) for part in condition.parts]
    return lambda row: _joined(condition.kind, [part(row) for part in parts])


def _not_known(_row: Mapping[str, str]) -> None:
    """The verdict on every row, where a value or the condition itself is not understood."""


def _joined(kind: Literal["and", "or", "not"], verdicts: list[bool | None]) -> bool | None:
    if kind == "not":
        return None if verdicts[0] is None else not verdicts[0]
    decides = kind == "or"
    if decides in verdicts:
        return decides
    return None if None in verdicts else not decides


def _comparison_verdict(comparison: Comparison, parameters: Parameters) -> Verdict:
    column = comparison.column.column.lower()
    values = known_values(comparison.values, parameters)
    if values is None:
        return _not_known
    if comparison.kind != "equals" and any(len(value) > PATTERN_CEILING_CHARACTERS for value in values):
        return _not_known
    matches = _test_of(comparison.kind, values)

    def verdict(row: Mapping[str, str]) -> bool | None:
        cell = row.get(column)
        return matches(cell) if cell else None

    return verdict


def _test_of(kind: Literal["equals", "like", "ilike"], values: tuple[str, ...]) -> Callable[[str], bool]:
    if kind == "equals":
        return frozenset(values).__contains__
    patterns = [compile_like(value, ignores_case=kind == "ilike") for value in values]
    return lambda cell: any(pattern.matches(cell) for pattern in patterns)
