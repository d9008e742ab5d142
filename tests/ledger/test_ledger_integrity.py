"""Bytes of the lake that change after the commit: nobody is answered out of them."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from leaktrace.errors import LedgerError
from leaktrace.ledger import DuckLedger
from leaktrace.records import Window
from tests.ledger.old_catalogues import turn_back
from tests.ledger.small_ledgers import START, Access, key, open_ledger, principal, write_accesses

ALWAYS = Window(None, None)
ACCESSES = [Access(START + timedelta(hours=n), f"p{n % 7}", f"c{n}") for n in range(200)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger with one segment."""
    file = write_accesses(tmp_path / "log.csv", ACCESSES)
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.ingest("accesses", [file])
    return tmp_path / "ledger"


def _segment(folder: Path) -> Path:
    (path,) = (folder / "lake").rglob("*.parquet")
    return path


def _other_rows(path: Path) -> None:
    """A sound file of the same rows but for who opened them: no reader of Parquet sees anything wrong with it."""
    table = pq.read_table(path)
    principals = table.column("principal")
    first = principals[0]
    column = table.schema.get_field_index("principal")
    pq.write_table(table.set_column(column, "principal", [[first] * len(table)]), path)


def _opened(folder: Path, engine: str = "duckdb") -> int:
    with open_ledger(folder, engine=engine) as ledger:
        return len(ledger.opened_by([principal("p1")], "email", ALWAYS).customer)


def test_without_the_check_a_changed_segment_gives_another_answer(folder: Path) -> None:
    path = _segment(folder)
    _other_rows(path)
    query = "SELECT count(DISTINCT principal) FROM read_parquet(?)"
    found = duckdb.connect().execute(query, [str(path)]).fetchone()
    assert found == (1,)


def test_a_changed_segment_gives_no_answer(folder: Path) -> None:
    before = _opened(folder)
    assert before == len({access.customer for access in ACCESSES if access.principal == "p1"})
    _other_rows(_segment(folder))
    with pytest.raises(LedgerError, match=r"damaged") as caught:
        _opened(folder)
    assert str(_segment(folder)) in caught.value.message
    assert "backup" in str(caught.value.hint)


def test_one_flipped_bit_gives_no_answer(folder: Path) -> None:
    path = _segment(folder)
    content = bytearray(path.read_bytes())
    for at in (4, len(content) // 2, len(content) - 12):
        spoiled = content.copy()
        spoiled[at] ^= 1
        path.write_bytes(spoiled)
        with pytest.raises(LedgerError, match=r"damaged"):
            _opened(folder)


@pytest.mark.parametrize("order", ["customer", "principal"])
def test_one_flipped_bit_of_the_index_gives_no_answer(folder: Path, order: str) -> None:
    before = _opened(folder, "index")
    (path,) = (folder / "index").glob(f"*-{order}.postings")
    content = bytearray(path.read_bytes())
    for at in (2, len(content) // 2, len(content) - 30, len(content) - 3):
        spoiled = content.copy()
        spoiled[at] ^= 1
        path.write_bytes(spoiled)
        with pytest.raises(LedgerError, match=r"damaged"):
            _opened(folder, "index")
        assert _opened(folder) == before, "the lake answers all the same"
    with open_ledger(folder) as ledger:
        ledger.upkeep().reindex()
    assert _opened(folder, "index") == before


def test_an_index_of_other_accesses_is_refused(folder: Path) -> None:
    """Another index, sound in itself, put in the place of the one that was committed."""
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        database.execute("UPDATE segments SET row_count = row_count + 1")
        database.commit()
    with pytest.raises(LedgerError, match="does not match the lake") as caught:
        _opened(folder, "index")
    assert "reindex" in str(caught.value.hint)


def test_a_copied_ledger_is_checked_once_and_answers_alike(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    os.utime(_segment(copy), ns=(1, 1))
    assert _opened(copy) == _opened(folder)
    with closing(sqlite3.connect(copy / "ledger.db")) as database:
        assert database.execute("SELECT modified_ns FROM segments").fetchall() == [(1,)]


@pytest.mark.parametrize("version", [1, 2])
def test_a_ledger_of_an_older_format_still_answers(folder: Path, version: int) -> None:
    with open_ledger(folder) as ledger:
        before = _answers(ledger)
    turn_back(folder, version)
    with open_ledger(folder) as ledger:
        assert ledger._lake.index() is None
        assert _answers(ledger) == before
        assert ledger.upkeep().reindex() > 0
        assert ledger._lake.index() is not None
        assert _answers(ledger) == before


def _answers(ledger: DuckLedger) -> object:
    opened = ledger.opened_by([principal("p1")], "email", ALWAYS)
    totals = ledger.totals("email", ALWAYS)
    assert len(opened.customer)
    return opened.customer.tolist(), opened.first_shown_at.tolist(), totals.opened_count.tolist(), totals.customer_count


@pytest.mark.parametrize("version", [1, 2])
def test_a_ledger_of_an_earlier_format_still_answers(folder: Path, tmp_path: Path, version: int) -> None:
    before = _opened(folder)
    turn_back(folder, version)
    assert _opened(folder) == before
    more = write_accesses(tmp_path / "more.csv", [Access(START, "p1", "somebody new")])
    with open_ledger(folder) as ledger:
        assert key("c1") in ledger.opened_by([principal("p1")], "email", ALWAYS).customer
        assert ledger.ingest("accesses", [more]).accepted_count == 1
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        assert database.execute("SELECT kept_count, gone_count FROM sources ORDER BY id").fetchall() == [
            (len(ACCESSES), 0),
            (1, 0),
        ]
        assert database.execute("SELECT count(*) FROM segments").fetchone() == (2,)
