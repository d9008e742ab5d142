"""A process that appends to a log until it is killed; for each line on stdin a child does it: `writing_log FOLDER`.

Says `<pid>` when a child has begun and `ended` when it has ended. One process, so that the program is loaded once and
not for every kill.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from leaktrace.cases.custody import CustodyLog, LogKeeper
from tests.cases.custody_logs import KEYS, connect, pending


def write(folder: Path) -> None:
    """Batches of every size, each with a row of the caller's own in the same transaction, and the anchor after it."""
    connection = connect(folder / "x.db")
    connection.execute("BEGIN IMMEDIATE")
    log = CustodyLog.create(connection)
    connection.execute("CREATE TABLE IF NOT EXISTS state (idx INTEGER PRIMARY KEY)")
    connection.execute("COMMIT")
    keeper = LogKeeper(KEYS, [folder / "custody.anchor"])
    keeper.begin(log)
    while True:
        connection.execute("BEGIN IMMEDIATE")
        first = log.head().size
        for entry in log.append_many(pending(number) for number in range(first, first + 1 + first % 90)):
            connection.execute("INSERT INTO state VALUES (?)", (entry.index,))
        connection.execute("COMMIT")
        keeper.moved(log)


def serve(folder: Path) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            write(folder)
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
