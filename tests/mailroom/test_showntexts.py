"""What the reader of a recovered mail saw, original by original."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.mailroom import read_mail, shown_texts
from leaktrace.settings import Settings
from tests.mailroom import mail_samples as samples

NOTE = "Please stop them, my number is +49 170 5550199"
OFFER = "Dear Ms Kowalska, your order 1002377"


def texts_of(raw: bytes) -> tuple[str, ...]:
    originals = read_mail(raw).originals
    texts = shown_texts(raw, len(originals), Settings())
    assert len(texts) == len(originals)
    return texts


def test_an_attached_mail_is_read_without_the_reporters_words() -> None:
    (text,) = texts_of(samples.attached(samples.original(body=OFFER)))
    assert OFFER in text


@pytest.mark.parametrize("wrap", [samples.outlook_html, samples.apple_html, samples.thunderbird_html])
def test_a_forward_is_read_from_its_header_on(wrap: object) -> None:
    html = wrap()  # type: ignore[operator]
    raw = samples.encoded_html(html.replace("<body>", f"<body><p>{NOTE}</p>"), "base64")
    (text,) = texts_of(raw)
    assert text.strip()
    assert "5550199" not in text


def test_what_is_no_report_has_no_texts() -> None:
    assert texts_of(samples.message("I get too much mail.")) == ()
    assert shown_texts(samples.message("I get too much mail."), 2, Settings()) == ("", "")


def test_too_much_text_is_left_empty() -> None:
    raw = samples.attached(samples.original(body="words " * 50_000))
    assert shown_texts(raw, 1, Settings(text_ceiling_bytes=100_000)) == ("",)


@given(st.binary(max_size=400))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert shown_texts(raw, 1, Settings())[0] is not None


def test_every_form_that_is_read_has_as_many_texts(tmp_path: Path) -> None:
    del tmp_path
    for raw in (
        samples.encoded_html(samples.yahoo_html(), "quoted-printable"),
        samples.encoded_html(samples.gmail_html(), "base64"),
        samples.message(samples.gmail_text(), subject="Fwd: Hello"),
    ):
        assert any(text.strip() for text in texts_of(raw))
