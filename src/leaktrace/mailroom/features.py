"""What of an unwanted mail shows which mailing it belongs to; nothing here holds a customer's address or a word.

Domains of the sender's side stay readable. Subjects and mailboxes are keyed hashes: subjects are first stripped of
what differs from recipient to recipient (their names, numbers, `Fwd:`), so that equal hashes mean one template.
"""

from __future__ import annotations

import base64
import re
import struct
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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
    """MinHash of the masked text's runs of words."""
    words: tuple[int, ...] = ()
    """MinHash of its longer words, in whatever order."""
    look: tuple[int, ...] = ()
    """MinHash of the order of its HTML elements."""
    lead: str | None = None
    """Where more than half of the links lead: a domain of `links`. Two of one mail there cannot be."""
    contacts: frozenset[str] = frozenset()
    """Keyed hashes of phones and names at messengers that the mail gives."""
    products: frozenset[str] = frozenset()
    """Of ids of what it offers."""
    accounts: frozenset[str] = frozenset()
    """Of the sender's accounts at whoever sends for him (List-Unsubscribe)."""
    images: frozenset[str] = frozenset()
    """Of its pictures."""
    pixels: frozenset[str] = frozenset()
    """Domains of pictures of one point."""

    def document(self) -> dict[str, Any]:
        """As JSON knows it."""
        sets = {name: sorted(value) for name in _SETS if (value := getattr(self, name))}
        sketches = {name: _packed(value) for name in _SKETCHES if (value := getattr(self, name))}
        return {"name": self.name, "subject": self.subject, "lead": self.lead} | sets | sketches


_SETS = ("sender", "reply", "links", "signers", "contacts", "products", "accounts", "images", "pixels")
_SKETCHES = ("sketch", "words", "look")


def features_from_document(document: dict[str, Any]) -> Features:
    """The way back from `document()`, also of a book of format 1, where a sketch is a list and much is not known."""
    values: dict[str, Any] = {name: frozenset(document.get(name, ())) for name in _SETS}
    values |= {name: _unpacked(document.get(name, "")) for name in _SKETCHES}
    lead = document.get("lead")
    if "lead" not in document and len(values["links"]) == 1:
        (lead,) = values["links"]
    return Features(name=document["name"], subject=document["subject"], lead=lead, **values)


def _packed(sketch: tuple[int, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(sketch)}I", *sketch)).decode("ascii")


def _unpacked(stored: str | list[int]) -> tuple[int, ...]:
    if isinstance(stored, list):
        return tuple(stored)
    content = base64.b64decode(stored)
    return struct.unpack(f"<{len(content) // 4}I", content)


def features_of(
    original: Original, hash_word: Callable[[str], str], own_domains: frozenset[str] = frozenset()
) -> Features:
    """The features of one original; `hash_word` is the keyed hash of a word (`Keyring.feature_hash`).

    `own_domains`: the marketplace's own; a link there tells its sender by the path below it only.
    """
    subject, name = masked_subject(original), _display_name(original)
    links = Counter(place for url in original.links if (place := _place(url, own_domains)) is not None)
    signers = {result.domain for result in original.authentication.dkim if result.result == "pass"}
    lead = max(links, key=lambda place: links[place], default=None)
    marks = _marks(original.marks, hash_word)
    return Features(
        sender=_identity(original.sender.address, hash_word),
        name=None if name is None else hash_word(f"name {name}"),
        reply=_identity(original.reply_to, hash_word),
        links=frozenset(links),
        signers=frozenset(
            domain for name in signers if (domain := domain_of_address(f"x@{name}")) is not None and tells_who(domain)
        ),
        subject=None if subject is None else hash_word(f"subject {subject}"),
        sketch=original.text_sketch,
        words=original.word_sketch,
        look=original.look_sketch,
        lead=lead if lead is not None and 2 * links[lead] > links.total() else None,
        contacts=marks["phone"] | marks["chat"],
        products=marks["product"],
        accounts=marks["account"],
        images=marks["image"],
        pixels=frozenset(value for value in _values(original.marks, "pixel") if tells_who(value)),
    )


def _place(url: str, own_domains: frozenset[str]) -> str | None:
    """What a link leads to: a registrable domain, or of our own marketplace what lies at the path's first two steps."""
    domain = domain_of_link(url)
    if domain in own_domains:
        steps = [step for step in urlsplit(url.strip()).path.split("/") if step][:2]
        return "/".join([domain or "", *steps]).casefold() if len(steps) == 2 else None
    return domain if tells_who(domain) else None


def _marks(marks: tuple[str, ...], hash_word: Callable[[str], str]) -> dict[str, frozenset[str]]:
    kinds = ("phone", "chat", "product", "account", "image")
    return {kind: frozenset(hash_word(f"{kind} {value}") for value in _values(marks, kind)) for kind in kinds}


def _values(marks: tuple[str, ...], kind: str) -> list[str]:
    return [mark.removeprefix(f"{kind}:") for mark in marks if mark.startswith(f"{kind}:")]


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
    words = _WORD.findall(_without_addresses(unicodedata.normalize("NFKC", original.sender.name or "")).casefold())
    return " ".join(words) if sum(map(len, words)) >= _SUBJECT_MIN_DENSE else None


def _without_addresses(text: str) -> str:
    """Without the words that have an @ inside. Linear: a pattern for them goes back over a word once a letter."""
    return " ".join(word for word in text.split() if "@" not in word[1:-1])


def masked_subject(original: Original) -> str | None:
    """The subject without what differs between recipients of one mailing; None when too little is left to compare."""
    if not original.subject:
        return None
    text = _PREFIXES.sub("", unicodedata.normalize("NFKC", original.subject)).casefold()
    text = _without_addresses(text)
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
