"""DKIM keys out of a real DNS server on loopback, and what of them is kept."""

from __future__ import annotations

import json
import socket
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import leaktrace
from leaktrace.errors import MailError
from leaktrace.folder import open_folder
from leaktrace.mailroom.authentication import check_signatures
from leaktrace.mailroom.dnskeys import DnsServer, KeyBook
from leaktrace.mailroom.mailbook import MailBook
from tests.mailroom.mail_samples import SUBJECT, attached, multipart, original
from tests.mailroom.test_mail_attached import key_pair, signed

NOW = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
NAME = "s1._domainkey.vale-shop.example"


class SmallDns:
    """A DNS server, one datagram an answer; counts what it is asked. `others`: (name, kind) -> records but TXT ones."""

    def __init__(
        self,
        records: dict[str, list[str]],
        *,
        validates: bool = False,
        others: dict[tuple[str, str], list[str]] | None = None,
    ) -> None:
        self.records = records
        self._others = others or {}
        self.asked: list[str] = []
        self._validates = validates
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            wire, peer = self._socket.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            name = query.question[0].name.to_text().rstrip(".")
            kind = dns.rdatatype.to_text(query.question[0].rdtype)
            self.asked.append(name)
            answer = dns.message.make_response(query)
            if name.startswith("broken"):
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif kind != "TXT" and (name, kind) in self._others:
                answer.answer.append(
                    dns.rrset.from_text_list(query.question[0].name, 60, "IN", kind, self._others[name, kind])
                )
            elif kind != "TXT" or name not in self.records:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                texts = [
                    '"' + '" "'.join(r[i : i + 200] for i in range(0, len(r), 200)) + '"' for r in self.records[name]
                ]
                answer.answer.append(dns.rrset.from_text_list(query.question[0].name, 60, "IN", "TXT", texts))
                if self._validates:
                    answer.flags |= dns.flags.AD
            self._socket.sendto(answer.to_wire(), peer)


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, str]:
    return key_pair()


@pytest.fixture
def server(pair: tuple[bytes, str]) -> Iterator[SmallDns]:
    made = SmallDns({NAME: [pair[1]], "two._domainkey.vale-shop.example": ["a", "b"]})
    yield made
    made.close()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def book(folder: Path, server: SmallDns | None, clock: Clock | None = None) -> KeyBook:
    asked = None if server is None else DnsServer((f"127.0.0.1#{server.port}",))
    return KeyBook(folder / "keys.db", asked, clock or Clock())


def test_a_signature_is_confirmed_by_the_dns(tmp_path: Path, server: SmallDns, pair: tuple[bytes, str]) -> None:
    keys = book(tmp_path, server)
    found = check_signatures(signed(pair, original()), keys, None)
    assert found.authentication.dkim[0].result == "pass"
    (kept,) = keys.history()
    assert (kept.name, kept.record, kept.dnssec, kept.asked_at) == (NAME, pair[1], "not_secure", NOW)
    assert stat.S_IMODE((tmp_path / "keys.db").stat().st_mode) == 0o600


def test_the_kept_key_confirms_after_the_selector_is_gone(
    tmp_path: Path, server: SmallDns, pair: tuple[bytes, str]
) -> None:
    assert book(tmp_path, server)[NAME] == pair[1]
    server.records.clear()
    offline = book(tmp_path, None)
    assert check_signatures(signed(pair, original()), offline, None).authentication.dkim[0].result == "pass"


def test_a_fresh_record_is_not_asked_for_again_and_a_changed_one_is_kept_beside_it(
    tmp_path: Path, server: SmallDns, pair: tuple[bytes, str]
) -> None:
    clock = Clock()
    keys = book(tmp_path, server, clock)
    assert [keys[NAME], keys[NAME]] == [pair[1], pair[1]]
    assert server.asked == [NAME]
    server.records[NAME] = ["v=DKIM1; p="]
    clock.now += timedelta(hours=2)
    assert keys[NAME] == "v=DKIM1; p="
    assert [one.record for one in keys.history()] == [pair[1], "v=DKIM1; p="]


def test_no_record_is_an_answer_and_is_kept(tmp_path: Path, server: SmallDns) -> None:
    keys = book(tmp_path, server)
    assert keys.get("gone._domainkey.vale-shop.example") is None
    assert [(one.name, one.record) for one in keys.history()] == [("gone._domainkey.vale-shop.example", None)]


def test_a_server_that_fails_is_no_answer_and_is_asked_once(tmp_path: Path, server: SmallDns) -> None:
    keys = book(tmp_path, server)
    assert keys.get("broken._domainkey.vale-shop.example") is None
    asked = len(server.asked)
    assert keys.get("broken._domainkey.vale-shop.example") is None
    assert len(server.asked) == asked
    assert keys.history() == ()


def test_two_records_under_one_selector_are_no_key(tmp_path: Path, server: SmallDns) -> None:
    assert book(tmp_path, server).get("two._domainkey.vale-shop.example") is None


def test_the_word_of_a_validating_server_is_kept(tmp_path: Path, pair: tuple[bytes, str]) -> None:
    validating = SmallDns({NAME: [pair[1]]}, validates=True)
    try:
        keys = book(tmp_path, validating)
        assert keys[NAME] == pair[1]
    finally:
        validating.close()
    assert keys.history()[0].dnssec == "secure"


@pytest.mark.parametrize(
    "name",
    ["", "vale-shop.example", "s1._domainkey.vale shop.example", "a." * 200 + "example", "s1._domainkey.x\n.example"],
)
def test_what_is_no_name_of_a_key_is_not_asked_for(tmp_path: Path, server: SmallDns, name: str) -> None:
    # A signature's d= and s= are the sender's words: they must not become queries of any shape.
    assert book(tmp_path, server).get(name) is None
    assert server.asked == []


@pytest.mark.parametrize("server", ["dns.example", "192.0.2.53#dns", "", "192.0.2.53, 192.0.2.54"])
def test_what_is_no_address_of_a_server_is_refused_with_a_hint(server: str) -> None:
    with pytest.raises(MailError, match="dns_servers"):
        DnsServer((server,))


def test_mail_that_comes_is_checked_with_keys_of_the_dns(
    tmp_path: Path, server: SmallDns, pair: tuple[bytes, str]
) -> None:
    environment = {"LEAKTRACE_KEY_FILE": str(tmp_path / "ws.key")}
    leaktrace.create(tmp_path / "ws", environment=environment, clock=Clock()).close()
    (tmp_path / "a.eml").write_bytes(multipart(attached(signed(pair, original()))))
    (tmp_path / "b.eml").write_bytes(
        multipart(attached(signed(pair, original().replace(SUBJECT.encode(), b"Another offer"))))
    )
    grades = []
    for servers, name in (([], "a"), ([f"127.0.0.1#{server.port}"], "b")):
        (tmp_path / "ws" / "settings.json").write_text(json.dumps({"dns_servers": servers}), encoding="utf-8")
        with leaktrace.open(tmp_path / "ws", environment=environment, clock=Clock()) as workspace:
            workspace.receive(tmp_path / f"{name}.eml")
            keys = workspace.dns_keys()
        opened = open_folder(tmp_path / "ws", environment)
        with MailBook.open(tmp_path / "ws" / "mail", opened.keyring) as kept:
            grades.append(sorted(one.originals[0].grade for one in kept.records()))
    assert grades == [["G2"], ["G2", "G4"]]
    assert [(one.name, one.asked_at) for one in keys] == [(NAME, NOW)]


def test_a_damaged_book_says_so(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"no database at all, but long enough to be read as one" * 20)
    with pytest.raises(MailError, match=r"keys\.db"):
        book(tmp_path, None)
