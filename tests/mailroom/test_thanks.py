"""The acknowledgement itself: what every mail program takes, in the reporter's language, with nothing of the case."""

from __future__ import annotations

import email
import unicodedata
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import UsageError
from leaktrace.mailroom import read_mail
from leaktrace.mailroom.thanks import RIGHT_TO_LEFT, all_thanks, compose_thanks, language_for

ASKED = {"en", "de", "fr", "es", "pt", "it", "nl", "pl", "fa", "ar", "he", "zh", "ja", "ko", "tr", "ru"}
SCRIPTS = {"fa": "ARABIC", "ar": "ARABIC", "he": "HEBREW", "zh": "CJK", "zh-hant": "CJK", "ja": "HIRAGANA",
           "ko": "HANGUL", "ru": "CYRILLIC"}  # fmt: skip
REFERENCE = "ABCD-EFGH-JKLMN"


def composed(language: str, references: tuple[str, ...] = ("<m1@mail.example>",), name: str = "Market") -> bytes:
    return compose_thanks(
        to="cleo@mail.example",
        language=language,
        reference=REFERENCE,
        message_id="<t.1@market.example>",
        in_reply_to=references[-1] if references else None,
        references=references,
        sender="report-abuse@market.example",
        sender_name=name,
        at=datetime(2024, 3, 5, 12, tzinfo=UTC),
    )


def parsed(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_all_languages_that_were_asked_for_are_there_and_say_everything() -> None:
    assert set(all_thanks()) >= ASKED
    for language, words in all_thanks().items():
        sentences = (words.subject, words.thanks, words.next, words.reference, words.automatic)
        assert all(sentence.strip() == sentence and sentence for sentence in sentences), language
        assert len(set(sentences)) == 5, language
        assert len(words.next) > 60, language
    assert len({words.thanks for words in all_thanks().values()}) == len(all_thanks())


@pytest.mark.parametrize("language", sorted(all_thanks()))
def test_every_mail_program_takes_it(language: str) -> None:
    raw = composed(language)
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = parsed(raw)
    words = all_thanks()[language]
    assert message["Subject"] == words.subject
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"] == message["References"] == "<m1@mail.example>"
    assert message["Content-Language"] == language
    assert [str(one) for one in message["From"].addresses] == ["Market <report-abuse@market.example>"]
    assert [one.addr_spec for one in message["To"].addresses] == ["cleo@mail.example"]
    assert message["Date"].datetime == datetime(2024, 3, 5, 12, tzinfo=UTC)
    for kind in ("plain", "html"):
        shown = content(message, kind)
        assert REFERENCE in shown
        assert words.thanks.split()[0] in shown


@pytest.mark.parametrize("language", sorted(all_thanks()))
def test_it_is_in_its_own_script_and_direction(language: str) -> None:
    message = parsed(composed(language))
    plain, html = content(message, "plain"), content(message, "html")
    script = SCRIPTS.get(language, "LATIN")
    assert any(unicodedata.name(character, "").startswith(script) for character in plain.replace(REFERENCE, ""))
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in html
    # A paragraph runs as its first strong letter says (UAX 9, P2): each begins with one of its own language.
    for paragraph in filter(None, plain.split("\n\n")):
        strong = next(one for one in map(unicodedata.bidirectional, paragraph) if one in {"L", "R", "AL"})
        assert (strong != "L") == (direction == "rtl"), paragraph
    # The number is read from the left in every language.
    assert f"\u2066{REFERENCE}\u2069" in plain
    assert f'<bdi dir="ltr">{REFERENCE}</bdi>' in html


def test_our_own_reader_knows_it_for_an_automatic_answer() -> None:
    for language in all_thanks():
        assert read_mail(composed(language)).kind == "autoreply"


def test_without_ids_there_are_no_threads() -> None:
    message = parsed(composed("en", ()))
    assert message["In-Reply-To"] is None
    assert message["References"] is None


@given(st.text(max_size=40))
def test_a_name_writes_no_field(name: str) -> None:
    try:
        raw = composed("en", name=name)
    except UsageError:
        return
    assert len(parsed(raw).keys()) == len(parsed(composed("en")).keys())


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de-AT", "de"), ("zh", "zh"), ("zh-CN", "zh"), ("zh_TW", "zh-hant"), ("zh-Hant-HK", "zh-hant"), ("PT-br", "pt"),
     ("fa-IR", "fa"), ("x-klingon", None), ("", None), ("*", None)],
)  # fmt: skip
def test_a_language_serves_whoever_asks_for_a_kind_of_it(tag: str, language: str | None) -> None:
    assert language_for(tag) == language
