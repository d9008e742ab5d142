"""What an ingest would make of files, without a ledger: the same readers and the same checks, and nothing is written.

Only a first part is read. Addresses become tokens by a key that is made for the call and thrown away, so they are
other tokens than those of a workspace. (Packed Parquet alone is unpacked, into a file without a name.)
"""

from __future__ import annotations

import functools
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from leaktrace.keys import Keyring
from leaktrace.ledger.arrow import ArrowColumn, texts_of
from leaktrace.ledger.cells import NameRules, check, words_apart
from leaktrace.ledger.engine import Engine
from leaktrace.ledger.formats import (
    AskedFormat,
    BadFileError,
    FileFormat,
    PassedOver,
    RowReader,
    format_of,
    holds_accesses_only,
    row_reader,
)
from leaktrace.ledger.jsonbyengine import json_parser
from leaktrace.ledger.rawrows import RawBatch, shown_columns
from leaktrace.ledger.redaction import redact
from leaktrace.ledger.rowwise import Item, as_columns
from leaktrace.ledger.schema import ACCESSES, BULK_READS, TableSchema, ingested_table
from leaktrace.ledger.tabular import read_batches
from leaktrace.ledger.textfiles import JsonParser
from leaktrace.ledger.times import instant
from leaktrace.records import IngestPreview, Keys, PreviewReject, PreviewRow

SHOWN_COUNT = 10
PART_COUNT = 20_000
"""Rows, records and lines read of all files together."""
_BATCH_COUNT = 2000
_ENGINE_MEGABYTES = 512
_Parts = tuple[tuple[TableSchema, RawBatch], ...]


def preview_files(
    table: str,
    files: Sequence[Path],
    *,
    file_format: str | None = None,
    options: Mapping[str, str] | None = None,
) -> IngestPreview:
    """The first rows and rejects as an ingest would have them; LedgerError where a file cannot be read."""
    schema = ingested_table(table)
    with tempfile.TemporaryDirectory() as folder:
        preview = _Preview(schema, Path(folder), AskedFormat(file_format, options or {}))
        for path in dict.fromkeys(files):
            if not preview.read(path):
                break
        return preview.result(len(set(files)))


@dataclass(slots=True)
class _Counts:
    accepted: int = 0
    bulk: int = 0
    rejected: int = 0
    passed_over: int = 0
    is_whole: bool = True

    def all(self) -> int:
        return self.accepted + self.rejected + self.passed_over


class _Names:
    """Stands in for the dictionaries: numbers names as they come, so that they can be shown."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, names: ArrowColumn) -> Keys:
        start = len(self.texts)
        self.texts += texts_of(names)
        return np.arange(start, len(self.texts), dtype=np.uint64)


@dataclass(slots=True)
class _Preview:
    """Reads files up to a ceiling and remembers what is shown."""

    schema: TableSchema
    spool_folder: Path
    asked: AskedFormat
    counts: _Counts = field(default_factory=_Counts)
    rows: list[PreviewRow] = field(default_factory=list)
    rejected: list[PreviewReject] = field(default_factory=list)
    also_there: set[str] = field(default_factory=set)
    keyring: Keyring = field(default_factory=lambda: Keyring(secrets.token_bytes(32), "preview"))

    def read(self, path: Path) -> bool:
        """Reads a file; whether more may be read."""
        if not path.is_file():
            raise BadFileError(f"{path}: there is no such file.", "Check the path.")
        file_format = format_of(path, self.asked.name, self.asked.options)
        try:
            for parts in self._parts(path, file_format):
                if not self._room():
                    self.counts.is_whole = False
                    return False
                self._take(path, parts)
        except OSError as error:
            raise BadFileError(f"{path}: it cannot be read: {error.strerror}.", "Check your permissions.") from error
        return True

    def _room(self) -> int:
        """How many more may be read."""
        return max(PART_COUNT - self.counts.all(), 0)

    def _parts(self, path: Path, file_format: FileFormat) -> Iterator[_Parts]:
        reader = row_reader(file_format.name, file_format.options)
        if reader is not None:
            if self.schema is not ACCESSES:
                raise holds_accesses_only(path, file_format.name, self.schema.name)
            yield from _read_rows(reader, path, self._room)
            return
        with _json_parser(self.spool_folder) as parser:
            for raw in read_batches(path, file_format, self.schema, parser, self.spool_folder):
                yield ((self.schema, raw),)

    def _take(self, path: Path, parts: _Parts) -> None:
        room, file = self._room(), redact(path.name, self.keyring)
        fresh: list[PreviewRow] = []
        rejects: list[PreviewReject] = []
        for schema, raw in parts:
            cut = _first(raw, room)
            self.counts.is_whole &= cut is raw
            self.counts.passed_over += raw.passed_over_count
            self.also_there |= set(raw.also_there)
            names = {kind: _Names() for kind in ("customer", "principal")}
            checked = check(cut, schema, self.keyring, {kind: NameRules(kept) for kind, kept in names.items()})
            self.counts.accepted += len(checked.rows)
            self.counts.bulk += len(checked.rows) if schema is BULK_READS else 0
            self.counts.rejected += len(checked.rejected)
            shown = {name: column.slice(0, SHOWN_COUNT).to_pylist() for name, column in checked.columns.items()}
            for place, row in enumerate(checked.rows[:SHOWN_COUNT].tolist()):
                values = self._values({name: cells[place] for name, cells in shown.items()}, schema, names)
                fresh.append(PreviewRow(file, row, values, bulk=schema is BULK_READS))
            rejects += [PreviewReject(file, one.source_row, one.reason) for one in checked.rejected]
        fresh.sort(key=lambda one: one.row)
        rejects.sort(key=lambda one: one.row)
        self.rows += fresh[: SHOWN_COUNT - len(self.rows)]
        self.rejected += rejects[: SHOWN_COUNT - len(self.rejected)]

    def _values(self, cells: dict[str, Any], schema: TableSchema, names: dict[str, _Names]) -> dict[str, str | None]:
        """What is kept of a row, by the columns of the table that is previewed."""
        kinds = {column.name: column for column in schema.columns}
        values: dict[str, str | None] = {}
        for column in self.schema.columns:
            own = kinds.get(column.name)
            stored = column.beside or column.stored or column.name
            cell = cells.get(f"{column.name}_exact" if column.kind == "address" else stored) if own else None
            if cell is not None and column.kind == "words":
                beside = [one.name for one in self.schema.columns if one.beside == stored]
                cell = ";".join(words_apart(cell, beside)[column.name if column.beside else ""]) or None
            if cell is None:
                values[column.name] = None
            elif column.kind == "instant":
                at = instant(cell)
                values[column.name] = None if at is None else at.isoformat().replace("+00:00", "Z")
            elif column.kind == "address":
                values[column.name] = f"address:{cell[:8].hex()}"
            elif column.kind == "customer":
                values[column.name] = redact(names["customer"].texts[cell], self.keyring)
            elif column.kind == "principal":
                values[column.name] = names["principal"].texts[cell]
            else:
                values[column.name] = str(cell)
        return values

    def result(self, file_count: int) -> IngestPreview:
        """All of it."""
        ignored = sorted(self.also_there)
        note = f"Columns that {self.schema.name} does not have are ignored: {shown_columns(ignored)}."
        return IngestPreview(
            table=self.schema.name,
            file_count=file_count,
            accepted_count=self.counts.accepted,
            bulk_count=self.counts.bulk,
            rejected_count=self.counts.rejected,
            passed_over_count=self.counts.passed_over,
            is_whole=self.counts.is_whole,
            rows=tuple(self.rows),
            rejected=tuple(self.rejected),
            notes=(note,) if ignored else (),
        )


def _read_rows(reader: RowReader, path: Path, room: Callable[[], int]) -> Iterator[_Parts]:
    """Small batches, none larger than what may still be read; one more where that is nothing, to tell that there is."""
    items: Iterator[Item] = reader(path)
    while True:
        batch, rest = _first_items(items, min(max(room(), 1), _BATCH_COUNT))
        if not batch:
            return
        tied, bulk = as_columns(batch)
        yield (ACCESSES, tied), (BULK_READS, bulk)
        items = chain(rest, items)


def _first_items(items: Iterator[Item], count: int) -> tuple[list[Item], list[PassedOver]]:
    """So many rows and records passed over, and what is left of a portion of these that was larger."""
    batch = list[Item]()
    while count and (item := next(items, None)) is not None:
        if isinstance(item, PassedOver) and item.count > count:
            return [*batch, PassedOver(count)], [PassedOver(item.count - count)]
        batch.append(item)
        count -= item.count if isinstance(item, PassedOver) else 1
    return batch, []


@contextmanager
def _json_parser(folder: Path) -> Iterator[JsonParser]:
    """JSON is taken apart by an engine of its own, made when it is first needed."""
    with ExitStack() as stack:

        @functools.cache
        def engine() -> Engine:
            made = Engine(folder, _ENGINE_MEGABYTES, may_spill=False)
            stack.callback(made.close)
            return made

        yield json_parser(engine)


def _first(raw: RawBatch, count: int) -> RawBatch:
    """The batch cut to so many rows, rejected ones counted as they stand between them."""
    numbers = np.concatenate([raw.rows, np.array([one.source_row for one in raw.rejected], dtype=np.int64)])
    if len(numbers) <= count:
        return raw
    end = int(np.sort(numbers)[count])
    kept = int(np.searchsorted(raw.rows, end))
    return replace(
        raw,
        rows=raw.rows[:kept],
        columns={name: column.slice(0, kept) for name, column in raw.columns.items()},
        rejected=tuple(one for one in raw.rejected if one.source_row < end),
    )
