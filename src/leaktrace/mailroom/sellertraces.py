"""What one original shows of whoever sent it, and what of that is a seller's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from leaktrace.addresses import normalise
from leaktrace.mailroom.domains import domain_of_address, domain_of_link, registrable, tells_who
from leaktrace.mailroom.lookalikes import Names, brand_words, in_front_of, names_brand, names_in
from leaktrace.mailroom.persons import person_of
from leaktrace.records import Original, SellerClue, SellerFacts

Clue = SellerClue
_TO_CEILING_COUNT = 10
"""A mail to more recipients than this is not addressed to one of them."""


@dataclass(frozen=True, slots=True)
class SellerOwn:
    """What is a seller's own, in the form that it is looked for in."""

    facts: SellerFacts
    domains: frozenset[str]
    brands: tuple[tuple[str, ...], ...]
    shops: tuple[str, ...]
    products: frozenset[str]
    mailboxes: frozenset[str]

    @property
    def name(self) -> str:
        """For people."""
        return self.facts.name or self.facts.seller


@dataclass(frozen=True, slots=True)
class Traces:
    """What one original shows of whoever sent it."""

    sender: str | None
    sender_clue: Clue
    reply: str | None
    links: frozenset[str]
    lead: str | None
    """The domain that more than half of the links lead to."""
    fronts: frozenset[str]
    """What looks like a domain in front of the domain that a link or the sender really has."""
    places: frozenset[str]
    """Host and path of each link."""
    products: frozenset[str]
    mailboxes: frozenset[str]
    signed: frozenset[str]
    """Registrable domains whose valid signature covers To, and To is the reporter's own address."""
    replayed: frozenset[str]
    """Of other valid signatures."""
    unchecked: frozenset[str]
    broken: frozenset[str]
    """Of signatures that are wrong."""
    message_id: str | None
    name: Names
    subject: Names

    @property
    def domains(self) -> frozenset[str]:
        """Every domain of the sender's side that a reader sees."""
        return self.links | {domain for domain in (self.sender, self.reply) if domain is not None}


@dataclass(frozen=True, slots=True)
class AllTraces:
    """What a campaign's originals show together: most sellers of a large table are nowhere in it."""

    domains: frozenset[str]
    places: frozenset[str]
    products: frozenset[str]
    mailboxes: frozenset[str]
    names: frozenset[Names]

    def may_show(self, own: SellerOwn) -> bool:
        """Whether anything but a look-alike can point to this seller."""
        return bool(
            own.domains & self.domains
            or own.products & self.products
            or own.mailboxes & self.mailboxes
            or any(_lies_in(place, shop) for shop in own.shops for place in self.places)
            or any(names_brand(names, brand) for brand in own.brands for names in self.names)
        )


def all_traces(traces: Iterable[Traces]) -> AllTraces:
    """Of these originals."""
    several = list(traces)
    return AllTraces(
        domains=frozenset().union(
            *(one.domains | one.signed | one.replayed | one.unchecked | one.fronts for one in several)
        ),
        places=frozenset().union(*(one.places for one in several)),
        products=frozenset().union(*(one.products for one in several)),
        mailboxes=frozenset().union(*(one.mailboxes for one in several)),
        names=frozenset(names for one in several for names in (one.name, one.subject)),
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One original and what in it points to one seller: kind -> what was seen."""

    traces: Traces
    clues: dict[Clue, str]


def own_of(facts: SellerFacts) -> SellerOwn:
    """One row of the sellers table."""
    names = [facts.name, *facts.brands]
    return SellerOwn(
        facts=facts,
        # A seller who writes from a freemail provider does not own the provider.
        domains=frozenset(
            domain for name in facts.domains if (domain := registrable(name)) is not None and tells_who(domain)
        ),
        brands=tuple(dict.fromkeys(brand for name in names if (brand := brand_words(name)))),
        shops=tuple(sorted(place for link in facts.links if (place := _place(link)))),
        products=frozenset(product.casefold() for product in facts.products),
        mailboxes=frozenset(facts.reply_addresses),
    )


def traces_of(original: Original, told_by: str | None, address_token: Callable[[str], str] | None) -> Traces:
    """What one original shows; `told_by`: the reporter's address."""
    results = original.authentication.dkim
    valid = [result for result in results if result.result == "pass"]
    # What is added below a part that was signed (l=) was signed by nobody.
    addressed = is_addressed(original, told_by) and "partial_body_signed" not in original.flags
    signed = _domains(result.domain for result in valid if addressed and "to" in {one.lower() for one in result.covers})
    links = Counter(domain for url in original.links if (domain := domain_of_link(url)) is not None)
    lead = max(sorted(links), key=lambda domain: links[domain], default=None)
    own = [address for address in (original.sender.address, original.reply_to) if address and normalise(address)]
    return Traces(
        sender=domain_of_address(original.sender.address),
        sender_clue="from-inline" if original.grade in {"G0", "G1"} else "from",
        reply=domain_of_address(original.reply_to),
        links=frozenset(links),
        lead=lead if lead is not None and 2 * links[lead] > links.total() else None,
        fronts=_fronts(original),
        places=frozenset(place for url in original.links if (place := _place(url))),
        products=frozenset(mark.partition(":")[2] for mark in original.marks if mark.startswith("product:")),
        mailboxes=frozenset(map(address_token, own)) if address_token is not None else frozenset(),
        signed=signed,
        replayed=_domains(result.domain for result in valid) - signed,
        unchecked=_domains(result.domain for result in results if result.result == "no_key"),
        broken=_domains(result.domain for result in results if result.result in ("fail", "body_hash_mismatch")),
        message_id=original.message_id,
        name=names_in(original.sender.name),
        subject=names_in(original.subject),
    )


def is_addressed(original: Original, told_by: str | None) -> bool:
    """Whether the To or Cc of a mail is the mailbox of whoever got it: a copy that is sent again names somebody else.

    Of a provider's report, whoever got it is in its own fields (RFC 5965, Original-Rcpt-To).
    """
    named = {person_of(one.address) for one in original.recipients if one.address and one.role in ("to", "cc")}
    if original.form in ("arf", "xarf"):
        got_it = {person_of(one.address) for one in original.recipients if one.address and one.role == "rcpt"}
    else:
        got_it = {person_of(told_by)} if told_by else set()
    return 0 < len(named) <= _TO_CEILING_COUNT and bool((named & got_it) - {None})


def clues_of(traces: Traces, own: SellerOwn, resembling: dict[str, str]) -> dict[Clue, str]:
    """What in one original points to this seller; `resembling`: domains that resemble his, and how."""
    found: dict[Clue, str] = {}
    shop = next((one for one in own.shops for place in traces.places if _lies_in(place, one)), None)
    if shop is not None:
        found["shop-link"] = shop
    found |= _look_alikes(traces, own, resembling)
    sets: tuple[tuple[Clue, frozenset[str]], ...] = (
        ("signed", traces.signed & own.domains),
        ("replayed", (traces.replayed - traces.signed) & own.domains),
        ("signer-unchecked", traces.unchecked & own.domains),
        ("link", traces.links & own.domains),
        ("product", traces.products & own.products),
    )
    for clue, shared in sets:
        if shared:
            found[clue] = min(shared)
    if traces.sender in own.domains:
        found[traces.sender_clue] = traces.sender or ""
    if traces.reply in own.domains:
        found["reply-to"] = traces.reply or ""
    if traces.mailboxes & own.mailboxes:
        found["reply-address"] = ""
    if any(names_brand(traces.name, brand) for brand in own.brands):
        found["name"] = ""
    if any(names_brand(traces.subject, brand) for brand in own.brands):
        found["subject"] = ""
    return found


def _look_alikes(traces: Traces, own: SellerOwn, resembling: dict[str, str]) -> dict[Clue, str]:
    found: dict[Clue, str] = {}
    if own.domains & traces.fronts:
        shown = min(own.domains & traces.fronts)
        found["look-alike"] = f"a host of another domain that begins with {shown}"
    for domain in sorted(traces.domains):
        if domain in resembling:
            found.setdefault("look-alike", f"{domain}, which {resembling[domain]}")
    return found


def _fronts(original: Original) -> frozenset[str]:
    hosts = {place.partition("/")[0] for url in original.links if (place := _place(url))}
    hosts.add((original.sender.address or "").rpartition("@")[2].lower())
    return frozenset(front for host in hosts if (owner := registrable(host)) for front in in_front_of(host, owner))


def _place(url: str) -> str | None:
    """Host and path, by which a shop below somebody else's domain is told from its neighbours."""
    try:
        parts = urlsplit(url.strip() if "://" in url else f"https://{url.strip()}")
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    return f"{host}{parts.path}".rstrip("/").casefold() if "." in host else None


def _lies_in(place: str, shop: str) -> bool:
    return place == shop or place.startswith(f"{shop}/")


def _domains(names: Iterable[str]) -> frozenset[str]:
    return frozenset(domain for name in names if (domain := registrable(name)) is not None)
