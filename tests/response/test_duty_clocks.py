"""Clocks: summer time, weekends, holidays, ends of months; and rules that are past their date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.errors import ResponseError
from leaktrace.response.duties import Clock
from leaktrace.response.duties.clocks import deadline, due_at
from tests.response.duty_samples import CHECKED, NOW, duty, facts_of


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


KNOWN = [
    # Hours run through a change to summer time (29 March 2026) and back (25 October 2026): 72 are 72.
    (Clock("hours", 72), "Europe/Brussels", "2026-03-27T10:00", "2026-03-30T11:00"),
    (Clock("hours", 72), "Europe/Brussels", "2026-10-23T10:00", "2026-10-26T09:00"),
    (Clock("hours", 24), "Europe/Brussels", "2026-12-31T18:00", "2027-01-01T18:00"),
    (Clock("hours", 6), "Asia/Kolkata", "2026-11-27T22:30", "2026-11-28T04:30"),
    # Days end at local midnight, whatever the hour of the start; over a change of time, at that midnight.
    (Clock("days", 30), "America/Los_Angeles", "2026-11-27T09:00", "2026-12-28T00:00"),
    (Clock("days", 30), "America/Los_Angeles", "2026-11-27T23:59", "2026-12-28T00:00"),
    (Clock("days", 30), "America/New_York", "2026-02-20T12:00", "2026-03-23T00:00"),
    (Clock("days", 60), "America/Chicago", "2027-12-31T12:00", "2028-03-01T00:00"),  # a leap year
    (Clock("days", 3), "Asia/Tokyo", "2026-11-27T09:00", "2026-12-01T00:00"),  # a weekend counts
    # Business days: not the start, no weekend, no holiday.
    (Clock("business_days", 3, "BR"), "America/Sao_Paulo", "2026-11-25T09:00", "2026-12-01T00:00"),
    (Clock("business_days", 3, "BR"), "America/Sao_Paulo", "2026-11-28T09:00", "2026-12-03T00:00"),  # a Saturday
    (Clock("business_days", 3, "BR"), "America/Sao_Paulo", "2026-04-17T09:00", "2026-04-24T00:00"),  # Tiradentes
    (Clock("business_days", 3, "BR"), "America/Sao_Paulo", "2026-12-30T09:00", "2027-01-06T00:00"),  # New Year
    # Months end on the same day, or on the month's last.
    (Clock("months", 1), "Europe/Brussels", "2026-01-31T09:00", "2026-03-01T00:00"),
    (Clock("months", 1), "Europe/Brussels", "2028-01-31T09:00", "2028-03-01T00:00"),
    (Clock("months", 1), "Europe/Brussels", "2026-12-15T09:00", "2027-01-16T00:00"),
    (Clock("months", 24), "America/Toronto", "2024-02-29T09:00", "2026-03-01T00:00"),
]


@pytest.mark.parametrize(("clock", "zone", "start", "end"), KNOWN)
def test_a_clock_ends(clock: Clock, zone: str, start: str, end: str) -> None:
    assert due_at(clock, local(zone, start), zone) == local(zone, end)


@given(
    st.integers(946_684_800, 3_471_292_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(1, 400),
    st.sampled_from(["Europe/Brussels", "America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney"]),
)
def test_clocks_of_days_are_whole_days_and_business_days_are_never_shorter(
    start: datetime, number: int, zone: str
) -> None:
    days = due_at(Clock("days", number), start, zone)
    business = due_at(Clock("business_days", number, "BR"), start, zone)
    assert days is not None
    assert business is not None
    ends = days.astimezone(ZoneInfo(zone))
    assert (ends.hour, ends.minute) == (0, 0)
    assert (ends.date() - start.astimezone(ZoneInfo(zone)).date()).days == number + 1
    assert business >= days


def test_a_law_without_a_number_gets_no_date() -> None:
    assert due_at(Clock("words", words="immediately"), NOW, "Asia/Shanghai") is None


def test_hours_left_are_rounded_down_and_go_below_nought() -> None:
    ends = deadline(Clock("hours", 72), "aware", NOW - timedelta(hours=70, minutes=30), "UTC", NOW)
    assert ends.hours_left == 1
    over = deadline(Clock("hours", 72), "aware", NOW - timedelta(hours=73), "UTC", NOW)
    assert over.hours_left == -1


def test_without_its_start_a_clock_is_not_read() -> None:
    told = duty("us-ca-ag", facts_of(("US-CA", "email password", 501)))
    assert told.deadline is not None
    assert told.deadline.start == "persons_told"
    assert told.deadline.started_at is None
    assert told.deadline.due_at is None


def test_a_zone_or_calendar_that_is_not_there_is_said() -> None:
    with pytest.raises(ResponseError, match="time zone"):
        due_at(Clock("days", 1), NOW, "Mars/Olympus")
    with pytest.raises(ResponseError, match="calendar"):
        due_at(Clock("business_days", 1, "ZZ"), NOW, "UTC")
    with pytest.raises(ResponseError, match="beyond"):
        due_at(Clock("days", 9999), datetime(9998, 1, 1, tzinfo=UTC), "UTC")


def test_an_old_check_is_no_check() -> None:
    facts = facts_of(("DE", "email", 1))
    year_old = tuple(replace(law, checked_on=date(2025, 11, 28)) for law in CHECKED)
    older = tuple(replace(law, checked_on=date(2025, 11, 27)) for law in CHECKED)
    assert duty("eu-gdpr-33", facts, laws=year_old).answer == "yes"
    stale = duty("eu-gdpr-33", facts, laws=older)
    assert stale.answer == "probably_yes"
    assert stale.needs_a_human
    assert "more than a year ago" in stale.stale[0]


def test_a_rule_past_its_date_shows() -> None:
    ended = tuple(replace(law, valid_to=date(2026, 11, 27)) for law in CHECKED)
    found = duty("eu-gdpr-33", facts_of(("DE", "email", 1)), laws=ended)
    assert found.answer == "probably_yes"
    assert "valid until 2026-11-27" in found.stale[0]
    last_day = tuple(replace(law, valid_to=date(2026, 11, 28)) for law in CHECKED)
    assert duty("eu-gdpr-33", facts_of(("DE", "email", 1)), laws=last_day).answer == "yes"


def test_a_check_that_lies_in_the_future_is_no_check() -> None:
    eager = tuple(replace(law, checked_on=date(2027, 1, 1)) for law in CHECKED)
    assert duty("eu-gdpr-33", facts_of(("DE", "email", 1)), laws=eager).answer == "probably_yes"
