"""Which seller a campaign's mail is from. Pure; neither the order of reports nor that of sellers matters.

"Sent by" is a claim of its own, and a rival can forge most of it. So each kind of evidence has a ceiling:

1. a DKIM signature of the seller's domain that holds: only he could have made it (though anybody can send it again);
2. his domain in From of an original that came as an attachment: any sender can write it there;
3. the same in an inline forward: a reporter's client wrote it;
4. a link to him, a Reply-To, a signature nobody could check, his name: whoever wants to frame him puts it there;
5. a domain that resembles his: he may own it, or somebody may pretend to be him.

A ceiling is reached when half of the reporting customers' mails show the evidence, so that one planted report in a
campaign says little; below that it shrinks with the share.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from leaktrace.mailroom.domains import domain_of_address, domain_of_link, registrable, tells_who
from leaktrace.mailroom.lookalikes import Names, brand_words, names_brand, names_in, resembles
from leaktrace.records import Original, SellerFacts

Clue = Literal["signed", "from", "from-inline", "reply-to", "link", "signer-unchecked", "name", "subject", "look-alike"]

CEILINGS: dict[Clue, float] = {
    "signed": 0.97,
    "from": 0.75,
    "from-inline": 0.6,
    "reply-to": 0.5,
    "link": 0.5,
    "signer-unchecked": 0.5,
    "name": 0.4,
    "subject": 0.3,
    "look-alike": 0.3,
}
"""Highest probability that each kind of evidence gives. Kinds do not add up, for one forger forges them all."""
COMPARABLE = 0.8
"""A second seller with this share of the first one's probability makes the answer open."""
_PHRASES: dict[Clue, str] = {
    "signed": "a valid DKIM signature of {domain} is on {count}",
    "from": "{domain} is in From of {count}, which its sender could have forged",
    "from-inline": "{domain} is in From of {count} forwarded inline, which is a reporter's text",
    "reply-to": "{domain} is in Reply-To of {count}, which anybody can write there",
    "link": "{count} link to {domain}, which anybody can do",
    "signer-unchecked": "{count} name {domain} in a signature that could not be verified",
    "name": "the sender of {count} calls himself by this name, which anybody can do",
    "subject": "the subject of {count} has this name, which anybody can write there",
    "look-alike": "{count} show {domain}: somebody may pretend to be this seller",
}


@dataclass(frozen=True, slots=True)
class SellerMatch:
    """Which seller, how sure, and on what grounds."""

    seller: str | None
    """The seller's id; None where nothing or too much speaks for somebody."""
    probability: float | None
    reason: str
    """One sentence for people; names domains of the sender's side only."""
    clues: tuple[Clue, ...] = ()
    """What speaks for this seller, strongest first."""
    is_imitation_likely: bool = False
    """Nothing but a look-alike domain or a forgeable name beside one: somebody may pretend to be this seller."""


def match_seller(originals: Sequence[Original], sellers: Iterable[SellerFacts]) -> SellerMatch:
    """The seller behind one campaign's originals. For many campaigns make one `SellerTable`."""
    return SellerTable(sellers).match(originals)


@dataclass(frozen=True, slots=True)
class _Seller:
    facts: SellerFacts
    domains: frozenset[str]
    brand: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.facts.name or self.facts.seller


@dataclass(frozen=True, slots=True)
class _Traces:
    """What one original shows of whoever sent it."""

    sender: str | None
    sender_clue: Clue
    reply: str | None
    links: frozenset[str]
    signed: frozenset[str]
    unchecked: frozenset[str]
    name: Names
    subject: Names


@dataclass(frozen=True, slots=True)
class _Support:
    seller: _Seller
    probability: float
    shown: dict[Clue, tuple[int, str]]
    """Kind -> (originals that show it, a domain to name)."""


class SellerTable:
    """The sellers table, made ready for matching."""

    def __init__(self, sellers: Iterable[SellerFacts]) -> None:
        self._sellers = [
            _Seller(facts, frozenset(_own_domains(facts)), brand_words(facts.name))
            for facts in sorted(sellers, key=lambda facts: facts.seller)
        ]

    def match(self, originals: Sequence[Original]) -> SellerMatch:
        """The seller behind one campaign's originals (give one customer's once).

        None when no seller's thing is seen, and when two sellers' things are seen about equally.
        """
        if not originals:
            return SellerMatch(None, None, "There is no original to find a seller in.")
        traces = [_traces(original) for original in originals]
        seen = {domain for trace in traces for domain in (trace.sender, trace.reply, *trace.links) if domain}
        alike = {domain for domain in seen if tells_who(domain)}
        supports = [found for seller in self._sellers if (found := _support(traces, seller, alike)).probability > 0]
        supports.sort(key=lambda found: -found.probability)
        if not supports:
            return SellerMatch(None, None, "No seller's domain or name is seen in these reports.")
        best, rival = supports[0], supports[1] if len(supports) > 1 else None
        if rival is not None and rival.probability >= COMPARABLE * best.probability:
            names = " and ".join(sorted((best.seller.name, rival.seller.name)))
            return SellerMatch(
                None, None, f"Both {names} are seen in these reports, about equally: no seller is taken."
            )
        return _answer(best, rival, len(originals))


def _answer(best: _Support, rival: _Support | None, count: int) -> SellerMatch:
    clues = tuple(sorted(best.shown, key=lambda clue: (-CEILINGS[clue], clue)))
    probability, also = best.probability, ""
    if rival is not None:
        also = f" {rival.seller.name} is seen too, with less."
        if "signed" not in clues:
            # Where all may be forged, another seller's traces are a reason to doubt the first one's.
            probability *= 1 - rival.probability / 2
    phrases = []
    for clue in clues[:3]:
        shown, domain = best.shown[clue]
        phrases.append(_PHRASES[clue].format(domain=domain, count=f"{shown} of {count} originals"))
    return SellerMatch(
        seller=best.seller.facts.seller,
        probability=round(probability, 4),
        reason=f"{best.seller.name}: {'; '.join(phrases)}.{also}",
        clues=clues,
        is_imitation_likely="look-alike" in clues and not {"signed", "from", "from-inline"} & set(clues),
    )


def _support(traces: Sequence[_Traces], seller: _Seller, alike: set[str]) -> _Support:
    others = sorted(alike - seller.domains)
    resembling = {
        domain: how
        for domain in others
        for own in sorted(seller.domains)
        if (how := resembles(domain, own)) is not None
    }
    found = [_clues(trace, seller, resembling) for trace in traces]
    shown: dict[Clue, list[str]] = defaultdict(list)
    for clue, domain in (item for clues in found for item in clues.items()):
        shown[clue].append(domain)
    strengths = [max((CEILINGS[clue] for clue in clues), default=0.0) for clues in found]
    probability = 0.0
    for ceiling in set(strengths):
        # Stronger evidence counts as weaker too: half signed and half inline is all from-inline.
        reached = sum(strength >= ceiling for strength in strengths)
        probability = max(probability, ceiling * min(1.0, 2 * reached / len(traces)))
    return _Support(seller, probability, {clue: (len(domains), min(domains)) for clue, domains in shown.items()})


def _clues(trace: _Traces, seller: _Seller, resembling: dict[str, str]) -> dict[Clue, str]:
    """What in one original points to this seller: kind -> the domain seen."""
    found: dict[Clue, str] = {}
    if own := trace.signed & seller.domains:
        found["signed"] = min(own)
    if own := trace.unchecked & seller.domains:
        found["signer-unchecked"] = min(own)
    if trace.sender in seller.domains:
        found[trace.sender_clue] = trace.sender or ""
    if trace.reply in seller.domains:
        found["reply-to"] = trace.reply or ""
    if own := trace.links & seller.domains:
        found["link"] = min(own)
    if seller.brand and names_brand(trace.name, seller.brand):
        found["name"] = ""
    if seller.brand and names_brand(trace.subject, seller.brand):
        found["subject"] = ""
    for domain in sorted({trace.sender or "", trace.reply or ""} | trace.links):
        if domain in resembling:
            found.setdefault("look-alike", f"{domain}, which {resembling[domain]}")
    return found


def _traces(original: Original) -> _Traces:
    results = original.authentication.dkim
    return _Traces(
        sender=domain_of_address(original.sender.address),
        sender_clue="from-inline" if original.grade in {"G0", "G1"} else "from",
        reply=domain_of_address(original.reply_to),
        links=frozenset(domain for url in original.links if (domain := domain_of_link(url)) is not None),
        signed=_signers(result.domain for result in results if result.result == "pass"),
        unchecked=_signers(result.domain for result in results if result.result == "no_key"),
        name=names_in(original.sender.name),
        subject=names_in(original.subject),
    )


def _signers(names: Iterable[str]) -> frozenset[str]:
    return frozenset(domain for name in names if (domain := registrable(name)) is not None)


def _own_domains(facts: SellerFacts) -> set[str]:
    # A seller who writes from a freemail provider does not own the provider.
    return {domain for name in facts.domains if (domain := registrable(name)) is not None and tells_who(domain)}
