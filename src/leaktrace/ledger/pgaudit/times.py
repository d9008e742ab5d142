"""The server's times: `2026-01-31 08:15:00.123 UTC` -> an aware instant, or why not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from leaktrace.ledger.pgaudit.record import Refused

_LOG_TIME = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?) ?(?P<zone>\S*)"
)
_EPOCH = re.compile(r"[0-9]{9,11}\.[0-9]{3}")
_OFFSET = re.compile(r"<?([+-])([0-9]{2})(?::?([0-9]{2}))?>?")
_UTC_NAMES = {"UTC", "GMT", "Z", "UCT"}
NO_ZONE = "the time has no zone"
UNKNOWN_ZONE = "the time's zone is an abbreviation that is used for several zones"


def parse_log_time(text: str, zone: ZoneInfo | None) -> datetime | Refused:
    """An instant in UTC. `zone` is the server's `log_timezone` where the abbreviation alone does not say it."""
    if _EPOCH.fullmatch(text):
        seconds, _, milliseconds = text.partition(".")
        return datetime.fromtimestamp(int(seconds), UTC) + timedelta(milliseconds=int(milliseconds))
    match = _LOG_TIME.fullmatch(text)
    if match is None:
        return Refused("the time is not in the server's form")
    try:
        local = datetime.fromisoformat(match["local"])
    except ValueError:
        return Refused("the time is no date")
    name = match["zone"]
    if not name:
        return Refused(NO_ZONE)
    if name in _UTC_NAMES:
        return local.replace(tzinfo=UTC)
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if distance >= timedelta(hours=24):
            return Refused("the time's offset is no offset")
        return _in_utc(local.replace(tzinfo=timezone(distance if sign == "+" else -distance)))
    if zone is None:
        return Refused(UNKNOWN_ZONE)
    return _in_zone(local, name, zone)


def _in_utc(aware: datetime) -> datetime | Refused:
    try:
        return aware.astimezone(UTC)
    except OverflowError:
        return Refused("the time lies outside the years 1 to 9999")


def _in_zone(local: datetime, name: str, zone: ZoneInfo) -> datetime | Refused:
    """In the hour that clocks repeat, the abbreviation says which of the two it is."""
    for fold in (0, 1):
        aware = local.replace(tzinfo=zone, fold=fold)
        if aware.tzname() == name:
            return _in_utc(aware)
    return Refused("the time's zone is not the one that log_timezone has at that time")
