"""Draws the customers that reported ones are compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from leaktrace.ledger import queries
from leaktrace.ledger.engine import Query
from leaktrace.ledger.queries import Rows
from leaktrace.records import Keys

Run = Callable[[Query], pa.Table]


def draw_controls(run: Run, tables: tuple[Rows, Rows, Rows], count: int, seed: int, near: Keys, exclude: Keys) -> Keys:
    """Sorted keys: half from all customers alike, half from where `near` live; all alike where that is not known.

    `tables`: customers, accesses, contacts. Where a place has too few customers, others fill its part.
    """
    excluded = pa.table({"customer": np.unique(exclude.astype(np.uint64))})
    order = queries.salt(seed, "controls alike")
    alike = _customers(run(queries.draw_alike(*tables, excluded, count, order)))
    near_table = pa.table({"customer": np.unique(near.astype(np.uint64))})
    homes = {str(r["place"]): int(r["customer_count"]) for r in run(queries.places(tables[0], near_table)).to_pylist()}
    quotas = shares(homes, count // 2)
    first = alike[: count - sum(quotas.values())]
    taken = pa.table({"customer": np.union1d(first, exclude.astype(np.uint64))})
    quota_table = pa.table(
        {"place": pa.array(list(quotas), pa.string()), "quota": pa.array(list(quotas.values()), pa.int64())}
    )
    order = queries.salt(seed, "controls by place")
    placed = _customers(run(queries.draw_by_place(tables[0], quota_table, taken, order)))
    rest = alike[len(first) :]
    filling = rest[~np.isin(rest, placed)][: count - len(first) - len(placed)]
    drawn: Keys = np.sort(np.concatenate([first, placed, filling]))
    return drawn


def shares(weights: dict[str, int], count: int) -> dict[str, int]:
    """`count` shared out in proportion, by largest remainder; ties go to the first by name."""
    total = sum(weights.values())
    if not total:
        return {}
    exact = {name: count * weight / total for name, weight in sorted(weights.items())}
    whole = {name: int(part) for name, part in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (whole[name] - exact[name], name))
    for name in by_remainder[: count - sum(whole.values())]:
        whole[name] += 1
    return whole


def _customers(table: pa.Table) -> Keys:
    return np.asarray(table.column("customer").to_numpy(), dtype=np.uint64)
