"""Whatever is not as it was committed is found, and named by its file."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.ledger.schema import ACCESSES, CONTACTS
from leaktrace.ledger.upkeep.rows import RowWatch, first_backwards
from leaktrace.records import LedgerCheck
from tests.ledger.kept_ledgers import ANNA, SMALL, kept_ledger
from tests.ledger.small_ledgers import open_ledger


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that nobody has touched; for copying only."""
    folder = tmp_path_factory.mktemp("whole")
    kept_ledger(folder).close()
    return folder / "ledger"


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "ledger"))


def checked(folder: Path) -> LedgerCheck:
    with open_ledger(folder, settings=SMALL) as ledger:
        return ledger.upkeep().verify()


def first(folder: Path, pattern: str) -> Path:
    return min(folder.glob(pattern))


def test_a_whole_ledger_has_no_problem_and_all_of_it_is_read(folder: Path) -> None:
    found = checked(folder)
    assert found.problems == ()
    rows = sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))
    files = [*folder.rglob("*.parquet"), *folder.rglob("*.names")]
    assert found.row_count == rows
    assert found.segment_count + found.dictionary_count == len(files)
    files += folder.rglob("*.postings")
    assert found.checked_bytes == sum(path.stat().st_size for path in files)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


SPOILED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a bit of a segment": ("lake/accesses/*/*.parquet", _flip, "SHA-256"),
    "a bit of a dictionary": ("dictionary/*.names", _flip, "SHA-256"),
    "a cut segment": ("lake/contacts/*.parquet", _cut, "bytes instead of"),
    "a missing segment": ("lake/customers/*.parquet", Path.unlink, "missing"),
    "a missing dictionary": ("dictionary/*.names", Path.unlink, "missing"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED)
def test_a_spoiled_file_is_named(folder: Path, what: str) -> None:
    pattern, spoil, said = SPOILED[what]
    path = first(folder, pattern)
    spoil(path)
    (problem,) = checked(folder).problems
    assert problem.file == str(path.relative_to(folder))
    assert said in problem.problem


def recommit(folder: Path, path: Path, table: pa.Table) -> None:
    """As if other rows had been committed: the catalogue's hash, size and count fit the file."""
    pq.write_table(table, path)
    content = path.read_bytes()
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        database.execute(
            "UPDATE segments SET row_count = ?, size_bytes = ?, sha256 = ? WHERE path = ?",
            (len(table), len(content), hashlib.sha256(content).hexdigest(), str(path.relative_to(folder))),
        )
        database.commit()


def test_rows_out_of_order_are_found(folder: Path) -> None:
    path = first(folder, "lake/accesses/month=2024-12/*.parquet")
    table = pq.read_table(path)
    recommit(folder, path, pa.concat_tables([table.slice(5), table.slice(0, 5)]))
    (problem,) = checked(folder).problems
    assert problem.file == str(path.relative_to(folder))
    assert "order" in problem.problem
    assert f"row {len(table) - 5 + 1} " in problem.problem


def test_rows_of_another_month_are_found(folder: Path) -> None:
    path = first(folder, "lake/accesses/month=2024-12/*.parquet")
    other = first(folder, "lake/accesses/month=2025-01/*.parquet")
    recommit(folder, path, pq.read_table(other))
    problems = checked(folder).problems
    assert any(p.file == str(path.relative_to(folder)) and "month" in p.problem for p in problems)


def test_lost_and_doubled_rows_are_found_by_their_source(folder: Path) -> None:
    path = first(folder, "lake/accesses/month=2024-12/*.parquet")
    table = pq.read_table(path)
    recommit(folder, path, pa.concat_tables([table.slice(0, 1), table]))
    problems = checked(folder).problems
    assert {p.file for p in problems} <= {"index", *(f"log{n}.csv" for n in range(4))}
    assert any("rows are in accesses instead of" in p.problem for p in problems)
    recommit(folder, path, table.slice(1))
    assert any("rows are in accesses instead of" in p.problem for p in checked(folder).problems)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE day_counts SET row_count = row_count + 1 WHERE rowid = 1", "counted by day"),
        ("UPDATE segments SET row_count = row_count + 1 WHERE table_name = 'contacts'", "rows instead of"),
        ("UPDATE dictionaries SET entry_count = entry_count + 1", "names instead of"),
        ("DELETE FROM sources WHERE table_name = 'contacts'", "source"),
    ],
)
def test_a_catalogue_that_does_not_add_up_is_found(folder: Path, statement: str, said: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        database.execute(statement)
        database.commit()
    assert any(said in problem.problem for problem in checked(folder).problems)


def test_a_file_that_nobody_knows_is_found(folder: Path) -> None:
    (folder / "note.txt").write_text("mine")
    with open_ledger(folder, settings=SMALL) as ledger:
        stray = folder / "lake" / "accesses" / "stray.parquet"
        stray.write_bytes(b"x")
        problems = {problem.file for problem in ledger.upkeep().verify().problems}
        assert problems == {"note.txt", "lake/accesses/stray.parquet"}
    found = checked(folder)
    assert [problem.file for problem in found.problems] == ["note.txt"]
    assert "stray.parquet" in found.notes[0], "opening took it away, and that is said"


def test_after_every_kind_of_upkeep_it_still_adds_up(folder: Path) -> None:
    with open_ledger(folder, settings=SMALL) as ledger:
        upkeep = ledger.upkeep()
        upkeep.forget(["c1", "c2"], ANNA)
        assert upkeep.verify().problems == ()
        upkeep.compact()
        assert upkeep.verify().problems == ()
        upkeep.retain("accesses", ANNA, before="2025-01", done=True)
        assert upkeep.verify().problems == ()
        upkeep.retain("contacts", ANNA, before="2025-01", done=True)
        upkeep.forget(["c3"], ANNA)
        upkeep.compact()
        found = upkeep.verify()
    assert found.problems == ()
    rows = sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))
    assert found.row_count == rows


def test_while_somebody_writes_strangers_are_not_looked_for(folder: Path) -> None:
    import fcntl

    with (folder / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "lake" / "theirs.parquet").write_bytes(b"x")
        found = checked(folder)
    assert found.problems == ()
    assert any("Another process is writing" in note for note in found.notes)


# --- order, without files -------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["a", "b", "aé", "z"])), max_size=12))
def test_order_is_judged_as_python_sorts(rows: list[tuple[int, str]]) -> None:
    table = pa.table(
        {"n": pa.array([n for n, _ in rows], pa.int64()), "t": pa.array([t for _, t in rows], pa.string())}
    )
    wrong = [
        i for i in range(len(rows) - 1) if (rows[i][0], rows[i][1].encode()) > (rows[i + 1][0], rows[i + 1][1].encode())
    ]
    assert first_backwards(table) == (wrong[0] if wrong else None)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=14), st.integers(1, 5))
def test_order_holds_over_batches(customers: list[int], size: int) -> None:
    count = len(customers)
    table = pa.table(
        {
            "customer": pa.array(customers, pa.uint64()),
            "seller": pa.array(["s"] * count),
            "at": pa.array([0] * count, pa.int64()),
            "source": pa.array([1] * count, pa.int64()),
            "source_row": pa.array(list(range(count)), pa.int64()),
        }
    )
    watch = RowWatch(CONTACTS, None)
    for batch in table.to_batches(max_chunksize=size):
        watch.see(batch)
    wrong = np.flatnonzero(np.diff(customers) < 0)
    assert watch.row_count == count
    assert watch.by_source == {1: count}
    expected = [f"its rows are not in the table's order (row {int(wrong[0]) + 2} comes too late)"] if len(wrong) else []
    assert watch.problems == expected


def test_the_largest_numbers_are_in_order() -> None:
    """Customer numbers fill all 64 bits: signed they would stand the other way round."""
    table = pa.table({"customer": pa.array([1, 2**63 - 1, 2**63, 2**64 - 1], pa.uint64())})
    assert first_backwards(table) is None
    assert first_backwards(table.take(pc.sort_indices(table, [("customer", "descending")]))) == 0
    assert ACCESSES.order[0] == "customer"
