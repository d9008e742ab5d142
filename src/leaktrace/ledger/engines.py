"""Which engine answers questions of the ledger, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.ledger.engine import Answers, Engine
from leaktrace.settings import ENGINES, Settings

OpenAnswers = Callable[[Path, Settings], Answers]
"""Called with the ledger's folder and the settings."""


def answers_of(engine: str, master: str | None = None, lake: str | None = None) -> OpenAnswers | None:
    """What opens the engine of that name; null: the index, which the ledger has anyway.

    `master`: URL of the cluster Spark runs on, null: this machine. `lake`: URL of the copy of the ledger's `lake`
    folder that Spark reads, null: the folder itself. UsageError for a name or a URL that is none.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine '{engine}'.", f"Engines are: {', '.join(ENGINES)}.")
    if engine == "spark":
        from leaktrace.ledger.spark import spark_answers

        return spark_answers(master, lake)
    for option, given in (("--master", master), ("--lake", lake)):
        if given is not None:
            raise UsageError(f"{option} is for Spark only.", f"Say --engine spark too, or leave {option} out.")
    return _open_duckdb if engine == "duckdb" else None


def _open_duckdb(folder: Path, settings: Settings) -> Answers:
    return Engine(folder, settings.ingest_memory_megabytes)
