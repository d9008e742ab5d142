"""Writes forwarded complaints and their tables: customers of ../pgaudit forward one seller's unwanted mail to report-abuse@.

Same bytes at every run. `python make.py [FOLDER]` writes into FOLDER, else beside itself. The mail is dated three
weeks after the audit log's day, the complaints within two days of it.
"""

from __future__ import annotations

import base64
import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
DATABASE = HERE.parent / "pgaudit"
SENT_AT = datetime(2026, 12, 15, 8, 2, 11, tzinfo=UTC)
SENDER = ("Brightlamp Deals", "hello@brightlamp-deals.example")
SUBJECT = "Your neighbours pay less for light"
ABUSE = "report-abuse@market.example"


@dataclass(frozen=True)
class Complaint:
    """One customer's complaint."""

    customer: str
    name: str
    address: str
    number: int
    words: str

    @property
    def mail_at(self) -> datetime:
        """When the unwanted mail came."""
        return SENT_AT + timedelta(seconds=37 * self.number)

    @property
    def sent_at(self) -> datetime:
        """When the complaint was sent."""
        return self.mail_at + timedelta(hours=3 * self.number, minutes=11 * self.number)


def wire_date(at: datetime) -> str:
    """RFC 5322, 3.3."""
    return at.strftime("%a, %d %b %Y %H:%M:%S +0000")


def offer_text(complaint: Complaint) -> str:
    """What the seller writes; the greeting and the link differ."""
    first = complaint.name.split()[0]
    return (
        f"Hello {first},\n\nwinter is dark. Three lamps for the price of two, until Sunday only:\n"
        f"https://www.brightlamp-deals.example/three-for-two?c={4100 + 17 * complaint.number}\n\n"
        "Brightlamp Deals\n12 Quay Street\n\n"
        f"Not for you? https://www.brightlamp-deals.example/out?c={4100 + 17 * complaint.number}\n"
    )


def offer_html(complaint: Complaint) -> str:
    """The same as HTML."""
    paragraphs = offer_text(complaint).strip().split("\n\n")
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


def original(complaint: Complaint) -> str:
    """The unwanted mail as it lay in the customer's mailbox."""
    local = complaint.address.split("@")[0]
    return (
        f"Return-Path: <bounce+{local}@brightlamp-deals.example>\n"
        "Received: from out3.brightlamp-deals.example (out3.brightlamp-deals.example [203.0.113.24])\n"
        f"\tby mx1.example.org (Postfix) with ESMTPS id 4XQ{complaint.number:02d}L7hPz\n"
        f"\tfor <{complaint.address}>; {wire_date(complaint.mail_at)}\n"
        f"Message-ID: <20261215080211.{complaint.number:04d}@out3.brightlamp-deals.example>\n"
        f"Date: {wire_date(SENT_AT)}\n"
        f"From: {SENDER[0]} <{SENDER[1]}>\n"
        f"To: {complaint.name} <{complaint.address}>\n"
        f"Subject: {SUBJECT}\n"
        "List-Unsubscribe: <https://www.brightlamp-deals.example/out>\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n" + offer_text(complaint)
    )


def envelope(complaint: Complaint, message_id: str, client: str, subject: str) -> str:
    """Header fields of the complaint, down to MIME-Version."""
    return (
        f"Return-Path: <{complaint.address}>\n"
        f"Delivered-To: {ABUSE}\n"
        "Received: from mail.example.org (mail.example.org [198.51.100.7])\n"
        f"\tby mx.market.example (Postfix) with ESMTPS id 4XR{complaint.number:02d}Q0kTd\n"
        f"\tfor <{ABUSE}>; {wire_date(complaint.sent_at + timedelta(seconds=4))}\n"
        f"Message-ID: <{message_id}@{'mail.gmail.com' if client == 'gmail' else 'mail.example.org'}>\n"
        f"Date: {wire_date(complaint.sent_at)}\n"
        f"From: {complaint.name} <{complaint.address}>\n"
        f"To: {ABUSE}\n"
        f"Subject: {subject}\n"
        + {"thunderbird": "User-Agent: Mozilla Thunderbird\n", "apple": "X-Mailer: Apple Mail (2.3774.600.62)\n"}.get(
            client, ""
        )
        + "MIME-Version: 1.0\n"
    )


def alternative(boundary: str, text: str, html: str) -> str:
    """A multipart/alternative body with its header fields."""
    return (
        f'Content-Type: multipart/alternative; boundary="{boundary}"\n\n'
        f'--{boundary}\nContent-Type: text/plain; charset="UTF-8"\nContent-Transfer-Encoding: 8bit\n\n{text}\n'
        f'--{boundary}\nContent-Type: text/html; charset="UTF-8"\nContent-Transfer-Encoding: base64\n\n'
        f"{base64.encodebytes(html.encode()).decode()}\n--{boundary}--\n"
    )


def as_attachment(complaint: Complaint) -> str:
    """Thunderbird, "Forward As > Attachment"."""
    boundary = f"------------F{complaint.number}oWq2ZdN0vT5uYb"
    head = envelope(complaint, f"8f2c{complaint.number:04d}-5d1e", "thunderbird", f"Fwd: {SUBJECT}")
    return (
        f'{head}Content-Type: multipart/mixed; boundary="{boundary}"\n\n'
        "This is a multi-part message in MIME format.\n"
        f"--{boundary}\nContent-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 7bit\n\n"
        f"{complaint.words}\n\n"
        f'--{boundary}\nContent-Type: message/rfc822; charset=UTF-8; name="{SUBJECT}.eml"\n'
        f'Content-Disposition: attachment; filename="{SUBJECT}.eml"\nContent-Transfer-Encoding: 7bit\n\n'
        f"{original(complaint)}\n--{boundary}--\n"
    )


def as_gmail(complaint: Complaint) -> str:
    """Gmail, "Forward"."""
    when = complaint.mail_at.strftime("%a, %b %d, %Y at %-I:%M\u202f%p")
    text = (
        f"{complaint.words}\n\n---------- Forwarded message ---------\nFrom: {SENDER[0]} <{SENDER[1]}>\n"
        f"Date: {when}\nSubject: {SUBJECT}\nTo: {complaint.name} <{complaint.address}>\n\n\n{offer_text(complaint)}"
    )
    html = (
        f'<div dir="ltr">{complaint.words}<br><br><div class="gmail_quote gmail_quote_container">'
        '<div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>From: '
        f'<b class="gmail_sendername" dir="auto">{SENDER[0]}</b> <span dir="auto">&lt;'
        f'<a href="mailto:{SENDER[1]}">{SENDER[1]}</a>&gt;</span><br>Date: {when}<br>Subject: {SUBJECT}<br>'
        f'To: {complaint.name} &lt;<a href="mailto:{complaint.address}">{complaint.address}</a>&gt;<br></div>'
        f"<br><br>{offer_html(complaint)}</div></div>"
    )
    head = envelope(complaint, f"CAKx{complaint.number:02d}f7mQ=pZ4", "gmail", f"Fwd: {SUBJECT}")
    return head + alternative(f"0000000000004a{complaint.number:02d}f1062b7c88d0", text, html)


def as_outlook(complaint: Complaint) -> str:
    """Outlook, "Forward"."""
    when = complaint.mail_at.strftime("%A, %B %-d, %Y %-I:%M %p")
    text = (
        f"{complaint.words}\n\n________________________________\nFrom: {SENDER[0]} <{SENDER[1]}>\nSent: {when}\n"
        f"To: {complaint.name} <{complaint.address}>\nSubject: {SUBJECT}\n\n{offer_text(complaint)}"
    )
    html = (
        f'<html><body dir="ltr"><div class="elementToProof">{complaint.words}</div><div id="appendonsend"></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr">'
        f'<font face="Calibri, sans-serif" style="font-size:11pt"><b>From:</b> {SENDER[0]} &lt;{SENDER[1]}&gt;<br>'
        f"<b>Sent:</b> {when}<br><b>To:</b> {complaint.name} &lt;{complaint.address}&gt;<br>"
        f"<b>Subject:</b> {SUBJECT}</font><div>&nbsp;</div></div>{offer_html(complaint)}</body></html>"
    )
    head = envelope(complaint, f"DB9PR0{complaint.number:02d}MB4711", "outlook", f"FW: {SUBJECT}")
    return head + alternative(f"_000_DB9PR0{complaint.number:02d}MB4711_", text, html)


def as_apple(complaint: Complaint) -> str:
    """Apple Mail, "Forward"."""
    when = complaint.mail_at.strftime("%B %-d, %Y at %-I:%M:%S\u202f%p GMT")
    quoted = (
        f"Begin forwarded message:\n\nFrom: {SENDER[0]} <{SENDER[1]}>\nSubject: {SUBJECT}\nDate: {when}\n"
        f"To: {complaint.name} <{complaint.address}>\n\n{offer_text(complaint)}"
    )
    text = f"{complaint.words}\n\n" + "\n".join(f"> {line}".rstrip() for line in quoted.splitlines()) + "\n"
    fields = (
        ("From", f'{SENDER[0]} &lt;<a href="mailto:{SENDER[1]}">{SENDER[1]}</a>&gt;'),
        ("Subject", f"<b>{SUBJECT}</b>"),
        ("Date", when),
        ("To", f'{complaint.name} &lt;<a href="mailto:{complaint.address}">{complaint.address}</a>&gt;'),
    )
    rows = "".join(f"<div><span><b>{name}: </b></span><span>{value}<br></span></div>" for name, value in fields)
    html = (
        f'<html><body>{complaint.words}<br><div><br><blockquote type="cite"><div>Begin forwarded message:</div>'
        f'<br class="Apple-interchange-newline">{rows}<br><div>{offer_html(complaint)}</div></blockquote></div>'
        "</body></html>"
    )
    head = envelope(complaint, f"6B0D{complaint.number:04d}-91C2", "apple", f"Fwd: {SUBJECT}")
    return head + alternative(f"Apple-Mail=_3E{complaint.number:02d}D0C4-77A1", text, html)


PLAN: tuple[tuple[str, Callable[[Complaint], str], str], ...] = (
    ("C-0003", as_attachment, "I never gave these people my address. You are the only shop that has it."),
    ("C-0008", as_gmail, "Who sold my address? I use this one only with you."),
    ("C-0011", as_outlook, "Please look into this, I did not sign up for it."),
    ("C-0017", as_attachment, "Spam, the attached mail came this morning."),
    ("C-0022", as_apple, "This came to the address that I keep for my orders."),
    ("C-0026", as_gmail, "How do they know my name and my address?"),
    ("C-0031", as_attachment, "Unwanted advertising, original attached."),
    ("C-0038", as_outlook, "I bought from them once, but I never asked for mail."),
)


def complaints() -> list[tuple[Complaint, Callable[[Complaint], str]]]:
    """Who complains, and how their mail program forwards."""
    with (DATABASE / "customers_table.csv").open(encoding="utf-8", newline="") as stream:
        people = {row["customer_id"]: row for row in csv.DictReader(stream)}
    return [
        (Complaint(customer, people[customer]["name"], people[customer]["email"], number, words), form)
        for number, (customer, form, words) in enumerate(PLAN, 1)
    ]


TABLES = {
    "sellers.csv": (
        "seller,name,domains,status\n"
        "S-101,Northwind Textiles,northwind-textiles.example,active\n"
        "S-102,Paper & Ink,paper-and-ink.example;paperink.example,active\n"
        "S-103,Kettle House,kettlehouse.example,active\n"
        "S-104,Oak Desk Company,oakdesk.example,active\n"
        "S-105,Brightlamp Deals,brightlamp-deals.example,active\n"
    ),
    "principals.csv": (
        "principal,team,site,kind,reports_to,active_from\n"
        "agent_amara,support,Lisbon,employee,lead_ines,2024-02-01T00:00:00Z\n"
        "agent_bela,support,Lisbon,employee,lead_ines,2023-09-15T00:00:00Z\n"
        "agent_chen,support,Lisbon,employee,lead_ines,2025-05-05T00:00:00Z\n"
        "agent_dina,support,Lisbon,contractor,lead_ines,2026-01-10T00:00:00Z\n"
        "analyst_edo,insights,Prague,employee,lead_karel,2022-11-01T00:00:00Z\n"
        "svc_orders,platform,,service,,2021-01-01T00:00:00Z\n"
        "svc_newsletter,platform,,service,,2021-01-01T00:00:00Z\n"
    ),
}
LAMP_ORDERS = (("2024-11-03T10:12:00Z", "C-0012"), ("2024-11-19T18:40:00Z", "C-0038"))
"""Orders at Brightlamp Deals: one of the eight who complain has bought there."""


def main(folder: Path) -> None:
    """Writes eight messages and three tables."""
    for complaint, form in complaints():
        path = folder / f"{complaint.number:02d}-{complaint.customer}-{form.__name__.removeprefix('as_')}.eml"
        path.write_text(form(complaint), encoding="utf-8", newline="\n")
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    contacts = (DATABASE / "contacts.csv").read_text(encoding="utf-8")
    contacts += "".join(f"{at},{customer},S-105,order,lamp\n" for at, customer in LAMP_ORDERS)
    (folder / "contacts.csv").write_text(contacts, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
