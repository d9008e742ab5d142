"""When a legal clock ends: hours run on without rest, days and months end at local midnight, business days skip
weekends and the holidays of a calendar.

The day on which the clock starts is not counted (Regulation 1182/71, Art. 3(1), and the usual rule elsewhere). A last
day on a weekend or holiday is *not* moved on, although some laws do: the earlier date is the safe one.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaktrace.caserecords import Deadline, StartEvent
from leaktrace.errors import ResponseError
from leaktrace.response.duties.model import Clock


def deadline(clock: Clock, start: StartEvent, started_at: datetime | None, time_zone: str, now: datetime) -> Deadline:
    """The clock as it stands now."""
    due = due_at(clock, started_at, time_zone) if started_at else None
    left = None if due is None else int((due - now) // timedelta(hours=1))
    return Deadline(start, started_at, str(clock), time_zone, due, left)


def due_at(clock: Clock, started_at: datetime, time_zone: str) -> datetime | None:
    """The instant at which it is too late, UTC; null where the law has no number."""
    if clock.unit == "words":
        return None
    try:
        if clock.unit == "hours":
            # Elapsed time: a change to summer time neither gives nor takes an hour.
            return started_at.astimezone(UTC) + timedelta(hours=clock.number)
        zone = zone_of(time_zone)
        return _midnight_after(_last_day(clock, started_at.astimezone(zone).date()), zone)
    except (OverflowError, ValueError) as error:
        raise ResponseError("A deadline lies beyond the calendar.", "Check the moment from which it runs.") from error


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ResponseError(
            f"The time zone '{name}' is not known here.", "Install the system's time zone data (Debian: tzdata)."
        ) from error


@cache
def calendar_of(name: str) -> Container[date]:
    """The holidays of a country, or of a part of one (`US-CA`)."""
    import holidays

    country, _, part = name.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError as error:
        raise ResponseError(
            f"There is no calendar of holidays for '{name}'.", "The holidays library lists those it has."
        ) from error


def _last_day(clock: Clock, first: date) -> date:
    match clock.unit:
        case "months":
            return _months_later(first, clock.number)
        case "business_days":
            return _business_days_later(first, clock.number, calendar_of(clock.calendar))
        case _:
            return first + timedelta(days=clock.number)


def _months_later(first: date, number: int) -> date:
    """The same day of a later month, or that month's last (Regulation 1182/71, Art. 3(2)(c))."""
    months = first.year * 12 + first.month - 1 + number
    year, month = divmod(months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))


def _business_days_later(first: date, number: int, holidays: Container[date]) -> date:
    day = first
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5 and day not in holidays
    return day


def _midnight_after(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone).astimezone(UTC)
