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
KeysBetween = Callable[[int, int], Keys]
"""(first, last) -> all customers there are whose number lies between them, both included; ascending, each once."""
_KEY_BITS = 64


def draw_alike(keys_between: KeysBetween, customer_count: int, exclude: Keys, count: int, order: int) -> Keys:
    """The `count` customers that are nearest to `order` by exclusive or, nearest first.

    Keys that share their first bits with `order` are nearer than all others: so only as small a part of the customers
    is looked at as holds enough of them. `customer_count` is about how many there are; it bears on speed alone.
    """
    bits = max(0, (customer_count // max(1, 2 * (count + len(exclude)))).bit_length() - 1)
    while True:
        first = order >> (_KEY_BITS - bits) << (_KEY_BITS - bits) if bits else 0
        found = np.setdiff1d(keys_between(first, first + 2 ** (_KEY_BITS - bits) - 1), exclude)
        if len(found) >= count or not bits:
            nearest: Keys = found[np.argsort(found ^ np.uint64(order), kind="stable")][:count]
            return nearest
        bits = max(0, bits - 2)


def draw_controls(
    run: Run,
    customers: Rows,
    keys_between: KeysBetween,
    customer_count: int,
    count: int,
    seed: int,
    near: Keys,
    exclude: Keys,
) -> Keys:
    """Sorted keys: half from all customers alike, half from where `near` live; all alike where that is not known.

    `customers`: the table of customers. Where a place has too few customers, others fill its part.
    """
    order = queries.salt(seed, "controls alike")
    alike = draw_alike(keys_between, customer_count, np.unique(exclude.astype(np.uint64)), count, order)
    near_table = pa.table({"customer": np.unique(near.astype(np.uint64))})
    homes = {str(r["place"]): int(r["customer_count"]) for r in run(queries.places(customers, near_table)).to_pylist()}
    quotas = shares(homes, count // 2)
    first = alike[: count - sum(quotas.values())]
    taken = pa.table({"customer": np.union1d(first, exclude.astype(np.uint64))})
    quota_table = pa.table(
        {"place": pa.array(list(quotas), pa.string()), "quota": pa.array(list(quotas.values()), pa.int64())}
    )
    order = queries.salt(seed, "controls by place")
    placed = _customers(run(queries.draw_by_place(customers, quota_table, taken, order)))
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
