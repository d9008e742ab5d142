"""XFORWARD at the listener: our own mail system is believed about its client, and nobody else."""

from __future__ import annotations

import smtplib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import MailError
from leaktrace.mailroom.forwarders import Forwarders
from leaktrace.mailroom.sources import Envelope
from leaktrace.mailroom.ways import ListenAsked
from leaktrace.mailroom.ways.listener import Listener
from leaktrace.mailroom.ways.xforward import ATTRIBUTES, BadXforwardError, client_of, read_xforward
from tests.mailroom.test_listener import RAW, SMALL, Talker, connected, listening

TOLD = b"XFORWARD NAME=mail.example ADDR=192.0.2.7 PORT=1025 PROTO=ESMTP HELO=mail.example SOURCE=REMOTE"
BELIEVED = replace(SMALL, trusted_forwarders=("127.0.0.1",))


def hand_over(talker: Talker) -> bytes:
    talker.begin_data()
    talker.stream.sendall(RAW + b".\r\n")
    return talker.answer()


class TestForged:
    """Somebody who reaches the listener and says that the mail came from where its domain allows."""

    def test_believed_from_anywhere_it_works(self) -> None:
        with (
            listening(limits=replace(SMALL, trusted_forwarders=("0.0.0.0/0",))) as desk,
            connected(desk.port) as talker,
        ):
            assert talker.say(TOLD) == [b"250 2.0.0 OK\r\n"]
            hand_over(talker)
        assert desk.found[0].envelope == Envelope("192.0.2.7", "mail.example", "a@b.example")

    @pytest.mark.parametrize("trusted", [(), ("unix",), ("192.0.2.0/24", "2001:db8::1")])
    def test_from_who_is_not_listed_it_is_refused_and_counts_for_nothing(self, trusted: tuple[str, ...]) -> None:
        with listening(limits=replace(SMALL, trusted_forwarders=trusted)) as desk, connected(desk.port) as talker:
            assert talker.say(TOLD)[0].startswith(b"550 5.7.0")
            assert hand_over(talker).startswith(b"250")
        assert desk.found[0].envelope is None

    def test_it_is_offered_to_ours_only(self) -> None:
        for limits, offered in ((SMALL, False), (BELIEVED, True)):
            with listening("smtp", limits=limits) as desk, smtplib.SMTP("127.0.0.1", desk.port) as client:
                client.ehlo()
                assert client.has_extn("xforward") is offered
                if offered:
                    assert client.esmtp_features["xforward"].split() == list(ATTRIBUTES)


def test_what_was_said_holds_for_one_message() -> None:
    with listening(limits=BELIEVED) as desk, connected(desk.port) as talker:
        talker.say(b"XFORWARD NAME=mail.example ADDR=192.0.2.7", b"XFORWARD HELO=other.example")
        hand_over(talker)
        hand_over(talker)
        talker.say(TOLD, b"RSET")
        hand_over(talker)
        talker.say(TOLD, b"LHLO again.example")
        hand_over(talker)
    assert [one.envelope for one in desk.found] == [Envelope("192.0.2.7", "other.example", "a@b.example"), *[None] * 3]


def test_it_is_not_taken_inside_a_message() -> None:
    with listening(limits=BELIEVED) as desk, connected(desk.port) as talker:
        assert talker.say(b"MAIL FROM:<a@b.example>", TOLD)[1].startswith(b"503")


@pytest.mark.parametrize("words", [b"", b" ADDR", b" WHO=me", b" ADDR=" + b"1" * 300, b" HELO=a+0Ab", b" HELO=a+00"])
def test_what_cannot_be_read_is_refused(words: bytes) -> None:
    with listening(limits=BELIEVED) as desk, connected(desk.port) as talker:
        assert talker.say(b"XFORWARD" + words)[0].startswith(b"501")
        assert hand_over(talker).startswith(b"250")
    assert desk.found[0].envelope is None


def test_a_unix_socket_is_believed_where_it_is_listed(tmp_path: Path) -> None:
    for trusted, envelope in ((("unix",), Envelope("192.0.2.7", "", "a@b.example")), (("127.0.0.1",), None)):
        path = tmp_path / "lmtp.sock"
        with listening(path=path, limits=replace(SMALL, trusted_forwarders=trusted)) as desk:
            with smtplib.LMTP(str(path)) as client:
                client.ehlo("mx.market.example")
                client.docmd("XFORWARD", "ADDR=192.0.2.7")
                client.sendmail("a@b.example", ["c@d.example"], RAW)
            assert [one.envelope for one in desk.found] == [envelope]


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("ADDR=192.0.2.7", "192.0.2.7"),
        ("ADDR=IPV6:2001:db8::7", "2001:db8::7"),
        ("ADDR=[UNAVAILABLE] HELO=[UNAVAILABLE]", None),
        ("ADDR=127.0.0.1 SOURCE=LOCAL", None),
        ("HELO=mail.example", None),
        ("ADDR=mail.example", None),
    ],
)
def test_a_client_is_an_address(words: str, address: str | None) -> None:
    client = client_of(read_xforward(words))
    assert (client.address if client else None) == address


def test_xtext_is_undone() -> None:
    assert read_xforward("HELO=a+3Db helo=c+2Bd IDENT=") == {"HELO": "c+d", "IDENT": ""}


@given(st.text(max_size=80))
def test_whatever_is_said_is_read_or_refused(words: str) -> None:
    try:
        found = read_xforward(words)
    except BadXforwardError:
        return
    assert all(value.isprintable() for value in found.values())


@pytest.mark.parametrize("written", ["mx.market.example", "10.0.0.0/33", "", "127.0.0.1:25"])
def test_what_is_no_address_in_the_setting_is_said(written: str) -> None:
    with pytest.raises(MailError, match="trusted_forwarders") as raised:
        Listener(ListenAsked("lmtp", "127.0.0.1", 0), replace(SMALL, trusted_forwarders=(written,)))
    assert raised.value.hint


def test_a_peer_is_one_of_ours_by_its_address() -> None:
    ours = Forwarders(("10.0.0.0/8", "2001:db8::/32", "unix"))
    assert ours.has_peer(("10.1.2.3", 25))
    assert ours.has_peer(("::ffff:10.1.2.3", 25, 0, 0))
    assert ours.has_peer("")
    assert not ours.has_peer(("192.0.2.1", 25))
    assert not ours.has_peer("10.1.2.3")
    assert not Forwarders(()).has_peer("")
    assert not Forwarders(())
