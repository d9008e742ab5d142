"""Turns the catalogue of a ledger back into one of an earlier version, table by table as that version made them."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_SEGMENTS_OF = {
    1: "",
    2: ", modified_ns INTEGER NOT NULL DEFAULT 0",
}


def _times_in_one(path: Path) -> tuple[str, int]:
    """Writes a segment as it was before, with times in one column; its new digest and size."""
    new = pq.read_table(path, partitioning=None)
    at = pc.add(pc.multiply(new.column("at_second"), 1_000_000), new.column("at_microsecond").cast(pa.int64()))
    pq.write_table(new.drop_columns(["at_second", "at_microsecond"]).add_column(0, "at", at), path)
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size


def turn_back(ledger: Path, version: int) -> None:
    """As if the ledger had been made by that version; only for one that was never kept up."""
    with closing(sqlite3.connect(ledger / "ledger.db")) as database:
        for (path,) in database.execute("SELECT path FROM segments WHERE layout = 2").fetchall():
            database.execute(
                "UPDATE segments SET sha256 = ?, size_bytes = ? WHERE path = ?", (*_times_in_one(ledger / path), path)
            )
        for table in ("postings", "customer_counts", "forgotten", "floors", "holds", "acts", "replaced"):
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
