"""Batches the rows of a row reader: accesses tied to customers, and bulk reads that are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from leaktrace.errors import LedgerError
from leaktrace.ledger.arrow import arrow
from leaktrace.ledger.formats import AccessRow, BadFileError, FileFormat, PassedOver, RejectedRow, RowReader
from leaktrace.ledger.rawrows import RawBatch, reading, unpacked

_BATCH_ROWS = 65_536
_BATCH_FIELDS = 1_000_000
"""One record may name thousands of customers and as many fields of each: rows alone would not bound a batch."""
Item = AccessRow | RejectedRow | PassedOver
"""What a row reader yields."""


def row_batches(
    path: Path, file_format: FileFormat, reader: RowReader, spool_folder: Path
) -> Iterator[tuple[RawBatch, RawBatch]]:
    """(accesses, bulk reads) a batch; rejected rows come with the accesses."""
    with ExitStack() as stack:
        plain = path
        if file_format.compression:
            with reading(path, None, lambda: 0):
                spool = stack.enter_context(unpacked(path, file_format.compression, spool_folder))
            # a file without a name still has a path through its descriptor
            plain = Path(f"/dev/fd/{spool.fileno()}")
        rows = reader(plain)
        while True:
            batch = _next_batch(rows, path, plain)
            if not batch:
                return
            yield as_columns(batch)


def _next_batch(rows: Iterator[Item], path: Path, plain: Path) -> list[Item]:
    batch, field_count = list[Item](), 0
    try:
        for row in islice(rows, _BATCH_ROWS):
            batch.append(row)
            field_count += len(row.fields) if isinstance(row, AccessRow) else 0
            if field_count >= _BATCH_FIELDS:
                break
    except LedgerError as error:
        raise BadFileError(error.message.replace(str(plain), str(path)), error.hint) from error
    except OSError as error:
        raise BadFileError(f"{path}: it cannot be read: {error.strerror}.", "Copy it again.") from error
    return batch


def as_columns(batch: Sequence[Item]) -> tuple[RawBatch, RawBatch]:
    """(accesses with the rejected rows and the count of records passed over, bulk reads)."""
    rejected = [row for row in batch if isinstance(row, RejectedRow)]
    tied, bulk = list[AccessRow](), list[AccessRow]()
    passed_over = 0
    for row in batch:
        if isinstance(row, RejectedRow):
            continue
        if isinstance(row, PassedOver):
            passed_over += row.count
            continue
        if row.at.utcoffset() is None:
            rejected.append(RejectedRow(row.source_row, "at has no UTC offset"))
        elif row.customer is None:
            bulk.append(row)
        else:
            tied.append(row)
    return _raw(tied, tuple(rejected), passed_over), _raw(bulk, ())


def _raw(rows: list[AccessRow], rejected: tuple[RejectedRow, ...], passed_over: int = 0) -> RawBatch:
    columns = {
        "at": arrow.array([row.at for row in rows], pa.timestamp("us", tz="UTC")),
        "fields": arrow.array([list(row.fields) for row in rows], pa.list_(pa.string())),
    }
    for name in ("principal", "customer", "action", "tool", "reason", "statement_digest"):
        columns[name] = arrow.array([getattr(row, name) for row in rows], pa.string())
    numbers = np.array([row.source_row for row in rows], dtype=np.int64)
    return RawBatch(numbers, columns, rejected, passed_over_count=passed_over)
