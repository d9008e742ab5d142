"""The listener: a sender is told that it is stored only once it is; no sender makes it hold more than a message."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import select
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.errors import MailError
from leaktrace.mailroom import read_mail
from leaktrace.mailroom.sources import FoundMessage
from leaktrace.mailroom.ways import Batch, ListenAsked
from leaktrace.mailroom.ways.conversation import Answer, Conversations, Handed
from leaktrace.mailroom.ways.listener import Listener
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import gmail_text, message
from tests.mailroom.servers.starting import free_port, wait_until

SMALL = replace(
    Settings(),
    message_ceiling_bytes=100_000,
    listener_line_ceiling_bytes=5000,
    listener_recipient_ceiling_count=3,
    listener_connection_ceiling_count=3,
)
RAW = message(gmail_text())


def take(batch: Batch) -> None:
    """Whoever commits everything."""
    batch.settle()


class Desk:
    """Somebody who takes batches in, in a thread of their own, and what they took."""

    def __init__(self, asked: ListenAsked, limits: Settings, handle: Callable[[Batch], None]) -> None:
        self.listener = Listener(asked, limits, hostname="host.example")
        self.found: list[FoundMessage] = []
        self.told: list[str] = []
        self._handle = handle
        self._stop, self._listening = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for batch in self.listener.batches(stop=self._stop.is_set, tell=self._tell):
            self.found += batch.messages
            self._handle(batch)

    def _tell(self, words: str) -> None:
        self.told.append(words)
        self._listening.set()

    @property
    def port(self) -> int:
        assert self.listener.bound is not None
        return self.listener.bound[1]

    @contextlib.contextmanager
    def working(self) -> Iterator[Desk]:
        self.thread.start()
        assert self._listening.wait(10)
        try:
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        self._stop.set()
        self.thread.join(15)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def listening(
    protocol: str = "lmtp", handle: Callable[[Batch], None] = take, limits: Settings = SMALL, path: Path | None = None
) -> Iterator[Desk]:
    asked = ListenAsked("lmtp" if protocol == "lmtp" else "smtp", "127.0.0.1", 0, path)
    with Desk(asked, limits, handle).working() as desk:
        yield desk


class Talker:
    """A foreign mail system that says what it likes, and reads whole answers."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._lines = stream.makefile("rb")

    def answer(self) -> bytes:
        """The next answer, all of its lines; empty where the other side hung up."""
        content = b""
        with contextlib.suppress(ConnectionError):
            while line := self._lines.readline():
                content += line
                if line[3:4] == b" ":
                    break
        return content

    def say(self, *lines: bytes) -> list[bytes]:
        """Sends lines and takes an answer to each."""
        answers = []
        for line in lines:
            self.stream.sendall(line + b"\r\n")
            answers.append(self.answer())
        return answers

    def begin_data(self, *recipients: bytes) -> None:
        wanted = [b"RCPT TO:<%s>" % one for one in recipients or (b"c@d.example",)]
        assert self.say(b"MAIL FROM:<a@b.example>", *wanted, b"DATA")[-1].startswith(b"354")

    def rest(self) -> list[bytes]:
        """All answers until the other side hangs up."""
        return list(iter(self.answer, b""))

    def close(self) -> None:
        self._lines.close()


@contextlib.contextmanager
def connected(port: int, greeting: bytes = b"LHLO mx.example") -> Iterator[Talker]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as stream,
        contextlib.closing(Talker(stream)) as talker,
    ):
        talker.answer()
        assert talker.say(greeting)[0]
        yield talker


def test_a_message_comes_with_its_envelope_and_its_own_bytes_unchanged() -> None:
    dotted = RAW + b".\r\n..dots\r\n"
    with listening() as desk, connected(desk.port) as talker:
        talker.say(b"MAIL FROM:<cleo@mail.example>", b"RCPT TO:<a@market.example>", b"RCPT TO:<b@market.example>")
        talker.say(b"DATA")
        talker.stream.sendall(dotted.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert talker.answer() == talker.answer() == b"250 2.0.0 Stored\r\n"
    (found,) = desk.found
    assert found.raw is not None
    assert found.raw.endswith(dotted)
    head = found.raw.removesuffix(dotted).decode()
    assert head.startswith(
        "Return-Path: <cleo@mail.example>\r\nDelivered-To: a@market.example\r\nDelivered-To: b@market.example\r\n"
        "Received: from "
    )
    assert "\r\n\tby host.example (leaktrace) with LMTP id " in head
    record = read_mail(found.raw)
    assert (record.kind, record.reporter.address) == ("report", "cleo@mail.example")
    assert record.reported_at is not None


def test_smtp_is_spoken_too_and_the_null_sender_is_kept() -> None:
    with listening("smtp") as desk, smtplib.SMTP("127.0.0.1", desk.port) as client:
        assert client.sendmail("", ["a@market.example"], RAW) == {}
        assert client.has_extn("8bitmime")
        assert client.esmtp_features["size"] == "100000"
    (found,) = desk.found
    assert (found.raw or b"").startswith(b"Return-Path: <>\r\n")
    assert read_mail(found.raw or b"").kind == "bounce"


def test_nobody_is_told_that_it_is_stored_before_it_is() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def commit(batch: Batch) -> None:
        begun.set()
        go_on.wait(10)
        batch.settle()

    with listening(handle=commit) as desk, connected(desk.port) as talker:
        talker.begin_data()
        talker.stream.sendall(RAW + b".\r\n")
        assert begun.wait(10)
        assert select.select([talker.stream], [], [], 0.3)[0] == []
        go_on.set()
        assert talker.answer() == b"250 2.0.0 Stored\r\n"


def test_what_cannot_be_stored_is_to_come_again() -> None:
    def refuse(batch: Batch) -> None:
        assert batch.refuse is not None
        batch.refuse()

    with (
        listening(handle=refuse) as desk,
        smtplib.LMTP("127.0.0.1", desk.port) as client,
        pytest.raises(smtplib.SMTPDataError) as raised,
    ):
        client.sendmail("a@b.example", ["c@d.example"], RAW)
    assert raised.value.smtp_code == 451


TOO_MUCH, TOO_LONG = b"z\r\n" * 60_000, b"x" * 6000 + b"\r\n"


@pytest.mark.parametrize(("content", "code"), [(RAW, b"250"), (TOO_MUCH, b"552"), (TOO_LONG, b"500")])
def test_lmtp_answers_once_for_each_recipient(content: bytes, code: bytes) -> None:
    with listening() as desk, connected(desk.port) as talker:
        talker.begin_data(b"c@d.example", b"e@d.example")
        talker.stream.sendall(content + b".\r\nQUIT\r\n")
        assert [answer[:3] for answer in talker.rest()] == [code, code, b"221"]
    assert len(desk.found) == (code == b"250")


@pytest.mark.parametrize(("content", "code"), [(TOO_MUCH, b"552"), (TOO_LONG, b"500"), (b"x" * 4900 + b"\r\n", b"250")])
def test_too_much_and_too_long_are_refused_for_good(content: bytes, code: bytes) -> None:
    with listening("smtp") as desk, connected(desk.port, b"EHLO mx.example") as talker:
        talker.begin_data()
        talker.stream.sendall(content + b".\r\nQUIT\r\n")
        assert [answer[:3] for answer in talker.rest()] == [code, b"221"]
    assert len(desk.found) == (code == b"250")


def test_more_recipients_than_the_ceiling_are_put_off() -> None:
    with listening("smtp") as desk, smtplib.SMTP("127.0.0.1", desk.port) as client:
        refused = client.sendmail("a@b.example", [f"c{n}@d.example" for n in range(5)], RAW)
    assert {code for code, _ in refused.values()} == {452}
    assert len(refused) == 2
    assert (desk.found[0].raw or b"").count(b"Delivered-To: ") == 3


def test_more_connections_than_the_ceiling_are_told_to_come_back() -> None:
    with listening("smtp") as desk, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(desk.port, b"EHLO mx.example"))
        with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as late:
            assert late.recv(100).startswith(b"421 4.3.2 ")
        stack.close()
        wait_until(lambda: not desk.listener._conversations._open, "the ends of those that hung up")
        with smtplib.SMTP("127.0.0.1", desk.port) as client:
            assert client.sendmail("a@b.example", ["c@d.example"], RAW) == {}


def sent_without_end(port: int, most: int) -> int:
    """How many bytes of one line without end the other side takes before it hangs up."""
    sent = 0
    with connected(port, b"EHLO mx.example") as talker:
        talker.begin_data()
        with contextlib.suppress(ConnectionError):
            while sent < most:
                talker.stream.sendall(b"x" * 65536)
                sent += 65536
    return sent


class TestLineWithoutEnd:
    """A sender who never ends a line, to have it all held in memory."""

    MOST = 16 << 20

    def test_the_library_alone_takes_it_all(self) -> None:
        controller = Controller(
            Sink(), hostname="127.0.0.1", port=free_port(), data_size_limit=SMALL.message_ceiling_bytes
        )
        controller.start()
        try:
            assert sent_without_end(controller.port, self.MOST) >= self.MOST
        finally:
            controller.stop()

    def test_the_listener_hangs_up(self) -> None:
        with listening("smtp") as desk:
            assert sent_without_end(desk.port, self.MOST) < self.MOST
            with smtplib.SMTP("127.0.0.1", desk.port) as client:
                assert client.sendmail("a@b.example", ["c@d.example"], RAW) == {}


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r"])
def test_two_messages_in_one_are_one(end: bytes) -> None:
    """SMTP smuggling: a dot between anything but two CRLFs ends nothing."""
    smuggled = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nFrom: forged@bank.example\r\n\r\nx\r\n"
    with listening("smtp") as desk, connected(desk.port, b"EHLO mx.example") as talker:
        talker.begin_data()
        talker.stream.sendall(RAW.removesuffix(b"\r\n") + end + smuggled + b".\r\nQUIT\r\n")
        assert [answer[:3] for answer in talker.rest()] == [b"250", b"221"]
    assert len(desk.found) == 1


@pytest.mark.parametrize("greeting", [b"x\rReceived: by trusted.example", b"<x>) by trusted.example (", b"\xff\xfe"])
def test_a_greeting_cannot_write_fields_of_its_own(greeting: bytes) -> None:
    with listening("smtp") as desk, connected(desk.port, b"EHLO " + greeting) as talker:
        talker.begin_data()
        talker.stream.sendall(RAW + b".\r\nQUIT\r\n")
        talker.rest()
    for found in desk.found:
        head = (found.raw or b"").removesuffix(RAW)
        assert head.count(b"\r") == head.count(b"\r\n") == 5
        assert head.count(b"(") == 2


def test_a_unix_socket_serves_and_a_killed_listeners_one_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    assert path.exists()
    with listening(path=path) as desk:
        assert path.stat().st_mode & 0o777 == 0o660
        with smtplib.LMTP(str(path)) as client:
            assert client.sendmail("a@b.example", ["c@d.example"], RAW) == {}
        other = Listener(ListenAsked("lmtp", socket=path), SMALL)
        with pytest.raises(MailError, match="Nothing can listen"):
            next(other.batches(stop=lambda: True, tell=lambda _: None), None)
        assert path.exists()
    assert len(desk.found) == 1
    assert not path.exists()


def test_a_port_that_is_taken_is_said() -> None:
    with listening() as desk:
        other = Listener(ListenAsked("lmtp", "127.0.0.1", desk.port), SMALL)
        with pytest.raises(MailError, match="Nothing can listen on 127") as raised:
            next(other.batches(stop=lambda: False, tell=lambda _: None))
    assert raised.value.hint


def test_stopping_answers_whoever_waits_and_hangs_up_on_the_others() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def commit(batch: Batch) -> None:
        begun.set()
        assert go_on.wait(10)
        batch.settle()

    with listening(handle=commit) as desk, connected(desk.port) as talker, connected(desk.port) as idle:
        talker.begin_data()
        talker.stream.sendall(RAW + b".\r\n")
        assert begun.wait(10)
        desk._stop.set()
        go_on.set()
        assert talker.answer() == b"250 2.0.0 Stored\r\n"
        desk.stop()
        assert idle.rest() == []


def test_many_senders_at_a_time_are_committed_together() -> None:
    sizes: list[int] = []
    first, go_on = threading.Event(), threading.Event()

    def commit(batch: Batch) -> None:
        sizes.append(len(batch.messages))
        first.set()
        go_on.wait(10)
        batch.settle()

    def send(port: int) -> None:
        with smtplib.LMTP("127.0.0.1", port) as client:
            client.sendmail("a@b.example", ["c@d.example"], RAW)

    limits = replace(SMALL, listener_connection_ceiling_count=20)
    with listening(handle=commit, limits=limits) as desk:
        threads = [threading.Thread(target=send, args=(desk.port,)) for _ in range(12)]
        threads[0].start()
        assert first.wait(10)
        for thread in threads[1:]:
            thread.start()
        while desk.listener._waiting.qsize() < 11:
            asyncio.run(asyncio.sleep(0.01))
        go_on.set()
        for thread in threads:
            thread.join(10)
    assert sizes == [1, 11]


def test_a_listener_that_others_can_reach_says_so() -> None:
    asked = ListenAsked("smtp", "0.0.0.0", 0)  # noqa: S104 - the point
    with Desk(asked, SMALL, take).working() as desk:
        pass
    assert "Other machines can reach" in desk.told[-1]


def test_commands_may_be_sent_without_waiting() -> None:
    with listening() as desk, socket.create_connection(("127.0.0.1", desk.port), timeout=10) as stream:
        stream.sendall(
            b"LHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + RAW + b".\r\nQUIT\r\n"
        )
        with contextlib.closing(Talker(stream)) as talker:
            answers = talker.rest()
    assert b"PIPELINING" in answers[1]
    assert [answer[:3] for answer in answers] == [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]
    assert len(desk.found) == 1


PIECES = [
    b"LHLO x\r\n", b"EHLO x\r\n", b"MAIL FROM:<>\r\n", b"MAIL FROM:<a@b> SIZE=99999999999\r\n", b"RCPT TO:<c@d>\r\n",
    b"DATA\r\n", b".\r\n", b"RSET\r\n", b"STARTTLS\r\n", b"AUTH PLAIN\r\n", b"VRFY x\r\n", b"HELP\r\n", b"NOOP\r\n",
    b"\r\n", b"\x00\xff\r\n", b"x" * 6000, b"From: a@b\r\n\r\n", b"\n.\n", b"BDAT 5 LAST\r\n",
    b"MAIL FROM:<\xc3\xa4@b> SMTPUTF8\r\n",
]  # fmt: skip


def test_a_fault_in_taking_mail_is_told_to_the_operator_and_not_to_the_sender() -> None:
    told: list[str] = []

    async def take(_: Handed) -> Answer:
        raise KeyError("kim@customer.example")

    async def serve() -> list[bytes]:
        conversations = Conversations("lmtp", SMALL, "host.example", take, told.append)
        server = await asyncio.get_running_loop().create_server(conversations.begin, "127.0.0.1", 0)
        said = [b"LHLO mx.example", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>", b"DATA", RAW + b"\r\n."]
        async with server:
            reading, writing = await asyncio.open_connection(*server.sockets[0].getsockname())
            answers = [await reading.readline()]
            for line in said:
                writing.write(line + b"\r\n")
                while (answer := await reading.readline())[3:4] == b"-":
                    pass
                answers.append(answer)
            writing.close()
            await conversations.end()
        return answers

    assert asyncio.run(serve())[-1].startswith(b"451 4.3.0")
    (sentence,) = told
    assert sentence.startswith("A conversation broke off with KeyError at test_listener.py:")
    assert "customer.example" not in sentence


def test_whatever_is_said_the_listener_goes_on_and_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with listening() as desk:

        @settings(max_examples=60)
        @given(st.lists(st.sampled_from(PIECES), max_size=12))
        def say(pieces: list[bytes]) -> None:
            with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as stream:
                stream.sendall(b"".join(pieces))
                stream.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    while stream.recv(65536):
                        pass

        say()
        with smtplib.LMTP("127.0.0.1", desk.port) as client:
            assert client.sendmail("a@b.example", ["c@d.example"], RAW) == {}
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == []
