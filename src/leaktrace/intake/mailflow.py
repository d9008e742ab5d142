"""From an abuse mailbox to evidence: raw bytes stored first, then read, remembered, grouped and tied to customers.

Customers are matched when a question is asked, never when mail comes: they may be ingested after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from leaktrace.errors import MailError
from leaktrace.folder import Opened, cannot_write
from leaktrace.intake.campaignflow import CampaignFlow, CampaignTraces
from leaktrace.intake.keptevidence import KeptEvidence
from leaktrace.ledger import Ledger, Progress
from leaktrace.mailroom import (
    KEYS_DB,
    AddedMail,
    AnswerBook,
    DnsServer,
    FoundAnswer,
    FoundKey,
    FoundMessage,
    KeyBook,
    MailBook,
    RawStore,
    content_sha256,
    empty_sentence,
    group_pending,
    iter_messages,
    read_answers,
    read_mail,
    read_oversize,
)
from leaktrace.records import Campaign, CustomerKey, Evidence, Keys, MailReport, MessageRecord
from leaktrace.setaside import MailRejects
from leaktrace.settings import Settings

_BATCH_COUNT, _BATCH_BYTES = 200, 64_000_000
"""Messages stored, synced and remembered together: the disk is waited for once for all of them."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Messages whose bytes are stored and whose records are in the book, whatever kills the process from now on."""

    messages: tuple[FoundMessage, ...]
    records: tuple[MessageRecord, ...]
    """What each of them is, in the same order."""
    added: AddedMail


@dataclass(frozen=True, slots=True)
class MatchedReport:
    """One report: where its message is, and for which customer it speaks."""

    sha256: str
    """Of the complaint that holds it."""
    index: int
    """Its place in the complaint's `originals`."""
    customer: CustomerKey | None


class MailTally:
    """What became of the messages so far, over all batches of one reading."""

    def __init__(self) -> None:
        self.message_count = self.report_count = self.duplicate_count = self.resent_count = 0
        self.by_kind: dict[str, int] = {}
        self.reports: set[str] = set()

    def add(self, added: AddedMail) -> None:
        """Counts a committed batch."""
        self.message_count += added.message_count
        self.report_count += added.report_count
        self.duplicate_count += added.duplicate_count
        self.resent_count += added.resent_count
        self.by_kind = _summed(self.by_kind, added.by_kind)
        self.reports |= set(added.reports)


class MailFlow:
    """The mail of one workspace."""

    def __init__(self, opened: Opened, ledger: Ledger, evidence: KeptEvidence) -> None:
        self._opened = opened
        self._folder = opened.path / "mail"
        self._rejects_file = self._folder / "rejects.ndjson"
        self._rejects = MailRejects(self._rejects_file, opened.keyring)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._raw: RawStore | None = None
        self._book = MailBook.open(self._folder, opened.keyring, opened.settings.own_domains)
        self._flow = CampaignFlow(opened, ledger, evidence, self._book)

    def close(self) -> None:
        """Lets the book go."""
        self._book.close()

    def reseal(self) -> int:
        """Encrypts mail, raw and read, under the newest generation of the key; how many things were under an older."""
        # The book first: damaged raw mail does not keep it under the older key.
        return self._book.reseal() + self._store().reseal()

    def receive(self, paths: Sequence[Path], *, now: datetime, progress: Progress | None = None) -> MailReport:
        """Stores each message, then reads it, then remembers it; a batch is remembered as a whole."""
        tally, empty = MailTally(), list[Path]()
        for batch in batches(iter_messages(paths, settings=self._opened.settings, nothing_in=empty.append)):
            tally.add(self.receive_messages(batch, now=now).added)
            if progress is not None:
                progress("messages", tally.message_count, None)
        return replace(self.report_of(tally), notes=tuple(map(empty_sentence, empty)))

    def receive_messages(self, batch: Sequence[FoundMessage], *, now: datetime) -> Committed:
        """Takes one batch in, all of it or nothing; when it returns, whoever gave the messages may dispose of them.

        LeaktraceError where the disk does not take it: the same batch may come again.
        """
        raws = [message.raw for message in batch if message.raw is not None]
        self._store().put_all(raws)
        with contextlib.ExitStack() as opened:
            keys, names = self._key_book(now), self._answer_book(now)
            for book in (keys, names):
                if book is not None:
                    opened.callback(book.close)
            records = [_record(message, self._opened.settings, keys, names) for message in batch]
        self._keep_aside(batch, records)
        contents = {message.sha256: content_sha256(message.raw) for message in batch if message.raw is not None}
        added = self._book.add(records, seen_at=now, contents=contents)
        return Committed(tuple(batch), tuple(records), added)

    def report_of(self, tally: MailTally) -> MailReport:
        """The report on one reading of the mail."""
        unreadable = tally.by_kind.get("unreadable", 0)
        group_pending(self._book.groups)
        unmatched = self._flow.unmatched_count(tally.reports)
        return MailReport(
            message_count=tally.message_count,
            report_count=tally.report_count,
            duplicate_count=tally.duplicate_count,
            unmatched_count=unmatched,
            by_kind=tally.by_kind,
            rejected_count=unreadable,
            rejects_file=str(self._rejects_file) if unreadable else None,
            resent_count=tally.resent_count,
        )

    # --- questions: see `CampaignFlow` ----------------------------------------------------------------------

    @property
    def flow(self) -> CampaignFlow:
        """Grouping, sellers and evidence."""
        return self._flow

    def campaigns(self) -> tuple[Campaign, ...]:
        """All campaigns, most reports first."""
        return self._flow.campaigns()

    def campaign_ids(self) -> frozenset[str]:
        """The campaigns that came as mail."""
        return self._flow.campaign_ids()

    def evidence_of(self, campaign: str) -> Evidence:
        """One item for each report of a campaign whose customer is known."""
        return self._flow.evidence_of(campaign)

    def reporters_of_others(self, campaign: str) -> Keys:
        """Customers who reported other campaigns: they complain as readily as this one's, and were not leaked by it."""
        return self._flow.reporters_of_others(campaign)

    def reports_of(self, campaign: str) -> tuple[MatchedReport, ...]:
        """The mail reports of a campaign; none where it came as a table."""
        if campaign not in self.campaign_ids():
            return ()
        members = self._flow.members(campaign)[1]
        return tuple(MatchedReport(one.report.sha256, one.report.index, one.customer) for one in members)

    def record(self, sha256: str) -> MessageRecord:
        """What a message that was received is."""
        return self._book.record(sha256)

    def raw(self, sha256: str) -> bytes:
        """The bytes of a message that was received."""
        return self._store().get(sha256)

    def traces(self) -> tuple[CampaignTraces, ...]:
        """What each campaign may have in common with another one, in the order of their ids."""
        return self._flow.traces()

    def traces_of(self, evidence: Evidence) -> CampaignTraces:
        """The same of evidence that came as a table: it shows no sender."""
        return self._flow.traces_of(evidence)

    # --- inside -------------------------------------------------------------------------------------------

    def dns_keys(self) -> tuple[FoundKey, ...]:
        """Every DKIM key record that was found when mail came, oldest first."""
        book = self._key_book(datetime.min.replace(tzinfo=UTC))
        if book is None:
            return ()
        with contextlib.closing(book):
            return book.history()

    def _key_book(self, now: datetime) -> KeyBook | None:
        """DKIM keys found so far and, where servers are named, those still to be found; null where neither is."""
        servers, path = self._opened.settings.dns_servers, self._folder / KEYS_DB
        if not servers and not path.exists():
            return None
        return KeyBook(path, DnsServer(servers) if servers else None, lambda: now)

    def dns_answers(self) -> tuple[FoundAnswer, ...]:
        """Everything that was found for SPF and DMARC when mail came, oldest first."""
        path = self._folder / KEYS_DB
        return read_answers(path) if path.exists() else ()

    def _answer_book(self, now: datetime) -> AnswerBook | None:
        """What SPF and DMARC ask the DNS; null where it is not to be asked."""
        servers = self._opened.settings.dns_servers
        return AnswerBook(self._folder / KEYS_DB, DnsServer(servers), lambda: now) if servers else None

    def _store(self) -> RawStore:
        if self._raw is None:
            self._raw = RawStore(self._folder / "raw", self._opened.keyring)
        return self._raw

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
            self._rejects.add(unreadable)
        except OSError as error:
            raise cannot_write(self._rejects_file, error) from error


def batches(found: Iterable[FoundMessage]) -> Iterator[list[FoundMessage]]:
    """Messages in their order, so many at a time as can be held in memory; one by itself may be larger."""
    batch: list[FoundMessage] = []
    held_bytes = 0
    for message in found:
        batch.append(message)
        held_bytes += 0 if message.raw is None else message.size_bytes
        if len(batch) == _BATCH_COUNT or held_bytes >= _BATCH_BYTES:
            yield batch
            batch, held_bytes = [], 0
    if batch:
        yield batch


def inspect_files(
    paths: Sequence[Path], settings: Settings, dns_keys: Path | None, tell: Callable[[str], None] = lambda _: None
) -> tuple[MessageRecord, ...]:
    """What each message in these files is; stores nothing. `dns_keys`: lines of name TAB record."""
    keys = None if dns_keys is None else _dns_keys(dns_keys)
    found = iter_messages(paths, settings=settings, nothing_in=lambda path: tell(empty_sentence(path)))
    return tuple(_record(message, settings, keys) for message in found)


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


def _record(
    message: FoundMessage,
    settings: Settings,
    keys: Mapping[str, str] | None = None,
    names: AnswerBook | None = None,
) -> MessageRecord:
    if message.raw is None:
        return read_oversize(
            sha256=message.sha256,
            size_bytes=message.size_bytes,
            beginning=message.beginning,
            settings=settings,
            file=message.file,
        )
    if names is not None:
        names.next_mail()
    return read_mail(
        message.raw, settings=settings, dns_keys=keys, file=message.file, envelope=message.envelope, names=names
    )


def _summed(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {kind: first.get(kind, 0) + second.get(kind, 0) for kind in sorted({*first, *second})}
