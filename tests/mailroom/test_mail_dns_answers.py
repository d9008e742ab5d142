"""What SPF and DMARC ask of a real DNS server on loopback: kept or not, and no longer than it may take."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from leaktrace.mailroom.dnsanswers import AnswerBook, read_answers
from leaktrace.mailroom.dnskeys import DnsServer, FoundAnswer
from leaktrace.mailroom.spf import RecordKind, check_host
from tests.mailroom.test_mail_dns_keys import NOW, Clock, SmallDns

SPF = "v=spf1 mx a:out.mail.example exists:%{l}.who.mail.example ptr -all"


@pytest.fixture
def server() -> Iterator[SmallDns]:
    made = SmallDns(
        {"mail.example": [SPF, "something else"], "long.mail.example": ["x" * 700]},
        validates=True,
        others={
            ("mail.example", "MX"): ["20 b.mail.example.", "10 a.mail.example."],
            ("a.mail.example", "A"): ["192.0.2.8"],
            ("b.mail.example", "A"): ["192.0.2.9", "192.0.2.1"],
            ("a.mail.example", "AAAA"): ["2001:db8::1"],
            ("none.mail.example", "MX"): ["0 ."],
            ("1.2.0.192.in-addr.arpa", "PTR"): ["b.mail.example."],
            ("cleo.who.mail.example", "A"): ["127.0.0.2"],
        },
    )
    yield made
    made.close()


def book(folder: Path, server: SmallDns, clock: Clock | None = None) -> AnswerBook:
    return AnswerBook(folder / "keys.db", DnsServer((f"127.0.0.1#{server.port}",)), clock or Clock())


def test_each_kind_of_record_is_found(tmp_path: Path, server: SmallDns) -> None:
    names = book(tmp_path, server)
    assert names.find("mail.example", "TXT") == ("something else", SPF)
    assert names.find("long.mail.example", "TXT") == ("x" * 700,)
    assert names.find("mail.example", "MX") == ("a.mail.example", "b.mail.example")
    assert names.find("none.mail.example", "MX") == ()
    assert names.find("B.Mail.Example", "A") == ("192.0.2.1", "192.0.2.9")
    assert names.find("a.mail.example", "AAAA") == ("2001:db8::1",)
    assert names.find("1.2.0.192.in-addr.arpa", "PTR") == ("b.mail.example",)
    assert names.find("gone.example", "TXT") == ()
    assert names.find("broken.example", "TXT") is None


def test_a_record_with_all_mechanisms_is_judged_by_it(tmp_path: Path, server: SmallDns) -> None:
    names = book(tmp_path, server)
    assert check_host("192.0.2.1", "cleo@mail.example", "mx", names).result == "pass"
    assert check_host("192.0.2.77", "nora@mail.example", "mx", names).result == "fail"


def test_what_is_kept_names_nobody(tmp_path: Path, server: SmallDns) -> None:
    names = book(tmp_path, server)
    check_host("192.0.2.77", "cleo@mail.example", "mx", names)
    assert "cleo.who.mail.example" in server.asked
    names.close()
    kept = read_answers(tmp_path / "keys.db")
    assert [(one.name, one.kind, one.dnssec, one.asked_at) for one in kept][:2] == [
        ("mail.example", "TXT", "secure", NOW),
        ("mail.example", "MX", "not_secure", NOW),
    ]
    assert kept[0].records == ("something else", SPF)
    assert not any("cleo" in one.name or "77" in one.name for one in kept)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("keys.db*"))
    assert b"cleo.who" not in content
    assert b"77.2.0.192" not in content


def test_a_fresh_answer_is_not_asked_for_again_and_a_changed_one_is_kept_beside_it(
    tmp_path: Path, server: SmallDns
) -> None:
    clock = Clock()
    names = book(tmp_path, server, clock)
    names.find("mail.example", "TXT")
    names.find("mail.example", "TXT")
    assert server.asked == ["mail.example"]
    server.records["mail.example"] = ["v=spf1 -all"]
    clock.now += timedelta(hours=2)
    assert names.find("mail.example", "TXT") == ("v=spf1 -all",)
    assert [one.records[-1] for one in read_answers(tmp_path / "keys.db")] == [SPF, "v=spf1 -all"]


def test_a_book_of_keys_alone_gets_its_table(tmp_path: Path, server: SmallDns) -> None:
    with sqlite3.connect(tmp_path / "keys.db") as connection:
        connection.execute("CREATE TABLE keys (id INTEGER PRIMARY KEY)")
    assert read_answers(tmp_path / "keys.db") == ()


class Tarpit:
    """A server that answers nothing and takes all the time it is given; it implements `AnswerServer`."""

    def __init__(self) -> None:
        self.now_seconds = 0.0
        self.asked = 0

    def find(self, name: str, kind: RecordKind, now: datetime, *, seconds: float) -> FoundAnswer | None:
        del name, kind, now
        self.asked += 1
        self.now_seconds += seconds
        return None

    def clock(self) -> float:
        return self.now_seconds


class TestTarpit:
    """A sender whose DNS never answers, to hold up the mail of everybody else; each name is asked once anyway."""

    @staticmethod
    def waited(tmp_path: Path, mail_seconds: float, batch_seconds: float) -> tuple[float, int]:
        tarpit = Tarpit()
        names = AnswerBook(
            tmp_path / "keys.db",
            tarpit,
            Clock(),
            monotonic=tarpit.clock,
            mail_seconds=mail_seconds,
            batch_seconds=batch_seconds,
        )
        for mail in range(100):
            names.next_mail()
            for name in range(100):
                assert names.find(f"n{name}.m{mail}.example", "TXT") is None
        return tarpit.now_seconds, tarpit.asked

    def test_without_ceilings_a_batch_waits_for_half_a_day(self, tmp_path: Path) -> None:
        assert self.waited(tmp_path, 1e9, 1e9) == (50_000.0, 10_000)

    def test_one_mail_waits_twenty_seconds(self, tmp_path: Path) -> None:
        assert self.waited(tmp_path, 20.0, 1e9) == (2000.0, 400)

    def test_a_batch_waits_two_minutes(self, tmp_path: Path) -> None:
        assert self.waited(tmp_path, 20.0, 120.0) == (120.0, 24)


@pytest.mark.parametrize("name", ["a\\.b.example", "x y.example", "é.example", "a" * 64 + ".example", "a..example", ""])
def test_a_strangers_name_is_asked_as_it_is_or_not_at_all(tmp_path: Path, server: SmallDns, name: str) -> None:
    assert book(tmp_path, server).find(name, "A") in ((), None)
    assert all("\n" not in one for one in server.asked)
