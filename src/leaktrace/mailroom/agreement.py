"""Whether two reports show the same mailing: how many kinds of evidence agree, and how many speak against.

Seven kinds: sender, name (of the sender), reply (Reply-To), signer (DKIM d=), subject, links, text. Each is one-sided:
a mail cannot agree in one kind with two others that differ in it. For the single-valued that is plain. For sets it
holds because more than half of the union must be shared: J(X, A) + J(X, B) <= 1 whenever A and B share nothing, so a
text or a list of links stitched from two templates is more than half like one of them at most.

A Reply-To at the domain of From or of the signer, or a name beside the same sender, is the same fact told twice, and
counts once. Who sends under one domain or name and leads to one domain, or has it signed, is one sender whatever he
writes: then other words are no conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from leaktrace.mailroom.features import Features

Kind = Literal["sender", "name", "reply", "signer", "subject", "links", "text"]

TEXT_AGREES = 0.6
"""Estimated Jaccard similarity from which two texts are one template. Above 0.5 by more than one standard error of a
MinHash of 64 values (0.06), for a stitched text reaches 0.5 with both its sources."""
LINKS_AGREE = 0.5
"""More than this share of all link domains is common."""
KINDS_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two reports have in common."""

    kinds: frozenset[Kind]
    conflict_count: int
    """Kinds of content (subject, links, text) that both show and that differ. A different sender is no conflict: one
    mailing often goes out under many."""

    @property
    def joins(self) -> bool:
        """Whether this is enough for one campaign."""
        same_sender = bool(self.kinds & {"sender", "name"}) and bool(self.kinds & {"links", "signer"})
        return len(self.kinds) >= KINDS_NEEDED and (same_sender or len(self.kinds) > self.conflict_count)

    @property
    def is_open(self) -> bool:
        """Whether the two show too little in common to tell: something agrees, nothing differs, and it is not enough.

        A mail forwarded without its links and one forwarded without its text are such a pair.
        """
        return not self.joins and bool(self.kinds) and not self.conflict_count


def share_agreed(agreements: Sequence[Agreement]) -> float:
    """The share of pairs that agree among those that can tell; where fewer than a third agree at all, the share of all.

    0.0 for no pairs.
    """
    agreed = sum(found.joins for found in agreements)
    can_tell = len(agreements) - sum(found.is_open for found in agreements)
    return agreed / (can_tell if 3 * agreed >= len(agreements) and agreed else max(1, len(agreements)))


def agreement(one: Features, other: Features) -> Agreement:
    """Compares two reports; symmetric."""
    kinds: set[Kind] = set()
    conflict_count = 0
    if shared_senders := one.sender & other.sender:
        kinds.add("sender")
    elif one.name is not None and one.name == other.name:
        kinds.add("name")
    if shared_signers := one.signers & other.signers:
        kinds.add("signer")
    if (one.reply & other.reply) - shared_senders - shared_signers:
        kinds.add("reply")
    if one.links and other.links:
        shared = one.links & other.links
        conflict_count += not shared
        if len(shared) > LINKS_AGREE * len(one.links | other.links):
            kinds.add("links")
    if one.subject is not None and other.subject is not None:
        same = one.subject == other.subject
        conflict_count += not same
        if same:
            kinds.add("subject")
    if one.sketch and other.sketch:
        same = similarity(one.sketch, other.sketch) >= TEXT_AGREES
        conflict_count += not same
        if same:
            kinds.add("text")
    return Agreement(frozenset(kinds), conflict_count)


def similarity(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The Jaccard similarity of two texts, estimated from their MinHashes (Broder 1997); in [0, 1]."""
    if one == other:
        return 1.0
    return sum(map(int.__eq__, one, other)) / max(1, min(len(one), len(other)))
