"""What a message is: feedback reports, bounces, automatic answers, complaints, everything else."""

from __future__ import annotations

import pytest

from leaktrace.mailroom.read import read_mail
from tests.mailroom.mail_samples import SUBJECT, attached, gmail_text, message, multipart, original

FEEDBACK = (
    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Loop/1.0\nVersion: 1\n"
    "Original-Rcpt-To: <cleo@mail.example>\nOriginal-Rcpt-To: <bo@mail.example>\nOriginal-Rcpt-To: CLEO@mail.example\n"
    "Original-Mail-From: bounce@vale-shop.example\n\nArrival-Date: Mon, 04 Mar 2024 09:31:00 +0000\n"
)
REPORT = '; report-type="feedback-report"'


def arf(*parts: str | bytes) -> bytes:
    return multipart("Content-Type: text/plain\n\na report\n", *parts, subtype="report", parameters=REPORT)


def test_a_feedback_report_with_the_whole_message() -> None:
    raw = arf(FEEDBACK, attached(original()))
    record = read_mail(raw)
    assert record.kind == "report"
    (found,) = record.originals
    assert (found.form, found.grade) == ("arf", "G2")
    assert found.sender.address == "nora@vale-shop.example"
    assert [one.address for one in found.recipients if one.role == "rcpt"] == ["cleo@mail.example", "bo@mail.example"]
    assert b"<bo@mail.example>" in raw[slice(*found.spans["rcpt"])]


def test_a_feedback_report_with_the_header_alone() -> None:
    header = original().partition(b"\n\n")[0]
    for kind in ("text/rfc822-headers", "text/rfc822-header"):
        (found,) = read_mail(arf(FEEDBACK, attached(header, kind))).originals
        assert (found.form, found.grade, found.subject) == ("arf", "G2", SUBJECT)
        assert found.links == ()


def test_a_redacted_feedback_report_says_what_it_says() -> None:
    (found,) = read_mail(arf(FEEDBACK, attached(b"REDACTED"))).originals
    assert (found.grade, found.sender.address, found.flags) == ("G1", "bounce@vale-shop.example", ("redacted",))
    assert found.sent_between.start is not None
    nothing = FEEDBACK.replace("Original-Mail-From", "X-From").replace("Arrival-Date", "X-Date")
    (found,) = read_mail(arf(nothing)).originals
    assert found.flags == ("no_sender_address", "redacted")


def test_repeated_single_fields_are_flagged_and_no_type_is_abuse() -> None:
    (found,) = read_mail(arf(FEEDBACK + "Version: 1\n", attached(original()))).originals
    assert "repeated_feedback_fields" in found.flags
    untyped = FEEDBACK.replace("Feedback-Type: abuse\n", "")
    assert read_mail(arf(untyped, attached(original()))).kind == "report"


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "dmarc"])
def test_feedback_that_is_no_complaint(kind: str) -> None:
    record = read_mail(arf(FEEDBACK.replace("abuse", kind), attached(original())))
    assert record.kind == "other"
    assert record.reason is not None
    assert kind in record.reason


DELIVERY = (
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; a@x.example\n"
    "Action: delayed\nStatus: 4.4.1\n\nFinal-Recipient: rfc822; b@x.example\nAction: failed\nStatus : 5.1.1 (unknown)\n"
)


def test_a_delivery_report_is_a_bounce_whatever_it_returns() -> None:
    raw = multipart(
        "Content-Type: text/plain\n\nsorry\n", DELIVERY, attached(original()),
        subtype="report", parameters="; report-type=delivery-status",
    )  # fmt: skip
    record = read_mail(raw)
    assert (record.kind, record.status, record.originals) == ("bounce", "5.1.1", ())
    assert read_mail(raw.replace(b"Action: failed", b"Action: relayed")).status == "4.4.1"
    assert read_mail(raw.replace(b"message/delivery-status", b"text/plain")).status == "4.4.1"
    assert read_mail(raw.replace(b"Status", b"Stat")).status is None


@pytest.mark.parametrize(
    ("headers", "subject"),
    [
        ("Return-Path: <>\n", "anything"),
        ("X-Failed-Recipients: a@x.example\n", "anything"),
        ("X-MLServer: fml\n", "Loop Alert"),
        ("", "Undelivered Mail Returned to Sender"),
        ("", "Mail delivery failed: returning message to sender"),
    ],
)
def test_bounces_without_a_delivery_status(headers: str, subject: str) -> None:
    record = read_mail(multipart(attached(original()), headers=headers, subject=subject))
    assert record.kind == "bounce"
    assert record.reason


@pytest.mark.parametrize(
    "sender", ["MAILER-DAEMON@x.example", "Mail Delivery Subsystem <md@x.example>", "post_master@x.example"]
)
def test_bounces_by_their_sender(sender: str) -> None:
    raw = message("550 no such user", subject="Returned mail: user unknown")
    assert read_mail(raw.replace(b"Cleo Marsh <cleo@mail.example>", sender.encode())).kind == "bounce"


def test_a_persons_mail_about_a_bounce_is_not_taken_for_one() -> None:
    assert read_mail(message(gmail_text(), subject="Fwd: Undeliverable mail")).kind == "report"
    postmaster = message("spam from my account?", subject="hello").replace(b"cleo@", b"postmaster@")
    assert read_mail(postmaster).kind == "complaint"


def test_a_forwarded_delivery_report_is_a_bounce_but_a_lure_is_a_report() -> None:
    real = gmail_text("Mail Delivery Subsystem <MAILER-DAEMON@mx.example>").replace(
        SUBJECT, "Returned mail: see transcript"
    )
    record = read_mail(message(real + "\nStatus: 5.1.1\n"))
    assert (record.kind, record.status) == ("bounce", "5.1.1")
    lure = gmail_text("Mail Delivery Subsystem <help@phish.example>").replace(SUBJECT, "Undelivered mail: sign in")
    assert read_mail(message(lure)).kind == "report"


@pytest.mark.parametrize(
    ("headers", "subject"),
    [
        ("Auto-Submitted: auto-replied (vacation)\n", "x"),
        ("X-Autoreply: yes\n", "x"),
        ("Precedence: auto_reply\n", "x"),
        ("X-Apple-Action: VACATION\n", "x"),
        ("X-Auto-Response-Suppress: All\n", "Automatic reply: x"),
        ("Return-Path: <>\n", "Abwesenheitsnotiz"),
        ("", "自动回复: x"),
        ("", "پاسخ خودکار: x"),
    ],
)
def test_automatic_answers(headers: str, subject: str) -> None:
    record = read_mail(message("I am away", headers=headers, subject=subject))
    assert record.kind == "autoreply"
    assert record.reason


def test_a_read_receipt_is_an_automatic_answer() -> None:
    raw = multipart(
        "Content-Type: text/plain\n\nread\n", subtype="report", parameters="; report-type=disposition-notification"
    )
    assert read_mail(raw).kind == "autoreply"


@pytest.mark.parametrize(
    "text",
    [
        "Somebody sold my address, I keep getting spam",
        "Woher hat der Händler meine Adresse?",
        "卖家泄露了我的邮箱",
        "فروشنده‌ای به ایمیل من پیام تبلیغات می‌فرستد",
    ],
)
def test_words_about_unwanted_mail_are_a_complaint(text: str) -> None:
    record = read_mail(message(text))
    assert (record.kind, record.reporter.address) == ("complaint", "cleo@mail.example")


@pytest.mark.parametrize(
    "headers",
    [
        "List-Unsubscribe: <https://x.example/u>\n",
        "List-Id: <l.x.example>\n",
        "Precedence: bulk\n",
        "X-Spam-Flag: YES\n",
        "Auto-Submitted: auto-generated\n",
        "X-AMZ-SNS-Message-ID: 1\n",
    ],
)
def test_programs_and_lists_do_not_complain(headers: str) -> None:
    record = read_mail(message("this is not spam, privacy policy below", headers=headers))
    assert record.kind == "other"
    assert record.reason


def test_everything_else_is_other() -> None:
    assert read_mail(message("see you at lunch")).kind == "other"
