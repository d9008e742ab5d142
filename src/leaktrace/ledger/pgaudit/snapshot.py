"""A copy of the customer table as CSV, and which of its customers a statement's conditions hold for."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger.pgaudit.options import KEY_COLUMNS, PgauditOptions
from leaktrace.ledger.pgaudit.record import split_array
from leaktrace.ledger.pgaudit.scopes import (
    ArrayOf,
    Comparison,
    Condition,
    Junction,
    Opaque,
    Parameter,
    Parameters,
    Value,
)


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
        found: list[str] = []
        for row in self.rows:
            values = dict(zip(self.columns, row, strict=True))
            verdicts = [holds(condition, values, parameters) for condition in conditions]
            if False in verdicts:
                continue
            if None in verdicts:
                return None
            found.append(row[key])
        return tuple(dict.fromkeys(found))


def read_snapshot(path: Path, options: PgauditOptions) -> Snapshot:
    """The table in a CSV file with a header; LedgerError for a file that is none or has no key column."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream, strict=True)
            header = tuple(name.strip().lower() for name in next(lines, []))
            rows = tuple(tuple(row) for row in lines if row)
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
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise LedgerError(f"{path}: line {number} of the snapshot has not as many fields as the header.")
    return Snapshot(header, key_column, rows)


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


def holds(condition: Condition, row: Mapping[str, str], parameters: Parameters) -> bool | None:
    """SQL's three-valued logic over texts; None is "not known", as of an empty cell, which may be NULL."""
    if isinstance(condition, Opaque):
        return None
    if isinstance(condition, Comparison):
        return _compares(condition, row, parameters)
    return _joined(condition, [holds(part, row, parameters) for part in condition.parts])


def _joined(junction: Junction, verdicts: list[bool | None]) -> bool | None:
    if junction.kind == "not":
        return None if verdicts[0] is None else not verdicts[0]
    decides = junction.kind == "or"
    if decides in verdicts:
        return decides
    return None if None in verdicts else not decides


def _compares(comparison: Comparison, row: Mapping[str, str], parameters: Parameters) -> bool | None:
    cell = row.get(comparison.column.column.lower())
    values = known_values(comparison.values, parameters)
    if cell is None or cell == "" or values is None:
        return None
    if comparison.kind == "equals":
        return cell in values
    flags = re.DOTALL | (re.IGNORECASE if comparison.kind == "ilike" else 0)
    return any(re.fullmatch(_like(pattern), cell, flags) is not None for pattern in values)


def _like(pattern: str) -> str:
    """A LIKE pattern (PostgreSQL manual, 9.7.1) as a regular expression."""
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and position + 1 < len(pattern):
            position += 1
            parts.append(re.escape(pattern[position]))
        elif character == "%":
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        else:
            parts.append("." if character == "_" else re.escape(character))
        position += 1
    return "".join(parts)
