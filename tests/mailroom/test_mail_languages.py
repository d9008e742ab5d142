"""The label tables: where each word is from, and what forwards in each language come to; languages without a table."""

from __future__ import annotations

import re

import numpy as np
import pytest
from babel import Locale
from bench.mailforms import PLANTED, SENT_AT, Body, Tally
from bench.mailwraps import STYLES, UNKNOWN, Outer, Words, vocabularies, wrap, written_dates

from leaktrace.mailroom.labels import labels, plain, sources, words_with_sources
from leaktrace.mailroom.read import read_mail
from tests.mailroom.mail_samples import BODY, SELLER, SUBJECT, gmail_text, message
from tests.mailroom.web_mail_samples import WEB_FORWARDS

LANGUAGES = sorted(words_with_sources())
WANTED = [
    "ar",
    "bg",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fa",
    "fi",
    "fr",
    "he",
    "hi",
    "hr",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sv",
    "th",
    "tr",
    "uk",
    "vi",
    "zh-hans",
    "zh-hant",
]
TERRITORIES = {
    "no": ["nb", "nn"], "zh-hans": ["zh_Hans"], "zh-hant": ["zh_Hant"], "de": ["de", "de_AT"], "pt": ["pt", "pt_PT"],
    "es": ["es", "es_PE", "es_UY", "es_MX"], "ar": ["ar", "ar_DZ", "ar_LB", "ar_MA", "ar_MR"],
    "fa": ["fa", "fa_AF"], "en": ["en", "en_GB"],
}  # fmt: skip


def test_the_languages_are_those_promised() -> None:
    assert sorted(WANTED) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_label_has_a_source_that_is_described(language: str) -> None:
    known = sources()
    for kind, words in words_with_sources()[language].items():
        for word, ids in words.items():
            assert ids, (kind, word)
            assert set(ids) <= set(known), (kind, word)
    assert all(one["what"] and one["where"] for one in known.values())


def test_few_words_are_unsourced_and_no_language_stands_on_them() -> None:
    unsourced = total = 0
    for language, kinds in words_with_sources().items():
        for kind, words in kinds.items():
            total += len(words)
            unsourced += sum(ids == ["unsourced"] for ids in words.values())
            if kind in ("from", "to", "date", "subject"):
                assert any(ids != ["unsourced"] for ids in words.values()), (language, kind)
    assert unsourced < 0.07 * total


@pytest.mark.parametrize("language", LANGUAGES)
def test_months_are_those_of_cldr(language: str) -> None:
    real: dict[int, set[str]] = {number: set() for number in range(1, 13)}
    for name in TERRITORIES.get(language, [language]):
        months = Locale.parse(name).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, known in real.items():
                    known.add(plain(str(months[context][width].get(number, ""))).rstrip("."))
    for word, by_language in labels().months.items():
        for number in by_language.get(language, ()):
            assert any(name.replace(" ", "").startswith(word.removeprefix("ב")) for name in real[number]) or _is_marked(
                language, word
            )


def _is_marked(language: str, word: str) -> bool:
    """Spellings that CLDR does not have are listed apart in their file, with a source of their own."""
    return any(name.startswith(word) for name in labels().months_elsewhere.get(language, ()))


def test_no_word_has_two_meanings_between_fields() -> None:
    for word, roles in labels().roles.items():
        assert len([role for role in roles if role != "other"]) <= 1, word


@pytest.mark.parametrize("words", vocabularies(), ids=lambda words: f"{words.language}-{words.source}")
def test_each_language_in_the_words_of_each_program(words: Words) -> None:
    tally, rng = Tally(), np.random.default_rng(7)
    for number, style in enumerate(STYLES):
        dates = written_dates(words.language, SENT_AT)
        outer = Outer(
            "Nora Vale", "nora@vale-shop.example", "cleo@mail.example", SUBJECT, SENT_AT, dates[number % len(dates)]
        )
        planted = PLANTED[int(rng.integers(len(PLANTED)))] if number % 2 else ""
        body = Body(planted + BODY, is_html=False)
        wrapped = wrap(style, words, outer, body.text, body.is_html)
        tally.add(wrapped, read_mail(wrapped.raw))
    assert tally.wrong == tally.date_wrong == 0
    assert tally.right == len(STYLES)
    assert tally.recipient_wrong == tally.subject_wrong == tally.date_open == 0


def test_an_unmarked_block_in_an_unknown_language_is_believed_only_where_the_subject_says_forward() -> None:
    words = next(one for one in vocabularies() if one.language == UNKNOWN)
    outer = Outer("Nora Vale", "nora@vale-shop.example", "cleo@mail.example", SUBJECT, SENT_AT, "3/5/24 2:07 PM")
    raw = wrap("Outlook, text", words, outer, PLANTED[0] + BODY, False).raw
    (found,) = read_mail(raw).originals
    assert (found.sender.address, found.flags) == ("nora@vale-shop.example", ("unknown_labels",))
    # The attack: without the block that nobody can read, the planted one below it would be the outermost.
    (framed,) = read_mail(message(PLANTED[0] + BODY)).originals
    assert framed.sender.address == "boss@rival.example"
    assert read_mail(raw.replace(b"Subject: Fwd: ", b"Subject: ")).originals == ()


@pytest.mark.parametrize("program", sorted(WEB_FORWARDS))
@pytest.mark.parametrize("subject", [f"Fwd: {SUBJECT}", SUBJECT])
def test_web_mailers_and_mobile_programs(program: str, subject: str) -> None:
    kind, text = WEB_FORWARDS[program]
    raw = message(text, content_type=f"text/{kind}", subject=subject)
    (found,) = read_mail(raw).originals
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]
    assert found.subject == SUBJECT
    assert found.sent_between.start is not None
    assert b"nora" in raw[slice(*found.spans["sender"])]


def test_chinese_labels_that_are_made_as_wide_as_each_other() -> None:
    text = (
        "------------------ 原始邮件 ------------------\n发 件 人：Nora Vale <nora@vale-shop.example>\n"
        f"发送时间：2024年3月4日 09:30\n收 件 人：<cleo@mail.example>\n"
        f"抄　送：pm <pm@mail.example>\n主　题：{SUBJECT}\n你好\n"
    )
    (found,) = read_mail(message(text, subject="look")).originals
    assert found.sender.address == "nora@vale-shop.example"
    assert [one.address for one in found.recipients] == ["cleo@mail.example", "pm@mail.example"]
    assert (found.subject, found.flags) == (SUBJECT, ())


def test_the_complaints_own_subject_is_not_the_mails() -> None:
    text = "From: Nora <nora@vale-shop.example>\nSent: Monday, March 4, 2024 9:30 AM\nTo: cleo@mail.example\n\nhi\n"
    (found,) = read_mail(message(text, subject="I never signed up for this")).originals
    assert (found.subject, "subject" in found.spans) == (None, False)
    (found,) = read_mail(message(text, subject=f"FW: {SUBJECT}")).originals
    assert found.subject == SUBJECT


@pytest.mark.parametrize("kind", ["text/plain", "text/markdown", "text/x-unheard-of"])
def test_a_message_that_is_one_text_is_its_own_words(kind: str) -> None:
    block = f"From: {SELLER}\nDate: Monday, March 4, 2024 9:30 AM\nTo: cleo@mail.example\nSubject: {SUBJECT}\n\nhi\n"
    for headers in ("", "Content-Disposition: attachment; filename=body.txt\n"):
        (found,) = read_mail(message(block, content_type=kind, headers=headers, subject="look")).originals
        assert found.sender.address == "nora@vale-shop.example"


def test_lines_that_end_as_old_programs_end_them() -> None:
    head, _, _ = message("", subject="look").rpartition(b"\r\n\r\n")
    text = f"From: {SELLER}\rDate: Monday, March 4, 2024 9:30 AM\rTo: cleo@mail.example\rSubject: {SUBJECT}\r\rhi\r"
    raw = head + b"\r\n\r\n" + text.encode()
    (found,) = read_mail(raw).originals
    assert (found.subject, [one.address for one in found.recipients]) == (SUBJECT, ["cleo@mail.example"])
    assert raw[slice(*found.spans["subject"])].decode() == SUBJECT


def test_on_behalf_of_in_a_language_that_puts_it_around() -> None:
    text = (
        f"{'_' * 32}\n差出人: List <list@lists.example> が {SELLER} の代理で送信\n送信日時: 2024年3月4日 9:30\n"
        f"宛先: cleo@mail.example\n件名: {SUBJECT}\n\n{BODY}"
    )
    (found,) = read_mail(message(text, subject=f"FW: {SUBJECT}")).originals
    assert found.sender.address == "list@lists.example"
    assert found.on_behalf_of is not None
    assert found.on_behalf_of.address == "nora@vale-shop.example"


def test_a_label_without_a_table_between_known_ones_does_not_swallow_its_neighbours() -> None:
    text = f"___\nจาก: {SELLER}\nประทับ เวลา: 4/3/2024 9:30\nถึง: cleo@mail.example\nหัวเรื่อง: {SUBJECT}\n\n{BODY}"
    (found,) = read_mail(message(text, subject=f"FW: {SUBJECT}")).originals
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert found.sent_between.start is not None
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]


def test_a_run_of_labelled_lines_is_not_tried_at_every_line() -> None:
    run = "".join(f"k{number}: <a@b.example> 10:00\n" for number in range(6000))
    assert read_mail(message(run)).kind in ("complaint", "other")


def test_a_complaint_form_with_a_date_is_no_forward() -> None:
    form = "Имя: Cleo\nПочта: <cleo@mail.example>\nПолучено: 04.03.2024 09:30\nЗаказ: 77\nspam\n"
    record = read_mail(message(form))
    assert record.kind == "complaint"
    assert re.search("words", record.reason or "")


def test_gmail_text_is_the_same_with_and_without_marks_for_direction() -> None:
    text = gmail_text().replace("From: Nora", "\u200fFrom: \u202aNora").replace("example>", "example\u202c>")
    (found,) = read_mail(message(text)).originals
    assert found.sender.address == "nora@vale-shop.example"
