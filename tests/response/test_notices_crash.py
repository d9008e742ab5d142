"""SIGKILL at any moment: nobody is written to twice by a machine, nobody is forgotten, the sums reconcile."""

from __future__ import annotations

import io
import random
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from leaktrace.cli.noticeshown import render_status
from leaktrace.errors import ResponseError
from leaktrace.response.notices.claims import claiming
from leaktrace.response.notices.journal import KINDS, Answer, Journal, JournalKind, JournalRecord, read_records
from leaktrace.response.notices.outbox import Outbox
from leaktrace.response.notices.outboxrows import PlannedNotice
from leaktrace.response.notices.outcomes import interrupted, outcome_of
from leaktrace.response.notices.states import FINAL, MOVES, RETRY_AFTER, STATES, WAITING, moved, reconcile
from tests.response.crashing_notices import desk_of, start
from tests.response.fakes_notices import CASE, NOW
from tests.response.noticedesks import SAID
from tests.response.sink import Sink

COUNT, KILLS = 400, 12


def test_kills_at_random_moments(tmp_path: Path) -> None:
    draw = random.Random(7)
    met = 0
    with Sink() as sink:
        desk = desk_of(tmp_path, sink.port, COUNT)
        desk.desk.plan(CASE, SAID)
        for _ in range(KILLS):
            before = len(sink.taken)
            # By mails and not by time, so that each kill meets a sender at work whatever the machine's speed.
            until = before + draw.randrange(1, COUNT // KILLS)
            process = start(tmp_path, sink.port, COUNT)
            while len(sink.taken) < until and process.is_alive():
                time.sleep(0.0005)
            process.kill()
            process.join()
            met += process.exitcode == -signal.SIGKILL
        process = start(tmp_path, sink.port, COUNT)
        process.join()
        assert process.exitcode == 0
        taken = Counter(one.recipient for one in sink.taken)
    sums = desk.desk.status(CASE).sums
    assert met == KILLS
    assert max(taken.values()) == 1, "somebody was written to twice"
    assert sums.frozen_count == COUNT == sums.accepted_count + sums.unknown_count
    assert sums.unknown_count <= KILLS
    assert sums.accepted_count <= len(taken) <= sums.accepted_count + sums.unknown_count


def test_without_the_record_before_data_a_kill_does_write_twice(tmp_path: Path) -> None:
    """The attack on the guard: take the journal away from a sender that was killed inside DATA."""
    with Sink() as sink:
        desk = desk_of(tmp_path, sink.port, COUNT)
        desk.desk.plan(CASE, SAID)
        process = start(tmp_path, sink.port, COUNT)
        while len(sink.taken) < 30:
            time.sleep(0.0005)
        process.kill()
        process.join()
        (tmp_path / "response" / "outbox.journal").unlink()
        process = start(tmp_path, sink.port, COUNT)
        process.join()
        taken = Counter(one.recipient for one in sink.taken)
    assert max(taken.values()) == 2


# --- what a journal adds up to --------------------------------------------------------------------------------

answers = st.sampled_from(KINDS).map(Answer)
journals = st.lists(st.tuples(st.integers(1, 6), answers), max_size=30)


@given(journals, st.dictionaries(st.integers(1, 6), st.integers(0, 5)), st.booleans())
def test_whatever_a_journal_says_nobody_is_lost_and_no_attempt_is_repeated(
    records: list[tuple[int, Answer]], claimed: dict[int, int], trusted: bool
) -> None:
    told = tuple(JournalRecord(row, answer, NOW) for row, answer in records)
    outcomes = {one.row: one for one in interrupted(told, claimed, trusted=trusted, now=NOW)}
    assert set(outcomes) == set(claimed)
    for row, outcome in outcomes.items():
        last = next((answer.kind for number, answer in reversed(records) if number == row), None)
        assert outcome.state in MOVES["claimed"] | MOVES["attempting"]
        if last == "attempt":
            assert outcome.state == "unknown"
        if last in ("accepted", "refused", "unknown"):
            assert outcome.state == last
        if outcome.state == "planned":
            assert trusted
            assert last in (None, "not_sent")


def test_the_states_are_closed_and_final_is_final() -> None:
    assert set(MOVES) == set(STATES)
    assert {"accepted", "refused", "unknown", "suppressed"} == FINAL
    assert FINAL.isdisjoint(WAITING)
    assert set(STATES) == FINAL | WAITING
    for state in FINAL:
        for to in STATES:
            with pytest.raises(ResponseError, match="cannot become"):
                moved(state, to)
    # From everything that waits there is a way to an end.
    for state in WAITING:
        reached, edge = {state}, {state}
        while edge:
            edge = set().union(*(MOVES[one] for one in edge)) - reached
            reached |= edge
        assert FINAL & reached


def test_temporary_refusals_end() -> None:
    for attempts, pause in enumerate(RETRY_AFTER):
        assert outcome_of(1, Answer("retry", 451), attempts, NOW).retry_at == NOW + pause
    last = outcome_of(1, Answer("retry", 451, (4, 3, 0)), len(RETRY_AFTER), NOW)
    assert (last.state, last.reason) == ("refused", "gave up after 451 4.3.0")


@given(st.dictionaries(st.sampled_from(STATES), st.integers(0, 9)), st.integers(-2, 2))
def test_sums_that_do_not_add_up_are_not_told(by_state: dict, off: int) -> None:  # type: ignore[type-arg]
    total = sum(by_state.values())
    if off:
        with pytest.raises(ResponseError, match="frozen list"):
            reconcile(total + off, by_state)
    else:
        assert reconcile(total, by_state).frozen_count == total


# --- the file -------------------------------------------------------------------------------------------------

written = st.lists(
    st.tuples(
        st.integers(1, 2**60),
        st.sampled_from(KINDS),
        st.integers(0, 999),
        st.none() | st.tuples(st.integers(1, 9), st.integers(0, 999), st.integers(0, 999)),
        st.integers(0, 4_000_000_000_000_000).map(
            lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
        ),
    ),
    max_size=8,
)


@given(written, st.integers(0, 31))
def test_a_torn_end_is_no_damage_and_everything_before_it_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[Any],
    torn: int,
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    journal = Journal(path, fsync_each=False)
    for number, kind, code, status, at in lines:
        journal.write(number, Answer(kind, code, status), at)
    told = tuple(JournalRecord(n, Answer(kind, code, status), at) for n, kind, code, status, at in lines)
    assert journal.records() == (told, True)
    content = path.read_bytes()
    if content:
        assert read_records(content[: len(content) - torn]) == (told[: len(told) - (torn > 0)], True)
        damaged = bytearray(content)
        damaged[5] ^= 1
        assert read_records(bytes(damaged)) == ((), False)
    journal.clear()
    journal.close()
    assert path.read_bytes() == b""


def planned(count: int) -> list[PlannedNotice]:
    return [PlannedNotice(f"C-{n}", f"n{n}", "gdpr", "de", ("email",)) for n in range(count)]


@pytest.mark.parametrize(
    ("fsync_each", "next_boot", "planned_count", "unknown_count"),
    [(False, "boot-1", 3, 1), (False, "boot-2", 0, 4), (True, "boot-2", 3, 1)],
)
def test_after_a_power_cut_only_a_synced_journal_is_believed(
    tmp_path: Path, fsync_each: bool, next_boot: str, planned_count: int, unknown_count: int
) -> None:
    """Four claimed, one of them attempted, then the end; a new boot id says that the machine was started anew."""
    with Outbox(tmp_path) as outbox:
        batch = outbox.plan(CASE, "1", {}, planned(4), NOW)
        outbox.begin_run(batch, "boot-1", fsync_each=fsync_each)
        claimed = outbox.turn(batch, (), 4, NOW)
        journal = Journal(tmp_path / "outbox.journal", fsync_each=fsync_each)
        journal.write(claimed[0].row, Answer("attempt"), NOW)
        journal.close()
        with claiming(outbox, batch, lambda: NOW, fsync_each=False, boot=next_boot) as claims:
            assert claims.recovered_unknown_count == unknown_count
        sums = outbox.sums(batch)
        assert (sums.waiting_count, sums.unknown_count) == (planned_count, unknown_count)


def test_a_kill_between_commit_and_clearing_changes_nothing(tmp_path: Path) -> None:
    kinds: list[JournalKind] = ["accepted", "refused", "retry", "unknown"]
    with Outbox(tmp_path) as outbox:
        batch = outbox.plan(CASE, "1", {}, planned(8), NOW)
        with claiming(outbox, batch, lambda: NOW, fsync_each=False, boot="b") as claims:
            for notice, kind in zip(claims.turn(4), kinds, strict=True):
                claims.attempt(notice)
                claims.answer(notice, Answer(kind, 250))
            content = (tmp_path / "outbox.journal").read_bytes()
            claims.turn(2)
            (tmp_path / "outbox.journal").write_bytes(content)
            told = outbox.sums(batch)
        with claiming(outbox, batch, lambda: NOW, fsync_each=False, boot="b") as claims:
            assert claims.recovered_unknown_count == 0
        assert outbox.sums(batch) == told


def test_an_interrupted_attempt_is_unknown_and_the_rest_waits(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        batch = outbox.plan(CASE, "1", {}, planned(3), NOW)

        def interrupted_run() -> None:
            with claiming(outbox, batch, lambda: NOW, fsync_each=False) as claims:
                claims.attempt(claims.turn(3)[0])
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted_run()
        sums = outbox.sums(batch)
        assert (sums.unknown_count, sums.waiting_count) == (1, 2)


def test_what_a_killed_sender_had_in_work_is_said(tmp_path: Path) -> None:
    """Killed in a window, all of it counts as waiting although some were told: whoever reads that must know."""
    with Outbox(tmp_path) as outbox:
        batch = outbox.plan(CASE, "1", {}, planned(5), NOW)
        outbox.begin_run(batch, "b", fsync_each=False)
        outbox.turn(batch, (), 3, NOW)
        status = outbox.status(batch)
        assert (status.sums.waiting_count, status.claimed_count) == (5, 3)
        shown = shown_as_text(render_status(status))
        assert "Of those waiting, 3 are in work, or were when a sender was cut off: some may have been told." in shown
        with claiming(outbox, batch, lambda: NOW, fsync_each=False, boot="b"):
            pass
        status = outbox.status(batch)
        assert status.claimed_count == 0
        assert "cut off" not in shown_as_text(render_status(status))


def shown_as_text(shown: RenderableType) -> str:
    console = Console(width=200, file=io.StringIO())
    console.print(shown)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_one_sender_at_a_time(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        batch = outbox.plan(CASE, "1", {}, planned(3), NOW)
        with claiming(outbox, batch, lambda: NOW, fsync_each=False):
            second = claiming(outbox, batch, lambda: NOW, fsync_each=False)
            with pytest.raises(ResponseError, match="Another sender"):
                second.__enter__()
