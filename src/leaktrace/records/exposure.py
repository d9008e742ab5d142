"""Whose data: what the principals of a finding had been shown, and how many customers were mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from leaktrace.errors import UsageError


@dataclass(frozen=True, slots=True)
class MailedEstimate:
    """How many customers were mailed; null where unknown."""

    low: int | None
    mid: int | None
    high: int | None


ExposureStatus = Literal["confirmed", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class CallBack:
    """Customers drawn at random among those that the source had been shown, who were asked whether the mail came."""

    asked_count: int
    mailed_count: int
    """Of those asked."""

    def __post_init__(self) -> None:
        if not 0 <= self.mailed_count <= self.asked_count:
            raise UsageError(
                f"Of {self.asked_count} customers called back {self.mailed_count} cannot have had the mail.",
                "Give how many had it, then how many were asked: 12/40.",
            )


@dataclass(frozen=True, slots=True)
class ExposedCustomer:
    """One customer whose data the principals of a finding had been shown."""

    customer: str
    """The id as ingested."""
    status: ExposureStatus
    """`confirmed`: the mail is in evidence; `likely`: more than half of such customers were mailed, by the estimate."""
    first_shown_at: datetime
    """When the field in question was first shown in the window."""
    fields: tuple[str, ...]
    """All that were shown in the window, sorted."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Whose data: what the principals of a set had been shown."""

    customers_opened: int
    customers_confirmed: int
    customers_likely: int
    """Of the others, where the estimate says that more than half were mailed."""
    customers_possible: int
    """All the others."""
    mailed_estimate: MailedEstimate
    fields: dict[str, int]
    """Field -> distinct customers for whom it was shown."""
