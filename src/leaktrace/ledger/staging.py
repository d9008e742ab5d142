"""Queries of ingest: rows of one source gather in temporary tables, then leave them sorted."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from leaktrace.ledger.engine import Query
from leaktrace.ledger.schema import TableSchema

NAMES_TABLE = "staged_names"


def staged_name(schema: TableSchema) -> str:
    """Name of the temporary table that holds a source's rows for this table."""
    return f"staged_{schema.name}"


def create_staged(schema: TableSchema) -> Query:
    """An empty temporary table for a source's rows."""
    columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in schema.stored_columns())
    return Query("make room for rows", f"CREATE OR REPLACE TEMP TABLE {staged_name(schema)} ({columns})")


def create_names() -> Query:
    """An empty temporary table for the names a source brings; they are sealed, for it may be spilled to disk."""
    columns = "kind VARCHAR, key UBIGINT, mark UINTEGER, sealed BLOB, clashing BOOLEAN"
    return Query("make room for names", f"CREATE OR REPLACE TEMP TABLE {NAMES_TABLE} ({columns})")


def drop_staged(schemas: Sequence[TableSchema]) -> tuple[Query, ...]:
    """Frees what a source had gathered."""
    tables = (*(staged_name(schema) for schema in schemas), NAMES_TABLE)
    return tuple(Query("free the room", f"DROP TABLE IF EXISTS {table}") for table in tables)


def keep_rows(schema: TableSchema, rows: pa.Table) -> Query:
    """Adds rows."""
    columns = ", ".join(f'"{name}"' for name, _ in schema.stored_columns())
    return Query("keep rows", f"INSERT INTO {staged_name(schema)} SELECT {columns} FROM fresh", {}, {"fresh": rows})  # noqa: S608


def keep_names(kind: str, names: pa.Table) -> Query:
    """Adds (key, mark, sealed, clashing) of one kind; the mark is the name's second hash."""
    sql = f"INSERT INTO {NAMES_TABLE} SELECT $kind, key, mark, sealed, clashing FROM fresh"  # noqa: S608
    return Query("keep names", sql, {"kind": kind}, {"fresh": names})


def clashing_names(kind: str) -> Query:
    """Sealed names that share a number with a name of a dictionary or of the source; of the latter one keeps it."""
    sql = f"""
        WITH kept AS (
            SELECT kind, key, min(mark) AS kept_mark FROM {NAMES_TABLE} WHERE NOT clashing
            GROUP BY kind, key HAVING min(mark) <> max(mark))
        SELECT sealed FROM {NAMES_TABLE} LEFT JOIN kept USING (kind, key)
        WHERE kind = $kind AND (clashing OR mark <> kept_mark)"""  # noqa: S608
    return Query("find names with one number", sql, {"kind": kind})


def sorted_names(kind: str) -> Query:
    """(key, mark, sealed) of one kind, each key once, ascending."""
    sql = f"""
        SELECT key, min(mark) AS mark, min(sealed) AS sealed FROM {NAMES_TABLE}
        WHERE kind = $kind GROUP BY key ORDER BY key"""  # noqa: S608
    return Query("sort names", sql, {"kind": kind})


def sorted_rows(schema: TableSchema) -> Query:
    """The rows as segments hold them, with their month in front; of one id the last row only."""
    columns = ", ".join(f'"{name}"' for name, _ in schema.stored_columns())
    order = ", ".join(f'"{name}"' for name in schema.order)
    month = 'year(make_timestamp("at")) * 12 + month(make_timestamp("at")) - 1' if schema.by_month else "NULL"
    last_only = (
        f"QUALIFY row_number() OVER (PARTITION BY {schema.identity} ORDER BY source_row DESC) = 1"
        if schema.identity
        else ""
    )
    sql = f"""
        SELECT CAST({month} AS BIGINT) AS month, {columns} FROM {staged_name(schema)} {last_only}
        ORDER BY month, {order}"""  # noqa: S608
    return Query("sort rows", sql)


def overlap(schema: TableSchema, segments: Sequence[str]) -> Query:
    """Whether the source has ids that earlier segments have."""
    sql = f"""
        SELECT EXISTS (
            SELECT 1 FROM {staged_name(schema)} SEMI JOIN read_parquet($segments, hive_partitioning = false) AS earlier
            USING ({schema.identity})) AS overlaps"""  # noqa: S608
    return Query("find replaced rows", sql, {"segments": list(segments)})


def bulk_readers() -> Query:
    """Principals of the source's bulk reads."""
    return Query("list bulk readers", "SELECT DISTINCT principal FROM staged_bulk_reads ORDER BY principal")


def json_cells(lines: pa.Table, names: Sequence[str]) -> Query:
    """(row, cells): the values of these names in each JSON object, as texts; null where the line is none."""
    sql = """
        SELECT row, json_extract_string(object, $paths) AS cells FROM (
            SELECT row, CASE WHEN json_valid(line) THEN
                CASE WHEN json_type(line) = 'OBJECT' THEN line END END AS object
            FROM lines)
        ORDER BY row"""
    return Query("read JSON lines", sql, {"paths": [f"$.{name}" for name in names]}, {"lines": lines})


def json_keys(lines: pa.Table) -> Query:
    """All names in these JSON objects."""
    sql = """
        SELECT DISTINCT unnest(json_keys(CASE WHEN json_valid(line) THEN
            CASE WHEN json_type(line) = 'OBJECT' THEN line END END)) AS name
        FROM lines ORDER BY name"""
    return Query("list names in JSON lines", sql, {}, {"lines": lines})
