"""The reports of one mailing, why they are together, and who may have sent them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.records.basics import Grade
from leaktrace.records.mail import OriginalForm

SellerClue = Literal[
    "signed", "replayed", "from", "from-inline", "shop-link", "reply-address", "product", "reply-to", "link",
    "signer-unchecked", "name", "subject", "look-alike",
]  # fmt: skip
"""Kinds of evidence that a seller sent a mail."""


@dataclass(frozen=True, slots=True)
class SellerTerm:
    """One reason to think that a seller sent a campaign."""

    kind: SellerClue
    shown: str
    """The domain, shop or product that was seen; empty for a name or a mailbox."""
    original_count: int
    """Originals that show it."""
    reporter_share: float
    """Of the reporters' say; one person with many mailboxes has the say of few."""
    bits: float
    """What it adds to the seller's log2 odds."""
    ceiling_bits: float
    """What its kind can add at most."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """The reports that belong to one sender's mailing."""

    campaign: str
    seller: str | None
    """Null: no seller could be tied to it."""
    seller_probability: float | None
    report_count: int
    customer_count: int
    first_mail_at: datetime | None
    seller_reason: str = ""
    """Which of the seller's own things were seen, or that none was."""
    seller_terms: tuple[SellerTerm, ...] = ()
    """What speaks for `seller`, strongest first. It says who sent it, not whom addresses were given to."""
    impersonated_seller: str | None = None
    """The seller whom somebody pretends to be; null: nothing shows that."""
    impersonation_reason: str = ""
    reporter_count: int = 0
    """Persons who told: all mailboxes that are seen to be one person's count once."""


@dataclass(frozen=True, slots=True)
class CampaignLikeness:
    """Another campaign that a report is like, without belonging to it."""

    campaign: str
    agreed_count: int
    compared_count: int
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CampaignMember:
    """One report of a campaign, and why it is there."""

    report: str
    """Its id: SHA-256 of the complaint, a slash, the number of the original in it."""
    reporter: str | None
    """A pseudonym: the same for all mailboxes that are seen to be one person's."""
    mail_at: datetime | None
    form: OriginalForm
    grade: Grade
    template: int
    """Reports of one number are one template."""
    agreed_count: int
    """Reports of that template it agreed with when it came, of `compared_count`; 0 of 0: it was the first."""
    compared_count: int
    kinds: tuple[str, ...]
    """What it shares with at least half of them: sender, name, reply, signer, account, contact, product, subject,
    links, text, look, images, pixel."""
    is_placed_by_hand: bool
    also_like: tuple[CampaignLikeness, ...]


@dataclass(frozen=True, slots=True)
class CampaignDecision:
    """What an investigator decided about campaigns; it stays written."""

    number: int
    at: datetime
    who: str
    what: Literal["split", "merge", "undo"]
    campaign: str
    other: str | None
    """The campaign that a split made, or that a merge put into `campaign`."""
    report_count: int
    """Reports that a split took out."""
    why: str
    undoes: int | None
    holds: bool
    """Whether nobody took it back."""


@dataclass(frozen=True, slots=True)
class CampaignDetail:
    """One campaign, explained."""

    campaign: Campaign
    former_names: tuple[str, ...]
    """Of campaigns that became part of it."""
    members: tuple[CampaignMember, ...]
    """Earliest mail first."""
    decisions: tuple[CampaignDecision, ...]
