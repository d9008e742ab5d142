"""Mail in gzip, `.emlx` and mbox files: what they hold, and hostile ones."""

from __future__ import annotations

import gzip
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.read import read_mail
from leaktrace.records import MessageRecord, Original
from tests.mailroom.mail_samples import original
from tests.mailroom.outlook_samples import msg, zipped
from tests.mailroom.test_mail_containers import carrying, covered

CAP_SECONDS = 20.0
PROPERTY_LIST = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "x">\n'
    b'<plist version="1.0">\n<dict>\n<key>flags</key>\n<integer>8590195713</integer>\n</dict>\n</plist>\n'
)
FROM_LINE = b"From nora@vale-shop.example Mon Mar  4 09:30:00 2024\n"


def emlx(content: bytes = b"", count: int | None = None, tail: bytes = PROPERTY_LIST) -> bytes:
    content = content or original()
    return b"%-10d\n" % (len(content) if count is None else count) + content + tail


def mbox(*messages: bytes) -> bytes:
    return b"".join(FROM_LINE + one.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n\n" for one in messages)


def read(name: str, content: bytes, content_type: str = "application/octet-stream") -> MessageRecord:
    return read_mail(carrying(name, content, content_type))


def only(record: MessageRecord) -> Original:
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return found


def other(number: int, sender: bytes = b"boss@rival.example") -> bytes:
    return original().replace(b"offer-1", b"offer-%d" % number).replace(b"nora@vale-shop.example", sender)


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("a.eml.gz", gzip.compress(original()), "application/gzip"),
        ("a.gz", gzip.compress(original()), "application/x-gzip"),
        ("a.msg.gz", gzip.compress(msg()), "application/gzip"),
        ("a.mbox.gz", gzip.compress(mbox(original())), "application/octet-stream"),
        ("a.zip", zipped({"a.eml.gz": gzip.compress(original())}), "application/zip"),
        ("a.zip.gz", gzip.compress(zipped({"a.eml": original()})), "application/gzip"),
        ("1234.emlx", emlx(), "application/octet-stream"),
        ("1234.emlx", emlx(), "text/plain"),
        ("1234.partial.emlx", emlx(tail=b""), "application/octet-stream"),
        ("a.zip", zipped({"1.emlx": emlx(), "Info.plist": PROPERTY_LIST}), "application/zip"),
        ("a.mbox", mbox(original()), "application/octet-stream"),
        ("mail", mbox(original()), "application/mbox"),
    ],
    ids=lambda value: value if isinstance(value, str) else "holding",
)
def test_mail_in_files(name: str, content: bytes, content_type: str) -> None:
    raw = carrying(name, content, content_type)
    found = only(read_mail(raw))
    assert (found.sender.address, found.grade) == ("nora@vale-shop.example", "G2")
    assert found.message_id == "offer-1@vale-shop.example"
    start, end = found.spans["sender"]
    assert 0 < start < end <= len(raw)
    if not ("gz" in name or "zip" in name):
        assert b"nora@vale-shop.example" in covered(raw, (start, end))


def test_the_property_list_is_no_part_of_the_message() -> None:
    content = original(body="Visit https://vale-shop.example/a\n")
    for count in (None, 0, len(content) - 20, len(content) + 7, 10**9):
        found = only(read("1.emlx", emlx(content, count)))
        assert found.links == ("https://vale-shop.example/a",)
        assert found.sender.address == "nora@vale-shop.example"


@pytest.mark.parametrize(
    "content", [b"12\n", b"99999999999\n" + original(), b"x\n" + original(), b"7\nno mail" + b"x" * 50]
)
def test_what_is_no_emlx_holds_nothing(content: bytes) -> None:
    assert read("1.emlx", content).kind != "report"


def test_mails_below_the_first_of_an_mbox_name_nobody_by_themselves() -> None:
    # The attack: programs that do not quote `From ` at the beginning of a line let a sender write a whole second mail.
    planted = original(body="Dear Cleo\n\n" + (FROM_LINE + other(2)).decode() + "\n")
    record = read("a.mbox", mbox(planted))
    assert [one.sender.address for one in record.originals] == ["nora@vale-shop.example", None]
    second = record.originals[1]
    assert [claim.sender.address for claim in second.claims] == ["boss@rival.example"]
    assert second.flags == ("may_be_part_of_another", "no_sender_address")
    assert [one.message_id for one in record.originals] == ["offer-1@vale-shop.example", None]


def test_a_line_that_only_begins_like_that_of_an_mbox_divides_nothing() -> None:
    found = only(read("a.mbox", mbox(original(body="Dear\n\nFrom now on half price\n\nFrom us 2024\n"))))
    assert found.sender.address == "nora@vale-shop.example"


def test_bombs_are_refused_with_a_reason_and_not_unpacked() -> None:
    begun = b"From: a@b.example\r\nSubject: x\r\n\r\n"
    started = time.process_time()
    for content in (gzip.compress(begun + bytes(60_000_000)), gzip.compress(gzip.compress(begun + bytes(60_000_000)))):
        assert read("a.gz", content).reason == "a gzip file that unpacks to more than is read"
    assert time.process_time() - started < CAP_SECONDS
    many = mbox(*(b"From: a@b.example\nSubject: %d\nX-A: %s\n\nx" % (n, b"a" * 40) for n in range(1001)))
    assert read("a.mbox", many).reason == "files with more than 1000 messages"


def test_small_files_of_many_messages_are_refused_before_they_cost_much() -> None:
    many = mbox(*(b"From: a@b.example\nSubject: x\n\nx" for _ in range(1000)))
    for name, content in (("a.mbox.gz", gzip.compress(many)), ("a.zip", zipped({"1.mbox": many, "2.mbox": many}))):
        raw = carrying(name, content)
        assert len(raw) < 3000
        record = read_mail(raw)
        assert record.kind == "unreadable"
        assert (record.reason or "").startswith("files with more than 2")


def test_a_gzip_of_something_else_is_left_alone_however_large() -> None:
    report = gzip.compress(b"<?xml version='1.0'?><feedback>" + bytes(9_000_000))
    assert read("market.example!1!2.xml.gz", report, "application/gzip").kind in ("other", "complaint")


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(original())[:-9],
        gzip.compress(original())[:-8] + struct.pack("<II", 1, len(original())),
        gzip.compress(original())[:-4] + struct.pack("<I", 3),
        gzip.compress(original())[:40],
        b"\x1f\x8b\x08" + bytes(200),
        gzip.compress(gzip.compress(gzip.compress(original()))),
    ],
    ids=["cut off", "wrong checksum", "wrong size", "broken", "nothing", "packed three times"],
)
def test_broken_lying_and_deeply_packed_gzips_hold_nothing(content: bytes) -> None:
    assert read("a.eml.gz", content).kind != "report"


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_damaged_file_breaks_the_reader(data: st.DataObject) -> None:
    made = {"a.eml.gz": gzip.compress(original()), "a.emlx": emlx(), "a.mbox": mbox(original(), other(2))}
    name = data.draw(st.sampled_from(sorted(made)))
    content = bytearray(made[name])
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read(name, bytes(content[: data.draw(st.integers(0, len(content)))]))
