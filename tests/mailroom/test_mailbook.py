"""The mail book: one message once, a batch or nothing, no address in clear."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaktrace.addresses import fold, normalise
from leaktrace.errors import KeyFileError, MailError, WorkspaceError
from leaktrace.keys import Keyring
from leaktrace.mailroom import group_pending
from leaktrace.mailroom.documents import message_from_document
from leaktrace.mailroom.mailbook import MailBook
from leaktrace.mailroom.shelves import Joined
from leaktrace.records import (
    Authentication,
    FeedbackFacts,
    Mailbox,
    MessageRecord,
    Original,
    Recipient,
    Window,
    to_document,
)
from tests.mailroom.handmade_mail import MAIL_AT, message, original

KEYRING = Keyring(bytes(range(32)), "ws-test")
SEEN_AT = datetime(2025, 2, 5, tzinfo=UTC)


def full_message() -> MessageRecord:
    """Every field of a record set."""
    claim = original(sender="inner@somebody.example")
    whole = dataclasses.replace(
        original(
            sender="Deals@acme-shop.com",
            links=("https://acme-shop.com/?e=kim@customer.example",),
            dkim=("acme-shop.com",),
        ),
        on_behalf_of=Mailbox("boss@acme.example", "Boss"),
        recipients=(
            Recipient("Kim+shop@Customer.example", "Kim", "to"),
            Recipient("undisclosed", None, "cc"),
            Recipient(None, "Lee", "cc"),
            Recipient("k.im@gmail.com", None, "rcpt"),
        ),
        received_at=datetime(2025, 2, 3, 5, tzinfo=UTC),
        message_id="abc@acme",
        claims=(claim,),
        flags=("list",),
        reply_to="reply@acme.example",
        text_sketch=(1, 2, 3),
        sent_by=Mailbox("pa@acme.example", "PA"),
        feedback=FeedbackFacts(
            "abuse", "Loop/1.0", "1", ("<kim@customer.example>",), ("acme.example",), ("https://acme.example/",),
            ("mx.example; spf=fail",), "192.0.2.9", datetime(2025, 2, 3, 6, tzinfo=UTC), 3,
        ),
    )  # fmt: skip
    return message(whole, original(sender=None, subject=None, sent_at=None), name="full", file="a.eml", status="5.1.1")


def test_a_record_comes_back_from_its_json_and_from_the_book(tmp_path: Path) -> None:
    record = full_message()
    assert message_from_document(json.loads(record.to_json())) == record
    with MailBook.open(tmp_path, KEYRING) as book:
        added = book.add([record, message(name="words")], seen_at=SEEN_AT)
        assert (added.message_count, added.report_count, added.duplicate_count) == (2, 2, 0)
        assert added.by_kind == {"report": 1, "complaint": 1}
        assert added.reports == (f"{record.sha256}/0", f"{record.sha256}/1")
        assert book.record(record.sha256) == record
        assert {found.sha256 for found in book.records()} == {record.sha256, message(name="words").sha256}
        assert book.counts() == {"complaint": 1, "report": 1}


texts = st.none() | st.text(max_size=12)
mailboxes = st.builds(Mailbox, texts, texts)
instants = st.none() | st.datetimes(timezones=st.just(UTC))
originals = st.builds(
    Original,
    form=st.sampled_from(["attachment", "inline-html", "arf"]),
    grade=st.sampled_from(["G1", "G2", "G4"]),
    grade_reason=st.text(max_size=5),
    sender=mailboxes,
    on_behalf_of=st.none() | mailboxes,
    recipients=st.lists(st.builds(Recipient, texts, texts, st.sampled_from(["to", "cc"])), max_size=2).map(tuple),
    subject=texts,
    sent_between=st.builds(Window, instants, instants),
    received_at=instants,
    message_id=texts,
    links=st.lists(st.text(max_size=9), max_size=2).map(tuple),
    spans=st.dictionaries(st.text(max_size=4), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2),
    authentication=st.just(Authentication()),
    reply_to=texts,
    text_sketch=st.lists(st.integers(0, 2**32), max_size=3).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(originals, max_size=3), mailboxes, instants)
def test_any_record_survives_json(found: list[Original], reporter: Mailbox, at: datetime | None) -> None:
    record = dataclasses.replace(message(*found), reporter=reporter, reported_at=at)
    assert message_from_document(json.loads(record.to_json())) == record


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("schema", "leaktrace.mail/9", "another version"),
        ("reported_at", "2025-01-01T00:00:00", "without zone"),
        ("reporter", None, "cannot be read"),
        ("originals", [{}], "cannot be read"),
    ],
)
def test_a_document_that_is_no_record_is_refused(field: str, value: object, says: str) -> None:
    with pytest.raises(MailError, match=says):
        message_from_document(to_document(full_message()) | {field: value})


def test_reports_are_found_by_keyed_hashes_of_addresses(tmp_path: Path) -> None:
    record = full_message()
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([record], seen_at=SEEN_AT)
        first, second = book.reports()

    def hashes(address: str) -> tuple[bytes, bytes]:
        exact, folded = normalise(address), fold(address)
        assert exact is not None
        assert folded is not None
        return KEYRING.address_hash(exact), KEYRING.address_hash(folded)

    assert first.reporter is not None
    assert (first.reporter.exact, first.reporter.folded) == hashes("kim@customer.example")
    assert [(r.exact, r.folded) for r in first.recipients] == [
        hashes("Kim+shop@customer.example"),
        hashes("k.im@gmail.com"),
    ]
    assert first.recipients[0].folded == first.reporter.folded
    assert first.recipients[1].folded == hashes("kim@gmail.com")[1]
    assert first.report == f"{record.sha256}/0"
    assert (first.sender_domain, first.form, first.grade) == ("acme-shop.com", "attachment", "G2")
    assert first.received_at == first.mail_at == datetime(2025, 2, 3, 5, tzinfo=UTC)
    assert first.sent_between == Window(MAIL_AT, MAIL_AT)
    assert (first.reported_at, first.seen_at, first.campaign) == (MAIL_AT, SEEN_AT, None)
    assert first.features.signers == first.features.links == {"acme-shop.com"}
    assert second.sender_domain is None
    assert second.mail_at == MAIL_AT


def test_nobodys_report_keeps_whom_the_original_was_sent_to(tmp_path: Path) -> None:
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([message(original(to="lee@customer.example"), reporter=None)], seen_at=SEEN_AT)
        (report,) = book.reports()
    assert report.reporter is None
    assert len(report.recipients) == 1


def test_no_customers_address_and_no_word_of_a_subject_lies_on_disk(tmp_path: Path) -> None:
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([full_message()], seen_at=SEEN_AT)
        everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"kim", b"Kim", b"customer.example", b"k.im", b"gmail", b"spring", b"Deals@", b"deals@"):
        assert secret not in everything, secret
    assert b"acme-shop.com" in everything
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


def test_a_message_is_one_message_whichever_way_it_came(tmp_path: Path) -> None:
    record = message(original(message_id="x@y"), name="eml")
    with MailBook.open(tmp_path, KEYRING) as book:
        assert book.add([record, record], seen_at=SEEN_AT).duplicate_count == 1
        assert book.add([record], seen_at=SEEN_AT).duplicate_count == 1
        # From a mailbox file: other line ends, other bytes, other spans.
        other = message(dataclasses.replace(record.originals[0], spans={}, text_sketch=(9,)), name="mbox", size_bytes=9)
        added = book.add([other], seen_at=SEEN_AT)
        assert (added.duplicate_count, added.report_count, added.by_kind) == (1, 0, {})
        assert book.add([other], seen_at=SEEN_AT).duplicate_count == 1
        assert book.record(other.sha256) == record
        assert len(book.reports()) == 1


def test_a_message_of_any_kind_is_known_by_what_it_says(tmp_path: Path) -> None:
    first, second, other = (message(name=name) for name in ("eml", "lmtp", "other"))
    with MailBook.open(tmp_path, KEYRING) as book:
        added = book.add([first], seen_at=SEEN_AT, contents={first.sha256: "says a"})
        assert added.messages == {first.sha256}
        contents = {second.sha256: "says a", other.sha256: "says b"}
        added = book.add([second, other], seen_at=SEEN_AT, contents=contents)
        assert (added.duplicate_count, added.messages) == (1, frozenset({other.sha256}))
        # The copy is known by its own bytes from now on, also where nobody says what it says.
        assert book.add([second], seen_at=SEEN_AT).duplicate_count == 1
        assert book.record(second.sha256) == first


def test_a_book_from_before_contents_were_kept_gets_them_when_it_is_opened(tmp_path: Path) -> None:
    old, new, again = (message(name=name) for name in ("old", "new", "again"))
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([old], seen_at=SEEN_AT)
    with sqlite3.connect(tmp_path / "mail.db") as connection:
        connection.execute("DROP TABLE contents")
    connection.close()
    with MailBook.open(tmp_path, KEYRING) as book:
        assert book.add([old], seen_at=SEEN_AT, contents={old.sha256: "a"}).duplicate_count == 1
        assert book.add([new], seen_at=SEEN_AT, contents={new.sha256: "b"}).messages == {new.sha256}
        assert book.add([again], seen_at=SEEN_AT, contents={again.sha256: "b"}).duplicate_count == 1


@pytest.mark.parametrize(
    "second",
    [
        message(original(message_id="x@y"), name="2", reporter="lee@customer.example"),
        message(original(message_id="x@z"), name="2"),
        message(original(message_id="x@y"), name="2", reported_at=None),
        message(original(message_id="x@y"), original(message_id="x@y"), name="2"),
    ],
)
def test_what_differs_in_more_than_bytes_is_another_message(tmp_path: Path, second: MessageRecord) -> None:
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([message(original(message_id="x@y"), name="1")], seen_at=SEEN_AT)
        assert book.add([second], seen_at=SEEN_AT).duplicate_count == 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.integers(0, 6))
def test_order_and_batches_do_not_matter(tmp_path: Path, order: list[int], cut: int) -> None:
    records = [message(original(message_id=f"{n}@x"), name=str(n)) for n in range(6)]
    folder = tmp_path / f"{order}{cut}"
    with MailBook.open(folder, KEYRING) as book:
        book.add([records[n] for n in order[:cut]], seen_at=SEEN_AT)
        book.add([records[n] for n in order], seen_at=SEEN_AT)
        assert [report.sha256 for report in book.reports()] == sorted(record.sha256 for record in records)
        assert len({report.features for report in book.reports()}) == 1


def test_a_batch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def records() -> object:
        yield message(original(), name="1")
        raise ZeroDivisionError

    with MailBook.open(tmp_path, KEYRING) as book:
        with pytest.raises(ZeroDivisionError):
            book.add(records(), seen_at=SEEN_AT)  # type: ignore[arg-type]
        assert book.counts() == {}
        assert book.add([message(original(), name="1")], seen_at=SEEN_AT).duplicate_count == 0


def test_grouping_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    record = message(original(), original(), name="1")
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([record], seen_at=SEEN_AT)

        def half_done() -> None:
            with book.groups.shelf() as shelf:
                cluster = shelf.new_cluster()
                for number in shelf.pending():
                    shelf.put(cluster, shelf.member(number), Joined())
                shelf.name(shelf.new_campaign([cluster]), "c-1")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half_done()
        assert [report.campaign for report in book.reports()] == [None, None]
        assert group_pending(book.groups) == 2
        assert group_pending(book.groups) == 0
    with MailBook.open(tmp_path, KEYRING) as book:
        (name,) = {report.campaign for report in book.reports()}
        assert name is not None
        assert [report.report for report in book.reports(campaign=name)] == [f"{record.sha256}/{n}" for n in (0, 1)]
        assert [report.index for report in book.reports(only=[f"{record.sha256}/1", "none/0"])] == [1]
        assert book.reports(campaign="c-0") == ()


def test_another_key_a_newer_book_a_damaged_one_and_an_unknown_message(tmp_path: Path) -> None:
    record = message(original())
    with MailBook.open(tmp_path, KEYRING) as book:
        book.add([record], seen_at=SEEN_AT)
        with pytest.raises(MailError, match="no message"):
            book.record("0" * 64)
    with pytest.raises(KeyFileError, match="does not belong"):
        MailBook.open(tmp_path, Keyring(bytes(32), "ws-test"))
    connection = sqlite3.connect(tmp_path / "mail.db")
    connection.execute("UPDATE messages SET sealed = x'00'")
    connection.commit()
    with MailBook.open(tmp_path, KEYRING) as book, pytest.raises(KeyFileError, match="do not open"):
        book.record(record.sha256)
    connection.execute("UPDATE book SET format = 3")
    connection.commit()
    connection.close()
    with pytest.raises(WorkspaceError, match="newer"):
        MailBook.open(tmp_path, KEYRING)
    (tmp_path / "mail.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(MailError, match="damaged"):
        MailBook.open(tmp_path, KEYRING)
    with pytest.raises(MailError, match="cannot be opened"):
        MailBook.open(tmp_path / "no" / "folder", KEYRING)


SCRIPT = (
    "import sys\nfrom datetime import datetime, UTC\nfrom pathlib import Path\nfrom leaktrace.keys import Keyring\n"
    "from leaktrace.mailroom.mailbook import MailBook\nfrom tests.mailroom.handmade_mail import message, original\n"
    "book = MailBook.open(Path(sys.argv[1]), Keyring(bytes(range(32)), 'ws-test'))\n"
    "at = datetime(2025, 1, 1, tzinfo=UTC)\n"
    "def batch(n, size):\n"
    "    return [message(original(message_id=f'{n}-{i}@x'), name=f'{n}-{i}') for i in range(size)]\n"
)
_ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(_ROOT / "src"), str(_ROOT)))}


def test_killed_at_any_moment_there_are_whole_batches_only(tmp_path: Path) -> None:
    script = (
        SCRIPT + "n = 0\nwhile True:\n    book.add(batch(n, 20), seen_at=at)\n    print(n, flush=True)\n    n += 1\n"
    )
    for delay in (0.01, 0.04, 0.09):
        folder = tmp_path / str(delay)
        process = subprocess.Popen(
            [sys.executable, "-c", script, folder], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        assert process.stdout is not None
        told = [int(process.stdout.readline())]
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines()]
        process.stdout.close()
        process.wait()
        with MailBook.open(folder, KEYRING) as book:
            count = book.counts()["report"]
            assert count % 20 == 0
            assert len(told) <= count // 20 <= len(told) + 1
            assert len(book.reports()) == count == len(list(book.records()))
            assert book.add([message(original(), name="after")], seen_at=SEEN_AT).report_count == 1


def test_a_disk_that_takes_no_more_leaves_the_book_as_it_was(tmp_path: Path) -> None:
    script = SCRIPT + (
        "import resource, signal\nfrom leaktrace.errors import MailError\nbook.add(batch(0, 2), seen_at=at)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))\n"
        "try:\n    book.add(batch(1, 400), seen_at=at)\nexcept MailError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert "cannot be read or written" in done.stdout
    assert "Free space" in done.stdout
    with MailBook.open(tmp_path, KEYRING) as book:
        assert book.counts() == {"report": 2}


def test_readers_are_not_disturbed_and_a_second_writer_waits(tmp_path: Path) -> None:
    with MailBook.open(tmp_path, KEYRING) as book, MailBook.open(tmp_path, KEYRING) as reader:
        book.add([message(original(), name="1")], seen_at=SEEN_AT)
        seen: list[int] = []

        def records() -> object:
            yield message(original(message_id="2"), name="2")
            seen.append(len(reader.reports()))

        book.add(records(), seen_at=SEEN_AT)  # type: ignore[arg-type]
        assert seen == [1]
        assert len(reader.reports()) == 2

        done: list[int] = []

        def second() -> None:
            with MailBook.open(tmp_path, KEYRING) as other:
                done.append(other.add([message(original(message_id="3"), name="3")], seen_at=SEEN_AT).report_count)

        with (tmp_path / "mail.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(0.2)
            assert done == []
        thread.join(20)
        assert done == [1]


def test_the_token_of_a_redacted_report_counts_as_one_reporter_and_is_no_address(tmp_path: Path) -> None:
    def report(number: int, token: str | None) -> MessageRecord:
        told = dataclasses.replace(
            original(form="arf", to="list@elsewhere.example"),
            recipients=(Recipient(None, token, "rcpt"),),
            flags=("redacted_recipient",),
        )
        return message(told, name=str(number), reporter=None)

    with MailBook.open(tmp_path / "mail", KEYRING) as book:
        book.add([report(1, "QjDK="), report(2, "qjdk="), report(3, "QjDK="), report(4, None)], seen_at=SEEN_AT)
        people = [one.recipients for one in book.reports()]
    hashes = [one[0].folded for one in people if one]
    assert len(hashes) == 3
    assert len(set(hashes)) == 2
    assert b"QjDK" not in b"".join(file.read_bytes() for file in (tmp_path / "mail").iterdir() if file.is_file())
