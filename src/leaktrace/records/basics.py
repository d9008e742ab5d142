"""What the other records are written with: keyed numbers, words from closed lists, windows of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

CustomerKey = int
PrincipalKey = int
Keys = NDArray[np.uint64]
"""Keyed 64-bit hashes of customers or principals."""
Instants = NDArray[np.int64]
"""Microseconds since 1970-01-01T00:00Z."""

Grade = Literal["G0", "G1", "G2", "G3", "G4"]
Outcome = Literal["named", "nobody", "undecided"]
PrincipalKind = Literal["employee", "contractor", "service"]
EVERY_FIELD = "*"
"""What a log writes for all fields of a record; it stands beside those that are known."""


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time, `[start, end)`; null where that side is unknown."""

    start: datetime | None
    end: datetime | None
