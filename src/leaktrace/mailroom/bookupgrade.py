"""A mail book of format 1 made one of today, within one transaction: killed at any moment it is still the old one.

Format 1 kept the name of each report's campaign and no clusters. The names are carried over; the reports are grouped
anew, once, when somebody next asks, and campaigns keep their names (`grouping.group_pending`).
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from leaktrace.mailroom.booktimes import micros_of
from leaktrace.mailroom.schema import AFTER_1, ASIDE_1, SCHEMA
from leaktrace.mailroom.shelves import rank


def upgrade(connection: sqlite3.Connection) -> None:
    """Changes a book of format 1; the caller holds the transaction. One that is of today already stays as it is."""
    if connection.execute("SELECT format FROM book").fetchone()[0] != 1:
        return
    for statement in (*ASIDE_1, *SCHEMA):
        connection.execute(statement)
    rows = connection.execute(
        "SELECT o.message, o.idx, m.sha256, o.received_at, o.sent_start, o.reported_at, o.campaign, "
        "(SELECT folded FROM addresses_1 a WHERE a.message = o.message AND a.idx = o.idx ORDER BY rowid LIMIT 1) "
        "FROM reports_1 o JOIN messages m ON m.id = o.message ORDER BY o.rowid"
    ).fetchall()
    for message, index, sha256, received, start, reported, campaign, folded in rows:
        mailed = received or start or reported
        at = None if mailed is None else micros_of(datetime.fromisoformat(mailed))
        number = connection.execute(
            "INSERT INTO reports (message, idx, sender_domain, form, grade, received_at, sent_start, sent_end, "
            "reported_at, features, rank, mail_at, person, house) SELECT message, idx, sender_domain, form, grade, "
            "received_at, sent_start, sent_end, reported_at, features, ?, ?, ?, ? FROM reports_1 "
            "WHERE message = ? AND idx = ?",
            # The address itself lies in the sealed record only; its folded hash is one for most of a person's.
            (rank(f"{sha256}/{index}"), at, folded, folded, message, index),
        ).lastrowid
        if campaign is not None:
            connection.execute("INSERT INTO carried VALUES (?, ?)", (number, campaign))
    for statement in AFTER_1:
        connection.execute(statement)
