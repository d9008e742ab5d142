"""Reports grouped as they come, in the mail book: as well as all at once, explained, and as investigators decided."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.errors import UsageError
from leaktrace.keys import Keyring
from leaktrace.mailroom import grouping
from leaktrace.mailroom.mailbook import MailBook
from leaktrace.mailroom.shelves import BUCKET_CAP_COUNT
from leaktrace.records import MessageRecord
from tests.mailroom.handmade_mail import MAIL_AT, message, original, prose, sketch_of
from tests.mailroom.reference_grouping import group_reports, groupable

KEYRING = Keyring(bytes(range(32)), "ws-test")
SEEN_AT = datetime(2025, 2, 5, tzinfo=UTC)
NOW = datetime(2025, 3, 1, tzinfo=UTC)
SKETCH = {name: sketch_of(prose(seed)) for seed, name in enumerate("ABCDEF")}


def mail(
    which: str, number: int, *, minutes: int | None = None, reporter: str | None = None, **changes: object
) -> MessageRecord:
    """A complaint about mailing `which`; no two mailings share anything."""
    at = MAIL_AT + timedelta(minutes=number if minutes is None else minutes)
    values: dict[str, object] = {
        "sender": f"deals@{which.lower()}-shop.com",
        "subject": f"Special offers of season {which * 8}",
        "links": (f"https://{which.lower()}-outlet.net/",),
        "sketch": SKETCH[which],
        "sent_at": at,
    }
    who = reporter or f"{which.lower()}{number}x@gmail.com"
    made = original(to=who, **(values | changes))  # type: ignore[arg-type]
    return message(made, name=f"{which}{number}{sorted(changes)}", reporter=who, reported_at=at)


def hidden(record: MessageRecord, way: int) -> MessageRecord:
    """The same as a forward that shows less of it; any two still agree in two kinds or in nothing."""
    (shown,) = record.originals
    less = [shown, dataclasses.replace(shown, links=()), dataclasses.replace(shown, text_sketch=())][way % 3]
    return dataclasses.replace(record, originals=(less,))


def market(seed: int, count: int) -> list[MessageRecord]:
    rng = np.random.default_rng(seed)
    return [
        hidden(mail("ABCDEF"[int(rng.integers(6))], n, minutes=int(rng.integers(4000))), int(rng.integers(3)))
        for n in range(count)
    ]


def sets_of(book: MailBook) -> set[frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for report, campaign in book.groups.assigned().items():
        found[campaign].add(report)
    return {frozenset(reports) for reports in found.values()}


def received(folder: Path, batches: Sequence[Sequence[MessageRecord]]) -> MailBook:
    book = MailBook.open(folder, KEYRING)
    for batch in batches:
        book.add(batch, seen_at=SEEN_AT)
        grouping.group_pending(book.groups)
    return book


def truth(records: Sequence[MessageRecord]) -> set[frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in records:
        found[str(record.originals[0].sender.address)].add(f"{record.sha256}/0")
    return {frozenset(reports) for reports in found.values()}


# --- as good as all at once -------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000), st.integers(1, 40), st.randoms(use_true_random=False), st.integers(1, 40))
def test_neither_order_nor_cuts_matter_where_mails_agree_or_share_nothing(
    tmp_path: Path, seed: int, count: int, random: object, cut: int
) -> None:
    records = market(seed, count)
    shuffled = list(records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    folder = tmp_path / f"{seed} {count} {cut} {np.random.default_rng().integers(1 << 40)}"
    folder.mkdir()
    batches = [shuffled[at : at + cut] for at in range(0, count, cut)]
    with received(folder / "some", batches) as book:
        assert sets_of(book) == truth(records)
        names = book.groups.assigned()
        assert grouping.regroup(book.groups) == count
        assert book.groups.assigned() == names
    with received(folder / "whole", [shuffled]) as whole:
        assert sets_of(whole) == truth(records)
        expected = group_reports([groupable(report) for report in whole.reports()], {})
        assert {one.campaign for one in expected} == set(whole.groups.assigned().values())


def test_one_run_gives_what_the_batch_gives_where_mails_do_contradict(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    records = []
    for number in range(120):
        which, other = rng.choice(list("ABCDEF"), 2, replace=False)
        mixed: dict[str, object] = {"links": (f"https://{other.lower()}-outlet.net/",)} if rng.random() < 0.2 else {}
        mixed |= {"sketch": SKETCH[str(other)]} if rng.random() < 0.1 else {}
        records.append(mail(str(which), number, **mixed))  # type: ignore[arg-type]
    with received(tmp_path / "one", [records]) as book:
        expected = group_reports([groupable(report) for report in book.reports()], {})
        assert sets_of(book) == {frozenset(one.reports) for one in expected}
        assert book.groups.assigned() == {report: one.campaign for one in expected for report in one.reports}
    with received(tmp_path / "by one", [[record] for record in records]) as single:
        one_by_one = sets_of(single)
        grouping.regroup(single.groups)
        assert sets_of(single) == {frozenset(one.reports) for one in expected}
    assert _pairs_alike(one_by_one, {frozenset(one.reports) for one in expected}) > 0.95


def _pairs_alike(one: set[frozenset[str]], other: set[frozenset[str]]) -> float:
    def pairs(groups: set[frozenset[str]]) -> set[tuple[str, str]]:
        return {(a, b) for group in groups for a in group for b in group if a < b}

    first, second = pairs(one), pairs(other)
    return len(first & second) / max(1, len(first | second))


def test_groups_that_began_apart_come_together_and_no_name_is_lost(tmp_path: Path) -> None:
    words = [mail("A", n, sender=None, links=()) for n in range(3)]
    senders = [mail("A", 10 + n, subject=None, sketch=(), reporter=f"s{n}@gmail.com") for n in range(4)]
    whole = [mail("A", 20 + n) for n in range(12)]
    with received(tmp_path, [words, senders]) as book:
        before = book.groups.campaigns()
        assert [one.report_count for one in sorted(before, key=lambda one: one.report_count)] == [3, 4]
        names = {one.campaign for one in before}
        book.add(whole, seen_at=SEEN_AT)
        grouping.group_pending(book.groups)
        (one,) = book.groups.campaigns()
        assert one.report_count == 19
        # Which one is larger is seen when both sides have grown.
        assert one.campaign in names
        assert {book.groups.name_now(name) for name in names} == {one.campaign}
        assert {*book.groups.former_names(one.campaign), one.campaign} == names
        assert book.groups.name_now("c-00000000") is None


def test_a_flood_on_one_feature_hides_no_campaign(tmp_path: Path) -> None:
    flood = [
        mail("B", n, sender=f"x@f{n}.com", subject="Special offers of season AAAAAAAA", links=(), sketch=())
        for n in range(2 * BUCKET_CAP_COUNT)
    ]
    real = [mail("A", 1000 + n) for n in range(8)]
    with received(tmp_path, [flood, *[[one] for one in real]]) as book:
        assert frozenset(f"{one.sha256}/0" for one in real) in sets_of(book)


# --- bridging -----------------------------------------------------------------------------------------------------


def naive_by_purpose(records: Sequence[MessageRecord]) -> int:
    """Campaigns when all that lead to one domain are one: what a bridge of both links counts on."""
    groups: list[set[str]] = []
    for record in records:
        hosts = set(record.originals[0].links)
        near = [group for group in groups if group & hosts]
        groups = [group for group in groups if group not in near] + [hosts.union(*near)]
    return len(groups)


@pytest.mark.parametrize("count", [1, 4, 12])
def test_mails_that_lead_to_two_sellers_alike_do_not_bring_them_together(tmp_path: Path, count: int) -> None:
    real = [mail(which, n) for which in "AB" for n in range(8)]
    half = sketch_of(" ".join(prose(0).split()[:30] + prose(1).split()[30:]))
    bridges = [
        mail("C", n, links=("https://a-outlet.net/", "https://b-outlet.net/"), sketch=half, sender=f"x@m{n}.org")
        for n in range(count)
    ]
    assert naive_by_purpose(real + bridges) == 1
    for order in (real + bridges, bridges + real):
        with received(tmp_path / str(order is real), [[one] for one in order]) as book:
            groups = [group for group in sets_of(book) if group & {f"{one.sha256}/0" for one in real}]
        assert sorted(len(group & {f"{one.sha256}/0" for one in real}) for group in groups) == [8, 8]


# --- explained ------------------------------------------------------------------------------------------------------


def test_a_join_says_which_kinds_agreed_with_how_many_and_what_else_it_is_like(tmp_path: Path) -> None:
    between = mail("B", 9, sketch=SKETCH["A"], subject="Special offers of season AAAAAAAA")
    records = [*[mail("A", n) for n in range(4)], *[mail("B", n) for n in range(4)], between]
    with received(tmp_path, [records]) as book:
        campaign = book.groups.assigned()[f"{records[1].sha256}/0"]
        join = book.groups.joins(campaign)[f"{records[1].sha256}/0"].joined
        assert (join.agreed_count, join.compared_count) == (1, 1)
        assert join.kinds == ("links", "sender", "subject", "text")
        there = book.groups.assigned()[f"{between.sha256}/0"]
        told = book.groups.joins(there)[f"{between.sha256}/0"]
        others = {told.others[one.example] for one in told.joined.others}
        assert len(others) == 1
        assert others == set(book.groups.assigned().values()) - {there}


# --- what investigators decide --------------------------------------------------------------------------------------


def pool(tmp_path: Path) -> tuple[MailBook, list[MessageRecord], str]:
    records = [mail("A", n) for n in range(6)]
    book = received(tmp_path, [records])
    (campaign,) = book.groups.campaigns()
    return book, records, campaign.campaign


def ids(records: Sequence[MessageRecord]) -> list[str]:
    return [f"{record.sha256}/0" for record in records]


def test_a_split_holds_against_later_mail_and_against_grouping_anew(tmp_path: Path) -> None:
    book, records, campaign = pool(tmp_path)
    with book:
        done = grouping.split(book.groups, campaign, ids(records[:2]), who="kim", why="another shop", now=NOW)
        assert (done.what, done.campaign, done.reports) == ("split", campaign, tuple(sorted(ids(records[:2]))))
        new = done.other
        assert new is not None
        assert {report for report, name in book.groups.assigned().items() if name == new} == set(ids(records[:2]))
        book.add([mail("A", 50 + n) for n in range(9)], seen_at=SEEN_AT)
        grouping.group_pending(book.groups)
        for _ in range(2):
            names = book.groups.assigned()
            assert {names[report] for report in ids(records[:2])} == {new}
            assert {names[report] for report in ids(records[2:])} == {campaign}
            grouping.regroup(book.groups)
        assert book.groups.decisions()[0].why == "another shop"


def test_a_merge_holds_and_keeps_the_first_name(tmp_path: Path) -> None:
    records = [mail("A", n) for n in range(5)] + [mail("B", n) for n in range(7)]
    with received(tmp_path, [records]) as book:
        a, b = (book.groups.assigned()[f"{records[at].sha256}/0"] for at in (0, 5))
        done = grouping.merge(book.groups, a, b, who="kim", why="same bank account", now=NOW)
        assert set(book.groups.assigned().values()) == {a}
        assert book.groups.name_now(b) == a
        book.add([mail("A", 60), mail("B", 61)], seen_at=SEEN_AT)
        grouping.group_pending(book.groups)
        assert set(book.groups.assigned().values()) == {a}
        grouping.regroup(book.groups)
        assert set(book.groups.assigned().values()) == {a}
        grouping.undo(book.groups, done.number, who="lee", why="it was not", now=NOW)
        assert sorted(one.report_count for one in book.groups.campaigns()) == [6, 8]
        assert {one.campaign for one in book.groups.campaigns()} == {a, b}
        assert [one.what for one in book.groups.decisions()] == ["merge", "undo"]


def test_a_split_taken_back_joins_again(tmp_path: Path) -> None:
    book, records, campaign = pool(tmp_path)
    with book:
        done = grouping.split(book.groups, campaign, ids(records[:2]), who="kim", why="", now=NOW)
        assert done.other is not None
        with pytest.raises(UsageError, match="parted by an investigator"):
            grouping.merge(book.groups, campaign, done.other, who="kim", why="", now=NOW)
        grouping.undo(book.groups, done.number, who="kim", why="wrong mail", now=NOW)
        assert set(book.groups.assigned().values()) == {campaign}
        with pytest.raises(UsageError, match="no split or merge"):
            grouping.undo(book.groups, done.number, who="kim", why="", now=NOW)


def test_what_makes_no_sense_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    book, records, campaign = pool(tmp_path)
    with book:
        before = book.groups.assigned()
        for reports, says in ((ids(records), "all the reports"), (["0" * 64 + "/0"], "1 of these"), ([], "No report")):
            with pytest.raises(UsageError, match=says):
                grouping.split(book.groups, campaign, reports, who="kim", why="", now=NOW)
        with pytest.raises(UsageError, match="no campaign"):
            grouping.split(book.groups, "c-0", ids(records[:1]), who="kim", why="", now=NOW)
        with pytest.raises(UsageError, match="one campaign already"):
            grouping.merge(book.groups, campaign, campaign, who="kim", why="", now=NOW)
        assert book.groups.assigned() == before
        assert book.groups.decisions() == ()


def test_a_decision_stays_written(tmp_path: Path) -> None:
    book, records, campaign = pool(tmp_path)
    with book:
        grouping.split(book.groups, campaign, ids(records[:2]), who="kim", why="", now=NOW)
    connection = sqlite3.connect(tmp_path / "mail.db")
    for statement in ("UPDATE decisions SET who = 'lee'", "DELETE FROM decisions"):
        with pytest.raises(sqlite3.IntegrityError, match="stays written"):
            connection.execute(statement)
    connection.close()


# --- sybils ----------------------------------------------------------------------------------------------------------


def test_one_person_with_many_mailboxes_is_one_reporter(tmp_path: Path) -> None:
    mailboxes = ["kim@customer.example", "kim+1@customer.example", "k.im+x@customer.example", "K.im@Customer.example"]
    many = [mail("A", n, reporter=address) for n, address in enumerate(mailboxes)]
    others = [mail("A", 20 + n, reporter=f"p{n}q@gmail.com") for n in range(2)]
    with received(tmp_path, [many + others]) as book:
        (one,) = book.groups.campaigns()
        assert (one.report_count, one.reporter_count) == (6, 3)


# --- kills and old books ---------------------------------------------------------------------------------------------

SCRIPT = """
import os, signal, sys
from pathlib import Path
from leaktrace.mailroom import grouping
from leaktrace.mailroom.bookshelf import BookShelf
from tests.mailroom.test_grouping import SEEN_AT, KEYRING, MailBook, mail
book = MailBook.open(Path(sys.argv[1]), KEYRING)
book.add([mail("AB"[n % 2], n) for n in range(20)], seen_at=SEEN_AT)
calls, put = [0], BookShelf.put
def dying(self, *arguments):
    calls[0] += 1
    if calls[0] == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return put(self, *arguments)
BookShelf.put = dying
grouping.group_pending(book.groups)
"""


@pytest.mark.parametrize("moment", [1, 12])
def test_killed_between_adding_and_grouping_nothing_is_lost_and_nothing_is_half_grouped(
    tmp_path: Path, moment: int
) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path, str(moment)], env=environment, capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with MailBook.open(tmp_path, KEYRING) as book:
        assert book.counts() == {"report": 20}
        assert book.groups.pending_count() == 20
        assert grouping.group_pending(book.groups) == 20
        assert sorted(one.report_count for one in book.groups.campaigns()) == [10, 10]


FORMAT_1 = (
    "CREATE TABLE book (format INTEGER NOT NULL, check_value TEXT NOT NULL) STRICT",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
    "seen_at TEXT NOT NULL, fingerprint TEXT UNIQUE, sealed BLOB NOT NULL) STRICT",
    "CREATE TABLE copies (sha256 TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages) STRICT",
    "CREATE TABLE reports (message INTEGER NOT NULL REFERENCES messages, idx INTEGER NOT NULL, "
    "sender_domain TEXT, form TEXT NOT NULL, grade TEXT NOT NULL, received_at TEXT, sent_start TEXT, sent_end TEXT, "
    "reported_at TEXT, campaign TEXT, features TEXT NOT NULL, PRIMARY KEY (message, idx)) STRICT",
    "CREATE TABLE addresses (message INTEGER NOT NULL, idx INTEGER NOT NULL, role TEXT NOT NULL, "
    "exact BLOB NOT NULL, folded BLOB NOT NULL, FOREIGN KEY (message, idx) REFERENCES reports (message, idx)) STRICT",
)
"""The tables as leaktrace 0.1 made them."""


def book_of_format_1(folder: Path, records: Sequence[MessageRecord], names: Sequence[str | None]) -> None:
    """What leaktrace 0.1 would have left: made from a book of today, feature by feature."""
    import json

    with MailBook.open(folder / "today", KEYRING) as book:
        book.add(records, seen_at=SEEN_AT)
    today = sqlite3.connect(folder / "today" / "mail.db")
    (folder / "old").mkdir()
    old = sqlite3.connect(folder / "old" / "mail.db")
    for statement in FORMAT_1:
        old.execute(statement)
    old.execute("INSERT INTO book VALUES (1, ?)", today.execute("SELECT check_value FROM book").fetchone())
    for table, columns in (("messages", 6), ("copies", 2)):
        marks = ", ".join("?" * columns)
        found = today.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - two names of our own
        old.executemany(f"INSERT INTO {table} VALUES ({marks})", found)  # noqa: S608
    shas = {f"{record.sha256}": name for record, name in zip(records, names, strict=True)}
    rows = today.execute(
        "SELECT message, idx, sender_domain, form, grade, received_at, sent_start, sent_end, reported_at, sha256, "
        "features FROM reports JOIN messages ON messages.id = message"
    ).fetchall()
    for *shown, sha256, features in rows:
        (record,) = [one for one in records if one.sha256 == sha256]
        document = json.loads(features)
        known = {name: document.get(name, []) for name in ("sender", "reply", "links", "signers")}
        written = {"name": document["name"], "subject": document["subject"], **known}
        written["sketch"] = list(record.originals[0].text_sketch)
        old.execute(
            "INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*shown, shas[sha256], json.dumps(written))
        )
    old.executemany("INSERT INTO addresses VALUES (?, ?, ?, ?, ?)", today.execute("SELECT * FROM addresses").fetchall())
    old.commit()
    old.close()
    today.close()


def test_a_book_of_the_first_format_opens_groups_anew_and_keeps_its_campaigns_names(tmp_path: Path) -> None:
    records = [mail("A", n) for n in range(5)] + [mail("B", n) for n in range(4)]
    book_of_format_1(tmp_path, records, ["c-aaaaaaaa"] * 5 + ["c-bbbbbbbb"] * 3 + [None])
    for _ in range(2):
        with MailBook.open(tmp_path / "old", KEYRING) as book:
            assert len(book.reports()) == 9
            assert book.record(records[0].sha256) == records[0]
            assert book.reports()[0].features.sketch in SKETCH.values()
            grouping.group_pending(book.groups)
            assert {one.campaign: one.report_count for one in book.groups.campaigns()} == {
                "c-aaaaaaaa": 5,
                "c-bbbbbbbb": 4,
            }
            assert book.groups.carried_names() == {}
            assert {report.reporter for report in book.reports()} - {None}
