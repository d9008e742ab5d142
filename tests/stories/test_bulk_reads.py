"""An export whose customers the log does not tell stands before a name until somebody checked what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stories.desk import Desk
from tests.stories.reportedmarket import reported_market

MAPPING = """
schema = "leaktrace.mapping/1"
about = "An admin tool's exports"
input = "csv"
at.path = "when"
principal.path = "who"
customer.path = "whom"
fields.path = "shown"
fields.separator = "+"
[[rule]]
when = [{ path = "did", in = ["export"] }]
bulk = "always"
"""


@pytest.fixture
def desk(empty_desk: Desk, tmp_path: Path) -> Desk:
    """p07 was shown 16 of the 20 reporters and few others were; p30 exported addresses, and nobody knows whose."""
    rng = np.random.default_rng(11)
    shown = [
        (c, f"p{p:02d}", float(rng.uniform(100.0, 300.0)))
        for p in range(40)
        for c in rng.choice(3000, 120, replace=False).tolist()
    ]
    own = rng.choice(3000, 150, replace=False).tolist()
    shown += [(c, "p07", float(rng.uniform(100.0, 300.0))) for c in own]
    reporters = [*own[:16], *rng.choice(3000, 4, replace=False).tolist()]
    reported_market(empty_desk, tmp_path, [(*one, "") for one in shown], reporters)
    (tmp_path / "exports.csv").write_text("when,who,did,whom,shown\n2025-02-03T10:00:00Z,p30,export,,email+name\n")
    (tmp_path / "exports.toml").write_text(MAPPING)
    return empty_desk


def ask(desk: Desk, folder: Path, *more: str) -> Any:
    return desk.json("trace", "--evidence", folder / "evidence.csv", *more)


def export(desk: Desk, folder: Path) -> None:
    mapping = ("--format", "mapped", "--option", f"mapping={folder / 'exports.toml'}")
    desk.json("ingest", "accesses", folder / "exports.csv", *mapping)


def test_it_keeps_others_from_being_named_until_it_was_checked(desk: Desk, tmp_path: Path) -> None:
    assert ask(desk, tmp_path)["named"] == ["p07"]
    export(desk, tmp_path)
    finding = ask(desk, tmp_path)
    assert (finding["named"], finding["undecided"]["code"]) == ([], "log_incomplete")
    assert "name them in the setting checked_bulk_readers" in finding["undecided"]["sentence"]
    settings = desk.workspace / "settings.json"
    settings.write_text(json.dumps({"checked_bulk_readers": ["p31"]}))
    assert ask(desk, tmp_path)["named"] == []
    settings.write_text(json.dumps({"checked_bulk_readers": ["p30"]}))
    finding = ask(desk, tmp_path)
    assert finding["named"] == ["p07"]
    assert finding["provenance"]["settings"]["checked_bulk_readers"] == ["p30"]
    told = " ".join(desk.run("trace", "--evidence", tmp_path / "evidence.csv").out.split())
    assert "It is taken as checked what became of all that 1 account(s) read of many customers at once" in told
    (hidden,) = ask(desk, tmp_path, "--pseudonyms")["named"]
    assert hidden.startswith("P-")
