"""What is told while a file is read: rows, rejected rows, and how much of the file is behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from leaktrace.ledger import Cost, DuckLedger
from leaktrace.ledger.interface import tell_cost
from tests.ledger.small_ledgers import START, Access, open_ledger, write_accesses

ROWS = 60_000


@dataclass
class Listener:
    """Keeps what it is told."""

    plain: list[tuple[str, int, int | None]] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """As any progress."""
        self.plain.append((what, done, total))

    def cost(self, what: str, cost: Cost) -> None:
        """What reading has cost."""
        assert what.startswith("reading ")
        self.costs.append(cost)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


@pytest.mark.parametrize("name", ["log.csv", "log.ndjson", "log.parquet", "log.csv.gz"])
def test_the_part_that_was_read_grows_to_all_of_it(ledger: DuckLedger, tmp_path: Path, name: str) -> None:
    path = write_accesses(
        tmp_path / name,
        [Access(START + timedelta(seconds=n), f"p{n % 9}", f"c{n}", reason="x" * 90) for n in range(ROWS)]
        + [Access(START, "", "nobody")] * 3,
    )
    listener = Listener()
    ledger.ingest("accesses", [path], progress=listener)
    shares = [cost.done_share for cost in listener.costs]
    assert all(share is not None and 0 < share <= 1 for share in shares)
    assert shares == sorted(shares, key=lambda share: share or 0.0)
    assert shares[-1] == 1
    last = listener.costs[-1]
    assert (last.row_count, last.rejected_count) == (ROWS + 3, 3)
    assert last.seconds > 0
    assert last.rows_per_second == pytest.approx(last.row_count / last.seconds)


def test_the_share_is_told_before_the_end(ledger: DuckLedger, tmp_path: Path) -> None:
    row = f"2025-03-01T00:00:00Z,ann,c1,email,view,crm,{'x' * 3500}\n"
    path = tmp_path / "log.csv"
    path.write_text("at,principal,customer,fields,action,tool,reason\n" + row * 20_000, encoding="utf-8")
    listener = Listener()
    ledger.ingest("accesses", [path], progress=listener)
    share = listener.costs[0].done_share
    assert share is not None
    assert 0.05 < share < 0.9


def test_of_a_log_that_is_read_by_its_own_reader_the_end_is_not_known(
    ledger: DuckLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leaktrace.ledger import formats

    monkeypatch.setitem(formats.ROW_READERS, "made", "tests.ledger.made_reader:read_lines")
    path = tmp_path / "log.txt"
    path.write_text("2025-03-01T00:00:00+00:00 ann c1 email\n", encoding="utf-8")
    listener = Listener()
    ledger.ingest("accesses", [path], file_format="made", progress=listener)
    assert [(cost.row_count, cost.done_share) for cost in listener.costs] == [(1, None)]


def test_a_listener_that_knows_no_cost_hears_rows() -> None:
    told = list[tuple[str, int, int | None]]()

    def tell(what: str, done: int, total: int | None) -> None:
        told.append((what, done, total))

    tell_cost(tell, "reading x", Cost(7, 2, 1.0, 0.5))
    assert told == [("reading x", 7, None)]


def test_no_time_has_passed_and_the_rate_is_a_number() -> None:
    assert Cost(5, 0, 0.0, None).rows_per_second == 5000
