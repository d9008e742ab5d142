"""One message is one message, whatever way it came by; two messages are two."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.mailroom import content_sha256
from tests.mailroom.mail_samples import gmail_text, message

TRACE = (
    b"Return-Path: <cleo@mail.example>\r\nDelivered-To: report-abuse@market.example\r\n"
    b"Received: from mx.market.example ([127.0.0.1])\r\n\tby host (leaktrace) with LMTP id 1;\r\n"
    b"\tTue, 5 Mar 2024 10:00:02 +0000\r\nAuthentication-Results: mx.market.example; dkim=pass\r\n"
    b"X-Spam-Status: No, score=0\r\n"
)
SAID = message(gmail_text() + "\nFrom my phone\n>From a quote\n")


def as_mboxrd(raw: bytes) -> bytes:
    """As an mbox holds it: LF, every `From ` quoted once more, a blank line behind it."""
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    return b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in lines) + b"\n"


def as_mboxo(raw: bytes) -> bytes:
    """The older dialect: only a bare `From ` is quoted."""
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    return b"\n".join(b">" + line if line.startswith(b"From ") else line for line in lines)


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda raw: raw,
    "line ends of Unix": lambda raw: raw.replace(b"\r\n", b"\n"),
    "mboxrd": as_mboxrd,
    "mboxo": as_mboxo,
    "delivered": lambda raw: TRACE + raw,
    "delivered into an mbox": lambda raw: as_mboxrd(TRACE + raw),
    "folded anew": lambda raw: raw.replace(b"Subject: Hello", b"Subject:\r\n Hello"),
    "with flags": lambda raw: raw.replace(b"\r\n\r\n", b"\r\nStatus: RO\r\nX-UID: 7\r\n\r\n", 1),
    "without its last line end": lambda raw: raw.removesuffix(b"\r\n"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_message_says_the_same_whatever_way_it_came_by(way: str) -> None:
    assert content_sha256(WAYS[way](SAID)) == content_sha256(SAID)


def test_the_digest_is_that_of_the_authors_fields_and_the_body() -> None:
    said = b"15 date:Tue, 5 Mar 2024\n3 from:a@b\n\nhello\nFrom here"
    raw = b"From: a@b\r\nX-Mailer: x\r\nDate: Tue,\r\n\t5 Mar  2024 \r\n\r\nhello\r\n>From here\r\n\r\n"
    assert content_sha256(raw) == hashlib.sha256(said).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        SAID.replace(b"cleo@mail", b"lee@mail", 1),
        SAID.replace(b"10:00:00", b"10:00:01"),
        SAID.replace(b"<m1@", b"<m2@"),
        SAID.replace(b"Subject: Hello", b"Subject: Hallo"),
        SAID.replace(b"half the price", b"half a price"),
        SAID.replace(b"charset=utf-8", b"charset=ascii"),
    ],
)
def test_what_the_author_wrote_differently_is_another_message(other: bytes) -> None:
    assert other != SAID
    assert content_sha256(other) != content_sha256(SAID)


def test_without_date_and_id_the_way_tells_two_complaints_in_the_same_words_apart() -> None:
    first, second = (b"Received: by mx; %d\r\nFrom: a@b\r\n\r\nplease stop\r\n" % n for n in (1, 2))
    assert content_sha256(first) != content_sha256(second)
    assert content_sha256(first) == content_sha256(first.replace(b"\r\n", b"\n"))
    dated = [raw.replace(b"From:", b"Date: Tue, 5 Mar 2024 10:00:00 +0000\r\nFrom:") for raw in (first, second)]
    assert content_sha256(dated[0]) == content_sha256(dated[1])


@pytest.mark.parametrize("raw", [b"", b"\r\n\r\n", b"no field at all", b"X-Only: trace\r\n\r\nx"])
def test_what_has_no_authors_field_has_no_content(raw: bytes) -> None:
    assert content_sha256(raw) is None


def test_a_value_cannot_pretend_to_be_another_field() -> None:
    one = content_sha256(b"From: a@b\r\nSubject: x\r\nDate: d\r\n\r\n")
    other = content_sha256(b"From: a@b\r\nSubject: x\r\n 1 date:d\r\nDate: d\r\n\r\n")
    assert one != other


lines = st.lists(st.sampled_from([b"From x", b">From x", b">>From x", b"", b"a", b" b", b"\x80", b"."]), max_size=8)


@given(lines, st.sampled_from(sorted(WAYS)), st.sampled_from(sorted(WAYS)))
def test_any_two_ways_give_the_same(body: list[bytes], one: str, other: str) -> None:
    raw = message(b"\r\n".join(body) + b"\r\nend\r\n")
    assert content_sha256(WAYS[one](WAYS[other](raw))) == content_sha256(raw)


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(raw: bytes) -> None:
    found = content_sha256(raw)
    assert found is None or len(found) == 64
