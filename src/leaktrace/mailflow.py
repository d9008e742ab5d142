"""From an abuse mailbox to evidence: raw bytes stored first, then read, remembered, grouped and tied to customers.

Customers are matched when a question is asked, never when mail comes: they may be ingested after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from leaktrace.errors import MailError, UsageError
from leaktrace.folder import Opened, cannot_write
from leaktrace.keptevidence import KeptEvidence
from leaktrace.ledger import Ledger, Progress
from leaktrace.mailroom import (
    FoundMessage,
    MailBook,
    RawStore,
    SellerMatch,
    StoredReport,
    group_reports,
    iter_messages,
    match_seller,
    read_mail,
    read_oversize,
)
from leaktrace.records import (
    Campaign,
    CustomerKey,
    Evidence,
    EvidenceItem,
    Keys,
    MailReport,
    MessageRecord,
    Original,
)
from leaktrace.setaside import write_rejects
from leaktrace.settings import Settings

_BATCH_COUNT = 200
_MOST_ORIGINALS_FOR_SELLER = 500


@dataclass(frozen=True, slots=True)
class _Matched:
    """A report with the customer it speaks for, if the ledger knows one."""

    report: StoredReport
    customer: CustomerKey | None


@dataclass(frozen=True, slots=True)
class MatchedReport:
    """One report: where its message is, and for which customer it speaks."""

    sha256: str
    """Of the complaint that holds it."""
    index: int
    """Its place in the complaint's `originals`."""
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


class MailFlow:
    """The mail of one workspace."""

    def __init__(self, opened: Opened, ledger: Ledger, evidence: KeptEvidence) -> None:
        self._opened = opened
        self._ledger = ledger
        self._folder = opened.path / "mail"
        self._rejects_file = self._folder / "rejects.ndjson"
        self._evidence = evidence
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._book = MailBook.open(self._folder, opened.keyring)

    def close(self) -> None:
        """Lets the book go."""
        self._book.close()

    def reseal(self) -> int:
        """Encrypts mail, raw and read, under the newest generation of the key; how many things were under an older."""
        return RawStore(self._folder / "raw", self._opened.keyring).reseal() + self._book.reseal()

    def receive(self, paths: Sequence[Path], *, now: datetime, progress: Progress | None = None) -> MailReport:
        """Stores each message, then reads it, then remembers it; a batch is remembered as a whole."""
        store = RawStore(self._folder / "raw", self._opened.keyring)
        counted = MailReport(0, 0, 0, 0, {})
        new_reports: set[str] = set()
        found = iter_messages(paths, settings=self._opened.settings)
        while batch := list(islice(found, _BATCH_COUNT)):
            kept = [message for message in batch if message.raw is not None]
            store.put_all(message.raw or b"" for message in kept)
            records = [_record(message, self._opened.settings) for message in batch]
            self._keep_aside(batch, records)
            added = self._book.add(records, seen_at=now)
            new_reports |= set(added.reports)
            counted = replace(
                counted,
                message_count=counted.message_count + added.message_count,
                report_count=counted.report_count + added.report_count,
                duplicate_count=counted.duplicate_count + added.duplicate_count,
                by_kind=_summed(counted.by_kind, added.by_kind),
            )
            if progress is not None:
                progress("messages", counted.message_count, None)
        unreadable = counted.by_kind.get("unreadable", 0)
        unmatched = sum(1 for one in self._matched() if one.customer is None and one.report.report in new_reports)
        aside = str(self._rejects_file) if unreadable else None
        return replace(counted, unmatched_count=unmatched, rejected_count=unreadable, rejects_file=aside)

    def campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns, most reports first."""
        grouped: dict[str, list[_Matched]] = {}
        for one in self._matched():
            if one.report.campaign is not None:
                grouped.setdefault(one.report.campaign, []).append(one)
        found = [self._campaign(name, members) for name, members in grouped.items()]
        found += [_listed(evidence) for evidence in self._evidence]
        late = datetime.max.replace(tzinfo=UTC)
        return tuple(sorted(found, key=lambda c: (-c.report_count, c.first_mail_at or late, c.campaign)))

    def campaign_ids(self) -> frozenset[str]:
        """The campaigns that came as mail."""
        return frozenset(report.campaign for report in self._grouped() if report.campaign is not None)

    def evidence_of(self, campaign: str) -> Evidence:
        """One item for each report of a campaign whose customer is known."""
        for evidence in self._evidence:
            if evidence.campaign == campaign:
                return evidence
        members = [one for one in self._matched() if one.report.campaign == campaign]
        if not members:
            raise UsageError(f"There is no campaign '{campaign}'.", "'leaktrace campaigns' lists them.")
        known = [one for one in members if one.customer is not None]
        keys: Keys = np.array([one.customer for one in known], dtype=np.uint64)
        names = self._ledger.customer_names(keys)
        told = self._campaign(campaign, members)
        believed = self._opened.settings.report_delay_days
        return Evidence(
            items=tuple(_item(one.report, name, believed) for one, name in zip(known, names, strict=True)),
            campaign=campaign,
            seller=told.seller,
            seller_probability=told.seller_probability,
        )

    def reporters_of_others(self, campaign: str) -> Keys:
        """Customers who reported other campaigns: they complain as readily as this one's, and were not leaked by it."""
        keys = {one.customer for one in self._matched() if one.customer is not None and one.report.campaign != campaign}
        return np.array(sorted(keys), dtype=np.uint64)

    def reports_of(self, campaign: str) -> tuple[MatchedReport, ...]:
        """The mail reports of a campaign; none where it came as a table."""
        return tuple(
            MatchedReport(one.report.sha256, one.report.index, one.customer)
            for one in self._matched()
            if one.report.campaign == campaign
        )

    def record(self, sha256: str) -> MessageRecord:
        """What a message that was received is."""
        return self._book.record(sha256)

    def raw(self, sha256: str) -> bytes:
        """The bytes of a message that was received."""
        return RawStore(self._folder / "raw", self._opened.keyring).get(sha256)

    def traces(self) -> tuple[CampaignTraces, ...]:
        """What each campaign may have in common with another one, in the order of their ids."""
        grouped: dict[str, list[_Matched]] = {}
        for one in self._matched():
            if one.report.campaign is not None:
                grouped.setdefault(one.report.campaign, []).append(one)
        found = [_traces(self._campaign(name, members), members) for name, members in grouped.items()]
        found += [self.traces_of(evidence) for evidence in self._evidence]
        return tuple(sorted(found, key=lambda one: one.campaign.campaign))

    def traces_of(self, evidence: Evidence) -> CampaignTraces:
        """The same of evidence that came as a table: it shows no sender."""
        customers = self._opened.keyring.customer_keys(sorted({item.customer for item in evidence.items}))
        return CampaignTraces(_listed(evidence), np.unique(customers), {}, 0)

    # --- inside -------------------------------------------------------------------------------------------

    def _keep_aside(self, batch: Sequence[FoundMessage], records: Sequence[MessageRecord]) -> None:
        """Writes down which messages could not be read and why, each once, before the book knows them."""
        unreadable = {
            record.sha256: (
                Path(message.file),
                {"byte": message.offset, "sha256": record.sha256, "reason": record.reason},
            )
            for message, record in zip(batch, records, strict=True)
            if record.kind == "unreadable"
        }
        if not unreadable:
            return
        try:
            known = self._rejects_file.read_text(encoding="utf-8") if self._rejects_file.exists() else ""
            new = [one for sha256, one in unreadable.items() if sha256 not in known]
            if new:
                write_rejects(self._rejects_file, new, self._opened.keyring, before=known)
        except OSError as error:
            raise cannot_write(self._rejects_file, error) from error

    def _regroup(self) -> None:
        reports = self._book.reports()
        known = {report.report: report.campaign for report in reports if report.campaign is not None}
        groups = group_reports([report.groupable() for report in reports], known)
        assigned = {report: group.campaign for group in groups for report in group.reports}
        changed = {report: name for report, name in assigned.items() if known.get(report) != name}
        if changed:
            self._book.assign(changed)

    def _grouped(self) -> tuple[StoredReport, ...]:
        """All reports, each in a campaign; those that an interrupted `receive` left without one are grouped now."""
        reports = self._book.reports()
        if all(report.campaign is not None for report in reports):
            return reports
        self._regroup()
        return self._book.reports()

    def _matched(self) -> list[_Matched]:
        reports = self._grouped()
        hashes = {
            digest
            for report in reports
            for address in (report.reporter, *report.recipients)
            if address is not None
            for digest in (address.exact, address.folded)
        }
        known = self._ledger.customers_by_address(sorted(hashes))
        return [_Matched(report, _customer(report, known)) for report in reports]

    def _campaign(self, name: str, members: list[_Matched]) -> Campaign:
        match = self._seller(members)
        times = [at for one in members if (at := _mail_at(one.report)) is not None]
        return Campaign(
            campaign=name,
            seller=match.seller,
            seller_probability=match.probability,
            report_count=len(members),
            customer_count=len({one.customer for one in members if one.customer is not None}),
            first_mail_at=min(times, default=None),
            seller_reason=match.reason,
        )

    def _seller(self, members: list[_Matched]) -> SellerMatch:
        chosen = sorted(members, key=lambda one: one.report.report)[:_MOST_ORIGINALS_FOR_SELLER]
        return match_seller([self._original(one.report) for one in chosen], self._ledger.sellers())

    def _original(self, report: StoredReport) -> Original:
        return self._book.record(report.sha256).originals[report.index]


def inspect_files(paths: Sequence[Path], settings: Settings, dns_keys: Path | None) -> tuple[MessageRecord, ...]:
    """What each message in these files is; stores nothing. `dns_keys`: lines of name TAB record."""
    keys = None if dns_keys is None else _dns_keys(dns_keys)
    return tuple(_record(message, settings, keys) for message in iter_messages(paths, settings=settings))


def _dns_keys(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MailError(f"{path}: cannot be read as text.", "It has one key a line: name TAB record.") from error
    keys: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, tab, record = line.partition("\t")
        if not tab:
            raise MailError(f"{path}: line {number} has no TAB.", "Each line is: name TAB record.")
        keys[name.strip().rstrip(".").lower()] = record.strip()
    return keys


def _record(message: FoundMessage, settings: Settings, keys: Mapping[str, str] | None = None) -> MessageRecord:
    if message.raw is None:
        return read_oversize(
            sha256=message.sha256,
            size_bytes=message.size_bytes,
            beginning=message.beginning,
            settings=settings,
            file=message.file,
        )
    return read_mail(message.raw, settings=settings, dns_keys=keys, file=message.file)


def _summed(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {kind: first.get(kind, 0) + second.get(kind, 0) for kind in sorted({*first, *second})}


def _customer(report: StoredReport, known: Mapping[bytes, CustomerKey]) -> CustomerKey | None:
    """The one customer whom the mail was sent to, else the one who reported it; exact addresses before folded ones."""
    for exact in (True, False):
        found = {
            known[digest]
            for address in report.recipients
            if (digest := address.exact if exact else address.folded) in known
        }
        if len(found) == 1:
            return found.pop()
    if report.reporter is None:
        return None
    return known.get(report.reporter.exact, known.get(report.reporter.folded))


def _traces(campaign: Campaign, members: Sequence[_Matched]) -> CampaignTraces:
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


def _item(report: StoredReport, customer: str, believed_days: int) -> EvidenceItem:
    told = report.reported_at or report.seen_at
    mailed = _mail_at(report)
    if report.received_at is None and mailed is not None and mailed < told - timedelta(days=believed_days):
        # A sender who dates his mail years back would make all that was opened since look too late.
        mailed = None
    return EvidenceItem(
        customer=customer,
        kind="report",
        received_at=mailed,
        reported_at=told,
        grade=report.grade,
        reporter=_reporter(report),
        source=report.report,
    )


def _reporter(report: StoredReport) -> str | None:
    """Who told. A feedback report is the provider's; behind it is the recipient, each one a reporter of his own."""
    behind = report.recipients[0] if report.recipients else None
    address = behind if report.form in {"arf", "xarf"} else report.reporter or behind
    return None if address is None else hashlib.sha256(address.folded).hexdigest()[:16]


def _listed(evidence: Evidence) -> Campaign:
    times = [at for item in evidence.items if (at := item.received_at or item.reported_at) is not None]
    return Campaign(
        campaign=evidence.campaign,
        seller=evidence.seller,
        seller_probability=evidence.seller_probability,
        report_count=len(evidence.items),
        customer_count=len({item.customer for item in evidence.items}),
        first_mail_at=min(times, default=None),
        seller_reason="The evidence file names the seller."
        if evidence.seller
        else "The evidence file names no seller.",
    )
