"""A message that comes by any two ways is one message: files, mbox, Maildir, IMAP, LMTP, SMTP, the other first."""

from __future__ import annotations

import mailbox
import smtplib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import leaktrace
from leaktrace.mailroom.ways import WayAsked, imap_asked, listen_asked
from tests.mailroom.mail_samples import attached, gmail_text, message, multipart, original
from tests.mailroom.servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.mailroom.servers.starting import answers, free_port, wait_until

REPORT = multipart("Content-Type: text/plain\n\nplease look", attached(original()), subject="Fwd: Half price")
INLINE = message(gmail_text() + "\nFrom my phone\n>From a quote\n").replace(b"<m1@", b"<m2@")
COMPLAINT = message("This is spam, please stop this unwanted mail.\n\nFrom here on nothing.\n").replace(
    b"<m1@", b"<m3@"
)
BOUNCE = (
    b"From: MAILER-DAEMON@mx.example\r\nDate: Tue, 05 Mar 2024 11:00:00 +0000\r\nMessage-ID: <b1@mx.example>\r\n"
    b"Subject: Undelivered Mail Returned to Sender\r\n\r\nit did not arrive\r\n"
)
RAWS = (REPORT, INLINE, COMPLAINT, BOUNCE)
BY_KIND = {"bounce": 1, "complaint": 1, "report": 2}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one test's messages go."""

    workspace: leaktrace.Workspace
    server: Dovecot
    folder: Path

    def take(self, asked: WayAsked) -> leaktrace.MailReport:
        return self.workspace.receive_from(asked)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


def by_file(place: Place) -> leaktrace.MailReport:
    folder = place.folder / "files"
    folder.mkdir(exist_ok=True)
    for number, raw in enumerate(RAWS):
        (folder / f"{number}.eml").write_bytes(raw.replace(b"\r\n", b"\n"))
    return place.workspace.receive(folder)


def by_mbox(place: Place) -> leaktrace.MailReport:
    box = mailbox.mbox(place.folder / "box.mbox")
    for raw in RAWS:
        box.add(raw)
    box.close()
    return place.workspace.receive(place.folder / "box.mbox")


def by_maildir(place: Place) -> leaktrace.MailReport:
    box = mailbox.Maildir(place.folder / "maildir")
    for raw in RAWS:
        box.add(b"Delivered-To: report-abuse@market.example\r\n" + raw)
    return place.workspace.receive(place.folder / "maildir")


def by_imap(place: Place) -> leaktrace.MailReport:
    box = f"From {place.folder.name}"
    with place.server.client() as client:
        client.create_folder(box)
    place.server.append(*RAWS, folder=box)
    asked = imap_asked(place.server.url(box.replace(" ", "%20")), ca_file=place.server.ca_file)
    return place.take(replace(asked, password=PASSWORD))


def by_lmtp(place: Place) -> leaktrace.MailReport:
    return by_listener(place, "lmtp")


def by_smtp(place: Place) -> leaktrace.MailReport:
    return by_listener(place, "smtp")


def by_listener(place: Place, protocol: str) -> leaktrace.MailReport:
    port, done = free_port(), threading.Event()

    def send() -> None:
        try:
            wait_until(lambda: answers(port), "the listener")
            with (smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP)("127.0.0.1", port) as client:
                for raw in RAWS:
                    client.sendmail("" if raw is BOUNCE else "cleo@mail.example", ["report-abuse@market.example"], raw)
        finally:
            done.set()

    thread = threading.Thread(target=send)
    thread.start()
    report = place.workspace.receive_from(listen_asked(f"{protocol}://127.0.0.1:{port}"), stop=done.is_set)
    thread.join(10)
    return report


WAYS: tuple[Callable[[Place], leaktrace.MailReport], ...] = (
    by_file, by_mbox, by_maildir, by_imap, by_lmtp, by_smtp
)  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("first", WAYS)
def test_what_came_one_way_is_known_when_it_comes_another_way(
    first: Callable[[Place], leaktrace.MailReport], server: Dovecot, tmp_path: Path
) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    with leaktrace.create(tmp_path / "ws", environment=environment) as workspace:
        folder = tmp_path / first.__name__
        folder.mkdir()
        place = Place(workspace, server, folder)
        report = first(place)
        assert (report.message_count, report.duplicate_count, report.by_kind) == (4, 0, BY_KIND)
        for second in WAYS:
            if second is not first:
                report = second(place)
                assert (report.message_count, report.duplicate_count, report.by_kind) == (4, 4, {}), second
