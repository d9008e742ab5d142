"""Which seller a campaign's mail is from. Pure; neither the order of reports nor that of sellers matters.

"Sent by" is a claim of its own ("leaked to" is the finding's), and a rival can forge most of it. Evidence goes from
what only the seller controls downwards:

1. `signed`: a DKIM signature of his domain that holds, over a To that is the reporter's own address. Only he can have
   made it, for this recipient. It decides once two thirds of the reporters' say show it, from two houses at least.
2. `replayed`: the same over another To, or none: genuine, and anybody who got it can send it again to anybody.
3. `from`, `from-inline`: his domain in From, as an attachment or in a reporter's text: any sender can write it there.
4. `shop-link`, `reply-address`, `product`: what the sellers table has as his. Whoever mails in his name writes it too.
5. `link`, `reply-to`, `signer-unchecked`, `name`, `subject`: the same, and known of everybody.
6. `look-alike`: a domain that resembles his: he may own it, or somebody may pretend to be him.

All but the first together never make him more likely than not: one forger forges them all, so the strongest of them
counts whole and each other one a quarter, up to the ceiling. Terms are in bits; sellers and "nobody we know" share one
probability (softmax), so that a second seller's traces are a reason to doubt the first.

Reporters are weighed by house (`persons`): one person with many mailboxes has the say of few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from leaktrace.mailroom.domains import tells_who
from leaktrace.mailroom.impersonation import Pretence, pretence_of
from leaktrace.mailroom.lookalikes import resembles
from leaktrace.mailroom.sellertraces import Clue, Seen, SellerOwn, Traces, all_traces, clues_of, own_of, traces_of
from leaktrace.records import Original, SellerFacts, SellerTerm

FULL_BITS: dict[Clue, float] = {
    "signed": 8.0,
    "replayed": 2.5,
    "from": 2.0,
    "shop-link": 1.75,
    "from-inline": 1.5,
    "reply-address": 1.5,
    "product": 1.25,
    "reply-to": 1.0,
    "link": 1.0,
    "signer-unchecked": 1.0,
    "name": 0.75,
    "subject": 0.5,
    "look-alike": 0.25,
}
"""What each kind of evidence is worth when half of the reporters show it: its ceiling."""
PRIOR_BITS = -3.0
"""Odds of one seller, before any evidence, against "nobody we know"."""
FORGEABLE_CEILING_BITS = 2.75
"""All that anybody can write comes to this at most: somewhat less than even odds."""
BESIDE = 0.25
"""What evidence counts beside stronger evidence that the same forger would forge."""
DECIDING_SHARE, DECIDING_HOUSES = 2 / 3, 2
"""What `signed` needs to decide."""
COMPARABLE = 0.8
"""A second seller with this share of the first one's odds makes the answer open."""
HOUSE_CEILING = 3.0
"""The say of one house, in persons."""
_PHRASES: dict[Clue, str] = {
    "signed": "a valid DKIM signature of {shown} over the reporter's own address is on {count}",
    "replayed": "a valid DKIM signature of {shown} is on {count}, which anybody who got one can send again",
    "from": "{shown} is in From of {count}, which its sender could have forged",
    "from-inline": "{shown} is in From of {count} forwarded inline, which is a reporter's text",
    "shop-link": "{count} lead to his shop {shown}, which anybody can do",
    "reply-address": "{count} name a mailbox known as his, which anybody can do",
    "product": "{count} offer his product {shown}, which anybody can do",
    "reply-to": "{shown} is in Reply-To of {count}, which anybody can write there",
    "link": "{count} link to {shown}, which anybody can do",
    "signer-unchecked": "{count} name {shown} in a signature that could not be verified",
    "name": "the sender of {count} calls himself by this name, which anybody can do",
    "subject": "the subject of {count} has this name, which anybody can write there",
    "look-alike": "{count} show {shown}: somebody may pretend to be this seller",
}


@dataclass(frozen=True, slots=True)
class Witness:
    """Who told of one original."""

    address: str | None = None
    """Of the reporter; of a provider's report the recipients stand in the original."""
    person: bytes | None = None
    house: bytes | None = None


@dataclass(frozen=True, slots=True)
class SellerMatch:
    """Which seller, how sure, and on what grounds."""

    seller: str | None
    """The seller's id; None where nothing or too much speaks for somebody."""
    probability: float | None
    reason: str
    """One sentence for people; names domains of the sender's side only."""
    terms: tuple[SellerTerm, ...] = ()
    """What speaks for this seller, strongest first."""
    impersonated: str | None = None
    """The seller whom somebody pretends to be."""
    impersonation_reason: str = ""

    @property
    def clues(self) -> tuple[str, ...]:
        """Kinds of the terms."""
        return tuple(term.kind for term in self.terms)


@dataclass(frozen=True, slots=True)
class _Support:
    own: SellerOwn
    odds: float
    terms: tuple[SellerTerm, ...]
    pretence: Pretence | None


class SellerTable:
    """The sellers table, made ready for matching. `address_token`: what the table has for a mailbox (`redaction`)."""

    def __init__(self, sellers: Iterable[SellerFacts], address_token: Callable[[str], str] | None = None) -> None:
        self._sellers = [own_of(facts) for facts in sorted(sellers, key=lambda facts: facts.seller)]
        self._registered = frozenset[str]().union(*(own.domains for own in self._sellers))
        self._address_token = address_token

    def match(self, originals: Sequence[Original], witnesses: Sequence[Witness] | None = None) -> SellerMatch:
        """The seller behind one campaign's originals; without `witnesses` each was told of by its recipient.

        None when no seller's thing is seen, and when two sellers' things are seen about equally.
        """
        if not originals:
            return SellerMatch(None, None, "There is no original to find a seller in.")
        told = witnesses or [_recipient_of(original) for original in originals]
        traces = [
            traces_of(original, witness.address, self._address_token)
            for original, witness in zip(originals, told, strict=True)
        ]
        weights = weights_of(told)
        # Two sellers may have names that are alike: a domain that one of them registered pretends to nobody else's.
        seen = frozenset(domain for trace in traces for domain in trace.domains if tells_who(domain))
        alike = seen - self._registered
        shown = all_traces(traces)
        supports = [
            found
            for own in self._sellers
            if (resembling := _resembling(own, alike)) or shown.may_show(own)
            if (found := _support(own, traces, weights, told, resembling))
        ]
        supports.sort(key=lambda found: -found.odds)
        pretence = max((found for found in supports if found.pretence), key=lambda found: found.odds, default=None)
        answer = _answer(supports, len(originals))
        if pretence is None or pretence.pretence is None:
            return answer
        return SellerMatch(
            answer.seller,
            answer.probability,
            answer.reason,
            answer.terms,
            pretence.own.facts.seller,
            f"Somebody pretends to be {pretence.own.name}: {pretence.pretence.sentence}.",
        )


def _answer(supports: list[_Support], count: int) -> SellerMatch:
    if not supports:
        return SellerMatch(None, None, "No seller's domain or name is seen in these reports.")
    best, rival = supports[0], supports[1] if len(supports) > 1 else None
    if rival is not None and rival.odds >= COMPARABLE * best.odds:
        names = " and ".join(sorted((best.own.name, rival.own.name)))
        return SellerMatch(None, None, f"Both {names} are seen in these reports, about equally: no seller is taken.")
    also = "" if rival is None else f" {rival.own.name} is seen too, with less."
    phrases = "; ".join(_phrase(term, count) for term in best.terms[:3])
    return SellerMatch(
        seller=best.own.facts.seller,
        probability=round(best.odds / (1 + sum(found.odds for found in supports)), 4),
        reason=f"{best.own.name}: {phrases}.{also}",
        terms=best.terms,
    )


def _phrase(term: SellerTerm, count: int) -> str:
    return _PHRASES[term.kind].format(shown=term.shown, count=f"{term.original_count} of {count} originals")


def _resembling(own: SellerOwn, alike: frozenset[str]) -> dict[str, str]:
    return {
        domain: how
        for domain in sorted(alike - own.domains)
        for theirs in sorted(own.domains)
        if (how := resembles(domain, theirs)) is not None
    }


def _support(
    own: SellerOwn,
    traces: Sequence[Traces],
    weights: Sequence[float],
    told: Sequence[Witness],
    resembling: dict[str, str],
) -> _Support | None:
    found = [clues_of(trace, own, resembling) for trace in traces]
    by_kind: dict[Clue, list[int]] = defaultdict(list)
    for place, clues in enumerate(found):
        for clue in clues:
            by_kind[clue].append(place)
    if not by_kind:
        return None
    shares = {clue: sum(weights[at] for at in places) / sum(weights) for clue, places in by_kind.items()}
    houses = len({_house(told[at], at) for at in by_kind.get("signed", [])})
    decides = shares.get("signed", 0.0) >= DECIDING_SHARE and houses >= DECIDING_HOUSES
    bits = _bits(shares, decides=decides)
    terms = [
        SellerTerm(clue, min(found[at][clue] for at in places), len(places), round(shares[clue], 4),
                   round(bits[clue], 4), FULL_BITS[clue])
        for clue, places in by_kind.items()
    ]  # fmt: skip
    terms.sort(key=lambda term: (-FULL_BITS[term.kind], term.kind))
    seen = [Seen(trace, clues) for trace, clues in zip(traces, found, strict=True)]
    pretence = None if decides else pretence_of(own, seen, weights)
    return _Support(own, 2.0 ** (PRIOR_BITS + sum(bits.values())), tuple(terms), pretence)


def _bits(shares: dict[Clue, float], *, decides: bool) -> dict[Clue, float]:
    """What each kind adds. All that does not decide shares one ceiling, strongest first."""
    given = {clue: FULL_BITS[clue] * min(1.0, 2 * share) for clue, share in shares.items()}
    bits: dict[Clue, float] = {}
    left, first = FORGEABLE_CEILING_BITS, True
    for clue in sorted(given, key=lambda one: (-given[one], one)):
        if clue == "signed" and decides:
            bits[clue] = given[clue]
            continue
        bits[clue] = min(left, given[clue] * (1.0 if first else BESIDE))
        left, first = left - bits[clue], False
    return bits


def weights_of(told: Sequence[Witness]) -> list[float]:
    """The say of each original: persons share alike in their house's, which has a ceiling."""
    persons: dict[bytes, dict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    keys = [(_house(witness, at), _person(witness, at)) for at, witness in enumerate(told)]
    for house, person in keys:
        persons[house][person] += 1
    return [
        min(HOUSE_CEILING, len(persons[house])) / len(persons[house]) / persons[house][person] for house, person in keys
    ]


def _house(witness: Witness, at: int) -> bytes:
    return witness.house or _person(witness, at)


def _person(witness: Witness, at: int) -> bytes:
    return witness.person or b"#%d" % at


def _recipient_of(original: Original) -> Witness:
    return Witness(next((one.address for one in original.recipients if one.address), None))
