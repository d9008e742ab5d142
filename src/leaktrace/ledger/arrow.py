"""Arrow as the ledger uses it: one name for a column, and the compute functions.

The type stubs know fewer overloads than the functions have (nullable strings, dictionaries), so they are used untyped.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute
import pyarrow.csv as _csv
from numpy.typing import NDArray

ArrowColumn: TypeAlias = "pa.Array[Any]"
Mask = NDArray[np.bool_]
compute: Any = _compute
arrow_csv: Any = _csv
arrow: Any = pa
"""For calls whose stubs refuse what the function takes."""


def mask_of(values: ArrowColumn) -> Mask:
    """A column of booleans without nulls, as NumPy has it."""
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=bool)


def texts_of(values: ArrowColumn) -> list[str]:
    """A column of strings without nulls, as Python has it."""
    texts: list[Any] = values.to_pylist()
    return texts
