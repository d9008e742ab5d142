"""A source who opens a colleague's customers, and others, in days to look like a complaint handler; and a handler."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tests.stories.desk import Desk
from tests.stories.reportedmarket import reported_market

Tickets = Literal["none", "one for all", "one each"]


def marketplace(desk: Desk, folder: Path, tickets: Tickets) -> None:
    """p07 was shown 25 of 30 reporters over months, and p20 nearly all of them within ten days, on these tickets."""
    rng = np.random.default_rng(7)
    shown: list[tuple[int, str, float, str]] = [
        (c, f"p{p:02d}", float(rng.uniform(30.0, 300.0)), "")
        for p in range(40)
        for c in rng.choice(3000, 120, replace=False).tolist()
    ]
    own = rng.choice(3000, 150, replace=False).tolist()
    shown += [(c, "p07", float(rng.uniform(30.0, 300.0)), "") for c in own]
    reporters = [*own[:25], *rng.choice(3000, 5, replace=False).tolist()]
    reason = {"none": "", "one for all": "ABU-1", "one each": "ABU-1{}"}[tickets]
    shown += [(c, "p20", float(rng.uniform(22.0, 32.0)), reason.format(c)) for c in reporters[1:]]
    reported_market(desk, folder, shown, reporters)


@pytest.mark.parametrize("tickets", ["none", "one for all"])
def test_without_tickets_of_their_own_both_are_one_set(empty_desk: Desk, tmp_path: Path, tickets: Tickets) -> None:
    marketplace(empty_desk, tmp_path, tickets)
    finding = empty_desk.json("trace", "--evidence", tmp_path / "evidence.csv")
    assert finding["named"] == []
    assert finding["undecided"]["code"] == "indistinguishable"
    assert "complaint_handlers" in finding["undecided"]["sentence"]
    assert {"p07", "p20"} <= set(finding["sets"][0]["principals"])
    chances = {one["principal"]: one["probability"] for one in finding["candidates"]}
    assert chances["p07"] == pytest.approx(chances["p20"])


def test_who_opened_each_on_a_ticket_of_its_own_handled_complaints(empty_desk: Desk, tmp_path: Path) -> None:
    marketplace(empty_desk, tmp_path, "one each")
    assert empty_desk.json("trace", "--evidence", tmp_path / "evidence.csv")["named"] == ["p07"]


def test_whom_somebody_checked_is_named_in_the_settings(empty_desk: Desk, tmp_path: Path) -> None:
    marketplace(empty_desk, tmp_path, "none")
    (empty_desk.workspace / "settings.json").write_text('{"complaint_handlers": ["p20"]}')
    finding = empty_desk.json("trace", "--evidence", tmp_path / "evidence.csv")
    assert finding["named"] == ["p07"]
    assert finding["provenance"]["settings"]["complaint_handlers"] == ["p20"]
