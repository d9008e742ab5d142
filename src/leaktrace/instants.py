"""Reckoning with times near the ends of what a time can be: the years 1 to 9999, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_MICROSECONDS, LAST_MICROSECONDS = (FIRST - EPOCH) // _MICROSECOND, (LAST - EPOCH) // _MICROSECOND


def instant_at(microseconds: int) -> datetime:
    """The time of so many microseconds since 1970, UTC; the first or the last one for what lies beyond."""
    return EPOCH + timedelta(microseconds=min(max(microseconds, FIRST_MICROSECONDS), LAST_MICROSECONDS))


def microseconds(at: datetime) -> int:
    """Microseconds from 1970 to an aware time."""
    return (at - EPOCH) // _MICROSECOND


def moved(at: datetime, by: timedelta) -> datetime:
    """An aware time later by so much, or earlier, UTC; the first or the last one where that lies beyond."""
    return instant_at(microseconds(at) + by // _MICROSECOND)
