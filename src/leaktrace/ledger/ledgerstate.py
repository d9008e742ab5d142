"""What a ledger says of itself: which state it is in, how much it holds, which fields it knows."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from leaktrace.ledger import queries
from leaktrace.ledger.asking import Asking
from leaktrace.ledger.catalog import Catalog
from leaktrace.ledger.upkeep.book import Book
from leaktrace.records import LedgerStats


def snapshot(catalog: Catalog) -> str:
    """A digest of the sources that are in and of what was let go."""
    tables: dict[str, dict[str, Any]] = {}
    for source in catalog.sources():
        table = tables.setdefault(source.table, {"sources": [], "ordered": False})
        table["sources"].append(source.sha256)
        table["ordered"] |= source.overlaps
    for table in tables.values():
        table["sources"] = table["sources"] if table["ordered"] else sorted(table["sources"])
    book = Book(catalog)
    floors, forgotten = book.floors(), book.forgotten().tolist()
    # Rows depend on these, whether they came before or after; where segments begin and end does not count.
    left = {"floors": floors, "forgotten": forgotten} if floors or forgotten else {}
    return hashlib.sha256(json.dumps({**tables, **left}, sort_keys=True).encode()).hexdigest()


def stats(asking: Asking, database: Path) -> LedgerStats:
    """How much there is; `database`: the catalogue's file, which counts as index."""
    sums = asking.catalog.sums()
    if (index := asking.lake.index()) is not None:
        customer_count = index.customers_seen()
    else:
        counted = asking.engine.run(queries.seen_customer_count(asking.lake.rows("accesses")))
        customer_count = int(counted.column("customer_count")[0].as_py())
    return LedgerStats(
        access_count=asking.catalog.row_count("accesses"),
        customer_count=customer_count,
        principal_count=len(asking.catalog.seen_principals()),
        segment_count=sums["segment_count"],
        rejected_count=sums["rejected_count"],
        lake_bytes=sums["lake_bytes"],
        index_bytes=sums["posting_bytes"] + sums["dictionary_bytes"] + database.stat().st_size,
        row_counts=asking.catalog.row_counts(),
    )


def fields_seen(catalog: Catalog) -> tuple[str, ...]:
    """Every field that any access showed, and `*` where one showed all there were; by name."""
    return tuple(sorted({one for count in catalog.day_counts() for one in count.fields.split(";") if one}))
