"""All customers there are, in whatever table: how many, which lie in a stretch of numbers, and a draw of them."""

from __future__ import annotations

from functools import partial

import numpy as np

from leaktrace.ledger import queries
from leaktrace.ledger.answercolumns import column_of
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.controls import draw_controls
from leaktrace.ledger.ledgerstate import snapshot
from leaktrace.records import Keys


def customer_count(asking: Asking) -> int:
    """How many there are; counted once for each state of the ledger."""
    state = snapshot(asking.catalog)
    known = asking.catalog.customer_count(state)
    if known is None:
        tables = (asking.lake.rows("customers"), asking.lake.rows("accesses"), asking.lake.rows("contacts"))
        known = int(asking.engine.run(queries.customer_count(*tables)).column("customer_count")[0].as_py())
        asking.catalog.keep_customer_count(state, known)
    return known


def keys_between(asking: Asking, first: int, last: int) -> Keys:
    """Those whose number lies between these, both included; ascending, each once."""
    index, found = asking.lake.index(), list[Keys]()
    for table in ("customers", "contacts") if index is not None else ("customers", "contacts", "accesses"):
        query = queries.keys_between(asking.lake.rows(table), first, last)
        found.append(column_of(asking.engine.run(query), "customer", np.uint64))
    if index is not None:
        found.append(index.keys_between(first, last))
    keys: Keys = np.unique(np.concatenate(found))
    return keys


def controls(asking: Asking, count: int, seed: int, near: Keys, exclude: Keys) -> Keys:
    """Customers to compare with, half from everywhere and half from where `near` live."""
    return draw_controls(
        asking.engine.run,
        asking.lake.rows("customers"),
        partial(keys_between, asking),
        customer_count(asking),
        count,
        seed,
        near,
        exclude,
    )
