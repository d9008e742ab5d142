"""Questions about customers, principals, sellers and contacts: the engine asks the tables that were ingested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.ledger import queries
from leaktrace.ledger.answercolumns import column_of, keys_of, texts_in
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.cells import words_apart
from leaktrace.ledger.channels import MOST_CHANNELS
from leaktrace.ledger.schema import SELLER_MARKS
from leaktrace.ledger.times import instant, microseconds
from leaktrace.records import ChannelUses, CustomerKey, CustomerTable, Keys, PrincipalFacts, SellerFacts

LEAST_CASES = 2
"""A seller or a product that one customer in evidence dealt with explains nothing."""


def customers(asking: Asking, keys: Keys) -> CustomerTable:
    """Their attributes, in the order asked."""
    wanted = pa.table({"position": np.arange(len(keys), dtype=np.int64), "customer": keys_of(keys)})
    answer = asking.engine.run(queries.customer_rows(asking.lake.rows("customers"), wanted))
    return CustomerTable(
        key=column_of(answer, "customer", np.uint64),
        region=texts_in(answer, "region"),
        jurisdiction=texts_in(answer, "jurisdiction"),
        segment=texts_in(answer, "segment"),
        locale=texts_in(answer, "locale"),
        in_table=column_of(answer, "in_table", np.bool_),
    )


def principals(asking: Asking, keys: Keys | None) -> tuple[PrincipalFacts, ...]:
    """Their facts, in the order asked; None: of all there are, by number."""
    answer = asking.engine.run(queries.principals(asking.lake.rows("principals")))
    rows = {int(r["principal"]): r for r in answer.to_pylist()}
    wanted = sorted({*rows, *asking.catalog.seen_principals()}) if keys is None else [int(key) for key in keys]
    chiefs = sorted({int(r["reports_to"]) for r in rows.values() if r["reports_to"] is not None})
    chief_names = dict(zip(chiefs, asking.names.names("principal", keys_of(chiefs)), strict=True))
    names = asking.names.names("principal", keys_of(wanted))
    return tuple(_principal(key, name, rows.get(key), chief_names) for key, name in zip(wanted, names, strict=True))


def _principal(key: int, name: str, row: dict[str, Any] | None, chief_names: Mapping[int, str]) -> PrincipalFacts:
    if row is None:
        return PrincipalFacts(key=key, name=name)
    return PrincipalFacts(
        key=key,
        name=name,
        team=row["team"],
        site=row["site"],
        kind=row["kind"],
        reports_to=None if row["reports_to"] is None else chief_names[int(row["reports_to"])],
        active_from=instant(row["active_from"]),
        active_to=instant(row["active_to"]),
        in_table=True,
    )


def sellers(asking: Asking) -> tuple[SellerFacts, ...]:
    """All of them, sorted by id."""
    return tuple(
        _seller(r["seller"], r["name"], words_apart(r["domains"], SELLER_MARKS), r["status"])
        for r in asking.engine.run(queries.sellers(asking.lake.rows("sellers"))).to_pylist()
    )


def _seller(seller: str, name: str, words: Mapping[str, tuple[str, ...]], status: str | None) -> SellerFacts:
    return SellerFacts(
        seller, name, words[""], status, words["links"], words["products"], words["brands"], words["reply_addresses"]
    )


def contacts(asking: Asking, keys: Keys, seller: str | None, before: datetime) -> Keys:
    """Those of these customers (sorted) with a contact with the seller, else with any, before the instant."""
    wanted = pa.table({"customer": keys_of(keys)})
    query = queries.contacts(asking.lake.rows("contacts"), wanted, seller, microseconds(before))
    found: Keys = column_of(asking.engine.run(query), "customer", np.uint64)
    return found


def sellers_dealt_with(asking: Asking, before: datetime) -> frozenset[str]:
    """Sellers with whom anybody at all had a contact before the instant."""
    query = queries.sellers_dealt_with(asking.lake.rows("contacts"), microseconds(before))
    return frozenset(texts_in(asking.engine.run(query), "seller"))


def dealings(asking: Asking, cases: Keys, keys: Keys, before: datetime, but: str | None) -> ChannelUses:
    """With which sellers, and over which products, all these customers had dealt before the instant."""
    wanted, chosen = (pa.table({"customer": np.unique(keys_of(part))}) for part in ([*keys, *cases], cases))
    query = queries.dealings(
        asking.lake.rows("contacts"), wanted, chosen, microseconds(before), but or "", LEAST_CASES, MOST_CHANNELS
    )
    rows = asking.engine.run(query)
    labels, code = np.unique(np.array(rows.column("channel").to_pylist(), dtype=np.str_), return_inverse=True)
    return ChannelUses(
        labels=tuple(labels.tolist()),
        customer=column_of(rows, "customer", np.uint64),
        channel=code.astype(np.int64),
        first_shown_at=column_of(rows, "first_shown_at", np.int64),
    )


def known_elsewhere(asking: Asking, keys: Keys, field: str, before: datetime) -> Keys:
    """Those of these customers (sorted) whose field somebody may know without us since before the instant."""
    wanted = pa.table({"customer": keys_of(keys)})
    query = queries.known_elsewhere(asking.lake.rows("known_elsewhere"), wanted, field, microseconds(before))
    found: Keys = column_of(asking.engine.run(query), "customer", np.uint64)
    return found


def customers_by_address(asking: Asking, hashes: Sequence[bytes]) -> dict[bytes, CustomerKey]:
    """The one customer that has each; the very address goes before one that only folds to it."""
    wanted = pa.table([_binary_column(sorted(set(hashes)))], names=["hash"])
    holders: dict[bytes, dict[bool, set[int]]] = defaultdict(lambda: {True: set(), False: set()})
    for row in asking.engine.run(queries.by_address(asking.lake.rows("customers"), wanted)).to_pylist():
        holders[row["hash"]][row["exact"]].add(int(row["customer"]))
    chosen = {address: found[True] or found[False] for address, found in holders.items()}
    return {address: next(iter(found)) for address, found in chosen.items() if len(found) == 1}


def _binary_column(values: Sequence[bytes]) -> pa.Array[Any]:
    """As `pa.array` makes it, which loads pandas where it is installed, to ask whether the list is one of its own."""
    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.binary(), len(values), buffers)
