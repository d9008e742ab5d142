"""The abuse mailbox: well-formed, as varied as promised, and in agreement with the truth."""

from __future__ import annotations

import csv
import email
import email.policy
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parseaddr

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import SimulationError
from leaktrace.records import SimulationTruth
from leaktrace.simulate import clients, mime, simulate
from leaktrace.simulate.mbox import join_messages, split_messages


@dataclass(frozen=True)
class Box:
    truth: SimulationTruth
    raw: bytes
    messages: list[EmailMessage]
    customer_of: dict[str, str]
    domains: dict[str, list[str]]


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Box:
    out = tmp_path_factory.mktemp("mail") / "out"
    truth = simulate(out, scenario="one", seed=11, customers=6000, principals=80, accesses=60_000, reports=40)
    raw = (out / "abuse.mbox").read_bytes()
    customers = pq.read_table(out / "customers.parquet").to_pylist()
    with (out / "sellers.csv").open(newline="") as stream:
        domains = {row["seller"]: row["domains"].split(";") for row in csv.DictReader(stream)}
    return Box(
        truth,
        raw,
        [parsed(m) for m in split_messages(raw)],
        {c["email"]: c["customer"] for c in customers},
        domains,
    )


def style_of(message: EmailMessage) -> str:
    """A reader's own view of how a message came about, from its bytes alone."""
    kinds = [part.get_content_type() for part in message.walk()]
    text = "".join(
        part.get_content()
        for part in message.walk()
        if part.get_content_maintype() == "text" and not part.is_multipart()
    )
    if "message/feedback-report" in kinds:
        return "arf"
    if "message/delivery-status" in kinds:
        return "bounce"
    if message["Auto-Submitted"]:
        return "autoreply"
    if "message/rfc822" in kinds:
        return "attachment"
    for mark, style in (
        ("---------- Forwarded message ---------", "gmail"),
        ("Begin forwarded message:", "apple"),
        ("发件人:", "outlook-zh"),
        ("________________________________\nFrom: ", "outlook"),
    ):
        if mark in text.replace("\r\n", "\n"):
            return f"{style}-fa" if "از: " in text and style == "gmail" else style
    return "other"


def test_every_message_is_well_formed(box: Box) -> None:
    for message in box.messages:
        for part in message.walk():
            assert not part.defects
            if part.get_content_maintype() == "text":
                assert part.get_content().strip() or part.get_content_type() == "text/plain"
        for name in ("From", "To", "Date", "Message-ID", "Return-Path"):
            assert message[name], name
        assert len(message.get_all("Received", [])) == 2
    assert len({m["Message-ID"] for m in box.messages}) == len(box.messages)


def test_every_style_is_there(box: Box) -> None:
    styles = {style_of(message) for message in box.messages}
    assert styles == {
        "arf",
        "attachment",
        "gmail",
        "gmail-fa",
        "outlook",
        "outlook-zh",
        "apple",
        "bounce",
        "autoreply",
        "other",
    }


def test_html_forwards_carry_the_marks_of_their_programs(box: Box) -> None:
    pages: dict[str, list[str]] = {}
    for message in box.messages:
        if message.get_content_type() == "multipart/alternative":
            page = message.get_body(("html",))
            assert page is not None
            pages.setdefault(style_of(message).split("-")[0], []).append(page.get_content())
    assert all('class="gmail_quote' in p and 'class="gmail_attr"' in p for p in pages["gmail"])
    assert all('id="divRplyFwdMsg"' in p and "<hr style=" in p for p in pages["outlook"])
    assert all('<blockquote type="cite">' in p for p in pages["apple"])


def test_transfer_encodings_are_mixed(box: Box) -> None:
    used = {
        str(part["Content-Transfer-Encoding"]) for m in box.messages for part in m.walk() if not part.is_multipart()
    }
    assert {"7bit", "8bit", "quoted-printable", "base64"} <= used


def recipients_of(message: EmailMessage) -> set[str]:
    """Customers' addresses in a report: its reporter, or who the original went to."""
    found = {parseaddr(str(message["From"]))[1]}
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            found |= set(re.findall(r"Original-Rcpt-To: <(.+?)>", part.as_string()))
    return {re.sub(r"\+\w+@", "@", address) for address in found}


def test_each_reporting_customer_reports_once(box: Box) -> None:
    reports = [
        m for m in box.messages if style_of(m).split("-")[0] in {"arf", "attachment", "gmail", "outlook", "apple"}
    ]
    reporters = [
        box.customer_of[address] for m in reports for address in recipients_of(m) if address in box.customer_of
    ]
    assert len(reporters) == len(reports) == len(set(reporters))
    assert set(box.truth.reporting_customers) <= set(reporters)
    # Other mailings that nobody inside has to do with.
    assert 3 * 3 <= len(set(reporters) - set(box.truth.reporting_customers)) <= 5 * 6
    halves = [
        style_of(m) in {"arf", "attachment"}
        for m in reports
        for address in recipients_of(m)
        if box.customer_of.get(address) in box.truth.reporting_customers
    ]
    assert 0.4 <= sum(halves) / len(halves) <= 0.6


def attached_originals(box: Box) -> list[tuple[EmailMessage, EmailMessage]]:
    """Messages with the unwanted mail attached, and that mail."""
    pairs = []
    for message in box.messages:
        for part in message.walk():
            if part.get_content_type() == "message/rfc822" and style_of(message) in {"arf", "attachment"}:
                inner = part.get_payload(0)
                assert isinstance(inner, EmailMessage)
                pairs.append((message, inner))
    return pairs


def test_attached_originals_are_whole_and_older_than_the_complaint(box: Box) -> None:
    mine = 0
    own_domain = 0
    for outer, inner in attached_originals(box):
        sent, reported = inner["Date"].datetime, outer["Date"].datetime
        assert timedelta(0) < reported - sent < timedelta(days=10)
        assert len(inner.get_all("Received", [])) == 3
        assert inner["Message-ID"]
        body = inner.get_body(("plain",))
        assert body is not None
        assert "https://" in body.get_content()
        to = parseaddr(str(inner["To"]))[1]
        if box.customer_of[to] in box.truth.reporting_customers:
            mine += 1
            assert box.truth.mail_at <= sent < box.truth.mail_at + timedelta(days=4)
            assert any(domain in body.get_content() for domain in box.domains[box.truth.seller])
            own_domain += str(inner["From"]).rstrip(">").rpartition("@")[2] in box.domains[box.truth.seller]
    assert mine >= 15
    assert own_domain > mine / 2


def test_letters_of_one_mailing_are_worded_differently(box: Box) -> None:
    bodies = set()
    for _, inner in attached_originals(box):
        part = inner.get_body(("plain",))
        assert part is not None
        bodies.add(part.get_content())
    assert len(bodies) == len(attached_originals(box))


def test_messages_are_in_order_and_within_the_log(box: Box) -> None:
    dates = [m["Date"].datetime for m in box.messages]
    assert dates == sorted(dates)
    assert dates[-1] < datetime(2025, 6, 30, tzinfo=UTC)


def test_other_mail_is_there(box: Box) -> None:
    assert any(str(m["Subject"]).startswith("Undelivered") or "Delayed" in str(m["Subject"]) for m in box.messages)
    addressed = [m for m in box.messages if parseaddr(str(m["From"]))[1] in box.customer_of]
    plain = [m for m in addressed if style_of(m) == "other"]
    assert plain, "complaints in words"
    strangers = [m for m in box.messages if style_of(m) == "other" and m not in plain]
    assert any("report" not in str(m["Subject"]).lower() for m in strangers), "spam to the mailbox itself"


def test_the_mailbox_splits_and_joins_byte_for_byte(box: Box) -> None:
    parts = split_messages(box.raw)
    assert all(parsed(part)["From"] for part in parts)
    assert b"\n>From " in box.raw, "somebody begins a line with From"
    assert any(b"\nFrom " in part for part in parts)
    assert not any(b"\n>From " in part for part in parts)


@given(
    st.lists(
        st.lists(st.sampled_from([b"From ", b">From ", b">>From x", b"", b"text", b"From a Mon Jan  6 00:00:00 2025"]))
    )
)
def test_any_lines_survive_a_mailbox(bodies: list[list[bytes]]) -> None:
    at = datetime(2025, 1, 6, tzinfo=UTC)
    raws = [b"\n".join([b"Subject: x", b"", *lines]) + b"\n" for lines in bodies]
    joined = join_messages([("a@b.example", at, raw) for raw in raws])
    assert split_messages(joined) == raws


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80))
def test_header_text_comes_back(text: str) -> None:
    raw = mime.header_section([("Subject", mime.words(text))])
    assert raw.isascii()
    assert max(map(len, raw.split(b"\n"))) <= 998
    assert "".join(str(parsed(raw)["Subject"]).split()) == "".join(text.split())


def test_a_message_without_a_sender_is_not_accepted() -> None:
    with pytest.raises(SimulationError):
        mime.checked(b"Subject: nobody\n\ntext\n")


def test_times_are_written_as_the_programs_write_them() -> None:
    at = datetime.fromisoformat("2025-06-17T21:05:09+03:30")
    assert clients.gmail_english(at) == "Tue, Jun 17, 2025 at 9:05\u202fPM"
    assert clients.outlook_english(at) == "Tuesday, June 17, 2025 9:05 PM"
    assert clients.outlook_chinese(at) == "2025年6月17日 21:05"
    assert clients.apple_english(at) == "June 17, 2025 at 9:05:09\u202fPM GMT+3:30"
    assert clients.gmail_persian(at) == "سه‌شنبه ۱۷ ژوئن ۲۰۲۵،\u200f ۲۱:۰۵"
    noon = datetime.fromisoformat("2025-06-01T12:00:00+00:00")
    assert clients.apple_english(noon) == "June 1, 2025 at 12:00:00\u202fPM GMT"
    assert clients.outlook_english(noon.replace(hour=0)) == "Sunday, June 1, 2025 12:00 AM"
