"""Writes files that take the place of others: aside, synced, renamed; the caller commits them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.keys import Keyring
from leaktrace.ledger.accessruns import ROW_GROUP_ROWS
from leaktrace.ledger.arrow import bytes_of
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.dictionary import Dictionary, NameKind, write_dictionary
from leaktrace.ledger.durable import DurableFile, storing
from leaktrace.ledger.lake import LAYOUT, folder_of, laid_out, parquet_writer
from leaktrace.ledger.schema import STORED, TableSchema
from leaktrace.records import Keys


class Replacements:
    """The new files of one act; at its end those go that were not committed, whatever ended it.

    A name is never used twice: whoever still reads the old file goes on reading the old file.
    """

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder, self._catalog = folder, catalog
        self._segments: list[tuple[DurableFile, TableSchema, int | None, int]] = []
        self._dictionaries: list[tuple[str, DurableFile | None, NameKind, int]] = []

    def __enter__(self) -> Replacements:
        return self

    def __exit__(self, *exception: object) -> None:
        # The catalogue is asked: an interrupt right after the commit must not take away what counts already.
        known = self._catalog.all_paths()
        for file in (*(s[0] for s in self._segments), *(d[1] for d in self._dictionaries)):
            if file is not None and str(file.place.relative_to(self._folder)) not in known:
                file.discard()

    def write_segment(self, schema: TableSchema, month: int | None, batches: Iterator[pa.RecordBatch]) -> int:
        """One segment of these rows, which come in the table's order; how many. No rows: no segment."""
        token = secrets.token_hex(12)
        place = folder_of(self._folder, schema, month) / f"{token}.parquet"
        file = DurableFile(self._folder / "tmp" / f"{schema.name}-{token}", place)
        writer: Any = None
        row_count = 0
        try:
            for group in _row_groups(batches):
                laid = laid_out(group, schema)
                with storing(file.place):
                    writer = writer or parquet_writer(file, laid.schema)
                    writer.write_table(laid, row_group_size=laid.num_rows)
                row_count += laid.num_rows
            if writer is not None:
                with storing(file.place):
                    writer.close()
        except BaseException:
            file.discard()
            raise
        if not row_count:
            file.discard()
            return 0
        self._segments.append((file, schema, month, row_count))
        return row_count

    def write_dictionary(
        self, path: str, kind: NameKind, unwanted: Keys, keyring: Keyring, *, anew: bool = False
    ) -> int:
        """The dictionary in that place without the names of these numbers; how many went.

        `anew`: write it even where none goes, under the newest generation of the key.
        """
        old = Dictionary(self._folder / path, kind, Path(path).stem)
        staying = np.flatnonzero(~np.isin(old.keys, unwanted))
        gone_count = len(old.keys) - len(staying)
        if not gone_count and not anew:
            return 0
        if not len(staying):
            self._dictionaries.append((path, None, kind, 0))
            return gone_count
        identity = f"{kind}-kept-{secrets.token_hex(12)}"
        file = DurableFile(self._folder / "tmp" / identity, self._folder / "dictionary" / f"{identity}.names")
        self._dictionaries.append((path, file, kind, len(staying)))
        with storing(file.place):
            names = pa.array(old.names(staying, keyring), pa.string())
            keys, checks = keyring.name_hashes(kind, *bytes_of(names))
            write_dictionary(file, keys, checks, names, kind=kind, identity=identity, keyring=keyring)
        return gone_count

    def publish_segments(self) -> tuple[StoredFile, ...]:
        """Puts the segments in their places."""
        return tuple(self._published(file, rows, month, schema.name) for file, schema, month, rows in self._segments)

    def publish_dictionaries(self) -> tuple[tuple[str, StoredFile | None], ...]:
        """Puts the dictionaries in theirs: (path of the old one, the new one if any name is left)."""
        return tuple(
            (path, None if file is None else self._published(file, count, None, kind))
            for path, file, kind, count in self._dictionaries
        )

    def _published(self, file: DurableFile, row_count: int, month: int | None, table: str) -> StoredFile:
        path, sha256 = str(file.place.relative_to(self._folder)), file.publish()
        with storing(file.place):
            modified = file.place.stat().st_mtime_ns
        layout = LAYOUT if table in STORED and STORED[table].splits_times else 1
        return StoredFile(path, row_count, file.size_bytes, sha256, month, table, modified, layout)


def _row_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows in tables of about `ROW_GROUP_ROWS`: what repeats is packed once a row group."""
    held, count = list[pa.RecordBatch](), 0
    for batch in batches:
        if batch.num_rows:
            held.append(batch)
            count += batch.num_rows
        if count >= ROW_GROUP_ROWS:
            yield pa.Table.from_batches(held).combine_chunks()
            held, count = [], 0
    if held:
        yield pa.Table.from_batches(held).combine_chunks()
