"""Times as logs write them: ISO 8601, Unix time, or a pattern of `strptime` with a zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS = {"unix_seconds": 1_000_000, "unix_milliseconds": 1000, "unix_microseconds": 1}
NAMED_FORMATS = ("iso8601", *_MICROSECONDS)
NO_TIME = "at is not a time in the mapping's format"
NO_ZONE = "at has no UTC offset"
NOT_THERE = "at is a time that the clocks of the mapping's zone skip"


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """How a log writes its times."""

    name: str = "iso8601"
    """One of NAMED_FORMATS, or a pattern for `strptime`."""
    zone: ZoneInfo | None = None
    """The zone of times that say none."""


def parse_time(value: Any, form: TimeFormat) -> datetime | str:
    """The aware time, or why the value is none. A reason never repeats the value."""
    scale = _MICROSECONDS.get(form.name)
    if scale is not None:
        return _unix(value, scale)
    if type(value) is not str:
        return NO_TIME
    try:
        if form.name == "iso8601":
            at = datetime.fromisoformat(value.strip())
        else:
            # the zone is checked just below
            at = datetime.strptime(value.strip(), form.name)  # noqa: DTZ007
    except ValueError:
        return NO_TIME
    if at.utcoffset() is not None:
        return at
    return NO_ZONE if form.zone is None else _in_zone(at, form.zone)


def _unix(value: Any, scale: int) -> datetime | str:
    try:
        if type(value) is str and value.strip().lstrip("-").isdecimal():
            value = int(value)
        if type(value) is int:
            count = value * scale
        else:
            number = float(value) if type(value) in (float, str) else math.nan
            count = round(number * scale)
        return _EPOCH + timedelta(microseconds=count)
    except (ValueError, OverflowError):
        return NO_TIME


def _in_zone(local: datetime, zone: ZoneInfo) -> datetime | str:
    """In the hour that clocks repeat, the later of the two: nobody is said to have seen anything too early."""
    try:
        at = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
        there = at.astimezone(zone).replace(tzinfo=None) == local
    except OverflowError:  # the first or the last hours of time
        return NO_TIME
    return at if there else NOT_THERE
