"""Turns the catalogue of a ledger back into one of an earlier version, table by table as that version made them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_SEGMENTS_OF = {
    1: "",
    2: ", modified_ns INTEGER NOT NULL DEFAULT 0",
}


def turn_back(ledger: Path, version: int) -> None:
    """As if the ledger had been made by that version; only for one that was never kept up."""
    with closing(sqlite3.connect(ledger / "ledger.db")) as database:
        for table in ("forgotten", "floors", "holds", "acts", "replaced"):
            database.execute(f"DROP TABLE {table}")
        for column in ("withheld_count", "kept_count", "gone_count"):
            database.execute(f"ALTER TABLE sources DROP COLUMN {column}")
        database.execute("ALTER TABLE segments RENAME TO newer")
        database.execute(f"""
            CREATE TABLE segments (
                path TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources, table_name TEXT NOT NULL,
                month INTEGER, row_count INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
                sha256 TEXT NOT NULL{_SEGMENTS_OF[version]}) STRICT""")
        columns = "path, source, table_name, month, row_count, size_bytes, sha256"
        columns += ", modified_ns" if version > 1 else ""
        database.execute(f"INSERT INTO segments ({columns}) SELECT {columns} FROM newer")  # noqa: S608
        database.execute("DROP TABLE newer")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
