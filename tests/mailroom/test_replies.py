"""Who may be thanked: a person who reported, once, and nobody and nothing else (RFC 3834)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.mailroom import read_mail
from leaktrace.mailroom.replies import OLDEST_DAYS, Acknowledge, Declined, judge_reply
from leaktrace.records import Arrival
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import attached, gmail_text, message, multipart, original

SETTINGS = replace(Settings(), acknowledge_from="report-abuse@market.example")
NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
REPORT = multipart("Content-Type: text/plain\n\nplease look", attached(original()), subject="Fwd: Half price")
GERMAN = message(
    gmail_text(label="Von").replace("Date:", "Datum:").replace("Subject:", "Betreff:").replace("To:", "An:")
)
WORDS = message("This is spam, please stop it.\n")


def judged(raw: bytes, now: datetime = NOW) -> Acknowledge | Declined:
    return judge_reply(
        raw, read_mail(raw), settings=SETTINGS, now=now, is_ours=lambda one: one == "<ours@market.example>"
    )


def with_header(*lines: str, raw: bytes = REPORT) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode() + raw


@pytest.mark.parametrize("raw", [REPORT, WORDS, message(gmail_text())])
def test_a_person_who_reported_is_thanked_in_their_thread(raw: bytes) -> None:
    found = judged(
        with_header("Return-Path: <cleo@mail.example>", "References: <one@x.example> <two@x.example>", raw=raw)
    )
    assert isinstance(found, Acknowledge)
    assert (found.to, found.in_reply_to) == ("cleo@mail.example", "<m1@mail.example>")
    assert found.references == ("<one@x.example>", "<two@x.example>", "<m1@mail.example>")


def test_a_sender_with_a_tag_is_the_sender_of_the_envelope() -> None:
    assert isinstance(judged(with_header("Return-Path: <cleo+abuse@mail.example>")), Acknowledge)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["Return-Path: <>"], "kind bounce|null sender"),
        (["Return-Path: <other@mail.example>"], "envelope names another"),
        (["Return-Path: <cleo@mail.example>", "Return-Path: <>"], "null sender"),
        (["Auto-Submitted: auto-generated"], "program"),
        (["Auto-Submitted: auto-notified; owner-email=x@y.example"], "program"),
        (["Auto-Submitted: no", "Auto-Submitted: auto-generated"], "program"),
        (["Auto-Submitted: something-new"], "program"),
        (["X-Auto-Response-Suppress: DR, OOF, AutoReply"], "wants no automatic"),
        (["X-Loop: report-abuse@market.example"], "program"),
        (["Precedence: bulk"], "bulk"),
        (["Precedence: LIST"], "bulk"),
        (["Precedence: junk"], "bulk"),
        (["List-Id: <news.example>"], "mailing list"),
        (["List-Unsubscribe: <https://news.example/u>"], "mailing list"),
        (["In-Reply-To: <ours@market.example>"], "answers an acknowledgement"),
        (["References: <a@b.example> <ours@market.example>"], "answers an acknowledgement"),
        (["From: second@mail.example"], "no sender who can be written to"),
    ],
)
def test_what_a_program_a_list_or_a_forger_sent_is_not_answered(lines: list[str], why: str) -> None:
    found = judged(with_header(*lines))
    assert isinstance(found, Declined)
    assert any(reason in found.reason for reason in why.split("|")), found


@pytest.mark.parametrize("line", ["Auto-Submitted: no", "Auto-Submitted: No (a person)", "Precedence: normal"])
def test_what_says_that_a_person_sent_it_is_answered(line: str) -> None:
    assert isinstance(judged(with_header(line)), Acknowledge)


@pytest.mark.parametrize(
    "sender",
    [
        "no-reply@shop.example", "noreply@shop.example", "No.Reply@shop.example", "do_not_reply@shop.example",
        "donotreply+x@shop.example", "MAILER-DAEMON@mx.example", "postmaster@mx.example", "bounce@list.example",
        "bounces+cleo=mail.example@list.example", "owner-news@list.example", "news-request@list.example",
        "news-bounces@list.example", "listserv@list.example", "root@host.example", "abuse@rival.example",
        "fbl@provider.example", "report-abuse@market.example", "Report-Abuse+x@market.example",
        "käthe@mail.example", '"a b"@mail.example', "a@b@c.example", "nobody",
    ],
)  # fmt: skip
def test_an_address_that_nobody_reads_is_not_written_to(sender: str) -> None:
    raw = REPORT.replace(b"Cleo Marsh <cleo@mail.example>", sender.encode(), 1)
    assert isinstance(judged(raw), Declined)


@pytest.mark.parametrize("sender", ["nora.reply@mail.example", "rooter@mail.example", "returner@mail.example"])
def test_a_persons_address_that_only_looks_like_one_is(sender: str) -> None:
    assert isinstance(judged(REPORT.replace(b"cleo@mail.example", sender.encode(), 1)), Acknowledge)


def test_a_feedback_report_by_a_machine_is_not_answered() -> None:
    parts = (
        "Content-Type: text/plain\n\nan abuse report",
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n",
        attached(original()),
    )
    raw = multipart(*parts, subtype="report", parameters="; report-type=feedback-report")
    assert read_mail(raw).kind == "report"
    assert judged(raw) == Declined("a machine sent it: a feedback report")


@pytest.mark.parametrize("sender", ["disowned", "unknown", "confirmed"])
def test_whoever_is_forged_in_from_is_not_written_to(sender: Literal["disowned", "unknown", "confirmed"]) -> None:
    record = replace(read_mail(REPORT), arrival=Arrival("own_results", None, None, sender, "x"))
    found = judge_reply(REPORT, record, settings=SETTINGS, now=NOW, is_ours=lambda _: False)
    assert isinstance(found, Declined if sender == "disowned" else Acknowledge)


def test_only_reports_and_complaints_are_answered() -> None:
    assert isinstance(judged(message("Where is my parcel?\n")), Declined)
    assert isinstance(judged(b""), Declined)


def test_an_old_mailbox_thanks_nobody() -> None:
    sent = datetime(2024, 3, 5, 9, tzinfo=UTC)
    assert isinstance(judged(REPORT, sent + timedelta(days=OLDEST_DAYS)), Acknowledge)
    assert isinstance(judged(REPORT, sent + timedelta(days=OLDEST_DAYS, seconds=1)), Declined)


@pytest.mark.parametrize(
    ("raw", "language"),
    [
        (REPORT, "en"),
        (GERMAN, "de"),
        (with_header("Content-Language: fr-CA"), "fr"),
        (with_header("Accept-Language: ja-JP, en-US"), "ja"),
        (with_header("Content-Language: zh-TW"), "zh-hant"),
        (with_header("Content-Language: tlh"), "en"),
        (REPORT.replace(b"Subject: Fwd:", b"Subject: WG:"), "de"),
        (REPORT.replace(b"Subject: Fwd:", "Subject: 转发:".encode()), "zh"),
        (with_header("Content-Language: pt-BR", raw=message(gmail_text(label="De").replace("To:", "Para:"))), "pt"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_the_mail_program_or_of_the_mail(raw: bytes, language: str) -> None:
    found = judged(raw)
    assert isinstance(found, Acknowledge), found
    assert found.language == language


@given(st.lists(st.sampled_from([
    "Return-Path: <>", "Return-Path: <cleo@mail.example>", "Auto-Submitted: auto-replied", "Auto-Submitted: no",
    "Precedence: bulk", "List-Id: x", "X-Other: y", "Message-ID: <second@x.example>",
]), max_size=4))  # fmt: skip
def test_one_sign_of_a_program_is_enough_whatever_stands_beside_it(lines: list[str]) -> None:
    signs = {"Return-Path: <>", "Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: x"}
    assert isinstance(judged(with_header(*lines)), Declined if signs & set(lines) else Acknowledge)


@given(st.binary(max_size=400))
def test_any_bytes_have_an_answer(raw: bytes) -> None:
    assert isinstance(judged(raw), Declined)
