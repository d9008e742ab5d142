"""Somebody connects the abuse mailbox: by IMAP, behind Postfix, a Maildir that fills; killed, stopped, out of disk."""

from __future__ import annotations

import contextlib
import json
import mailbox
import resource
import signal
import smtplib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leaktrace.folder import open_folder
from leaktrace.mailroom.mailbook import MailBook
from tests.mailroom.mail_samples import attached, message, multipart, original
from tests.mailroom.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.mailroom.servers.postfix import RECIPIENT, postfix
from tests.mailroom.servers.starting import answers, folder_for, free_port, program, wait_until
from tests.mailroom.test_mail_dns_keys import SmallDns
from tests.stories.desk import PROGRAM, Desk

KEYS = {"message_count", "report_count", "duplicate_count", "unmatched_count", "by_kind"}
REPORT = multipart("Content-Type: text/plain\n\nplease look", attached(original()), subject="Fwd: Half price")
COMPLAINT = message("This is spam, please stop this unwanted mail.\n\nFrom here on nothing.\n", subject="Spam!")
BOUNCE = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nDate: Tue, 05 Mar 2024 11:00:00 +0000\r\n"
    b"Message-ID: <b1@mx.example>\r\nSubject: Undelivered Mail Returned to Sender\r\n\r\nit did not arrive\r\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n")
    path.chmod(0o600)
    return path


@contextlib.contextmanager
def running(desk: Desk, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """`leaktrace mail` as a process of its own; killed at the end where it still runs."""
    with subprocess.Popen(
        [PROGRAM, "-w", desk.workspace, "mail", *map(str, arguments), "--json"],
        env=desk.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> dict[str, Any]:
    """The report of a process that is told to stop and stops well."""
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    document: dict[str, Any] = json.loads(out)
    assert set(document) >= KEYS
    return document


def new_folder(server: Dovecot, name: str, *raws: bytes) -> str:
    with server.client() as client:
        client.create_folder(name)
    server.append(*raws, folder=name)
    return name


def counts(desk: Desk) -> dict[str, int]:
    """Messages in the book, by kind."""
    with contextlib.closing(sqlite3.connect(desk.workspace / "mail" / "mail.db")) as book:
        return dict(book.execute("SELECT kind, count(*) FROM messages GROUP BY kind"))


# --- a mailbox that grows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_maildir_is_in_while_it_fills_and_a_signal_ends_it_well(
    empty_desk: Desk, tmp_path: Path, number: signal.Signals
) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(REPORT)
    with running(empty_desk, tmp_path / "Maildir", "--follow", "--every-seconds", "0.1") as process:
        wait_until(lambda: counts(empty_desk) == {"report": 1}, "the first message")
        box.add(COMPLAINT)
        box.add(REPORT)
        wait_until(lambda: counts(empty_desk).get("complaint") == 1, "the second message")
        report = ended(process, number)
    assert report["by_kind"] == {"complaint": 1, "report": 1}
    assert report["unmatched_count"] == 1
    assert empty_desk.json("mail", tmp_path / "Maildir")["by_kind"] == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "No mail is named"),
        (("x.mbox", "--imap", "imaps://a@b"), "one place at a time"),
        (("--imap", "imaps://a@b", "--listen", "lmtp://:1"), "one place at a time"),
        (("x.mbox", "--move-to", "y"), "go with --imap"),
        (("x.mbox", "--leave"), "go with --imap"),
        (("--imap", "imaps://a@b", "--leave", "--move-to", "y"), "either moved or left"),
        (("--imap", "imaps://a:s3cret@b"), "password in the URL"),
        (("--imap", "imaps://a@b"), "No password"),
        (("--listen", "x"), "does not begin with"),
        (("x.mbox", "--inspect", "--follow"), "--inspect looks"),
        (("x.mbox", "--every-seconds", "1"), "goes with --follow"),
        (("x.mbox", "--follow", "--every-seconds", "0"), "lies between"),
        (("x.mbox", "--acknowledge"), "Only mail that comes in"),
        (("x.mbox", "--follow", "--acknowledge"), "No address is set"),
        (("absent.mbox", "--follow"), "no file or folder"),
    ],
)
def test_what_does_not_go_together_is_said(
    empty_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.mbox").write_bytes(b"From a@b Tue Mar  5 10:00:00 2024\n" + REPORT)
    told = empty_desk.run("mail", *arguments, "--json").error()
    assert words in told["message"]
    assert told["hint"]
    assert "s3cret" not in str(told)


# --- IMAP -------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import leaktrace
from leaktrace.intake.mailflow import MailFlow
from leaktrace.mailroom.ways import imap_asked, read_password
from leaktrace.mailroom.ways.imap import ImapMailbox
from dataclasses import replace

workspace, url, password, ca_file, where = sys.argv[1:]
asked = imap_asked(url, move_to="Stored", ca_file=Path(ca_file))
asked = replace(asked, password=read_password(Path(password), {}))
with leaktrace.open(workspace) as opened:
    way = ImapMailbox(asked, opened.path / "mail", opened._opened.keyring, opened.settings)
    for batch in way.batches(stop=lambda: False, tell=lambda _: None):
        opened._mail.receive_messages(batch.messages, now=datetime.now(UTC))
        if where == "settled":
            batch.settle()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.system
@pytest.mark.parametrize("where", ["stored", "settled"])
def test_a_kill_after_storing_leaves_one_message_that_is_moved_later(
    empty_desk: Desk, server: Dovecot, password: Path, tmp_path: Path, where: str
) -> None:
    box = new_folder(server, f"Kill-{where}", REPORT)
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    url = server.url(box)
    killed = subprocess.run(
        [sys.executable, script, empty_desk.workspace, url, password, server.ca_file, where],
        env=empty_desk.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [raw for raw, _ in server.folder(box)] == [REPORT]
    options = ("--imap", url, "--imap-password-file", password, "--imap-ca-file", server.ca_file)
    report = empty_desk.json("mail", *options, "--move-to", "Stored")
    assert (report["message_count"], report["duplicate_count"]) == ((1, 1) if where == "stored" else (0, 0))
    assert counts(empty_desk) == {"report": 1}
    assert server.folder(box) == []
    assert REPORT in [raw for raw, _ in server.folder("Stored")]


@pytest.mark.system
def test_an_imap_mailbox_is_followed_until_a_signal_comes(empty_desk: Desk, server: Dovecot, password: Path) -> None:
    box = new_folder(server, "Followed", REPORT)
    options = ("--imap", server.url(box), "--imap-password-file", password, "--imap-ca-file", server.ca_file)
    with running(empty_desk, *options, "--move-to", "Followed-done", "--follow") as process:
        wait_until(lambda: len(server.folder("Followed-done")) == 1, "the first message")
        server.append(COMPLAINT, folder=box)
        wait_until(lambda: len(server.folder("Followed-done")) == 2, "the second message")
        assert ended(process)["by_kind"] == {"complaint": 1, "report": 1}
    assert server.folder(box) == []


# --- behind a mail system ---------------------------------------------------------------------------------------


def swaks(port: int, raw: bytes, folder: Path, sender: str = "cleo@mail.example") -> None:
    """Sends a message as a foreign client does."""
    path = folder / "sent.eml"
    path.write_bytes(raw)
    command = [program("swaks", "swaks"), "--server", "127.0.0.1", "--port", str(port), "--to", RECIPIENT]
    sent = subprocess.run(
        [*command, "--from", sender, "--data", f"@{path}"], capture_output=True, text=True, check=False, timeout=60
    )
    assert sent.returncode == 0, sent.stdout


@pytest.mark.system
def test_postfix_hands_over_and_keeps_what_a_killed_listener_did_not_take(empty_desk: Desk, tmp_path: Path) -> None:
    port = free_port()
    with postfix(f"lmtp:inet:127.0.0.1:{port}") as mx:
        with running(empty_desk, "--listen", f"lmtp://127.0.0.1:{port}") as process:
            wait_until(lambda: answers(port), "the listener")
            swaks(mx.port, REPORT, tmp_path)
            swaks(mx.port, BOUNCE.partition(b"\r\n")[2], tmp_path, sender="<>")
            wait_until(lambda: counts(empty_desk) == {"report": 1, "bounce": 1}, "two messages")
            process.send_signal(signal.SIGSTOP)  # neither answers nor takes any more
            swaks(mx.port, COMPLAINT, tmp_path)
            process.kill()
        wait_until(lambda: "refused" in mx.queue() or "lost connection" in mx.queue(), "a message put off")
        with running(empty_desk, "--listen", f"lmtp://127.0.0.1:{port}") as process:
            wait_until(lambda: answers(port), "the listener")
            mx.flush()
            wait_until(lambda: "empty" in mx.queue(), "an empty queue", 60)
            assert ended(process)["by_kind"] == {"complaint": 1}
    assert counts(empty_desk) == {"report": 1, "bounce": 1, "complaint": 1}


@pytest.mark.system
def test_postfix_says_who_gave_it_the_mail_and_is_believed_where_it_is_listed(empty_desk: Desk, tmp_path: Path) -> None:
    port = free_port()
    # mail.example lets 192.0.2.7 send in its name and nobody else; the border is told of clients by the test itself.
    dns = SmallDns({"mail.example": ["v=spf1 ip4:192.0.2.7 -all"], "_dmarc.mail.example": ["v=DMARC1; p=reject"]})
    settings = {"dns_servers": [f"127.0.0.1#{dns.port}"], "trusted_forwarders": ["127.0.0.1"]}
    (empty_desk.workspace / "settings.json").write_text(json.dumps(settings))
    border = "lmtp_send_xforward_command = yes\nsmtpd_authorized_xforward_hosts = 127.0.0.1\n"
    with (
        contextlib.closing(dns),
        postfix(f"lmtp:inet:127.0.0.1:{port}", more=border) as mx,
        running(empty_desk, "--listen", f"lmtp://127.0.0.1:{port}") as process,
    ):
        wait_until(lambda: answers(port), "the listener")
        for client, who in (("192.0.2.7", "cleo@mail.example"), ("198.51.100.9", "dee@mail.example")):
            with smtplib.SMTP("127.0.0.1", mx.port) as smtp:
                smtp.ehlo("mx.example")
                assert smtp.docmd("XFORWARD", f"ADDR={client} HELO=x.example SOURCE=REMOTE")[0] == 250
                smtp.sendmail(who, [RECIPIENT], REPORT.replace(b"cleo@mail.example", who.encode()))
        wait_until(lambda: counts(empty_desk) == {"report": 2}, "both reports")
        ended(process)
    opened = open_folder(empty_desk.workspace, empty_desk.environment())
    with MailBook.open(empty_desk.workspace / "mail", opened.keyring) as book:
        arrivals = [one.arrival for one in book.records()]
    assert sorted((one.sender, one.spf.result) for one in arrivals if one and one.spf) == [
        ("confirmed", "pass"),
        ("disowned", "fail"),
    ]


def test_inspect_tells_what_our_border_server_wrote(empty_desk: Desk, tmp_path: Path) -> None:
    head = (
        b"Authentication-Results: mx.market.example; dmarc=fail (p=REJECT) header.from=mail.example\r\n"
        b"Received: from x (x [198.51.100.9]) by mx.market.example with ESMTP id 1; Tue, 5 Mar 2024 10:00:01 +0100\r\n"
    )
    path = tmp_path / "a.eml"
    path.write_bytes(head + REPORT)
    (plain,) = empty_desk.json("mail", "--inspect", path)
    assert plain["arrival"] is None
    ours = {"own_authserv_ids": ["mx.market.example"], "trusted_receivers": ["mx.market.example"]}
    (empty_desk.workspace / "settings.json").write_text(json.dumps(ours))
    (told,) = empty_desk.json("mail", "--inspect", path)
    assert told["arrival"]["sender"] == "disowned"
    assert told["originals"] == plain["originals"]
    shown = " ".join(empty_desk.run("mail", "--inspect", path).out.split())
    assert "cleo@mail.example is disowned: our border server says dmarc=fail of mail.example" in shown
    (empty_desk.workspace / "settings.json").write_text("{")
    assert empty_desk.run("mail", "--inspect", path, "--json").error()


def test_inspect_shows_what_a_stranger_wrote_as_text(empty_desk: Desk, tmp_path: Path) -> None:
    subject = "[/red] [bold]half[/bold] \u202eprice"
    (tmp_path / "a.eml").write_bytes(multipart(attached(original().replace(b"Half price", subject.encode()))))
    shown = empty_desk.run("mail", "--inspect", tmp_path / "a.eml")
    assert shown.code == 0
    assert "[/red] [bold]half[/bold]" in shown.out
    assert "\u202e" not in shown.out


@contextlib.contextmanager
def behind_postfix(desk: Desk) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A listener on a Unix socket, and the port of the Postfix that hands over to it."""
    with folder_for("socket") as place:  # Postfix may enter it
        place.chmod(0o777)
        path = place / "lmtp.sock"
        with running(desk, "--listen", f"lmtp+unix:{path}") as process:
            wait_until(path.exists, "the socket")
            path.chmod(0o666)
            with postfix(f"lmtp:unix:{path}") as mx:
                yield process, mx.port


@pytest.mark.system
def test_mutt_forwards_as_attachment_through_postfix_to_a_unix_socket(empty_desk: Desk, tmp_path: Path) -> None:
    mutt = program("mutt", "mutt")
    with behind_postfix(empty_desk) as (process, port):
        (tmp_path / "offer.eml").write_bytes(original())
        muttrc = tmp_path / "muttrc"
        muttrc.write_text(
            f'set smtp_url="smtp://127.0.0.1:{port}/"\nset ssl_starttls=no\nset ssl_force_tls=no\nset copy=no\n'
            'set from="cleo@mail.example"\nset use_envelope_from=yes\nset realname="Cleo Marsh"\n'
        )
        subprocess.run(
            [mutt, "-F", muttrc, "-s", "Fwd: this offer", "-a", tmp_path / "offer.eml", "--", RECIPIENT],
            input="I never asked for this\n",
            text=True,
            check=True,
            capture_output=True,
            timeout=60,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )
        wait_until(lambda: counts(empty_desk) == {"report": 1}, "the report")
        assert ended(process)["report_count"] == 1


@pytest.mark.system
def test_mutt_redirects_and_whoever_redirected_it_is_the_reporter(empty_desk: Desk, tmp_path: Path) -> None:
    mutt, terminal = program("mutt", "mutt"), program("script", "bsdutils")
    with behind_postfix(empty_desk) as (process, port):
        (tmp_path / "Mail").mkdir()  # else mutt asks whether to make it
        inbox = tmp_path / "inbox"
        inbox.write_bytes(b"From nora@vale-shop.example Mon Mar  4 09:30:00 2024\n" + original() + b"\n")
        muttrc = tmp_path / "muttrc"
        muttrc.write_text(
            f'set smtp_url="smtp://127.0.0.1:{port}/"\nset ssl_starttls=no\nset ssl_force_tls=no\nset bounce=yes\n'
            'set from="cleo@mail.example"\nset use_envelope_from=yes\nset realname="Cleo Marsh"\n'
            f'push "<bounce-message>{RECIPIENT}<enter><exit>"\n'
        )
        with subprocess.Popen(
            [terminal, "-qec", f"{mutt} -F {muttrc} -f {inbox}", "/dev/null"],
            stdin=subprocess.PIPE,  # whose end would end mutt before it has done anything
            stdout=subprocess.DEVNULL,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TERM": "xterm"},
        ) as typing:
            assert typing.wait(60) == 0
        wait_until(lambda: counts(empty_desk) == {"report": 1}, "the report")
        assert ended(process)["report_count"] == 1
    (campaign,) = empty_desk.json("campaigns")
    assert (campaign["report_count"], campaign["first_mail_at"]) == (1, "2024-03-04T09:30:00Z")


def test_a_full_disk_puts_the_sender_off_and_nothing_is_lost(empty_desk: Desk) -> None:
    port = free_port()
    with running(empty_desk, "--listen", f"lmtp://127.0.0.1:{port}") as process:
        wait_until(lambda: answers(port), "the listener")
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
        with smtplib.LMTP("127.0.0.1", port) as client:
            with pytest.raises(smtplib.SMTPDataError) as raised:
                client.sendmail("cleo@mail.example", [RECIPIENT], REPORT)
            assert raised.value.smtp_code == 451
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
            assert client.sendmail("cleo@mail.example", [RECIPIENT], REPORT) == {}
        assert ended(process)["by_kind"] == {"report": 1}
    assert counts(empty_desk) == {"report": 1}


def test_a_listener_that_is_killed_has_stored_whatever_it_said_it_had(empty_desk: Desk) -> None:
    port, taken = free_port(), 0
    with running(empty_desk, "--listen", f"smtp://127.0.0.1:{port}") as process:
        wait_until(lambda: answers(port), "the listener")
        with contextlib.suppress(smtplib.SMTPException, OSError), smtplib.SMTP("127.0.0.1", port) as client:
            for number in range(1000):
                raw = COMPLAINT.replace(b"<m1@", b"<m%d@" % number)
                if number == 20:
                    process.kill()
                client.sendmail("cleo@mail.example", [RECIPIENT], raw)
                taken += 1
    assert 20 <= taken < 1000
    assert counts(empty_desk)["complaint"] in (taken, taken + 1)
