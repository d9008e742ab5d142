"""Mail that programs send to the abuse mailbox: bounces (RFC 3464), auto-replies (RFC 3834), and spam to itself."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from leaktrace.simulate.envelope import ABUSE_MAILBOX, MARKET, Envelope, arrival
from leaktrace.simulate.letters import Person
from leaktrace.simulate.mime import embedded, entity, header_section, mailbox, multipart, stamp, token, words
from leaktrace.simulate.wording import wording

_REFUSALS = (
    ("5.1.1", "failed", "550 5.1.1 User unknown in virtual mailbox table"),
    ("5.2.2", "failed", "552 5.2.2 Mailbox is full"),
    ("4.4.1", "delayed", "connect to the host: Connection timed out"),
)


def build_bounce(rng: np.random.Generator, person: Person, at: datetime) -> bytes:
    """Our acknowledgement to this person could not be delivered."""
    host = person.address.rpartition("@")[2]
    status, action, diagnosis = _REFUSALS[int(rng.integers(0, len(_REFUSALS)))]
    headers = [
        *arrival(rng, Envelope("", host, at)),
        ("Date", stamp(at)),
        ("From", f"Mail Delivery System <MAILER-DAEMON@{host}>"),
        (
            "Subject",
            "Undelivered Mail Returned to Sender" if action == "failed" else "Delayed Mail (still being retried)",
        ),
        ("To", ABUSE_MAILBOX),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
        ("Message-ID", f"<{token(rng, 11).upper()}@mx2.{host}>"),
    ]
    note = (
        f"This is the mail system at host mx2.{host}.\n\nYour message to <{person.address}> has not been delivered:\n\n"
        f"    {diagnosis}\n"
    )
    delivery = (
        header_section([("Content-Type", "message/delivery-status")])
        + header_section([("Reporting-MTA", f"dns; mx2.{host}"), ("Arrival-Date", stamp(at - timedelta(minutes=4)))])
        + header_section(
            [
                ("Final-Recipient", f"rfc822; {person.address}"),
                ("Action", action),
                ("Status", status),
                ("Diagnostic-Code", f"smtp; {diagnosis}"),
            ]
        )
    )
    parts = [entity([], note, encoding="7bit"), delivery, embedded(_acknowledgement(rng, person, at))]
    return multipart(
        headers, "report", f"{token(rng, 11).upper()}.{token(rng, 10)}/{host}", parts, " report-type=delivery-status;"
    )


def _acknowledgement(rng: np.random.Generator, person: Person, at: datetime) -> bytes:
    headers = [
        ("Date", stamp(at - timedelta(minutes=5))),
        ("From", f"Abuse team <{ABUSE_MAILBOX}>"),
        ("To", person.address),
        ("Subject", "We have received your report"),
        ("Message-ID", f"<ack-{token(rng, 12)}@{MARKET}>"),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
    ]
    return entity(headers, wording("words")["own_mail"]["acknowledgement"], encoding="7bit")


def build_autoreply(rng: np.random.Generator, person: Person, at: datetime) -> bytes:
    """The customer is away and their host says so."""
    host = person.address.rpartition("@")[2]
    headers = [
        *arrival(rng, Envelope("", host, at)),
        ("From", mailbox(person.name, person.address)),
        ("To", ABUSE_MAILBOX),
        ("Subject", words("Automatic reply: We have received your report")),
        ("Date", stamp(at)),
        ("Message-ID", f"<{token(rng, 22)}@{host}>"),
        ("In-Reply-To", f"<ack-{token(rng, 12)}@{MARKET}>"),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        ("MIME-Version", "1.0"),
    ]
    texts = wording("words")["own_mail"]["autoreplies"]
    return entity(headers, texts[int(rng.integers(0, len(texts)))], encoding="7bit")


def build_spam(rng: np.random.Generator, at: datetime) -> bytes:
    """Unwanted mail to the abuse mailbox itself; it tells nothing about any customer."""
    choices = wording("words")["own_mail"]["spam"]
    subject, text = choices[int(rng.integers(0, len(choices)))]
    host = f"{token(rng, 9)}.example"
    fill = {"number": int(rng.integers(1000, 9999)), "host": host}
    headers = [
        *arrival(rng, Envelope(f"info@{host}", host, at)),
        ("From", f"Office <info@{host}>"),
        ("To", ABUSE_MAILBOX),
        ("Subject", subject.format(**fill)),
        ("Date", stamp(at)),
        ("Message-ID", f"<{token(rng, 18)}@{host}>"),
        ("MIME-Version", "1.0"),
    ]
    return entity(headers, text.format(**fill), encoding="7bit")
