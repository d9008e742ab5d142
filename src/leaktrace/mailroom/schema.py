"""The tables of the mail book, and how a book of an earlier format becomes one of today.

Format 1 was the first; 2 keeps clusters, the index by which a new report finds them, and what investigators decided.
"""

from __future__ import annotations

FORMAT = 2
"""Raised with every change that an older leaktrace would misread."""

_MAIL = (
    "CREATE TABLE IF NOT EXISTS book (format INTEGER NOT NULL, check_value TEXT NOT NULL) STRICT",
    # `fingerprint`: a keyed hash of what stays equal when one message comes by two ways. `sealed`: the record.
    "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, "
    "seen_at TEXT NOT NULL, fingerprint TEXT UNIQUE, sealed BLOB NOT NULL) STRICT",
    # Other bytes of a message that is here already.
    "CREATE TABLE IF NOT EXISTS copies (sha256 TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages) STRICT",
)
_REPORTS = (
    # `mail_at`: microseconds since 1970, the best known time of the mail. `person`: a keyed hash of whoever told, one
    # for all mailboxes that are seen to be his; `house`: one for all mailboxes that one person may make.
    "CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages, "
    "idx INTEGER NOT NULL, sender_domain TEXT, form TEXT NOT NULL, grade TEXT NOT NULL, received_at TEXT, "
    "sent_start TEXT, sent_end TEXT, reported_at TEXT, features TEXT NOT NULL, rank INTEGER NOT NULL, mail_at INTEGER, "
    "person BLOB, house BLOB, cluster INTEGER REFERENCES clusters, pinned INTEGER NOT NULL DEFAULT 0, joined TEXT, "
    "UNIQUE (message, idx)) STRICT",
    # Also finds the reports that are in no cluster yet.
    "CREATE INDEX IF NOT EXISTS reports_by_cluster ON reports (cluster, rank)",
    # Keyed hashes only: `role` is reporter, to, cc or rcpt.
    "CREATE TABLE IF NOT EXISTS addresses (message INTEGER NOT NULL, idx INTEGER NOT NULL, role TEXT NOT NULL, "
    "exact BLOB NOT NULL, folded BLOB NOT NULL, FOREIGN KEY (message, idx) REFERENCES reports (message, idx)) STRICT",
    "CREATE INDEX IF NOT EXISTS addresses_by_report ON addresses (message, idx)",
)

CONTENTS = (
    # What a message says, apart from what its way here added (`sameness.py`); an older leaktrace does without.
    "CREATE TABLE IF NOT EXISTS contents "
    "(content TEXT PRIMARY KEY, message INTEGER NOT NULL REFERENCES messages) STRICT"
)
_GROUPS = (
    # `name` is the id that people see; null until the campaign's first run is over.
    # `version`: another one with every change of its reports; the rest is counted when it is asked for.
    "CREATE TABLE IF NOT EXISTS campaigns (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, "
    "version INTEGER NOT NULL DEFAULT 0, counted_version INTEGER, reporter_count INTEGER, first_mail_at TEXT) STRICT",
    # A name that is no longer used, and a report that was in it: its campaign is where the mail is now.
    "CREATE TABLE IF NOT EXISTS former_names (name TEXT PRIMARY KEY, report INTEGER NOT NULL) STRICT",
    # `settled_*`: as the cluster was when its campaign was last looked at.
    "CREATE TABLE IF NOT EXISTS clusters (id INTEGER PRIMARY KEY AUTOINCREMENT, campaign INTEGER REFERENCES campaigns, "
    "size INTEGER NOT NULL DEFAULT 0, first_at INTEGER, last_at INTEGER, settled_size INTEGER, settled_purpose TEXT, "
    "settled_first INTEGER, settled_last INTEGER) STRICT",
    "CREATE INDEX IF NOT EXISTS clusters_by_campaign ON clusters (campaign)",
    "CREATE INDEX IF NOT EXISTS clusters_by_purpose ON clusters (settled_purpose, settled_last)",
    # What the mails of a cluster are for, and how many of them.
    "CREATE TABLE IF NOT EXISTS purposes (cluster INTEGER NOT NULL, purpose TEXT NOT NULL, count INTEGER NOT NULL, "
    "PRIMARY KEY (cluster, purpose)) STRICT, WITHOUT ROWID",
    # The index: keyed hashes of features and of bands of sketches -> clusters that have them.
    "CREATE TABLE IF NOT EXISTS tokens (token INTEGER NOT NULL, cluster INTEGER NOT NULL, "
    "PRIMARY KEY (token, cluster)) STRICT, WITHOUT ROWID",
    # What investigators decided. `pairs`: numbers of reports that are kept together or apart from then on.
    "CREATE TABLE IF NOT EXISTS decisions (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL, "
    "what TEXT NOT NULL, campaign TEXT NOT NULL, other TEXT, reports TEXT NOT NULL, pairs TEXT NOT NULL, "
    "why TEXT NOT NULL, undoes INTEGER UNIQUE REFERENCES decisions) STRICT",
    "CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions "
    "BEGIN SELECT raise(ABORT, 'what was decided stays written'); END",
    "CREATE TRIGGER IF NOT EXISTS decisions_last BEFORE DELETE ON decisions "
    "BEGIN SELECT raise(ABORT, 'what was decided stays written'); END",
    # What was found of a campaign's seller, and of what: computed again when either is another.
    "CREATE TABLE IF NOT EXISTS answers (campaign INTEGER PRIMARY KEY, asked TEXT NOT NULL, sealed BLOB NOT NULL) "
    "STRICT",
)
_CARRIED = (
    # What format 1 had: each report's campaign, by name.
    "CREATE TABLE IF NOT EXISTS carried (report INTEGER PRIMARY KEY, campaign TEXT NOT NULL) STRICT"
)
SCHEMA = (*_MAIL, *_REPORTS, *_GROUPS, _CARRIED)
ASIDE_1 = ("ALTER TABLE addresses RENAME TO addresses_1", "ALTER TABLE reports RENAME TO reports_1")
"""Puts the tables of format 1 that changed out of the way."""
AFTER_1 = (
    "INSERT INTO addresses SELECT message, idx, role, exact, folded FROM addresses_1 ORDER BY rowid",
    "DROP TABLE addresses_1",
    "DROP TABLE reports_1",
    "UPDATE book SET format = 2",
)
"""Once the reports are in the table of today."""
