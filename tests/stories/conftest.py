"""Marketplaces that several tests look at: each is made once, when the first test asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.desk import Desk

SIZE = ("--customers", 6000, "--principals", 150, "--accesses", 90_000, "--reports", 40)
SEEDS = {"one": 4, "two": 1, "nobody": 6, "twins": 11, "handler": 1}
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
    """Stories by scenario, told when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told: dict[str, Told] = {}

    def __call__(self, scenario: str) -> Told:
        if scenario not in self._told:
            self._told[scenario] = _tell(self._folder / scenario, scenario)
        return self._told[scenario]


def _tell(folder: Path, scenario: str) -> Told:
    desk = Desk(folder / "ws", folder / "config")
    truth = desk.json("simulate", folder / "market", "--scenario", scenario, "--seed", SEEDS[scenario], *SIZE)
    desk.fill(folder / "market")
    campaign = desk.main_campaign()
    page = folder / "finding.html"
    finding = desk.json("trace", campaign, "--html", page, "--why", f"the story of {scenario}")
    return Told(folder / "market", desk, truth, campaign, finding, page.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Every scenario, simulated, ingested, received and traced through the command line."""
    return Library(tmp_path_factory.mktemp("stories"))


@pytest.fixture(scope="session")
def tiny_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest marketplace there is, with its mail."""
    folder = tmp_path_factory.mktemp("tiny")
    Desk(folder / "ws", folder / "config").json("simulate", folder / "market", "--seed", 7, *TINY)
    return folder / "market"


@pytest.fixture(scope="session")
def filled_once(tmp_path_factory: pytest.TempPathFactory, tiny_market: Path) -> Desk:
    """A workspace with all of the smallest marketplace. For copying only."""
    folder = tmp_path_factory.mktemp("filled")
    desk = Desk(folder / "ws", folder / "config")
    desk.fill(tiny_market)
    return desk


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
