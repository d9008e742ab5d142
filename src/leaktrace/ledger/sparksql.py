"""Named queries as Spark wants them, and its answers as DuckDB would give them; pure.

Spark has no unsigned 64-bit numbers: it reads Parquet's as decimals, and takes none as parameters. So keys go through
it as signed numbers less 2^63 (offset binary), which order as the keys do: `signed(a) < signed(b)` where `a < b`, and
`signed(a) ^ x` orders as `a xor x` does, for every x. Nothing in a query has to know.

What SQL differs in is left to sqlglot: nulls last, a regular expression for `split`, `DIV`, null-safe `concat`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from leaktrace.errors import UsageError
from leaktrace.ledger.arrow import arrow, compute
from leaktrace.ledger.engine import Query
from leaktrace.ledger.schema import STORED

_OFFSET = 2**63
_LEAST = -(2**63)
FILES_PREFIXES = ("files_", "old_")
"""A value of this name is a table's segments (`queries.rows_of`); in Spark it is a view of that name."""
KEY_PREFIX = "key_"
"""A value of this name is a key that keys are compared with."""
_URL = re.compile(r"[a-z][a-z0-9+.-]*:/")
_PATTERN = re.compile(r"([\\*?\[\]{}])")
KEY_COLUMNS = frozenset(name for table in STORED.values() for name, kind in table.stored_columns() if kind == "UBIGINT")
"""Columns of keys, by the names that tables and answers have them."""
_SPARK_TYPES = {
    "BIGINT": "BIGINT",
    "INTEGER": "INT",
    "UBIGINT": "DECIMAL(20, 0)",
    "VARCHAR": "STRING",
    "BLOB": "BINARY",
}


@dataclass(frozen=True, slots=True)
class FilesView:
    """A table's segments as Spark sees them."""

    name: str
    paths: tuple[str, ...]
    """As Hadoop's patterns that match the one file each."""
    read_schema: str
    """Columns and types to read the files by, as DDL."""
    columns: tuple[str, ...]
    """Spark expressions over what was read."""


@lru_cache(maxsize=256)
def spark_sql(sql: str) -> str:
    """The same query in Spark's SQL, its values bound under the same names (`:name`)."""
    return sqlglot.parse_one(sql, read="duckdb").transform(_in_spark).sql(dialect="spark")


def _in_spark(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.ReadParquet):
        return exp.to_table(str(node.expressions[0].name))
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.UBIGINT:
        return exp.DataType.build("BIGINT")
    return node


def check_lake(lake: str) -> None:
    """UsageError for what is no URL of a folder."""
    if not _URL.match(lake):
        raise UsageError(f"'{lake}' is no URL of a lake.", "For instance: --lake s3a://bucket/case-7/lake.")


def views_of(query: Query, folder: Path, lake: str | None = None) -> tuple[FilesView, ...]:
    """The segments that the query reads, in the lake's folder, or in the copy of it that has this URL."""

    def place(path: str) -> str:
        # Spark can be told that its paths are no patterns, but then reads each of n files n times where one looks so.
        shown = path if lake is None else f"{lake.rstrip('/')}/{Path(path).relative_to(folder)}"
        return _PATTERN.sub(r"\\\1", shown)

    return tuple(
        _files_view(name, tuple(place(path) for path in paths))
        for name, paths in query.values.items()
        if name.startswith(FILES_PREFIXES)
    )


def _files_view(name: str, paths: tuple[str, ...]) -> FilesView:
    prefix = next(prefix for prefix in FILES_PREFIXES if name.startswith(prefix))
    stored = STORED[name.removeprefix(prefix)].segment_columns(old=prefix == "old_")
    read = ", ".join(f"`{column}` {_SPARK_TYPES[kind]}" for column, kind in stored)
    shown = tuple(
        f"CAST(`{column}` - {_OFFSET}BD AS BIGINT) AS `{column}`" if kind == "UBIGINT" else f"`{column}`"
        for column, kind in stored
    )
    return FilesView(name, paths, read, shown)


def bound_values(query: Query) -> dict[str, Any]:
    """The values that Spark binds; a number of 64 bits without sign as the signed one of the same bits."""
    return {
        name: value - _OFFSET if name.startswith(KEY_PREFIX) else _bound(value)
        for name, value in query.values.items()
        if not name.startswith(FILES_PREFIXES)
    }


def _bound(value: Any) -> Any:
    return value - 2**64 if isinstance(value, int) and value >= _OFFSET else value


def to_spark(table: pa.Table) -> pa.Table:
    """A small table with its keys in offset binary."""
    return _with_keys(table, lambda column: _flipped(_viewed(column, pa.uint64(), pa.int64())))


def from_spark(table: pa.Table) -> pa.Table:
    """An answer with its keys unsigned again, of the types that DuckDB gives."""
    keyed = _with_keys(table, lambda column: _viewed(_flipped(column), pa.int64(), pa.uint64()))
    # Spark says of each column whether it can be null, DuckDB does not.
    return keyed.cast(pa.schema([(field.name, field.type) for field in keyed.schema]))


def _with_keys(table: pa.Table, change: Any) -> pa.Table:
    columns: Mapping[str, Any] = {name: table.column(name) for name in table.column_names}
    changed = {name: change(column) if name in KEY_COLUMNS else column for name, column in columns.items()}
    made: pa.Table = arrow.table(changed)
    return made


def _flipped(column: Any) -> Any:
    return compute.bit_wise_xor(column, pa.scalar(_LEAST, pa.int64()))


def _viewed(column: Any, given: Any, wanted: Any) -> Any:
    """The same bits as another type."""
    return arrow.chunked_array([chunk.view(wanted) for chunk in column.cast(given).chunks], wanted)
