"""The words of the report, for somebody who reads no manuals."""

from __future__ import annotations

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("access log", "The record of which account opened which customer's record, when, and which fields it was shown."),
    ("account", "What somebody signs in with; here P-… A person may have several, and several may share one."),
    ("approval", "A statement signed by two people before something is done that nobody does alone."),
    ("calibration", "Trying the software on leaks that were planted for the purpose, to learn how often it is wrong."),
    ("checkpoint", "The signed state of the custody log: how many entries it has, and their joint digest."),
    ("custody log", "The list of everything done in the case, in which nothing can be changed without being noticed."),
    ("decoy", "A customer record that belongs to nobody; mail to it is never innocent."),
    (
        "digest, SHA-256",
        "A number computed from a file. Any change of the file changes it; nobody can aim at a given one.",
    ),
    ("exhibit", "Bytes that were taken into evidence, with the digest they had at that moment."),
    ("exposure", "Which customers, and which of their fields, an account had been shown."),
    ("finding", "The software's answer to one mailing: named, nobody, or undecided, with its reasons."),
    ("fingerprint", "The digest of a public key: short enough to be read out and compared."),
    ("inclusion proof", "A few digests which show that an entry is in the log of a given checkpoint."),
    ("pseudonym", "A name that stands for an account (P-…) or a customer (C-…) in this case only."),
    ("report", "A customer's complaint about one unwanted message, recovered from the mail they forwarded."),
    ("timestamp", "An outside authority's signed word on when it saw a digest (RFC 3161)."),
    ("witness", "Somebody outside who keeps checkpoints, so that the log's owner cannot tell two histories."),
)
