"""The ledger's questions answered by Spark, on this machine or on a cluster that sees the same files.

The queries, the segments and the answers are DuckDB's (`sparksql`): values are bound, rows sorted, types the same. The
driver starts with the first question. Where this process has a Spark session already, it is borrowed and left running.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger.durable import make_folder
from leaktrace.ledger.engine import SPILL_PREFIX, Query
from leaktrace.ledger.engines import OpenAnswers
from leaktrace.ledger.sparksql import FilesView, bound_values, check_lake, from_spark, spark_sql, to_spark, views_of
from leaktrace.ledger.sparkstart import THIS_MACHINE, DriverPlan, check_master, start_driver, stop_driver
from leaktrace.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SESSION_SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}
"""Answers hang on these."""
_SMALL_DATA = {
    "spark.sql.shuffle.partitions": str(os.cpu_count() or 1),
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
}
"""On one machine, tasks for hundreds of parts cost more than they bring."""


def spark_answers(master: str | None, lake: str | None) -> OpenAnswers:
    """What opens a `SparkEngine` on that master, or on this machine; UsageError for what is no master or no URL."""
    if master is not None:
        check_master(master)
    if lake is not None:
        check_lake(lake)

    def opened(folder: Path, settings: Settings) -> SparkEngine:
        return SparkEngine(folder, settings.ingest_memory_megabytes, master, os.environ, lake)

    return opened


class SparkEngine:
    """Implements `Answers`."""

    def __init__(
        self,
        folder: Path,
        memory_megabytes: int,
        master: str | None,
        environment: Mapping[str, str],
        lake: str | None = None,
    ) -> None:
        self._folder, self._memory_megabytes, self._master, self._lake = folder, memory_megabytes, master, lake
        self._environment = environment
        self._scratch = folder / "tmp" / f"{SPILL_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
        self._own: SparkSession | None = None
        self._session: SparkSession | None = None
        self._shown: dict[str, FilesView] = {}

    def close(self) -> None:
        """Ends the driver, unless it was borrowed, and removes what it left on this machine."""
        if self._own is not None:
            stop_driver(self._own)
        self._own = self._session = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def run(self, query: Query) -> pa.Table:
        """All rows of the answer."""
        session = self._ready()
        with _guarded(query, self._folder):
            for view in views_of(query, self._folder / "lake", self._lake):
                self._show(session, view)
            try:
                for name, table in query.tables.items():
                    session.createDataFrame(to_spark(table)).createOrReplaceTempView(name)
                return from_spark(session.sql(spark_sql(query.sql), args=bound_values(query)).toArrow())
            finally:
                for name in query.tables:
                    session.catalog.dropTempView(name)

    def _ready(self) -> SparkSession:
        """A session of our own settings and views in the driver that runs, else in a new one."""
        running = _running()
        if self._session is not None and running is not None:
            return self._session
        if running is None:
            make_folder(self._scratch)
            plan = DriverPlan(self._master or THIS_MACHINE, self._memory_megabytes, self._scratch)
            running = self._own = start_driver(plan, self._environment)
        elif self._master not in (None, running.sparkContext.master):
            raise UsageError(
                f"This process runs Spark on {running.sparkContext.master} already, not on {self._master}.",
                "Close the other workspace or stop the other session first.",
            )
        small = _SMALL_DATA if str(running.sparkContext.master).startswith("local") else {}
        self._session, self._shown = running.newSession(), {}
        for name, value in {**_SESSION_SETTINGS, **small}.items():
            self._session.conf.set(name, value)
        return self._session

    def _show(self, session: SparkSession, view: FilesView) -> None:
        """Segments never change, so a view of the same ones is kept."""
        if self._shown.get(view.name) == view:
            return
        read = session.read.schema(view.read_schema).parquet(*view.paths)
        read.selectExpr(*view.columns).createOrReplaceTempView(view.name)
        self._shown[view.name] = view


def _running() -> SparkSession | None:
    """The session of this process, whoever started it."""
    try:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    except ImportError:
        return None
    if SparkContext._active_spark_context is None:
        return None
    return SparkSession.builder.getOrCreate()


@contextmanager
def _guarded(query: Query, folder: Path) -> Iterator[None]:
    """Turns what Spark raises into a LedgerError."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, pa.ArrowException, OSError) as error:
        raise LedgerError(
            f"Spark could not answer '{query.name}' from the ledger in {folder}: {_cause(error)}.",
            "If a file is missing or damaged, restore the workspace from your backup; every worker must see the"
            f" ledger's folder under the same path, or --lake. The query was: {' '.join(query.sql.split())}.",
        ) from error


def _cause(error: Exception) -> str:
    """The innermost cause that Java names, else the first line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes[-1] if causes else lines[0]).strip()[:300].rstrip(".")
