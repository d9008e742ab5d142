"""Between an answer's Arrow table and columns in NumPy and Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.records import Keys


def keys_of(keys: Iterable[Any]) -> Keys:
    """Keyed numbers, of whatever integer type, in their order."""
    return np.fromiter((int(key) for key in keys), dtype=np.uint64)


def column_of(table: pa.Table, name: str, dtype: Any) -> Any:
    """A column without nulls as an array of that type."""
    return np.asarray(table.column(name).to_numpy(), dtype=dtype)


def texts_in(table: pa.Table, name: str) -> tuple[str, ...]:
    """A column of texts without nulls."""
    return tuple(str(text) for text in table.column(name).to_pylist())
