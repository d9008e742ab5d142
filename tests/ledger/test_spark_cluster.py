"""On a real cluster: two workers give what DuckDB gives, and losing one of them in mid-query does not change it.

Two workers on one machine show that it is right, not that it is fast.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaktrace.records import Window
from tests.ledger.conftest import need_java
from tests.ledger.small_ledgers import START, microseconds, open_ledger
from tests.ledger.spark_cluster import Cluster, cluster_of, wait_until

MONTHS = 60
ROWS = 300_000
ALWAYS = Window(None, None)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a segment a month, so with a task a month."""
    folder = tmp_path_factory.mktemp("filled")
    draw = np.random.default_rng(7)
    at = microseconds(START) + draw.integers(0, MONTHS * 30 * 86_400_000_000, ROWS)
    log: Any = pa.table({
        "at": pa.array(np.sort(at), pa.timestamp("us", "UTC")),
        "principal": [f"p{n}" for n in draw.integers(0, 300, ROWS)],
        "customer": [f"c{n}" for n in draw.integers(0, 20_000, ROWS)],
        "fields": np.array(["email", "name;email", "phone"])[draw.integers(0, 3, ROWS)],
    })  # fmt: skip
    pq.write_table(log, folder / "log.parquet")
    with open_ledger(folder / "ledger") as ledger:
        ledger.ingest("accesses", [folder / "log.parquet"])
        assert ledger.stats().segment_count >= MONTHS - 2
    return folder / "ledger"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    need_java()
    with cluster_of(2, tmp_path) as running:
        yield running


@pytest.mark.system
def test_a_worker_lost_in_mid_query_does_not_change_the_answer(filled: Path, cluster: Cluster, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("wb") as stderr:
        asking = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.asking_cluster", filled, cluster.url],
            env=dict(cluster.environment),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        with asking:
            told = list(followed(asking, cluster))
    assert asking.returncode == 0, (tmp_path / "stderr").read_text(encoding="utf-8")
    assert (tmp_path / "stderr").read_bytes() == b"", "Spark is quiet"
    *running, answer = told

    assert running[0]["executors"] == 2
    assert answer.pop("executors") == 1, "the cluster has lost an executor"
    assert any(one["executors"] == 1 and one["done"] < one["of"] for one in running), "the query went on without it"
    assert sorted(worker["state"] for worker in cluster.state()["workers"]) == ["ALIVE", "DEAD"]
    assert not list((filled / "tmp").iterdir())
    with open_ledger(filled) as ledger:
        totals = ledger.totals("email", ALWAYS)
    assert answer == {"principal": totals.principal.tolist(), "opened_count": totals.opened_count.tolist()}
    assert sum(answer["opened_count"]) > ROWS / 2


def followed(asking: subprocess.Popen[str], cluster: Cluster) -> Iterator[dict[str, Any]]:
    """All that the process tells; once a third of the first long stage is done, a worker goes down."""
    assert asking.stdout is not None
    lost = False
    for line in asking.stdout:
        told = json.loads(line)
        if not lost and told.get("of", 0) >= MONTHS // 2 and told["done"] >= told["of"] // 3:
            assert told["done"] < told["of"] - 5, "too late: the query is nearly done"
            assert told["executors"] == cluster.live_workers() == 2
            assert [app["cores"] for app in cluster.state()["activeapps"]] == [2]
            cluster.lose_worker(0)
            wait_until(lambda: cluster.live_workers() == 1)
            lost = True
        yield told
    assert lost, "the query was never in its middle"
