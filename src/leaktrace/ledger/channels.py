"""Tools and types of ticket by which customers were shown, from rows of channel, principal, customer and first time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from leaktrace.records import ChannelUses

MOST_CHANNELS = 64
"""The most used ones; a log whose tools have numbers in their names has too many to compare."""
MOST_OF_ONE = 0.5
"""A channel of which one principal accounts for more than this share of the customers is no channel but that one."""


def channel_uses(rows: pa.Table) -> ChannelUses:
    """Each customer and channel once, with the first time; sorted by label and customer."""
    labels, code = np.unique(np.array(rows.column("channel").to_pylist(), dtype=np.str_), return_inverse=True)
    principal = rows.column("principal").to_numpy().astype(np.uint64)
    customer = rows.column("customer").to_numpy().astype(np.uint64)
    at = rows.column("first_shown_at").to_numpy().astype(np.int64)
    kept = [index for index in range(len(labels)) if _shared(principal[code == index], customer[code == index])]
    sizes = {index: len(np.unique(customer[code == index])) for index in kept}
    kept = sorted(sorted(kept, key=lambda index: (-sizes[index], index))[:MOST_CHANNELS])
    customers, channels, times = [], [], []
    for place, index in enumerate(kept):
        own, inverse = np.unique(customer[code == index], return_inverse=True)
        first = np.full(len(own), np.iinfo(np.int64).max)
        np.minimum.at(first, inverse, at[code == index])
        customers.append(own)
        channels.append(np.full(len(own), place, dtype=np.int64))
        times.append(first)
    return ChannelUses(
        labels=tuple(str(labels[index]) for index in kept),
        customer=np.concatenate([np.zeros(0, dtype=np.uint64), *customers]),
        channel=np.concatenate([np.zeros(0, dtype=np.int64), *channels]),
        first_shown_at=np.concatenate([np.zeros(0, dtype=np.int64), *times]),
    )


def _shared(principal: np.ndarray, customer: np.ndarray) -> bool:
    """Whether several principals account for a channel's customers."""
    counts = np.unique(principal, return_counts=True)[1]
    return bool(counts.max(initial=0) <= MOST_OF_ONE * len(np.unique(customer)))
