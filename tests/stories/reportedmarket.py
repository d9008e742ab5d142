"""Tables of a small marketplace in which mail was reported: written, and ingested but for the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.ledger.small_ledgers import write_rows
from tests.stories.desk import Desk

MAIL_AT = datetime(2025, 6, 1, tzinfo=UTC)


def reported_market(
    desk: Desk, folder: Path, shown: Iterable[tuple[int, str, float, str]], reporters: Sequence[int]
) -> None:
    """`shown`: (customer, principal, days before the mail, reason); `evidence.csv` is in the folder. The last hundred
    of three thousand customers dealt with the seller.
    """
    tables = {
        "accesses": [
            {
                "at": (MAIL_AT - timedelta(days=days)).isoformat(), "principal": who, "customer": f"c{c}",
                "fields": "email", "reason": why,
            }
            for c, who, days, why in shown
        ],
        "contacts": [
            {"at": "2025-01-01T00:00:00Z", "customer": f"c{c}", "seller": "s1", "kind": "order"}
            for c in range(2900, 3000)
        ],
        "evidence": [
            {"customer": f"c{c}", "kind": "report", "received_at": MAIL_AT.isoformat(), "seller": "s1"}
            for c in reporters
        ],
    }  # fmt: skip
    for name, rows in tables.items():
        write_rows(folder / f"{name}.csv", rows)
    for name in ("accesses", "contacts"):
        desk.json("ingest", name, folder / f"{name}.csv")
