"""Customers who were forgotten are gone from rows, names and counts, and do not come back; legal holds keep them."""

from __future__ import annotations

import gc
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import DuckLedger
from leaktrace.ledger.postings import layout
from tests.ledger.kept_ledgers import ALWAYS, ANNA, CUSTOMERS, FIRST, SMALL, answers, fill, kept_ledger, log, write_all
from tests.ledger.small_ledgers import Access, key, keys, open_ledger, principal, write_accesses
from tests.ledger.test_upkeep_compact import rows_at_rest, start

GONE = ("c7", "c20")


def numbers_at_rest(ledger: Path) -> set[int]:
    """Every customer number in any segment on disk."""
    tables = [pq.read_table(path) for path in ledger.rglob("*.parquet")]
    columns = [table.column("customer").to_pylist() for table in tables if "customer" in table.column_names]
    return {int(str(number)) for column in columns for number in column}


def fresh(folder: Path, without: tuple[str, ...]) -> DuckLedger:
    """A ledger that never had rows of these customers, made of the same files without them."""
    ledger = open_ledger(folder / "ledger", settings=SMALL)
    for table, path in write_all(folder / "files"):
        lines = path.read_text().splitlines(keepends=True)
        at = lines[0].strip().split(",").index("customer") if "customer" in lines[0] else None
        kept = [line for line in lines if at is None or line.split(",")[at] not in without]
        path.write_text("".join(kept))
        ledger.ingest(table, [path])
    return ledger


def test_forgotten_customers_leave_nothing(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before = answers(ledger, without=GONE)
        snapshot, stats = ledger.snapshot(), ledger.stats()
        here = numbers_at_rest(tmp_path / "ledger")
        assert {key(name) for name in GONE} <= here
        found = ledger.upkeep().forget(GONE, ANNA)
        assert set(found.row_counts) == {"accesses", "contacts", "customers", "known_elsewhere"}
        assert all(found.row_counts.values())
        assert (found.customer_count, found.name_count, found.waiting_count) == (2, 2, 0)
        assert numbers_at_rest(tmp_path / "ledger") == here - {key(name) for name in GONE}
        assert ledger.snapshot() != snapshot
        assert ledger.stats().access_count == stats.access_count - found.row_counts["accesses"]
        assert ledger.stats().customer_count == stats.customer_count - len(GONE)
        assert ledger.upkeep().verify().problems == ()
        after = answers(ledger, without=GONE)
        same = ("exposures", "channels", "customers", "principals", "contacts", "known", "names")
        assert {name: after[name] for name in same} == {name: before[name] for name in same}
        with pytest.raises(LedgerError, match="forgotten"):
            ledger.customer_names(keys(GONE))
    with fresh(tmp_path / "never", GONE) as never:
        assert answers(never, without=GONE) == after, "as if they had never been there, counts by day included"


def deleted_but_mapped(folder: Path) -> list[str]:
    """Files of a folder that are gone by name while this process still has them in memory."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line.split()[-2] for line in lines if str(folder) in line and line.endswith("(deleted)")]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="maps of memory are told by Linux")
def test_whoever_goes_on_asking_has_nothing_of_them_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_READ_WHOLE_BYTES", -1)  # as files of a real size are
    with kept_ledger(tmp_path) as ledger:
        answers(ledger)
        ledger.upkeep().forget(GONE, ANNA)
        assert deleted_but_mapped(tmp_path), "what was asked before the erasure is mapped until the next question"
        answers(ledger, without=GONE)
        gc.collect()
        assert deleted_but_mapped(tmp_path) == []


def test_nobody_else_changes(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before = rows_at_rest(tmp_path / "ledger")
        ledger.upkeep().forget(GONE, ANNA)
        after = rows_at_rest(tmp_path / "ledger")
    numbers = [f"'customer': {key(name)}," for name in GONE]
    assert after == {row: n for row, n in before.items() if not any(number in row for number in numbers)}


def test_the_same_file_does_not_bring_them_back_and_another_neither(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        ledger.upkeep().forget(GONE, ANNA)
        before, snapshot = answers(ledger, without=GONE), ledger.snapshot()
        for table, path in write_all(tmp_path / "files"):
            report = ledger.ingest(table, [path])
            assert (report.accepted_count, report.rejected_count) == (0, 0)
            assert report.already_ingested_count
        assert (answers(ledger, without=GONE), ledger.snapshot()) == (before, snapshot)
        other = [*log(11, rows=30), *(Access(FIRST + timedelta(days=3), "p1", name) for name in GONE)]
        theirs = sum(access.customer in GONE for access in other)
        report = ledger.ingest("accesses", [path := write_accesses(tmp_path / "other.csv", other)])
        assert (report.accepted_count, report.rejected_count) == (len(other) - theirs, 0)
        assert report.notes == (f"{theirs} rows are of customers who were forgotten here; they were not taken in.",)
        assert ledger.ingest("accesses", [path]).already_ingested_count == len(other)
        assert not {key(name) for name in GONE} & numbers_at_rest(tmp_path / "ledger")
        with pytest.raises(LedgerError, match="forgotten"):
            ledger.customer_names(keys(GONE[:1]))
        assert ledger.upkeep().verify().problems == ()


def test_a_name_is_in_no_dictionary_any_more(tmp_path: Path) -> None:
    """Not only out of reach: the sealed bytes are gone, and later files do not seal it again."""
    with kept_ledger(tmp_path) as ledger:
        ledger.upkeep().forget(GONE, ANNA)
        ledger.ingest("accesses", [write_accesses(tmp_path / "n.csv", [Access(FIRST, "p1", GONE[0]), *log(3, rows=9)])])
        from leaktrace.ledger.dictionary import Dictionary

        for path in (tmp_path / "ledger" / "dictionary").iterdir():
            here, _ = Dictionary(path, "customer", path.stem).find(np.sort(keys(GONE)))
            assert not here.any(), path


def test_a_principal_without_any_row_left_is_not_seen_any_more(tmp_path: Path) -> None:
    path = write_accesses(tmp_path / "a.csv", [Access(FIRST, "only-once", "c1"), Access(FIRST, "p1", "c2")])
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.ingest("accesses", [path])
        assert [one.name for one in ledger.principals()].count("only-once") == 1
        found = ledger.upkeep().forget(["c1"], ANNA)
        assert found.name_count == 2, "the customer's and the principal's"
        assert [one.name for one in ledger.principals()] == ["p1"]
        assert ledger.stats().principal_count == 1


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.sampled_from([*CUSTOMERS, "never seen"]), min_size=1, max_size=12), st.integers(0, 11))
def test_forgetting_before_and_after_the_files_come_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, gone: set[str], at: int
) -> None:
    folder = tmp_path_factory.mktemp("order")
    files = write_all(folder / "files")
    told = []
    for name, place in (("first", 0), ("between", at), ("last", len(files))):
        with open_ledger(folder / name, settings=SMALL) as ledger:
            fill(ledger, files[:place])
            ledger.upkeep().forget(sorted(gone), ANNA)
            fill(ledger, files[place:])
            ledger.upkeep().compact()
            assert ledger.upkeep().verify().problems == ()
            told.append((answers(ledger, without=sorted(gone)), sorted(rows_at_rest(folder / name).values())))
    assert told[0] == told[1] == told[2]


def test_what_was_done_is_written_down_and_stays(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        ledger.upkeep().forget(GONE, ANNA)
        acts = ledger.upkeep().acts().acts
        assert [(act.what, act.who, act.at, act.why) for act in acts] == [
            ("forget", "anna", "2025-06-15T12:00:00Z", "asked by the customer")
        ] * 2
        assert {act.customer for act in acts} == {f"{key(name):016x}" for name in GONE}
        assert all(act.row_counts["accesses"] > 0 for act in acts)
    with closing(sqlite3.connect(tmp_path / "ledger" / "ledger.db")) as database:
        for statement in ("DELETE FROM acts", "UPDATE acts SET who = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="stays written"):
                database.execute(statement)


# --- legal holds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", [["c7"], None])
def test_a_legal_hold_refuses_with_the_name_of_the_case(tmp_path: Path, held: list[str] | None) -> None:
    with kept_ledger(tmp_path) as ledger:
        upkeep = ledger.upkeep()
        upkeep.hold("case-12", held, ANNA)
        before, snapshot = rows_at_rest(tmp_path / "ledger"), ledger.snapshot()
        with pytest.raises(LedgerError, match="case-12") as caught:
            upkeep.forget(["c3", "c7"], ANNA)
        assert "c7" not in str(caught.value)
        assert "release" in caught.value.hint
        with pytest.raises(LedgerError, match="case-12"):
            upkeep.retain("accesses", ANNA, before="2025-02", done=True)
        assert (rows_at_rest(tmp_path / "ledger"), ledger.snapshot()) == (before, snapshot)
        assert upkeep.release("case-12", ANNA) == 1
        assert upkeep.forget(["c7"], ANNA).row_counts["accesses"] > 0
        assert [act.what for act in upkeep.acts().acts] == ["hold", "release", "forget"]
        assert upkeep.acts().holds == ()


def test_a_hold_on_one_customer_leaves_others_alone(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        upkeep = ledger.upkeep()
        holds = upkeep.hold("case-1", ["c1", "c2"], ANNA)
        assert {hold.customer for hold in holds} == {f"{key(name):016x}" for name in ("c1", "c2")}
        upkeep.hold("case-1", ["c2"], ANNA)
        assert len(upkeep.acts().holds) == 2, "once is enough"
        assert upkeep.forget(["c3"], ANNA).row_counts["accesses"] > 0
        assert upkeep.compact().merged_count, "merging erases nothing"


def test_old_months_without_rows_of_a_held_customer_may_go(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        rows = [Access(FIRST, "p1", "c1"), Access(FIRST + timedelta(days=90), "p1", "c2")]
        ledger.ingest("accesses", [write_accesses(tmp_path / "a.csv", rows)])
        ledger.upkeep().hold("case-1", ["c2"], ANNA)
        assert ledger.upkeep().retain("accesses", ANNA, before="2025-01", done=True).row_counts["accesses"] == 1
        with pytest.raises(LedgerError, match="case-1"):
            ledger.upkeep().retain("accesses", ANNA, before="2025-04", done=True)
        assert ledger.stats().access_count == 1


def test_a_hold_placed_meanwhile_is_heeded(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger, open_ledger(tmp_path / "ledger", settings=SMALL) as other:
        before = rows_at_rest(tmp_path / "ledger")

        def place(what: str, _done: int, _total: int | None) -> None:
            if what == "looking for names without rows":
                other.upkeep().hold("case-9", ["c7"], ANNA)

        with pytest.raises(LedgerError, match="holds changed"):
            ledger.upkeep().forget(["c7"], ANNA, place)
        assert rows_at_rest(tmp_path / "ledger") == before
        assert ledger.upkeep().verify().problems == ()
        with pytest.raises(LedgerError, match="case-9"):
            ledger.upkeep().forget(["c7"], ANNA)


@pytest.mark.parametrize("wrong", ["nobody named", "no case", "no customers", "unknown case"])
def test_a_call_that_makes_no_sense_is_refused(tmp_path: Path, wrong: str) -> None:
    with open_ledger(tmp_path / "ledger") as ledger:
        upkeep = ledger.upkeep()
        calls: dict[str, Callable[[], object]] = {
            "nobody named": lambda: upkeep.forget([], ANNA),
            "no case": lambda: upkeep.hold(" ", ["c1"], ANNA),
            "no customers": lambda: upkeep.hold("case-1", [], ANNA),
            "unknown case": lambda: upkeep.release("case-1", ANNA),
        }
        with pytest.raises(UsageError) as caught:
            calls[wrong]()
        assert caught.value.hint
        assert upkeep.acts().acts == ()


# --- kills, damage, readers -----------------------------------------------------------------------------


def test_a_kill_at_any_moment_forgets_all_or_nothing(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before, snapshot = rows_at_rest(tmp_path / "ledger"), ledger.snapshot()
    numbers = [f"'customer': {key(name)}," for name in GONE]
    after = {row: n for row, n in before.items() if not any(number in row for number in numbers)}
    rng = np.random.default_rng(3)
    interrupted = done = 0
    for _ in range(9):
        with start(tmp_path / "ledger", "forget", *GONE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(rng.uniform(0.0, 0.3)))
            process.send_signal(signal.SIGKILL)
        interrupted += process.returncode == -signal.SIGKILL
        with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
            assert ledger.upkeep().verify().problems == ()
            done = len(ledger.upkeep().acts().acts)
            assert done in (0, 2), "once for each customer, or not at all"
            assert (ledger.snapshot() == snapshot) == (not done)
            assert rows_at_rest(tmp_path / "ledger") == (after if done else before)
        if done:
            break
    assert interrupted, "the kills came too late to show anything"
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        ledger.upkeep().forget(GONE, ANNA)
    assert rows_at_rest(tmp_path / "ledger") == after


def test_files_that_somebody_reads_wait_and_it_is_said(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger, open_ledger(tmp_path / "ledger", settings=SMALL) as reader:
        people = [principal("p1")]
        with reader.upkeep()._premises.readers.reading():
            expected = len(reader.opened_by(people, "email", ALWAYS).customer)
            found = ledger.upkeep().forget(GONE, ANNA)
            assert found.waiting_count
            assert {key(name) for name in GONE} <= numbers_at_rest(tmp_path / "ledger")
            assert len(reader.opened_by(people, "email", ALWAYS).customer) == expected
    open_ledger(tmp_path / "ledger", settings=SMALL).close()
    assert not {key(name) for name in GONE} & numbers_at_rest(tmp_path / "ledger")


def test_a_damaged_segment_is_not_rewritten(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        path = next((tmp_path / "ledger" / "lake" / "contacts").rglob("*.parquet"))
        rows = pq.read_table(path)
        pq.write_table(rows.slice(1), path)
        with pytest.raises(LedgerError, match="damaged"):
            ledger.upkeep().forget(["c10"], ANNA)
        assert ledger.upkeep().acts().acts == ()
        assert path.exists()
