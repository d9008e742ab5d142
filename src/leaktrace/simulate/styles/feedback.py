"""Abuse reporting format (RFC 5965): what a mailbox host sends when its user presses "this is spam"."""

from __future__ import annotations

import numpy as np

from leaktrace.simulate.envelope import ABUSE_MAILBOX, Complaint, Envelope, arrival
from leaktrace.simulate.letters import Letter, as_received
from leaktrace.simulate.mime import embedded, entity, header_section, multipart, stamp, token


def build(rng: np.random.Generator, complaint: Complaint) -> bytes:
    """The host's report; one in five returns only the letter's header section (RFC 5965 2 d)."""
    host = complaint.reporter.address.rpartition("@")[2]
    letter = complaint.letter
    original = as_received(rng, letter)
    headers = [
        *arrival(rng, Envelope(f"fbl-return@{host}", host, complaint.at)),
        ("From", f"Feedback Loop <feedback-loop@{host}>"),
        ("To", ABUSE_MAILBOX),
        ("Subject", f"[{host}] abuse report about mail from {letter.sender_address.rpartition('@')[2]}"),
        ("Date", stamp(complaint.at)),
        ("Message-ID", f"<{token(rng, 24)}@fbl.{host}>"),
        ("MIME-Version", "1.0"),
    ]
    note = (
        f"This is an e-mail abuse report for a message received from {letter.sender_address.rpartition('@')[2]}\n"
        f"on {stamp(letter.sent_at)}. The user marked it as unwanted.\n"
    )
    if rng.random() < 0.2:
        part = header_section([("Content-Type", "text/rfc822-headers; charset=us-ascii")]) + original.split(b"\n\n")[0]
        part += b"\n"
    else:
        part = embedded(original)
    parts = [entity([], note, encoding="7bit"), _feedback(letter), part]
    return multipart(headers, "report", f"part_{token(rng, 20)}", parts, " report-type=feedback-report;")


def _feedback(letter: Letter) -> bytes:
    domain = letter.sender_address.rpartition("@")[2]
    fields = [
        ("Feedback-Type", "abuse"),
        ("User-Agent", "MailboxHostFeedback/2.4"),
        ("Version", "1"),
        ("Original-Mail-From", f"<{letter.return_path}>"),
        ("Original-Rcpt-To", f"<{letter.to.address}>"),
        ("Arrival-Date", stamp(letter.sent_at)),
        ("Reporting-MTA", f"dns; mx2.{letter.to.address.rpartition('@')[2]}"),
        ("Source-IP", f"203.0.113.{letter.sender.address_number}"),
        ("Authentication-Results", f"mx2.{letter.to.address.rpartition('@')[2]}; spf=pass smtp.mailfrom={domain}"),
        ("Reported-Domain", domain),
        ("Reported-URI", letter.link),
    ]
    body = "".join(f"{name}: {value}\n" for name, value in fields)
    return header_section([("Content-Type", "message/feedback-report")]) + body.encode("ascii")
