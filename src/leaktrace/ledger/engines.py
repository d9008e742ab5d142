"""Which engine answers questions of the ledger, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leaktrace.errors import UsageError
from leaktrace.ledger.engine import Answers
from leaktrace.settings import Settings

ENGINES = ("duckdb", "spark")
OpenAnswers = Callable[[Path, Settings], Answers]
"""Called with the ledger's folder and the settings."""


def answers_of(engine: str, master: str | None = None) -> OpenAnswers | None:
    """What opens the engine of that name; null: the DuckDB that the ledger has anyway.

    `master`: URL of the cluster Spark runs on, null: this machine. UsageError for a name or a URL that is none.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine '{engine}'.", f"Engines are: {', '.join(ENGINES)}.")
    if engine == "spark":
        from leaktrace.ledger.spark import spark_answers

        return spark_answers(master)
    if master is not None:
        raise UsageError("A master is for Spark only.", "Say --engine spark too, or leave --master out.")
    return None
