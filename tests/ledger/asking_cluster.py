"""A process that asks a ledger by way of a Spark cluster, and tells on stdout how far the query is.

Arguments: folder of the ledger, URL of the master. One JSON object a line: {"done", "of", "executors"} while tasks of
the query run; last {"principal", "opened_count", "executors"}.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from pyspark import SparkContext

from leaktrace.ledger import DuckLedger, answers_of
from leaktrace.records import Window
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import KEYRING


def tell(told: object) -> None:
    print(json.dumps(told), flush=True)


def executors(context: SparkContext) -> int:
    """Executors that live; the driver is counted with them and is none."""
    return int(context._jsc.sc().getExecutorMemoryStatus().size()) - 1


def watch(context: SparkContext, over: threading.Event) -> None:
    tracker = context.statusTracker()
    while not over.wait(0.02):
        for number in tracker.getActiveStageIds():
            stage = tracker.getStageInfo(number)
            if stage is not None:
                tell({"done": stage.numCompletedTasks, "of": stage.numTasks, "executors": executors(context)})


def main(folder: Path, master: str) -> None:
    settings = Settings(ingest_memory_megabytes=512)
    with DuckLedger.open(folder, KEYRING, settings, answers_of("spark", master)) as ledger:
        ledger.sellers()
        context = SparkContext.getOrCreate()
        over = threading.Event()
        watcher = threading.Thread(target=watch, args=(context, over))
        watcher.start()
        try:
            totals = ledger.totals("email", Window(None, None))
        finally:
            over.set()
            watcher.join()
        told = {"principal": totals.principal.tolist(), "opened_count": totals.opened_count.tolist()}
        tell({**told, "executors": executors(context)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
