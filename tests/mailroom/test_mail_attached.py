"""Attached messages: what they say, what their signatures are worth, when they came."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from leaktrace.mailroom.authentication import check_signatures
from leaktrace.mailroom.grades import same_organisation
from leaktrace.mailroom.read import read_mail
from leaktrace.records import Original
from leaktrace.settings import Settings
from tests.mailroom.mail_samples import BODY, SUBJECT, attached, message, multipart, original

Sign = Callable[..., bytes]
Keys = dict[str, str]


def key_pair(bits: int = 2048) -> tuple[bytes, str]:
    """A private key as dkimpy takes it, and its DNS record."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, str]:
    return key_pair()


def signed(pair: tuple[bytes, str], content: bytes, domain: str = "vale-shop.example", **options: object) -> bytes:
    content = content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    chosen: dict[str, object] = {"canonicalize": (b"relaxed", b"relaxed"), **options}
    return bytes(dkim.DKIM(content).sign(b"s1", domain.encode(), pair[0], **chosen)) + content


def keys_of(pair: tuple[bytes, str], domain: str = "vale-shop.example") -> Keys:
    return {f"s1._domainkey.{domain}.": pair[1]}


def only(raw: bytes, **options: object) -> Original:
    record = read_mail(raw, **options)  # type: ignore[arg-type]
    assert record.kind == "report", record.reason
    (found,) = record.originals
    return found


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("message/rfc822", ""),
        ("message/global", ""),
        ("application/octet-stream; name=offer.eml", "Content-Transfer-Encoding: 8bit\n"),
        ("message/rfc822", "Content-Transfer-Encoding: base64\n"),
        (
            "application/octet-stream",
            'Content-Disposition: attachment; filename="offer.EML"\nContent-Transfer-Encoding: base64\n',
        ),
        ("message/rfc822", "Content-Transfer-Encoding: quoted-printable\n"),
    ],
)
def test_an_attached_message_is_read_and_found_again_in_the_raw_bytes(content_type: str, headers: str) -> None:
    inner = original()
    if "base64" in headers:
        inner = base64.encodebytes(inner)
    elif "quoted" in headers:
        inner = inner.replace(b"=", b"=3D")
    raw = multipart("Content-Type: text/plain\n\nspam!\n", attached(inner, content_type, headers))
    found = only(raw)
    assert (found.form, found.grade) == ("attachment", "G2")
    assert (found.sender.address, found.sender.name) == ("nora@vale-shop.example", "Nora Vale")
    assert [(one.address, one.role) for one in found.recipients] == [
        ("cleo@mail.example", "to"),
        ("copy@mail.example", "cc"),
    ]
    assert found.subject == SUBJECT
    assert found.message_id == "offer-1@vale-shop.example"
    assert found.reply_to == "sales@vale-shop.example"
    assert found.sent_between.start == datetime(2024, 3, 4, 9, 30, tzinfo=UTC)
    assert found.links == ("https://vale-shop.example/c?id=77",)
    for field, value in (
        ("sender", b"nora@vale-shop.example"),
        ("subject", SUBJECT.encode()),
        ("message_id", b"offer-1@"),
    ):
        start, end = found.spans[field]
        inside = raw[start:end]
        assert value in (base64.b64decode(inside) if "base64" in headers else inside)
    assert set(found.spans) == {"sender", "recipients", "subject", "sent_between", "message_id", "reply_to"}


def test_something_else_that_is_named_eml_is_no_message() -> None:
    raw = multipart(attached(b"\x00\x01 not a message", "application/octet-stream; name=x.eml"))
    assert read_mail(raw).kind == "other"
    assert read_mail(multipart(attached(b"Content-Type: text/plain\n\nx"))).kind == "other"


def test_several_messages_and_digests_are_several_originals() -> None:
    second = original().replace(b"offer-1", b"offer-2")
    raw = multipart(attached(original()), attached(second))
    assert [one.message_id for one in read_mail(raw).originals] == [
        "offer-1@vale-shop.example",
        "offer-2@vale-shop.example",
    ]
    digest = multipart(b"\n" + original(), b"\n" + second, subtype="digest")
    assert [one.message_id for one in read_mail(digest).originals] == [
        "offer-1@vale-shop.example",
        "offer-2@vale-shop.example",
    ]


def test_messages_inside_the_original_are_its_claims() -> None:
    inner = original().replace(b"nora@vale-shop.example", b"boss@rival.example")
    outer = multipart("Content-Type: text/plain\n\nfyi\n", attached(inner), subject="from a spouse")
    outer = outer.replace(b"=b1", b"=b2").replace(b"cleo@mail.example", b"sam@mail.example")
    found = only(multipart(attached(outer)))
    assert found.sender.address == "sam@mail.example"
    assert [claim.sender.address for claim in found.claims] == ["boss@rival.example"]


def test_without_keys_a_signature_is_no_key_and_the_grade_g2(pair: tuple[bytes, str]) -> None:
    found = only(multipart(attached(signed(pair, original()))))
    (result,) = found.authentication.dkim
    assert (result.domain, result.selector, result.result) == ("vale-shop.example", "s1", "no_key")
    assert "from" in result.covers
    assert found.authentication.body_hash_matches is True
    assert found.grade == "G2"


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
def test_a_good_signature_of_the_senders_domain_is_g4(pair: tuple[bytes, str], header: bytes, body: bytes) -> None:
    content = signed(pair, original(body="a  b \t\n\n x\t \n\n\n"), canonicalize=(header, body))
    found = only(multipart(attached(content)), dns_keys=keys_of(pair))
    assert found.authentication.dkim[0].result == "pass"
    assert found.grade == "G4"
    assert "vale-shop.example" in found.grade_reason


def test_an_empty_body_verifies(pair: tuple[bytes, str]) -> None:
    for form in (b"simple", b"relaxed"):
        content = signed(pair, original(body=""), canonicalize=(b"relaxed", form))
        assert check_signatures(content, keys_of(pair), None).authentication.dkim[0].result == "pass"


def test_a_changed_body_is_found_without_keys_and_costs_the_grade(pair: tuple[bytes, str]) -> None:
    content = signed(pair, original()).replace(b"half the price", b"full the price")
    found = only(multipart(attached(content)))
    assert found.authentication.body_hash_matches is False
    assert found.authentication.dkim[0].result == "body_hash_mismatch"
    assert (found.grade, found.flags) == ("G1", ("body_hash_mismatch",))


def test_a_changed_sender_fails(pair: tuple[bytes, str]) -> None:
    content = signed(pair, original()).replace(b"From: Nora Vale <nora@vale", b"From: Nora Vale <ines@vale")
    found = only(multipart(attached(content)), dns_keys=keys_of(pair))
    assert (found.authentication.dkim[0].result, found.grade) == ("fail", "G2")


def test_a_good_signature_of_another_domain_says_nothing_of_the_sender(pair: tuple[bytes, str]) -> None:
    content = signed(pair, original(), domain="mailer.example")
    found = only(multipart(attached(content)), dns_keys=keys_of(pair, "mailer.example"))
    assert (found.authentication.dkim[0].result, found.grade) == ("pass", "G2")


def test_a_signature_with_room_for_changes_is_not_g4(pair: tuple[bytes, str]) -> None:
    content = signed(pair, original(), length=True)
    assert only(multipart(attached(content)), dns_keys=keys_of(pair)).grade == "G4"
    # The attack: with l= anything may be appended, and the signature stays good.
    longer = content + b"\r\nand buy at rival.example\r\n"
    found = only(multipart(attached(longer)), dns_keys=keys_of(pair))
    assert found.authentication.dkim[0].result == "pass"
    assert (found.grade, found.flags) == ("G2", ("partial_body_signed",))


@pytest.mark.parametrize("first", [True, False])
def test_of_two_from_fields_nobody_is_claimed(pair: tuple[bytes, str], *, first: bool) -> None:
    # The attack: a receiver that checks the seller's own domain lets a mail through that shows a rival's address.
    content = signed(pair, original())
    another = b"From: boss@rival.example\r\n"
    content = another + content if first else content.replace(b"\r\nTo:", b"\r\n" + another + b"To:", 1)
    found = only(multipart(attached(content)), dns_keys=keys_of(pair))
    assert (found.grade, found.sender.address, found.sent_by, found.message_id) == ("G2", None, None, None)
    assert {"several_from_fields", "no_sender_address"} <= set(found.flags)
    assert "sender" not in found.spans
    named = ["nora@vale-shop.example", "boss@rival.example"]
    assert [claim.sender.address for claim in found.claims] == (named[::-1] if first else named)


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        (b"From: Nora <NORA@vale-shop.example>\r\nFrom: ", "nora@vale-shop.example"),
        (b"From: boss@rival.example, ", None),
        (b"From: Vale, ", "nora@vale-shop.example"),
        (b'From: "boss@rival.example" ', "nora@vale-shop.example"),
    ],
)
def test_one_address_written_twice_is_one_sender_and_two_are_none(written: bytes, sender: str | None) -> None:
    found = only(multipart(attached(original().replace(b"From: ", written, 1))))
    assert (found.sender.address or "").lower() == (sender or "")
    assert ("no_sender_address" in found.flags) == (sender is None)


def test_many_senders_of_one_mail_are_told_up_to_a_ceiling() -> None:
    many = b"".join(b"From: a%d@b.example, c%d@b.example\r\n" % (number, number) for number in range(300))
    found = only(multipart(attached(many + original())))
    assert found.sender.address is None
    assert len(found.claims) == 10


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda tag: tag.replace(b"v=1;", b"v=2;"), "error"),
        (lambda tag: tag.replace(b"v=1;", b"v=1; v=1;"), "error"),
        (lambda tag: tag.replace(b" a=rsa-sha256;", b""), "error"),
        (lambda tag: tag.replace(b"a=rsa-sha256", b"a=rsa-sha1"), "unsupported"),
        (lambda tag: tag.replace(b"a=rsa-sha256", b"a=ed25519-sha256"), "fail"),
        (lambda tag: tag.replace(b"c=relaxed/relaxed", b"c=nofws/relaxed"), "unsupported"),
        (lambda tag: tag.replace(b"c=relaxed/relaxed", b"c=relaxed"), "body_hash_mismatch"),
        (lambda tag: tag.replace(b"bh=", b"bh=*"), "body_hash_mismatch"),
        (lambda tag: tag.replace(b"from", b"form"), "error"),
        (lambda tag: tag.replace(b"i=@vale-shop.example", b"i=@elsewhere.example"), "fail"),
        (lambda tag: tag.replace(b"s=s1", b"s=s2"), "no_key"),
        (lambda tag: tag + b" x=1;", "fail"),
        (lambda tag: tag.replace(b"b=", b"b=" + b" " * 9000), "error"),
        (lambda tag: tag.replace(b" q=", b" " * 70 + b"q="), "pass"),
    ],
)
def test_broken_signatures(pair: tuple[bytes, str], change: Callable[[bytes], bytes], result: str) -> None:
    content = original(body="a  b\n")
    whole = signed(pair, content)
    tag = whole[: whole.index(b"\r\nFrom:")]
    changed = change(tag)
    assert changed != tag
    found = check_signatures(changed + whole[len(tag) :], keys_of(pair), None)
    assert found.authentication.dkim[0].result == result


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("", "fail"),
        ("v=DKIM1; p=", "fail"),
        ("v=DKIM1; k=ed25519; p=AAAA", "fail"),
        ("v=DKIM1; p=!!!", "fail"),
        ("v=DKIM1; p=" + "A" * 4000, "fail"),
        ("v=DKIM9; p=AAAA", "fail"),
        ("v=DKIM1; h=sha1; p=AAAA", "fail"),
        ("é; p=AAAA", "fail"),
    ],
)
def test_broken_keys(pair: tuple[bytes, str], record: str, result: str) -> None:
    found = check_signatures(signed(pair, original()), {"s1._domainkey.vale-shop.example": record}, None)
    assert found.authentication.dkim[0].result == result


def test_a_key_for_one_domain_only_refuses_its_subdomains(pair: tuple[bytes, str]) -> None:
    content = signed(pair, original(), identity=b"@news.vale-shop.example")
    assert check_signatures(content, keys_of(pair), None).authentication.dkim[0].result == "pass"
    strict = {name: record + "; t=s" for name, record in keys_of(pair).items()}
    assert check_signatures(content, strict, None).authentication.dkim[0].result == "fail"


def test_a_small_key_is_not_believed() -> None:
    small = key_pair(1024)
    assert check_signatures(signed(small, original()), keys_of(small), None).authentication.dkim[0].result == "pass"


def test_a_signature_expires_by_the_time_of_receipt_never_by_a_clock(pair: tuple[bytes, str]) -> None:
    content = original()
    crlf = content.replace(b"\n", b"\r\n")
    signer = dkim.DKIM(crlf)
    fields = signer.sign(b"s1", b"vale-shop.example", pair[0], canonicalize=(b"relaxed", b"relaxed"))
    assert (
        check_signatures(fields + crlf, keys_of(pair), datetime(2099, 1, 1, tzinfo=UTC)).authentication.dkim[0].result
        == "pass"
    )


def test_every_signature_is_looked_at_and_at_most_ten(pair: tuple[bytes, str]) -> None:
    twice = signed(pair, signed(pair, original()), domain="mailer.example")
    keys = keys_of(pair) | keys_of(pair, "mailer.example")
    results = check_signatures(twice, keys, None).authentication.dkim
    assert [(one.domain, one.result) for one in results] == [("mailer.example", "pass"), ("vale-shop.example", "pass")]
    many = b"DKIM-Signature: v=1\r\n" * 50 + original()
    assert [one.result for one in check_signatures(many, None, None).authentication.dkim] == ["error"] * 10
    crowded = signed(pair, b"X-A: b\r\n" * 2000 + original())
    assert check_signatures(crowded, keys, None).authentication.dkim[0].result == "error"


def test_domains_of_one_organisation() -> None:
    assert same_organisation("mail.vale-shop.co.uk", "vale-shop.co.uk")
    assert not same_organisation("a.co.uk", "b.co.uk")
    assert not same_organisation("a.github.io", "b.github.io")
    assert not same_organisation("", "vale-shop.co.uk")


RECEIVED = (
    "Received: from out.vale-shop.example by mx.market.example with ESMTP id 1; Mon, 04 Mar 2024 09:31:00 +0000\n"
)
FORGED = "Received: from x by mx.market.example; Mon, 01 Jan 2024 00:00:00 +0000\n"


def test_received_at_is_said_only_by_trusted_hosts() -> None:
    raw = multipart(attached(original(RECEIVED + FORGED)))
    assert only(raw).received_at is None
    trusting = replace(Settings(), trusted_receivers=("market.example",))
    found = only(raw, settings=trusting)
    assert found.received_at == datetime(2024, 3, 4, 9, 31, tzinfo=UTC)
    assert b"09:31:00" in raw[slice(*found.spans["received_at"])]


def test_a_forged_trusted_field_below_a_strangers_is_not_believed() -> None:
    # The attack: the sender writes our host's name below the field of the host that really took the mail.
    real = "Received: from out.vale-shop.example by mx.elsewhere.example; Mon, 04 Mar 2024 09:31:00 +0000\n"
    trusting = replace(Settings(), trusted_receivers=("mx.market.example",))
    assert only(multipart(attached(original(FORGED))), settings=trusting).received_at is not None
    assert only(multipart(attached(original(real + FORGED))), settings=trusting).received_at is None
    assert only(multipart(attached(original("Received: nonsense\n"))), settings=trusting).received_at is None
    undated = "Received: from a by mx.market.example; soon\n"
    assert only(multipart(attached(original(undated))), settings=trusting).received_at is None


@pytest.mark.parametrize(
    ("header", "flag"),
    [
        ('From: "help@bank.example" <real@other.example>', "name_contains_address"),
        ("From: a@x.example, b@x.example", "several_senders"),
        ("From: undisclosed:;", "no_sender_address"),
        ("From: Just A Name", "no_sender_address"),
        ("From: a@x.example\nSender: b@y.example", "sender_field_differs"),
        ('From: a@x.example\nTo: "c@x.example" <d@x.example>', "recipient_name_contains_address"),
    ],
)
def test_what_forgers_do_to_header_fields_is_flagged(header: str, flag: str) -> None:
    inner = f"{header}\nSubject: x\nMessage-ID: bare-id\nDelivered-To: Cleo@Mail.example\n\n{BODY}".encode()
    found = only(multipart(attached(inner)))
    assert flag in found.flags
    assert found.message_id == (None if flag == "several_senders" else "bare-id")
    assert ("Cleo@mail.example", "rcpt") in [(one.address, one.role) for one in found.recipients]


def test_the_complaints_own_signature_is_checked_too(pair: tuple[bytes, str]) -> None:
    raw = signed(pair, message("they sold my address"), domain="mail.example")
    record = read_mail(raw, dns_keys=keys_of(pair, "mail.example"))
    assert record.authentication.dkim[0].result == "pass"
    assert record.kind == "complaint"


def test_of_very_many_messages_inside_one_the_first_are_told_and_it_is_flagged() -> None:
    inside = b"".join(b"--d\n\nFrom: a@b.example\n\nx\n" for _ in range(230)) + b"--d--\n"
    found = only(multipart(attached(b"From: n@v.example\nContent-Type: multipart/digest; boundary=d\n\n" + inside)))
    assert (len(found.claims), "claims_left_out" in found.flags) == (200, True)
