"""How a message reached the abuse mailbox, and what every message there is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from leaktrace.simulate.letters import Letter, Person
from leaktrace.simulate.mime import mailbox, stamp, token, words

MARKET = "meridian-market.example"
ABUSE_MAILBOX = f"report-abuse@{MARKET}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What one customer sends about one letter."""

    reporter: Person
    from_address: str
    """The reporter's address, now and then with a plus-tag."""
    letter: Letter
    at: datetime
    """When it is sent, with the customer's zone."""
    note: str
    """What the customer writes above the letter, signature included; may be empty."""
    subject: str
    """For those who write their own; forwards repeat the letter's."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to the abuse mailbox, from where, when."""

    sender: str
    """The reverse path; empty for notifications (RFC 5321 4.5.5)."""
    host: str
    """The sending server's domain."""
    at: datetime


def envelope_of(complaint: Complaint) -> Envelope:
    """A complaint comes from the host of its sender's address."""
    return Envelope(complaint.from_address, complaint.from_address.rpartition("@")[2], complaint.at)


def arrival(rng: np.random.Generator, envelope: Envelope) -> list[tuple[str, str]]:
    """Return-Path and Received of a message that has reached the abuse mailbox, newest first."""
    arrived = envelope.at + timedelta(seconds=int(rng.integers(2, 40)))
    return [
        ("Return-Path", f"<{envelope.sender}>"),
        (
            "Received",
            f"from out{rng.integers(1, 20)}.{envelope.host} (out.{envelope.host} [192.0.2.{rng.integers(2, 250)}])\n\t"
            f"by mx1.{MARKET} (Postfix) with ESMTPS id {token(rng, 11).upper()}\n\t"
            f"for <{ABUSE_MAILBOX}>; {stamp(arrived)}",
        ),
        (
            "Received",
            f"by submit.{envelope.host} with SMTP id {token(rng, 15)};\n\t{stamp(envelope.at)}",
        ),
    ]


def opening_headers(
    rng: np.random.Generator, complaint: Complaint, subject: str, message_id: str
) -> list[tuple[str, str]]:
    """The fields that every program writes for a person: trace, ids, From, To, Subject, Date."""
    return [
        *arrival(rng, envelope_of(complaint)),
        ("MIME-Version", "1.0"),
        ("From", mailbox(complaint.reporter.name, complaint.from_address)),
        ("To", ABUSE_MAILBOX),
        ("Subject", words(subject)),
        ("Date", stamp(complaint.at)),
        ("Message-ID", f"<{message_id}>"),
    ]
