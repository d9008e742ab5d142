"""Every engine that answers a ledger's questions, one after the other.

A test that takes `engine` runs once for each, and must hold for each. Where an engine is known to fall short, the test
says so: `@pytest.mark.gap("spark", "why")`. A gap that closes turns the build red until the mark is gone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaktrace.ledger import ENGINES
from leaktrace.ledger.sparkstart import DriverPlan, start_driver, stop_driver

SPARK_MEGABYTES = 1024


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        asked = getattr(item, "callspec", None)
        for gap in item.iter_markers("gap"):
            engine, reason = gap.args
            if asked is not None and asked.params.get("engine") == engine:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def need_java() -> None:
    """Skips where there is no Java; on the build machine that is a failure."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        if os.environ.get("CI") == "true":
            pytest.fail("the Debian package openjdk-17-jre-headless is missing; make system-deps installs it")
        pytest.skip("the Debian package openjdk-17-jre-headless is missing")


@pytest.fixture(scope="session")
def local_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Spark driver for all tests of this process; engines on this machine borrow it."""
    need_java()
    scratch: Path = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        # A test's driver lives for seconds: the better compiler would never pay.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
        session = start_driver(DriverPlan("local[2]", SPARK_MEGABYTES, scratch), os.environ)
    yield str(session.sparkContext.master)
    stop_driver(session)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine that is ready to answer."""
    name: str = request.param
    if name == "spark":
        request.getfixturevalue("local_spark")
    return name
