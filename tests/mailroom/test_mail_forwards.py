"""Forwards written into the text: every client's way, and what a sender does to be taken for somebody else."""

from __future__ import annotations

import base64
import quopri
from html import escape

import pytest

from leaktrace.mailroom.labels import labels, marker_of, subject_says, without_prefixes
from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from tests.mailroom.mail_samples import (
    BODY,
    LABELLED,
    SELLER,
    SUBJECT,
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

RIVAL = "Rival Shop <boss@rival.example>"
PLANTED = (
    f"---------- Forwarded message ---------\nFrom: {RIVAL}\nDate: Sun, Mar 3, 2024 at 8:00 AM\nSubject: deal\n"
    "To: <cleo@mail.example>\n\nbuy from us\n"
)


def forward_in(raw: bytes) -> Original:
    record = read_mail(raw)
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return found


def covered(raw: bytes, found: Original, field: str) -> str:
    start, end = found.spans[field]
    return raw[start:end].decode("utf-8")


@pytest.mark.parametrize("page", [gmail_html, outlook_html, apple_html, thunderbird_html, yahoo_html])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_each_clients_html(page: object, encoding: str) -> None:
    assert callable(page)
    html = page()
    if encoding == "8bit":
        raw = message(html, content_type="text/html", subject=f"Fwd: {SUBJECT}")
    else:
        text = "Content-Type: text/plain\n\nsee html\n"
        raw = multipart(text, encoded_html(html, encoding), subtype="alternative", subject=f"Fwd: {SUBJECT}")
    found = forward_in(raw)
    assert (found.form, found.grade) == ("inline-html", "G1")
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert found.recipients[0].address == "cleo@mail.example"
    assert found.subject == SUBJECT
    assert found.sent_between.start is not None
    start, end = found.spans["sender"]
    inside = raw[start:end]
    if encoding == "base64":
        inside = base64.b64decode(inside)
    elif encoding == "quoted-printable":
        inside = quopri.decodestring(inside)
    assert b"nora@vale-shop.example" in inside


def test_gmail_html_gives_links_and_a_note_above_does_not_matter() -> None:
    raw = message(gmail_html(note="From: me to you, they got my address somewhere"), content_type="text/html")
    found = forward_in(raw)
    assert found.links == ("https://vale-shop.example/c?id=77&x=1",)
    assert found.text_sketch
    assert found.flags == ()


@pytest.mark.parametrize("language", sorted(LABELLED))
@pytest.mark.parametrize("marker", [True, False])
def test_each_language(language: str, marker: bool) -> None:
    raw = message(labelled_text(language, marker=marker), subject="x" if marker else "FW: x")
    found = forward_in(raw)
    assert found.form == "inline-text"
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]
    assert found.subject == SUBJECT
    assert found.sent_between.start is not None
    assert found.sent_between.end is not None
    assert (found.sent_between.end - found.sent_between.start).total_seconds() == 26 * 3600 + 60
    assert "nora@vale-shop.example" in covered(raw, found, "sender")
    assert SUBJECT in covered(raw, found, "subject")


def test_outlook_desktop_with_and_without_a_line() -> None:
    sent = "Sent: Monday, March 4, 2024 9:30 AM"
    block = f"From: {SELLER}\n{sent}\nTo: Cleo <cleo@mail.example>\nSubject: {SUBJECT}\n\n{BODY}"
    for opening in ("", "_" * 32 + "\n", "-----Original Message-----\n"):
        assert (
            forward_in(message(f"hi\n\n{opening}{block}", subject="FW: x")).sender.address == "nora@vale-shop.example"
        )
        assert read_mail(message(f"hi\n\n{opening}{block}", subject="RE: x")).kind != "report"


def test_the_outermost_block_is_the_forward_and_the_planted_one_a_claim() -> None:
    raw = message(gmail_text() + PLANTED)
    found = forward_in(raw)
    assert found.sender.address == "nora@vale-shop.example"
    assert [claim.sender.address for claim in found.claims] == ["boss@rival.example"]
    # The attack works on a reader that takes the last block, or the one it knows best.
    last = read_mail(message(PLANTED)).originals[0]
    assert last.sender.address == "boss@rival.example"


def test_a_block_planted_in_html_does_not_win_over_an_outlook_header() -> None:
    planted = gmail_html("Rival Shop", "boss@rival.example")
    html = outlook_html().replace("<p>Dear Cleo</p>", planted)
    found = forward_in(message(html, content_type="text/html", subject="FW: x"))
    assert found.sender.address == "nora@vale-shop.example"
    assert found.claims[0].sender.address == "boss@rival.example"


def test_a_block_planted_below_labels_in_an_unknown_language_does_not_win() -> None:
    unknown = (
        "---------- Пераслае паведамленне ---------\nАдпраўнік: Nora Vale <nora@vale-shop.example>\n"
        f"Адпраўлена: 4 Mar 2024 9:30\nТэмачка: {SUBJECT}\nАтрымальнік: cleo@mail.example\n\n"
    )
    found = forward_in(message(unknown + PLANTED, subject=f"Fwd: {SUBJECT}"))
    assert found.sender.address == "nora@vale-shop.example"
    assert found.flags == ("unknown_labels",)
    assert found.subject == SUBJECT
    assert found.recipients[0].address == "cleo@mail.example"


def test_a_complaint_in_form_fields_is_not_a_forward() -> None:
    form = "Name: Cleo Marsh\nEmail: cleo@mail.example\nOrder: 77\nProblem: unwanted mail\n"
    assert read_mail(message(form)).kind == "complaint"


def test_an_attachment_of_an_inline_forward_is_its_senders_claim() -> None:
    framed = original().replace(b"nora@vale-shop.example", b"boss@rival.example")
    raw = multipart("Content-Type: text/plain\n\n" + gmail_text(), attached(framed))
    found = forward_in(raw)
    assert found.sender.address == "nora@vale-shop.example"
    assert [claim.form for claim in found.claims] == ["attachment"]
    assert "attached_message_inside" in found.flags


def test_forwards_of_forwards_are_claims_of_claims() -> None:
    text = "".join(gmail_text(f"S{n} <s{n}@x.example>") for n in range(12))
    found, depth = forward_in(message(text)), 0
    while found.claims:
        (found,) = found.claims
        depth += 1
    assert depth == 8


@pytest.mark.parametrize(
    ("written", "sender", "behalf"),
    [
        ("Ann <ann@x.example> on behalf of Bo <bo@x.example>", "ann@x.example", "bo@x.example"),
        ("Ann <ann@x.example> im Auftrag von bo@x.example", "ann@x.example", "bo@x.example"),
        ("Ann <ann@x.example> 代表 Bo <bo@x.example>", "ann@x.example", "bo@x.example"),
        ("Ann on behalf of Bo", None, None),
    ],
)
def test_on_behalf_of_keeps_both(written: str, sender: str | None, behalf: str | None) -> None:
    found = forward_in(message(gmail_text(written).replace("Forwarded message", "Original Message")))
    assert found.on_behalf_of is not None
    assert (found.sender.address, found.on_behalf_of.address) == (sender, behalf)
    assert found.sender.name == "Ann"


def test_on_behalf_of_below_the_mark_of_a_forward_is_part_of_a_name() -> None:
    # The attack: programs other than Outlook show a name as it is, and it names a rival as the one who sent the mail.
    found = forward_in(message(gmail_text("Rival <boss@rival.example> on behalf of Nora <nora@vale-shop.example>")))
    assert (found.sender.address, found.on_behalf_of) == ("nora@vale-shop.example", None)
    assert found.flags == ("name_contains_address",)


def test_a_name_that_only_sounds_like_on_behalf_of_stays_one_name() -> None:
    found = forward_in(message(gmail_text("Kundservice för Acme <k@acme.example>")))
    assert (found.sender.address, found.sender.name) == ("k@acme.example", "Kundservice för Acme")
    assert found.on_behalf_of is None


def test_on_behalf_of_inside_a_quoted_name_is_the_senders_own_writing() -> None:
    found = forward_in(message(gmail_text('"Boss <boss@rival.example> on behalf of Nora" <nora@vale-shop.example>')))
    assert found.sender.address == "nora@vale-shop.example"
    assert found.on_behalf_of is None
    assert found.flags == ("name_contains_address",)


def test_an_address_that_a_soft_line_end_cut_is_no_address() -> None:
    # A program that kept the signs of quoted-printable: half of an address is somebody else's, or nobody's.
    whole = gmail_text("Nora <nora@vale-shop.example>")
    found = forward_in(message(whole.replace("vale-shop", "vale=\n-shop")))
    assert (found.sender.address, found.sender.name) == (None, "Nora")
    assert "no_sender_address" in found.flags


def test_an_address_that_a_program_left_in_bare_brackets_is_the_senders() -> None:
    """Attack: as an element it would not be shown, and the name before it would be the only address."""
    page = (
        "<div>From: boss@rival.example <nora@vale-shop.example><br>Date: Monday, March 4, 2024 9:30 AM<br>"
        f"To: Cleo <cleo@mail.example><br>Subject: {SUBJECT}</div>"
    )
    found = forward_in(message(page, content_type="text/html", subject="FW: x"))
    assert (found.sender.address, found.recipients[0].address) == ("nora@vale-shop.example", "cleo@mail.example")
    assert found.flags == ("name_contains_address",)


def test_a_forward_in_preformatted_text_is_read_line_by_line() -> None:
    page = f"<html><body>see<pre>{escape(gmail_text())}</pre></body></html>"
    raw = message(page, content_type="text/html", subject="help")
    found = forward_in(raw)
    assert (found.sender.address, found.subject) == ("nora@vale-shop.example", SUBJECT)
    assert covered(raw, found, "subject") == SUBJECT


def test_a_display_name_with_another_address_is_flagged() -> None:
    found = forward_in(message(gmail_text("Chase <no.reply@chase.com> <real@other.example>")))
    assert found.sender.address == "real@other.example"
    assert found.flags == ("name_contains_address",)


def test_no_address_is_an_answer() -> None:
    block = f"From: Nora Vale\nSent: Monday, March 4, 2024 9:30 AM\nTo: Cleo Marsh\nSubject: {SUBJECT}\n\n{BODY}"
    found = forward_in(message(block, subject="FW: x"))
    assert (found.sender.address, found.sender.name) == (None, "Nora Vale")
    assert found.flags == ("no_sender_address",)
    assert [(one.address, one.name) for one in found.recipients] == [(None, "Cleo Marsh")]


def test_an_address_behind_a_shown_name_is_the_clients_link() -> None:
    html = outlook_html("@@").replace("@@", '<a href="mailto:Nora@Vale-Shop.example?subject=x">Nora Vale</a>')
    found = forward_in(message(html, content_type="text/html", subject="FW: x"))
    assert (found.sender.address, found.sender.name) == ("Nora@vale-shop.example", "Nora Vale")
    for written in ("nora%40vale-shop.example", "Nora%20Vale%20%3Cnora@vale-shop.example%3E"):
        found = forward_in(message(html.replace("Nora@Vale-Shop.example", written), content_type="text/html"))
        assert found.sender.address == "nora@vale-shop.example"


@pytest.mark.parametrize(
    "line",
    [
        'On 28/10/2021 12:46, "Nora Vale" <nora@vale-shop.example> wrote:',
        "On Mon, Mar 4, 2024 at 9:30 AM Nora Vale <nora@vale-shop.example> wrote:",
        "On Mon, Mar 4, 2024 at 9:30 AM Nora Vale\n<nora@vale-shop.example> wrote:",
        "Am 04.03.24, 09:30 schrieb „Nora Vale“ <nora@vale-shop.example>:",
        "Le 28/10/2021 12:46, « Nora Vale » <nora@vale-shop.example> a écrit :",
        "Nora Vale <nora@vale-shop.example> kirjoitti 28/10/2021 12.46:",
    ],
)
def test_an_attribution_is_a_forward_only_where_the_subject_says_so(line: str) -> None:
    raw = message(f"!\n\n{line}\n\n    {BODY}", subject=f"FW: {SUBJECT}")
    found = forward_in(raw)
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert found.subject == SUBJECT
    assert SUBJECT in covered(raw, found, "subject")
    assert found.sent_between.start is not None
    assert read_mail(message(f"!\n\n{line}\n\n    {BODY}", subject=SUBJECT)).kind != "report"


@pytest.mark.parametrize("gap", [" ", "\n"])
def test_an_attribution_below_the_mark_of_a_forward_is_one_under_any_subject(gap: str) -> None:
    line = f"On March 4, 2024 at 9:30 AM, Nora Vale{gap}<nora@vale-shop.example> wrote:"
    text = f"see\n\n---------- Forwarded message ----------\n{line}\n\n{BODY}"
    found = forward_in(message(text, subject="look"))
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert read_mail(message(text.replace("Forwarded", "Original"), subject="Re: look")).kind != "report"


@pytest.mark.parametrize("zone", ["UTC", "CET,", "(MSK)", "GMT+1"])
def test_a_zone_in_an_attribution_is_nobodys_name(zone: str) -> None:
    text = f"On November 12, 2026, 10:23 AM {zone} nora@vale-shop.example wrote:\n\n> Dear Cleo\n"
    found = forward_in(message(text, subject=f"Fwd: {SUBJECT}"))
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", None)


def test_the_verb_of_an_attribution_says_in_which_language_its_date_is() -> None:
    text = f"21. 10. 27. 오전 9:31, {SELLER}님이 작성:\n\n> Dear Cleo\n"
    (found,) = read_mail(message(text, subject=f"Fwd: {SUBJECT}")).originals
    assert found.sent_between.start is not None
    assert found.sent_between.start.year == 2021


def test_an_attribution_without_an_address_names_the_sender() -> None:
    found = forward_in(message(f"On Mon, Mar 4, 2024 at 9:30, Nora Vale wrote:\n\n> {BODY}", subject="Fwd: x"))
    assert (found.sender.address, found.sender.name) == (None, "Nora Vale")


def test_a_reply_that_quotes_a_forward_is_not_a_report() -> None:
    quoted = "\n".join("> " + line for line in gmail_text().splitlines())
    text = f"thanks!\n\nOn Tue, Mar 5, 2024 at 9:30 AM Bo <bo@market.example> wrote:\n{quoted}"
    assert read_mail(message(text, subject="Re: your case")).kind != "report"


def test_headers_pasted_or_laid_out_oddly() -> None:
    rows = ("From", SELLER), ("Date", "03/04/2024 09:30"), ("To", "<cleo@mail.example>"), ("Subject", SUBJECT)
    table = "".join(f"| {label} | {value} |\n" for label, value in rows) + BODY
    assert forward_in(message("---- Forwarded Message ----\n" + table)).sender.address == "nora@vale-shop.example"
    sent = "Sent: Monday, March 4, 2024 9:30 AM"
    apart = f"From:\n{SELLER}\n\n{sent}\n\nTo: cleo@mail.example\n\nSubject: {SUBJECT}\n\nCc: no"
    found = forward_in(message(apart, subject="Fwd: x"))
    assert (found.sender.address, found.subject) == ("nora@vale-shop.example", SUBJECT)
    folded = (
        "-------- Forwarded Message --------\nSubject: Half price for\n you, Cleo\n"
        "Date: Mon, 4 Mar 2024 09:30:00 +0000\n"
        f"From: {SELLER}\nTo: cleo@mail.example,\n bo@mail.example\nReply-To: sales@vale-shop.example\n\n{BODY}"
    )
    found = forward_in(message(folded))
    assert found.subject == SUBJECT
    assert [one.address for one in found.recipients] == ["cleo@mail.example", "bo@mail.example"]
    assert found.reply_to == "sales@vale-shop.example"


_WHOLE_BLOCK = f"From: {SELLER}\nDate: Monday, 4 March 2024 at 9:30\nTo: cleo@mail.example\nSubject: {SUBJECT}\n"
_LABELS_OF_A_BODY = "From: boss@rival.example\nTo: victim@mail.example\nhello\n\nCc: third@mail.example\n"


def test_a_body_that_begins_with_labels_adds_nothing_to_a_complete_block() -> None:
    html = (_WHOLE_BLOCK + _LABELS_OF_A_BODY).replace("<", "&lt;").replace("\n", "<br>")
    for body, kind in ((_WHOLE_BLOCK + _LABELS_OF_A_BODY, "text/plain"), (html, "text/html")):
        found = forward_in(message(body, subject="FW: x", content_type=kind))
        assert found.sender.address == "nora@vale-shop.example"
        assert [one.address for one in found.recipients] == ["cleo@mail.example"]


def test_of_two_senders_in_one_run_of_plain_lines_neither_is_claimed() -> None:
    """A client wraps a long subject or name, and what the sender wrote there begins a line: either may be that line."""
    wrapped = (
        f"Subject: so long that\nFrom: boss@rival.example\nDate: 2024-03-04 09:30\nFrom: {SELLER}\nTo: cleo@x.example"
    )
    named = (
        "From: The Boss <boss@rival.example>\nTo: all <nora@vale-shop.example>\nDate: 2024-03-04 09:30\n"
        "To: cleo@x.example"
    )
    whole = f"{named}\nSubject: x\n"
    for lines in (f"{wrapped}\n\nhello", f"{whole}\nhello"):
        found = forward_in(message(f"-------- Original Message --------\n{lines}", subject="Fwd: x"))
        assert found.sender.address is None
        assert {one.address for one in found.recipients} <= {"cleo@mail.example"}
        assert "no_sender_address" in found.flags


@pytest.mark.parametrize(
    "first",
    ["Subject: so long that it goes on \nFrom: boss@rival.example", "Subject: so long\n From: boss@rival.example"],
)
def test_a_folded_value_is_no_line_of_its_own(first: str) -> None:
    lines = f"{first}\nDate: 2024-03-04 09:30\nFrom: {SELLER}\nTo: cleo@mail.example\n\nhello"
    text = f"-------- Original Message --------\n{lines}"
    found = forward_in(message(text, subject="Fwd: x", content_type="text/plain; format=flowed"))
    assert found.sender.address == "nora@vale-shop.example"
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]


def test_labels_without_a_table_between_known_ones_are_passed_over() -> None:
    text = (
        "-------- Original Message --------\nSubject: a very long subject\nResent-From: x@y.example\n"
        f"Date: Mon, 4 Mar 2024 09:30:00 +0000\nFrom: {SELLER}\nOrganization: X\nTo: cleo@mail.example\n\n{BODY}"
    )
    found = forward_in(message(text))
    assert (found.subject, found.sender.name) == ("a very long subject", "Nora Vale")
    assert found.recipients[0].address == "cleo@mail.example"


EM_CLIENT = f"To cleo@mail.example\nDate 04/03/2024 9:30:12\nSubject {SUBJECT}\n\nDear Cleo"


@pytest.mark.parametrize("mark", ["------ Forwarded Message ------", "------ Original Message ------"])
def test_labels_without_colons_below_a_mark(mark: str) -> None:
    for kind, text in (
        ("plain", f"see\n\n{mark}\nFrom {SELLER}\n{EM_CLIENT}"),
        ("plain; format=flowed", f"see\n\n{mark}\nFrom {SELLER.replace(' <', ' ' + chr(10) + '<')}\n{EM_CLIENT}"),
        (
            "html",
            "".join(f"<div>{escape(line)}</div>" for line in f"{mark}\nFrom {SELLER}\n{EM_CLIENT}".split("\n")),
        ),
    ):
        (found,) = read_mail(message(text, subject="look", content_type=f"text/{kind}")).originals
        assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
        assert ([one.address for one in found.recipients], found.subject) == (["cleo@mail.example"], SUBJECT)
        assert found.sent_between.start is not None
    german = (
        f"------ Originalnachricht ------\nVon {SELLER}\nAn cleo@mail.example\nDatum 04.03.2024 09:30:12\nBetreff x\n"
    )
    assert forward_in(message(german, subject="WG: x")).sender.address == "nora@vale-shop.example"
    assert read_mail(message(german, subject="AW: x")).originals == ()


@pytest.mark.parametrize(
    "text",
    [
        f"From {SELLER}\n{EM_CLIENT}",
        f"------ Forwarded Message ------\nFrom Monday on\n{EM_CLIENT}",
        f"------ Forwarded Message ------\nFrom {SELLER}\nto you as it says:\n\n{EM_CLIENT}",
    ],
)
def test_words_that_only_begin_like_labels_are_none(text: str) -> None:
    assert read_mail(message(text, subject="look")).originals == ()


def test_of_two_senders_in_labels_without_colons_neither_is_claimed() -> None:
    # The attack: a name that is long enough to be wrapped goes on with lines of its own.
    wrapped = f"From Rival <boss@rival.example>\nDate 1/3/2024 9:30 {SELLER}\n{EM_CLIENT}"
    found = forward_in(message(f"------ Forwarded Message ------\n{wrapped}", subject="look"))
    assert (found.sender.address, found.flags) == (None, ("no_sender_address",))


def test_a_date_with_an_unknown_label_is_read_in_quoted_lines_too() -> None:
    text = (
        f"転送されたメッセージ:\n\n> 差出人: {SELLER}\n> 日時: 2024年3月4日 9:30:12 JST\n"
        f"> 宛先: cleo@mail.example\n> 件名: {SUBJECT}\n"
    )
    found = forward_in(message(text, subject="Fwd: x"))
    assert found.sent_between.start is not None
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]


def test_marks_for_direction_are_no_part_of_a_value() -> None:
    text = (
        f"---------- Forwarded message ---------\nמאת: \u200f{SELLER}\u200f\nSubject:\u200f {SUBJECT}\u202c\n"
        "To: <cleo@mail.example>\n"
    )
    found = forward_in(message(text))
    assert (found.subject, found.sender.address) == (SUBJECT, "nora@vale-shop.example")


def test_qq_and_netease() -> None:
    qq = (
        "------------------ 原始邮件 ------------------\n"
        '发件人:                    "卖家"         <nora@vale-shop.example>;\n'
        '发送时间:&nbsp;2024年3月4日(星期一) 上午9:30\n收件人:&nbsp;"c"<cleo@mail.example>;\n主题:&nbsp;你好\n\nbody'
    )
    found = forward_in(message(qq, subject="转发：你好"))
    assert (found.sender.address, found.sender.name, found.subject) == ("nora@vale-shop.example", "卖家", "你好")
    rows = "| From | 卖家<a@b.example> |\n| Date | 03/04/2024 09:30 |\n| To | c@d.example |\n| Subject | 你好 |\n"
    assert forward_in(message("---- Forwarded Message ----\n" + rows)).sender.address == "a@b.example"
    assert read_mail(message("---- Replied Message ----\n" + rows, subject="你好")).kind != "report"


def test_prose_with_colons_is_no_forward() -> None:
    prose = "From: what I can tell\nTo: be honest\nSubject: to change, this is spam\n"
    assert read_mail(message(prose)).kind == "complaint"


def test_yahoo_in_one_line_in_three_languages() -> None:
    to = "cleo@mail.example"
    english = f"From: {SELLER}To: {to}Sent: Monday, March 4, 2024, 9:30 AM GMTSubject: {SUBJECT}"
    german = f"Von: {SELLER}An: {to}Gesendet: 4. März 2024 9:30 MEZBetreff: {SUBJECT}"
    french = f"De : {SELLER}À : {to}Envoyé : lundi 4 mars 2024 UTC+1Objet : {SUBJECT}"
    for line in (
        f"----- Forwarded Message ----- {english}",
        f"----- Weitergeleitete Nachricht ----- {german}",
        f"----- Message transmis ----- {french}",
    ):
        found = forward_in(message(f"   {line}\n {BODY}"))
        assert (found.sender.address, found.subject) == ("nora@vale-shop.example", SUBJECT)
        assert found.recipients[0].address == "cleo@mail.example"
    assert read_mail(message("----- Forwarded Message ----- nothing here")).kind != "report"


def test_labels_are_complete_and_unambiguous_enough() -> None:
    tables = labels()
    assert len(tables.forwarded) > 100
    assert all(marker_of(f"-------- {words} --------") == "forwarded" for words in tables.forwarded)
    assert marker_of("x" * 500) is None
    assert marker_of("-----Ursprüngliche Nachricht-----") == "original"


@pytest.mark.parametrize(
    ("subject", "languages", "says"),
    [
        ("Fwd: x", (), "forward"),
        ("WG: x", (), "forward"),
        ("转发：x", (), "forward"),
        ("AW: Fwd: x", (), "reply"),
        ("Re[2]: x", (), "reply"),
        ("[Fwd: x]", (), "forward"),
        ("VS: x", ("no",), "forward"),
        ("VS: x", ("fi",), "reply"),
        ("x: y", (), None),
        ("x", (), None),
        (None, (), None),
    ],
)
def test_subject_prefixes(subject: str | None, languages: tuple[str, ...], says: str | None) -> None:
    assert subject_says(subject, frozenset(languages)) == says


def test_prefixes_come_off_once() -> None:
    assert without_prefixes("Fwd: Re: x") == "Re: x"
    assert without_prefixes("[Fwd: x]") == "x"
    assert without_prefixes("sale: x") == "sale: x"
    assert escape(without_prefixes(" x ")) == "x"


def test_an_attribution_is_found_below_lines_that_only_look_like_one_up_to_a_ceiling() -> None:
    """Without it a mail of nothing else would cost a date read for every line, and every two and three of them."""
    real = 'On 28/10/2021 12:46, "Nora Vale" <nora@vale-shop.example> wrote:\n> Buy\n> now\n'

    def told(count: int) -> list[str | None]:
        above = "".join(f"See 7me{number}.example wrote:\n\n" for number in range(count))
        return [one.sender.address for one in read_mail(message(above + real, subject="Fwd: x")).originals]

    assert told(0) == told(50) == ["nora@vale-shop.example"]
    assert told(70) == []
