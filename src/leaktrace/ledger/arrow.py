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


def bytes_of(values: ArrowColumn) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """(texts, ends) of a column of strings without nulls: text i is `texts[ends[i] : ends[i + 1]]`, UTF-8."""
    if not len(values):
        return np.zeros(1, dtype=np.uint8), np.zeros(1, dtype=np.int64)
    buffers: Any = values.buffers()
    _, offsets, texts = buffers
    width = np.int64 if pa.types.is_large_string(values.type) else np.int32
    ends = np.frombuffer(offsets, dtype=width)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    held = np.frombuffer(texts, dtype=np.uint8) if texts is not None and texts.size else np.zeros(1, dtype=np.uint8)
    return held, ends


def taken(values: ArrowColumn, places: NDArray[Any]) -> ArrowColumn:
    """The values at these places, in their order."""
    found: ArrowColumn = values.take(arrow.array(places))
    return found


def as_codes(texts: ArrowColumn) -> Any:
    """A column of texts without nulls as codes into a dictionary, if it is not so already."""
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
