"""Marketplaces that several tests look at: each is made once, when the first test asks for it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.desk import Desk
from tests.stories.disks import Disk, small_disks

SIZE = ("--customers", 6000, "--principals", 150, "--accesses", 90_000, "--reports", 40)
SEEDS = {"one": 1, "two": 1, "nobody": 9, "twins": 11, "handler": 1}
"""Marketplaces in which this much evidence is enough for an answer."""
TINY = ("--customers", 500, "--principals", 30, "--accesses", 5000, "--reports", 4)


@dataclass(frozen=True, slots=True)
class Told:
    """A simulated story, its workspace and its finding."""

    market: Path
    desk: Desk
    truth: dict[str, Any]
    campaign: str
    finding: dict[str, Any]
    page: str
    """The HTML page of the finding."""


class Library:
    """Stories by scenario, told when they are asked for; each once, however many processes run the tests."""

    def __init__(self, shared: Path, own: Path) -> None:
        self._shared, self._own = shared, own
        self._told: dict[str, Told] = {}

    def __call__(self, scenario: str) -> Told:
        if scenario not in self._told:
            folder = made_once(self._shared / f"story-{scenario}", lambda path: _tell(path, scenario))
            desk = Desk(folder / "ws", folder / "config").copy_to(self._own / scenario)
            self._told[scenario] = Told(
                market=folder / "market",
                desk=desk,
                truth=json.loads((folder / "market" / "truth.json").read_text(encoding="utf-8")),
                campaign=desk.main_campaign(),
                finding=json.loads((folder / "finding.json").read_text(encoding="utf-8")),
                page=(folder / "finding.html").read_text(encoding="utf-8"),
            )
        return self._told[scenario]


def _tell(folder: Path, scenario: str) -> None:
    desk = Desk(folder / "ws", folder / "config")
    desk.json("simulate", folder / "market", "--scenario", scenario, "--seed", SEEDS[scenario], *SIZE)
    desk.fill(folder / "market")
    truth = json.loads((folder / "market" / "truth.json").read_text(encoding="utf-8"))
    if scenario == "handler":  # whose work complaints are is known in a company
        settings = json.dumps({"complaint_handlers": truth["handlers"]})
        (desk.workspace / "settings.json").write_text(settings, encoding="utf-8")
    traced = desk.run("trace", desk.main_campaign(), "--html", folder / "finding.html", "--json")
    assert traced.code == 0, traced
    (folder / "finding.json").write_text(traced.out, encoding="utf-8")


def _fill_tiny(folder: Path) -> None:
    desk = Desk(folder / "ws", folder / "config")
    desk.json("simulate", folder / "market", "--seed", 7, *TINY)
    desk.fill(folder / "market")


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by the first process that asks; nobody opens the workspace in it, everybody copies it."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def stories(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Every scenario, simulated, ingested, received and traced through the command line."""
    return Library(shared_folder, tmp_path_factory.mktemp("stories"))


@pytest.fixture(scope="session")
def filled_once(shared_folder: Path) -> Desk:
    """A workspace with all of the smallest marketplace. For copying only."""
    folder = made_once(shared_folder / "story-tiny", _fill_tiny)
    return Desk(folder / "ws", folder / "config")


@pytest.fixture(scope="session")
def tiny_market(filled_once: Desk) -> Path:
    """The smallest marketplace there is, with its mail."""
    return filled_once.workspace.with_name("market")


@pytest.fixture
def desk(filled_once: Desk, tmp_path: Path) -> Desk:
    """A workspace of one's own with all of the smallest marketplace."""
    return filled_once.copy_to(tmp_path / "ws")


@pytest.fixture
def empty_desk(tmp_path: Path) -> Desk:
    """A new workspace without anything in it."""
    new = Desk(tmp_path / "ws", tmp_path / "config")
    new.json("init")
    return new


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Makes small file systems of a test's own."""
    with small_disks(tmp_path) as make:
        yield make
