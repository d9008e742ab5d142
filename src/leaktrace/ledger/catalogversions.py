"""The catalogue's tables, and how one of an earlier version becomes one of today.

Version 1 was the first; 2 remembers when a segment was last known to be whole; 3 lets a segment hold rows of several
sources, knows the index, and has what the upkeep of the ledger writes down.
"""

from __future__ import annotations

VERSION = 3
_SCHEMA = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, table_name TEXT NOT NULL, file_name TEXT NOT NULL,
    accepted_count INTEGER NOT NULL, rejected_count INTEGER NOT NULL, bulk_count INTEGER NOT NULL,
    overlaps INTEGER NOT NULL, withheld_count INTEGER NOT NULL DEFAULT 0, kept_count INTEGER NOT NULL DEFAULT 0,
    gone_count INTEGER NOT NULL DEFAULT 0, UNIQUE (sha256, table_name)) STRICT;
CREATE TABLE segments (
    path TEXT PRIMARY KEY, source INTEGER REFERENCES sources, table_name TEXT NOT NULL, month INTEGER,
    row_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    modified_ns INTEGER NOT NULL DEFAULT 0, layout INTEGER NOT NULL DEFAULT 1, posting INTEGER) STRICT;
CREATE TABLE dictionaries (
    path TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources, kind TEXT NOT NULL,
    entry_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL) STRICT;
CREATE TABLE day_counts (
    source INTEGER NOT NULL REFERENCES sources, tool TEXT, fields TEXT NOT NULL, day INTEGER NOT NULL,
    row_count INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL) STRICT;
CREATE INDEX day_counts_by_day ON day_counts (day);
CREATE TABLE seen_principals (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE clock_steps (
    source INTEGER NOT NULL REFERENCES sources, source_row INTEGER NOT NULL, from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL) STRICT;
CREATE TABLE rejects (path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL) STRICT;
"""
_INDEX = """
CREATE TABLE postings (
    number INTEGER PRIMARY KEY, year INTEGER NOT NULL, row_count INTEGER NOT NULL,
    customer_path TEXT NOT NULL, customer_bytes INTEGER NOT NULL, customer_sha256 TEXT NOT NULL,
    customer_modified_ns INTEGER NOT NULL, principal_path TEXT NOT NULL, principal_bytes INTEGER NOT NULL,
    principal_sha256 TEXT NOT NULL, principal_modified_ns INTEGER NOT NULL) STRICT;
CREATE TABLE customer_counts (snapshot TEXT PRIMARY KEY, customer_count INTEGER NOT NULL) STRICT;
"""
"""Sets of postings, each two files with the same accesses of one year; how many customers a state of the ledger had."""
_UPKEEP = """
CREATE TABLE replaced (path TEXT PRIMARY KEY) STRICT;
CREATE TABLE forgotten (key INTEGER PRIMARY KEY) STRICT;
CREATE TABLE floors (table_name TEXT PRIMARY KEY, month INTEGER NOT NULL) STRICT;
CREATE TABLE holds (case_name TEXT NOT NULL, key INTEGER, at TEXT NOT NULL, who TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX holds_once ON holds (case_name, coalesce(key, 0), key IS NULL);
CREATE TABLE acts (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
    key INTEGER, row_counts TEXT NOT NULL, why TEXT NOT NULL) STRICT;
CREATE TRIGGER acts_stay BEFORE UPDATE ON acts BEGIN SELECT raise(ABORT, 'what was done stays written'); END;
CREATE TRIGGER acts_last BEFORE DELETE ON acts BEGIN SELECT raise(ABORT, 'what was done stays written'); END;
"""
"""What the ledger's upkeep writes down. A hold without key holds every customer;
`replaced` has files that gave way and wait to be removed."""
CONTENTS = "CREATE TABLE IF NOT EXISTS contents (source INTEGER PRIMARY KEY, sha256 TEXT NOT NULL) STRICT"
"""Of sources that were packed: the digest of what they hold. An earlier version goes on without it, so it is none of
the steps; what was taken in before it has no row and is known by the file's own digest alone."""
_FROM_VERSION_1 = "ALTER TABLE segments ADD COLUMN modified_ns INTEGER NOT NULL DEFAULT 0"
_FROM_VERSION_2 = """
ALTER TABLE sources ADD COLUMN withheld_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN kept_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sources ADD COLUMN gone_count INTEGER NOT NULL DEFAULT 0;
UPDATE sources SET kept_count = (SELECT coalesce(sum(row_count), 0) FROM segments WHERE source = sources.id);
CREATE TABLE segments_of_any (
    path TEXT PRIMARY KEY, source INTEGER REFERENCES sources, table_name TEXT NOT NULL, month INTEGER,
    row_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
    modified_ns INTEGER NOT NULL DEFAULT 0, layout INTEGER NOT NULL DEFAULT 1, posting INTEGER) STRICT;
INSERT INTO segments_of_any
    SELECT path, source, table_name, month, row_count, size_bytes, sha256, modified_ns, 1, NULL FROM segments;
DROP TABLE segments;
ALTER TABLE segments_of_any RENAME TO segments;
"""
"""SQLite cannot take NOT NULL off a column, so the table is made anew: a segment may hold rows of several sources."""


def steps_from(version: int) -> tuple[str, ...]:
    """Statements that make a catalogue of that version one of today; 0: an empty file."""
    return tuple(one for text in _texts_from(version) for one in text.strip().split(";\n"))


def _texts_from(version: int) -> tuple[str, ...]:
    if version == 0:
        return _SCHEMA, _INDEX, _UPKEEP
    newer = (_FROM_VERSION_2, _INDEX, _UPKEEP)
    return {1: (_FROM_VERSION_1, *newer), 2: newer}.get(version, ())
