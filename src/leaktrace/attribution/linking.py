"""Are two campaigns one incident? A stated prior and four kinds of evidence, each a Bayes factor in bits.

"One incident" means that both mailings come from the same leak. The terms are added as if they were independent, so
each is capped, and what tells the same fact twice is kept out or merged: customers in both campaigns count for the
customers' term alone, the seller's own domains for the seller's alone, and seller and sender together have one cap.
No term names a principal whom not both findings name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.study import Reals
from leaktrace.records import Keys, LinkOutcome, LinkTerm

LINK_PRIOR = 0.05
"""Chance, before any evidence, that two campaigns somebody compares are one incident."""
LEAST_LINK_PROBABILITY = 0.001
"""No link is less likely than this, nor unlikelier to be two incidents: the model itself may be wrong."""
SOURCES_MOST_BITS = 8.0
"""Same sources say no more than this for one incident: what deceives one finding may deceive the other alike."""
UNSUSPECTED_MOST_BITS = 4.0
"""The same where the two findings name or suspect no principal in common."""
OTHER_SOURCE_SHARE = 0.05
"""Chance that campaigns of one incident show different sources, for it had several."""
ONE_INSIDE_FACTOR = 0.25
"""Bayes factor where one campaign surely has a source inside and the other surely has none."""
SAME_SELLER_SHARE = 0.75
"""Chance that campaigns of one incident have the same seller; a source can sell to two."""
SELLER_CHANCE = 0.1
"""Chance that two campaigns have the same seller, before other campaigns are looked at."""
SELLER_CHANCE_WEIGHT = 10.0
"""So many campaigns is that chance worth."""
SELLER_MOST_BITS = 5.0
"""The same seller says no more than this."""
SHARED_SENDER_SHARE = 0.4
"""Chance that campaigns of one incident share a domain or mailbox; mailings that do within days are one campaign."""
SENDER_CHANCE_HITS = 0.5
"""Added to the campaigns that show a domain, so that what no other shows is not infinitely rare."""
SENDER_CHANCE_WEIGHT = 10.0
"""Added to the number of other campaigns, for the same reason."""
SENDER_MOST_BITS = 6.0
"""Shared domains say no more than this: anybody can link to anybody."""
SELLER_AND_SENDER_MOST_BITS = 7.0
"""The same of seller and shared domains together, for the seller is told by domains."""
CUSTOMERS_MOST_BITS = 4.0
"""Shared customers say no more than this: who complains once complains again."""
OTHER_PART_SHARE = 0.5
"""Chance that campaigns of one incident went to different parts of what was leaked: then none are shared but by chance,
and no shared customers never say more against than one bit."""
SAME_REPORTS_SHARE = 0.8
"""Where the smaller campaign shares so many of its customers, somebody is asked whether they are the same reports."""
REPORTS_EVERYTHING = 2
"""Who reported so many other campaigns complains of everything, and is no sign."""
REPEAT_WEIGHT = 2.0
"""So many shared customers is it worth what is believed of repeated complaints before other campaigns are looked at."""
REPEAT_SURE = 20.0
"""And never more than this, for pairs of campaigns differ."""
MOST_TIMES = 1000.0
"""Customers of one incident are shared no more than so many times oftener than by chance."""
SAYS_LITTLE_BITS = 2.0
"""Terms that come to less than this, either way, leave the question open."""
LINK_THRESHOLD = 0.8
"""From this probability on two campaigns are called one incident; below its complement, two."""
_TIMES_STEPS = 24
_LEAST_EXPECTED = 1e-6
_NO_SENDER = "At least one of the two shows no domain of its sender's, but for a common seller's own."


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Who may be the source of one campaign, from evidence that the other campaign does not share."""

    principals: Keys
    """Everybody who had been shown the field, each once."""
    chance: Reals
    """Of being a source, one per principal."""
    nobody: float
    """Chance that no principal is a source."""
    usable: bool = True
    """False where the finding itself does not stand on enough."""

    @staticmethod
    def none() -> Suspicion:
        """Nothing is known."""
        return Suspicion(np.zeros(0, dtype=np.uint64), np.zeros(0), 1.0, usable=False)


@dataclass(frozen=True, slots=True)
class InBoth:
    """What two findings have in common, and what was kept apart to compare them."""

    named: tuple[str, ...] = ()
    """Principals whom both findings name."""
    suspected_count: int = 0
    """Principals who are in a set or named in both."""
    kept_apart_count: int = 0
    """Items of evidence left out of the later campaign, for their customer or reporter is in the earlier one too."""


@dataclass(frozen=True, slots=True)
class SellerClaim:
    """Which seller a campaign is tied to, and how surely."""

    seller: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many customers two campaigns share, and how many chance would give."""

    counts: tuple[int, int]
    """Customers of either campaign, without those who report everything."""
    shared_count: int
    expected_count: float
    """Shared by chance, were all customers of a region alike."""
    busy_times: float
    """How much oftener busy customers are shared: the mean square of how many opened a customer, over its square."""
    other_shared_count: int
    """Customers shared by other pairs of campaigns of the workspace."""
    other_expected_count: float
    """Those that chance would give, were all customers alike."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The answer with its terms."""

    probability: float
    terms: tuple[LinkTerm, ...]
    outcome: LinkOutcome
    sentence: str


def sources_term(one: Suspicion, other: Suspicion, both: InBoth, *, prior: float) -> LinkTerm:
    """Are the sources the same? `prior`: of a source inside, as the findings had it.

    With w the chance of a source inside and p(e) that it is e, given there is one: same sources against independent
    ones have the factor M sum p_A(e) p_B(e), and only where both campaigns have a source inside does that tell.
    """
    apart = _kept_apart(both.kept_apart_count)
    if not (one.usable and other.usable):
        sentence = "One of the two findings stands on too little, so the sources say nothing."
        return LinkTerm("sources", 0.0, sentence + apart)
    everybody = np.union1d(one.principals, other.principals)
    agreement = float((_shares(one, everybody) * _shares(other, everybody)).sum() * len(everybody))
    inside = (1.0 - one.nobody, 1.0 - other.nobody)
    together = inside[0] * inside[1]
    same = (1.0 - OTHER_SOURCE_SHARE) * agreement + OTHER_SOURCE_SHARE
    differ = inside[0] * other.nobody + inside[1] * one.nobody
    undecided = max(prior, 1.0 - prior)
    surely = max(0.0, (differ - undecided) / (1.0 - undecided))
    factor = (1.0 - together + together * same) * (1.0 - (1.0 - ONE_INSIDE_FACTOR) * surely)
    bits = math.log2(factor)
    most = SOURCES_MOST_BITS if both.named or both.suspected_count else UNSUSPECTED_MOST_BITS
    return LinkTerm(
        name="sources",
        bits=min(bits, most),
        sentence=_sources_sentence(bits, surely, min(inside), both) + apart,
        shared=both.named,
        figures={
            "both_inside_probability": together,
            "same_source_factor": agreement,
            "principal_count": float(len(everybody)),
            "suspected_in_both_count": float(both.suspected_count),
            "kept_apart_count": float(both.kept_apart_count),
        },
        capped=bits > most,
    )


def _shares(suspicion: Suspicion, everybody: Keys) -> Reals:
    """Of a source that there is, the chance that it is each of them."""
    shares = np.zeros(len(everybody))
    shares[np.searchsorted(everybody, suspicion.principals)] = suspicion.chance
    total = float(shares.sum())
    return shares / total if total > 0.0 else np.full(len(everybody), 1.0 / max(len(everybody), 1))


def _sources_sentence(bits: float, surely: float, least_inside: float, both: InBoth) -> str:
    if both.named and bits > 0.0:
        return f"Both findings name {_listing(both.named)}."
    if both.suspected_count and bits > 0.0:
        return (
            f"The same {_count(both.suspected_count, 'principal is', 'principals are')} suspected in both; nobody is "
            "accused by this."
        )
    if surely > 0.5:
        return "One has a source inside, the other most likely none."
    if least_inside < 0.5 and abs(bits) < 1.0:
        return "At least one of the two most likely has no source inside, so the sources say little."
    if bits >= 1.0:
        return "What may be the source of one may be the source of the other, beyond chance; nobody is accused by this."
    if bits <= -1.0:
        return "The sources of the two are most likely not the same."
    return "The sources say little either way."


def _kept_apart(count: int) -> str:
    if not count:
        return ""
    reports = _count(count, "report of the later one is", "reports of the later one are")
    return f" {reports} left out here, for the earlier one has the same customer or reporter."


def seller_term(one: SellerClaim, other: SellerClaim, others: Sequence[str]) -> LinkTerm:
    """Is the seller the same? `others`: sellers of the workspace's other campaigns, where known."""
    if one.seller is None or other.seller is None:
        return LinkTerm("seller", 0.0, "At least one of the two is tied to no seller, so the sellers say nothing.")
    both_right = one.probability * other.probability
    total = len(others) + SELLER_CHANCE_WEIGHT
    if one.seller == other.seller:
        count = sum(1 for seller in others if seller == one.seller)
        chance = (count + SELLER_CHANCE * SELLER_CHANCE_WEIGHT) / total
        factor = max(SAME_SELLER_SHARE / chance, 1.0)
        sentence = f"Both are tied to one seller, to whom {_of(count, len(others), 'is', 'are')} tied."
        shared: tuple[str, ...] = (one.seller,)
    else:
        pairs = _same_pairs(others)
        chance = (pairs + SELLER_CHANCE * SELLER_CHANCE_WEIGHT) / total
        factor = min((1.0 - SAME_SELLER_SHARE) / (1.0 - min(chance, 0.99)), 1.0)
        sentence = "They are tied to different sellers; a source can sell to two."
        shared = ()
    bits = math.log2(1.0 - both_right + both_right * factor)
    return LinkTerm(
        "seller",
        min(bits, SELLER_MOST_BITS),
        sentence,
        shared,
        {"both_right_probability": both_right, "chance": chance, "other_campaign_count": float(len(others))},
        capped=bits > SELLER_MOST_BITS,
    )


def _same_pairs(sellers: Sequence[str]) -> float:
    """With how many of the others one of these campaigns shares its seller, on average."""
    counts = np.unique(np.array(sellers, dtype=np.str_), return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1.0)).sum() / max(len(sellers), 1))


def sender_term(
    one: frozenset[str],
    other: frozenset[str],
    seen_elsewhere: Mapping[str, int],
    campaign_count: int,
    *,
    tell: frozenset[str],
) -> LinkTerm:
    """Do they share sending domains, link domains, signers or mailboxes?

    `seen_elsewhere`: domain -> other campaigns of the workspace that show it, of `campaign_count`; `tell`: those that
    may be told. The rarest counts in full, each further one half of the one before: they come together.
    """
    if not one or not other:
        return LinkTerm("sender", 0.0, _NO_SENDER)
    shared = sorted(one & other)
    figures = {"shared_count": float(len(shared)), "other_campaign_count": float(campaign_count)}
    if not shared:
        bits = math.log2(1.0 - SHARED_SENDER_SHARE)
        return LinkTerm("sender", bits, "They share no domain or mailbox of the sender's.", (), figures)
    chances = {
        host: (seen_elsewhere.get(host, 0) + SENDER_CHANCE_HITS) / (campaign_count + SENDER_CHANCE_WEIGHT)
        for host in shared
    }
    weights = sorted((max(0.0, math.log2(SHARED_SENDER_SHARE / chance)) for chance in chances.values()), reverse=True)
    bits = sum(weight / 2.0**place for place, weight in enumerate(weights))
    rarest = min(seen_elsewhere.get(host, 0) for host in shared)
    sentence = (
        f"They share {_count(len(shared), 'domain or mailbox', 'domains or mailboxes')} of the sender's; the rarest is "
        f"one that {_of(rarest, campaign_count, 'shows', 'show')}."
    )
    told = tuple(host for host in shared if host in tell)
    return LinkTerm("sender", min(bits, SENDER_MOST_BITS), sentence, told, figures, capped=bits > SENDER_MOST_BITS)


def customers_term(overlap: Overlap) -> LinkTerm:
    """Do they share more customers than chance gives?

    By chance the shared ones are as many as regions, busy customers and other pairs of campaigns let expect; in one
    incident so many times more, all multiples alike on a log scale. Both are negative binomial.
    """
    most = min(overlap.counts)
    base = overlap.expected_count
    if not most or base <= 0.0:
        return LinkTerm("customers", 0.0, "At least one of the two has no customer to compare.")
    shape = REPEAT_WEIGHT + overlap.other_shared_count
    times = shape / (REPEAT_WEIGHT / max(overlap.busy_times, 1.0) + overlap.other_expected_count)
    expected = min(max(max(times, 1.0) * base, _LEAST_EXPECTED), float(most))
    shape = min(shape, REPEAT_SURE)
    steps = np.geomspace(1.0, max(1.0, min(most / expected, MOST_TIMES)), _TIMES_STEPS)
    oftener = _log_shared(overlap.shared_count, expected * steps, shape) - _log_shared(
        overlap.shared_count, expected, shape
    )
    factor = OTHER_PART_SHARE + (1.0 - OTHER_PART_SHARE) * float(np.exp(log_sum(oftener))) / _TIMES_STEPS
    bits = math.log2(factor)
    customers = _count(overlap.shared_count, "customer", "customers")
    sentence = f"They share {customers}; chance gives about {expected:.2g} of {most} and {max(overlap.counts)}."
    if overlap.shared_count >= SAME_REPORTS_SHARE * most:
        sentence += " Are these partly the same reports, told twice?"
    return LinkTerm(
        "customers",
        min(bits, CUSTOMERS_MOST_BITS),
        sentence,
        (),
        {
            "shared_count": float(overlap.shared_count),
            "expected_shared_count": expected,
            "most_shared_count": float(most),
        },
        capped=bits > CUSTOMERS_MOST_BITS,
    )


def _log_shared(count: int, mean: Reals | float, shape: float) -> Reals:
    """Ln chance of so many, negative binomial, but for what does not depend on the mean."""
    means = np.asarray(mean, dtype=np.float64)
    return np.asarray(shape * np.log(shape / (shape + means)) + count * np.log(means / (shape + means)))


def linked(sources: LinkTerm, seller: LinkTerm, sender: LinkTerm, customers: LinkTerm) -> Linked:
    """All terms on top of the prior. Seller and sender are capped together: the sender's part gives way."""
    room = SELLER_AND_SENDER_MOST_BITS - max(seller.bits, 0.0)
    if sender.bits > room:
        sentence = f"{sender.sentence} Seller and domains tell partly the same, so this counts less."
        sender = replace(sender, bits=room, sentence=sentence, capped=True)
    terms = (sources, seller, sender, customers)
    total = math.fsum(term.bits for term in terms)
    odds = LINK_PRIOR / (1.0 - LINK_PRIOR) * 2.0**total
    probability = LINK_PRIOR if total == 0.0 else odds / (1.0 + odds)
    probability = min(max(probability, LEAST_LINK_PROBABILITY), 1.0 - LEAST_LINK_PROBABILITY)
    outcome = _outcome(probability, total)
    return Linked(probability, terms, outcome, _sentence(outcome, total, terms))


def _outcome(probability: float, bits: float) -> LinkOutcome:
    if probability >= LINK_THRESHOLD:
        return "one"
    if probability <= 1.0 - LINK_THRESHOLD and bits <= -SAYS_LITTLE_BITS:
        return "two"
    return "undetermined"


_TOLD = {
    "sources": "the sources",
    "seller": "the sellers",
    "sender": "the senders' domains",
    "customers": "the customers",
}


def _sentence(outcome: LinkOutcome, bits: float, terms: Sequence[LinkTerm]) -> str:
    pro = [_TOLD[term.name] for term in terms if term.bits >= 1.0]
    con = [_TOLD[term.name] for term in terms if term.bits <= -1.0]
    told = "".join(
        (
            f" For one incident: {_listing(pro)}." if pro else "",
            f" Against: {_listing(con)}." if con else "",
            "" if pro or con else " No single kind of evidence decides it.",
        )
    )
    if outcome == "one":
        return f"The two are most likely one incident.{told}"
    if outcome == "two":
        return f"The two are most likely two incidents.{told}"
    if abs(bits) < SAYS_LITTLE_BITS:
        return f"It cannot be told whether the two are one incident: what is known says little.{told}"
    return f"Something points to one incident, but not enough to say so.{told}"


def _listing(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _count(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


def _of(count: int, total: int, one: str, several: str) -> str:
    if not total:
        return f"no other campaign {one} (there is none to compare with)"
    if not count:
        return f"none of {total} other campaigns {one}"
    return f"{count} of {total} other campaigns {one if count == 1 else several}"
