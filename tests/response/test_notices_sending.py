"""Who is written to, how often, and what stops it: the sink that acknowledged a message is the judge."""

from __future__ import annotations

import email
import email.policy
import sqlite3
import stat
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dkim
import pytest

from leaktrace.caserecords import NoticesPlanned, NoticesReconciled
from leaktrace.errors import ApprovalError, ResponseError
from leaktrace.noticedesk.desk import STOP
from leaktrace.noticedesk.needs import Outside
from leaktrace.response.notices.claims import claiming
from leaktrace.response.notices.outbox import Outbox
from leaktrace.response.notices.states import Reconciled
from tests.response.fakes_notices import CASE, NOW, row
from tests.response.noticedesks import SAID, Desk, make_desk, public_key
from tests.response.sink import Sink

NOBODY: Reconciled = Reconciled(0)


class Hand:
    """A clock that moves only when told, and a sleep that moves it."""

    def __init__(self) -> None:
        self.at = NOW
        self.slept: list[float] = []

    def outside(self) -> Outside:
        return Outside(clock=lambda: self.at, monotonic=self.seconds, sleep=self.sleep)

    def seconds(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


def people(count: int) -> tuple:  # type: ignore[type-arg]
    return tuple(row(f"c{number:04}") for number in range(count))


def recipients(sink: Sink) -> Counter[str]:
    return Counter(one.recipient for one in sink.taken)


def dns(*_: object, **__: object) -> bytes:
    """The one key there is, whatever is asked."""
    return public_key()


def sums(desk: Desk) -> Reconciled:
    return desk.desk.status(CASE).sums


def test_everybody_is_written_to_once(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(250))
        report = desk.desk.send(CASE, desk.ready())
        again = desk.desk.send(CASE)
    assert report.reason == "done"
    assert report.status.sums == replace(NOBODY, frozen_count=250, accepted_count=250)
    assert again.attempted_count == 0
    assert recipients(sink) == {f"c{number:04}@mail.example": 1 for number in range(250)}
    assert len({one.sender for one in sink.taken}) == 250, "each has a return path of its own"
    events = [event for event in desk.diary.events if isinstance(event, NoticesPlanned | NoticesReconciled)]
    assert events[0] == NoticesPlanned("1", desk.cases.frozen.sha256(), 250, 0)
    assert events[1] == NoticesReconciled("1", 250, 250, 0, 0, 0, 0)


def test_the_mail_is_signed_and_says_what_it_is(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, (row("c1", jurisdiction=None, locale="fa_IR"), row("c2", locale=None)))
        desk.desk.send(CASE, desk.ready())
    for one in sink.taken:
        assert dkim.verify(one.raw, dnsfunc=dns)
        assert not dkim.verify(one.raw.replace(b"multipart", b"multiPart", 1), dnsfunc=dns)
        message = email.message_from_bytes(one.raw, policy=email.policy.default)
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["From"] == "Basar <privacy@basar.example>"
        assert message["To"] == f"<{one.recipient}>" or message["To"] == one.recipient
        assert datetime.strptime(message["Date"], "%a, %d %b %Y %H:%M:%S %z").utcoffset() == timedelta(0)
        assert message.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert not list(message.iter_attachments())


def test_a_second_time_the_message_id_is_the_same(tmp_path: Path) -> None:
    replies = [b"451 4.3.0 later\r\n"]
    seen: list[bytes] = []

    def script(stage: str, recipient: str) -> bytes | None:
        return replies.pop() if stage == "body" and replies else None

    hand = Hand()
    with Sink(script) as sink:
        desk = make_desk(tmp_path, sink.port, people(1), outside=hand.outside())
        first = desk.desk.send(CASE, desk.ready())
        assert first.status.sums == replace(NOBODY, frozen_count=1, waiting_count=1)
        assert desk.desk.send(CASE).attempted_count == 0, "not before the pause is over"
        hand.at += timedelta(minutes=5)
        assert desk.desk.send(CASE).status.sums == replace(NOBODY, frozen_count=1, accepted_count=1)
        seen = [line for one in sink.taken for line in one.raw.split(b"\r\n") if line.startswith(b"Message-ID")]
    desk2 = make_desk(tmp_path / "again", 1, people(1))
    desk2.ready()
    notice = desk2.desk.preview(CASE, desk2.cases.pseudonym(CASE, "c0000")).reference
    assert seen == [f"Message-ID: <{notice}.notice@basar.example>".encode()]


@pytest.mark.parametrize("pipelining", [True, False])
def test_every_recipient_gets_their_own_answer(tmp_path: Path, pipelining: bool) -> None:
    def script(stage: str, recipient: str) -> bytes | None:
        match recipient.partition("@")[0], stage:
            case "c0001", "rcpt":
                return b"550 5.1.1 nobody here: c0001@mail.example\r\n"
            case "c0002", "rcpt":
                return b"450 4.2.1 later\r\n"
            case "c0003", "body":
                return b"554 5.7.1 refused\r\n"
            case "c0004", "body":
                return b""
            case "c0005", "data":
                return b""
        return None

    hand = Hand()
    with Sink(script, pipelining=pipelining) as sink:
        desk = make_desk(tmp_path, sink.port, people(8), outside=hand.outside())
        report = desk.desk.send(CASE, desk.ready())
    # c0005 lost the connection before the message each time it was tried: it waits, as c0002 does.
    assert report.reason == "relay_unreachable"
    assert report.status.sums == Reconciled(8, 3, 2, 1, 0, 2)
    assert recipients(sink) == {f"c000{n}@mail.example": 1 for n in (0, 4, 6, 7)}
    left = {one.person: (one.state, one.reason) for one in desk.desk.left(CASE)}
    named = {n: desk.cases.pseudonym(CASE, f"c000{n}") for n in range(8)}
    assert left == {
        named[1]: ("refused", "550 5.1.1"),
        named[3]: ("refused", "554 5.7.1"),
        named[4]: ("unknown", ""),
    }


def test_unknown_is_never_sent_again(tmp_path: Path) -> None:
    broken = [True]
    hand = Hand()
    with Sink(lambda stage, _: b"" if stage == "body" and broken and broken.pop() else None) as sink:
        desk = make_desk(tmp_path, sink.port, people(3), outside=hand.outside())
        desk.desk.send(CASE, desk.ready())
        hand.at += timedelta(days=2)
        desk.desk.send(CASE)
    assert sums(desk) == Reconciled(3, 2, 0, 1, 0, 0)
    assert set(recipients(sink).values()) == {1}


def test_a_relay_that_takes_data_without_a_recipient_gets_a_lone_dot(tmp_path: Path) -> None:
    def script(stage: str, recipient: str) -> bytes | None:
        if stage == "rcpt" and recipient.startswith("c0000"):
            return b"550 5.1.1 no\r\n"
        return b"354 go anyway\r\n" if stage == "data" and not recipient else None

    with Sink(script) as sink:
        desk = make_desk(tmp_path, sink.port, people(2))
        report = desk.desk.send(CASE, desk.ready())
    assert report.status.sums == Reconciled(2, 1, 1, 0, 0, 0)


def test_a_relay_that_refuses_us_marks_nobody(tmp_path: Path) -> None:
    with Sink(lambda stage, _: b"550 5.7.1 not you\r\n" if stage == "mail" else None) as sink:
        desk = make_desk(tmp_path, sink.port, people(40))
        report = desk.desk.send(CASE, desk.ready())
    assert report.reason == "relay_refuses"
    assert report.status.sums == Reconciled(40, waiting_count=40)


def test_many_refusals_in_a_row_stop_it(tmp_path: Path) -> None:
    with Sink(lambda stage, _: b"554 5.7.1 content\r\n" if stage == "body" else None) as sink:
        desk = make_desk(tmp_path, sink.port, people(100))
        report = desk.desk.send(CASE, desk.ready())
    assert report.reason == "many_refusals"
    assert report.status.sums == Reconciled(100, refused_count=20, waiting_count=80)


def test_no_relay_at_all_is_said_and_nobody_is_marked(tmp_path: Path) -> None:
    with Sink() as sink:
        port = sink.port
    hand = Hand()
    desk = make_desk(tmp_path, port, people(5), outside=hand.outside())
    report = desk.desk.send(CASE, desk.ready())
    assert report.reason == "relay_unreachable"
    assert report.status.sums == Reconciled(5, waiting_count=5)
    assert hand.slept == [1.0, 2.0, 4.0, 8.0]


def test_canaries_first_then_a_person_continues(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(60), sending={"canary": 10, "window": 7})
        first = desk.desk.send(CASE, desk.ready())
        assert (first.reason, len(sink.taken)) == ("canary", 10)
        assert desk.desk.send(CASE).attempted_count == 0, "only an explicit word lets it go on"
        last = desk.desk.send(CASE, go_on=True)
    assert last.reason == "done"
    assert set(recipients(sink).values()) == {1}
    assert last.status.sums.accepted_count == 60


def test_continue_does_not_skip_the_canaries(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(30), sending={"canary": 10})
        assert desk.desk.send(CASE, desk.ready(), go_on=True).reason == "canary"
    assert len(sink.taken) == 10


def test_the_kill_switch_works_between_any_two_mails(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(50))
        sink.on_taken = lambda _: desk.desk.stop() if len(sink.taken) == 12 else None
        report = desk.desk.send(CASE, desk.ready())
        assert (report.reason, len(sink.taken)) == ("stopped", 13)
        with pytest.raises(ResponseError, match="stopped"):
            desk.desk.send(CASE)
        sink.on_taken = repr
        assert desk.desk.send(CASE, go_on=True).status.sums == Reconciled(50, 50)
    assert set(recipients(sink).values()) == {1}


def test_a_refused_continue_leaves_the_stop_where_it_is(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(3))
        request = desk.ready()
        desk.desk.stop()
        for approval in (None, "A-unknown"):
            with pytest.raises(ApprovalError):
                desk.desk.send(CASE, approval, go_on=True)
            assert (tmp_path / "response" / STOP).exists()
        with Outbox(tmp_path / "response") as outbox:  # another sender is at work, and is to stop
            with (
                claiming(outbox, outbox.batch(CASE), Hand().outside().clock, fsync_each=False),
                pytest.raises(ResponseError, match="Another sender"),
            ):
                desk.desk.send(CASE, request, go_on=True)
            assert (tmp_path / "response" / STOP).exists()
        assert not sink.taken
        desk.desk.send(CASE, go_on=True)
        assert not (tmp_path / "response" / STOP).exists()
        assert len(sink.taken) == 3


def test_an_approval_of_another_version_says_which(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(3))
        request = desk.ready()
        desk.desk.plan(CASE, replace(SAID, version="2"))
        with pytest.raises(ApprovalError, match="A-send is about version 1 of the notices; version 2 is the newest"):
            desk.desk.send(CASE, request)
        with pytest.raises(ApprovalError, match="version 2 has none"):
            desk.desk.send(CASE)
        desk.desk.send(CASE, request, version="1")
        assert len(sink.taken) == 3


def test_the_rate_is_kept(tmp_path: Path) -> None:
    hand = Hand()
    with Sink() as sink:
        desk = make_desk(
            tmp_path, sink.port, people(30), outside=hand.outside(), sending={"rate_per_second": 10, "canary": 0}
        )
        desk.desk.send(CASE, desk.ready())
    assert (hand.at - NOW).total_seconds() == pytest.approx(2.9, abs=0.05)


# --- who is not written to by mail ----------------------------------------------------------------------------


def test_who_cannot_be_written_to_is_told_apart_with_a_reason(tmp_path: Path) -> None:
    addresses = {
        "c1": "a@mail.example",
        "c2": "",
        "c3": "no address",
        "c4": "x@sub.seller.example",
        "c5": "b@mail.example>\r\nRCPT TO:<evil@x.example",
        "c6": "jürgen@mail.example",
        "c7": "k@bücher.example",
    }
    (tmp_path / "customers.csv").write_text(
        "customer,email\n" + "".join(f'{name},"{text}"\n' for name, text in addresses.items()), encoding="utf-8"
    )
    rows = (*(row(name) for name in addresses), row("c8"), row("c9", certainty="possible"))
    rows += (row("d1", jurisdiction="US-MA", locale="en"),)
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, rows, texts={})
        desk.cases.domains = frozenset({"seller.example"})
        request = desk.ready(replace(SAID, least_certainty="likely"))
        report = desk.desk.send(CASE, request)
    assert sorted(recipients(sink)) == ["a@mail.example", "k@xn--bcher-kva.example"]
    assert report.status.suppressed == {
        "address_needs_smtputf8": 1,
        "below_certainty": 1,
        "malformed_address": 2,
        "no_address": 2,
        "no_consent_to_mail": 1,
        "sellers_own_domain": 1,
    }
    assert report.status.sums == Reconciled(10, 2, 0, 0, 8, 0)
    assert len(desk.desk.left(CASE)) == 8
    assert not any(b"evil" in line for line in sink.commands)


# --- approvals ------------------------------------------------------------------------------------------------


def test_nothing_is_sent_without_two_people(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(3))
        report = desk.desk.plan(CASE, SAID)
        assert report.templates_to_approve == ("gdpr/de",)
        request = desk.approve_sending(report)
        with pytest.raises(ResponseError, match="Nobody approved these texts: gdpr/de"):
            desk.desk.send(CASE, request)
        desk.approve_texts(report)
        with pytest.raises(ApprovalError, match="two people"):
            desk.desk.send(CASE)
        with pytest.raises(ApprovalError):
            desk.desk.send(CASE, "A-other")
        wrong = desk.approvals.give("A-wrong", "send_notices", "1", {**report.parameters, "planned_count": 2})
        with pytest.raises(ApprovalError):
            desk.desk.send(CASE, wrong)
        assert not sink.taken
        desk.desk.send(CASE, request)
    assert len(sink.taken) == 3


def test_a_batch_goes_on_under_a_second_approval_of_the_same(tmp_path: Path) -> None:
    """The first may have expired: the case room then opens the sealed list no more."""
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(6), sending={"canary": 2})
        desk.desk.send(CASE, desk.ready())
        desk.approvals.used.clear()
        with pytest.raises(ApprovalError, match="not being used"):
            desk.desk.send(CASE, go_on=True)
        parameters = desk.desk.parameters(CASE)
        wrong = desk.approvals.give("A-3", "send_notices", "1", {**parameters, "from": "x@y.example"})
        with pytest.raises(ApprovalError):
            desk.desk.send(CASE, wrong, go_on=True)
        again = desk.approvals.give("A-2", "send_notices", "1", parameters)
        assert desk.desk.send(CASE, again, go_on=True).status.sums == Reconciled(6, 6)
    assert set(recipients(sink).values()) == {1}


@pytest.mark.parametrize("change", ["text", "list", "sender"])
def test_what_changed_since_it_was_agreed_to_stops_it_even_in_the_middle(tmp_path: Path, change: str) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(6), texts={"folder": "texts"}, sending={"canary": 2})
        desk.desk.send(CASE, desk.ready())
        assert len(sink.taken) == 2
        if change == "text":
            own = tmp_path / "texts" / "gdpr"
            own.mkdir(parents=True)
            from leaktrace.response.notices import composed

            (own / "de.toml").write_bytes(composed("gdpr", "de").replace(b"Guten Tag", b"Hallo"))
        elif change == "list":
            desk.cases.frozen = replace(desk.cases.frozen, rows=desk.cases.frozen.rows[:-1])
        else:
            config = replace(desk.config, from_address="other@basar.example")
            desk.desk._config = lambda: config
        with pytest.raises(ResponseError, match="this has changed"):
            desk.desk.send(CASE, go_on=True)
    assert len(sink.taken) == 2


@pytest.mark.parametrize("name", ["noticed_on", "occurred_from", "occurred_to"])
def test_no_letter_tells_of_a_day_that_has_not_come(tmp_path: Path, name: str) -> None:
    later: dict[str, Any] = {name: date(2029, 6, 16)}
    desk = make_desk(tmp_path, 1, people(3), outside=Hand().outside())
    with pytest.raises(ResponseError, match="2029-06-16 has not come yet"):
        desk.desk.plan(CASE, replace(SAID, **later))
    assert not desk.diary.events
    # Where the day begins first it is tomorrow already.
    assert desk.desk.plan(CASE, replace(SAID, noticed_on=(NOW + timedelta(hours=14)).date())).planned_count == 3


def test_what_the_case_has_no_entry_of_is_said_and_agreed_to(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(3))
        desk.cases.borne = frozenset({"access_suspended"})
        report = desk.desk.plan(CASE, replace(SAID, measures=("access_suspended", "authority_told", "police_told")))
        assert report.no_entry == ("that the authority was told", "that the police was told")
        assert report.parameters["no_entry_in_the_case"] == list(report.no_entry)
        desk.approve_texts(report)
        desk.cases.borne = frozenset()  # undone since: nobody agreed to saying so
        request = desk.approve_sending(report)
        with pytest.raises(ResponseError, match="no_entry_in_the_case"):
            desk.desk.send(CASE, request)
        desk.cases.borne = frozenset({"access_suspended", "authority_told"})  # one more entry makes nothing worse
        desk.desk.send(CASE, request)
        assert len(sink.taken) == 3


def test_one_version_is_planned_once(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, 1, people(3))
    desk.desk.plan(CASE, SAID)
    with pytest.raises(ResponseError, match="planned for case-7 already"):
        desk.desk.plan(CASE, SAID)
    desk.desk.plan(CASE, replace(SAID, version="2"))
    assert desk.desk.status(CASE).version == "2"


# --- at rest --------------------------------------------------------------------------------------------------


def test_no_address_rests_in_the_outbox_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    with Sink(lambda _, who: b"550 5.1.1 no c0001@mail.example\r\n" if "c0001" in who else None) as sink:
        desk = make_desk(tmp_path, sink.port, people(5))
        desk.desk.send(CASE, desk.ready())
    files = [path for path in (tmp_path / "response").rglob("*") if path.is_file()]
    assert {"outbox.db", "outbox.journal", "outbox.lock"} <= {path.name for path in files}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        content = path.read_bytes()
        assert b"mail.example" not in content
        assert b"c0001" not in content


def test_a_list_and_an_outbox_that_do_not_agree_are_not_sent(tmp_path: Path) -> None:
    with Sink() as sink:
        desk = make_desk(tmp_path, sink.port, people(4))
        request = desk.ready()
        with sqlite3.connect(tmp_path / "response" / "outbox.db") as database:
            database.execute("DELETE FROM notice WHERE row = 2")
        database.close()
        with pytest.raises(ResponseError, match="3 notices, the frozen list 4 people"):
            desk.desk.send(CASE, request)
    assert not sink.taken
