"""Between aware times and microseconds UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from leaktrace.errors import LedgerError
from leaktrace.instants import EPOCH, instant_at
from leaktrace.ledger.queries import Span
from leaktrace.records import Window

DAY_MICROSECONDS = 86_400_000_000
_ALWAYS = Span(-(2**63), 2**63 - 1)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 in UTC; LedgerError for a time without zone."""
    if at.utcoffset() is None:
        raise LedgerError(f"The time {at.isoformat()} has no zone.", "Ask with aware times.")
    return (at - EPOCH) // timedelta(microseconds=1)


def instant(at: int | None) -> datetime | None:
    """The aware time; null for null."""
    return None if at is None else instant_at(at)


def span_of(window: Window) -> Span:
    """A window as half-open microseconds; an unknown side leaves nothing out."""
    return Span(
        _ALWAYS.start if window.start is None else microseconds(window.start),
        _ALWAYS.end if window.end is None else microseconds(window.end),
    )


def month_of(at: int) -> int:
    """Year * 12 + month - 1; the years 1 to 9999 are the ends of time."""
    moment = instant_at(at)
    return moment.year * 12 + moment.month - 1


def month_start(month: int) -> int:
    """Microseconds UTC at which a month (year * 12 + month - 1) begins, also the one after the last of year 9999."""
    return int(np.datetime64(month - 1970 * 12, "M").astype("datetime64[us]").astype(np.int64))


def month_text(month: int) -> str:
    """The month as YYYY-MM."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
