"""What holds for any mail: no state between messages, places inside the raw bytes, work in proportion to size."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.read import read_mail
from leaktrace.records import MessageRecord, Original
from tests.growth import assert_grows_with_size
from tests.mailroom.mail_samples import (
    apple_html,
    attached,
    encoded_html,
    gmail_html,
    gmail_text,
    labelled_text,
    message,
    multipart,
    original,
    outlook_html,
    thunderbird_html,
    yahoo_html,
)
from tests.mailroom.outlook_samples import msg, tnef, tnef_attached, tnef_message, zipped
from tests.mailroom.test_mail_containers import NOTE, carrying
from tests.mailroom.web_mail_samples import WEB_FORWARDS

CORPORA = Path(os.environ.get("LEAKTRACE_CORPORA", Path(__file__).parents[2] / ".." / "shared" / "corpora"))
READ_ONE_BY_ONE = """
import hashlib, sys
from pathlib import Path
from leaktrace.mailroom.read import read_mail
for name in sys.stdin.read().splitlines():
    print(hashlib.sha256(read_mail(Path(name).read_bytes()).to_json().encode("utf-8", "replace")).hexdigest())
"""

FRAGMENTS = (
    b"From: Cleo <cleo@mail.example>\r\n",
    b"Subject: Fwd: x\r\n",
    b"Content-Type: text/html; charset=utf-8\r\n\r\n",
    b"Content-Type: text/plain; charset=gb2312\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n\r\n",
    b"Content-Type: message/feedback-report\r\n\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n",
    b"--b--\r\n",
    b"\r\n",
    b"<style>",
    b"<!-- ",
    b'<div class="gmail_quote"><div class="gmail_attr">',
    b'<table><tr><td a="',
    b"---------- Forwarded message ---------\r\n",
    "发件人: 卖家 <a@b.example>\r\n发送时间: 2024年3月4日 9:30\r\n".encode(),
    b"From: Nora <nora@vale-shop.example>\r\nDate: Mon, 4 Mar 2024\r\nTo: c@d.example\r\n",
    "გამომგზავნი: N <n@v.example>\r\nთარიღი: 3/5/24 2:07 PM\r\nმიმღები: c@d.example\r\n".encode(),
    b"\xff\xfe\x00=41=?utf-8?q?a?=",
    b"status: 5.1.1\r\naction: failed\r\n",
)


def mails() -> st.SearchStrategy[bytes]:
    """Mails put together out of what readers stumble over."""
    return st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=30)), max_size=14).map(b"".join)


@settings(deadline=None, max_examples=150)
@given(mails(), mails())
def test_what_was_read_before_changes_nothing(first: bytes, second: bytes) -> None:
    alone = read_mail(second)
    read_mail(first)
    assert read_mail(second) == alone


@settings(deadline=None, max_examples=150)
@given(mails())
def test_places_lie_inside_the_mail(raw: bytes) -> None:
    record = read_mail(raw)
    assert record.to_json()
    for found in everything(record):
        assert all(0 <= start <= end <= len(raw) for start, end in found.spans.values())


def everything(record: MessageRecord) -> Iterator[Original]:
    waiting = list(record.originals)
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.claims


def corpus_files() -> list[Path]:
    folders = (CORPORA / "bounces", CORPORA / "torture")
    return sorted(one for folder in folders for one in folder.rglob("*.eml"))


@pytest.mark.corpora
@pytest.mark.skipif(not CORPORA.is_dir(), reason="no public corpora: LEAKTRACE_CORPORA names no folder")
def test_public_mail_reads_the_same_in_any_order() -> None:
    found = corpus_files()
    digests = {file: digest_of(read_mail(file.read_bytes())) for file in found}
    shuffled = list(found)
    random.Random(3).shuffle(shuffled)
    told = subprocess.run(
        [sys.executable, "-c", READ_ONE_BY_ONE], input="\n".join(map(str, shuffled)), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert told.stdout.splitlines() == [digests[file] for file in shuffled]


def digest_of(record: MessageRecord) -> str:
    return hashlib.sha256(record.to_json().encode("utf-8", "replace")).hexdigest()


PAGES: dict[str, Callable[[], str]] = {
    "gmail": gmail_html,
    "outlook": outlook_html,
    "apple": apple_html,
    "thunderbird": thunderbird_html,
    "yahoo": yahoo_html,
}
SAMPLES: dict[str, bytes] = {
    "gmail text": message(gmail_text()),
    "persian": message(labelled_text("fa", marker=True)),
    "chinese": message(labelled_text("zh", marker=False), subject="FW: x"),
    **{
        f"{name} {encoding}": multipart(NOTE, encoded_html(page(), encoding), subject="Fwd: x")
        for name, page in PAGES.items()
        for encoding in ("base64", "quoted-printable")
    },
    **{name: message(text, content_type=f"text/{kind}") for name, (kind, text) in WEB_FORWARDS.items()},
    "attached": multipart(attached(original())),
    "msg": carrying("a.msg", msg()),
    "msg without header": carrying("a.msg", msg(headers=None)),
    "tnef": carrying("winmail.dat", tnef(tnef_attached(tnef_message()))),
    "zip": carrying("a.zip", zipped({"a.eml": original()})),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_each_form_has_a_place_for_all_it_says(name: str) -> None:
    raw = SAMPLES[name]
    (found,) = read_mail(raw).originals
    shown = {
        "sender": found.sender.address or found.sender.name,
        "recipients": found.recipients,
        "subject": found.subject,
        "sent_between": found.sent_between.start,
        "message_id": found.message_id,
    }
    for field, value in shown.items():
        if value:
            start, end = found.spans[field]
            assert 0 <= start < end <= len(raw), field


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_without_its_file_a_record_is_the_same(name: str) -> None:
    assert replace(read_mail(SAMPLES[name], file="x"), file=None) == read_mail(SAMPLES[name])


SHAPES: dict[str, Callable[[int], bytes]] = {
    "labels in an unknown language": lambda n: message("ა: <a@b.example> 10:00 2024\nბ: x\n\n" * n, subject="Fwd: x"),
    "almost attributions": lambda n: message("---- Forwarded message ----\n1.1.2024, 10:00, a (b@c.example:\n" * n),
    "rows of cells": lambda n: message("<table>" + "<tr><td>From<td>x" * n, content_type="text/html"),
    "winmail.dat of attributes": lambda n: carrying("winmail.dat", tnef(bytes(11 * n))),
    "msg of recipients": lambda n: carrying("a.msg", msg(body="x" * 40 * n)),
    "rtf braces": lambda n: carrying("a.msg", msg(body="", rtf=b"MELA" * 2 + b"{" * 10 * n)),
    "json": lambda n: multipart("Content-Type: application/json\n\n" + '{"a":' * n),
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_time_grows_no_faster_than_the_mail(shape: str) -> None:
    assert_grows_with_size(SHAPES[shape], read_mail, 500)
