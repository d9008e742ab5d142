"""Mail that a customer redirected: the very mail, its sender still in From, the customer in Resent-From."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leaktrace.mailroom import read_mail
from leaktrace.mailroom.disclaiming import FLAG, REDIRECTED_FLAG, disclaim
from leaktrace.records import MessageRecord, Original
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import BODY, CUSTOMER, SUBJECT, attached, gmail_text, multipart, original
from tests.mailroom.test_mail_arrival import FORGER, HONEST, REJECT
from tests.mailroom.test_mail_attached import key_pair, keys_of, signed
from tests.mailroom.zones import ZoneNames

OURS = "report-abuse@market.example"
NORA = "nora@vale-shop.example"
INBOX = "from mta.vale-shop.example by mx.mail.example; Mon, 4 Mar 2024 09:30:05 +0000"
RESENT = (
    f"Resent-From: {CUSTOMER}\nResent-To: {OURS}\nResent-Date: Tue, 05 Mar 2024 10:00:00 +0100\n"
    "Resent-Message-ID: <again-1@mail.example>\n"
)
ON_THE_WAY = "Received: from mx.mail.example by mx.market.example; Tue, 5 Mar 2024 09:00:01 +0000\n"


def redirected(mail: bytes | None = None, resent: str = RESENT, above: str = ON_THE_WAY) -> bytes:
    """The mail as the customer had it, below what redirecting it put there."""
    content = f"Received: {INBOX}\n".encode() + original() if mail is None else mail
    return (above + resent).replace("\n", "\r\n").encode() + content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def only(raw: bytes, **options: object) -> tuple[MessageRecord, Original]:
    record = read_mail(raw, **options)  # type: ignore[arg-type]
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return record, found


def test_who_redirected_it_complains_and_who_wrote_it_is_the_sender() -> None:
    record, found = only(redirected())
    assert (record.reporter.address, record.reporter.name) == ("cleo@mail.example", "Cleo Marsh")
    assert record.reported_at == datetime(2024, 3, 5, 9, 0, 1, tzinfo=UTC)
    assert (found.form, found.grade, found.sender.address, found.subject) == ("attachment", "G2", NORA, SUBJECT)
    assert [(one.address, one.role) for one in found.recipients] == [
        ("cleo@mail.example", "to"),
        ("copy@mail.example", "cc"),
    ]
    assert found.reply_to == "sales@vale-shop.example"
    assert REDIRECTED_FLAG in found.flags


def test_every_span_is_of_the_raw_message() -> None:
    raw = redirected()
    _, found = only(raw)
    start, end = found.spans["sender"]
    assert raw[start:end] == b"Nora Vale <nora@vale-shop.example>"
    start, end = found.spans["message_id"]
    assert raw[start:end] == b"<offer-1@vale-shop.example>"


def test_when_it_came_to_us_is_not_when_it_came_to_the_customer() -> None:
    """What was opened in the day between would have counted against whoever handled the complaint."""
    ours = Settings(trusted_receivers=("mx.market.example",))
    assert only(redirected(), settings=ours)[1].received_at is None
    theirs = Settings(trusted_receivers=("mx.market.example", "mx.mail.example"))
    assert only(redirected(), settings=theirs)[1].received_at == datetime(2024, 3, 4, 9, 30, 5, tzinfo=UTC)


def test_without_a_host_that_says_when_the_redirect_has_its_own_date() -> None:
    assert read_mail(redirected(above="")).reported_at == datetime(2024, 3, 4, 9, 30, 5, tzinfo=UTC)
    assert read_mail(redirected(original(), above="")).reported_at == datetime(2024, 3, 5, 9, 0, tzinfo=UTC)


def test_its_signatures_hold_whatever_stands_above() -> None:
    pair = key_pair()
    _, found = only(redirected(signed(pair, original())), dns_keys=keys_of(pair))
    assert (found.authentication.dkim[0].result, found.grade) == ("pass", "G4")


def test_what_the_mail_holds_is_what_its_sender_says() -> None:
    _, found = only(redirected(original(body=gmail_text("Ines <ines@rival.example>"))))
    assert found.sender.address == NORA
    assert [claim.sender.address for claim in found.claims] == ["ines@rival.example"]
    held = multipart("Content-Type: text/plain\n\nlook", attached(original())).replace(b"cleo@", b"eve@")
    _, found = only(redirected(held))
    assert (found.sender.address, [one.sender.address for one in found.claims]) == ("eve@mail.example", [NORA])


@pytest.mark.parametrize("above", ["", "Received: by mx.market.example; Tue, 5 Mar 2024 09:00:01 +0000\n"])
def test_of_several_redirects_the_last_one_complains(above: str) -> None:
    first = RESENT.replace("Cleo Marsh <cleo@mail.example>", "Sam <sam@home.example>")
    record, found = only(redirected(first.encode() + original(), above=above))
    assert (record.reporter.address, found.sender.address) == ("cleo@mail.example", NORA)


def test_resent_fields_at_the_end_of_the_header_are_read_too() -> None:
    mail = original().replace(b"\n\n", b"\n" + RESENT.encode() + b"\n", 1)
    record, found = only(redirected(mail, resent="", above=ON_THE_WAY), settings=Settings(
        trusted_receivers=("mx.market.example",)))  # fmt: skip
    assert (record.reporter.address, found.sender.address, found.received_at) == ("cleo@mail.example", NORA, None)


@pytest.mark.parametrize(
    "raw",
    [
        redirected(resent=RESENT.replace(CUSTOMER, "Abuse desk <abuse@market.example>")),
        redirected(resent=RESENT.replace(CUSTOMER, f"Nora Vale <{NORA}>")),
        redirected(
            resent=RESENT.replace(CUSTOMER, "deals@lists.example") + "List-Post: <mailto:deals@lists.example>\n"
        ),
        redirected(resent=RESENT.replace(CUSTOMER, "deals@lists.example") + "List-Id: Deals <deals.lists.example>\n"),
        redirected(resent=RESENT.replace(CUSTOMER, "undisclosed")),
        redirected(resent="Resent-To: report-abuse@market.example\n"),
    ],
    ids=["our own desk", "the writer again", "a list", "a list by its id", "nobody", "no Resent-From"],
)
def test_no_redirect_by_a_customer(raw: bytes) -> None:
    record = read_mail(raw)
    assert (record.kind, record.reporter.address) == ("other", NORA)


def test_a_complaint_that_our_own_desk_sends_on_stays_the_customers() -> None:
    forward = gmail_text().replace("\n", "\r\n")
    raw = (
        f"Resent-From: Desk <desk@tools.example>\r\nResent-To: {OURS}\r\nFrom: {CUSTOMER}\r\nTo: desk@tools.example\r\n"
        f"Subject: Fwd: {SUBJECT}\r\nContent-Type: text/plain\r\n\r\n{forward}"
    ).encode()
    # Unless it is told who is ours, the customer is the sender; and of a customer that is never claimed.
    _, found = only(raw)
    assert found.sender.address == "cleo@mail.example"
    assert disclaim(found, lambda address: address == "cleo@mail.example").sender.address is None
    record, found = only(raw, settings=Settings(staff_addresses=("tools.example",)))
    assert (record.reporter.address, found.sender.address) == ("cleo@mail.example", NORA)


def test_a_customer_whose_words_our_desk_sends_on_is_not_claimed_as_the_sender() -> None:
    mail = f"From: {CUSTOMER}\nTo: desk@tools.example\nSubject: Spam\nContent-Type: text/plain\n\n{BODY}".encode()
    _, found = only(redirected(mail, resent=RESENT.replace(CUSTOMER, "Desk <desk@tools.example>")))
    told = disclaim(found, lambda address: address == "cleo@mail.example")
    assert (told.sender.address, FLAG in told.flags) == (None, True)


def test_who_redirects_in_a_customers_name_is_disowned_whoever_signed_the_mail() -> None:
    """The sender's own signature, which is good, vouches for the sender and not for the reporter he makes up."""
    pair = key_pair()
    raw = redirected(signed(pair, original()))
    zone = {
        **REJECT,
        "_dmarc.vale-shop.example": [("TXT", "v=DMARC1; p=reject")],
        "vale-shop.example": [("TXT", "v=spf1 ip4:198.51.100.0/24 -all")],
    }
    forged = read_mail(raw, envelope=FORGER, names=ZoneNames(zone), dns_keys=keys_of(pair))
    assert forged.arrival is not None
    assert forged.arrival.sender == "disowned"
    plain = signed(pair, original())
    unguarded = read_mail(plain, envelope=FORGER, names=ZoneNames(zone), dns_keys=keys_of(pair))
    assert unguarded.arrival is not None
    assert unguarded.arrival.sender == "confirmed", "by the writer's domain he would have been believed"
    honest = read_mail(raw, envelope=HONEST, names=ZoneNames(zone), dns_keys=keys_of(pair))
    assert honest.arrival is not None
    assert honest.arrival.sender == "confirmed"
