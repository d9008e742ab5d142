"""How many rows of a Parquet file may be unpacked at once.

A value that is written once in a dictionary and meant by a million rows takes a few kilobytes of the file and gigabytes
of memory. So before rows are read, their size is estimated of what the file says of each column, and of the longest
value in its dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.ledger.arrow import compute
from leaktrace.ledger.formats import BadFileError

BATCH_ROWS = 1_048_576
BATCH_BYTES = 256 * 1024 * 1024
"""Of one column, unpacked."""
_PEEK_BYTES = 65_536


def rows_at_once(path: Path, source: Any, metadata: Any, columns: Sequence[str]) -> int:
    """The rows of one batch; BadFileError where one row alone is larger than a batch may be."""
    found = BATCH_ROWS
    for group in range(metadata.num_row_groups):
        said = metadata.row_group(group)
        for place in range(said.num_columns):
            chunk = said.column(place)
            if chunk.path_in_schema.partition(".")[0] not in columns or not chunk.num_values or not said.num_rows:
                continue
            value_bytes = chunk.total_uncompressed_size / chunk.num_values
            if chunk.physical_type == "BYTE_ARRAY" and chunk.num_values * chunk.total_uncompressed_size > BATCH_BYTES:
                value_bytes = max(value_bytes, _longest_bytes(source, group, chunk.path_in_schema))
            fitting = int(BATCH_BYTES * said.num_rows / max(value_bytes * chunk.num_values, 1))
            if fitting < 1:
                raise BadFileError(
                    f"{path}: a row of row group {group} holds more than {BATCH_BYTES:,} bytes in one column.",
                    "Is it an access log? Leave that column out, or write one access a row.",
                )
            found = min(found, fitting)
    return found


def _longest_bytes(source: Any, group: int, column: str) -> int:
    """Of the values in the dictionary of a column; 0 where it has none."""
    peeked = pq.ParquetFile(source, read_dictionary=[column], buffer_size=_PEEK_BYTES)
    batch = next(peeked.iter_batches(batch_size=1, row_groups=[group], columns=[column], use_threads=False), None)
    if batch is None:
        return 0
    values: Any = batch.column(0)
    while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = values.values
    if not pa.types.is_dictionary(values.type):
        return 0
    return int(compute.max(compute.binary_length(values.dictionary)).as_py() or 0)
