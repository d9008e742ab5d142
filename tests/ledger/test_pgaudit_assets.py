"""The forwarded complaints are what their script writes, from customers whom the audit log knows."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[1] / "assets"
COMPLAINTS = ASSETS / "complaints"


def test_the_script_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = COMPLAINTS / "make.py"
    monkeypatch.setattr("sys.argv", [str(script), str(tmp_path)])
    runpy.run_path(str(script), run_name="__main__")
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_bytes() for path in COMPLAINTS.iterdir() if path.suffix in (".eml", ".csv")}


def test_one_agent_had_been_shown_exactly_those_who_complain_and_some_others() -> None:
    complaining = {path.name[3:9] for path in COMPLAINTS.glob("*.eml")}
    shown = json.loads((ASSETS / "pgaudit" / "expected.json").read_text())["email_shown"]
    agents = {role: set(customers) & complaining for role, customers in shown.items() if role.startswith("agent_")}
    assert agents.pop("agent_chen") == complaining
    assert len(complaining) == 8
    assert all(0 < len(both) < 4 for both in agents.values())
