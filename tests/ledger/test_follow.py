"""Following a file: growth, half lines, rotation, truncation, bad rows, and the same bytes given as a whole."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from leaktrace.errors import LedgerError, UsageError
from leaktrace.ledger import DuckLedger, Pace, formats
from tests.ledger.following import (
    ALWAYS,
    HEADER,
    QUICK,
    Script,
    append,
    csv_lines,
    follow,
    lines,
    nothing,
    numbers_in,
    rejects_of,
    source_rows,
)
from tests.ledger.small_ledgers import KEYRING, START, open_ledger, write_text


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DuckLedger]:
    with open_ledger(tmp_path / "ledger") as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_text(tmp_path / "log.ndjson", lines(0, 1))


# --- growth -----------------------------------------------------------------------------------------------


def test_lines_come_in_as_the_file_grows(ledger: DuckLedger, log: Path) -> None:
    seen = list[int]()
    report = follow(
        ledger,
        log,
        append(log, lines(2)),
        nothing,
        lambda: seen.append(ledger.stats().access_count),
        append(log, lines(3, 4)),
    )
    assert seen == [3], "a batch is there for everybody while the file is still followed"
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]
    assert (report.accepted_count, report.batch_count, report.committed_line_count) == (5, 2, 5)


def test_half_a_line_waits_for_its_end(ledger: DuckLedger, log: Path) -> None:
    whole = lines(2)
    report = follow(ledger, log, append(log, whole[:20]), nothing, append(log, whole[20:-1]), nothing)
    assert (report.accepted_count, report.rejected_count) == (2, 0)
    report = follow(ledger, log, append(log, "\n"), nothing)
    assert (report.accepted_count, report.rejected_count) == (1, 0)
    assert numbers_in(ledger) == [0, 1, 2]


def test_a_batch_has_so_many_rows_or_waits_so_long(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", lines(*range(10)))
    counts = list[int]()
    look = [lambda: counts.append(ledger.stats().access_count)] * 12
    report = follow(ledger, log, *look, pace=Pace(every_seconds=10, every_rows=4, poll_seconds=1))
    assert counts[:10] == [8] * 10, "two batches at once, the rest waits"
    assert counts[11] == 10, "for ten seconds"
    assert report.batch_count == 3


def test_an_idle_follower_sleeps_between_looks(ledger: DuckLedger, log: Path) -> None:
    script = Script([nothing] * 20)
    ledger.follow("accesses", log, around=script.around())
    assert script.slept == [0.5] * 21


def test_it_goes_on_where_it_stopped(ledger: DuckLedger, tmp_path: Path, log: Path) -> None:
    follow(ledger, log)
    append(log, lines(2, 3))()
    with open_ledger(tmp_path / "ledger") as other:
        report = follow(other, log, append(log, lines(4)))
    assert (report.accepted_count, report.committed_line_count) == (3, 5)
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]
    assert source_rows(tmp_path / "ledger") == [1, 2, 3, 4, 5]


def test_a_csv_keeps_its_header_and_its_row_numbers(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", f"\ufeff{HEADER}")
    follow(ledger, log, append(log, csv_lines(0, 1)), nothing, append(log, "\nshort,row\n" + csv_lines(2)), nothing)
    append(log, csv_lines(3) + "no time,p1,c4,email\n")()
    report = follow(ledger, log)
    assert numbers_in(ledger) == [0, 1, 2, 3]
    assert source_rows(tmp_path / "ledger") == [1, 2, 4, 5]
    assert [row for row, _ in rejects_of(report)] == [3, 6]


def test_a_value_with_a_line_break_is_one_row(ledger: DuckLedger, tmp_path: Path) -> None:
    head = "at,principal,customer,fields,reason\n"
    first, second = '2025-03-01T00:00:00Z,p1,c1,email,"one\n', 'two"\n2025-03-01T00:00:01Z,p2,c2,email,x\n'
    log = write_text(tmp_path / "log.csv", head + first)
    report = follow(ledger, log, nothing, append(log, second), nothing)
    assert (report.accepted_count, report.rejected_count) == (2, 0)
    assert numbers_in(ledger) == [1, 2]


def test_a_file_that_comes_late_is_waited_for_where_it_was_followed_before(ledger: DuckLedger, log: Path) -> None:
    follow(ledger, log)
    log.unlink()
    report = follow(ledger, log, nothing, lambda: write_text(log, lines(2)), nothing)
    assert report.accepted_count == 1
    with pytest.raises(LedgerError, match="cannot be read"):
        follow(ledger, log.with_name("never.ndjson"))


# --- rotation and truncation --------------------------------------------------------------------------------


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(ledger: DuckLedger, log: Path) -> None:
    old = log.with_name("log.ndjson.1")
    report = follow(
        ledger,
        log,
        lambda: log.rename(old),
        append(old, lines(2)),
        lambda: write_text(log, lines(3, 4)),
        append(old, lines(5)),  # whoever writes has not let go of it yet
        *[nothing] * 4,
        append(log, lines(6)),
    )
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5, 6]
    assert report.notes == ()
    assert report.committed_line_count == 3, "of the present file"


def test_a_rotation_while_nobody_looked(ledger: DuckLedger, log: Path) -> None:
    follow(ledger, log)
    append(log, lines(2) + lines(3)[:-1])()  # the last line was never ended
    log.rename(log.with_name("log-20250301.ndjson"))
    write_text(log, lines(4))
    report = follow(ledger, log, append(log, lines(5)))
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5]
    assert report.notes == ()
    assert follow(ledger, log).accepted_count == 0


def test_several_rotations_while_nobody_looked(ledger: DuckLedger, log: Path) -> None:
    follow(ledger, log)
    append(log, lines(2))()
    log.rename(log.with_name("log.ndjson.3"))
    write_text(log.with_name("log.ndjson.2"), lines(3, 4)[:-1])
    write_text(log.with_name("log.ndjson.1"), lines(5))
    packed = log.with_name("log.ndjson-20250302.gz")
    packed.write_bytes(gzip.compress(lines(6).encode()))
    write_text(log.with_name("log.ndjson.old"), lines(98))
    write_text(log.with_name("logger.ndjson.1"), lines(99))
    write_text(log, lines(7))
    report = follow(ledger, log, append(log, lines(8)))
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5, 7, 8]
    (told,) = report.notes
    assert str(packed) in told
    assert follow(ledger, log).accepted_count == 0


def test_a_rotation_that_is_over_before_the_follower_has_read_the_file_before(ledger: DuckLedger, log: Path) -> None:
    def rotate_twice() -> None:
        log.rename(log.with_name("log.ndjson.2"))
        write_text(log.with_name("log.ndjson.1"), lines(2, 3))
        write_text(log, lines(4))

    follow(ledger, log, rotate_twice, *[nothing] * 4)
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]


def test_generations_from_before_the_first_look_are_left_alone(ledger: DuckLedger, log: Path) -> None:
    write_text(log.with_name("log.ndjson.1"), lines(7))
    follow(ledger, log)
    follow(ledger, log)
    assert numbers_in(ledger) == [0, 1]


def test_a_rotated_file_that_was_packed_is_told_and_its_rest_is_taken_from_there(ledger: DuckLedger, log: Path) -> None:
    follow(ledger, log)
    append(log, lines(2, 3))()
    packed = log.with_name("log.ndjson.1.gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()
    write_text(log, lines(4))
    report = follow(ledger, log)
    assert numbers_in(ledger) == [0, 1, 4]
    assert "is packed" in report.notes[0]
    report = ledger.ingest("accesses", [packed], file_format="ndjson")
    assert (report.accepted_count, report.already_ingested_count) == (2, 2)
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]
    assert ledger.ingest("accesses", [packed], file_format="ndjson").accepted_count == 0


def test_a_copy_is_taken_to_its_end_when_the_file_is_truncated(ledger: DuckLedger, log: Path) -> None:
    copy = log.with_name("log.ndjson.1")

    def copy_and_truncate() -> None:
        append(log, lines(2))()  # lines that nobody has read yet
        shutil.copy(log, copy)
        log.write_text(lines(3), encoding="utf-8")

    report = follow(ledger, log, copy_and_truncate, nothing, append(log, lines(4)))
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]
    assert report.notes == ()


def test_a_truncated_file_that_has_outgrown_its_old_length_is_noticed(ledger: DuckLedger, log: Path) -> None:
    report = follow(ledger, log, lambda: log.write_text(lines(*range(10, 20)), encoding="utf-8"), nothing)
    assert numbers_in(ledger) == [0, 1, *range(10, 20)]
    assert "Ingest it from where it is now" in report.notes[0]


def test_a_truncation_while_nobody_looked(ledger: DuckLedger, log: Path) -> None:
    follow(ledger, log)
    append(log, lines(2))()
    shutil.copy(log, log.with_name("log.ndjson.1"))
    log.write_text(lines(3), encoding="utf-8")
    report = follow(ledger, log)
    assert numbers_in(ledger) == [0, 1, 2, 3]
    assert report.notes == ()


def test_a_log_that_is_written_anew_under_its_name_goes_on(ledger: DuckLedger, log: Path) -> None:
    half = lines(3)

    def as_rsync_does(text: str) -> None:
        write_text(log.with_name(".log.ndjson.part"), text)
        log.with_name(".log.ndjson.part").rename(log)

    report = follow(
        ledger,
        log,
        lambda: as_rsync_does(lines(0, 1, 2) + half[:40]),
        *[nothing] * 4,
        lambda: as_rsync_does(lines(0, 1, 2) + half + lines(4)),
        *[nothing] * 4,
    )
    assert (report.accepted_count, report.rejected_count, report.notes) == (5, 0, ())
    assert numbers_in(ledger) == [0, 1, 2, 3, 4]


# --- the same bytes as a whole ------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
@pytest.mark.parametrize("copied", [False, True])
def test_a_followed_file_given_as_a_whole_brings_its_rest_only(
    ledger: DuckLedger, tmp_path: Path, ending: str, *, copied: bool
) -> None:
    make = csv_lines if ending == "csv" else lines
    log = write_text(tmp_path / f"log.{ending}", (HEADER if ending == "csv" else "") + make(0, 1, 2))
    follow(ledger, log, append(log, make(3)), nothing)
    given = tmp_path / f"elsewhere.{ending}" if copied else log
    if copied:
        shutil.copy(log, given)
    report = ledger.ingest("accesses", [given])
    assert (report.accepted_count, report.already_ingested_count) == (0, 4)
    append(given, make(4, 5)[:-1])()
    report = ledger.ingest("accesses", [given])
    assert (report.accepted_count, report.already_ingested_count) == (2, 4)
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5]
    assert source_rows(tmp_path / "ledger") == [1, 2, 3, 4, 5, 6]
    append(given, "\n" + make(6))()
    assert follow(ledger, given).accepted_count == 1
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_a_file_that_was_ingested_as_a_whole_is_followed_from_its_end(
    ledger: DuckLedger, tmp_path: Path, ending: str
) -> None:
    make = csv_lines if ending == "csv" else lines
    log = write_text(tmp_path / f"log.{ending}", (HEADER if ending == "csv" else "") + make(0, 1))
    ledger.ingest("accesses", [log])
    report = follow(ledger, log, append(log, make(2)), nothing)
    assert report.accepted_count == 1
    assert source_rows(tmp_path / "ledger") == [1, 2, 3]
    assert ledger.ingest("accesses", [log]).already_ingested_count == 3
    assert numbers_in(ledger) == [0, 1, 2]


def test_a_line_whose_beginning_was_taken_as_a_row_is_set_aside(ledger: DuckLedger, log: Path) -> None:
    cut = lines(2)
    append(log, cut[:30])()
    assert ledger.ingest("accesses", [log]).rejected_count == 1
    append(log, cut[30:] + lines(3))()
    report = follow(ledger, log)
    assert (report.accepted_count, report.rejected_count) == (1, 1)
    assert rejects_of(report) == [(3, "its beginning was taken earlier as a row of its own")]
    assert numbers_in(ledger) == [0, 1, 3]


def test_another_file_that_begins_alike_is_another_file_where_nothing_was_followed(
    ledger: DuckLedger, tmp_path: Path
) -> None:
    one = write_text(tmp_path / "one.ndjson", lines(0))
    two = write_text(tmp_path / "two.ndjson", lines(0, 0))
    ledger.ingest("accesses", [one, two])
    assert ledger.stats().access_count == 3, "two identical rows are two accesses"


def test_files_that_part_after_the_same_beginning_are_both_taken(ledger: DuckLedger, tmp_path: Path) -> None:
    one = write_text(tmp_path / "one.ndjson", lines(0, 1))
    two = write_text(tmp_path / "two.ndjson", lines(0, 2))
    pace = replace(QUICK, every_rows=1)
    follow(ledger, one, pace=pace)
    follow(ledger, two, pace=pace)
    assert ledger.stats().access_count == 4


# --- two at once ----------------------------------------------------------------------------------------------


def test_two_followers_of_one_file_take_each_line_once(ledger: DuckLedger, tmp_path: Path, log: Path) -> None:
    with open_ledger(tmp_path / "ledger") as second:

        def other(*numbers: int) -> None:
            append(log, lines(*numbers))()
            follow(second, log)

        follow(ledger, log, nothing, lambda: other(2, 3), nothing, append(log, lines(4)), lambda: other(5), nothing)
    assert numbers_in(ledger) == [0, 1, 2, 3, 4, 5]


def test_two_followers_that_begin_together_take_each_line_once(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", "")
    with open_ledger(tmp_path / "ledger") as second:

        def other() -> None:
            append(log, lines(0, 1))()
            follow(second, log)

        follow(ledger, log, other, nothing, append(log, lines(2)), nothing)
    assert numbers_in(ledger) == [0, 1, 2]


def test_a_whole_ingest_between_two_batches_takes_nothing_twice(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", "")
    with open_ledger(tmp_path / "ledger") as second:

        def other(*numbers: int) -> None:
            append(log, lines(*numbers))()
            second.ingest("accesses", [log])

        follow(ledger, log, lambda: other(0, 1), append(log, lines(2)), nothing, lambda: other(3), nothing)
    assert numbers_in(ledger) == [0, 1, 2, 3]


def test_another_writer_is_waited_for(ledger: DuckLedger, tmp_path: Path, log: Path) -> None:
    import fcntl

    with (tmp_path / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        counts = list[int]()
        follow(
            ledger,
            log,
            lambda: counts.append(ledger.stats().access_count),
            lambda: counts.append(ledger.stats().access_count),
            lambda: fcntl.flock(lock, fcntl.LOCK_UN),
            nothing,
        )
    assert counts == [0, 0]
    assert numbers_in(ledger) == [0, 1]


def test_whoever_ingests_waits_for_a_batch_to_end(ledger: DuckLedger, tmp_path: Path, log: Path) -> None:
    import fcntl
    import threading

    with (tmp_path / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        timer = threading.Timer(0.3, fcntl.flock, (lock, fcntl.LOCK_UN))
        timer.start()
        assert ledger.ingest("accesses", [log]).accepted_count == 2
        timer.join()


def test_a_stop_does_not_wait_for_ever_for_another_writer(ledger: DuckLedger, tmp_path: Path, log: Path) -> None:
    import fcntl

    with (tmp_path / "ledger" / "ingest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(LedgerError, match="another process is writing"):
            follow(ledger, log)
    assert follow(ledger, log).accepted_count == 2


# --- bad rows and files ---------------------------------------------------------------------------------------


def test_bad_rows_are_set_aside_with_their_row_in_the_file(ledger: DuckLedger, log: Path) -> None:
    bad = "not JSON\n" + lines(2).replace("principal", "who") + "\n"
    report = follow(ledger, log, append(log, bad), nothing, append(log, b"\xff\xfe\n"), append(log, lines(3)), nothing)
    assert (report.accepted_count, report.rejected_count) == (3, 3)
    assert rejects_of(report) == [
        (3, "the line is not a JSON object"),
        (4, "principal is missing"),
        (6, "the line is not UTF-8"),
    ]
    assert numbers_in(ledger) == [0, 1, 3]


def test_bytes_that_are_no_text_in_a_csv_keep_their_row_aside(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.csv", HEADER + csv_lines(0) + "\n")
    append(log, csv_lines(1).replace("p1", "é").encode("latin-1") + csv_lines(2).encode())()
    report = follow(ledger, log)
    assert rejects_of(report) == [(2, "the line is not UTF-8")]
    assert source_rows(tmp_path / "ledger") == [1, 3]


def test_a_table_of_one_column_takes_no_stand_in_for_a_row(ledger: DuckLedger, tmp_path: Path) -> None:
    log = tmp_path / "people.csv"
    log.write_bytes(b"principal\nann\n\xe9\nbob\n")
    report = follow(ledger, log, table="principals")
    assert (report.accepted_count, rejects_of(report)) == (2, [(2, "the line is not UTF-8")])
    assert {facts.name for facts in ledger.principals()} == {"ann", "bob"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("log.ndjson", b'{"at": "2025-03-01T00:00:00Z"}\n', "needs the columns principal, customer, fields"),
        ("log.csv", b"at,principal\n1,2\n", "needs the columns customer, fields"),
        ("log.csv", b"at,\xff\n1,2\n", "not UTF-8 at byte 3"),
        ("log.ndjson", b"x" * 4_300_000, "longer than 4194304 bytes"),
        ("log.csv", HEADER.encode() + b'"' + b"x,y," * 1_100_000, "longer than 4194304 bytes"),
        ("log.csv", HEADER.encode() + b'"' + b"x,y\n" * 110, "longer than 100 lines"),
        ("log.parquet", b"PAR1", "only understood as a whole"),
        ("log.ndjson.gz", b"", "does not grow"),
        ("log.xml", b"", "names no format"),
    ],
)
def test_what_cannot_be_followed_is_refused(
    ledger: DuckLedger, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    log = tmp_path / name
    log.write_bytes(content)
    with pytest.raises(LedgerError, match=words) as caught:
        follow(ledger, log)
    assert str(log) in caught.value.message
    assert "/dev/fd" not in str(caught.value)
    assert caught.value.hint
    assert ledger.stats().access_count == 0


def test_pgaudit_is_refused_because_its_lines_belong_together(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "server.log", "x\n")
    with pytest.raises(LedgerError, match="only understood as a whole"):
        ledger.follow("accesses", log, file_format="pgaudit", around=Script().around())


def test_a_row_reader_whose_lines_stand_alone_is_followed(
    ledger: DuckLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(formats.ROW_READERS, "made", "tests.ledger.made_reader:read_lines")
    line = "2025-03-01T00:00:0{}+00:00 p{} c{} email\n"
    log = write_text(tmp_path / "log.txt", line.format(1, 1, 1) + "? not a line\n")
    around = Script([append(log, line.format(2, 2, 2) + line.format(3, 3, "-").replace("c-", "-")), nothing]).around()
    report = ledger.follow("accesses", log, file_format="made", pace=QUICK, around=around)
    assert (report.accepted_count, rejects_of(report)) == (3, [(2, "the line cannot be read")])
    assert numbers_in(ledger) == [1, 2]
    assert source_rows(tmp_path / "ledger") == [1, 3, 4]


@pytest.mark.parametrize("pace", [Pace(every_seconds=0), Pace(every_rows=0), Pace(every_seconds=float("nan"))])
def test_a_pace_that_cannot_be_kept_is_refused(ledger: DuckLedger, log: Path, pace: Pace) -> None:
    with pytest.raises(UsageError):
        follow(ledger, log, pace=pace)


# --- what else a ledger promises ------------------------------------------------------------------------------


def test_a_clock_that_jumps_back_between_two_batches_is_seen(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", lines(*range(1000, 1020)))
    follow(ledger, log, append(log, lines(*range(20))), nothing, append(log, lines(*range(20, 30))), nothing)
    (step,) = [gap for gap in ledger.coverage("email", ALWAYS).gaps if gap.kind == "clock_step"]
    assert step.count == 1
    assert step.window.end is not None
    assert step.window.end >= START + timedelta(seconds=1019)


def test_no_name_of_a_followed_log_is_at_rest(tmp_path: Path) -> None:
    text = lines(5).replace("c5", "customer-anna").replace("p5", "agent-smith")
    log = write_text(tmp_path / "anna@example.org.ndjson", text)
    with open_ledger(tmp_path / "ledger") as ledger:
        follow(ledger, log)
        assert ledger.customer_names(KEYRING.customer_keys(["customer-anna"])) == ("customer-anna",)
    at_rest = b"".join(path.read_bytes() for path in (tmp_path / "ledger").rglob("*") if path.is_file())
    for secret in (b"customer-anna", b"agent-smith", b"anna@example", str(log).encode()):
        assert secret not in at_rest


def test_batches_do_not_use_up_the_descriptors(ledger: DuckLedger, tmp_path: Path) -> None:
    log = write_text(tmp_path / "log.ndjson", lines(*range(12)))
    before = len(list(Path("/proc/self/fd").iterdir()))
    follow(ledger, log, pace=replace(QUICK, every_rows=1))
    follow(ledger, log)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_what_following_costs_is_told(ledger: DuckLedger, log: Path) -> None:
    told = list[tuple[str, int, int | None]]()

    def tell(what: str, done: int, total: int | None) -> None:
        told.append((what, done, total))

    ledger.follow("accesses", log, pace=QUICK, around=Script([nothing, nothing]).around(), progress=tell)
    assert ("following log.ndjson", 2, None) in told
