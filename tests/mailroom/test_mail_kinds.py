"""What a message is: feedback reports, bounces, automatic answers, complaints, everything else."""

from __future__ import annotations

import base64
import json
import unicodedata

import pytest

from leaktrace.mailroom.notices import notices
from leaktrace.mailroom.read import read_mail
from tests.mailroom.mail_samples import SELLER, SUBJECT, attached, gmail_text, message, multipart, original

FEEDBACK = (
    "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: Loop/1.0\nVersion: 1\n"
    "Original-Rcpt-To: <cleo@mail.example>\nOriginal-Rcpt-To: <bo@mail.example>\nOriginal-Rcpt-To: CLEO@mail.example\n"
    "Original-Mail-From: bounce@vale-shop.example\n\nArrival-Date: Mon, 04 Mar 2024 09:31:00 +0000\n"
)
REPORT = '; report-type="feedback-report"'
BLOCK = f"From: {SELLER}\nSent: Monday, March 4, 2024 9:30 AM\nTo: cleo@mail.example\nSubject: {SUBJECT}\n\nhi\n"


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
    returned = original().replace(SELLER.encode(), b"report-abuse@market.example")
    record = read_mail(multipart(attached(returned), headers=headers, subject=subject))
    assert record.kind == "bounce"
    assert record.reason


@pytest.mark.parametrize(
    "sender", ["MAILER-DAEMON@x.example", "Mail Delivery Subsystem <md@x.example>", "post_master@x.example"]
)
def test_bounces_by_their_sender(sender: str) -> None:
    raw = message("550 no such user", subject="Returned mail: user unknown")
    assert read_mail(raw.replace(b"Cleo Marsh <cleo@mail.example>", sender.encode())).kind == "bounce"


@pytest.mark.parametrize(
    "subject",
    [
        "Delivery problem: who are they?",
        "Bounced cheque scam",
        "Zwrot pieniędzy?",
        "Vacation rental scam",
        "Auto: unerwünschte Angebote",
    ],
)
def test_a_subject_does_not_outrank_somebody_elses_mail_that_is_attached(subject: str) -> None:
    record = read_mail(multipart("Content-Type: text/plain\n\nsee", attached(original()), subject=subject))
    assert (record.kind, record.originals[0].sender.address) == ("report", "nora@vale-shop.example")
    for text in (gmail_text(), BLOCK):
        record = read_mail(message(text, subject=subject))
        assert (record.kind, record.originals[0].sender.address) == ("report", "nora@vale-shop.example")


def test_what_an_answer_quotes_of_its_readers_is_no_report() -> None:
    ours = BLOCK.replace(SELLER, "Abuse desk <desk@market.example>")
    assert read_mail(message(f"I am away\n\n{ours}", subject="Automatic reply: hello")).kind == "autoreply"
    by_exchange = message(
        f"I am away\n\n{BLOCK}", subject="Automatic reply: x", headers="X-Auto-Response-Suppress: All\n"
    )
    assert read_mail(by_exchange).kind == "autoreply"


@pytest.mark.parametrize("subject", ["Zwrot pieniędzy, oszustwo, spam", "Devolución: correo no deseado"])
def test_goods_that_are_returned_are_no_mail_that_is(subject: str) -> None:
    assert read_mail(message("spam", subject=subject)).kind == "complaint"


@pytest.mark.parametrize(
    "reporter",
    ["bounce.house@mail.example", "bouncer@mail.example", "bouncybob7@mail.example", "maildelivery.guy@mail.example"],
)
def test_a_person_with_a_name_like_a_programs_is_a_reporter(reporter: str) -> None:
    raw = multipart(attached(original())).replace(
        b"From: Cleo Marsh <cleo@mail.example>", f"From: {reporter}".encode(), 1
    )
    assert (read_mail(raw).kind, read_mail(raw).reporter.address) == ("report", reporter)


def test_a_read_receipt_inside_something_else_is_one_all_the_same() -> None:
    receipt = (
        "Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n"
    )
    assert read_mail(multipart("Content-Type: text/plain\n\nread", receipt, attached(original()))).kind == "autoreply"


def test_header_lines_in_what_a_program_wrote_are_no_forward() -> None:
    assert read_mail(message(gmail_text(), headers="Auto-Submitted: auto-generated\n")).kind == "other"
    assert read_mail(multipart(attached(original()), headers="Auto-Submitted: auto-generated\n")).kind == "report"


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
        ("", "תשובה אוטומטית: x"),
        ("", "Trả lời tự động: x"),
        ("", "การตอบกลับอัตโนมัติ: x"),
        ("", "Balasan otomatis: x"),
        ("", "Автоматичен отговор: x"),
        ("", "स्वचालित उत्तर: x"),
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
        "यह विक्रेता मुझे अवांछित ईमेल भेज रहा है",
        "ผู้ขายรายนี้ส่งอีเมลขยะมาให้ฉัน",
        "Penjual ini terus mengirim email yang tidak diinginkan",
        "Този продавач ми изпраща нежелана поща",
        "Acest vânzător îmi trimite mesaje nedorite",
        "Sælgeren sender mig uønskede mails",
        "See müüja saadab mulle soovimatuid kirju",
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
        "X-Spam-Status: Yes, score=9.1 required=5.0\n",
        "X-Spam: Yes\n",
        "Auto-Submitted: auto-generated\n",
        "X-AMZ-SNS-Message-ID: 1\n",
    ],
)
def test_programs_and_lists_do_not_complain(headers: str) -> None:
    record = read_mail(message("this is not spam, privacy policy below", headers=headers))
    assert record.kind == "other"
    assert record.reason


def test_no_word_of_the_tables_mixes_alphabets() -> None:
    """A word with a letter of another alphabet in it is never met."""
    known = notices()
    for word in (*known.bounce_subjects, *known.autoreply_subjects, *known.complaint_words):
        alphabets = {unicodedata.name(letter).split()[0].split("-")[0] for letter in word if letter.isalpha()}
        assert len(alphabets) <= 1 or alphabets <= {"CJK", "HIRAGANA", "KATAKANA"}, word


def test_everything_else_is_other() -> None:
    assert read_mail(message("see you at lunch")).kind == "other"


def test_every_repeated_field_of_a_feedback_report_is_kept() -> None:
    more = (
        FEEDBACK
        + "Reported-Domain: vale-shop.example\nReported-Domain: vale.example\nReported-URI: https://vale-shop.example/a\n"
        "Reported-URI: mailto:nora@vale-shop.example\nAuthentication-Results: mx.example; spf=fail\n"
        "Authentication-Results: mx.example; dkim=pass\nSource-IP: 192.0.2.9\nIncidents: 3\n"
    )
    (found,) = read_mail(arf(more, attached(original()))).originals
    told = found.feedback
    assert told is not None
    assert (told.type, told.user_agent, told.version, told.source_ip, told.incidents) == (
        "abuse", "Loop/1.0", "1", "192.0.2.9", 3,
    )  # fmt: skip
    assert told.original_rcpt_to == ("<cleo@mail.example>", "<bo@mail.example>", "CLEO@mail.example")
    assert told.reported_domains == ("vale-shop.example", "vale.example")
    assert told.reported_uris == ("https://vale-shop.example/a", "mailto:nora@vale-shop.example")
    assert told.authentication_results == ("mx.example; spf=fail", "mx.example; dkim=pass")
    assert told.arrival_at is not None
    assert told.arrival_at.minute == 31
    (met,) = read_mail(arf(FEEDBACK.replace("Arrival-Date", "Received-Date"), attached(original()))).originals
    assert met.feedback is not None
    assert met.feedback.arrival_at == told.arrival_at


@pytest.mark.parametrize(
    "token",
    ["6a4bX0yRkqL5dZ0m3lq7uH8c1Jw=@example.com", "0123456789abcdef0123456789abcdef", "6a4bX0yRkqL5dZ0m3lq7uH8c1Jw="],
)
def test_a_redacted_recipient_is_no_address_and_can_be_counted(token: str) -> None:
    only_token = FEEDBACK.replace("<cleo@mail.example>", token).replace("Original-Rcpt-To: <bo@mail.example>\n", "")
    only_token = only_token.replace("Original-Rcpt-To: CLEO@mail.example\n", "")
    (found,) = read_mail(arf(only_token, attached(original()))).originals
    assert [(one.address, one.name) for one in found.recipients if one.role == "rcpt"] == [(None, token)]
    assert "redacted_recipient" in found.flags
    blank = only_token.replace(token, "[redacted]")
    (found,) = read_mail(arf(blank, attached(original()))).originals
    assert [one for one in found.recipients if one.role == "rcpt"] == []


XARF_V4 = {
    "xarf_version": "4.2.0", "report_id": "x", "timestamp": "2024-03-04T09:31:00Z", "category": "messaging",
    "type": "spam", "reporter": {"org": "Net", "contact": "abuse@net.example", "domain": "net.example"},
    "source_identifier": "192.0.2.7", "protocol": "smtp", "smtp_from": "bounce@vale-shop.example",
    "smtp_to": "cleo@mail.example", "subject": "Half price",
}  # fmt: skip
XARF_V3 = {
    "Version": "3",
    "ReporterInfo": {"ReporterOrg": "Net", "ReporterOrgEmail": "abuse@net.example"},
    "Report": {
        "ReportClass": "Activity", "ReportType": "Spam", "Date": "2024-03-04T09:31:00Z", "SourceIp": "192.0.2.7",
        "SmtpMailFromAddress": "bounce@vale-shop.example", "SmtpRcptToAddress": "cleo@mail.example",
    },
}  # fmt: skip


def xarf(document: object, *, encoded: bool = True) -> bytes:
    text = json.dumps(document)
    body = base64.encodebytes(text.encode()).decode() if encoded else text
    head = "Content-Type: application/json; name=xarf.json\n" + (
        "Content-Transfer-Encoding: base64\n" if encoded else ""
    )
    return arf(
        "Content-Type: message/feedback-report\n\nFeedback-Type: xarf\nUser-Agent: N\nVersion: 1\n", f"{head}\n{body}\n"
    )


def sampled(document: dict[str, object]) -> dict[str, object]:
    payload = base64.b64encode(original()).decode()
    if "xarf_version" in document:
        return document | {"evidence": [{"content_type": "message/rfc822", "payload": payload}]}
    sample = {"ContentType": "message/rfc822", "Base64Encoded": True, "Payload": payload}
    report = document["Report"]
    assert isinstance(report, dict)
    return document | {"Report": report | {"Samples": [sample]}}


@pytest.mark.parametrize("document", [XARF_V3, XARF_V4])
@pytest.mark.parametrize("encoded", [True, False])
def test_an_xarf_report_with_the_mail_and_without(document: dict[str, object], encoded: bool) -> None:
    raw = xarf(sampled(document), encoded=encoded)
    (found,) = read_mail(raw).originals
    assert (found.form, found.grade, found.sender.address) == ("xarf", "G2", "nora@vale-shop.example")
    assert "cleo@mail.example" in [one.address for one in found.recipients]
    assert found.feedback is not None
    assert (found.feedback.source_ip, found.feedback.version) == (
        "192.0.2.7",
        "4.2.0" if "category" in document else "3",
    )
    start, end = found.spans["sender"]
    assert b"application/json" in raw[:start]
    assert end <= len(raw)
    (told,) = read_mail(xarf(document, encoded=encoded)).originals
    assert (told.grade, told.sender.address, told.recipients[0].address) == (
        "G1", "bounce@vale-shop.example", "cleo@mail.example",
    )  # fmt: skip
    assert told.sent_between.start is not None


def test_xarf_about_other_things_is_labelled_and_put_aside() -> None:
    for document in (
        XARF_V4 | {"category": "connection", "type": "ddos"},
        XARF_V3 | {"Report": {"ReportClass": "Activity", "ReportType": "LoginAttack", "SourceIp": "192.0.2.7"}},
    ):
        record = read_mail(xarf(document))
        assert record.kind == "other"
        assert "X-ARF" in (record.reason or "")
    assert read_mail(xarf([1, 2])).kind == "other"
    deep = '{"xarf_version": ' + "[" * 200_000
    assert read_mail(xarf("x").replace(b"IngiCg==", deep.encode())).kind in ("other", "unreadable")


def test_xarf_of_the_old_kind_has_lines_and_an_attached_mail() -> None:
    lines = (
        "Content-Type: text/plain; name=report.txt\n\nReported-From: abuse@net.example\nCategory: abuse\n"
        "Report-Type: spam\n"
        "Version: 0.2\nDate: Mon, 04 Mar 2024 09:31:00 +0000\nSource: 192.0.2.7\nSource-Type: ip-address\n"
    )
    raw = multipart("Content-Type: text/plain\n\nhello\n", lines, attached(original()), headers="X-XARF: PLAIN\n")
    (found,) = read_mail(raw).originals
    assert (found.form, found.sender.address) == ("xarf", "nora@vale-shop.example")
    attack = raw.replace(b"Report-Type: spam", b"Report-Type: login-attack")
    assert read_mail(attack).kind == "other"
