"""An answer's accesses as columns, manners by code."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from leaktrace.records import AccessRows


def access_rows(rows: pa.Table) -> AccessRows:
    """Rows of principal, customer, at, tool, fields, in their order."""
    tools, fields = (map(str, rows.column(name).to_pylist()) for name in ("tool", "fields"))
    pairs = list(zip(tools, fields, strict=True))
    manners = sorted(set(pairs), key=lambda pair: (pair[0].encode(), pair[1].encode()))
    codes = {pair: code for code, pair in enumerate(manners)}
    return AccessRows(
        principal=rows.column("principal").to_numpy().astype(np.uint64),
        customer=rows.column("customer").to_numpy().astype(np.uint64),
        at=rows.column("at").to_numpy().astype(np.int64),
        manner=np.array([codes[pair] for pair in pairs], dtype=np.int64),
        manners=tuple(manners),
    )
