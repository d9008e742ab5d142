"""What the reporter wrote above a forward, and what the sender wrote into its header lines, is no sender.

Each of these named somebody else before: the reporter, a person in the reporter's signature or order, a recipient, or
whomever the sender chose.
"""

from __future__ import annotations

import pytest

from leaktrace.mailroom.inline import UNCLEAR_FLAG
from leaktrace.mailroom.labels import subject_says
from leaktrace.mailroom.mailboxes import read_mailbox
from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from tests.mailroom.mail_samples import (
    BODY,
    SELLER,
    SUBJECT,
    attached,
    gmail_html,
    gmail_text,
    labelled_text,
    message,
    multipart,
    original,
)

NORA = "nora@vale-shop.example"
JANE = "Jane <jane@rival.example>"
BLOCK = f"From: {SELLER}\nSent: Monday, March 4, 2024 9:30 AM\nTo: cleo@mail.example\nSubject: {SUBJECT}\n\n{BODY}"


def only(raw: bytes) -> Original:
    record = read_mail(raw)
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return found


@pytest.mark.parametrize(
    "above",
    [
        "Cleo\nMobile: 0123 456\nEmail: cleo@mail.example<mailto:cleo@mail.example>\n",
        f"Contact: {JANE}\n",
        f"Order: 4711 of 3 March 2024 10:11\nSold by: {JANE}\n",
        "Phone: 0123\n",
        "CAUTION: This email came from outside.\n",
    ],
)
@pytest.mark.parametrize("blank", ["", "\n"])
@pytest.mark.parametrize("subject", ["FW: x", "Complaint"])
def test_labelled_lines_above_a_forward_are_no_part_of_it(above: str, blank: str, subject: str) -> None:
    found = only(message(f"Please check.\n\n{above}{blank}{BLOCK}", subject=subject))
    assert found.sender.address == NORA
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]


@pytest.mark.parametrize(
    "above",
    [
        "--- Cleo Marsh ---\nPhone: 0123\nEmail: cleo@mail.example\nWeb: cleo.example\n",
        "===== My order =====\nOrder: 4711\nSold by: jane@rival.example\nOrdered: 3 March 2024 10:11\n",
    ],
)
def test_a_decorated_line_of_the_reporters_opens_no_forward(above: str) -> None:
    assert read_mail(message(f"I complain of spam.\n\n{above}", subject="Fwd: x")).kind == "complaint"
    found = only(message(f"{above}\n{gmail_text()}", subject="Fwd: x"))
    assert found.sender.address == NORA


UNKNOWN = "Data: \t2024-03-04 09:30\nNuo: \tNora <nora@vale-shop.example>\nKam: \tcleo@mail.example\n"


@pytest.mark.parametrize(
    ("lines", "subject", "sender"),
    [
        (f"Tema: \thello jane@rival.example\n{UNKNOWN}", "Fwd: hello jane@rival.example", NORA),
        (f"Tema: \thello\n{UNKNOWN}", "Fwd: hello", NORA),
        # The reporter wrote another subject: who comes first may be named in the sender's own words.
        (f"Tema: \thello {JANE}\n{UNKNOWN}", "Fwd: look", None),
        (f"Tema: \thello jane@rival.example\n{UNKNOWN}", "Fwd: look", None),
        # Only the sender's name is shown: the first address is the recipient's.
        (
            f"Nuo: Best Shop\nSiusta: 2024-03-04 09:30\nKam: Cleo <cleo@mail.example>\nTema: {SUBJECT}\n",
            f"FW: {SUBJECT}",
            None,
        ),
    ],
)
def test_in_a_language_without_a_table_no_guess_is_made(lines: str, subject: str, sender: str | None) -> None:
    found = only(message(f"-------- Persiustas laiskas --------\n{lines}\n{BODY}", subject=subject))
    assert found.sender.address == sender
    assert sender is not None or (found.recipients == () and "no_sender_address" in found.flags)


@pytest.mark.parametrize(
    ("written", "address", "flagged"),
    [
        ("Jane jane@rival.example [mailto:nora@vale-shop.example]", NORA, True),
        ("nora@vale-shop.example [mailto:nora@vale-shop.example]", NORA, False),
        ("Nora [mailto:nora@vale-shop.example]", NORA, False),
        ("nora@vale-shop.example<mailto:nora@vale-shop.example>", NORA, False),
    ],
)
def test_outlook_writes_the_address_in_square_brackets(written: str, address: str, flagged: bool) -> None:
    found = read_mailbox(written)
    assert (found.mailbox.address, found.name_contains_address) == (address, flagged)
    text = BLOCK.replace(SELLER, written)
    assert only(message(text, subject="FW: x")).sender.address == address


def test_a_name_that_says_on_behalf_of_is_a_name() -> None:
    named = "jane@rival.example On Behalf Of Jim [mailto:nora@vale-shop.example]"
    found = only(message(BLOCK.replace(SELLER, named), subject="FW: x"))
    assert (found.sender.address, found.on_behalf_of) == (NORA, None)


@pytest.mark.parametrize("below", [gmail_text(), f"-----Original Message-----\n{BLOCK}"])
def test_a_sentence_of_the_reporters_is_no_forward(below: str) -> None:
    words = "I am fed up. On 3 March 2024 Jane <jane@rival.example> wrote:\nthat she has it too. Here is mine:\n\n"
    for subject in ("Fwd: x", "Complaint"):
        found = only(message(words + below, subject=subject))
        assert (found.sender.address, found.recipients) == (None, ())
        assert UNCLEAR_FLAG in found.flags
        assert [claim.sender.address for claim in found.claims] == ["jane@rival.example", NORA]


@pytest.mark.parametrize("subject", ["Re: your case", "Fwd: your case", "your case"])
def test_a_forward_below_what_the_reporter_answers_is_a_report(subject: str) -> None:
    """Whoever asked is not the sender; who is, nobody knows: the mail that is answered may be the unwanted one."""
    answered = "On 5 March 2024 at 9:30, Support <support@market.example> wrote:\n> Please forward it.\n>\n> Ann\n\n"
    asked = f"Here it is.\n\n{answered}"
    found = only(message(asked + gmail_text(), subject=subject))
    assert (found.sender.address, UNCLEAR_FLAG in found.flags) == (None, True)
    assert [claim.sender.address for claim in found.claims] == [NORA]
    quoted = asked + "".join(f"> {line}\n" for line in gmail_text().splitlines())
    assert read_mail(message(quoted, subject="Re: your case")).kind != "report"


def test_what_an_attribution_quotes_stays_its_authors() -> None:
    quoted = "".join(f"> {line}\n" for line in gmail_text(JANE).splitlines())
    found = only(message(f"On 4 March 2024 at 9:30, {SELLER} wrote:\n\n{quoted}", subject="Fwd: x"))
    assert found.sender.address == NORA


def test_a_part_below_the_reporters_text_is_read_after_it() -> None:
    """HTML goes first where both say the same, not wherever it stands."""
    planted = gmail_html(JANE)
    for head in ("Content-Type: text/html", 'Content-Type: text/html; name="offer.html"\nContent-Disposition: inline'):
        raw = multipart(f"Content-Type: text/plain\n\n{gmail_text()}", f"{head}\n\n{planted}", subject="Fwd: x")
        assert only(raw).sender.address == NORA
    named = f'Content-Type: text/plain; name="offer.txt"\nContent-Disposition: inline\n\n{gmail_text(JANE)}'
    words = "Content-Type: text/plain\n\nThis is spam."
    assert read_mail(multipart(words, named, subject="hi")).kind == "complaint"


@pytest.mark.parametrize(
    "line",
    [
        f'From: "{JANE} To: all" <{NORA}>To: cleo@mail.exampleSent: Monday, March 4, 2024Subject: x',
        f"From: Nora <{NORA}>To: cleo@mail.exampleSubject: x Cc: jane@rival.example",
        f"From: From: Boss <{NORA}>To: cleo@mail.exampleSubject: x",
        f"From: To: victim@bank.example <{NORA}>To: cleo@mail.exampleSent: Monday, March 4, 2024Subject: x",
        f"From: {JANE} To: all <{NORA}>To: cleo@mail.exampleSubject: x",
        f"From: {JANE} Subject: hi <{NORA}>To: cleo@mail.exampleSubject: x",
    ],
)
def test_yahoos_one_line_holds_no_label_in_a_name_or_a_subject(line: str) -> None:
    found = only(message(f"----- Forwarded Message ----- {line}\n{BODY}", subject="Fwd: x"))
    assert found.sender.address == NORA
    assert [one.address for one in found.recipients] == ["cleo@mail.example"]


def test_yahoos_one_line_with_a_whole_block_in_a_name_is_not_read() -> None:
    line = f"From: {JANE} To: all Subject: hi <{NORA}>To: cleo@mail.exampleSubject: x"
    record = read_mail(message(f"----- Forwarded Message ----- {line}\n{BODY}", subject="Fwd: x"))
    assert all(one.sender.address is None for one in record.originals)


@pytest.mark.parametrize(
    "block",
    [
        f"From: {SELLER}\nDate: 4 March 2024 at 9:30\n\nTo: {JANE}\nSubject: other\n",
        f"From: {SELLER}\nDate: 4 March 2024 at 9:30\nSubject: x\nTo:\njane@rival.example is your new contact\n",
        f"From: {SELLER}\nDate: 4 March 2024 at 9:30\nSubject: x\nCc:\n\n{JANE}\n",
    ],
)
def test_the_forwarded_mails_first_lines_are_no_recipients(block: str) -> None:
    found = only(message(f"Begin forwarded message:\n\n{block}", subject="Fwd: x"))
    assert (found.sender.address, found.recipients) == (NORA, ())


def test_a_journey_is_no_forward() -> None:
    journey = "From: Berlin\nTo: Munich\nDate: 4 March 2024 09:30\n"
    assert read_mail(message(f"spam about my booking\n{journey}", subject="x")).kind == "complaint"
    assert only(message(f"{journey}\n{gmail_text()}", subject="Fwd: x")).sender.address == NORA


def test_a_message_id_is_no_address() -> None:
    line = f"On 4 March 2024, {SELLER} said in <20240304.AB@rival.example>, wrote:"
    assert only(message(f"{line}\n> {BODY}", subject="Fwd: x")).sender.address == NORA


def test_what_was_not_turned_back_from_html_is_no_part_of_an_address() -> None:
    assert read_mailbox("Nora &lt;nora@vale-shop.example&gt;").mailbox.address == NORA


def test_a_wrapped_list_of_recipients_is_read_to_its_end() -> None:
    to = "To: <cleo@mail.example>, Bo\n <bo@mail.example>, di@mail.example\n"
    block = f"From: {SELLER}\nDate: 4 March 2024\nSubject: x\n{to}"
    found = only(message(f"---------- Forwarded message ---------\n{block}\n{BODY}", subject="Fwd: x"))
    assert [one.address for one in found.recipients] == ["cleo@mail.example", "bo@mail.example", "di@mail.example"]


def test_several_senders_are_flagged() -> None:
    found = only(message(BLOCK.replace(SELLER, f"{SELLER}, {JANE}"), subject="FW: x"))
    assert "several_senders" in found.flags


def test_a_name_that_is_shown_as_a_link_is_not_the_sender() -> None:
    """Attack: the name looks like an address, and the program that made links of both wrote no brackets."""
    linked = '<a href="mailto:{0}">{0}</a>'
    page = (
        f"<div>From: {linked.format('boss@rival.example')} {linked.format(NORA)}<br>Sent: Monday, March 4, 2024 9:30 AM"
        f"<br>To: cleo@mail.example<br>Subject: {SUBJECT}</div>"
    )
    found = only(message(page, content_type="text/html", subject="FW: x"))
    assert found.sender.address is None
    assert {"name_contains_address", "no_sender_address"} <= set(found.flags)


ATTRIBUTIONS = (
    "On Mon, Mar 4, 2024 at 9:30 AM {} <{}> wrote:",
    'On Mon, Mar 4, 2024 at 9:30 AM "{}" <{}> wrote:',
    "Dnia 4 marca 2024 09:30 {} <{}> napisał(a):",
    '-------- Пересылаемое сообщение --------\n04.03.2024, 09:30, "{}" <{}>:',
)


@pytest.mark.parametrize("line", ATTRIBUTIONS)
@pytest.mark.parametrize("name", ["Nora" + "x" * 600, "Nora " * 130, "N" * 25_000])
def test_a_name_too_long_for_an_attribution_hides_it_not(line: str, name: str) -> None:
    """Attack: without the client's line the block that the sender planted below it would be the first."""
    for subject in ("Fwd: x", "please help"):
        record = read_mail(message(f"{line.format(name, NORA)}\n\n{gmail_text(JANE)}", subject=subject))
        assert [one.sender.address for one in record.originals] in ([NORA], [None], [])


@pytest.mark.parametrize("line", ATTRIBUTIONS)
@pytest.mark.parametrize(
    "name",
    ["jane@rival.example wrote", "jane@rival.example schrieb", "On 3 Mar 2024, Jane <jane@rival.example> wrote:"],
)
def test_a_name_that_ends_like_an_attribution_is_not_the_sender(line: str, name: str) -> None:
    record = read_mail(message(f"{line.format(name, NORA)}\n\n{BODY}", subject="Fwd: x"))
    assert [one.sender.address for one in record.originals] in ([NORA], [None])


def test_a_name_with_brackets_of_its_own_is_not_the_sender_where_the_program_writes_none() -> None:
    for name in ("Jane <jane@rival.example>", "Jane [mailto:jane@rival.example]"):
        for written in (f"{name} {NORA}", f"{name} ({NORA})"):
            found = only(message(BLOCK.replace(SELLER, written), subject="FW: x"))
            assert found.sender.address is None
            assert "name_contains_address" in found.flags


def test_gmail_never_says_on_behalf_of() -> None:
    page = gmail_html("jane@rival.example on behalf of Nora")
    found = only(message(page, content_type="text/html", subject="Fwd: x"))
    assert (found.sender.address, found.on_behalf_of) == (NORA, None)


def test_pasted_raw_headers_are_read() -> None:
    raw = (
        "Return-Path: <x@vale-shop.example>\nReceived: from a.example (a.example [192.0.2.1])\n\tby b.example;\n"
        f"\tMon, 4 Mar 2024 09:30:01 +0000\nX-Mailer: y\nFrom: {SELLER}\nTo: cleo@mail.example\n"
        f"Subject: {SUBJECT}\nDate: Mon, 4 Mar 2024 09:30:00 +0000\n\n{BODY}"
    )
    assert only(message(f"They keep sending spam:\n\n{raw}", subject="Complaint")).sender.address == NORA


def test_our_own_question_with_a_mail_attached_claims_nobody() -> None:
    """What was attached may be what we asked for, or what a mail that pretends to be ours brought with it."""
    question = "On 4 March 2024, <report-abuse@market.example> wrote:\n> please send it as an attachment\n"
    raw = multipart(
        f"Content-Type: text/plain\n\nhere\n\n{question}", attached(original()), subject="Fwd: your request"
    )
    found = only(raw)
    assert found.sender.address is None
    assert {UNCLEAR_FLAG, "attached_message_inside"} <= set(found.flags)
    assert NORA in [claim.sender.address for claim in found.claims]


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("[EXTERNAL] RE: x", "reply"),
        ("[Ticket#1] [shop] Re: x", "reply"),
        ("*** SPAM *** Re: x", "reply"),
        ("External: RE: x", "reply"),
        ("[EXTERNAL] FW: x", "forward"),
        ("[Fwd: x]", "forward"),
        ("[shop] x", None),
    ],
)
def test_a_tag_before_the_prefix_hides_it_not(subject: str, says: str | None) -> None:
    assert subject_says(subject, frozenset({"en"})) == says


def test_a_reply_behind_a_tag_is_no_report() -> None:
    assert read_mail(message(labelled_text("de", marker=False), subject="[EXTERNAL] RE: hello")).kind != "report"
