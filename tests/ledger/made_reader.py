"""A row reader for tests: lines of `at principal customer fields`; `-` is no customer, `?` cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from leaktrace.errors import LedgerError
from leaktrace.ledger.formats import AccessRow, RejectedRow

EACH_LINE_STANDS_ALONE = True


def read_lines(path: Path) -> Iterator[AccessRow | RejectedRow]:
    """The lines of a file, as accesses, bulk reads or rejected rows."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("?"):
            yield RejectedRow(number, "the line cannot be read")
            continue
        if line.startswith("!"):
            raise LedgerError(f"{path}: it breaks off at row {number}.", "Copy it again.")
        at, principal, customer, fields = line.split(" ")
        yield AccessRow(
            at=datetime.fromisoformat(at),
            principal=principal,
            customer=None if customer == "-" else customer,
            fields=tuple(fields.split(";")) if fields != "-" else (),
            action="view",
            tool="made",
            reason=None,
            source_row=number,
            statement_digest="0" * 64,
        )
