"""The same case by the command line, answered by DuckDB and by Spark: the same words, nothing beside them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.ledger.conftest import need_java
from tests.stories.desk import Answer, Desk

QUICK = "JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1"
"""A driver that lives for seconds never gains by the better compiler."""
SPARK = ("--engine", "spark", "--master", "local[2]")


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.startswith("ledger.db-")}


@pytest.mark.system
def test_spark_gives_the_same_finding_and_leaves_nothing_behind(desk: Desk, tmp_path: Path) -> None:
    need_java()
    campaign = desk.main_campaign()
    by_duckdb = desk.program("trace", campaign, "--json")
    before = files_of(desk.workspace)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    by_spark = desk.program(
        *SPARK, "trace", campaign, "--json", before=("env", f"TMPDIR={temporary}", QUICK), cwd=tmp_path
    )
    assert (by_spark.returncode, by_spark.stderr) == (by_duckdb.returncode, by_duckdb.stderr) == (0, "")
    assert by_spark.stdout == by_duckdb.stdout
    assert files_of(desk.workspace) == before
    assert not list(temporary.iterdir())
    assert not (tmp_path / "spark-warehouse").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--engine", "postgres"), "engine"),
        (("--master", "spark://127.0.0.1:7077"), "--master"),
        (("--lake", "s3a://bucket/lake"), "--lake"),
        (("--engine", "spark", "--master", "http://127.0.0.1"), "no Spark master"),
        (("--engine", "spark", "--master", "spark://somewhere"), "no Spark master"),
        (("--engine", "spark", "--lake", "/a/folder"), "no URL"),
    ],
)
def test_what_cannot_be_an_engine_is_told(desk: Desk, options: tuple[str, ...], word: str) -> None:
    told = desk.run(*options, "ledger", "stats", "--json").error()
    assert word in told["message"]
    assert told["hint"]


def refused(desk: Desk, *options: str, **changed: str) -> dict[str, str]:
    """What a process of its own, in which no Spark runs, says with these changes of its environment."""
    changes = [f"{name}={value}" for name, value in changed.items()]
    done = desk.program(*options, "ledger", "stats", "--json", before=("env", "-u", "JAVA_HOME", *changes))
    assert done.stderr == ""
    return Answer(done.returncode, done.stdout, done.stderr).error()


def test_without_pyspark_it_says_what_to_install(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "pyspark.py").write_text("raise ModuleNotFoundError\n", encoding="utf-8")
    told = refused(desk, *SPARK, PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    assert told == {"message": "PySpark is not installed.", "hint": "Install leaktrace with its extra 'spark'."}


def test_without_java_it_says_what_to_install(desk: Desk, tmp_path: Path) -> None:
    told = refused(desk, *SPARK, PATH=str(tmp_path))
    assert "Java" in told["message"]
    assert "openjdk-17-jre-headless" in told["hint"]


def test_a_java_that_does_not_start_is_told_and_not_a_traceback(desk: Desk, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text(
        "#!/bin/sh\necho 'Error: Could not create the Java Virtual Machine.' >&2\nexit 1\n", encoding="utf-8"
    )
    java.chmod(0o755)
    told = refused(desk, *SPARK, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "Spark does not start on local[2]: Error: Could not create the Java" in told["message"]


def test_where_no_master_listens_it_does_not_wait(desk: Desk) -> None:
    need_java()
    told = refused(desk, "--engine", "spark", "--master", "spark://127.0.0.1:1")
    assert told["message"] == "No Spark master answers at spark://127.0.0.1:1."


def test_ingest_needs_no_spark(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "s.csv").write_text("seller,name\ns-new,New\n", encoding="utf-8")
    assert desk.run(*SPARK, "ingest", "sellers", tmp_path / "s.csv").code == 0
