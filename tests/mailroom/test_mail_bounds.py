"""Hostile structure: bounded time and memory, a reason for people, never an exception."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from leaktrace.keys import Keyring
from leaktrace.mailroom.features import features_of
from leaktrace.mailroom.read import read_mail
from leaktrace.mailroom.sameness import content_sha256
from leaktrace.mailroom.sellertraces import traces_of
from leaktrace.settings import Settings
from tests.growth import assert_grows_with_size

CAP_SECONDS = 30.0
"""Generous, in processor time: the slowest of these takes about one second, a quadratic one minutes."""


def head(content_type: bytes = b"text/plain", extra: bytes = b"") -> bytes:
    return b"From: a@b.example\r\nSubject: x\r\nContent-Type: " + content_type + b"\r\n" + extra + b"\r\n"


def nested(count: int) -> bytes:
    levels = [b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(count)]
    return b"From: a@b.example\r\n" + b"".join(levels) + b"\r\nhi\r\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (nested(2000), "nested deeper than 32"),
        (b"From: a@b.example\r\nContent-Type: message/rfc822\r\n\r\n" * 2000, "nested deeper than 32"),
        (head(b"multipart/mixed; boundary=b") + b"--b\r\n\r\nx\r\n" * 100_000, "more than 1000 MIME parts"),
        (head(b"multipart/digest; boundary=b") + b"--b\r\n\r\nFrom: x\r\n\r\n" * 100_000, "more than 1000 MIME parts"),
        (head() + b"x" * 4_000_001, "decoded text is larger than 4000000 bytes"),
        (b"From: a@b.example\r\n" + b"a:\n" * 20_000 + b"\nx", "more than 20000 header fields"),
        (b"From: a@b.example\r\n" + b"a:\n" * 20_000 + b"no field\n\nx", "more than 20000 header fields"),
        (b"From: a@b.example\r\nX: " + b"x" * 4_000_000 + b"\r\n\r\n", "a header larger than 4000000 bytes"),
    ],
)
def test_a_ceiling_reached_is_unreadable_with_its_reason(raw: bytes, reason: str) -> None:
    started = time.process_time()
    record = read_mail(raw)
    assert time.process_time() - started < CAP_SECONDS
    assert record.kind == "unreadable"
    assert reason in (record.reason or "")
    assert record.reporter.address == "a@b.example"


def test_200_megabytes_are_unreadable_quickly_and_without_a_copy() -> None:
    raw = head() + bytes(200_000_000)
    tracemalloc.start()
    started = time.process_time()
    record = read_mail(raw)
    seconds, (_, peak_bytes) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert record.kind == "unreadable"
    assert str(Settings().message_ceiling_bytes) in (record.reason or "")
    assert seconds < CAP_SECONDS
    assert peak_bytes < 5_000_000


def attached(
    sender: bytes = b"x@y.example", to: bytes = b"a@b.example", subject: bytes = b"x", text: bytes = b"hi"
) -> bytes:
    return head(b"message/rfc822") + b"From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s" % (sender, to, subject, text)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "newlines": lambda n: head() + b"\n" * (50 * n),
    "open tags": lambda n: head(b"text/html") + b"<ab" * (10 * n),
    "unclosed style": lambda n: head(b"text/html") + b"<style>" * (10 * n),
    "unclosed quotes": lambda n: head(b"text/html") + b'<a "' * (10 * n),
    "unclosed comments": lambda n: head(b"text/html") + b"<!--" * (10 * n),
    "clients' marks": lambda n: head(b"text/html") + b"<b class=gmail_attr>" * n + b"From: a<br>" * n,
    "entities": lambda n: head(b"text/html") + b"&amp;" * (10 * n),
    "many header fields": lambda n: b"From: a@b.example\r\n" + b"X-A: b\r\n" * (5 * n) + b"\r\nx",
    "folded header": lambda n: b"From: a@b.example\r\nX-A: b\r\n" + b" c\r\n" * (5 * n) + b"\r\nx",
    "encoded words": lambda n: b"From: a@b.example\r\nSubject: " + b"=?utf-8?q?a?= " * (5 * n) + b"\r\n\r\nx",
    "recipients": lambda n: head(b"message/rfc822") + b"From: x@y.example\r\nTo: " + b"a@b," * (10 * n) + b"\r\n\r\nx",
    "open angles": lambda n: head(b"message/rfc822") + b"From: " + b"<" * (50 * n) + b"\r\n\r\nx",
    "labels": lambda n: head() + b"From: a\n" * (5 * n),
    "attributions": lambda n: head() + b"On 1 x wrote:\n" * n,
    "rules": lambda n: head() + b"-----\n" * (5 * n),
    "quotes": lambda n: head() + b"> \n" * (10 * n),
    "blanks": lambda n: head() + b" " * (50 * n) + b"x",
    "quoted-printable": lambda n: head(extra=b"Content-Transfer-Encoding: quoted-printable\r\n") + b"=41a" * (5 * n),
    "almost boundaries": lambda n: head(b"multipart/mixed; boundary=b") + b"--b " * (20 * n),
    "open parameters": lambda n: b"From: a@b.example\r\nContent-Type: a/b" + b';a="' * (5 * n) + b"\r\n\r\nx",
    "signed blanks": lambda n: (
        b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=b.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"
        + head()
        + b" \t" * (25 * n)
        + b"x"
    ),
    "links": lambda n: head() + b"http://a " * (5 * n),
    "one long word": lambda n: head() + b"a" * (50 * n),
    "words": lambda n: head(b"text/html") + b"a " * (25 * n) + b"&amp;",
    "nothing but fields": lambda n: b"From: a@b.example\r\n" + b"a:\n" * (17 * n) + b"\nx",
    "nothing but folds": lambda n: b"From: a@b.example\nX:" + b"\n x" * (17 * n) + b"\n\nx",
    "label and no label": lambda n: head() + b"From: a\nb: c\nd - e\n" * (2 * n),
    "subject of one word": lambda n: attached(subject=b"x" * (12 * n)),
    "subject of prefixes": lambda n: attached(subject=b"Re: [a] " * n),
    "subject of open brackets": lambda n: attached(subject=b"re [ " * n),
    "subject of addresses": lambda n: attached(subject=b"a@b " * (3 * n)),
    "sender's name": lambda n: attached(sender=b'"' + b"z y " * (3 * n) + b'" <x@y.example>'),
    "sender of open quotes": lambda n: attached(sender=b'"\\' * (3 * n) + b" x@y.example z@y.example"),
    "sender of quoted addresses": lambda n: attached(sender=b'"a@b" c@d ' * n),
    "sender of addresses in a row": lambda n: attached(sender=b"a@b " * (3 * n)),
    "sender of open comments": lambda n: attached(sender=b"(a@b " * (3 * n)),
    "preformatted lines": lambda n: head(b"text/html") + b"<pre>" + b"a&lt;\n" * (10 * n),
    "preformatted tags": lambda n: head(b"text/html") + b"<pre>" + b"<b>\n</b>" * (5 * n),
    "addresses as tags": lambda n: head(b"text/html") + b"<a@b>" * (5 * n) + b"<" + b"a@" * (5 * n),
    "long attributions": lambda n: head() + b"On 4 " * 150 + b"x wrote:\n" * n,
    "quoted, and a mark": lambda n: head() + b"On 4 May 2024 a@b.example wrote:\n" + b"> a\n" * (9 * n) + b"b: c\n" * n,
    "hosts of many labels": lambda n: attached(text=b"http://" + b"a." * (5 * n) + b"a.example/b"),
    "many hosts": lambda n: attached(text=b"".join(b"http://a%d.example/b " % place for place in range(n))),
    "phones": lambda n: attached(text=b"".join(b"whatsapp: +4915112%06d\n" % place for place in range(n))),
    "marks of Notes": lambda n: (
        head() + b"---- Forwarded by A on 03/04/2024 10:00 ----\na@b.example on 03/04/2024 09:30\nb c\n" * (n // 2)
    ),
    "labels without colons": lambda n: head() + b"-- Original Message --\nFrom <a@b.example>\nTo b\n" * n,
    "forwards": lambda n: head() + b"---- Forwarded message ----\nFrom: a@b.example\nSubject: x\n\nhi\n" * (n // 5),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_time_grows_no_faster_than_the_message(shape: str) -> None:
    def take_in(raw: bytes) -> None:
        content_sha256(raw)
        record = read_mail(raw)
        for original in record.originals:
            features_of(original, Keyring(bytes(32), "test").feature_hash)
            traces_of(original, record.reporter.address, None)

    assert assert_grows_with_size(SHAPES[shape], take_in, 1000) < CAP_SECONDS


def test_a_field_name_beyond_measure_is_not_kept() -> None:
    # Attack: what stands before the colon is looked up in a cache that outlives the message.
    read_mail(head())
    tracemalloc.start()
    for number in range(20):
        read_mail(b"From: a@b.example\r\n" + b"%02d" % number + b"x" * 1_000_000 + b": y\r\n\r\nhi")
    kept_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept_bytes < 1_000_000


@pytest.mark.parametrize("shape", ["open tags", "entities", "words", "nothing but fields", "nothing but folds"])
def test_memory_is_a_small_multiple_of_the_message(shape: str) -> None:
    """The bound of the fuzzer (16 MB and 20 times the message), for shapes cut as finely as can be."""
    raw = SHAPES[shape](40_000)
    read_mail(SHAPES[shape](100))  # tables are loaded
    tracemalloc.start()
    read_mail(raw)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes <= 16_000_000 + 20 * len(raw)
