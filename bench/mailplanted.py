"""Planted campaigns as raw mail: what a grouping of reports has to find, and what it must not bring together.

Every campaign has a language of its own making (pseudo-words with synonyms) over function words that all share, so that
texts of one campaign can be worded anew and texts of two still have something in common. Families:

- `plain`: one template, one sender.
- `paraphrase`: each mail in other words and another order of sentences; half of them under changing sender domains.
- `image`: a picture with a link and a footer that all such mail shares.
- `rotated`: one template; sender and link domains change every few mails.
- `reworded and rotated`: both; what stays is a phone, an article number or the account at whoever sends.
- `bridging`: mails stitched of the texts, links and subjects of two campaigns (they belong to nobody).
- `planted tokens`: mails of one campaign that name another one's shop, phone and brand once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
_COMMON = tuple(
    "the and for with your you our this from that will are have can all now more just only get here is of to in on at "  # noqa: SIM905
    "a we it be as by or if so up out not no yes today order price offer shop best new free save sale day week".split()
)
_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnrstvz" for vowel in "aeiou")
_ENDINGS = ("com", "net", "shop", "store", "org", "biz", "co.uk", "de", "online")
_FOOTER = "You receive this message because you are a valued customer. View in browser. Unsubscribe. Privacy policy."
FAMILIES = ("plain", "paraphrase", "image", "rotated", "reworded and rotated")


@dataclass(frozen=True)
class PlantedMail:
    """One complaint."""

    raw: bytes
    campaign: int | None
    """Its true campaign; null for a stitched mail, which is nobody's."""
    family: str
    at: datetime


@dataclass
class Brand:
    """What one sender has."""

    rng: np.random.Generator
    family: str
    number: int
    words: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = self.rng
        self.name = _word(rng, 3).capitalize() + _word(rng, 2)
        self.domain = f"{self.name.lower()}.{rng.choice(_ENDINGS)}"
        self.shop = self.domain if rng.random() < 0.5 else f"{_word(rng, 4)}.{rng.choice(_ENDINGS)}"
        self.phone = f"+{rng.integers(30, 99)} {rng.integers(100, 999)} {rng.integers(1_000_000, 9_999_999)}"
        self.article = f"{_word(rng, 1).upper()}-{rng.integers(10_000, 99_999)}"
        self.account = _token(rng, 12)
        self.keeps = str(rng.choice(["phone", "article", "account"]))
        self.words = [[_word(rng, int(rng.integers(2, 5))) for _ in range(3)] for _ in range(60)]
        self.sentences = [self._sentence() for _ in range(10)]
        self.subjects = [" ".join(self._filled(self._sentence())[:6]) for _ in range(4)]
        self.columns = int(rng.integers(2, 6))
        self.picture = f"/{_word(rng, 3)}/{_word(rng, 3)}-{rng.integers(100)}.jpg"
        self.size = (int(rng.integers(40, 70)) * 10, int(rng.integers(40, 120)) * 10)
        self.begin = BEGIN + timedelta(hours=float(rng.uniform(0, 24 * 20)))

    def _sentence(self) -> list[int | str]:
        """Places of words (numbers: with synonyms) of one sentence."""
        rng = self.rng
        return [
            str(rng.choice(_COMMON)) if rng.random() < 0.4 else int(rng.integers(len(self.words)))
            for _ in range(int(rng.integers(9, 16)))
        ]

    def _filled(self, sentence: list[int | str], spread: float = 0.0) -> list[str]:
        rng = self.rng
        return [
            word if isinstance(word, str) else self.words[word][int(rng.integers(3)) if rng.random() < spread else 0]
            for word in sentence
        ]

    def text(self, *, reworded: bool) -> str:
        """The letter: as it is, or in other words and order."""
        order = list(self.rng.permutation(10)[:8]) if reworded else range(10)
        return ". ".join(" ".join(self._filled(self.sentences[at], 0.35 if reworded else 0.0)) for at in order) + "."

    def mails(self, count: int) -> Iterator[PlantedMail]:
        """Complaints about this campaign."""
        rotates = "rotated" in self.family or (self.family == "paraphrase" and self.rng.random() < 0.5)
        sender, shop = self.domain, self.shop
        for number in range(count):
            if rotates and number % 3 == 0:
                sender = f"{_word(self.rng, 4)}.{self.rng.choice(_ENDINGS)}"
                shop = sender if "rotated" in self.family else self.shop
            yield self.mail(sender, shop)

    def mail(self, sender: str, shop: str, extra: str = "") -> PlantedMail:
        reworded = self.family in ("paraphrase", "reworded and rotated")
        subject = self.subjects[int(self.rng.integers(4)) if reworded else 0]
        body = "" if self.family == "image" else self.text(reworded=reworded)
        kept = {"phone": f"Call {self.phone}. ", "article": f"Item no: {self.article}. ", "account": ""}
        if self.family == "reworded and rotated":
            body += " " + kept["phone"] + kept["article"]
        elif self.rng.random() < 0.3:
            body += " " + kept[self.keeps]
        at = self.begin + timedelta(hours=float(self.rng.uniform(0, 60)))
        html = self._html(body + extra, shop, sender)
        name = self.name if not reworded or self.rng.random() < 0.7 else _word(self.rng, 3)
        raw = complaint(self.rng, name, f"{_word(self.rng, 2)}@{sender}", subject, html, at, self.account)
        return PlantedMail(raw, self.number, self.family, at)

    def _html(self, body: str, shop: str, host: str) -> str:
        link = f"https://www.{shop}/c/{_token(self.rng, 8)}"
        cells = "".join(f'<td width="{600 // self.columns}"><p>{{}}</p></td>' for _ in range(self.columns))
        parts = body.split(". ")
        rows = ""
        for at in range(0, len(parts), self.columns):
            chosen = [*parts[at : at + self.columns], *[""] * self.columns][: self.columns]
            rows += "<tr>" + cells.format(*chosen) + "</tr>"
        picture = (
            f'<a href="{link}"><img src="https://img.{host}{self.picture}" width="{self.size[0]}" '
            f'height="{self.size[1]}"></a>'
        )
        pixel = f'<img src="https://t.{shop}/o/{_token(self.rng, 9)}.gif" width="1" height="1">'
        shown = picture if self.family == "image" else ""
        return (
            f"<html><body><table>{rows}</table>{shown}<p><a href='{link}?x=2'>{self.name}</a></p><p>{_FOOTER}</p>"
            f"{pixel}</body></html>"
        )


def planted(seed: int, campaigns: int = 30, mails: int = 14) -> list[PlantedMail]:
    """Campaigns of every family in turn, of about so many mails each, with stitched mails and planted tokens."""
    rng = np.random.default_rng(seed)
    brands = [Brand(rng, FAMILIES[number % len(FAMILIES)], number) for number in range(campaigns)]
    found = [one for brand in brands for one in brand.mails(int(rng.integers(mails // 2, 2 * mails)))]
    for _ in range(campaigns // 3):
        a, b = rng.choice(campaigns, 2, replace=False)
        found += list(_bridges(rng, brands[a], brands[b], int(rng.integers(2, 8))))
        found += list(_tokens(brands[b], brands[a], int(rng.integers(2, 6))))
    return [found[at] for at in rng.permutation(len(found))]


def _bridges(rng: np.random.Generator, a: Brand, b: Brand, count: int) -> Iterator[PlantedMail]:
    for _ in range(count):
        first, second = a.text(reworded=False).split(". "), b.text(reworded=False).split(". ")
        text = ". ".join(first[:5] + second[5:])
        sender = str(rng.choice([a.domain, b.domain, f"{_word(rng, 4)}.net"]))
        html = (
            f"<html><body><p>{text}</p><a href='https://www.{a.shop}/x'>{a.name}</a> "
            f"<a href='https://www.{b.shop}/x'>{b.name}</a><p>{_FOOTER}</p></body></html>"
        )
        at = a.begin + timedelta(hours=float(rng.uniform(0, 60)))
        subject = str(rng.choice([a.subjects[0], b.subjects[0]]))
        yield PlantedMail(
            complaint(rng, str(rng.choice([a.name, b.name])), f"x@{sender}", subject, html, at, _token(rng, 12)),
            None, "bridging", at,
        )  # fmt: skip


def _tokens(brand: Brand, rival: Brand, count: int) -> Iterator[PlantedMail]:
    for _ in range(count):
        extra = f" {rival.name} https://www.{rival.shop}/sale {rival.phone} Item no: {rival.article}."
        made = brand.mail(brand.domain, brand.shop, extra)
        yield PlantedMail(made.raw, made.campaign, "planted tokens", made.at)


def complaint(
    rng: np.random.Generator, name: str, sender: str, subject: str, html: str, at: datetime, account: str,
    *, reporter: str | None = None, to: str | None = None, headers: str = "", inline: bool | None = None,
) -> bytes:  # fmt: skip
    """A customer's complaint about one mail, as an attachment or forwarded inline."""
    provider = rng.choice(["gmail.com", "web.de", "qq.com"])
    who = reporter or f"{_word(rng, 3)}.{_word(rng, 2)}{rng.integers(1000)}@{provider}"
    date = at.strftime("%a, %d %b %Y %H:%M:%S +0000")
    later = (at + timedelta(hours=5)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    told = (
        f"From: {who}\r\nTo: report-abuse@market.example\r\nDate: {later}\r\n"
        f"Message-ID: <{_token(rng, 16)}@c.example>\r\nMIME-Version: 1.0\r\n"
    )
    original = (
        f"{headers}From: {name} <{sender}>\r\nTo: {to or who}\r\nSubject: {subject}\r\nDate: {date}\r\n"
        f"Message-ID: <{_token(rng, 16)}@{sender.partition('@')[2]}>\r\n"
        f"List-Unsubscribe: <https://u.bulkmailer.example/u?account={account}&r={_token(rng, 8)}>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"
    )
    if rng.random() < 0.25 if inline is None else inline:
        head = (
            '<div dir="ltr"><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded '
            f"message ---------<br>From: <strong>{name}</strong> &lt;{sender}&gt;<br>"
            f"Date: {at:%a, %b %d, %Y at %I:%M %p}<br>"
            f"Subject: {subject}<br>To: &lt;{to or who}&gt;<br></div><br>{html}</div></div>"
        )
        return (f"{told}Subject: Fwd: {subject}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{head}\r\n").encode()
    return (
        f"{told}Subject: spam\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n--zz\r\n"
        "Content-Type: text/plain\r\n\r\nunwanted\r\n--zz\r\nContent-Type: message/rfc822\r\n\r\n"
        f"{original}--zz--\r\n"
    ).encode()


def _word(rng: np.random.Generator, syllables: int) -> str:
    return "".join(_SYLLABLES[int(at)] for at in rng.integers(0, len(_SYLLABLES), syllables))


def _token(rng: np.random.Generator, length: int) -> str:
    return hashlib.sha256(rng.bytes(8)).hexdigest()[:length]
