"""What is asked of a piece of evidence: whose field, in which time, and which customers are cases. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution import Case
from leaktrace.instants import EPOCH, LAST, microseconds, moved
from leaktrace.intake.evidence import merged_items
from leaktrace.records import Evidence, EvidenceItem, Window
from leaktrace.settings import Settings

COUNTED_SHARE = 0.9
"""Of the cases whose mail has a known time, so many have it before `Question.counted_until`."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: whose field, in which stretch of time, and who may know the customer lawfully."""

    field: str
    seller: str | None
    window: Window
    """From the first access that may count to the campaign's first mail."""
    last_mail_at: datetime
    counted_until: datetime
    """How much anybody opened at all is counted until then: nearly all cases' exposures end no later."""
    items: tuple[EvidenceItem, ...]
    """One per customer, earliest first."""
    unknown_count: int
    """Customers in evidence that the ledger does not have."""

    @property
    def start_at(self) -> datetime:
        """The campaign's first mail."""
        return self.window.end or EPOCH

    @property
    def counted(self) -> Window:
        """In which it is counted how much anybody opened: what is opened while the mails go out is a hit for those who
        get theirs later, so it belongs to how much its opener opens. To the nine tenths: one late mail says little.
        """
        return Window(self.window.start, self.counted_until)

    @property
    def window_days(self) -> int:
        """Length of the window."""
        return (self.start_at - (self.window.start or EPOCH)).days


def question_of(evidence: Evidence, field: str, settings: Settings, known: NDArray[np.bool_] | None = None) -> Question:
    """The window and the cases of a piece of evidence. `known`: which merged items the ledger has a customer for."""
    items = merged_items(evidence.items)
    kept = items if known is None else tuple(item for item, here in zip(items, known, strict=True) if here)
    delay = timedelta(days=settings.report_delay_days)
    mailed = [item.received_at for item in kept if item.received_at is not None]
    told = [
        moved(item.reported_at, -delay) for item in kept if item.received_at is None and item.reported_at is not None
    ]
    moments = mailed or told or [EPOCH + timedelta(days=1)]
    start = min(moments)
    ends = sorted(min(item.received_at, item.reported_at or LAST) for item in kept if item.received_at is not None)
    return Question(
        field=field,
        seller=evidence.seller,
        window=Window(moved(start, -timedelta(days=settings.exposure_window_days)), start),
        last_mail_at=max(moments),
        counted_until=max(start, ends[math.ceil(COUNTED_SHARE * (len(ends) - 1))]) if ends else start,
        items=kept,
        unknown_count=len(items) - len(kept),
    )


def cases_of(question: Question, settings: Settings, elsewhere: NDArray[np.bool_]) -> tuple[Case, ...]:
    """When each customer's exposure stops to count (guard 4)."""
    start = question.start_at
    delay = timedelta(days=settings.report_delay_days)
    cases = []
    for number, item in enumerate(question.items, start=1):
        mailed = item.received_at is not None or (item.kind != "decoy" and item.reported_at is not None)
        told = item.reported_at
        if item.received_at is not None:
            sure = late = item.received_at if told is None else min(item.received_at, told)
        elif told is not None and mailed:
            # The mail came some time before the complaint; what was opened in between is neither for nor against.
            sure, late = min(start, moved(told, -delay)), told
        else:
            sure = late = start
        cases.append(
            Case(
                label=f"report {number}",
                kind=item.kind,
                grade=item.grade,
                mailed=mailed,
                sure_at=microseconds(sure),
                late_at=microseconds(max(sure, late)),
                reporter=item.reporter or f"customer {number}",
                known_elsewhere=bool(elsewhere[number - 1]),
            )
        )
    return tuple(cases)
