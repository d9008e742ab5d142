"""Starts Spark's driver beside this process: quiet, in a folder of its own, on loopback where the cluster is.

What a cluster needs of its own (memory of executors, authentication, encryption, credentials of an object store) is
told to Spark in the usual place, `spark-defaults.conf` in `$SPARK_CONF_DIR`; here is only what the ledger needs.
Spark's own words go to `spark.log` in that folder, never to the terminal.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from leaktrace.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

THIS_MACHINE = "local[*]"
LOG = "spark.log"
_MASTER = re.compile(r"local(\[(\*|\d+)\])?|spark://[^,]+:\d+(,[^,]+:\d+)*|yarn|k8s://.+")
_LOOPBACK = re.compile(r"local(\[.*)?|spark://(127\.[\d.]+|localhost|\[::1\]):\d+")
_LEAST_MEGABYTES = 512
"""Spark's driver refuses to start with less than 450."""
_CONNECT_SECONDS = 5.0
_EXECUTOR_SECONDS = 60.0
_STOP_SECONDS = 20.0
_NO_JAVA = "Install Java 17 or newer (Debian: openjdk-17-jre-headless), or set JAVA_HOME."


@dataclass(frozen=True, slots=True)
class DriverPlan:
    """How the driver is started."""

    master: str
    memory_megabytes: int
    scratch: Path
    """An own folder, 0700, that is there; whoever starts the driver removes it."""


def check_master(master: str) -> None:
    """UsageError for what is no URL of a master."""
    if not _MASTER.fullmatch(master):
        raise UsageError(
            f"'{master}' is no Spark master.", "For instance: --master spark://host:7077, or local[4] for this machine."
        )


def driver_settings(plan: DriverPlan) -> dict[str, str]:
    """What the driver is told; pure."""
    told = {
        "spark.app.name": "leaktrace",
        "spark.master": plan.master,
        "spark.driver.memory": f"{max(plan.memory_megabytes, _LEAST_MEGABYTES)}m",
        "spark.driver.defaultJavaOptions": f"-Djava.io.tmpdir={_quoted(plan.scratch)} -XX:-UsePerfData",
        "spark.local.dir": str(plan.scratch),
        "spark.sql.warehouse.dir": str(plan.scratch / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if _LOOPBACK.fullmatch(plan.master):
        told |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return told


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def start_driver(plan: DriverPlan, environment: Mapping[str, str]) -> SparkSession:
    """Starts Spark; UsageError where PySpark, Java, the master or its workers are not there."""
    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError("PySpark is not installed.", "Install leaktrace with its extra 'spark'.") from error
    _need_java(environment)
    _need_master(plan.master)
    # It would put a failed query on stderr a second time.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    conf = SparkConf(loadDefaults=False)
    for name, value in driver_settings(plan).items():
        conf.set(name, value)
    try:
        with _own_file(plan.scratch / LOG) as log:
            quiet: dict[str, Any] = {"stdout": log, "stderr": log, "umask": 0o077}
            launch: Any = launch_gateway
            context = SparkContext(gateway=launch(conf, quiet), conf=conf)
        session = SparkSession(context)
    except (PySparkException, Py4JError, OSError, ValueError) as error:
        raise UsageError(
            f"Spark does not start on {plan.master}: {_last_complaint(plan.scratch / LOG) or error}.",
            "Check the version of Java (17 or newer), the memory that is free, and the master's address.",
        ) from error
    try:
        _await_executor(session, plan.master)
    except BaseException:
        stop_driver(session)
        raise
    return session


def stop_driver(session: SparkSession) -> None:
    """Ends a driver that `start_driver` started, and its Java: its folder for temporary files is about to go."""
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


def _own_file(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _need_java(environment: Mapping[str, str]) -> None:
    home = environment.get("JAVA_HOME")
    found = (Path(home) / "bin" / "java").is_file() if home else shutil.which("java", path=environment.get("PATH"))
    if not found:
        raise UsageError("Spark needs Java, and there is none.", _NO_JAVA)


def _need_master(master: str) -> None:
    """Of the masters named, one must take a connection: Spark itself would try for a minute and say little."""
    if not master.startswith("spark://"):
        return
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS):
                return
        except (OSError, OverflowError):
            continue
    raise UsageError(f"No Spark master answers at {master}.", "Start it, or correct --master.")


def _await_executor(session: SparkSession, master: str) -> None:
    """A cluster without free workers would let a query wait for ever."""
    dynamic = session.conf.get("spark.dynamicAllocation.enabled", "false")
    if master.startswith("local") or dynamic == "true":
        return
    java: Any = session.sparkContext._jsc
    end = time.monotonic() + _EXECUTOR_SECONDS
    while java.sc().getExecutorMemoryStatus().size() < 2:  # the driver is one
        if time.monotonic() > end:
            raise UsageError(
                f"{master} gave no worker within {_EXECUTOR_SECONDS:.0f} seconds.",
                "Look at the master's page: are there workers, with the cores and memory that executors ask for?",
            )
        time.sleep(0.1)


def _last_complaint(log: Path) -> str:
    """The last line of the log that tells of an error, shortened."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    told = [line.strip() for line in lines if re.search(r"\b(ERROR|Exception|Error)\b", line)]
    return told[-1][:300].rstrip(".") if told else ""
