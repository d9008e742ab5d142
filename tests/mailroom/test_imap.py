"""A mailbox over IMAP, at a real server: read-only until committed, then moved or left; a restart goes on."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from leaktrace.errors import MailError
from leaktrace.keys import Keyring
from leaktrace.mailroom.sources import FoundMessage
from leaktrace.mailroom.ways import Batch, ImapAsked
from leaktrace.mailroom.ways.imap import ImapMailbox
from leaktrace.mailroom.ways.session import LostConnection, Session
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import message
from tests.mailroom.servers.dovecot import (
    PASSWORD,
    USER,
    WITHOUT_MOVE,
    WITHOUT_MOVE_AND_UIDPLUS,
    Dovecot,
    dovecot,
)
from tests.mailroom.servers.starting import wait_until, write_certificate

KEYRING = Keyring(bytes(range(32)), "ws-test")
SETTINGS = replace(Settings(), imap_poll_seconds=1, imap_timeout_seconds=10, message_ceiling_bytes=200_000)
RAWS = [message(f"complaint {number}\n", subject=f"Number {number}") for number in range(3)]
BIG = message("words\n" * 50_000, subject="Big")


@pytest.fixture(scope="module", params=["", WITHOUT_MOVE, WITHOUT_MOVE_AND_UIDPLUS], ids=["MOVE", "UIDPLUS", "neither"])
def any_server(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    """A server that can all, one without MOVE, and one that can only what RFC 3501 asks for."""
    with dovecot(capability=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


numbers = itertools.count()


def new_folder(server: Dovecot, *raws: bytes) -> str:
    """A folder of the test's own with these messages."""
    name = f"Box{next(numbers)}"
    with server.client() as client:
        client.create_folder(name)
    server.append(*raws, folder=name)
    return name


def asked(server: Dovecot, folder: str, *, move_to: str | None = None, follow: bool = False) -> ImapAsked:
    return ImapAsked(USER, "localhost", server.tls_port, True, folder, move_to, follow, server.ca_file, PASSWORD)


def mailbox(wanted: ImapAsked, folder: Path, settings: Settings = SETTINGS) -> ImapMailbox:
    return ImapMailbox(wanted, folder, KEYRING, settings)


def taken(way: ImapMailbox, *, settle: Callable[[Batch], None] = lambda batch: batch.settle()) -> list[bytes]:
    """What comes now; a batch that is not settled was not committed."""
    found: list[bytes] = []
    for batch in way.batches(stop=lambda: False, tell=lambda _: None):
        found += [one.raw or b"" for one in batch.messages]
        settle(batch)
    return found


@pytest.mark.system
class TestAnyServer:
    def test_stored_messages_are_moved_unread_to_a_folder_made_for_them(
        self, any_server: Dovecot, tmp_path: Path
    ) -> None:
        box, target = new_folder(any_server, *RAWS), f"Stored{next(numbers)}"
        assert taken(mailbox(asked(any_server, box, move_to=target), tmp_path)) == RAWS
        moved = any_server.folder(target)
        assert [raw for raw, _ in moved] == RAWS
        assert not any(b"\\Seen" in flags for _, flags in moved)
        assert any_server.folder(box) == []
        any_server.append(RAWS[0], folder=box)
        assert taken(mailbox(asked(any_server, box, move_to=target), tmp_path)) == RAWS[:1]
        assert len(any_server.folder(target)) == 4

    def test_left_messages_stay_as_they_are_and_are_not_fetched_again(
        self, any_server: Dovecot, tmp_path: Path
    ) -> None:
        box = new_folder(any_server, *RAWS[:2])
        before = [(raw, set(flags) - {b"\\Recent"}) for raw, flags in any_server.folder(box)]
        assert taken(mailbox(asked(any_server, box), tmp_path)) == RAWS[:2]
        assert [(raw, set(flags) - {b"\\Recent"}) for raw, flags in any_server.folder(box)] == before
        any_server.append(RAWS[2], folder=box)
        assert taken(mailbox(asked(any_server, box), tmp_path)) == RAWS[2:]
        # Whoever changes their mind has what was left moved, without fetching it.
        assert taken(mailbox(asked(any_server, box, move_to=f"{box}-done"), tmp_path)) == []
        assert [raw for raw, _ in any_server.folder(f"{box}-done")] == RAWS

    def test_what_was_not_committed_is_not_moved_and_comes_again(self, any_server: Dovecot, tmp_path: Path) -> None:
        box, target = new_folder(any_server, *RAWS), f"Stored{next(numbers)}"
        way = mailbox(asked(any_server, box, move_to=target), tmp_path)
        assert taken(way, settle=lambda _: None) == RAWS
        assert [raw for raw, _ in any_server.folder(box)] == RAWS
        assert any_server.folder(target) == []
        assert taken(mailbox(asked(any_server, box, move_to=target), tmp_path)) == RAWS

    def test_what_was_committed_is_moved_after_a_kill_without_being_fetched(
        self, any_server: Dovecot, tmp_path: Path
    ) -> None:
        box, target = new_folder(any_server, *RAWS), f"Stored{next(numbers)}"
        killed = mailbox(asked(any_server, box, move_to=target), tmp_path).batches(
            stop=lambda: False, tell=lambda _: None
        )
        next(killed).settle()
        killed.close()  # as a kill: nothing after the settling happens
        assert len(any_server.folder(box)) == 3
        assert taken(mailbox(asked(any_server, box, move_to=target), tmp_path)) == []
        assert [raw for raw, _ in any_server.folder(target)] == RAWS
        assert any_server.folder(box) == []

    def test_what_somebody_else_marked_as_deleted_is_not_expunged(self, any_server: Dovecot, tmp_path: Path) -> None:
        box, target = new_folder(any_server, RAWS[0], BIG), f"Stored{next(numbers)}"
        with any_server.client() as client:
            client.select_folder(box)
            client.add_flags(client.search(), [b"\\Deleted"])
            client.append(box, RAWS[1])
        # The big one is left where it is; its mark is its owner's.
        taken(mailbox(asked(any_server, box, move_to=target), tmp_path))
        assert BIG in [raw for raw, _ in any_server.folder(box)]
        assert RAWS[1] in [raw for raw, _ in any_server.folder(target)]


@pytest.mark.system
class TestOneServer:
    def test_a_message_over_the_ceiling_is_known_by_its_digest_and_stays(self, server: Dovecot, tmp_path: Path) -> None:
        box = new_folder(server, RAWS[0], BIG * 5, RAWS[1])
        way = mailbox(asked(server, box, move_to="Stored"), tmp_path)
        found: list[FoundMessage] = []
        for batch in way.batches(stop=lambda: False, tell=lambda _: None):
            found += batch.messages
            batch.settle()
        assert [one.raw is None for one in found] == [False, True, False]
        big = found[1]
        assert (big.size_bytes, big.sha256) == (len(BIG * 5), hashlib.sha256(BIG * 5).hexdigest())
        assert BIG.startswith(big.beginning)
        assert [raw for raw, _ in server.folder(box)] == [BIG * 5]
        assert taken(mailbox(asked(server, box, move_to="Stored"), tmp_path)) == []

    @pytest.mark.parametrize("idles", [True, False])
    def test_a_followed_mailbox_gives_what_comes(self, server: Dovecot, tmp_path: Path, idles: bool) -> None:
        with contextlib.nullcontext(server) if idles else dovecot(capability=WITHOUT_MOVE_AND_UIDPLUS) as running:
            box = new_folder(running, RAWS[0])
            way = mailbox(asked(running, box, move_to="Stored", follow=True), tmp_path)
            found: list[bytes] = []
            thread = threading.Thread(target=lambda: follow(way, found))
            thread.start()
            wait_until(lambda: len(found) == 1, "what was there")
            running.append(RAWS[1], folder=box)
            wait_until(lambda: len(found) == 2, "what came")
            running.append(RAWS[2], folder=box)
            thread.join(30)
            assert not thread.is_alive()
        assert found == RAWS

    def test_a_mailbox_made_anew_is_read_anew(self, server: Dovecot, tmp_path: Path) -> None:
        box = new_folder(server, *RAWS)
        assert taken(mailbox(asked(server, box), tmp_path)) == RAWS
        with server.client() as client:
            client.delete_folder(box)
            client.create_folder(box)
        server.append(RAWS[1], folder=box)
        assert taken(mailbox(asked(server, box), tmp_path)) == RAWS[1:2]

    def test_more_messages_than_one_page_and_one_batch(self, server: Dovecot, tmp_path: Path) -> None:
        raws = [message(f"number {number}\n") for number in range(620)]
        box = new_folder(server)
        with server.client() as client:
            client.multiappend(box, raws) if client.has_capability("MULTIAPPEND") else None
        assert taken(mailbox(asked(server, box, move_to=f"{box}-done"), tmp_path)) == raws
        assert server.folder(box) == []

    def test_starttls_and_a_name_that_is_no_ascii(self, server: Dovecot, tmp_path: Path) -> None:
        box = "Mißbrauch & گزارش"
        with server.client() as client:
            client.create_folder(box)
        server.append(RAWS[0], folder=box)
        plain = replace(asked(server, box), tls=False, port=server.port)
        assert taken(mailbox(plain, tmp_path)) == RAWS[:1]

    def test_a_certificate_that_is_not_trusted_ends_it(self, server: Dovecot, tmp_path: Path) -> None:
        for wanted in (asked(server, "INBOX"), replace(asked(server, "INBOX"), tls=False, port=server.port)):
            with pytest.raises(MailError, match="certificate that is not trusted"):
                taken(mailbox(replace(wanted, ca_file=None, follow=True), tmp_path))
        with pytest.raises(MailError, match="no certificates"):
            taken(mailbox(replace(asked(server, "INBOX"), ca_file=tmp_path / "absent"), tmp_path))

    def test_a_wrong_password_ends_it_and_is_not_repeated(self, server: Dovecot, tmp_path: Path) -> None:
        wanted = replace(asked(server, "INBOX", follow=True), password="s3cret")  # noqa: S106
        with pytest.raises(MailError, match="does not accept user and password") as raised:
            taken(mailbox(wanted, tmp_path))
        assert "s3cret" not in str(raised.value)
        assert USER not in str(raised.value)

    def test_a_server_that_breaks_off_at_the_log_in_may_be_tried_again(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=lambda: _let_in_until_log_in(listening))
            thread.start()
            wanted = ImapAsked("u", "127.0.0.1", listening.getsockname()[1], False, password="x")  # noqa: S106
            with pytest.raises(LostConnection):
                taken(mailbox(wanted, tmp_path))
            thread.join(10)

    def test_a_password_may_have_any_letters(self, server: Dovecot, tmp_path: Path) -> None:
        wanted = replace(asked(server, "INBOX"), password="pässwörd گذر")  # noqa: S106
        with pytest.raises(MailError, match="does not accept user and password"):
            taken(mailbox(wanted, tmp_path))

    def test_a_folder_that_is_not_there_is_said(self, server: Dovecot, tmp_path: Path) -> None:
        with pytest.raises(MailError, match="refused") as raised:
            taken(mailbox(asked(server, "Nowhere"), tmp_path))
        assert raised.value.hint

    def test_no_address_lies_on_disk_in_clear(self, server: Dovecot, tmp_path: Path) -> None:
        box = new_folder(server, RAWS[0])
        taken(mailbox(asked(server, box), tmp_path))
        for path in tmp_path.iterdir():
            assert USER.encode() not in path.read_bytes()
            assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.system
def test_a_server_that_goes_away_is_found_again(tmp_path: Path) -> None:
    told: list[str] = []
    found: list[bytes] = []
    with dovecot() as first, Forwarder(first.tls_port) as forwarder:
        box = new_folder(first, RAWS[0])
        wanted = replace(asked(first, box, follow=True), port=forwarder.port)
        way = mailbox(wanted, tmp_path)
        thread = threading.Thread(target=lambda: follow(way, found, told, 2))
        thread.start()
        wait_until(lambda: len(found) == 1, "the first")
        forwarder.cut()
        first.append(RAWS[1], folder=box)
        thread.join(30)
        assert not thread.is_alive()
    assert found == RAWS[:2]
    assert "Next try in 1 s" in told[0]


def test_a_server_that_was_never_there_ends_it_at_once(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        wanted = ImapAsked("u", "127.0.0.1", closed.getsockname()[1], True, follow=True)
        with pytest.raises(LostConnection, match="cannot be reached"):
            taken(mailbox(wanted, tmp_path))


def _let_in_until_log_in(listening: socket.socket) -> None:
    client, _ = listening.accept()
    with client, client.makefile("rb") as lines:
        client.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
        for line in lines:
            tag, command, *_ = line.split()
            if command.upper() != b"CAPABILITY":
                return
            client.sendall(b"* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" % tag)


def follow(way: ImapMailbox, found: list[bytes], told: list[str] | None = None, count: int = 3) -> None:
    """Takes what comes until there are so many."""

    def stop() -> bool:
        return len(found) >= count

    for batch in way.batches(stop=stop, tell=(told if told is not None else []).append):
        batch.settle()
        found.extend(one.raw or b"" for one in batch.messages)


class Forwarder:
    """Connections to another port, which can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Forwarder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)
        self.cut()

    def cut(self) -> None:
        while self._open:
            one = self._open.pop()
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(65536):
            other.sendall(piece)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


# --- a hostile server -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def hostile(*answers: bytes, tag_last: bool = True) -> Iterator[int]:
    """A server in the clear that greets, lets everybody in, and then gives these answers, whatever is asked."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            client, _ = listening.accept()
            with client, client.makefile("rb") as lines:
                client.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
                left = list(answers)
                for line in lines:
                    tag, command, *_ = line.split()
                    if command.upper() == b"LOGIN":
                        client.sendall(b"%s OK [CAPABILITY IMAP4rev1] in\r\n" % tag)
                    elif command.upper() == b"CAPABILITY":
                        client.sendall(b"* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" % tag)
                    elif left:
                        client.sendall(left.pop(0) + (b"%s OK done\r\n" % tag if tag_last else b""))
                    else:
                        return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


SELECTED = b"* FLAGS ()\r\n* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n"
LISTED = b"* 1 FETCH (UID 1 RFC822.SIZE 50)\r\n"


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((SELECTED, b"* 1 FETCH (UID 1 RFC822.SIZE 50 BODY[] {3000000000}\r\n"), "longer than anything"),
        ((SELECTED, (b"* 1 FETCH (FLAGS (" + b"x" * 100_000 + b"))\r\n") * 300), "longer than anything"),
        ((SELECTED, LISTED, b"* 1 FETCH (UID 1 BODY[] {99999999}\r\n"), "longer than anything"),
        ((SELECTED, b"* 1 FETCH (((((\r\n"), "."),
        ((SELECTED, b"* 1 FETCH " + b"(" * 20_000 + b"\r\n"), "."),
        ((b"* 1 EXISTS\r\n",), "UIDVALIDITY"),
        ((b"* NO no\r\n* BYE go\r\n",), "."),
        ((b"\x00\xff\r\n",), "."),
    ],
)
def test_a_hostile_servers_answer_ends_the_session(answers: tuple[bytes, ...], says: str, tmp_path: Path) -> None:
    with hostile(*answers) as port:
        wanted = ImapAsked("u", "127.0.0.1", port, False, password="x")  # noqa: S106
        with pytest.raises(MailError, match=says):
            taken(mailbox(wanted, tmp_path, replace(SETTINGS, imap_timeout_seconds=3)))


def test_a_size_that_is_a_lie_is_not_believed(tmp_path: Path) -> None:
    raw = message("x" * 300_000)
    body = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%s)\r\n" % (len(raw), raw)
    with hostile(SELECTED, LISTED, body, b"", b"") as port:
        wanted = ImapAsked("u", "127.0.0.1", port, False, password="x")  # noqa: S106
        (batch,) = mailbox(wanted, tmp_path).batches(stop=lambda: False, tell=lambda _: None)
    (found,) = batch.messages
    assert (found.raw, found.size_bytes) == (None, len(raw))


def test_a_message_the_server_lists_but_does_not_give_is_not_taken_for_committed(tmp_path: Path) -> None:
    with hostile(SELECTED, LISTED, b"* 1 FETCH (UID 1 BODY[] NIL)\r\n") as port:
        wanted = ImapAsked("u", "127.0.0.1", port, False, move_to="Stored", password="x")  # noqa: S106
        assert taken(mailbox(wanted, tmp_path)) == []


def test_a_server_elsewhere_without_tls_gets_no_password() -> None:
    """The name is another machine's as far as we know; that it leads here shows that no password was sent."""
    with hostile() as port:
        wanted = ImapAsked("u", "127.0.0.1.nip.example", port, False, password="x")  # noqa: S106
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", _leading_here)
            with pytest.raises(MailError, match="offers no TLS"):
                Session(wanted, timeout_seconds=5, ceiling_bytes=1000)


def _leading_here(host: object, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
    del host
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with dovecot() as running:
        (tmp_path / "other").mkdir()
        other, _ = write_certificate(tmp_path / "other", "other.example")
        with pytest.raises(MailError, match="not trusted"):
            taken(mailbox(replace(asked(running, "INBOX"), ca_file=other), tmp_path))
