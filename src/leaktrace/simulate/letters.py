"""The unwanted mail itself: what a seller sends to one customer, worded anew for everyone as mail merge does."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from leaktrace.simulate.mime import Encoding, Headers, entity, mailbox, multipart, stamp, token, words
from leaktrace.simulate.wording import wording

_BULK_HOSTS = ("blastpost.example", "letterbulk.example", "sendcloudlet.example")
_PROGRAMS = ("PHPMailer 6.9.1 (https://github.com/PHPMailer/PHPMailer)", "Foxmail 7.2.25.213[cn]", "MailMaster 4")


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as mail knows them."""

    first: str
    last: str
    address: str
    language: str
    """`en`, `fa` or `zh`: what they read and what their mail program speaks."""

    @property
    def name(self) -> str:
        """The whole name in the customer's own order."""
        return self.last + self.first if self.language == "zh" else f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Sender:
    """A seller as it mails."""

    name: str
    domains: tuple[str, ...]
    category: str
    percent: int
    html: bool
    """Whether the mailing has an HTML part."""
    other_domain: str
    """A look-alike or a bulk mailer's domain, used for part of the mailing."""
    mailbox_word: str
    address_number: int
    """Last octet of the sending host's address."""
    program: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Letter:
    """One unwanted mail to one customer."""

    sender_name: str
    sender_address: str
    to: Person
    subject: str
    paragraphs: tuple[str, ...]
    link: str
    sent_at: datetime
    """With the customer's zone."""
    message_id: str
    unsubscribe: str
    return_path: str
    """Where the sender wants bounces."""
    sender: Sender

    @property
    def text(self) -> str:
        """The plain text of the mail."""
        return "\n\n".join(self.paragraphs) + "\n"

    @property
    def html(self) -> str:
        """The mail as HTML fragment, without html and body elements."""
        blocks = [html.escape(p, quote=False).replace("\n", "<br>") for p in self.paragraphs]
        linked = [b.replace(self.link, f'<a href="{self.link}">{self.link}</a>') for b in blocks]
        pixel = f'<img src="{self.link}/o.gif" width="1" height="1" alt="">'
        return "\n".join(f"<p>{b}</p>" for b in linked) + "\n" + pixel


def draw_sender(rng: np.random.Generator, name: str, domains: tuple[str, ...], category: str) -> Sender:
    """How this seller mails this time."""
    stem = domains[0].removesuffix(".example")
    others = (f"{stem}-deals.example", f"{stem}-vip.example", str(rng.choice(_BULK_HOSTS)))
    return Sender(
        name=name,
        domains=domains,
        category=category,
        percent=int(rng.integers(3, 14)) * 5,
        html=bool(rng.random() < 0.7),
        other_domain=others[int(rng.integers(0, 3))],
        mailbox_word=str(rng.choice(["offers", "hello", "news", "sales", "shop"])),
        address_number=int(rng.integers(10, 250)),
        program=str(rng.choice(_PROGRAMS)),
        encoding=("quoted-printable", "base64", "8bit")[int(rng.integers(0, 3))],
    )


def draw_letter(rng: np.random.Generator, sender: Sender, to: Person, sent_at: datetime) -> Letter:
    """The mail to one customer: sentences of the mailing's own, chosen and ordered anew."""
    themes = wording("themes")
    pool = themes["en"][sender.category] if to.language == "en" else themes[to.language]
    own = rng.random() < 0.85
    domain = sender.domains[0] if own else sender.other_domain
    account = token(rng, 10)
    link = f"https://www.{sender.domains[0]}/c/{account}"
    unsubscribe = f"https://www.{sender.domains[0]}/u/{account}"
    fill = {
        "first": to.first,
        "name": to.name,
        "percent": sender.percent,
        "seller": sender.name,
        "link": link,
        "unsubscribe": unsubscribe,
        "product": pool.get("products", {}).get(sender.category, ""),
    }
    greetings = pool.get("greetings", themes["greetings"])
    points = rng.permutation(len(pool["points"]))[: int(rng.integers(3, 6))].tolist()
    paragraphs = [
        _pick(rng, greetings),
        _pick(rng, pool["openings"]),
        " ".join(pool["points"][i] for i in points),
        _pick(rng, pool["calls"]),
        _pick(rng, pool["closings"]),
        _pick(rng, themes["footers"]),
    ]
    return Letter(
        sender_name=sender.name,
        sender_address=f"{sender.mailbox_word}@{domain}",
        to=to,
        subject=_pick(rng, pool["subjects"]).format(**fill),
        paragraphs=tuple(p.format(**fill) for p in paragraphs),
        link=link,
        sent_at=sent_at,
        message_id=f"{token(rng, 16)}.{int(sent_at.timestamp())}@{domain}",
        unsubscribe=unsubscribe,
        return_path=f"bounce-{token(rng, 8)}@{domain}",
        sender=sender,
    )


def _pick(rng: np.random.Generator, choices: list[str]) -> str:
    return choices[int(rng.integers(0, len(choices)))]


def as_received(rng: np.random.Generator, letter: Letter) -> bytes:
    """The mail as the customer's mailbox holds it: with the way it came, and no signature."""
    sender = letter.sender
    headers: list[tuple[str, str]] = [
        *_trace(rng, letter),
        ("Message-ID", f"<{letter.message_id}>"),
        ("Date", stamp(letter.sent_at)),
        ("From", mailbox(letter.sender_name, letter.sender_address)),
        ("Reply-To", f"{sender.mailbox_word}@{sender.domains[-1]}"),
        ("To", mailbox(letter.to.name if rng.random() < 0.6 else None, letter.to.address)),
        ("Subject", words(letter.subject)),
        ("List-Unsubscribe", f"<{letter.unsubscribe}>"),
        ("X-Mailer", sender.program),
        ("MIME-Version", "1.0"),
    ]
    return letter_body(rng, letter, headers)


def letter_body(rng: np.random.Generator, letter: Letter, headers: Headers) -> bytes:
    """Header section and body, as plain text or as both forms."""
    encoding = letter.sender.encoding
    if not letter.sender.html:
        return entity(headers, letter.text, encoding=encoding)
    page = f"<html><head><title></title></head><body>\n{letter.html}\n</body></html>"
    parts = [
        entity([], letter.text, encoding=encoding),
        entity([], page, subtype="html", encoding="quoted-printable"),
    ]
    return multipart(headers, "alternative", f"b1_{token(rng, 32)}", parts)


def _trace(rng: np.random.Generator, letter: Letter) -> list[tuple[str, str]]:
    """Return-Path and Received (RFC 5321 4.4), newest first."""
    host = letter.to.address.rpartition("@")[2]
    origin = letter.sender_address.rpartition("@")[2]
    at = stamp(letter.sent_at)
    queue = token(rng, 11).upper()
    return [
        ("Return-Path", f"<{letter.return_path}>"),
        (
            "Received",
            f"from mx2.{host} (mx2.{host} [198.51.100.{letter.sender.address_number}])\n\tby store{rng.integers(1, 9)}."
            f"{host} with LMTP id {token(rng, 14)}\n\tfor <{letter.to.address}>; {at}",
        ),
        (
            "Received",
            f"from mail.{origin} (mail.{origin} [203.0.113.{letter.sender.address_number}])\n\tby mx2.{host} (Postfix)"
            f" with ESMTPS id {queue}\n\tfor <{letter.to.address}>; {at}",
        ),
        (
            "Received",
            f"from worker{rng.integers(1, 5)} (unknown [10.0.3.{rng.integers(2, 250)}])\n\tby mail.{origin} with"
            f" ESMTPA id {token(rng, 12)}; {at}",
        ),
    ]
