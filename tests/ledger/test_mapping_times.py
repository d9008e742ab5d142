"""Times in every form that a mapping may name, and why some are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.ledger.mapping.times import NO_TIME, NO_ZONE, NOT_THERE, TimeFormat, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("2026-03-02T12:00:00Z", TimeFormat()),
        ("2026-03-02 13:00:00+01:00", TimeFormat()),
        ("2026-03-02T13:00:00", TimeFormat(zone=BERLIN)),
        (1772452800, TimeFormat("unix_seconds")),
        ("1772452800", TimeFormat("unix_seconds")),
        (1772452800.0, TimeFormat("unix_seconds")),
        (1772452800000, TimeFormat("unix_milliseconds")),
        (1772452800000000, TimeFormat("unix_microseconds")),
        ("02/Mar/2026:13:00:00 +0100", TimeFormat("%d/%b/%Y:%H:%M:%S %z")),
        ("02.03.2026 13:00", TimeFormat("%d.%m.%Y %H:%M", BERLIN)),
    ],
)
def test_noon_in_every_form(value: Any, form: TimeFormat) -> None:
    assert parse_time(value, form) == NOON


@pytest.mark.parametrize(
    ("value", "form", "reason"),
    [
        ("2026-03-02T12:00:00", TimeFormat(), NO_ZONE),
        ("noon", TimeFormat(), NO_TIME),
        (1772452800, TimeFormat(), NO_TIME),
        (True, TimeFormat("unix_seconds"), NO_TIME),
        (float("nan"), TimeFormat("unix_seconds"), NO_TIME),
        (float("inf"), TimeFormat("unix_seconds"), NO_TIME),
        (10**30, TimeFormat("unix_seconds"), NO_TIME),
        ("9" * 5000, TimeFormat("unix_seconds"), NO_TIME),
        ("--5", TimeFormat("unix_seconds"), NO_TIME),
        ({}, TimeFormat("unix_seconds"), NO_TIME),
        ("29.03.2026 02:30", TimeFormat("%d.%m.%Y %H:%M", BERLIN), NOT_THERE),
        ("0001-01-01T00:00:00", TimeFormat(zone=ZoneInfo("Asia/Tokyo")), NO_TIME),
    ],
)
def test_what_is_no_time(value: Any, form: TimeFormat, reason: str) -> None:
    assert parse_time(value, form) == reason


def test_in_the_hour_that_clocks_repeat_the_later_time_counts() -> None:
    at = parse_time("2026-10-25T02:30:00", TimeFormat(zone=BERLIN))
    assert at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_comes_back_to_the_microsecond(microseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert parse_time(microseconds, TimeFormat("unix_microseconds")) == at
    assert parse_time(str(microseconds), TimeFormat("unix_microseconds")) == at
    assert parse_time(at.isoformat(), TimeFormat()) == at
    millisecond = timedelta(milliseconds=1)
    assert abs(parse_time(microseconds / 1000, TimeFormat("unix_milliseconds")) - at) < millisecond  # type: ignore[operator]


@given(st.text() | st.floats() | st.integers() | st.binary(), st.sampled_from(["iso8601", "unix_seconds", "%Y-%m"]))
def test_whatever_stands_there_gives_an_aware_time_or_a_reason(value: Any, name: str) -> None:
    at = parse_time(value, TimeFormat(name, BERLIN))
    assert isinstance(at, str) or at.utcoffset() is not None
