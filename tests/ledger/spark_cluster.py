"""A real Spark cluster on loopback: a master and workers as processes of their own, on ports that are free.

They come from the PySpark wheel (`bin/spark-class`). Everything that takes part shares a secret (`spark.authenticate`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

SPARK_HOME = Path(str(pyspark.__file__)).parent
PATIENCE_SECONDS = 60.0
DEFAULTS = {
    "spark.authenticate": "true",
    "spark.executor.memory": "512m",
    # Many small tasks, so that there is a middle of a query.
    "spark.sql.files.openCostInBytes": "8m",
    "spark.sql.files.maxPartitionBytes": "8m",
    "spark.sql.shuffle.partitions": "60",
    "spark.sql.adaptive.enabled": "false",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster."""

    url: str
    web: str
    environment: Mapping[str, str]
    """What processes need to take part."""
    workers: tuple[subprocess.Popen[bytes], ...]

    def state(self) -> Any:
        """What the master says of its workers and applications."""
        with urllib.request.urlopen(f"{self.web}/json/", timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def live_workers(self) -> int:
        """Workers that the master counts on."""
        return sum(worker["state"] == "ALIVE" for worker in self.state()["workers"])

    def lose_worker(self, number: int) -> None:
        """Kills a worker and the executors it runs at once, as a machine that goes down does."""
        os.killpg(self.workers[number].pid, signal.SIGKILL)
        self.workers[number].wait()


@contextmanager
def cluster_of(worker_count: int, folder: Path) -> Iterator[Cluster]:
    """A master and so many workers of one core each; nothing of it runs on afterwards."""
    environment = _environment(folder)
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str) -> Path:
        log = folder / f"{name}.log"
        with log.open("wb") as stream:
            command = [str(SPARK_HOME / "bin" / "spark-class"), *arguments, "--host", "127.0.0.1", "--port", "0"]
            started.append(
                subprocess.Popen(
                    [*command, "--webui-port", "0"],
                    env=environment,
                    stdout=stream,
                    stderr=stream,
                    start_new_session=True,
                )
            )
        return log

    try:
        log = start("master", "org.apache.spark.deploy.master.Master")
        url = _told(log, r"Starting Spark master at (spark://\S+)")
        web = _told(log, r"MasterWebUI.* started at (http://\S+)")
        for number in range(worker_count):
            work = folder / f"work-{number}"
            start(
                f"worker-{number}", "org.apache.spark.deploy.worker.Worker", url,
                "--cores", "1", "--memory", "700M", "--work-dir", str(work),
            )  # fmt: skip
        cluster = Cluster(url, web, environment, tuple(started[1:]))
        wait_until(lambda: cluster.live_workers() == worker_count)
        yield cluster
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(folder: Path) -> dict[str, str]:
    configured = folder / "conf"
    configured.mkdir()
    told = {**DEFAULTS, "spark.authenticate.secret": secrets.token_hex(16)}
    defaults = configured / "spark-defaults.conf"
    defaults.touch(0o600)
    defaults.write_text("".join(f"{name} {value}\n" for name, value in told.items()), encoding="utf-8")
    return {
        **os.environ,
        "SPARK_CONF_DIR": str(configured),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1",
    }


def wait_until(condition: Any) -> None:
    """Returns once it holds; fails after a minute."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def _told(log: Path, pattern: str) -> str:
    """What a process says in its log once it is up."""
    wait_until(lambda: re.search(pattern, log.read_text(encoding="utf-8")))
    found = re.search(pattern, log.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]
