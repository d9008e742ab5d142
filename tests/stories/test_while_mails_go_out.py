"""What is opened while the mails of a campaign go out counts for its opener's habit as it counts for the reports."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from tests.ledger.small_ledgers import write_rows
from tests.stories.desk import Desk
from tests.stories.reportedmarket import MAIL_AT, reported_market


def test_who_exported_records_after_the_first_mail_explains_no_more_than_anybody_would(
    empty_desk: Desk, tmp_path: Path
) -> None:
    draw = np.random.default_rng(5)
    shown = [
        (int(customer), f"agent{number:02}", float(draw.uniform(20.0, 300.0)), "T-1")
        for number in range(30)
        for customer in draw.choice(2900, 120, replace=False)
    ]
    exported = draw.choice(2900, 900, replace=False).tolist()
    shown += [(customer, "lead", 50.0, "T-1") for customer in range(2990, 3000)]
    shown += [(customer, "lead", -0.2, "export") for customer in exported]
    reporters = draw.choice(2900, 40, replace=False).tolist()
    reported_market(empty_desk, tmp_path, shown, reporters)
    times = [MAIL_AT, *(MAIL_AT + timedelta(days=float(day)) for day in draw.uniform(1.0, 4.0, len(reporters) - 1))]
    write_rows(
        tmp_path / "evidence.csv",
        [
            {"customer": f"c{customer}", "kind": "report", "received_at": at.isoformat(), "seller": "s1"}
            for customer, at in zip(reporters, times, strict=True)
        ],
    )
    hits = len(set(reporters[1:]) & set(exported))
    finding = empty_desk.json("trace", "--evidence", tmp_path / "evidence.csv")
    lead = next(one for one in finding["candidates"] if one["principal"] == "lead")
    assert lead["opened_count"] == hits
    assert lead["expected_opened_count"] > 0.8 * hits
    assert lead["probability"] < 0.1
    assert not any("lead" in found["principals"] for found in finding["sets"])
