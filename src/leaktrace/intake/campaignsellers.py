"""Which seller a campaign is of, asked when it is wanted and kept until something that it hangs on has changed.

That is: the campaign's reports, the sellers table, who works for us, and which of the senders are our own customers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leaktrace.addresses import normalise
from leaktrace.folder import Opened
from leaktrace.ledger import Ledger
from leaktrace.mailroom import (
    AddressHashes,
    CampaignCounts,
    MailBook,
    SellerMatch,
    SellerTable,
    StoredReport,
    Witness,
    disclaim,
    hashes_of,
    is_listed,
    may_be_passed_on,
)
from leaktrace.records import Original, SellerFacts, SellerTerm, to_json

_MOST_ORIGINALS_FOR_SELLER = 500
_WAY_OF_MATCHING = "sellers/3"
"""Another one whenever `SellerTable.match` answers otherwise."""


class CampaignSellers:
    """The sellers of one workspace's campaigns."""

    def __init__(self, opened: Opened, ledger: Ledger, book: MailBook) -> None:
        self._opened = opened
        self._ledger = ledger
        self._book = book

    def of(self, counts: Sequence[CampaignCounts]) -> dict[str, SellerMatch]:
        """The match of each campaign; only what changed since is matched anew."""
        sellers = self._ledger.sellers()
        staff = self._opened.settings.staff_addresses
        ours = hashlib.sha256(f"{_WAY_OF_MATCHING} {to_json((sellers, staff), indent=None)}".encode()).hexdigest()
        asked = {one.campaign: f"{one.state} {ours}" for one in counts}
        kept = self._kept_matches(asked)
        found: dict[str, SellerMatch] = {}
        new: list[tuple[str, str, bytes]] = []
        table: SellerTable | None = None
        for one in counts:
            if one.campaign in kept:
                found[one.campaign] = kept[one.campaign]
                continue
            table = table or self._table(sellers)
            answer = self._match(one.campaign, table)
            found[one.campaign] = answer.match
            new.append((one.campaign, asked[one.campaign], answer.to_bytes()))
        if new:
            self._book.groups.keep_answers(new)
        return found

    def _kept_matches(self, asked: Mapping[str, str]) -> dict[str, SellerMatch]:
        """Answers that still hold: the same customers are among the senders as when they were given."""
        sealed = {campaign: self._book.groups.answer(campaign, state) for campaign, state in asked.items()}
        answers = {campaign: _Answer.from_bytes(kept) for campaign, kept in sealed.items() if kept is not None}
        senders = {bytes.fromhex(one) for answer in answers.values() for one in answer.senders}
        known = {one.hex() for one in self._customers_among(senders)}
        return {
            campaign: answer.match for campaign, answer in answers.items() if answer.customers == answer.senders & known
        }

    def _table(self, sellers: Sequence[SellerFacts]) -> SellerTable:
        def token(address: str) -> str:
            # As the ledger writes an address that stands in a table (`ledger.redaction`).
            return f"address:{self._opened.keyring.address_hash(normalise(address) or address)[:8].hex()}"

        return SellerTable(sellers, token)

    def _match(self, campaign: str, table: SellerTable) -> _Answer:
        chosen = fair_sample(self._book.reports(campaign=campaign), _MOST_ORIGINALS_FOR_SELLER)
        originals, witnesses = [], []
        for report in chosen:
            record = self._book.record(report.sha256)
            originals.append(record.originals[report.index])
            witnesses.append(Witness(record.reporter.address, report.person, report.house))
        hashes = self._hashes_of_senders(originals)
        known = self._customers_among({one.exact for one in hashes.values()})
        customers = {address for address, found in hashes.items() if found.exact in known}
        staff = self._opened.settings.staff_addresses

        def is_ours(address: str) -> bool:
            return address in customers or is_listed(address, staff)

        return _Answer(
            table.match([disclaim(one, is_ours) for one in originals], witnesses),
            frozenset(one.exact.hex() for one in hashes.values()),
            frozenset(hashes[address].exact.hex() for address in customers),
        )

    def _customers_among(self, hashes: Iterable[bytes]) -> frozenset[bytes]:
        """Those of the addresses (keyed hashes) that are a customer's own."""
        asked = sorted(set(hashes))
        return frozenset(self._ledger.customers_by_address(asked)) if asked else frozenset()

    def _hashes_of_senders(self, originals: Iterable[Original]) -> dict[str, AddressHashes]:
        """Senders who would not be taken for the sender, were they one of ours."""
        addresses = {one.sender.address for one in originals if may_be_passed_on(one)}
        found = {one: hashes_of(one, self._opened.keyring) for one in addresses if one is not None}
        return {address: hashed for address, hashed in found.items() if hashed is not None}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found of a campaign's seller, and on what it hangs besides reports and sellers table."""

    match: SellerMatch
    senders: frozenset[str]
    """Keyed hashes of those senders who would not be one, were they customers."""
    customers: frozenset[str]
    """Those of them who were."""

    def to_bytes(self) -> bytes:
        """As it is kept."""
        document = {"match": self.match, "senders": sorted(self.senders), "customers": sorted(self.customers)}
        return to_json(document, indent=None).encode("utf-8", "surrogatepass")

    @classmethod
    def from_bytes(cls, kept: bytes) -> _Answer:
        """The way back."""
        document = json.loads(kept)
        return cls(_match_from(document["match"]), frozenset(document["senders"]), frozenset(document["customers"]))


def fair_sample(reports: Sequence[StoredReport], count: int) -> list[StoredReport]:
    """At most so many reports, one of each house before the second of any: a flood hides nobody."""
    seen: dict[bytes, int] = {}
    rounds: list[tuple[int, int, StoredReport]] = []
    for report in sorted(reports, key=lambda one: hashlib.sha256(one.report.encode()).digest()):
        house = report.house or report.report.encode()
        seen[house] = seen.get(house, 0) + 1
        rounds.append((seen[house], len(rounds), report))
    return sorted((report for *_, report in sorted(rounds, key=lambda one: one[:2])[:count]), key=lambda r: r.report)


def _match_from(document: dict[str, object]) -> SellerMatch:
    terms = document.pop("terms")
    assert isinstance(terms, list)  # noqa: S101 - as it was sealed
    return SellerMatch(**document, terms=tuple(SellerTerm(**one) for one in terms))  # type: ignore[arg-type]
