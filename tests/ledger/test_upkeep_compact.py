"""Small segments are merged: the same answers, fewer files, and nobody who reads is disturbed."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import LedgerError
from leaktrace.ledger.catalogrecords import StoredFile
from leaktrace.ledger.schema import CONTACTS
from leaktrace.ledger.upkeep.compact import groups_to_merge
from leaktrace.ledger.upkeep.rewrite import Replacements
from tests.ledger.kept_ledgers import FIRST, SMALL, answers, kept_ledger, log
from tests.ledger.small_ledgers import Access, files_under, open_ledger, write_accesses


def stored(number: int, rows: int, month: int | None) -> StoredFile:
    return StoredFile(f"lake/x/{number}.parquet", rows, rows * 10, "", month, "accesses")


@given(st.lists(st.tuples(st.integers(1, 120), st.sampled_from([None, 24_000, 24_001])), max_size=40))
def test_merging_is_done_after_one_round_and_keeps_every_row(found: list[tuple[int, int | None]]) -> None:
    target = 100
    segments = [stored(number, *one) for number, one in enumerate(found)]
    groups = groups_to_merge(segments, target)
    merged = [segment for group in groups for segment in group]
    assert len(set(merged)) == len(merged), "no segment goes twice"
    assert all(len(group) > 1 and len({one.month for one in group}) == 1 for group in groups)
    after = [segment for segment in segments if segment not in merged]
    for number, group in enumerate(groups):
        rows = sum(one.row_count for one in group)
        assert rows <= target
        after.append(stored(1000 + number, rows, group[0].month))
    assert groups_to_merge(after, target) == ()


def test_answers_and_snapshot_stay_the_same(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before, snapshot, stats = answers(ledger), ledger.snapshot(), ledger.stats()
        report = ledger.upkeep().compact()
        assert report.merged_count > report.written_count > 0
        assert report.waiting_count == 0
        assert report.segment_count == stats.segment_count - report.merged_count + report.written_count
        assert answers(ledger) == before
        assert ledger.snapshot() == snapshot
        assert ledger.stats().access_count == stats.access_count
        assert ledger.upkeep().verify().problems == ()
        again = ledger.upkeep().compact()
        assert (again.merged_count, again.row_count) == (0, 0)
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        assert answers(ledger) == before


def test_rows_keep_their_source_and_stand_in_order(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        before = rows_at_rest(tmp_path / "ledger")
        ledger.upkeep().compact()
    assert rows_at_rest(tmp_path / "ledger") == before
    for path in (tmp_path / "ledger" / "lake" / "accesses").rglob("*.parquet"):
        rows = [
            tuple(r[name] for name in ("customer", "at_second", "at_microsecond", "principal"))
            for r in pq.read_table(path).to_pylist()
        ]
        assert rows == sorted(rows)


def rows_at_rest(ledger: Path) -> Counter[str]:
    return Counter(
        f"{path.parent.name} {row}" for path in ledger.rglob("*.parquet") for row in pq.read_table(path).to_pylist()
    )


def test_a_segment_at_the_target_is_left_alone(tmp_path: Path) -> None:
    crowd = [Access(FIRST + timedelta(minutes=n), "p1", f"c{n % 50}") for n in range(SMALL.segment_target_rows)]
    with kept_ledger(tmp_path) as ledger:
        ledger.ingest("accesses", [write_accesses(tmp_path / "crowd.csv", crowd)])
        november = tmp_path / "ledger" / "lake" / "accesses" / "month=2024-11"
        (large,) = [p for p in november.iterdir() if pq.read_metadata(p).num_rows == len(crowd)]
        ledger.upkeep().compact()
        assert large.exists()
        assert len(list(november.iterdir())) == 2
        assert ledger.upkeep().verify().problems == ()


def test_damage_does_not_become_the_truth(tmp_path: Path) -> None:
    """A damaged segment whose time of modification says nothing is not merged under a new hash."""
    with kept_ledger(tmp_path) as ledger:
        path = min((tmp_path / "ledger" / "lake" / "accesses").rglob("*.parquet"))
        times = path.stat()
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(LedgerError, match="damaged") as caught:
            ledger.upkeep().compact()
        assert str(path) in caught.value.message
        assert path.exists(), "it may be the better copy of the two"
        assert len(list(path.parent.iterdir())) == 4, "nothing of its month was merged"


@pytest.mark.parametrize("committed", [True, False])
def test_an_interrupt_takes_away_only_what_does_not_count(tmp_path: Path, committed: bool) -> None:
    """Even between the commit and the next step: what counts already stays."""
    with kept_ledger(tmp_path) as ledger:
        premises = ledger.upkeep()._premises
        before = rows_at_rest(tmp_path / "ledger")
        segment = premises.catalog.segments("contacts")[0]
        replaced = list[StoredFile]()

        def interrupted() -> None:
            with Replacements(premises.folder, premises.catalog) as new:
                table = pq.read_table(premises.folder / segment.path)
                assert new.write_segment(CONTACTS, None, iter(table.to_batches())) == len(table)
                replaced.extend(new.publish_segments())
                if committed:
                    premises.catalog.replace_segments([segment.path], replaced)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert (premises.folder / replaced[0].path).exists() == committed
        assert ledger.upkeep().verify().problems == ()
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        assert rows_at_rest(tmp_path / "ledger") == before
        assert ledger.upkeep().verify().problems == ()


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger, (tmp_path / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="Another process is writing"):
            ledger.upkeep().compact()


# --- those who read meanwhile ---------------------------------------------------------------------------


def test_without_the_lock_a_question_loses_its_files(tmp_path: Path) -> None:
    """What the lock is for: whoever listed the segments before the merge finds them gone."""
    with kept_ledger(tmp_path) as ledger, open_ledger(tmp_path / "ledger", settings=SMALL) as reader:
        listed = reader.upkeep()._premises.catalog.segments("accesses")
        ledger.upkeep().compact()
        gone = [segment for segment in listed if not (tmp_path / "ledger" / segment.path).exists()]
        assert len(gone) > 5


def test_a_question_that_began_before_keeps_its_files(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger, open_ledger(tmp_path / "ledger", settings=SMALL) as reader:
        expected = answers(ledger)
        premises = reader.upkeep()._premises
        with premises.readers.reading():
            listed = premises.catalog.segments("accesses")
            report = ledger.upkeep().compact()
            assert report.waiting_count >= report.merged_count > 0
            assert all((tmp_path / "ledger" / segment.path).exists() for segment in listed)
            assert premises.catalog.segments("accesses") == listed, "one question sees one state"
            check = ledger.upkeep().verify()
            assert check.problems == ()
            assert "gave way" in check.notes[-1]
            assert answers(reader) == expected
        replaced = {one.path for one in listed} - {one.path for one in premises.catalog.segments("accesses")}
        assert len(replaced) > 5
        assert answers(reader) == expected
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        assert not any((tmp_path / "ledger" / path).exists() for path in replaced)
        assert answers(ledger) == expected
        assert ledger.upkeep().verify().notes[1:] == ()


def test_readers_in_other_processes_get_their_answers(tmp_path: Path) -> None:
    with kept_ledger(tmp_path) as ledger:
        readers = [start(tmp_path / "ledger", "read") for _ in range(2)]
        for process in readers:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for part in range(10, 16):
            ledger.ingest("accesses", [write_accesses(tmp_path / f"more{part}.csv", log(part, rows=60))])
            ledger.upkeep().compact()
        for process in readers:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)
            assert (process.returncode, err) == (0, "")
            assert int(out.split()[-1]) > 5, "questions were answered meanwhile"


def test_a_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with kept_ledger(tmp_path, parts=9) as ledger:
        expected, snapshot = answers(ledger), ledger.snapshot()
        rows = rows_at_rest(tmp_path / "ledger")
        segment_count = ledger.stats().segment_count
    rng = np.random.default_rng(5)
    interrupted = 0
    for _ in range(8):
        with start(tmp_path / "ledger", "compact") as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(rng.uniform(0.0, 0.25)))
            process.send_signal(signal.SIGKILL)
        interrupted += process.returncode == -signal.SIGKILL
        with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
            check = ledger.upkeep().verify()
            assert check.problems == ()
            assert answers(ledger) == expected
            assert rows_at_rest(tmp_path / "ledger") == rows
    assert interrupted >= 2, "the kills came too late to show anything"
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        ledger.upkeep().compact()
        assert ledger.stats().segment_count < segment_count
        assert (answers(ledger), ledger.snapshot()) == (expected, snapshot)
    assert rows_at_rest(tmp_path / "ledger") == rows


@pytest.mark.parametrize("act", [("compact",), ("forget", "c7")])
def test_a_disk_that_takes_no_more_leaves_everything_as_it_was(tmp_path: Path, act: tuple[str, ...]) -> None:
    """Needs no rights: the process may not write files above a size, a little less than what it would write."""
    with kept_ledger(tmp_path) as ledger:
        ledger.ingest("accesses", [write_accesses(tmp_path / "more.csv", log(9, rows=700))])
        before = rows_at_rest(tmp_path / "ledger")
    shutil.copytree(tmp_path / "ledger", tmp_path / "copy")
    with start(tmp_path / "copy", *act) as process:
        assert process.wait(timeout=60) == 0
    old = files_under(tmp_path / "ledger")
    new = [tmp_path / "copy" / p for p in files_under(tmp_path / "copy") - old]
    largest = max(path.stat().st_size for path in new)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 50, largest - 50))

    with start(tmp_path / "ledger", *act, preexec_fn=limit) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    assert "Traceback" not in said
    with open_ledger(tmp_path / "ledger", settings=SMALL) as ledger:
        assert ledger.upkeep().verify().problems == ()
        assert ledger.upkeep().acts().acts == ()
        assert act == ("compact",) or rows_at_rest(tmp_path / "ledger") == before
        assert sum(rows_at_rest(tmp_path / "ledger").values()) == sum(before.values())


def start(ledger: Path, act: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.crashing_upkeep", str(ledger), act, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert isinstance(process, subprocess.Popen)
    return process
