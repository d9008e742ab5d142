"""Mail that came by way of one of us, and fields that say who handed it in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import leaktrace
from leaktrace.mailroom.disclaiming import FLAG, disclaim, is_listed
from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from leaktrace.settings import Settings
from tests.mailroom.handmade_mail import original as handmade
from tests.mailroom.mail_samples import attached, gmail_text, message, multipart, original

SPOUSE = "Sam Marsh <sam@mail.example>"
OURS = frozenset({"sam@mail.example", "cleo@mail.example"})


def is_ours(address: str) -> bool:
    return address in OURS


def by_way_of_a_spouse() -> Original:
    inner = gmail_text("Nora Vale <nora@vale-shop.example>")
    (found,) = read_mail(message(gmail_text(SPOUSE) + inner, subject="Fwd: Fwd: x")).originals
    return found


def test_the_spouse_who_passed_it_on_is_not_claimed_as_the_sender() -> None:
    found = by_way_of_a_spouse()
    # The attack, or the accident: without the rule the spouse is the sender.
    assert found.sender.address == "sam@mail.example"
    told = disclaim(found, is_ours)
    assert (told.sender.address, told.sender.name, told.on_behalf_of, told.sent_by) == (None, None, None, None)
    assert FLAG in told.flags
    assert "sender" not in told.spans
    assert [claim.sender.address for claim in told.claims] == ["sam@mail.example", "nora@vale-shop.example"]


def test_nobody_inside_is_promoted_to_the_sender() -> None:
    told = disclaim(by_way_of_a_spouse(), is_ours)
    assert told.sender.address is None
    assert all(claim.form.startswith("inline") for claim in told.claims)


def test_a_strangers_mail_stays_as_it_is() -> None:
    (found,) = read_mail(message(gmail_text())).originals
    assert disclaim(found, is_ours) == found
    assert disclaim(handmade(sender=None), is_ours) == handmade(sender=None)


def test_an_attached_mail_of_one_of_us_that_forwards_another() -> None:
    inner = b"Content-Type: text/plain\n\n" + gmail_text().encode()
    passed_on = f"From: {SPOUSE}\nSubject: Fwd: look\nMessage-ID: <1@mail.example>\n".encode() + inner
    (found,) = read_mail(multipart(attached(passed_on))).originals
    told = disclaim(found, is_ours)
    assert (told.sender.address, told.message_id) == (None, None)
    assert FLAG in told.flags
    plain = handmade(sender="sam@mail.example")
    assert disclaim(plain, is_ours) == plain


def test_a_reporter_who_forwards_their_own_answer_is_not_claimed_as_the_sender() -> None:
    """Nobody need know them as a customer: that they complain is enough."""
    quoted = "On Sun, 3 Mar 2024 at 09:00, Nora <nora@vale-shop.example> wrote:\n> buy\n"
    (other,) = read_mail(message(gmail_text(SPOUSE) + quoted, subject="Fwd: x")).originals
    assert other.sender.address == "sam@mail.example"
    own = gmail_text("Cleo Marsh <Cleo+shop@mail.example>") + quoted
    (told,) = read_mail(message(own, subject="Fwd: x")).originals
    assert told.sender.address is None
    assert FLAG in told.flags
    assert [claim.sender.address for claim in told.claims] == ["Cleo+shop@mail.example", "nora@vale-shop.example"]


def test_an_employee_is_not_claimed_wherever_a_mail_is_read() -> None:
    """Also where one message is looked at, and in its features: else their domain groups what they pass on."""
    raw = message(gmail_text("Ann <ann@desk.market.example>") + gmail_text(), subject="Fwd: Fwd: x")
    (known,) = read_mail(raw, settings=replace(Settings(), staff_addresses=("market.example",))).originals
    assert (known.sender.address, FLAG in known.flags) == (None, True)
    (unknown,) = read_mail(raw).originals
    assert unknown.sender.address == "ann@desk.market.example"


def test_from_and_sender_are_both_kept() -> None:
    inner = original("Sender: Mailer <bulk@mailer.example>\n")
    raw = multipart(attached(inner))
    (found,) = read_mail(raw).originals
    assert found.sender.address == "nora@vale-shop.example"
    assert found.sent_by is not None
    assert (found.sent_by.address, found.sent_by.name) == ("bulk@mailer.example", "Mailer")
    assert b"bulk@mailer.example" in raw[slice(*found.spans["sent_by"])]
    (same,) = read_mail(multipart(attached(original("Sender: nora@vale-shop.example\n")))).originals
    assert same.sent_by is None


def workspace_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> leaktrace.Workspace:
    """A customer, a seller, and a report of mail that somebody at the seller's domain passed on."""
    monkeypatch.setenv("LEAKTRACE_KEY_FILE", str(tmp_path / "key"))
    (tmp_path / "customers.csv").write_text("customer,email\nc-1,cleo@mail.example\n")
    (tmp_path / "more.csv").write_text("customer,email\nc-2,sam@vale-shop.example\n")
    (tmp_path / "sellers.csv").write_text("seller,name,domains\ns-1,Vale,vale-shop.example\n")
    text = gmail_text("Sam <sam@vale-shop.example>") + gmail_text("X <x@elsewhere.example>")
    text = text.replace("https://vale-shop.example/c?id=77", "our shop")
    (tmp_path / "a.eml").write_bytes(message(text, subject="Fwd: Fwd: x"))
    ws = leaktrace.create(tmp_path / "ws")
    ws.ingest("customers", [tmp_path / "customers.csv"])
    ws.ingest("sellers", [tmp_path / "sellers.csv"])
    return ws


@pytest.mark.parametrize(("is_customer", "seller"), [(False, "s-1"), (True, None)])
def test_a_campaigns_seller_is_not_told_by_a_customer_who_passed_mail_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_customer: bool, seller: str | None
) -> None:
    with workspace_with(tmp_path, monkeypatch) as ws:
        if is_customer:
            ws.ingest("customers", [tmp_path / "more.csv"])
        ws.receive([tmp_path / "a.eml"])
        (campaign,) = ws.campaigns()
    assert campaign.report_count == 1
    assert campaign.seller == seller


def test_a_customer_who_is_ingested_later_is_not_claimed_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace_with(tmp_path, monkeypatch) as ws:
        ws.receive([tmp_path / "a.eml"])
        assert [one.seller for one in ws.campaigns()] == ["s-1"]
        assert [one.seller for one in ws.campaigns()] == ["s-1"]
        ws.ingest("customers", [tmp_path / "more.csv"])
        assert [one.seller for one in ws.campaigns()] == [None]
    with leaktrace.open(tmp_path / "ws") as again:
        assert [one.seller for one in again.campaigns()] == [None]


@pytest.mark.parametrize(
    ("staff", "seller"),
    [
        ([], "s-1"),
        (["other.example", "nora@vale-shop.example"], "s-1"),
        (["vale-shop.example"], None),
        (["Sam@Vale-Shop.example"], None),
    ],
)
def test_a_campaigns_seller_is_not_told_by_an_employee_who_passed_mail_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, staff: list[str], seller: str | None
) -> None:
    with workspace_with(tmp_path, monkeypatch) as ws:
        ws.receive([tmp_path / "a.eml"])
        assert [one.seller for one in ws.campaigns()] == ["s-1"]
    (tmp_path / "ws" / "settings.json").write_text(json.dumps({"staff_addresses": staff}))
    with leaktrace.open(tmp_path / "ws") as again:
        assert [one.seller for one in again.campaigns()] == [seller]


@pytest.mark.parametrize(
    ("address", "staff", "is_one"),
    [
        ("jo@market.example", "market.example", True),
        ("Jo@MARKET.example", "@Market.Example.", True),
        ("jo@desk.market.example", "market.example", True),
        ("jo@notmarket.example", "market.example", False),
        ("jo+x@partner.example", "jo@partner.example", True),
        ("mo@partner.example", "jo@partner.example", False),
        ("jo@sub.partner.example", "jo@partner.example", False),
        ("jo@market.example", "", False),
        ("market.example", "market.example", False),
        ("jo@market.example", "@", False),
    ],
)
def test_staff_are_listed_by_domain_or_address(address: str, staff: str, is_one: bool) -> None:
    assert is_listed(address, [staff]) is is_one
