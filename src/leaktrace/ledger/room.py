"""Memory that the big columns of one run of accesses leave to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_LEAST_BYTES = 1 << 20


class Room:
    """Arrays by name; the next one of a name lies where the one before lay, which must not be needed any more.

    What is freed goes back to the system, which clears each page before it gives it out again; a virtual machine may
    even have to ask its host for it: 2 seconds a gigabyte were measured, of which a run takes several.
    """

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}

    def array(self, name: str, count: int, dtype: DTypeLike) -> NDArray[Any]:
        """An array whose values are not set yet."""
        size = count * np.dtype(dtype).itemsize
        if size < _LEAST_BYTES:
            return np.empty(count, dtype)
        held = self._held.pop(name, None)
        if held is None or len(held) < size:
            del held  # before there is another one
            held = np.empty(size, np.uint8)
        self._held[name] = held
        return held[:size].view(dtype)
