"""From reports to campaigns, their sellers and their evidence: the half of the mail that answers questions.

Customers are matched when a question is asked, never when mail comes: they may be ingested after it. So are sellers,
and what was found of them is kept (`campaignsellers`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from leaktrace.errors import UsageError, meant
from leaktrace.folder import Opened
from leaktrace.instants import moved
from leaktrace.intake.campaigndetails import decision_of, member_of
from leaktrace.intake.campaignsellers import CampaignSellers
from leaktrace.intake.evidence import merged_items
from leaktrace.intake.keptevidence import KeptEvidence
from leaktrace.ledger import Ledger
from leaktrace.lookuplog import demand_no_address
from leaktrace.mailroom import (
    AddressHashes,
    CampaignCounts,
    MailBook,
    SellerMatch,
    StoredReport,
    group_pending,
    merge,
    regroup,
    split,
    standing,
    undo,
)
from leaktrace.records import (
    Campaign,
    CampaignDecision,
    CampaignDetail,
    CustomerKey,
    Evidence,
    EvidenceItem,
    Keys,
)

_AS_TABLE = "To part or join what is in tables, write other files and ingest those."


@dataclass(frozen=True, slots=True)
class Matched:
    """A report with the customer it speaks for, if the ledger knows one."""

    report: StoredReport
    customer: CustomerKey | None


@dataclass(frozen=True, slots=True)
class CampaignTraces:
    """What one campaign may have in common with another."""

    campaign: Campaign
    customers: Keys
    """Sorted."""
    hosts: Mapping[str, frozenset[bytes]]
    """Domain or mailbox (a keyed hash) of the sender's side -> reporters whose mail shows it."""
    reporter_count: int


class CampaignFlow:
    """The campaigns of one workspace."""

    def __init__(self, opened: Opened, ledger: Ledger, evidence: KeptEvidence, book: MailBook) -> None:
        self._opened = opened
        self._ledger = ledger
        self._evidence = evidence
        self._book = book
        self._sellers = CampaignSellers(opened, ledger, book)

    def unmatched_count(self, reports: Collection[str]) -> int:
        """How many of these reports (ids) speak for nobody the ledger knows."""
        return sum(one.customer is None for one in self._matched(self._book.reports(only=reports)))

    def campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns, most reports first; only what changed since is decoded."""
        group_pending(self._book.groups)
        counts = self._book.groups.campaigns()
        customers = self._customers_by_campaign()
        sellers = self._sellers.of(counts)
        found = [_campaign(one, len(customers.get(one.campaign, ())), sellers[one.campaign]) for one in counts]
        found += [listed_campaign(evidence) for evidence in self._evidence]
        late = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda c: (-c.report_count, c.first_mail_at or late, c.campaign)))

    def campaign_ids(self) -> frozenset[str]:
        """The campaigns that came as mail."""
        group_pending(self._book.groups)
        return self._book.groups.names()

    def members(self, campaign: str) -> tuple[Campaign, list[Matched]]:
        """A campaign that came as mail, and its reports; a former name leads to where its mail is now."""
        group_pending(self._book.groups)
        name = self._book.groups.name_now(campaign)
        counts = {one.campaign: one for one in self._book.groups.campaigns()} if name is not None else {}
        if name is None or name not in counts:
            if any(evidence.campaign == campaign for evidence in self._evidence):
                raise UsageError(f"{campaign} came as an evidence table: it is one campaign as it is.", _AS_TABLE)
            there = (one.campaign for one in self._book.groups.campaigns())
            hint = f"{meant(campaign, there)}'leaktrace campaigns' lists them."
            raise UsageError(f"There is no campaign '{campaign}'.", hint)
        matched = self._matched(self._book.reports(campaign=name))
        customers = {one.customer for one in matched if one.customer is not None}
        told = _campaign(counts[name], len(customers), self._sellers.of([counts[name]])[name])
        return told, matched

    def evidence_of(self, campaign: str) -> Evidence:
        """One item for each report of a campaign whose customer is known."""
        for evidence in self._evidence:
            if evidence.campaign == campaign:
                return evidence
        told, members = self.members(campaign)
        known = [one for one in members if one.customer is not None]
        keys: Keys = np.array([one.customer for one in known], dtype=np.uint64)
        names = self._ledger.customer_names(keys)
        believed, disowned = self._opened.settings.report_delay_days, self._book.disowned
        return Evidence(
            items=tuple(_item(one.report, name, believed, disowned) for one, name in zip(known, names, strict=True)),
            campaign=told.campaign,
            seller=told.seller,
            seller_probability=told.seller_probability,
        )

    def detail(self, campaign: str) -> CampaignDetail:
        """A campaign with its reports, why each is there, and what investigators decided about it."""
        for evidence in self._evidence:
            if evidence.campaign == campaign:
                return CampaignDetail(listed_campaign(evidence), (), (), ())
        told, members = self.members(campaign)
        groups = self._book.groups
        joins, former = groups.joins(told.campaign), groups.former_names(told.campaign)
        late = datetime.max.replace(tzinfo=UTC)
        reports = sorted((one.report for one in members), key=lambda one: (one.mail_at or late, one.report))
        about = {told.campaign, *former}
        decided = self.decisions()
        return CampaignDetail(
            campaign=told,
            former_names=former,
            members=tuple(member_of(report, joins[report.report]) for report in reports if report.report in joins),
            decisions=tuple(one for one in decided if {one.campaign, one.other} & about),
        )

    def decisions(self) -> tuple[CampaignDecision, ...]:
        """What investigators decided about campaigns, the oldest first."""
        decided = self._book.groups.decisions()
        holding = {one.number for one in standing(decided)}
        return tuple(decision_of(one, holds=one.number in holding or one.what == "undo") for one in decided)

    def split(self, campaign: str, reports: Sequence[str], *, who: str, why: str, now: datetime) -> CampaignDecision:
        """Takes reports (ids, or beginnings of ids that one report of it has) out of a campaign into a new one."""
        told, members = self.members(campaign)
        ids = [_one_of([one.report.report for one in members], given) for given in reports]
        return decision_of(split(self._book.groups, told.campaign, ids, who=who, why=_why(why), now=now), holds=True)

    def merge(self, campaign: str, other: str, *, who: str, why: str, now: datetime) -> CampaignDecision:
        """Makes two campaigns one; the first one's name stays."""
        names = [self.members(one)[0].campaign for one in (campaign, other)]
        return decision_of(merge(self._book.groups, *names, who=who, why=_why(why), now=now), holds=True)

    def undo(self, number: int, *, who: str, why: str, now: datetime) -> CampaignDecision:
        """Takes a split or merge back."""
        return decision_of(undo(self._book.groups, number, who=who, why=_why(why), now=now), holds=True)

    def regroup(self) -> int:
        """Groups all reports anew; names and decisions stay. Returns how many reports there are."""
        return regroup(self._book.groups)

    def reporters_of_others(self, campaign: str) -> Keys:
        """Customers who reported other campaigns: they complain as readily as this one's, and were not leaked by it."""
        group_pending(self._book.groups)
        others = self._customers_by_campaign()
        others.pop(campaign, None)
        return np.array(sorted(set().union(*others.values())), dtype=np.uint64)

    def traces(self) -> tuple[CampaignTraces, ...]:
        """What each campaign may have in common with another one, in the order of their ids."""
        campaigns = {one.campaign: one for one in self.campaigns()}
        grouped: dict[str, list[Matched]] = {}
        for one in self._matched(self._book.reports()):
            if one.report.campaign is not None:
                grouped.setdefault(one.report.campaign, []).append(one)
        found = [_traces(campaigns[name], members) for name, members in grouped.items()]
        found += [self.traces_of(evidence) for evidence in self._evidence]
        return tuple(sorted(found, key=lambda one: one.campaign.campaign))

    def traces_of(self, evidence: Evidence) -> CampaignTraces:
        """The same of evidence that came as a table: it shows no sender."""
        customers = self._opened.keyring.customer_keys(sorted({item.customer for item in evidence.items}))
        return CampaignTraces(listed_campaign(evidence), np.unique(customers), {}, 0)

    # --- customers ------------------------------------------------------------------------------------------

    def _matched(self, reports: Sequence[StoredReport]) -> list[Matched]:
        known = self._known(
            address for report in reports for address in (report.reporter, *report.recipients) if address is not None
        )
        return [Matched(report, _customer(report.reporter, report.recipients, known)) for report in reports]

    def _known(self, addresses: Iterable[AddressHashes]) -> dict[bytes, CustomerKey]:
        hashes = {digest for address in addresses for digest in (address.exact, address.folded)}
        return self._ledger.customers_by_address(sorted(hashes)) if hashes else {}

    def _customers_by_campaign(self) -> dict[str, set[CustomerKey]]:
        """The known customers of each campaign, without a look at any record."""
        reports: dict[int, tuple[str | None, list[AddressHashes], list[AddressHashes]]] = {}
        for campaign, number, role, exact, folded in self._book.groups.addresses():
            _, told, named = reports.setdefault(number, (campaign, [], []))
            (told if role == "reporter" else named).append(AddressHashes(exact, folded))
        known = self._known(one for _, told, named in reports.values() for one in (*told, *named))
        found: dict[str, set[CustomerKey]] = {}
        for campaign, told, named in reports.values():
            customer = _customer(told[0] if told else None, named, known)
            if campaign is not None and customer is not None:
                found.setdefault(campaign, set()).add(customer)
        return found


def _one_of(reports: Sequence[str], given: str) -> str:
    found = [report for report in reports if report == given] or [one for one in reports if one.startswith(given)]
    if len(found) != 1 or not given:
        many = "no report" if not found else "more than one report"
        raise UsageError(f"{many.capitalize()} of this campaign is '{given}'.", "'campaigns show' lists them.")
    return found[0]


def _why(why: str) -> str:
    if not why.strip():
        raise UsageError("It is not said why.", "Give a reason with --why; it is written beside the decision.")
    demand_no_address(why, "reason (--why)")
    return why.strip()


def _campaign(counts: CampaignCounts, customer_count: int, match: SellerMatch) -> Campaign:
    return Campaign(
        campaign=counts.campaign,
        seller=match.seller,
        seller_probability=match.probability,
        report_count=counts.report_count,
        customer_count=customer_count,
        first_mail_at=counts.first_mail_at,
        seller_reason=match.reason,
        seller_terms=match.terms,
        impersonated_seller=match.impersonated,
        impersonation_reason=match.impersonation_reason,
        reporter_count=counts.reporter_count,
    )


def _customer(
    reporter: AddressHashes | None, recipients: Sequence[AddressHashes], known: Mapping[bytes, CustomerKey]
) -> CustomerKey | None:
    """The one customer whom the mail was sent to, else the one who reported it; exact addresses before folded ones."""
    for exact in (True, False):
        found = {
            known[digest] for address in recipients if (digest := address.exact if exact else address.folded) in known
        }
        if len(found) == 1:
            return found.pop()
    if reporter is None:
        return None
    return known.get(reporter.exact, known.get(reporter.folded))


def _traces(campaign: Campaign, members: Sequence[Matched]) -> CampaignTraces:
    hosts: dict[str, set[bytes]] = {}
    reporters = set()
    for one in members:
        told = one.report.reporter or next(iter(one.report.recipients), None)
        reporter = one.report.sha256.encode() if told is None else told.folded
        reporters.add(reporter)
        features = one.report.features
        for host in features.sender | features.reply | features.links | features.signers:
            hosts.setdefault(host, set()).add(reporter)
    customers = {one.customer for one in members if one.customer is not None}
    shown = {host: frozenset(seen) for host, seen in hosts.items()}
    return CampaignTraces(campaign, np.array(sorted(customers), dtype=np.uint64), shown, len(reporters))


def _mail_at(report: StoredReport) -> datetime | None:
    """When the customer got it: a trusted Received time, else the start of what the sender claims (guard 4)."""
    return report.received_at or report.sent_between.start


def _item(report: StoredReport, customer: str, believed_days: int, disowned: bytes) -> EvidenceItem:
    told = report.reported_at or report.seen_at
    mailed = _mail_at(report)
    if report.received_at is None and mailed is not None and mailed < moved(told, -timedelta(days=believed_days)):
        # A sender who dates his mail years back would make all that was opened since look too late.
        mailed = None
    return EvidenceItem(
        customer=customer,
        kind="report",
        received_at=mailed,
        reported_at=told,
        grade=report.grade,
        reporter=_reporter(report, disowned),
        source=report.report,
    )


def _reporter(report: StoredReport, disowned: bytes) -> str | None:
    """Who told. A feedback report is the provider's; behind it is the recipient, each one a reporter of his own.

    Reports whose sender is disowned may all be one forger's: together they are one reporter.
    """
    if report.person == disowned:
        return hashlib.sha256(disowned).hexdigest()[:16]
    behind = report.recipients[0] if report.recipients else None
    address = behind if report.form in {"arf", "xarf"} else report.reporter or behind
    return None if address is None else hashlib.sha256(address.folded).hexdigest()[:16]


def listed_campaign(evidence: Evidence) -> Campaign:
    """The campaign that an evidence table is, counted as its finding counts: a customer told twice is one report, and
    what is on a list for sale, a decoy's mail or a decoy that stayed silent is none.
    """
    merged = merged_items(evidence.items)
    times = [at for item in merged if (at := item.received_at or item.reported_at) is not None]
    return Campaign(
        campaign=evidence.campaign,
        seller=evidence.seller,
        seller_probability=evidence.seller_probability,
        report_count=sum(item.kind == "report" for item in merged),
        customer_count=sum(item.kind != "decoy" or item.received_at is not None for item in merged),
        first_mail_at=min(times, default=None),
        seller_reason="The evidence file names the seller."
        if evidence.seller
        else "The evidence file names no seller.",
        reporter_count=len({item.reporter or item.customer for item in merged if item.kind == "report"}),
    )
