"""Sums in log space: the one overflow-safe conversion the room uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def log_sum(logs: NDArray[np.float64], axis: int | None = None) -> NDArray[np.float64]:
    """Ln of the sum of exp over an axis (all of them: a scalar array); -inf entries are zeros, not faults."""
    peak = np.max(logs, axis=axis, keepdims=True)
    safe = np.where(np.isfinite(peak), peak, 0.0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(logs - safe), axis=axis, keepdims=True)) + safe
    return np.asarray(np.squeeze(total, axis=axis))
