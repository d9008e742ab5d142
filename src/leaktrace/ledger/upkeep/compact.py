"""Merges small segments: fewer files, the same rows, in the same order, each with its source.

Each merge is one transaction: killed before it, nothing has changed; killed after it, the old files are leftovers that
the next start takes away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.engine import Query
from leaktrace.ledger.indexing import index_missing, merge_years
from leaktrace.ledger.interface import Progress
from leaktrace.ledger.queries import Rows
from leaktrace.ledger.schema import STORED, TableSchema
from leaktrace.ledger.upkeep.premises import Premises
from leaktrace.ledger.upkeep.rewrite import Replacements
from leaktrace.records import Compaction

Group = tuple[StoredFile, ...]


def groups_to_merge(segments: Sequence[StoredFile], target_rows: int) -> tuple[Group, ...]:
    """Which segments of one table become one segment each time; months are never mixed.

    Smallest first, filled up to the target. What comes of it needs no further merge: any two of the results together
    are larger than the target.
    """
    months: dict[int, list[StoredFile]] = {}
    for segment in segments:
        if segment.row_count < target_rows:
            months.setdefault(-1 if segment.month is None else segment.month, []).append(segment)
    return tuple(group for _, small in sorted(months.items()) for group in _filled(small, target_rows))


def _filled(segments: Sequence[StoredFile], target_rows: int) -> Iterator[Group]:
    group, row_count = list[StoredFile](), 0
    for segment in sorted(segments, key=lambda one: (one.row_count, one.path)):
        if group and row_count + segment.row_count > target_rows:
            if len(group) > 1:
                yield tuple(group)
            group, row_count = [], 0
        group.append(segment)
        row_count += segment.row_count
    if len(group) > 1:
        yield tuple(group)


def merged_rows(schema: TableSchema, rows: Rows) -> Query:
    """All rows of these segments in the table's order; rows that are alike in it by where they come from."""
    columns = ", ".join(f'"{name}"' for name, _ in schema.stored_columns())
    order = ", ".join(f'"{name}"' for name in dict.fromkeys((*schema.order, "source", "source_row")))
    sql = f"""
        SELECT {columns} FROM {rows.sql} ORDER BY {order}"""  # noqa: S608
    return Query("merge segments", sql, rows.values)


def compact(premises: Premises, progress: Progress) -> Compaction:
    """Merges the small segments of every table."""
    merged = written = row_count = 0
    with premises.writing():
        # First, so that the segments of a year have one set of postings, which stays theirs when they are merged.
        index_missing(premises.folder, premises.catalog, progress)
        merge_years(premises.folder, premises.catalog, progress)
        # What gave way goes at once where nobody reads it: old and new side by side would take the space twice.
        premises.remove_replaced()
        target = premises.settings.segment_target_rows
        plan = [
            (schema, group)
            for schema in STORED.values()
            for group in groups_to_merge(premises.catalog.segments(schema.name), target)
        ]
        rows_to_move = sum(segment.row_count for _, group in plan for segment in group)
        for schema, group in plan:
            progress("merging segments", row_count, rows_to_move)
            row_count += _merge(premises, schema, group)
            premises.remove_replaced()
            merged, written = merged + len(group), written + 1
        progress("merging segments", row_count, rows_to_move)
        waiting = premises.remove_replaced()
    return Compaction(merged, written, row_count, premises.catalog.sums()["segment_count"], waiting)


def _merge(premises: Premises, schema: TableSchema, group: Group) -> int:
    for segment in group:
        premises.demand_whole(segment)
    query = merged_rows(schema, premises.rows(schema.name, group))
    expected = sum(segment.row_count for segment in group)
    with Replacements(premises.folder, premises.catalog) as new:
        written = new.write_segment(schema, group[0].month, premises.engine.stream(query))
        if written != expected:
            raise LedgerError(
                f"Merging {len(group)} segments of {schema.name} gave {written} rows instead of {expected}.",
                "Nothing was changed. Run: leaktrace ledger verify.",
            )
        premises.catalog.replace_segments([segment.path for segment in group], new.publish_segments())
    return written
