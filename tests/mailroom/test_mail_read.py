"""Reading as a whole: any bytes, no state, the shape of the record, the tree of parts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.mime import Part, read_message, walk
from leaktrace.mailroom.read import SCHEMA, read_mail, read_oversize
from leaktrace.mailroom.sketches import text_sketch
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import (
    BODY,
    apple_html,
    attached,
    gmail_html,
    gmail_text,
    message,
    multipart,
    original,
    outlook_html,
    thunderbird_html,
    yahoo_html,
)

SAMPLES = [
    message(gmail_text()),
    message("my address was sold"),
    multipart(attached(original())),
    multipart("Content-Type: text/html\n\n<style>never closed<p>x"),
    *(message(page(), content_type="text/html", subject="FW: x") for page in (gmail_html, outlook_html, apple_html)),
    *(message(page(), content_type="text/html", subject="FW: x") for page in (thunderbird_html, yahoo_html)),
    message(b"\xff\xfe", headers="Content-Transfer-Encoding: base64\n"),
    b"",
]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise(raw: bytes) -> None:
    record = read_mail(raw)
    assert record.sha256 == hashlib.sha256(raw).hexdigest()
    assert (record.kind == "report") == (record.reason is None)


@settings(deadline=None)
@given(st.sampled_from(SAMPLES[:-1]), st.data())
def test_no_damage_raises_and_spans_stay_inside(raw: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(raw)))
    cut = draw.draw(st.integers(0, 40))
    put = draw.draw(
        st.binary(max_size=12) | st.sampled_from([b"\r\n\r\n", b"\n--=b1\n", b"<", b"From: x\n", b"=?utf-8?b?"])
    )
    damaged = raw[:at] + put + raw[at + cut :]
    for found in read_mail(damaged).originals:
        assert all(0 <= start <= end <= len(damaged) for start, end in found.spans.values())


@settings(deadline=None)
@given(st.sampled_from(SAMPLES), st.sampled_from(SAMPLES))
def test_reading_one_message_leaves_nothing_for_the_next(first: bytes, second: bytes) -> None:
    alone = read_mail(second)
    read_mail(first)
    assert read_mail(second) == alone


def test_the_record_is_what_the_contract_says() -> None:
    raw = message(gmail_text())
    document = json.loads(read_mail(raw, file="a.eml").to_json())
    assert document["schema"] == SCHEMA == "leaktrace.mail/1"
    assert (document["file"], document["kind"], document["reason"]) == ("a.eml", "report", None)
    assert document["reporter"] == {"address": "cleo@mail.example", "name": "Cleo Marsh"}
    assert document["reported_at"] == "2024-03-05T09:00:00Z"
    assert document["size_bytes"] == len(raw)
    assert {
        "form", "grade", "grade_reason", "sender", "on_behalf_of", "recipients", "subject", "sent_between",
        "received_at", "message_id", "links", "spans", "claims", "flags",
    } <= set(document["originals"][0])  # fmt: skip
    assert set(document["authentication"]) == {"dkim", "arc_cv", "body_hash_matches"}


def test_the_topmost_received_field_says_when_it_was_reported() -> None:
    raw = b"Received: from a by b; Tue, 05 Mar 2024 09:01:00 +0000\r\n" + message(gmail_text())
    assert str(read_mail(raw).reported_at) == "2024-03-05 09:01:00+00:00"
    assert read_mail(b"From: a@x.example\r\n\r\nspam").reported_at is None


@pytest.mark.parametrize(("raw", "reason"), [(b"", "empty"), (b" \r\n", "empty"), (b"\r\njust words", "no header")])
def test_what_is_no_mail_is_unreadable(raw: bytes, reason: str) -> None:
    record = read_mail(raw)
    assert record.kind == "unreadable"
    assert reason in (record.reason or "")


def test_an_oversize_message_keeps_digest_and_reporter() -> None:
    record = read_oversize(sha256="ab", size_bytes=99, beginning=message("x"), file="big.mbox")
    assert (record.kind, record.size_bytes, record.reporter.address) == ("unreadable", 99, "cleo@mail.example")
    assert read_oversize(sha256="ab", size_bytes=99, beginning=b"To: x\n").reporter.address is None
    assert read_oversize(sha256="ab", size_bytes=99, beginning=b"From: ;\n").reporter.address is None


def children_are_slices(part: Part) -> bool:
    return all(
        child.source is not part.source or (part.body_start <= child.start <= child.body_start <= child.end <= part.end)
        for child in part.children
    )


@settings(deadline=None)
@given(st.sampled_from(SAMPLES))
def test_a_childs_bytes_are_a_slice_of_its_parents(raw: bytes) -> None:
    assert all(children_are_slices(part) for part in walk(read_message(raw, Settings()), into_messages=True))


def test_outer_boundaries_end_inner_parts_and_missing_ones_are_guessed() -> None:
    inner = "Content-Type: multipart/mixed; boundary=i\n\n--i\n\nin\n"
    tree = read_message(multipart(inner, "\nlast\n"), Settings())
    assert [part.body().strip() for part in walk(tree) if not part.children] == [b"in", b"last"]
    bare = b"From: a@x.example\nContent-Type: multipart/mixed\n\n--q\nContent-Type: text/plain\n\nhello\n--q--\n"
    assert [part.body() for part in walk(read_message(bare, Settings()))][1:] == [b"hello"]
    none = b"From: a@x.example\nContent-Type: multipart/mixed\n\nhello\n"
    assert read_message(none, Settings()).children == ()


def test_envelope_lines_byte_order_marks_and_stray_lines() -> None:
    for raw in (
        b"From a@x.example Mon Mar  4 09:30:00 2024\nFrom: a@x.example\nSubject: s\n\nb",
        b"\xef\xbb\xbfFrom: a@x.example\nSubject: s\n\nb",
        b"\r\n\r\nFrom: a@x.example\nSubject: s\n\nb",
    ):
        assert read_message(raw, Settings()).text("subject") == "s"
    tree = read_message(b"From: a@x.example\nthis is no field\nSubject: s\n", Settings())
    assert tree.text("subject") is None
    assert tree.body().startswith(b"this is no field")
    assert tree.texts("from") == ["a@x.example"]


def test_lower_ceilings_are_kept() -> None:
    small = replace(Settings(), text_ceiling_bytes=10_000)
    record = read_mail(message("x" * 10_001), settings=small)
    assert record.kind == "unreadable"
    assert "10000 bytes" in (record.reason or "")
    assert record.reporter.address == "cleo@mail.example"
    attachment = multipart("Content-Type: text/plain\n\nspam\n", attached(b"x" * 20_000, "text/csv"))
    assert read_mail(attachment, settings=small).kind == "complaint"


def test_sketches_tell_alike_from_unlike_and_hold_no_words() -> None:
    def alike(first: str, second: str) -> float:
        pairs = list(zip(text_sketch(first), text_sketch(second), strict=True))
        return sum(one == other for one, other in pairs) / len(pairs)

    words = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(300)]
    base = " ".join(words)
    assert alike(base, base) == 1
    assert alike(base, base.upper()) == 1
    assert alike(f"{base} 12 https://a.example/1 a@x.example", f"{base} 99 https://b.example/2 b@y.example") == 1
    assert alike(base, " ".join(words[:240])) == pytest.approx(0.8, abs=0.2)
    assert alike(base, " ".join(reversed(words))) < 0.2
    assert text_sketch("three words only") == ()
    assert len(text_sketch("卖家发来的垃圾邮件")) == 64
    assert all(0 <= value < 2**32 for value in text_sketch(BODY))
