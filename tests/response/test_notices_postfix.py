"""Through a real relay: everybody once, even when it is killed in mid-batch; its bounces; foreign forgeries."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import dkim
import pytest

from leaktrace.noticedesk.reports import BounceReport
from leaktrace.response.notices import NoticeTokens
from tests.response.fakes_notices import CASE, row
from tests.response.noticedesks import make_desk
from tests.response.postfixes import needed, running
from tests.response.sink import Sink, Taken
from tests.response.test_notices_bounces import report
from tests.response.test_notices_sending import Hand, dns

pytestmark = pytest.mark.system
DEADLINE_SECONDS = 60


def wait_for(sink: Sink, count: int) -> list[Taken]:
    until = time.monotonic() + DEADLINE_SECONDS
    while len(sink.taken) < count and time.monotonic() < until:
        time.sleep(0.05)
    return list(sink.taken)


def test_a_relay_killed_in_mid_batch_and_everybody_once(tmp_path: Path) -> None:
    """The relay queues and delivers only afterwards, so that whatever arrives twice was sent twice by us."""
    count = 120
    people = tuple(row(f"c{number:04}") for number in range(count))
    with Sink() as sink, running(sink.port, holding=True) as postfix:
        desk = make_desk(tmp_path / "ws", postfix.port, people, sending={"canary": 0, "window": 10})
        request = desk.ready()
        kills = [20, 60]
        crashes: list[threading.Timer] = []

        def crash() -> None:
            postfix.kill()
            postfix.start()

        def progress(done: int) -> None:
            if kills and done >= kills[0]:
                kills.pop(0)
                # Beside the sender, so that it meets it wherever it is just then.
                crashes.append(threading.Timer(0.005, crash))
                crashes[-1].start()

        result = desk.desk.send(CASE, request, progress=progress)
        for one in crashes:
            one.join()
        assert not kills
        assert result.reason == "done"
        sums = result.status.sums
        assert sums.accepted_count + sums.unknown_count == count
        assert sums.unknown_count <= 2
        postfix.release()
        arrived = Counter(one.recipient for one in wait_for(sink, sums.accepted_count))
    assert max(arrived.values()) == 1
    assert sums.accepted_count <= len(arrived) <= count


def test_signatures_survive_a_real_relay_and_its_bounces_are_understood(tmp_path: Path) -> None:
    def script(stage: str, recipient: str) -> bytes | None:
        return b"550 5.1.1 no such user\r\n" if stage == "rcpt" and recipient.startswith("c0001") else None

    people = tuple(row(f"c{number:04}", locale="ar") for number in range(4))
    with Sink(script) as sink, running(sink.port) as postfix:
        desk = make_desk(tmp_path / "ws", postfix.port, people)
        result = desk.desk.send(CASE, desk.ready())
        assert result.status.sums.accepted_count == 4
        taken = wait_for(sink, 4)
    notices = [one for one in taken if one.recipient.endswith("@mail.example")]
    assert sorted(one.recipient for one in notices) == [f"c000{n}@mail.example" for n in (0, 2, 3)]
    assert all(dkim.verify(one.raw, dnsfunc=dns) for one in notices)
    (bounce,) = [one for one in taken if one.sender == ""]
    (tmp_path / "bounce.eml").write_bytes(bounce.raw)
    assert desk.desk.bounces([tmp_path / "bounce.eml"]) == BounceReport(1, hard_count=1)
    (left,) = desk.desk.left(CASE)
    assert (left.person, left.reason) == (desk.cases.pseudonym(CASE, "c0001"), "bounced 5.1.1")


def certificate(path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, and the certificate alone beside it."""
    key, cert = path.with_suffix(".key"), path.with_suffix(".crt")
    subprocess.run(
        [needed("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=relay", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(key.read_bytes() + cert.read_bytes())
    path.chmod(0o600)
    return path


def test_the_line_to_the_relay_is_encrypted_and_its_certificate_checked(tmp_path: Path) -> None:
    both = certificate(tmp_path / "relay.pem")
    relay = {"host": "127.0.0.1", "tls": "required", "timeout_seconds": 20}
    hand = Hand()
    with Sink() as sink, running(sink.port, certificate=both) as postfix:
        relay |= {"port": postfix.port}
        for name, ca_file in (("unknown", None), ("known", str(both.with_suffix(".crt")))):
            tables = {"relay": relay | ({} if ca_file is None else {"ca_file": ca_file})}
            desk = make_desk(tmp_path / name, 1, (row("c1"),), outside=hand.outside(), **tables)
            result = desk.desk.send(CASE, desk.ready())
            if ca_file is None:
                assert (result.reason, result.status.sums.waiting_count) == ("relay_unreachable", 1)
        assert result.status.sums.accepted_count == 1
        assert len(wait_for(sink, 1)) == 1
    with Sink() as plain:
        desk = make_desk(tmp_path / "none", 1, (row("c1"),), relay=relay | {"port": plain.port})
        result = desk.desk.send(CASE, desk.ready())
    assert (result.reason, result.status.sums.waiting_count) == ("relay_refuses", 1)
    assert not any(command.startswith(b"MAIL") for command in plain.commands)


def test_a_foreign_client_cannot_mark_anybody_as_unreachable(tmp_path: Path) -> None:
    swaks = needed("swaks", "swaks")
    with Sink() as sink:
        desk = make_desk(tmp_path / "ws", sink.port, (row("c1"), row("c2")))
        desk.desk.send(CASE, desk.ready())
        one, other = (taken.sender for taken in sink.taken)
        sink.taken.clear()
        swapped = other.partition("-")[0] + "-" + one.partition("-")[2]
        guessed = NoticeTokens(b"guess").return_path(one.partition("+")[2][:16], "bounces", "basar.example")
        for to in (one, swapped, guessed):
            (tmp_path / "message").write_bytes(report(to).replace(b"\r\n", b"\n"))
            subprocess.run(
                [swaks, "--server", "127.0.0.1", "--port", str(sink.port), "--from", "<>", "--to", to,
                 "--data", f"@{tmp_path / 'message'}", "--silent", "2"],
                check=True, timeout=60, capture_output=True,
            )  # fmt: skip
        inbox = tmp_path / "inbox"
        inbox.mkdir()
        for number, taken in enumerate(sink.taken):
            (inbox / f"{number}.eml").write_bytes(taken.raw)
    assert len(sink.taken) == 3
    assert desk.desk.bounces([inbox]) == BounceReport(3, hard_count=1, forged_count=2)
