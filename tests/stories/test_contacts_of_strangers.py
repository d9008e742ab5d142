"""A contacts table that tells nothing: its ids are written otherwise, or all of it is of after the mail.

Without any contacts the answer is `no_contacts`, for any mail may be lawful; with contacts of nobody the ledger knows,
whoever serves a seller's buyers was named for the seller's own list of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.small_ledgers import write_rows
from tests.stories.desk import Desk
from tests.stories.reportedmarket import MAIL_AT

CUSTOMERS, SELLERS = range(3000), [f"s{number}" for number in range(1, 7)]
Row = dict[str, str]


def _opened(who: str, customers: list[int], chance: random.Random) -> list[Row]:
    return [
        {
            "at": (MAIL_AT - timedelta(days=chance.uniform(5, 170))).isoformat(),
            "principal": who, "customer": f"C-{customer}", "fields": "email",
        }
        for customer in customers
    ]  # fmt: skip


def _reports(customers: list[int]) -> list[Row]:
    return [
        {"customer": f"C-{customer}", "kind": "report", "received_at": MAIL_AT.isoformat(), "seller": "s1"}
        for customer in customers
    ]


@pytest.fixture
def market(empty_desk: Desk, tmp_path: Path) -> Callable[[Callable[[Row], None]], Desk]:
    """brandl serves the buyers of s1, sixteen others whoever comes. `alter` changes each contact."""

    def made(alter: Callable[[Row], None]) -> Desk:
        chance = random.Random(5)
        buyers = {seller: chance.sample(CUSTOMERS, 400) for seller in SELLERS}
        agents = [chance.sample(CUSTOMERS, 200) for _ in range(16)]
        rows = [row for number, seen in enumerate(agents) for row in _opened(f"agent{number}", seen, chance)]
        rows += _opened("brandl", buyers["s1"][:320], chance)
        contacts = [
            {"at": "2025-01-01T00:00:00Z", "customer": f"C-{customer}", "seller": seller, "kind": "order"}
            for seller in SELLERS
            for customer in buyers[seller]
        ]
        for contact in contacts:
            alter(contact)
        for table, content in (
            ("customers", [{"customer": f"C-{customer}", "region": "south"} for customer in CUSTOMERS]),
            ("sellers", [{"seller": seller, "name": f"Shop {seller}"} for seller in SELLERS]),
            ("contacts", contacts),
            ("accesses", rows),
        ):
            write_rows(tmp_path / f"{table}.csv", content)
            empty_desk.json("ingest", table, tmp_path / f"{table}.csv")
        write_rows(tmp_path / "buyers.csv", _reports(chance.sample(buyers["s1"], 40)))
        write_rows(tmp_path / "leak.csv", _reports(agents[3][:40]))
        return empty_desk

    return made


def _as_they_are(_: Row) -> None:
    pass


def _without_prefix(contact: Row) -> None:
    contact["customer"] = contact["customer"].removeprefix("C-")


def _mostly_without_prefix(contact: Row) -> None:
    if int(contact["customer"].removeprefix("C-")) % 5:
        _without_prefix(contact)


def _after_the_mail(contact: Row) -> None:
    contact["at"] = (MAIL_AT + timedelta(days=3)).isoformat()


def _of_the_others(contact: Row) -> None:
    contact["seller"] = contact["seller"].replace("s1", "s2")


def _traced(desk: Desk, evidence: Path) -> Any:
    return desk.json("trace", "--evidence", evidence)


def test_a_leak_is_named_and_a_sellers_list_names_nobody(market: Any, tmp_path: Path) -> None:
    desk = market(_as_they_are)
    assert _traced(desk, tmp_path / "leak.csv")["named"] == ["agent3"]
    assert _traced(desk, tmp_path / "buyers.csv")["named"] == []


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (_without_prefix, "compare their ids and times"),
        (_mostly_without_prefix, "compare their ids and times"),
        (_after_the_mail, "compare their ids and times"),
        (_of_the_others, "check that its contacts were ingested"),
    ],
)
def test_with_contacts_of_strangers_nobody_is_named(market: Any, tmp_path: Path, alter: Any, told: str) -> None:
    """Each named brandl, by whom nothing was given away, before it was asked whom the contacts are of."""
    desk = market(alter)
    finding = _traced(desk, tmp_path / "buyers.csv")
    assert (finding["outcome"], finding["undecided"]["code"]) == ("undecided", "no_contacts")
    assert finding["named"] == []
    shown = " ".join(desk.run("trace", "--evidence", tmp_path / "buyers.csv").out.split())
    assert told in shown
