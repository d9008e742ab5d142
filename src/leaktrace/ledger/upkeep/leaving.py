"""Questions about the rows that leave and those that stay, as SQL with bound values; pure.

`leaving` says in SQL which rows leave: those of some customers, or those before an instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from leaktrace.ledger.arrow import Mask, compute, mask_of
from leaktrace.ledger.engine import Query
from leaktrace.ledger.queries import Rows
from leaktrace.ledger.schema import DAY_OF_AT
from leaktrace.records import Keys

_NOBODY = "SELECT CAST(NULL AS UBIGINT) AS {name} WHERE false"


@dataclass(frozen=True, slots=True)
class OfCustomers:
    """Rows of these customers leave."""

    keys: Keys
    sql = "customer IN (SELECT customer FROM leaving)"

    def values(self) -> Mapping[str, Any]:
        """Bound values of the SQL."""
        return {}

    def tables(self) -> Mapping[str, pa.Table]:
        """Tables that the SQL names."""
        return {"leaving": pa.table({"customer": self.keys})}

    def stays(self, batch: pa.RecordBatch) -> Mask:
        """Which rows of a batch stay."""
        return mask_of(compute.invert(compute.is_in(batch.column("customer"), pa.array(self.keys))))


@dataclass(frozen=True, slots=True)
class Before:
    """Rows earlier than an instant (microseconds UTC) leave."""

    at: int
    sql = '"at" < $floor_at'

    def values(self) -> Mapping[str, Any]:
        """Bound values of the SQL."""
        return {"floor_at": self.at}

    def tables(self) -> Mapping[str, pa.Table]:
        """Tables that the SQL names."""
        return {}

    def stays(self, batch: pa.RecordBatch) -> Mask:
        """Which rows of a batch stay."""
        return np.asarray(batch.column("at").to_numpy() >= self.at, dtype=bool)


Leaving = OfCustomers | Before


def leaving_rows(rows: Rows, leaving: Leaving) -> Rows:
    """Those of the rows that leave."""
    return Rows(f"(SELECT * FROM {rows.sql} WHERE {leaving.sql})", {**rows.values, **leaving.values()})  # noqa: S608


def where_they_are(paths: Sequence[str], leaving: Leaving, *, split: bool) -> Query:
    """(path, source, row_count) of the rows that leave; `split`: the files have their times in two columns."""
    at = 'at_second * 1000000 + at_microsecond AS "at", ' if split else ""
    sql = f"""
        SELECT path, source, count(*) AS row_count
        FROM (SELECT {at}*, filename AS path FROM read_parquet($files, hive_partitioning = false, filename = true))
        WHERE {leaving.sql} GROUP BY ALL ORDER BY path, source"""  # noqa: S608
    return Query("find the rows that leave", sql, {**leaving.values(), "files": list(paths)}, leaving.tables())


def counts_by_customer(rows: Rows, leaving: Leaving) -> Query:
    """Rows that leave by customer."""
    sql = f"SELECT customer, count(*) AS row_count FROM {rows.sql} GROUP BY customer ORDER BY customer"  # noqa: S608
    return Query("count rows that leave", sql, rows.values, leaving.tables())


def held_customers(rows: Rows, leaving: Leaving, held: pa.Table) -> Query:
    """`held`: customer. Those of them who have a row among these, which leave."""
    sql = f"SELECT DISTINCT customer FROM {rows.sql} SEMI JOIN held USING (customer) ORDER BY customer"  # noqa: S608
    return Query("find rows on hold", sql, rows.values, {**leaving.tables(), "held": held})


def days_of(rows: Rows, leaving: Leaving) -> Query:
    """(source, tool, fields, day) of the accesses that leave."""
    sql = f"""
        SELECT DISTINCT source, tool, fields, {DAY_OF_AT} AS day FROM {rows.sql}
        ORDER BY source, tool, fields, day"""  # noqa: S608
    return Query("list the days of rows that leave", sql, rows.values, leaving.tables())


def counts_again(staying: Rows, days: pa.Table) -> Query:
    """`days`: source, tool, fields, day. What stays of them, counted anew."""
    sql = f"""
        SELECT source, tool, fields, day, count(*) AS row_count, min("at") AS first_at, max("at") AS last_at
        FROM (SELECT source, tool, fields, {DAY_OF_AT} AS day, "at" FROM {staying.sql}) AS kept
        WHERE EXISTS (
            SELECT 1 FROM days WHERE days.source = kept.source AND days.day = kept.day AND days.fields = kept.fields
            AND days.tool IS NOT DISTINCT FROM kept.tool)
        GROUP BY ALL ORDER BY source, tool, fields, day"""  # noqa: S608
    return Query("count rows a day anew", sql, staying.values, {"days": days})


def numbers_of(rows: Sequence[tuple[Rows, str]], leaving: Leaving, name: str) -> Query:
    """The distinct numbers in these columns of rows that leave, as `name`."""
    parts = [f"SELECT {column} AS {name} FROM {one.sql}" for one, column in rows]  # noqa: S608
    sql = f"SELECT DISTINCT {name} FROM ({' UNION ALL '.join(parts) or _NOBODY.format(name=name)}) ORDER BY {name}"  # noqa: S608
    values = {key: value for one, _ in rows for key, value in one.values.items()}
    return Query(f"list {name}s of rows that leave", sql, values, leaving.tables())


def without_rows(wanted: pa.Table, rows: Sequence[tuple[Rows, str]], name: str) -> Query:
    """`wanted`: one column `name`. Those that stand in none of these columns."""
    parts = [
        f"SELECT kept.{column} AS {name} FROM {one.sql} AS kept SEMI JOIN wanted ON wanted.{name} = kept.{column}"  # noqa: S608
        for one, column in rows
    ]
    sql = f"""
        SELECT {name} FROM wanted ANTI JOIN ({" UNION ALL ".join(parts) or _NOBODY.format(name=name)}) AS still
        USING ({name}) ORDER BY {name}"""  # noqa: S608
    values = {key: value for one, _ in rows for key, value in one.values.items()}
    return Query(f"list {name}s without rows", sql, values, {"wanted": wanted})
