#!/usr/bin/env python3
"""The custody log beside bare SQLite on this disk: appends with fsync in batches, and full verification.

    python -m bench.custody [--entries N] [--folder DIR]

Each figure also stands as a ratio to the same number of rows of the same bytes in a bare table, committed alike, in the
same run: what the tree costs, whatever the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import machine, peak_megabytes
from leaktrace.cases.custody import CustodyLog, Pending
from leaktrace.cases.custody.tree import leaf_hashes, verify_consistency, verify_inclusion

BATCH = 100
REPEATS = 3
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def connect(path: Path) -> sqlite3.Connection:
    """As the case store opens its database."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def pending(count: int) -> list[Pending]:
    return [
        Pending("K-9tdd2fzq", "NoteAdded", AT, hashlib.sha256(str(number).encode()).hexdigest())
        for number in range(count)
    ]


def seconds_of(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def append_log(connection: sqlite3.Connection, events: list[Pending], batch: int) -> None:
    log = CustodyLog(connection)
    for first in range(0, len(events), batch):
        connection.execute("BEGIN IMMEDIATE")
        log.append_many(events[first : first + batch])
        connection.execute("COMMIT")


def append_bare(connection: sqlite3.Connection, leaves: list[bytes], batch: int) -> None:
    for first in range(0, len(leaves), batch):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO bare VALUES (?, ?)", enumerate(leaves[first : first + batch], start=first))
        connection.execute("COMMIT")


def appends(folder: Path, count: int, batch: int) -> tuple[float, float]:
    """(entries a second, bare rows a second), each the median of the repeats, taken in turn."""
    ours, bare = [], []
    events = pending(count)
    for repeat in range(REPEATS):
        log_db, bare_db = (connect(folder / f"{name}-{batch}-{repeat}.db") for name in ("log", "bare"))
        CustodyLog.create(log_db)
        bare_db.execute("CREATE TABLE bare (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL)")
        ours.append(count / seconds_of(lambda db=log_db: append_log(db, events, batch)))  # type: ignore[misc]
        leaves = list(CustodyLog(log_db).leaves(0, count))
        bare.append(count / seconds_of(lambda db=bare_db, rows=leaves: append_bare(db, rows, batch)))  # type: ignore[misc]
        log_db.close()
        bare_db.close()
    return statistics.median(ours), statistics.median(bare)


def verification(folder: Path, count: int) -> tuple[float, float, float]:
    """(entries verified a second, bare rows read a second, bare rows read and hashed once a second)."""
    connection = connect(folder / "verified.db")
    log = CustodyLog.create(connection)
    append_log(connection, pending(count), 10_000)
    found = {"verify": list[float](), "read": list[float](), "hash": list[float]()}
    for _ in range(REPEATS):
        found["verify"].append(count / seconds_of(lambda: _verified(log, count)))
        found["read"].append(count / seconds_of(lambda: _read(connection)))
        found["hash"].append(count / seconds_of(lambda: _hashed(connection)))
    connection.close()
    verify, read, hashed = (statistics.median(found[name]) for name in ("verify", "read", "hash"))
    return verify, read, hashed


def _verified(log: CustodyLog, count: int) -> None:
    assert log.verify().head.size == count


def _read(connection: sqlite3.Connection) -> None:
    for _ in connection.execute("SELECT idx, leaf FROM custody_entries ORDER BY idx"):
        pass


def _hashed(connection: sqlite3.Connection) -> None:
    leaf_hashes(leaf for _, leaf in connection.execute("SELECT idx, leaf FROM custody_entries ORDER BY idx"))


def proofs(folder: Path, count: int) -> tuple[float, float]:
    """(milliseconds an inclusion proof, and a consistency proof), made from the disk and verified."""
    connection = connect(folder / "verified.db")
    log = CustodyLog(connection)
    root = bytes.fromhex(log.head().root)
    places = [count * step // 101 for step in range(1, 101)]

    def included() -> None:
        for index in places:
            (leaf,) = log.leaves(index, index + 1)
            verify_inclusion(leaf_hashes([leaf])[0], index, count, log.inclusion(index, count), root)

    def grown() -> None:
        for old in places:
            before = bytes.fromhex(log.head_at(old).root)
            verify_consistency(old, before, count, root, log.consistency(old, count))

    answer = seconds_of(included) * 1000 / len(places), seconds_of(grown) * 1000 / len(places)
    connection.close()
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk that is to be measured")
    asked = parser.parse_args()
    print(f"{machine()}; {asked.entries:,} entries; median of {REPEATS}\n")
    print("| what | custody log | bare SQLite, same bytes | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        folder = Path(scratch)
        for batch, count in ((BATCH, asked.entries), (1, 3000)):
            ours, bare = appends(folder, count, batch)
            print(f"| appends, fsync, batches of {batch} | {ours:,.0f}/s | {bare:,.0f}/s | {ours / bare:.2f} |")
        verify, read, hashed = verification(folder, asked.entries)
        print(f"| full verification | {verify:,.0f}/s | {read:,.0f}/s (rows read) | {verify / read:.2f} |")
        print(f"| full verification | {verify:,.0f}/s | {hashed:,.0f}/s (read, hashed once) | {verify / hashed:.2f} |")
        inclusion, consistency = proofs(folder, asked.entries)
    print(f"| inclusion proof, made and checked | {inclusion:.2f} ms | | |")
    print(f"| consistency proof, made and checked | {consistency:.2f} ms | | |")
    print(f"\nPeak memory {peak_megabytes():.0f} MB.")


if __name__ == "__main__":
    main()
