"""Can a rival be framed? Campaigns that somebody made to look like a rival's, and what is said of the rival.

Every family goes the whole way: raw complaints, the mail book, grouping, the seller of each campaign. The figure is the
highest probability with which the rival is the named sender of any campaign that has forged mail in it. `genuine` is
the control: what the same rival gets for mail that he did send.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bench.mailplanted import BEGIN, complaint
from leaktrace.keys import Keyring
from leaktrace.mailroom import MailBook, SellerMatch, SellerTable, Witness, group_pending, read_mail
from leaktrace.records import Authentication, DkimResult, MessageRecord, SellerFacts
from leaktrace.settings import Settings

KEYRING = Keyring(bytes(range(32)), "bench")
SEEN_AT = datetime(2026, 3, 1, tzinfo=UTC)
RIVAL = SellerFacts(
    "rival", "Bergwerk Outdoor", ("bergwerk-outdoor.com",), None, ("https://market.example/shop/bergwerk",),
    ("bw-1234",), ("Bergwerk",),
)  # fmt: skip
FRAMER = SellerFacts("framer", "Acme Camping", ("acme-camping.com",))
OTHERS = tuple(SellerFacts(f"o{n}", f"Shop{n} Trading", (f"shop{n}-trading.com",)) for n in range(30))
_SIGNED = Authentication(
    (DkimResult("bergwerk-outdoor.com", "s1", "pass", ("from", "to", "subject", "date")),), None, True
)
_GENUINE = "<p>New tents and boots at Bergwerk. <a href='https://www.bergwerk-outdoor.com/new'>All offers</a></p>"
_BAIT = (
    "<p>Bergwerk Outdoor has your address from the market and offers half the price this week for tents boots ropes. "
    "Item no: BW-1234. <a href='https://www.bergwerk-outdoor.com/sale'>Bergwerk</a> "
    "<a href='https://market.example/shop/bergwerk/sale'>our shop</a></p>"
)


@dataclass(frozen=True)
class Framed:
    """What was said of the rival."""

    family: str
    campaign_count: int
    rival_probability: float
    """Highest over all campaigns of the family and all seeds; 0: never the named sender."""
    pretence_count: int
    """Campaigns of which it was said that somebody pretends to be him."""


Make = Callable[[np.random.Generator, int], list[MessageRecord]]


def _told(
    rng: np.random.Generator, html: str, sender: str, *, name: str = "Bergwerk Outdoor", subject: str = "Bergwerk sale",
    reporter: str | None = None, to: str | None = None, headers: str = "", inline: bool | None = None,
) -> MessageRecord:  # fmt: skip
    at = BEGIN + timedelta(hours=float(rng.uniform(0, 48)))
    raw = complaint(
        rng, name, sender, subject, html, at, "acct-1", reporter=reporter, to=to, headers=headers, inline=inline
    )
    return read_mail(raw, settings=Settings())


def _signed(record: MessageRecord, authentication: Authentication = _SIGNED) -> MessageRecord:
    """As it is where the key could be looked up."""
    (shown,) = record.originals[:1]
    return replace(record, originals=(replace(shown, authentication=authentication, grade="G4"),))


def in_his_name(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """Everything that can be written says the rival: From, name, links, shop, product, Reply-To."""
    reply = "Reply-To: sales@bergwerk-outdoor.com\r\n"
    return [_told(rng, _BAIT, "offers@bergwerk-outdoor.com", headers=reply) for _ in range(count)]


def from_a_burner(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """A throw-away domain that links to the rival and bears his name."""
    return [_told(rng, _BAIT, "x@burner-mail.net") for _ in range(count)]


def forged_reports(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """One person with a domain of his own sends complaints about mail that never was."""
    return [
        _told(rng, _BAIT, "offers@bergwerk-outdoor.com", reporter=f"m{n}@own-domain.net", inline=bool(n % 2))
        for n in range(count)
    ]


def planted_blocks(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """The framer's own mail with a "forwarded message" from the rival planted into its text."""
    block = (
        "<div class='gmail_quote'><div class='gmail_attr'>---------- Forwarded message ---------<br>From: <strong>"
        "Bergwerk Outdoor</strong> &lt;offers@bergwerk-outdoor.com&gt;<br>Date: Mon, Jan 5, 2026 at 9:30 AM<br>"
        "Subject: Bergwerk sale<br>To: &lt;you@gmail.com&gt;<br></div><br>" + _BAIT + "</div>"
    )
    return [_told(rng, f"<p>See below.</p>{block}", "x@mailer-burner.org", name="Info") for _ in range(count)]


def replayed(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """One genuine signed newsletter of the rival, sent again to leaked customers."""
    copies = [
        _signed(_told(rng, _GENUINE, "news@bergwerk-outdoor.com", to="f@gmail.com", inline=False)) for _ in range(count)
    ]
    one = {"message_id": "one@bergwerk-outdoor.com", "sent_between": copies[0].originals[0].sent_between}
    return [replace(record, originals=(replace(record.originals[0], **one),)) for record in copies]  # type: ignore[arg-type]


def few_genuine_among_forged(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """Copies of a genuine newsletter, and a third as many accomplices who complain about the genuine one."""
    copies = [_told(rng, _GENUINE, "news@bergwerk-outdoor.com", inline=False) for _ in range(count)]
    return copies + [
        _signed(_told(rng, _GENUINE, "news@bergwerk-outdoor.com", inline=False)) for _ in range(count // 3)
    ]


def many_mailboxes_with_genuine(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """One person subscribes many mailboxes of a domain of his own, and complains about the genuine mail to each."""
    mine = [
        _signed(_told(rng, _GENUINE, "news@bergwerk-outdoor.com", reporter=f"m{n}@own-domain.net", inline=False))
        for n in range(count)
    ]
    return mine + [_told(rng, _GENUINE, "news@bergwerk-outdoor.com", inline=False) for _ in range(count)]


def broken_signature(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """A signature of the rival's domain over a body that was changed."""
    wrong = Authentication((replace(_SIGNED.dkim[0], result="body_hash_mismatch"),), None, False)
    return [_signed(_told(rng, _BAIT, "offers@bergwerk-outdoor.com", inline=False), wrong) for _ in range(count)]


def look_alike(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """A domain that resembles the rival's, signed by its own owner."""
    html = _BAIT.replace("bergwerk-outdoor.com", "bergwerk-outdoors.com")
    return [_told(rng, html, "offers@bergwerk-outdoors.com") for _ in range(count)]


def genuine(rng: np.random.Generator, count: int) -> list[MessageRecord]:
    """Control: the rival did send it, to each of these."""
    return [_signed(_told(rng, _GENUINE, "news@bergwerk-outdoor.com", inline=False)) for _ in range(count)]


FAMILIES: tuple[Make, ...] = (
    in_his_name, from_a_burner, forged_reports, planted_blocks, replayed, few_genuine_among_forged,
    many_mailboxes_with_genuine, broken_signature, look_alike, genuine,
)  # fmt: skip


def framed(seeds: range = range(1, 4), sizes: tuple[int, ...] = (1, 3, 20)) -> list[Framed]:
    """Each family over seeds and numbers of reports."""
    return [_framed(family, seeds, sizes) for family in FAMILIES]


def _framed(family: Make, seeds: range, sizes: tuple[int, ...]) -> Framed:
    found = [
        answer for seed in seeds for size in sizes for answer in _answers(family(np.random.default_rng(seed), size))
    ]
    named = [match for match in found if match.seller == "rival"]
    return Framed(
        family=family.__name__.replace("_", " "),
        campaign_count=len(found),
        rival_probability=max((match.probability or 0.0 for match in named), default=0.0),
        pretence_count=sum(match.impersonated == "rival" for match in found),
    )


def _answers(records: list[MessageRecord]) -> Iterator[SellerMatch]:
    table = SellerTable((RIVAL, FRAMER, *OTHERS))
    with tempfile.TemporaryDirectory() as folder, MailBook.open(Path(folder), KEYRING) as book:
        book.add(records, seen_at=SEEN_AT)
        group_pending(book.groups)
        for campaign in sorted(book.groups.names()):
            reports = book.reports(campaign=campaign)
            messages = [book.record(report.sha256) for report in reports]
            originals = [message.originals[report.index] for message, report in zip(messages, reports, strict=True)]
            witnesses = [
                Witness(message.reporter.address, report.person, report.house)
                for message, report in zip(messages, reports, strict=True)
            ]
            yield table.match(originals, witnesses)
