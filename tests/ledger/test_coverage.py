"""What a log can and cannot show, judged on made-up counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.ledger.catalogrecords import ClockStep, DayCount
from leaktrace.ledger.clock import ClockWatch
from leaktrace.ledger.coverage import BulkCount, LogFacts, RejectedRows, judge
from leaktrace.ledger.habit import silences
from leaktrace.records import CoverageGap, LogCoverage, Window
from leaktrace.settings import Settings
from tests.ledger.small_ledgers import Access, microseconds, open_ledger, write_accesses, write_text

START = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
END = START + timedelta(days=730)
WINDOW = Window(START, END)
DAY = 86_400_000_000
FIRST = (START - datetime(1970, 1, 1, tzinfo=UTC)).days


def day_counts(tool: str | None, days: set[int], fields: str = "email;name") -> list[DayCount]:
    """Ten rows on each of these days, counted from the window's start."""
    return [
        DayCount(tool, fields, FIRST + d, 10, (FIRST + d) * DAY + DAY // 3, (FIRST + d) * DAY + DAY // 2) for d in days
    ]


def judged(*counts: list[DayCount], window: Window = WINDOW, **facts: object) -> LogCoverage:
    all_facts = {"bulk_counts": (), "clock_steps": (), "unknown_principals": (), **facts}
    return judge(LogFacts(tuple(c for part in counts for c in part), **all_facts), "email", window, Settings())  # type: ignore[arg-type]


def kinds(coverage: LogCoverage) -> list[str]:
    return [gap.kind for gap in coverage.gaps]


def only(coverage: LogCoverage) -> CoverageGap:
    assert len(coverage.gaps) == 1, kinds(coverage)
    return coverage.gaps[0]


EVERY_DAY = set(range(730))
WORKDAYS = {d for d in range(730) if d % 7 < 5}


def test_a_whole_log_allows_everything() -> None:
    coverage = judged(day_counts("crm", EVERY_DAY), day_counts("batch", WORKDAYS))
    assert coverage.gaps == ()
    assert coverage.allows_nobody
    assert coverage.allows_fields_statement
    assert coverage.tools == ("batch", "crm")
    assert coverage.access_count == 10 * (730 + len(WORKDAYS))
    assert coverage.first_access_at == START + timedelta(hours=8)


def test_days_without_rows_of_one_tool() -> None:
    gap = only(coverage := judged(day_counts("crm", EVERY_DAY - {700, 701, 702}), day_counts("web", EVERY_DAY)))
    assert (gap.kind, gap.tool, gap.count) == ("days_without_rows", "crm", 3)
    assert gap.window == Window(START + timedelta(days=700), START + timedelta(days=703))
    assert not coverage.allows_nobody
    assert not coverage.allows_fields_statement
    assert "crm" in gap.sentence


def test_two_days_are_no_gap_and_an_old_gap_does_not_forbid() -> None:
    assert judged(day_counts("crm", EVERY_DAY - {700, 701})).gaps == ()
    old = judged(day_counts("crm", EVERY_DAY - {300, 301, 302, 303}))
    assert kinds(old) == ["days_without_rows"]
    assert old.allows_nobody


def test_weekends_by_habit_are_no_gap_but_a_silent_working_week_is() -> None:
    assert judged(day_counts("crm", WORKDAYS)).gaps == ()
    bridge = judged(day_counts("crm", WORKDAYS - {703, 704}))  # Wednesday, Thursday
    assert bridge.gaps == ()
    week = set(range(700, 707))
    assert only(judged(day_counts("crm", WORKDAYS - week))).count == 9, "with the weekends around it"


def test_a_short_log_shows_its_gap_too() -> None:
    window = Window(START, START + timedelta(days=30))
    coverage = judged(day_counts("crm", set(range(30)) - {12, 13, 14, 15}), window=window)
    assert kinds(coverage) == ["days_without_rows"]


def test_a_tool_used_now_and_then_has_no_gap() -> None:
    rng = np.random.default_rng(3)
    some = {int(d) for d in np.flatnonzero(rng.random(730) < 0.1)}
    assert judged(day_counts("crm", EVERY_DAY), day_counts("rare", some)).gaps == ()


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.3, 0.5, 0.8, 0.95, 1.0]))
def test_chance_alone_is_hardly_ever_a_gap(seed: int, probability: float) -> None:
    # Each log has a gap by chance with 1 % by design; ten in a row would not be chance.
    rng = np.random.default_rng(seed)
    gaps = sum(
        bool(list(silences(np.flatnonzero(rng.random(400) < probability).astype(np.int64), 3))) for _ in range(12)
    )
    assert gaps <= 3


def test_a_tool_that_stops() -> None:
    recent = only(coverage := judged(day_counts("crm", EVERY_DAY), day_counts("old", set(range(650)))))
    assert (recent.kind, recent.tool, recent.count, recent.serious) == ("tool_stopped", "old", 80, True)
    assert not coverage.allows_nobody
    retired = judged(day_counts("crm", EVERY_DAY), day_counts("old", set(range(300))))
    assert only(retired).kind == "tool_stopped"
    assert retired.allows_nobody


def test_a_tool_that_goes_on_in_other_capitals_has_not_stopped() -> None:
    """One export writes desk, the next one Desk: that is no broken log."""
    early, late = day_counts("desk", set(range(650))), day_counts("Desk", set(range(650, 730)))
    assert judged(day_counts("crm", EVERY_DAY), early, late).gaps == ()
    broken = only(judged(day_counts("crm", EVERY_DAY), early, day_counts("Desk", set(range(650, 700)))))
    assert (broken.kind, broken.tool, broken.count) == ("tool_stopped", "Desk", 30)
    assert broken.sentence.startswith("The tool Desk (desk too) wrote nothing after")


def test_a_log_that_starts_late_is_said_and_allowed() -> None:
    gap = only(coverage := judged(day_counts("crm", set(range(400, 730)))))
    assert (gap.kind, gap.count, gap.serious) == ("log_starts_late", 400, False)
    assert coverage.allows_nobody
    assert coverage.allows_fields_statement


def test_a_log_that_ends_early_is_serious() -> None:
    gap = only(coverage := judged(day_counts("crm", set(range(720)))))
    assert (gap.kind, gap.count, gap.serious) == ("log_ends_early", 10, True)
    assert not coverage.allows_nobody
    assert judged(day_counts("crm", set(range(728)))).gaps == ()
    friday = {d for d in WORKDAYS if d <= 725}
    until_tuesday = Window(START, START + timedelta(days=729))
    assert judged(day_counts("crm", friday), window=until_tuesday).gaps == ()


def test_a_log_of_few_days_that_ends_long_before() -> None:
    assert kinds(judged(day_counts("crm", {0, 1}))) == ["log_ends_early"]


def test_no_access_and_no_access_that_shows_the_field() -> None:
    nothing = judged()
    assert kinds(nothing) == ["no_accesses"]
    assert not nothing.allows_nobody
    other = judged(day_counts("crm", EVERY_DAY, "e-mail;name"))
    assert kinds(other) == ["no_accesses"]
    assert "'email'" in other.gaps[0].sentence
    assert not other.allows_nobody


@pytest.mark.parametrize(
    ("fields", "allows_nobody"), [(("email",), False), ((), False), (("*",), False), (("phone",), True)]
)
def test_bulk_reads(fields: tuple[str, ...], allows_nobody: bool) -> None:
    at = microseconds(START + timedelta(days=10))
    reads = (BulkCount("psql", "ann", fields, 2, at, at + 5), BulkCount("psql", "bob", fields, 1, at, at))
    gap = only(coverage := judged(day_counts("crm", EVERY_DAY), bulk_counts=reads))
    assert (gap.kind, gap.tool, gap.count, gap.principals) == ("bulk_read", "psql", 3, ("ann", "bob"))
    assert coverage.allows_nobody is allows_nobody
    assert not coverage.allows_fields_statement


def test_bulk_reads_that_were_checked_hide_nobody_and_those_of_others_still_do() -> None:
    at = microseconds(START + timedelta(days=10))
    reads = (BulkCount("psql", "ann", ("email",), 2, at, at), BulkCount("psql", "bob", ("*",), 1, at, at))
    facts = LogFacts(tuple(day_counts("crm", EVERY_DAY)), reads, (), ())

    def told(*checked: str) -> LogCoverage:
        return judge(facts, "email", WINDOW, Settings(checked_bulk_readers=checked))

    assert [(gap.principals, gap.serious) for gap in told().gaps] == [(("ann", "bob"), True)]
    one = told("ann")
    assert [(gap.principals, gap.serious) for gap in one.gaps] == [(("bob",), True), (("ann",), False)]
    assert not one.allows_nobody
    both = told("ann", "bob")
    assert [(gap.principals, gap.serious) for gap in both.gaps] == [(("ann", "bob"), False)]
    assert "checked_bulk_readers" in both.gaps[0].sentence
    assert (both.allows_nobody, both.allows_fields_statement) == (True, False)


def test_each_of_many_bulk_readers_is_told() -> None:
    at = microseconds(START)
    everybody = [f"p{n:03d}" for n in range(80)]
    reads = tuple(BulkCount("psql", name, ("email",), 1, at, at) for name in everybody)
    facts = LogFacts(tuple(day_counts("crm", EVERY_DAY)), reads, (), ())
    (gap,) = judge(facts, "email", WINDOW, Settings()).gaps
    assert gap.principals == tuple(everybody)
    # Those whom nobody checked would stand between others and a name although they are not among the first fifty.
    hiding, _ = judge(facts, "email", WINDOW, Settings(checked_bulk_readers=tuple(everybody[:60]))).gaps
    assert (hiding.principals, hiding.serious) == (tuple(everybody[60:]), True)


def test_accesses_that_showed_every_field() -> None:
    named = only(coverage := judged(day_counts("crm", EVERY_DAY), day_counts("psql", EVERY_DAY, "*;email")))
    assert (named.kind, named.count, named.serious) == ("unknown_fields", 7300, False)
    assert (coverage.allows_nobody, coverage.allows_fields_statement) == (True, False)
    doubtful = only(coverage := judged(day_counts("crm", EVERY_DAY), day_counts("psql", EVERY_DAY, "*;name")))
    assert doubtful.serious
    assert not coverage.allows_nobody


def test_unknown_principals_are_said_and_not_serious() -> None:
    gap = only(coverage := judged(day_counts("crm", EVERY_DAY), unknown_principals=("zoe", "ann")))
    assert (gap.kind, gap.count, gap.principals, gap.serious) == ("unknown_principal", 2, ("ann", "zoe"), False)
    assert coverage.allows_nobody


@pytest.mark.parametrize(("step", "serious"), [(timedelta(hours=3), False), (timedelta(days=2), True)])
def test_clock_steps(step: timedelta, serious: bool) -> None:
    at = START + timedelta(days=700)
    steps = (("a.csv", ClockStep(17, microseconds(at), microseconds(at - step))),)
    gap = only(coverage := judged(day_counts("crm", EVERY_DAY), clock_steps=steps))
    assert (gap.kind, gap.count, gap.serious) == ("clock_step", 1, serious)
    assert "a.csv" in gap.sentence
    assert "row 17" in gap.sentence
    assert coverage.allows_nobody is not serious
    outside = Window(START, START + timedelta(days=600))
    assert "clock_step" not in kinds(judged(day_counts("crm", set(range(600))), window=outside, clock_steps=steps))


def test_every_sentence_is_one_sentence() -> None:
    coverage = judged(
        day_counts("crm", set(range(20, 700)) - {400, 401, 402, 403}),
        day_counts(None, set(range(20, 300))),
        unknown_principals=("x",),
    )
    assert len(coverage.gaps) == 5
    for sentence in (*(gap.sentence for gap in coverage.gaps), coverage.sentence):
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence[-1] in ".?"


# --- the clock ------------------------------------------------------------------------------------------


def steps_of(seconds: list[int], batch: int = 7) -> list[tuple[int, int]]:
    watch = ClockWatch(300)
    rows, at = np.arange(1, len(seconds) + 1), np.array(seconds, dtype=np.int64) * 1_000_000
    for first in range(0, len(seconds), batch):
        watch.see(rows[first : first + batch], at[first : first + batch])
    return [(step.source_row, (step.from_at - step.to_at) // 1_000_000) for step in watch.steps()]


@given(st.integers(1, 19), st.integers(301, 5000), st.integers(1, 9))
def test_a_step_is_found_wherever_a_batch_ends(row: int, step: int, batch: int) -> None:
    times = [n * 60 - (step + 60 if n >= row else 0) for n in range(20)]
    assert steps_of(times, batch) == [(row + 1, step)]


def test_what_is_no_clock_step() -> None:
    assert steps_of([n * 60 - 250 * (n % 2) for n in range(50)]) == [], "jitter below the setting"
    assert steps_of(list(range(50_000, 0, -1000))) == [], "newest first"
    assert steps_of([n * 7919 % 50_000 for n in range(200)]) == [], "not sorted at all"
    assert steps_of([1000, 0]) == [], "too short to say"


# --- from a real ledger -----------------------------------------------------------------------------------


def test_a_ledger_tells_its_own_gaps(tmp_path: Path) -> None:
    accesses = [
        Access(START + timedelta(days=d, minutes=m), f"p{d % 3}", f"c{m}", tool="crm" if m % 2 else "web")
        for d in range(60)
        for m in range(4)
        if not (m % 2 and 40 <= d < 45)
    ]
    accesses[100:] = [*accesses[100:110], Access(accesses[109].at - timedelta(hours=2), "p0", "c0"), *accesses[110:]]
    window = Window(START, START + timedelta(days=59, seconds=90))
    with open_ledger(tmp_path / "ledger") as ledger:
        ledger.ingest("accesses", [write_accesses(tmp_path / "a.csv", accesses)])
        ledger.ingest("principals", [write_text(tmp_path / "p.csv", "principal\np0\np1\n")])
        coverage = ledger.coverage("email", window)
    assert sorted(kinds(coverage)) == ["clock_step", "days_without_rows", "unknown_principal"]
    gap = next(g for g in coverage.gaps if g.kind == "days_without_rows")
    assert (gap.tool, gap.count) == ("crm", 5)
    assert coverage.access_count == sum(a.at < START + timedelta(days=59, seconds=90) for a in accesses)
    assert coverage.last_access_at == START + timedelta(days=59, minutes=1)
    assert not coverage.allows_nobody


class TestRejectedRows:
    HEADER = "at,principal,customer,fields\n"

    def test_a_log_of_which_most_was_rejected_clears_nobody(self, tmp_path: Path) -> None:
        good = "".join(f"2024-{1 + d // 28:02}-{1 + d % 28:02}T08:00:00Z,u1,c{d},email\n" for d in range(300))
        without_zone = "".join(f"2024-{1 + d // 28:02}-{1 + d % 28:02} 09:00:00,u2,c{d},email\n" for d in range(300))
        ledger = open_ledger(tmp_path / "ledger")
        window = Window(START, START + timedelta(days=300))
        ledger.ingest("accesses", [write_text(tmp_path / "crm.csv", self.HEADER + good)])
        before = ledger.coverage("email", window)
        # The attack, or the accident: what u2 was shown is in no row, and the days are all there.
        report = ledger.ingest("accesses", [write_text(tmp_path / "desk.csv", self.HEADER + without_zone)])
        assert (before.allows_nobody, report.rejected_count, report.accepted_count) == (True, 300, 0)
        coverage = ledger.coverage("email", window)
        (gap,) = [one for one in coverage.gaps if one.kind == "rejected_rows"]
        assert (gap.serious, gap.count, coverage.allows_nobody) == (True, 300, False)
        assert "desk.csv" in gap.sentence
        mended = without_zone.replace(" 09:00:00", "T09:00:00Z")
        ledger.ingest("accesses", [write_text(tmp_path / "desk.csv", self.HEADER + mended)])
        assert ledger.coverage("email", window).allows_nobody

    @pytest.mark.parametrize(
        ("rejected", "rows", "serious"),
        [
            (2, 7_300, False),
            (73, 7_300, False),
            (74, 7_300, True),
            (20, 400, False),
            (21, 400, True),
            (4, 40, False),
            (5, 40, True),
            (2, 3, False),
            (3, 3, True),
        ],
    )
    def test_a_stray_row_is_told_and_hides_nobody(self, rejected: int, rows: int, serious: bool) -> None:
        coverage = judged(day_counts("crm", EVERY_DAY), rejected=(RejectedRows("crm.csv", rejected, rows),))
        assert only(coverage).serious is serious
        assert coverage.allows_nobody is not serious

    def test_what_came_under_another_name_is_named_in_a_setting(self) -> None:
        facts = LogFacts(tuple(day_counts("crm", EVERY_DAY)), (), (), (), rejected=(RejectedRows("a.csv", 50, 100),))
        assert not judge(facts, "email", WINDOW, Settings()).allows_nobody
        assert judge(facts, "email", WINDOW, Settings(mended_files=("a.csv",))).gaps == ()

    def test_a_file_of_which_nothing_was_taken_may_come_again(self, tmp_path: Path) -> None:
        """The mapping was wrong, and not the file."""
        ledger = open_ledger(tmp_path / "ledger")
        first = ledger.ingest("accesses", [write_text(tmp_path / "bad.csv", self.HEADER + "yesterday,u1,c1,email\n")])
        again = ledger.ingest("accesses", [tmp_path / "bad.csv"])
        assert (first.rejected_count, again.rejected_count, again.already_ingested_count) == (1, 1, 0)


def test_one_account_in_several_spellings_is_told_and_clears_nobody(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger")
    rows = "".join(f"2024-03-01T08:00:0{n}Z,{name},c{n},email\n" for n, name in enumerate(("KO", "ko", "Ko", "mi")))
    ledger.ingest("accesses", [write_text(tmp_path / "a.csv", "at,principal,customer,fields\n" + rows)])
    coverage = ledger.coverage("email", Window(START, END))
    (gap,) = [one for one in coverage.gaps if one.kind == "principal_spellings"]
    assert gap.principals == ("KO", "Ko", "ko")
    assert not coverage.allows_nobody
