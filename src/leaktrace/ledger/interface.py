"""What may be asked of a ledger, whatever engine answers. Every engine gives the same rows in the same order.

Times are microseconds UTC inside the arrays; windows are half-open. "Shown" means: an access whose `fields` has the
field in question. Customers and principals go by their keyed 64-bit numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from leaktrace.records import (
    AccessOrigin,
    AccessRows,
    ChannelUses,
    CustomerKey,
    CustomerTable,
    Exposures,
    IngestReport,
    Keys,
    LedgerStats,
    LogCoverage,
    PrincipalFacts,
    PrincipalKey,
    SellerFacts,
    Totals,
    Window,
)

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, rows or bytes done, of how many or None)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading a file or stream has cost so far."""

    row_count: int
    """Rows taken and rejected."""
    rejected_count: int
    seconds: float
    done_share: float | None
    """Part of the file that was read, 0 to 1; null where its end is not known."""

    @property
    def rows_per_second(self) -> float:
        """Rows a second since the beginning."""
        return self.row_count / max(self.seconds, 0.001)


@runtime_checkable
class CostProgress(Protocol):
    """A `Progress` that wants to know the cost as well."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """As any progress."""

    def cost(self, what: str, cost: Cost) -> None:
        """Called instead, where rows are read."""


def tell_cost(progress: Progress, what: str, cost: Cost) -> None:
    """Tells whoever listens as much as they want to know."""
    if isinstance(progress, CostProgress):
        progress.cost(what, cost)
    else:
        progress(what, cost.row_count, None)


class Ledger(Protocol):
    """Who opened which record."""

    def ingest(
        self,
        table: str,
        files: Sequence[Path],
        *,
        file_format: str | None = None,
        options: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Reads files into a table (DESIGN 4.1). Bad rows are kept aside; a bad file raises after the others are in."""

    def exposures(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> Exposures:
        """Who had been shown `field` of these customers in `[cutoff - window_days, cutoff)`, and when first."""

    def channels(self, cutoffs: Mapping[CustomerKey, datetime], field: str, window_days: int) -> ChannelUses:
        """By which tools and types of ticket `field` of these customers had been shown in the same time.

        A channel that one principal alone accounts for is that principal and is left out.
        """

    def opened_by(
        self,
        principals: Sequence[PrincipalKey],
        field: str,
        window: Window,
        *,
        limit: int | None = None,
        seed: int = 0,
    ) -> Exposures:
        """Which customers' `field` these principals were shown in the window, and when first.

        `limit`: at most so many customers a principal, a keyed-random sample that is the same for the same seed.
        """

    def accesses_of(self, principals: Sequence[PrincipalKey], window: Window) -> AccessRows:
        """Every access of these principals in the window. Of people, not of everybody: it comes whole into memory."""

    def access_origins(
        self, principals: Sequence[PrincipalKey], customers: Sequence[CustomerKey], window: Window
    ) -> tuple[AccessOrigin, ...]:
        """Accesses of these principals to these customers, by time, each with its log file and row."""

    def fields_shown(self, principals: Sequence[PrincipalKey], window: Window) -> dict[str, int]:
        """Field -> distinct customers for whom any of these principals was shown it in the window."""

    def totals(self, field: str, window: Window) -> Totals:
        """Distinct customers per principal, and how many customers there are."""

    def draw_controls(self, count: int, *, seed: int, near: Keys, exclude: Keys) -> Keys:
        """Customers to compare with: sorted keys, half of them drawn from all customers alike, half from the regions
        (else jurisdictions) that `near` live in, in their proportions. The same seed and ledger give the same draw.
        """

    def customers(self, keys: Keys) -> CustomerTable:
        """Attributes of these customers, in the order asked."""

    def principals(self, keys: Keys | None = None) -> tuple[PrincipalFacts, ...]:
        """Facts of these principals in the order asked; None: of all there are, in the table or in accesses."""

    def sellers(self) -> tuple[SellerFacts, ...]:
        """The sellers table, sorted by id."""

    def contacts(self, keys: Keys, seller: str | None, before: datetime) -> Keys:
        """Those of these customers (sorted) with a contact with the seller before the instant; None: with any."""

    def sellers_dealt_with(self, before: datetime) -> frozenset[str]:
        """Sellers with whom anybody at all had a contact before the instant; reads the contacts of all."""

    def dealings(self, cases: Keys, keys: Keys, before: datetime, *, but: str | None = None) -> ChannelUses:
        """With which sellers ("seller S"), and over which products ("product P"), these customers and the cases had
        contacts before the instant, and when first; and of which sellers they wrote reviews, which anybody can read
        ("reviewers of seller S", "reviewers of any seller"). Only what two cases or more have, of the most cases, 64
        at most; `but`: a seller who is left out with all products.
        """

    def known_elsewhere(self, keys: Keys, field: str, before: datetime) -> Keys:
        """Those of these customers (sorted) whose field somebody may know without us since before the instant."""

    def customers_by_address(self, hashes: Sequence[bytes]) -> dict[bytes, CustomerKey]:
        """Keyed address hash (exact or folded) -> the one customer that has it; ambiguous ones are left out."""

    def customer_names(self, keys: Keys) -> tuple[str, ...]:
        """Ids as ingested, in the order asked; LedgerError for a key the dictionary does not have."""

    def coverage(self, field: str, window: Window) -> LogCoverage:
        """What the log can and cannot show for the window."""

    def snapshot(self) -> str:
        """A digest of all that is committed: equal snapshots answer alike."""

    def stats(self) -> LedgerStats:
        """How much there is."""
