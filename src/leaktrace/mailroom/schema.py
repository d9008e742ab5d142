"""The tables of the mail book."""

from __future__ import annotations

FORMAT = 1
"""Raised with every change that an older leaktrace would misread."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS book (format INTEGER NOT NULL, check_value TEXT NOT NULL) STRICT",
    # `fingerprint`: a keyed hash of what stays equal when one message comes by two ways. `sealed`: the record.
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
    "seen_at TEXT NOT NULL, fingerprint TEXT UNIQUE, sealed BLOB NOT NULL) STRICT",
    # Other bytes of a message that is here already.
    "CREATE TABLE IF NOT EXISTS copies (sha256 TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages) STRICT",
    "CREATE TABLE IF NOT EXISTS reports (message INTEGER NOT NULL REFERENCES messages, idx INTEGER NOT NULL, "
    "sender_domain TEXT, form TEXT NOT NULL, grade TEXT NOT NULL, received_at TEXT, sent_start TEXT, sent_end TEXT, "
    "reported_at TEXT, campaign TEXT, features TEXT NOT NULL, PRIMARY KEY (message, idx)) STRICT",
    # Keyed hashes only: `role` is reporter, to, cc or rcpt.
    "CREATE TABLE IF NOT EXISTS addresses (message INTEGER NOT NULL, idx INTEGER NOT NULL, role TEXT NOT NULL, "
    "exact BLOB NOT NULL, folded BLOB NOT NULL, FOREIGN KEY (message, idx) REFERENCES reports (message, idx)) STRICT",
)

CONTENTS = (
    # What a message says, apart from what its way here added (`sameness.py`); an older leaktrace does without.
    "CREATE TABLE IF NOT EXISTS contents "
    "(content TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages) STRICT"
)
