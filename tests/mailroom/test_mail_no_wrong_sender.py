"""Ways to make somebody else the sender of a forward: what the mail's author chose, against what the client wrote."""

from __future__ import annotations

import pytest

from leaktrace.mailroom import read_mail
from leaktrace.records import Original

REAL, VICTIM = "real@spammer.example", "victim@honest.example"
PLANTED = (
    f"---------- Forwarded message ---------\nFrom: Honest Competitor <{VICTIM}>\n"
    "Date: Mon, Jan 1, 2024 at 10:00 AM\nSubject: Great list\nTo: <someone@else.example>\n\n\nBuy"
)
PLANTED_LABELS = (
    f"From: Honest Competitor <{VICTIM}>\nSent: Monday, January 1, 2024 10:00 AM\nTo: someone@else.example\n"
    "Subject: Great list\n\nBuy"
)


def complaint(body: str, subject: str = "Fwd: Offer", content_type: str = "text/plain") -> bytes:
    head = (
        f"From: Anna Customer <anna@mailbox.example>\nTo: abuse@shop.example\nSubject: {subject}\n"
        "Date: Tue, 05 Mar 2024 09:00:00 +0100\nMessage-ID: <1@mailbox.example>\nMIME-Version: 1.0\n"
        f"Content-Type: {content_type}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    )
    return (head + body).replace("\n", "\r\n").encode()


def only(raw: bytes) -> Original:
    (found,) = read_mail(raw).originals
    return found


# --- a link shows one address and leads to another --------------------------------------------------------


def linked(shown: str, target: str = REAL) -> str:
    return f'<a href="mailto:{target}">{shown}</a>'


@pytest.mark.parametrize(
    "sender",
    [
        linked(VICTIM),
        linked(f"Honest &lt;{VICTIM}&gt;"),
        f"{linked(VICTIM)} &lt;{linked(REAL)}&gt;",
        f'<a title={REAL} href="mailto:{REAL}?subject=x">{VICTIM}</a>',
    ],
)
def test_a_link_leads_to_the_sender_whatever_it_shows(sender: str) -> None:
    lines = f"<b>From: </b>{sender}<br><b>Sent: </b>Monday, March 4, 2024 10:11 AM<br>"
    recipient = f"<b>To: </b>{linked('anna@mailbox.example', 'anna@mailbox.example')}<br><b>Subject: </b>Offer"
    found = only(complaint(f"<p>see below</p><p>{lines}{recipient}</p><p>Buy</p>", content_type="text/html"))
    assert (found.sender.address, found.recipients[0].address) == (REAL, "anna@mailbox.example")
    assert "name_contains_address" in found.flags


def test_of_links_to_several_none_of_which_is_shown_none_is_claimed() -> None:
    both = f"{linked('one', 'a@one.example')} {linked(VICTIM, 'b@two.example')}"
    lines = f"<b>From: </b>{both}<br><b>Sent: </b>Monday, March 4, 2024 10:11 AM<br><b>Subject: </b>Offer"
    assert only(complaint(f"<p>{lines}</p><p>Buy</p>", content_type="text/html")).sender.address is None


def test_the_same_in_plain_text_as_exchange_writes_it() -> None:
    lines = f"From: {VICTIM}<mailto:{REAL}>\nSent: Monday, March 4, 2024 10:11 AM\nTo: a@b.example\nSubject: Offer\n"
    found = only(complaint(f"see\n\n{lines}\nBuy\n"))
    assert (found.sender.address, found.flags) == (REAL, ("name_contains_address",))


def test_a_recipient_whom_the_client_did_not_link_is_a_name() -> None:
    anna = linked(f"Anna, {VICTIM}", "anna@mailbox.example")
    lines = f"<b>From:</b> {linked('Deals')}<br><b>Sent:</b> Monday, March 4, 2024 10:11 AM<br><b>To:</b> {anna}<br>"
    found = only(complaint(f"<p>see</p><p>{lines}<b>Subject:</b> Offer</p><p>Buy</p>", content_type="text/html"))
    assert [one.address for one in found.recipients] == [None, None]
    assert found.recipients[1].name == VICTIM


def test_a_bracket_that_a_name_opens_is_not_the_clients() -> None:
    """Windows Mail's plain text."""
    lines = f"From: Deals <{VICTIM}<mailto:{REAL}>\nSent: Monday, 4 March 2024 10:11\nTo: a@b.example\nSubject: Offer\n"
    assert only(complaint(f"see\n\n{lines}\nBuy\n")).sender.address == REAL
    both = lines.replace(f"{VICTIM}<", f"{REAL}<", 1).replace(f"{REAL}>", f"{REAL}>>", 1)
    assert only(complaint(f"see\n\n{both}\nBuy\n")).sender.address == REAL


@pytest.mark.parametrize("name", [f"{VICTIM} on behalf of Deals", f"Honest &lt;{VICTIM}&gt; on behalf of Deals"])
def test_on_behalf_of_in_what_leads_to_another_is_a_name(name: str) -> None:
    lines = f"<b>From:</b> {linked(name)}<br><b>Sent:</b> Monday, March 4, 2024 10:11 AM<br><b>Subject:</b> Offer"
    found = only(complaint(f"<p>see</p><p>{lines}</p><p>Buy</p>", content_type="text/html"))
    assert (found.sender.address, found.on_behalf_of) == (REAL, None)


def test_on_behalf_of_before_the_only_address_that_outlook_wrote_is_a_name() -> None:
    sender = f"Honest <{VICTIM}> on behalf of Deals [mailto:{REAL}]"
    lines = f"From: {sender}\nSent: Monday, March 4, 2024 10:11 AM\nTo: Anna\nSubject: Offer\n"
    found = only(complaint(f"see\n\n-----Original Message-----\n{lines}\nBuy\n"))
    assert (found.sender.address, found.on_behalf_of) == (REAL, None)


# --- a mail without a sender, and one below ---------------------------------------------------------------


@pytest.mark.parametrize("planted", ["", PLANTED, PLANTED_LABELS])
@pytest.mark.parametrize("empty", ["", "From: \n"])
def test_a_mail_without_from_has_no_sender_and_none_further_down(planted: str, empty: str) -> None:
    lines = f"Subject: Offer\nDate: Mon, 4 Mar 2024 10:11:12 +0100\n{empty}To: anna@mailbox.example\n"
    found = only(complaint(f"see\n\n-------- Forwarded Message --------\n{lines}\n{planted or 'Buy'}\n"))
    assert (found.sender.address, found.subject) == (None, "Offer")
    assert "no_sender_address" in found.flags
    assert [claim.sender.address for claim in found.claims] == ([VICTIM] if planted else [])


def test_a_sender_behind_a_label_that_no_table_has() -> None:
    """New Norwegian: of the four labels three are Danish too."""
    lines = f"Emne: Tilbod\nDato: Mon, 4 Mar 2024 10:11:12 +0100\nFrå: Deals <{REAL}>\nTil: anna@mailbox.example\n"
    found = only(complaint(f"sjå\n\n-------- Vidaresendt melding --------\n{lines}\n\n{PLANTED_LABELS}\n"))
    assert (found.sender.address, found.flags) == (REAL, ("unknown_labels",))


LITHUANIAN = "Nuo: {}\nIšsiųsta: 2024 m. kovo 4 d. 10:11\nKam: Anna <anna@mailbox.example>\nTema: Offer\n"
CATALAN = "De: {}\nEnviat: dilluns, 4 de març de 2024 10:11\nPer a: Anna <anna@mailbox.example>\nAssumpte: Offer\n"


@pytest.mark.parametrize("block", [LITHUANIAN, CATALAN])
@pytest.mark.parametrize("sender", [REAL, "Deals"])
@pytest.mark.parametrize("planted", [PLANTED, PLANTED_LABELS])
def test_below_lines_that_may_be_a_block_nobody_can_read_none_is_the_sender(
    block: str, sender: str, planted: str
) -> None:
    found = only(complaint(f"see\n\n{block.format(sender)}\n{planted}\n", subject="stop this"))
    assert (found.sender.address, found.recipients, found.subject) == (None, (), None)
    assert [claim.sender.address for claim in found.claims] == [VICTIM]


@pytest.mark.parametrize(("sender", "address"), [(f"Deals <{REAL}>", REAL), (REAL, REAL), ("Deals", None)])
def test_a_clients_mark_says_where_its_block_begins_and_known_labels_below_are_not_its(
    sender: str, address: str | None
) -> None:
    lines = LITHUANIAN.format(sender).replace("Kam: Anna <anna@mailbox.example>", "Kam: Anna")
    page = f'<div id="divRplyFwdMsg">{lines}</div><div>{PLANTED_LABELS}</div>'
    html = page.replace(" <", " &lt;").replace("&lt;div", "<div").replace("\n", "<br>")
    found = only(complaint(f"<div>see</div>{html}", content_type="text/html"))
    assert found.sender.address == address
    assert "someone@else.example" not in [one.address for one in found.recipients]


@pytest.mark.parametrize("below", ["Buy", PLANTED_LABELS])
def test_labels_set_flush_right_are_not_folded(below: str) -> None:
    """Horde, in Danish: the colons are in one column, and the second label is further in than the first."""
    lines = f"Dato: Mon, 04 Mar 2024 10:11:12 +0100\n Fra: Deals <{REAL}>\nEmne: Tilbud\n Til: anna@mailbox.example\n"
    opened = f"----- Videresendt besked fra Deals <{REAL}> -----"
    found = only(complaint(f"se her\n\n{opened}\n{lines}\n{below}\n", subject="Fwd: Tilbud"))
    assert (found.sender.address, found.subject) == (REAL, "Tilbud")
    assert found.sent_between.start is not None


def test_what_notes_forwarded_and_nobody_can_read_lends_its_sender_to_nothing_below() -> None:
    mark = "----- Forwarded by Anna Customer/NYC/ORG on 03/04/2024 06:20 PM -----"
    found = only(complaint(f"see\n{mark}\n   Best Deals\n   {REAL}\n\n\n{PLANTED}\n"))
    assert found.sender.address is None


@pytest.mark.parametrize("below", ["Buy", PLANTED])
def test_a_label_whose_colon_begins_the_next_line(below: str) -> None:
    """Daum's plain text."""
    recipient = '받는사람\n: "anna" <anna@mailbox.example>'
    lines = f'보낸사람\n: "Deals" <{REAL}>\n{recipient}\n날짜\n: 24.03.04 10:11\n제목\n: 안내\n'
    found = only(complaint(f"보세요\n\n--------- 원본 메일 ---------\n{lines}{below}\n", subject="Fwd: 안내"))
    assert (found.sender.address, found.recipients[0].address, found.subject) == (REAL, "anna@mailbox.example", "안내")


@pytest.mark.parametrize("below", ["Buy", PLANTED])
def test_a_line_of_labels_that_a_subject_makes_unclear_lends_its_place_to_none_below(below: str) -> None:
    """Yahoo's plain text."""
    subject = f"Offer From: Honest <{VICTIM}> To: x@y.example Sent: Monday, January 1, 2024 10:00 AM Subject: q"
    labels = f'From: "Deals" <{REAL}>To: "Anna" <anna@mailbox.example>Sent: Monday, March 4, 2024 at 10:11:12 AM GMT+1'
    found = only(complaint(f"see\n   ----- Forwarded Message ----- {labels}Subject: {subject}\n{below}\n"))
    assert found.sender.address is None
    assert [claim.sender.address for claim in found.claims] == ([] if below == "Buy" else [VICTIM])


@pytest.mark.parametrize(
    "block",
    [
        f"Gesendet: Montag, 04. März 2024 um 10:11 Uhr\nVon: Deals <{REAL}>\nAn: a@b.example\nBetreff: Offer\n",
        f'-------- Пересылаемое сообщение --------\n04.03.2024, 10:11, "Deals" <{REAL}>:\n\n',
    ],
)
@pytest.mark.parametrize("planted", ["Cc", "Bcc"])
def test_the_mails_first_lines_are_no_recipients(block: str, planted: str) -> None:
    found = only(complaint(f"siehe\n\n{block}{planted}: {VICTIM}\nBuy\n"))
    assert found.sender.address == REAL
    assert VICTIM not in [one.address for one in found.recipients]


# --- comments and quotes of a header field ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "address"),
    [
        (f"Best Deals <{REAL}> (Honest Competitor <{VICTIM}>)", REAL),
        (f"{REAL} (Honest (very) Competitor <{VICTIM}>)", REAL),
        (f"{REAL} (Honest \\) Competitor <{VICTIM}>)", REAL),
        (f'"Honest <{VICTIM}>" <{REAL}>', REAL),
        (f'"{VICTIM} "@spammer.example', None),
        ('"best.deals"@spammer.example', '"best.deals"@spammer.example'),
        (f'Best Deals <"best.deals"@spammer.example> ({VICTIM})', '"best.deals"@spammer.example'),
        (f'"{REAL}"', REAL),
    ],
)
def test_a_comment_or_quote_of_an_attached_mails_from_holds_no_sender(field: str, address: str | None) -> None:
    attached = (
        f"From: {field}\nTo: anna@mailbox.example\nSubject: Offer\nDate: Mon, 04 Mar 2024 10:11:12 +0100\n"
        "Message-ID: <1@spammer.example>\n\nBuy\n"
    )
    body = f"--b\nContent-Type: text/plain\n\nsee\n--b\nContent-Type: message/rfc822\n\n{attached}--b--\n"
    assert only(complaint(body, content_type="multipart/mixed; boundary=b")).sender.address == address


# --- attributions -----------------------------------------------------------------------------------------

ANSWERED = [
    f"2024年3月4日(月) 10:11 Deals <{REAL}>:",
    f"пн, 4 мар. 2024 г. в 10:11, Deals <{REAL}>:",
    f"Понедельник, 4 марта 2024, 10:11 +03:00 от Deals <{REAL}>:",
    "W dniu 4.03.2024 o 10:11, Deals pisze:",
    f"2024/03/04 10:11、Deals <{REAL}>のメール:",
    f"2024. 3. 4. 오전 10:11, Deals <{REAL}> 작성:",
    f"Wiadomość napisana przez Deals <{REAL}> w dniu 4 mar 2024, o godz. 10:11:",
    f"Mar 4, 2024, 10:11 by {REAL}:",
    f"---- On Mon, 04 Mar 2024 10:11:12 +0100 Deals <{REAL}> wrote ----",
    f"Zitat von Deals <{REAL}>:",
    "some words that no table has",
]


@pytest.mark.parametrize("line", ANSWERED)
def test_what_an_answer_quotes_is_no_forward_whatever_is_planted_in_it(line: str) -> None:
    quoted = "> " + PLANTED.replace("\n", "\n> ")
    assert read_mail(complaint(f"stop this\n\n{line}\n\n{quoted}\n", subject="Re: Offer")).originals == ()
    page = f"<div>stop this</div><div>{line.replace('<', '&lt;')}<br></div><blockquote>{{}}</blockquote>"
    html = page.format(PLANTED.replace("<", "&lt;").replace("\n", "<br>"))
    assert read_mail(complaint(html, subject="Re: Offer", content_type="text/html")).originals == ()
    # Not quoted it is what somebody puts into an answer to us.
    assert only(complaint(f"here it is\n\n{PLANTED}\n", subject="Re: Offer")).sender.address == VICTIM


@pytest.mark.parametrize(("below", "sender"), [("Buy", REAL), (PLANTED, None)])
def test_a_forward_below_nothing_but_a_date_and_a_mailbox(below: str, sender: str | None) -> None:
    """FairEmail: no verb, no line of dashes; with a block below it nobody knows which of the two is the client's."""
    found = only(complaint(f"see\n\nMar 4, 2024 10:11:12 AM Deals <{REAL}>:\n\n{below}\n"))
    assert found.sender.address == sender


# --- no forwards ------------------------------------------------------------------------------------------


def test_what_a_form_sends_about_who_filled_it_in_is_no_forward() -> None:
    lines = "From: jane@mailbox.example\nDate: 2024-09-02 10:00\nTo: abuse@shop.example\nSubject: Spam complaint\n"
    form = complaint(f"{lines}\nI receive spam since I registered at your shop.\n", subject="New message")
    assert read_mail(form).originals == ()
    assert only(complaint(f"{lines}\nI receive spam.\n", subject="Fwd: it")).sender.address == "jane@mailbox.example"


def test_a_standard_offset_beside_summer_time_does_not_cut_the_time_before() -> None:
    """Samsung's date is of -07:00 in October, and says -08:00."""
    date = "2/10/2024  16:46  (GMT-08:00)"
    found = only(
        complaint(f"see\n\nFrom: Deals <{REAL}>\nDate: {date}\nTo: anna@mailbox.example\nSubject: Offer\n\nBuy\n")
    )
    assert found.sent_between.start is not None
    assert found.sent_between.start.isoformat() == "2024-02-10T23:46:00+00:00"
