"""Thanks that are sent: once, to whom they are due, never twice after a crash, never round and round."""

from __future__ import annotations

import email
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given, settings
from hypothesis import strategies as st

import leaktrace
from leaktrace.errors import UsageError
from leaktrace.folder import open_folder
from leaktrace.intake.acknowledging import Acknowledger, is_ours, new_message_id, reference_of
from leaktrace.intake.mailflow import Committed
from leaktrace.keys import Keyring
from leaktrace.mailroom import AddedMail, FoundMessage, read_mail
from leaktrace.mailroom.acknowledged import AcknowledgedBook, Limits
from leaktrace.mailroom.relay import NotSent, Relay
from leaktrace.mailroom.ways import FollowAsked
from tests.mailroom.mail_samples import BODY, SUBJECT, attached, message, multipart, original
from tests.mailroom.servers.starting import free_port

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
KEYRING = Keyring(bytes(range(32)), "ws-test")
REPORT = multipart("Content-Type: text/plain\n\nplease look", attached(original()), subject="Fwd: Half price")


class Relayed:
    """A mail server that keeps what it is handed, and answers as it is told to."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.taken: list[tuple[str | None, list[str], bytes]] = []
        self.also: Callable[[], None] = lambda: None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        del server, session
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content or b""))
        self.also()
        return self.answer


@contextmanager
def relay(answer: str = "250 OK") -> Iterator[tuple[Relayed, int]]:
    taken, port = Relayed(answer), free_port()
    controller = Controller(taken, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield taken, port
    finally:
        controller.stop()
        controller.loop.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    with leaktrace.create(tmp_path / "ws", environment={"XDG_CONFIG_HOME": str(tmp_path / "config")}):
        pass
    return tmp_path / "ws"


def acknowledger(workspace: Path, port: int, now: datetime = NOW, **wanted: object) -> Acknowledger:
    opened = open_folder(workspace, {"XDG_CONFIG_HOME": str(workspace.parent / "config")})
    values = {"acknowledge_from": "report-abuse@market.example", "smtp_relay_port": port, **wanted}
    return Acknowledger(replace(opened, settings=replace(opened.settings, **values)), lambda: now)  # type: ignore[arg-type]


def committed(*raws: bytes, old: tuple[bytes, ...] = ()) -> Committed:
    """As if these had just been committed; those in `old` were in the book before."""
    records = [read_mail(raw) for raw in raws]
    new = frozenset(record.sha256 for raw, record in zip(raws, records, strict=True) if raw not in old)
    messages = [FoundMessage("x", 0, raw, one.sha256, len(raw)) for raw, one in zip(raws, records, strict=True)]
    return Committed(tuple(messages), tuple(records), AddedMail(len(raws), 0, 0, {}, (), new))


def from_somebody(number: int) -> bytes:
    return REPORT.replace(b"cleo@mail.example", b"person%d@mail.example" % number, 1).replace(
        b"<m1@", b"<m%d@" % number
    )


def test_a_reporter_is_thanked_with_nothing_of_the_case(workspace: Path) -> None:
    with relay() as (relayed, port), acknowledger(workspace, port) as thanking:
        thanking.answer(committed(REPORT), pytest.fail)
    ((sender, recipients, raw),) = relayed.taken
    assert sender == "<>"
    assert recipients == ["cleo@mail.example"]
    told = email.message_from_bytes(raw, policy=default)
    shown = "".join(str(part.get_content()) for part in told.walk() if not part.is_multipart())
    everything = f"{told.as_string()}\n{shown}".replace("cleo@mail.example", "").replace("<m1@mail.example>", "")
    for secret in ("Cleo", "Half price", SUBJECT, "nora", "vale-shop", "offer-1", "please look", BODY.split()[3]):
        assert secret not in everything, secret
    assert read_mail(REPORT).sha256[:8] not in everything
    reference = reference_of(
        read_mail(REPORT).sha256, open_folder(workspace, {"XDG_CONFIG_HOME": str(workspace.parent / "config")}).keyring
    )
    assert reference in shown


def test_the_same_person_is_thanked_once_in_so_many_days(workspace: Path) -> None:
    again = REPORT.replace(b"<m1@", b"<m2@").replace(b"cleo@mail.example", b"cleo+x@mail.example", 1)
    with relay() as (relayed, port):
        with acknowledger(workspace, port) as thanking:
            thanking.answer(committed(REPORT, again, from_somebody(3)), pytest.fail)
            assert len(relayed.taken) == 2
        with acknowledger(workspace, port, NOW + timedelta(days=6, hours=23)) as thanking:
            thanking.answer(committed(again), pytest.fail)
            assert len(relayed.taken) == 2
        later = again.replace(b"Tue, 05 Mar", b"Mon, 11 Mar")
        with acknowledger(workspace, port, NOW + timedelta(days=7)) as thanking:
            thanking.answer(committed(later), pytest.fail)
            assert len(relayed.taken) == 3


def test_there_are_only_so_many_an_hour(workspace: Path) -> None:
    with relay() as (relayed, port):
        with acknowledger(workspace, port, acknowledge_hourly_ceiling_count=3) as thanking:
            thanking.answer(committed(*map(from_somebody, range(6))), pytest.fail)
            assert len(relayed.taken) == 3
        late = NOW + timedelta(hours=1)
        with acknowledger(workspace, port, late, acknowledge_hourly_ceiling_count=3) as thanking:
            thanking.answer(committed(from_somebody(6)), pytest.fail)
            assert len(relayed.taken) == 4


def test_what_was_here_before_and_what_is_no_report_is_not_answered(workspace: Path) -> None:
    question = message("Where is my parcel?\n")
    with relay() as (relayed, port), acknowledger(workspace, port) as thanking:
        thanking.answer(committed(REPORT, question, old=(REPORT,)), pytest.fail)
        assert relayed.taken == []


class TestLoop:
    """An auto-responder that answers everything, also what RFC 3834 tells it not to."""

    @staticmethod
    def answer_of(raw: bytes, number: int, *, marked: bool) -> bytes:
        """What a bad vacation program makes of our mail: it quotes us, and may not say what it is."""
        told = email.message_from_bytes(raw, policy=default)
        marks = "Auto-Submitted: auto-replied\r\n" if marked else ""
        return (
            f"From: cleo@mail.example\r\nTo: {told['From']}\r\nSubject: Re: this is spam, I am away {number}\r\n"
            f"Date: Tue, 05 Mar 2024 10:00:{number:02} +0000\r\nMessage-ID: <away{number}@mail.example>\r\n"
            f"In-Reply-To: {told['Message-ID']}\r\n{marks}\r\nI am away. Please report spam to somebody else.\r\n"
        ).encode()

    @pytest.mark.parametrize("marked", [True, False])
    def test_it_is_answered_never(self, workspace: Path, marked: bool) -> None:
        with relay() as (relayed, port), acknowledger(workspace, port, acknowledge_every_days=1) as thanking:
            thanking.answer(committed(REPORT), pytest.fail)
            for number in range(20):
                away = self.answer_of(relayed.taken[-1][2], number, marked=marked)
                thanking.answer(committed(away), pytest.fail)
        assert len(relayed.taken) == 1

    def test_it_would_be_a_report_by_itself(self, workspace: Path) -> None:
        """Without the id of ours it answers to, the unmarked answer is a complaint like any other."""
        with relay() as (relayed, port), acknowledger(workspace, port) as thanking:
            thanking.answer(committed(REPORT), pytest.fail)
            away = self.answer_of(relayed.taken[-1][2], 1, marked=False).replace(b"In-Reply-To:", b"X-Other:")
            stranger = away.replace(b"cleo@", b"somebody@")
            thanking.answer(committed(stranger), pytest.fail)
        assert len(relayed.taken) == 2


# --- the relay --------------------------------------------------------------------------------------------------


def test_a_relay_that_is_away_does_not_stop_the_mail_and_is_asked_again_later(workspace: Path) -> None:
    told: list[str] = []
    with acknowledger(workspace, free_port()) as thanking:
        thanking.answer(committed(REPORT, from_somebody(2)), told.append)
    assert len(told) == 1
    assert "cannot be reached" in told[0]
    assert "cleo" not in told[0]
    with relay() as (relayed, port), acknowledger(workspace, port) as thanking:
        thanking.answer(committed(REPORT.replace(b"<m1@", b"<m9@")), pytest.fail)
        assert len(relayed.taken) == 1


@pytest.mark.parametrize("answer", ["451 later", "554 never cleo@mail.example"])
def test_a_relay_that_refuses_has_not_sent_it(answer: str) -> None:
    with relay(answer) as (_, port), pytest.raises(NotSent) as raised:
        Relay("127.0.0.1", port).hand_over(b"From: a@b\r\n\r\n", "cleo@mail.example")
    assert "cleo" not in str(raised.value)
    assert answer[:3] in str(raised.value)


def test_a_relay_that_breaks_off_after_the_message_may_have_sent_it(workspace: Path) -> None:
    def serve() -> None:
        with closing(listening.accept()[0]) as client, client.makefile("rb") as lines:
            client.sendall(b"220 x\r\n")
            for line in lines:
                if line.strip() == b".":
                    return
                answer = b"354 go on" if line.upper().startswith(b"DATA") else b"250 OK"
                if line[:4].upper() in (b"EHLO", b"HELO", b"MAIL", b"RCPT", b"DATA"):
                    client.sendall(answer + b"\r\n")

    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        with acknowledger(workspace, listening.getsockname()[1]) as thanking:
            thanking.answer(committed(REPORT), told.append)
        thread.join(10)
    assert "not sent again" in told[0]
    with relay() as (relayed, port), acknowledger(workspace, port) as thanking:
        thanking.answer(committed(REPORT), pytest.fail)
        assert relayed.taken == []
    with AcknowledgedBook(workspace / "mail") as book:
        assert book.counts() == {"planned": 1}


def test_a_relay_elsewhere_must_have_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    def leading_here(_: object, port: int, *__: object, **___: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with relay() as (relayed, port):
        monkeypatch.setattr(socket, "getaddrinfo", leading_here)
        with pytest.raises(NotSent, match="offers no TLS"):
            Relay("relay.market.example", port).hand_over(b"x", "cleo@mail.example")
        assert relayed.taken == []


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.intake.test_acknowledging import acknowledger, committed, REPORT
with acknowledger(Path(sys.argv[1]), int(sys.argv[2])) as thanking:
    thanking.answer(committed(REPORT), print)
"""


def test_a_kill_while_it_is_sent_never_sends_it_twice(workspace: Path) -> None:
    with relay() as (relayed, port):
        process: list[subprocess.Popen[bytes]] = []
        started = threading.Event()

        def kill() -> None:
            started.wait(10)
            process[0].send_signal(signal.SIGKILL)
            process[0].wait(10)

        relayed.also = kill
        root = str(Path(__file__).parents[2])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        process.append(subprocess.Popen([sys.executable, "-c", KILLED, workspace, str(port)], env=environment))
        started.set()
        assert process[0].wait(60) == -signal.SIGKILL
        relayed.also = lambda: None
        with acknowledger(workspace, port) as thanking:
            thanking.answer(committed(REPORT), pytest.fail)
        assert len(relayed.taken) == 1


# --- the book and the ids ---------------------------------------------------------------------------------------


def test_no_address_lies_in_the_book(workspace: Path) -> None:
    with relay() as (_, port), acknowledger(workspace, port) as thanking:
        thanking.answer(committed(REPORT), pytest.fail)
        for path in (workspace / "mail").glob("acknowledged.db*"):
            assert b"cleo" not in path.read_bytes()
            assert path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2000)), max_size=25))
def test_the_limits_hold_whatever_comes(tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int]]) -> None:
    limits, sent = Limits(1, 3), list[tuple[int, datetime]]()
    with AcknowledgedBook(tmp_path_factory.mktemp("book")) as book:
        for number, (who, minute) in enumerate(sorted(asked, key=lambda one: one[1])):
            now = NOW + timedelta(minutes=minute)
            declined = book.plan(str(number), bytes([who]), now=now, limits=limits)
            lately = [one for one in sent if one[0] == who and one[1] > now - timedelta(days=1)]
            hourly = [one for one in sent if one[1] > now - timedelta(hours=1)]
            assert (declined is None) == (not lately and len(hourly) < 3)
            if declined is None:
                sent.append((who, now))


@given(st.text(max_size=60))
def test_only_our_own_ids_are_ours(text: str) -> None:
    made = new_message_id(KEYRING, "report-abuse@market.example")
    assert made.endswith("@market.example>")
    assert is_ours(made, KEYRING)
    assert not is_ours(made, Keyring(bytes(32), "other"))
    assert not is_ours(text, KEYRING)
    assert not is_ours(f"<{text}@market.example>", KEYRING)


def test_references_tell_nothing_and_differ() -> None:
    sha256 = read_mail(REPORT).sha256
    made = reference_of(sha256, KEYRING)
    assert made == reference_of(sha256, KEYRING)
    assert made != reference_of(sha256, Keyring(bytes(32), "ws-test"))
    assert [len(group) for group in made.split("-")] == [4, 4, 5]


def test_without_a_sender_nothing_is_begun(workspace: Path) -> None:
    with pytest.raises(UsageError, match="No address is set") as raised:
        acknowledger(workspace, 1, acknowledge_from="")
    assert "acknowledge_from" in raised.value.hint


def test_it_is_off_until_it_is_switched_on(workspace: Path, tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    folder = tmp_path / "in"
    folder.mkdir()
    with relay() as (relayed, port):
        document = {"acknowledge_from": "report-abuse@market.example", "smtp_relay_port": port}
        (workspace / "settings.json").write_text(json.dumps(document))
        for number, acknowledge in enumerate((None, True)):
            (folder / f"{number}.eml").write_bytes(sent_today(number))
            looks: list[int] = []

            def stop(looks: list[int] = looks) -> bool:
                looks.append(1)
                return len(looks) > 40

            with leaktrace.open(workspace, environment=environment) as opened:
                opened.receive_from(FollowAsked((folder,), 0.01), stop=stop, acknowledge=acknowledge)
            assert len(relayed.taken) == number


def sent_today(number: int) -> bytes:
    """A report of today; each number is another message."""
    today = datetime.now(UTC).strftime("%a, %d %b %Y")
    return REPORT.replace(b"Tue, 05 Mar 2024 10:00:00 +0100", f"{today} 00:00:{number:02} +0000".encode(), 1)
