"""The fixed texts of the report, and its words, for somebody who reads no manuals."""

from __future__ import annotations

NO_PROOF = (
    "A probability is no proof. People decide; section 3 says what cannot be known, section 4 what speaks against it."
)
UNNAMED = "No customer is named in this report; data/exposure.csv holds the list."
TIMELINE = (
    "Each line is an event of the case as it was entered in the custody log at that time. 'Entry' is its place in the "
    "log: data/log/events.txt holds the event in full, with the salt that opens its commitment."
)
EXHIBITS = (
    "The digests are those that were entered in the log when the exhibits were taken into evidence. Files beside the "
    "exhibits (tables, graph, this report) are made from them for reading."
)
VERIFIERS = (
    "Two verifiers are in the bundle, and both are published in leaktrace's repository: verify.py, a program, and "
    "VERIFY.md, a list of shell commands. They share no code with each other or with leaktrace. Take them from the "
    "repository: a verifier that travels with the evidence alone proves nothing."
)
FINGERPRINT = "The fingerprint of the key that signed everything (SHA-256 of the raw Ed25519 key):"
ANOTHER_CHANNEL = (
    "This page can be forged with the rest. Ask the organisation for the fingerprint over another channel, by "
    "telephone or from its website, and compare it with this one."
)
OUTCOME = (
    "It ends with OK and exit code 0, or names what is wrong. With an earlier checkpoint of the log, from a witness "
    "for instance, add --checkpoint FILE: then a rewritten history is found too."
)
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
