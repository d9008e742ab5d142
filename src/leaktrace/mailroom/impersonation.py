"""Whether somebody pretends to be a seller: an answer of its own, neither "he sent it" nor "we do not know".

Mail that bears his name or domain, and at least one of

1. a domain that resembles his and is not his, from where the mail comes, is answered or leads to;
2. a signature of his domain that is wrong: what he signed was changed, or never signed by him;
3. one genuine signed mail of his that reached several persons to whom it is not addressed: sent again by somebody;
4. all that can be followed in it leads to other domains than his.

It is said when most of the reporters' say shows it, and never beside a signature that decides (`sellers`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from leaktrace.mailroom.domains import tells_who
from leaktrace.mailroom.sellertraces import Seen, SellerOwn

MOST = 0.5


@dataclass(frozen=True, slots=True)
class Pretence:
    """That somebody pretends to be a seller, and what shows it."""

    sentence: str


_REASONS = (
    ("look-alike", "a domain that resembles his is used, and nothing in the mail is his own"),
    ("broken", "a signature of his domain is there and is wrong"),
    ("replayed", "one signed mail of his reached several people to whom it is not addressed"),
    ("elsewhere", "it bears his name or domain, and all its links lead elsewhere"),
)


def pretence_of(own: SellerOwn, seen: Sequence[Seen], weights: Sequence[float]) -> Pretence | None:
    """What shows that somebody pretends to be this seller; None where most of the mail does not."""
    again = _sent_again(own, seen)
    shown: Counter[str] = Counter()
    whole = 0.0
    for one, weight in zip(seen, weights, strict=True):
        reasons = _reasons(own, one, again)
        whole += weight if reasons else 0.0
        for reason in reasons:
            shown[reason] += 1
    if whole <= MOST * sum(weights):
        return None
    return Pretence("; ".join(sentence for reason, sentence in _REASONS if shown[reason]))


def _reasons(own: SellerOwn, one: Seen, again: frozenset[str]) -> set[str]:
    traces, clues = one.traces, one.clues
    if "signed" in clues:
        return set()
    reasons = set()
    if "look-alike" in clues and not {"from", "from-inline", "link", "shop-link", "replayed"} & set(clues):
        reasons.add("look-alike")
    if traces.broken & own.domains:
        reasons.add("broken")
    if "replayed" in clues and traces.message_id in again:
        reasons.add("replayed")
    followed = {domain for domain in (*traces.links, traces.reply) if domain is not None and tells_who(domain)}
    bears = {"from", "from-inline", "name"} & set(clues)
    if bears and traces.links and followed and not followed & own.domains and "shop-link" not in clues:
        reasons.add("elsewhere")
    return reasons


def _sent_again(own: SellerOwn, seen: Sequence[Seen]) -> frozenset[str]:
    """Message ids that several originals have, each validly signed by him for somebody else."""
    ids = Counter(one.traces.message_id for one in seen if one.traces.replayed & own.domains)
    return frozenset(name for name, count in ids.items() if name is not None and count > 1)
