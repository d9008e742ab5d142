"""Whether two reports show the same mailing: how many kinds of evidence agree, and how many speak against.

Kinds: sender, name (of the sender), reply (Reply-To), signer (DKIM d=), account (at whoever sends for him), contact
(phone, messenger), product, subject, links, text, look (HTML), images, pixel. Each is one-sided: a mail cannot agree
in one kind with two others that differ in it. For the single-valued that is plain. For sets it holds because more than
half of the union must be shared: J(X, A) + J(X, B) <= 1 whenever A and B share nothing, so a text or a list of links
stitched from two templates is more than half like one of them at most.

The same fact told twice counts once: a Reply-To at the domain of From or of the signer, a name beside the same sender,
a pixel or an account at a domain that agrees already, the look of a text that agrees.

Who sends under one domain or name and leads to one domain, has it signed, or is called at one number, is one sender
whatever he writes: then other words are no conflict.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaktrace.mailroom.features import Features
from leaktrace.mailroom.sketches import SKETCH_COUNT

Kind = Literal[
    "sender", "name", "reply", "signer", "account", "contact", "product",
    "subject", "links", "text", "look", "images", "pixel",
]  # fmt: skip

Rows = NDArray[np.uint32]
"""The sketches of text, words and look, below each other."""

TEXT_AGREES = 0.6
"""Estimated Jaccard similarity from which two texts are one template, by their runs of words or by their longer words.
Above 0.5 by more than one standard error of a MinHash of 64 values (0.06), for a stitched text reaches 0.5 with both
its sources."""
LOOK_AGREES = 0.8
"""The same for how the HTML is built: mail made with one program looks alike already."""
SETS_AGREE = 0.5
"""More than this share of all values that two sets have is common."""
_AGREE = np.array([TEXT_AGREES, TEXT_AGREES, LOOK_AGREES])
KINDS_NEEDED = 2
_WHO: frozenset[Kind] = frozenset({"sender", "name"})
_WHERE: frozenset[Kind] = frozenset({"links", "signer"})
_REACHED: frozenset[Kind] = frozenset({"contact", "account"})
_NO_SKETCH = (0,) * SKETCH_COUNT


class Agreement(NamedTuple):
    """What two reports have in common."""

    kinds: frozenset[Kind]
    conflict_count: int
    """Kinds of content (subject, links, text) that both show and that differ. A different sender is no conflict: one
    mailing often goes out under many."""

    @property
    def joins(self) -> bool:
        """Whether this is enough for one campaign."""
        if len(self.kinds) < KINDS_NEEDED or len(self.kinds) > self.conflict_count:
            return len(self.kinds) >= KINDS_NEEDED
        return bool(self.kinds & _WHO) + bool(self.kinds & _WHERE) + bool(self.kinds & _REACHED) >= 2

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


class Sample:
    """Reports that others are compared with, their sketches side by side: one comparison for all of them."""

    def __init__(self, features: Sequence[Features]) -> None:
        self._features = features
        rows = [rows_of(one) for one in features]
        known = [row for row in rows if row is not None]
        self._rows = np.stack(known) if rows and len(known) == len(rows) else None
        alike: dict[tuple[object, ...], int] = {}
        self._alike = [alike.setdefault(_beside_sketches(one), number) for number, one in enumerate(features)]
        """Of each the first that shows the same beside its sketches: most reports of one mailing do."""

    def agreements(self, one: Features, rows: Rows | None) -> list[Agreement]:
        """`one`, whose rows are given, compared with each of them, in their order."""
        if self._rows is None or rows is None:
            return [agreement(one, other) for other in self._features]
        shares = np.count_nonzero(self._rows == rows, axis=2) / SKETCH_COUNT
        known: dict[tuple[object, ...], Agreement] = {}
        found = []
        for alike, are_same, likeness in zip(self._alike, (shares >= _AGREE).tolist(), shares.tolist(), strict=True):
            told = known.get(key := (alike, *are_same))
            if told is None:
                told = known[key] = _agreement(one, self._features[alike], likeness)
            found.append(told)
        return found


def _beside_sketches(one: Features) -> tuple[object, ...]:
    """All that `_agreement` looks at beside how alike sketches are."""
    return (
        one.sender, one.name, one.reply, one.links, one.signers, one.subject, one.contacts, one.products, one.accounts,
        one.images, one.pixels, bool(one.sketch), bool(one.words), bool(one.look),
    )  # fmt: skip


def rows_of(one: Features) -> Rows | None:
    """The sketches of a report below each other, zeros for one that it has not; None where one has another size."""
    sketches = one.sketch, one.words, one.look
    if any(len(sketch) not in (0, SKETCH_COUNT) for sketch in sketches):
        return None
    return np.array([sketch or _NO_SKETCH for sketch in sketches], dtype=np.uint32)


def agreement(one: Features, other: Features) -> Agreement:
    """Compares two reports; symmetric."""
    return _agreement(
        one,
        other,
        (_likeness(one.sketch, other.sketch), _likeness(one.words, other.words), _likeness(one.look, other.look)),
    )


def _agreement(one: Features, other: Features, likeness: Sequence[float]) -> Agreement:
    """`likeness`: of their sketches of text, words and look; counts for nothing where one of them has none."""
    kinds: set[Kind] = set()
    known = _same_sender(one, other, kinds)
    conflict_count = _same_content(one, other, kinds, likeness)
    if "links" in kinds:
        known |= one.links & other.links
    if one.pixels and (one.pixels & other.pixels) - known:
        kinds.add("pixel")
    if _alike(one.accounts, other.accounts):
        kinds.add("account")
    if _alike(one.contacts, other.contacts):
        kinds.add("contact")
    if _alike(one.products, other.products):
        kinds.add("product")
    return Agreement(frozenset(kinds), conflict_count)


def _same_sender(one: Features, other: Features, kinds: set[Kind]) -> frozenset[str]:
    """Adds the kinds that say who sent it; returns the domains by which they agree."""
    senders, signers = one.sender & other.sender, one.signers & other.signers
    if senders:
        kinds.add("sender")
    elif one.name is not None and one.name == other.name:
        kinds.add("name")
    if signers:
        kinds.add("signer")
    if one.reply and (one.reply & other.reply) - senders - signers:
        kinds.add("reply")
    return senders | signers


def _same_content(one: Features, other: Features, kinds: set[Kind], likeness: Sequence[float]) -> int:
    """Adds the kinds of content that agree; returns how many of subject, links and text differ."""
    conflict_count = 0
    if one.links and other.links:
        conflict_count += one.links.isdisjoint(other.links)
        if _alike(one.links, other.links):
            kinds.add("links")
    if one.subject is not None and other.subject is not None:
        conflict_count += one.subject != other.subject
        if one.subject == other.subject:
            kinds.add("subject")
    if (one.sketch and other.sketch) or (one.words and other.words):
        same = bool(
            (one.sketch and other.sketch and likeness[0] >= TEXT_AGREES)
            or (one.words and other.words and likeness[1] >= TEXT_AGREES)
        )
        conflict_count += not same
        if same:
            kinds.add("text")
    if "text" not in kinds and one.look and other.look and likeness[2] >= LOOK_AGREES:
        kinds.add("look")
    if _alike(one.images, other.images):
        kinds.add("images")
    return conflict_count


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if not one or not other:
        return False
    common = len(one & other)
    return common > SETS_AGREE * (len(one) + len(other) - common)


def _likeness(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return similarity(one, other) if one and other else 0.0


def similarity(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The Jaccard similarity of two texts, estimated from their MinHashes (Broder 1997); in [0, 1]."""
    if one == other:
        return 1.0
    same: int = sum(map(operator.eq, one, other))
    return same / max(1, min(len(one), len(other)))
