"""What of an unwanted mail shows which mailing it belongs to; nothing here holds a customer's address or a word.

Domains of the sender's side stay readable. Subjects and mailboxes are keyed hashes: subjects are first stripped of
what differs from recipient to recipient (their names, numbers, `Fwd:`), so that equal hashes mean one template.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leaktrace.addresses import normalise
from leaktrace.mailroom.domains import domain_of_address, domain_of_link, tells_who
from leaktrace.records import Original

_PREFIXES = re.compile(
    r"^\s*(?:(?:re|fw|fwd|wg|aw|tr|rv|enc|res|vs|vb|vl|i|r|rif|sv|antw|doorst|odp|pd|ynt|ilt|továbbítás|vá|"
    r"пересл|fs|转发|轉寄|转寄|回复|回覆|答复|転送|返信|전달|회신|پاسخ|بازارسال|إعادة توجيه|رد|הועבר)"
    r"\s*(?:\[\d+\])?\s*[:：]\s*|"
    r"\[[^\]]{1,30}\]\s*)+",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\S+@\S+")
_WORD = re.compile(r"\w+")
_NOT_LATIN = re.compile(r"[\u0600-\u06ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SUBJECT_MIN_LETTERS, _SUBJECT_MIN_DENSE = 8, 4
"""A shorter subject ("hello") is in everybody's mail. Scripts that say more with a letter need fewer."""


@dataclass(frozen=True, slots=True)
class Features:
    """What two mails of one mailing have in common; empty or null where the mail does not show it."""

    sender: frozenset[str] = frozenset()
    """The sender's registrable domain, or `mailbox:` and a keyed hash where the domain is a freemail provider's."""
    name: str | None = None
    """Keyed hash of the sender's display name."""
    reply: frozenset[str] = frozenset()
    """The same of Reply-To."""
    links: frozenset[str] = frozenset()
    """Registrable domains that the links lead to, without those that are in everybody's mail."""
    signers: frozenset[str] = frozenset()
    """d= of the DKIM signatures that hold, without those of sending services."""
    subject: str | None = None
    """Keyed hash of the masked subject."""
    sketch: tuple[int, ...] = ()
    """MinHash of the masked text."""

    def document(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "sender": sorted(self.sender),
            "name": self.name,
            "reply": sorted(self.reply),
            "links": sorted(self.links),
            "signers": sorted(self.signers),
            "subject": self.subject,
            "sketch": list(self.sketch),
        }


def features_from_document(document: dict[str, Any]) -> Features:
    """The way back from `document()`."""
    return Features(
        sender=frozenset(document["sender"]),
        name=document["name"],
        reply=frozenset(document["reply"]),
        links=frozenset(document["links"]),
        signers=frozenset(document["signers"]),
        subject=document["subject"],
        sketch=tuple(document["sketch"]),
    )


def features_of(original: Original, hash_word: Callable[[str], str]) -> Features:
    """The features of one original; `hash_word` is the keyed hash of a word (`Keyring.feature_hash`)."""
    subject, name = masked_subject(original), _display_name(original)
    links = {domain_of_link(url) for url in original.links}
    signers = {result.domain for result in original.authentication.dkim if result.result == "pass"}
    return Features(
        sender=_identity(original.sender.address, hash_word),
        name=None if name is None else hash_word(f"name {name}"),
        reply=_identity(original.reply_to, hash_word),
        links=frozenset(domain for domain in links if domain is not None and tells_who(domain)),
        signers=frozenset(
            domain for name in signers if (domain := domain_of_address(f"x@{name}")) is not None and tells_who(domain)
        ),
        subject=None if subject is None else hash_word(f"subject {subject}"),
        sketch=original.text_sketch,
    )


def _identity(address: str | None, hash_word: Callable[[str], str]) -> frozenset[str]:
    exact = normalise(address) if address else None
    if exact is None:
        return frozenset()
    domain = domain_of_address(exact)
    if domain is not None and tells_who(domain):
        return frozenset({domain})
    # At a freemail provider only the mailbox itself says who it is.
    return frozenset({f"mailbox:{hash_word(f'mailbox {exact}')}"})


def _display_name(original: Original) -> str | None:
    words = _WORD.findall(_ADDRESS.sub(" ", unicodedata.normalize("NFKC", original.sender.name or "")).casefold())
    return " ".join(words) if sum(map(len, words)) >= _SUBJECT_MIN_DENSE else None


def masked_subject(original: Original) -> str | None:
    """The subject without what differs between recipients of one mailing; None when too little is left to compare."""
    if not original.subject:
        return None
    text = _PREFIXES.sub("", unicodedata.normalize("NFKC", original.subject)).casefold()
    text = _ADDRESS.sub(" ", text)
    personal = _recipients_words(original)
    words = [word for word in _WORD.findall(text) if word not in personal and not any(c.isdigit() for c in word)]
    letters = sum(len(word) for word in words)
    needed = _SUBJECT_MIN_DENSE if _NOT_LATIN.search(text) else _SUBJECT_MIN_LETTERS
    return " ".join(words) if letters >= needed else None


def _recipients_words(original: Original) -> set[str]:
    words: set[str] = set()
    for recipient in original.recipients:
        local = (recipient.address or "").rpartition("@")[0]
        words |= set(_WORD.findall(unicodedata.normalize("NFKC", f"{recipient.name or ''} {local}").casefold()))
        words |= set(re.split(r"[\W\d_]+", local.casefold()))
    return words
