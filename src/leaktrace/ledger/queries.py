"""The ledger's questions as SQL with bound values; pure, so that they can be read, tested and sent to any engine.

Segments are told by table: absolute paths, none for an empty table. Times are microseconds UTC. Rows come sorted, so
that equal questions give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from leaktrace.ledger.engine import Query
from leaktrace.ledger.schema import DAY_OF_AT, STORED, TICKET

_SHOWS_FIELD = "contains(concat(';', fields, ';'), concat(';', $field, ';'))"
_IN_WINDOW = '"at" >= $start AND "at" < $end'
_PLACE = "CASE WHEN region IS NOT NULL THEN concat('region ', region) ELSE concat('jurisdiction ', jurisdiction) END"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of microseconds."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A table's rows as a piece of SQL and the values it binds."""

    sql: str
    values: Mapping[str, Any]


def rows_of(table: str, segments: Sequence[str], old_segments: Sequence[str] = ()) -> Rows:
    """All rows of a table; `old_segments`: those with times in one column where the table splits them."""
    parts, values = list[str](), dict[str, Any]()
    columns = ", ".join(f'"{name}"' for name, _ in STORED[table].stored_columns() if name != "at")
    if segments:
        parts.append(f"read_parquet($files_{table}, hive_partitioning = false)")
        values[f"files_{table}"] = list(segments)
        if STORED[table].splits_times:
            parts[0] = f'(SELECT at_second * 1000000 + at_microsecond AS "at", {columns} FROM {parts[0]})'  # noqa: S608
    if old_segments:
        parts.append(f"read_parquet($old_{table}, hive_partitioning = false)")
        values[f"old_{table}"] = list(old_segments)
    if len(parts) == 2:
        both = (f'SELECT "at", {columns} FROM {part}' for part in parts)  # noqa: S608
        return Rows(f"({' UNION ALL '.join(both)})", values)
    if parts:
        return Rows(parts[0], values)
    nulls = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in STORED[table].stored_columns())
    return Rows(f"(SELECT {nulls} WHERE false)", {})


def last_rows_of(table: str, segments: Sequence[str], *, overlapping: bool, old_segments: Sequence[str] = ()) -> Rows:
    """Of each id the row that was written last; a source has no id twice, so one source alone needs no look."""
    rows = rows_of(table, segments, old_segments)
    if not overlapping:
        return rows
    identity = STORED[table].identity
    age = f"row_number() OVER (PARTITION BY {identity} ORDER BY source DESC, source_row DESC) AS age"
    return Rows(f"(SELECT * FROM (SELECT *, {age} FROM {rows.sql}) WHERE age = 1)", rows.values)  # noqa: S608


def salt(seed: int, purpose: str) -> int:
    """The number that keys are put in order by, for one seed and one purpose.

    Keys are keyed hashes, so the keys nearest to a random number (by exclusive or) are a random sample of all keys:
    the same on every engine, for every order of ingest.
    """
    return int.from_bytes(hashlib.sha256(f"leaktrace {purpose} {seed}".encode()).digest()[:8], "big")


# --- accesses -----------------------------------------------------------------------------------------


def exposures(accesses: Rows, cutoffs: pa.Table, field: str) -> Query:
    """`cutoffs`: customer, since_at, cutoff_at."""
    sql = f"""
        SELECT principal, customer, min("at") AS first_shown_at
        FROM {accesses.sql} JOIN cutoffs USING (customer)
        WHERE "at" >= since_at AND "at" < cutoff_at AND {_SHOWS_FIELD}
        GROUP BY principal, customer ORDER BY customer, principal"""  # noqa: S608
    return Query("exposures", sql, {**accesses.values, "field": field}, {"cutoffs": cutoffs})


def channels(accesses: Rows, cutoffs: pa.Table, field: str) -> Query:
    """`cutoffs`: customer, since_at, cutoff_at. The type of a ticket is the letters that its number starts with."""
    sql = f"""
        WITH used AS (
            SELECT customer, principal, "at", tool, regexp_extract(reason, $ticket, 1) AS ticket
            FROM {accesses.sql} JOIN cutoffs USING (customer)
            WHERE "at" >= since_at AND "at" < cutoff_at AND {_SHOWS_FIELD}),
        labelled AS (
            SELECT customer, principal, "at", 'tool ' || tool AS channel FROM used WHERE tool <> ''
            UNION ALL
            SELECT customer, principal, "at", 'ticket type ' || ticket AS channel FROM used WHERE ticket <> '')
        SELECT channel, principal, customer, min("at") AS first_shown_at
        FROM labelled GROUP BY ALL ORDER BY channel, customer, principal"""  # noqa: S608
    values = {**accesses.values, "field": field, "ticket": TICKET}
    return Query("channels", sql, values, {"cutoffs": cutoffs})


def opened_by(accesses: Rows, wanted: pa.Table, field: str, span: Span, limit: int | None, order: int) -> Query:
    """`wanted`: principal."""
    values = {**accesses.values, "field": field, "start": span.start, "end": span.end}
    sample = "shown"
    if limit is not None:
        drawn = "row_number() OVER (PARTITION BY principal ORDER BY xor(customer, $order)) AS drawn"
        sample = f"(SELECT *, {drawn} FROM shown) WHERE drawn <= $limit"  # noqa: S608
        values |= {"limit": limit, "order": order}
    sql = f"""
        WITH shown AS (
            SELECT principal, customer, min("at") AS first_shown_at
            FROM {accesses.sql} SEMI JOIN wanted USING (principal)
            WHERE {_IN_WINDOW} AND {_SHOWS_FIELD} GROUP BY principal, customer)
        SELECT principal, customer, first_shown_at FROM {sample} ORDER BY customer, principal"""  # noqa: S608
    return Query("opened by", sql, values, {"wanted": wanted})


def accesses_of(accesses: Rows, wanted: pa.Table, span: Span) -> Query:
    """`wanted`: principal."""
    sql = f"""
        SELECT principal, customer, "at", coalesce(tool, '') AS tool, fields
        FROM {accesses.sql} SEMI JOIN wanted USING (principal)
        WHERE {_IN_WINDOW} ORDER BY customer, "at", principal, tool, fields"""  # noqa: S608
    return Query("accesses of", sql, {**accesses.values, "start": span.start, "end": span.end}, {"wanted": wanted})


def access_origins(accesses: Rows, wanted: pa.Table, asked: pa.Table, span: Span) -> Query:
    """`wanted`: principal; `asked`: customer. With the number of the source file and the row in it."""
    sql = f"""
        SELECT principal, customer, "at", coalesce(tool, '') AS tool, fields, coalesce(reason, '') AS reason,
               source, source_row
        FROM {accesses.sql} SEMI JOIN wanted USING (principal) SEMI JOIN asked USING (customer)
        WHERE {_IN_WINDOW} ORDER BY "at", principal, customer, source, source_row"""  # noqa: S608
    values = {**accesses.values, "start": span.start, "end": span.end}
    return Query("access origins", sql, values, {"wanted": wanted, "asked": asked})


def fields_shown(accesses: Rows, wanted: pa.Table, span: Span) -> Query:
    """`wanted`: principal."""
    sql = f"""
        WITH shown AS (
            SELECT DISTINCT customer, fields FROM {accesses.sql} SEMI JOIN wanted USING (principal)
            WHERE {_IN_WINDOW}),
        single AS (SELECT customer, unnest(string_split(fields, ';')) AS field FROM shown)
        SELECT field, count(DISTINCT customer) AS customer_count FROM single GROUP BY field ORDER BY field"""  # noqa: S608
    return Query("fields shown", sql, {**accesses.values, "start": span.start, "end": span.end}, {"wanted": wanted})


def opened_counts(accesses: Rows, field: str, span: Span) -> Query:
    """Distinct customers per principal, counted exactly."""
    sql = f"""
        WITH shown AS (
            SELECT DISTINCT principal, customer FROM {accesses.sql} WHERE {_IN_WINDOW} AND {_SHOWS_FIELD})
        SELECT principal, count(*) AS opened_count FROM shown GROUP BY principal ORDER BY principal"""  # noqa: S608
    return Query("totals", sql, {**accesses.values, "field": field, "start": span.start, "end": span.end})


def seen_customer_count(accesses: Rows) -> Query:
    """Distinct customers seen in accesses."""
    sql = f"SELECT count(DISTINCT customer) AS customer_count FROM {accesses.sql}"  # noqa: S608
    return Query("count customers", sql, accesses.values)


def counts_between(accesses: Rows, span: Span) -> Query:
    """Rows by tool, fields and day inside a short span."""
    sql = f"""
        SELECT tool, fields, {DAY_OF_AT} AS day, count(*) AS row_count,
            min("at") AS first_at, max("at") AS last_at
        FROM {accesses.sql} WHERE {_IN_WINDOW} GROUP BY tool, fields, day ORDER BY tool, fields, day"""  # noqa: S608
    return Query("count rows a day", sql, {**accesses.values, "start": span.start, "end": span.end})


def bulk_counts(bulk_reads: Rows, span: Span) -> Query:
    """Bulk reads by tool, principal and fields."""
    sql = f"""
        SELECT tool, principal, fields, count(*) AS row_count, min("at") AS first_at, max("at") AS last_at
        FROM {bulk_reads.sql} WHERE {_IN_WINDOW}
        GROUP BY tool, principal, fields ORDER BY tool, principal, fields"""  # noqa: S608
    return Query("count bulk reads", sql, {**bulk_reads.values, "start": span.start, "end": span.end})


# --- customers ----------------------------------------------------------------------------------------


def _everybody(customers: Rows, accesses: Rows, contacts: Rows) -> Rows:
    """Each customer once: in the customers table or seen in accesses or contacts."""
    sql = f"""(SELECT customer FROM {customers.sql} UNION SELECT customer FROM {accesses.sql}
        UNION SELECT customer FROM {contacts.sql})"""  # noqa: S608
    return Rows(sql, {**customers.values, **accesses.values, **contacts.values})


def customer_count(customers: Rows, accesses: Rows, contacts: Rows) -> Query:
    """How many customers there are."""
    everybody = _everybody(customers, accesses, contacts)
    return Query("count all customers", f"SELECT count(*) AS customer_count FROM {everybody.sql}", everybody.values)  # noqa: S608


def keys_between(table: Rows, first: int, last: int) -> Query:
    """Customers of a table whose number lies in `[first, last]`, each once, ascending."""
    sql = f"""
        SELECT DISTINCT customer FROM {table.sql} WHERE customer BETWEEN $key_first AND $key_last ORDER BY customer"""  # noqa: S608
    return Query("customers of a part", sql, {**table.values, "key_first": first, "key_last": last})


def places(customers: Rows, near: pa.Table) -> Query:
    """`near`: customer. Where they live (region, else jurisdiction), and how many."""
    sql = f"""
        SELECT {_PLACE} AS place, count(*) AS customer_count FROM {customers.sql} SEMI JOIN near USING (customer)
        WHERE region IS NOT NULL OR jurisdiction IS NOT NULL GROUP BY place ORDER BY place"""  # noqa: S608
    return Query("list places", sql, customers.values, {"near": near})


def draw_by_place(customers: Rows, quotas: pa.Table, excluded: pa.Table, order: int) -> Query:
    """`quotas`: place, quota; `excluded`: customer. A random draw from each place."""
    sql = f"""
        WITH placed AS (
            SELECT customer, {_PLACE} AS place FROM {customers.sql} ANTI JOIN excluded USING (customer)),
        drawn AS (
            SELECT customer, quota, row_number() OVER (PARTITION BY place ORDER BY xor(customer, $order)) AS number
            FROM placed JOIN quotas USING (place))
        SELECT customer FROM drawn WHERE number <= quota ORDER BY customer"""  # noqa: S608
    tables = {"quotas": quotas, "excluded": excluded}
    return Query("draw customers by place", sql, {**customers.values, "order": order}, tables)


def customer_rows(customers: Rows, wanted: pa.Table) -> Query:
    """`wanted`: position, customer. Attributes in that order, empty where null."""
    attributes = ", ".join(
        f"coalesce(found.{name}, '') AS {name}" for name in ("region", "jurisdiction", "segment", "locale")
    )
    sql = f"""
        SELECT wanted.customer, {attributes}, found.customer IS NOT NULL AS in_table
        FROM wanted LEFT JOIN (SELECT * FROM {customers.sql} SEMI JOIN wanted USING (customer)) AS found
        ON found.customer = wanted.customer
        ORDER BY position"""  # noqa: S608
    return Query("customers", sql, customers.values, {"wanted": wanted})


def by_address(customers: Rows, wanted: pa.Table) -> Query:
    """`wanted`: hash. Customers with that address, and whether exactly so or only folded."""
    sql = f"""
        WITH known AS (SELECT customer, email_exact, email_folded FROM {customers.sql})
        SELECT hash, customer, true AS exact FROM known JOIN wanted ON email_exact = hash
        UNION ALL
        SELECT hash, customer, false AS exact FROM known JOIN wanted ON email_folded = hash
        ORDER BY hash, customer, exact"""  # noqa: S608
    return Query("customers by address", sql, customers.values, {"wanted": wanted})


# --- the other tables ---------------------------------------------------------------------------------


def contacts(rows: Rows, wanted: pa.Table, seller: str | None, before: int) -> Query:
    """`wanted`: customer. Those with a contact before the instant with the seller, or with any where it is None."""
    sql = f"""
        SELECT DISTINCT customer FROM {rows.sql} SEMI JOIN wanted USING (customer)
        WHERE coalesce(seller = $seller, $seller IS NULL) AND "at" < $before ORDER BY customer"""  # noqa: S608
    return Query("contacts", sql, {**rows.values, "seller": seller, "before": before}, {"wanted": wanted})


def sellers_dealt_with(rows: Rows, before: int) -> Query:
    """Sellers with whom anybody had a contact before the instant."""
    sql = f"""SELECT DISTINCT seller FROM {rows.sql} WHERE "at" < $before ORDER BY seller"""  # noqa: S608
    return Query("sellers dealt with", sql, {**rows.values, "before": before})


def dealings(rows: Rows, wanted: pa.Table, cases: pa.Table, before: int, but: str, least: int, most: int) -> Query:
    """`wanted`, `cases`: customer. When the wanted first dealt, before the instant, with each seller and over each
    product, and wrote a review of any seller or of each, where so many cases did; those of the most cases, `but` left
    out. Reviews stand apart, for anybody can read who wrote them.
    """
    sql = f"""
        WITH dealt AS (
            SELECT customer, "at", seller, product, kind FROM {rows.sql} SEMI JOIN wanted USING (customer)
            WHERE "at" < $before AND seller <> $but),
        labelled AS (
            SELECT customer, "at", 'seller ' || seller AS channel FROM dealt
            UNION ALL
            SELECT customer, "at", 'product ' || product AS channel FROM dealt WHERE product <> ''
            UNION ALL
            SELECT customer, "at", 'reviewers of seller ' || seller AS channel FROM dealt WHERE kind = 'review'
            UNION ALL
            SELECT customer, "at", 'reviewers of any seller' AS channel FROM dealt WHERE kind = 'review'),
        chosen AS (
            SELECT channel, count(DISTINCT customer) AS case_count FROM labelled SEMI JOIN cases USING (customer)
            GROUP BY channel HAVING count(DISTINCT customer) >= $least
            ORDER BY case_count DESC, channel LIMIT {int(most)})
        SELECT channel, customer, min("at") AS first_shown_at
        FROM labelled SEMI JOIN chosen USING (channel) GROUP BY channel, customer ORDER BY channel, customer"""  # noqa: S608
    values = {**rows.values, "before": before, "but": but, "least": least}
    return Query("dealings", sql, values, {"wanted": wanted, "cases": cases})


def known_elsewhere(rows: Rows, wanted: pa.Table, field: str, before: int) -> Query:
    """`wanted`: customer. Those whose field is known elsewhere since before the instant."""
    sql = f"""
        SELECT DISTINCT customer FROM {rows.sql} SEMI JOIN wanted USING (customer)
        WHERE field = $field AND since < $before ORDER BY customer"""  # noqa: S608
    return Query("known elsewhere", sql, {**rows.values, "field": field, "before": before}, {"wanted": wanted})


def principals(rows: Rows) -> Query:
    """The principals table."""
    sql = f"""
        SELECT principal, team, site, kind, reports_to, active_from, active_to FROM {rows.sql} ORDER BY principal"""  # noqa: S608
    return Query("principals", sql, rows.values)


def sellers(rows: Rows) -> Query:
    """The sellers table."""
    sql = f"SELECT seller, name, domains, status FROM {rows.sql} ORDER BY seller"  # noqa: S608
    return Query("sellers", sql, rows.values)
