"""A log of the marketplace's size: accesses over the whole range of customers and principals, a file at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leaktrace.compiled.jit import compiled
from leaktrace.ledger.arrow import arrow

START = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
DAYS = 365
FIELDS = ("email;name", "email;name;phone", "name", "name;phone", "address;email;name", "order")
TOOLS = ("crm", "search", "chat", "billing", "mobile")
ACTIONS = ("view", "search", "update")
BULK_PRINCIPAL = 0
"""A service account that reads in bulk; the others share the rest evenly."""
BULK_ROWS = 1_000_000
_FEW_TEXTS = ("principal", "fields", "action", "tool")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the log is."""

    accesses: int = 100_000_000
    customers: int = 300_000_000
    principals: int = 100_000
    rows_a_file: int = 12_500_000
    seed: int = 1

    def file_count(self) -> int:
        return -(-self.accesses // self.rows_a_file)

    def bulk_share(self) -> float:
        """The share of accesses that are those of the account that reads in bulk: some million, at most a tenth."""
        return min(0.1, BULK_ROWS / self.accesses)


def customer_name(numbers: np.ndarray) -> Any:
    return _numbered("c-", numbers, 9)


def principal_name(numbers: np.ndarray) -> Any:
    return _numbered("agent-", numbers, 6)


def write_file(sizes: Sizes, number: int, path: Path) -> int:
    """Writes file `number`: a stretch of the year, sorted by time, in whole seconds; returns its rows."""
    rng = np.random.default_rng([sizes.seed, number])
    count = min(sizes.rows_a_file, sizes.accesses - number * sizes.rows_a_file)
    seconds = DAYS * 86_400
    first = START + seconds * number * sizes.rows_a_file // sizes.accesses
    last = START + seconds * (number * sizes.rows_a_file + count) // sizes.accesses
    at = np.sort(rng.integers(first, last, count)) * 1_000_000
    principal = rng.integers(0, sizes.principals, count, dtype=np.int32)
    principal[rng.random(count, dtype=np.float32) < sizes.bulk_share()] = BULK_PRINCIPAL
    few = {
        "principal": (principal_name(np.arange(sizes.principals)), principal),
        "fields": (pa.array(FIELDS), rng.integers(0, len(FIELDS), count, dtype=np.int8)),
        "action": (pa.array(ACTIONS), rng.integers(0, len(ACTIONS), count, dtype=np.int8)),
        "tool": (pa.array(TOOLS), rng.integers(0, len(TOOLS), count, dtype=np.int8)),
    }
    columns = {
        "at": pa.array(at, pa.timestamp("us", tz="UTC")),
        **{name: texts.take(arrow.array(codes)) for name, (texts, codes) in few.items()},
        "customer": customer_name(rng.integers(0, sizes.customers, count)),
        "reason": _numbered("T-", rng.integers(0, 10_000_000, count), 7),
    }
    # Texts that hardly repeat would first be tried as a dictionary, in vain; what comes of it is the same.
    parquet: Any = pq  # the stubs refuse a list of columns
    parquet.write_table(
        pa.table(columns), path, compression="zstd", row_group_size=1_000_000, use_dictionary=[*_FEW_TEXTS]
    )
    return count


def _numbered(prefix: str, numbers: np.ndarray, digits: int) -> Any:
    """`prefix` and so many digits, as a column of texts."""
    width = len(prefix) + digits
    texts = np.empty((len(numbers), width), dtype=np.uint8)
    _write_numbers(np.frombuffer(prefix.encode(), dtype=np.uint8), numbers, texts)
    ends = np.arange(0, width * (len(numbers) + 1), width, dtype=np.int32)
    return arrow.StringArray.from_buffers(len(numbers), arrow.py_buffer(ends), arrow.py_buffer(texts))


@compiled
def _write_numbers(prefix: Any, numbers: Any, texts: Any) -> None:
    for i in range(len(numbers)):
        rest = np.uint32(numbers[i])
        for place in range(texts.shape[1] - 1, len(prefix) - 1, -1):
            texts[i, place] = rest % 10 + 48
            rest //= np.uint32(10)
        for place in range(len(prefix)):
            texts[i, place] = prefix[place]
