"""What a finding stands on, for a hand-over: its evidence terms, and the accesses of whom it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from leaktrace.errors import UsageError
from leaktrace.instants import moved
from leaktrace.intake.mailflow import MailFlow
from leaktrace.keys import Keyring
from leaktrace.ledger import Ledger
from leaktrace.records import Window, to_json
from leaktrace.response.bundle import BundledAccess
from leaktrace.settings import Settings


class LedgerBehind:
    """From ledger and mail book; `looked` is told first whose accesses are looked at, by what they are called."""

    def __init__(
        self, ledger: Ledger, mail: MailFlow, keyring: Keyring, settings: Settings, looked: Callable[[str], None]
    ) -> None:
        self._ledger, self._mail, self._keyring, self._settings, self._looked = ledger, mail, keyring, settings, looked

    def evidence(self, campaign: str) -> bytes | None:
        """The evidence as `leaktrace trace` weighs it now; None where the campaign is no longer there."""
        try:
            return to_json(self._mail.evidence_of(campaign)).encode()
        except UsageError:
            return None

    def mails(self, campaign: str) -> Iterator[tuple[str, bytes]]:
        """(SHA-256, raw bytes) of each message that holds a report of the campaign, by digest; none of a table."""
        for sha256 in sorted({one.sha256 for one in self._mail.reports_of(campaign)}):
            yield sha256, self._mail.raw(sha256)

    def accesses(self, campaign: str, principals: Mapping[str, str]) -> tuple[BundledAccess, ...]:
        """Accesses to customers in evidence, from the start of the window to each customer's own mail; by time.

        `principals`: id as ingested -> what the look-up log calls them.
        """
        until = self._cutoffs(campaign)
        if not until or not principals:
            return ()
        for called in principals.values():
            self._looked(called)
        last = max(until.values())
        keys = self._keyring.principal_keys(list(principals))
        names = dict(zip(keys.tolist(), principals, strict=True))
        customers = dict(zip(self._keyring.customer_keys(sorted(until)).tolist(), sorted(until), strict=True))
        window = Window(moved(last, -timedelta(days=self._settings.exposure_window_days)), last)
        found = self._ledger.access_origins(keys.tolist(), list(customers), window)
        return tuple(
            BundledAccess(
                one.at, names[one.principal], customers[one.customer], one.fields, one.tool, one.reason,
                one.source_sha256, one.source_row,
            )
            for one in found
            if one.at < until[customers[one.customer]]
        )  # fmt: skip

    def _cutoffs(self, campaign: str) -> dict[str, datetime]:
        try:
            items = self._mail.evidence_of(campaign).items
        except UsageError:
            return {}
        found: dict[str, datetime] = {}
        for item in items:
            at = item.received_at or item.reported_at
            if at is not None:
                found[item.customer] = min(at, found.get(item.customer, at))
        return found
