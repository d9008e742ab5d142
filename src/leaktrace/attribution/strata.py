"""Strata: which controls a case is compared with.

A stratum is region x contact intensity (x segment). Intensity is how many principals had been shown the customer, *the
candidate left out*: else the candidate's own accesses would make his customers look busy and explain themselves away.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution.study import Group, Indices, Reals

INTENSITY_EDGES = np.array([0, 1, 2, 3, 4, 5, 7, 9, 12, 16, 22, 32, 48, 80, 150])
"""Lower edges of the intensity classes; wider where customers are few."""
CLASSES = len(INTENSITY_EDGES)
_CLASS_OF = np.searchsorted(INTENSITY_EDGES, np.arange(INTENSITY_EDGES[-1] + 1), side="right") - 1


def intensity_class(intensity: NDArray[np.int64]) -> Indices:
    """Class of a number of principals; anything above the last edge is in the last class."""
    found: Indices = _CLASS_OF[np.minimum(intensity, INTENSITY_EDGES[-1])]
    return found


def class_shares(group: Group, regions: int, shrink: float = 25.0) -> Reals:
    """Share of each intensity class among a region's customers, `[regions, CLASSES]`, shrunk to the overall share."""
    classes = intensity_class(group.intensity())
    counts = np.bincount(group.region * CLASSES + classes, minlength=regions * CLASSES).reshape(regions, CLASSES)
    overall = (counts.sum(axis=0) + 0.1) / (counts.sum() + 0.1 * CLASSES)
    shares: Reals = (counts + shrink * overall) / (counts.sum(axis=1, keepdims=True) + shrink)
    return shares


def pooled_tilt(group: Group, principals: int) -> Reals:
    """How much likelier than on average a customer of an intensity class is to be anybody's next customer, `[CLASSES]`.

    With n(k) customers whom k principals had been shown, a principal's chance of being shown one whom k *others* had
    been shown is (k + 1) n(k + 1) / (N n(k)) on average over N principals: Good's estimator (Biometrika 40, 1953).
    """
    counts = np.bincount(group.intensity(), minlength=2).astype(np.float64)
    others = np.arange(len(counts) - 1)
    taken = (others + 1) * counts[1:]
    classes = intensity_class(others)
    hits = np.bincount(classes, weights=taken, minlength=CLASSES)
    chances = np.bincount(classes, weights=counts[:-1], minlength=CLASSES) * principals
    overall = (hits.sum() + 1e-9) / (chances.sum() + 1e-6)
    # A class with few customers leans on its neighbour below: the tilt never falls as intensity rises.
    tilt = (hits + 5.0) / (chances * overall + 5.0)
    return np.maximum.accumulate(tilt)


def share_of_regions(group: Group, regions: int) -> Reals:
    """Share of customers by region, never quite zero, `[regions]`."""
    counts = np.bincount(group.region, minlength=regions).astype(np.float64)
    shares: Reals = (counts + 0.5) / (counts.sum() + 0.5 * regions)
    return shares
