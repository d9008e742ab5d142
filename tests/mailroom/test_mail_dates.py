"""Dates as clients write them: intervals that hold the truth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaktrace.mailroom.dates import UNKNOWN, sent_at, sent_window
from leaktrace.records import Window


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Thu, 29 Apr 2016 23:34:45 +0000 (UTC)", utc(2016, 4, 29, 23, 34, 45)),
        ("Tue, 16 Jul 2013 05:16:35 JST", utc(2013, 7, 15, 20, 16, 35)),
        ("1 Jan 24 10:00:00 -0000", utc(2024, 1, 1, 10)),
        ("2024-03-04T09:30:00Z", utc(2024, 3, 4, 9, 30)),
        ("4 March 2024 at 09:30:12 GMT+3", utc(2024, 3, 4, 6, 30, 12)),
        ("mardi 2 novembre 2021, 09:26:50 UTC+1", utc(2021, 11, 2, 8, 26, 50)),
        ("Dienstag, 2. November 2021, 09:26:50 MEZ", utc(2021, 11, 2, 8, 26, 50)),
        ("Fri, 1 Mar 2024 09:30:00 +0530", utc(2024, 3, 1, 4, 0)),
        ("Thu Nov 12 10:23:12 GMT+01:00 2026", utc(2026, 11, 12, 9, 23, 12)),
        ("Thu Nov 12 10:23:12 CET 2026", utc(2026, 11, 12, 9, 23, 12)),
    ],
)
def test_a_date_with_a_zone_is_an_instant(text: str, at: datetime) -> None:
    assert sent_at(text) == at
    assert sent_window(text, frozenset({"en"})) == Window(at, at + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("Mon, Mar 4, 2024 at 9:30 PM", utc(2024, 3, 4, 21, 30)),
        ("lundi 4 mars 2024 à 09:30", utc(2024, 3, 4, 9, 30)),
        ("2021. okt. 27., Sze, 9:31", utc(2021, 10, 27, 9, 31)),
        ("ke 27. lokak. 2021 klo 9.31", utc(2021, 10, 27, 9, 31)),
        ("śr., 27 paź 2021 o 09:31", utc(2021, 10, 27, 9, 31)),
        ("2024年3月4日 下午9:30", utc(2024, 3, 4, 21, 30)),
        ("2024년 3월 4일 월요일 오전 9:30", utc(2024, 3, 4, 9, 30)),
        ("۱۴ اسفند ۱۴۰۲، ساعت ۹:۳۰", utc(2024, 3, 4, 9, 30)),
        ("۱۴۰۲/۱۲/۱۴ ۹:۳۰", utc(2024, 3, 4, 9, 30)),
        ("دوشنبه ۴ مارس ۲۰۲۴، ۹:۳۰", utc(2024, 3, 4, 9, 30)),
        ("12/25/2023 12:05 AM", utc(2023, 12, 25, 0, 5)),
        ("الثلاثاء 3 فيفري 2026 على الساعة 09:31", utc(2026, 2, 3, 9, 31)),
        ("गुरु, 12 नव॰ 2026, 10:23 am", utc(2026, 11, 12, 10, 23)),
        ("3 غشت 2026، 09:31", utc(2026, 8, 3, 9, 31)),
        ("3 كانون الثاني 2026، 9:31 م", utc(2026, 1, 3, 21, 31)),
        ("Неделя, 2008, Юни 15 23:34", utc(2008, 6, 15, 23, 34)),
        ("2567-03-04 09:30", utc(2024, 3, 4, 9, 30)),
        ("27 Oct 21 09:31", utc(2021, 10, 27, 9, 31)),
        ("\u200f\u200f04\u200f/مارس/2024 9:30 م", utc(2024, 3, 4, 21, 30)),
        ("월요일, 3월 4, 2024 9:30 오후", utc(2024, 3, 4, 21, 30)),
        ("Thứ Hai, 04 Tháng Ba 2024 9:30 CH", utc(2024, 3, 4, 21, 30)),
        ("Thứ Hai, Tháng Mười Một 4, 2024 12:30 SA", utc(2024, 11, 4, 0, 30)),
        ("Thứ Hai, ngày 04 tháng Năm năm 2024 9:30", utc(2024, 5, 4, 9, 30)),
        ("วันจันทร์, มีนาคม 4, 2024 9:30 หลังเที่ยง", utc(2024, 3, 4, 21, 30)),
        ("4 मार्च 2024 9:30 अपराह्न", utc(2024, 3, 4, 21, 30)),
        ("4 Mart 2024 Pazartesi 9:30 ÖS", utc(2024, 3, 4, 21, 30)),
        ("12:11 Sa, 4. März 2024", utc(2024, 3, 4, 12, 11)),
    ],
)
def test_without_a_zone_every_place_on_earth_is_inside(text: str, local: datetime) -> None:
    window = sent_window(text)
    assert window == Window(local - timedelta(hours=14), local + timedelta(hours=12, minutes=1))
    assert sent_at(text) is None


def test_what_may_be_two_days_covers_both() -> None:
    window = sent_window("02/10/2023 4:52 PM EST")
    assert window == Window(utc(2023, 2, 10, 21, 52), utc(2023, 10, 2, 21, 53))
    assert sent_window("02.10.2023 16:52 CET").start == utc(2023, 10, 2, 15, 52)


@pytest.mark.parametrize(
    ("text", "languages", "first", "last"),
    [
        ("25/12/23", ("fr",), utc(2023, 12, 25), utc(2023, 12, 25)),
        ("25/12/23", ("ko",), utc(2025, 12, 23), utc(2025, 12, 23)),
        ("21. 10. 27.", ("ko",), utc(2021, 10, 27), utc(2021, 10, 27)),
        ("21. 10. 27.", (), utc(2021, 10, 27), utc(2027, 10, 21)),
        ("26/03/04", (), utc(2004, 3, 26), utc(2026, 3, 4)),
    ],
)
def test_a_short_date_begins_with_the_year_or_the_day_as_its_language_has_it(
    text: str, languages: tuple[str, ...], first: datetime, last: datetime
) -> None:
    window = sent_window(f"{text} 09:31 utc", frozenset(languages))
    clock, minute = timedelta(hours=9, minutes=31), timedelta(minutes=1)
    assert window == Window(first + clock, last + clock + minute)


def test_a_month_is_read_in_the_language_of_its_block() -> None:
    text = "26. listopada 2021. u 14:25:08 EEST"
    assert sent_window(text, frozenset({"hr"})).end == utc(2021, 10, 26, 11, 25, 9)
    assert sent_window(text, frozenset({"pl"})).start == utc(2021, 11, 26, 11, 25, 8)
    both = sent_window(text)
    assert (both.start, both.end) == (utc(2021, 10, 26, 11, 25, 8), utc(2021, 11, 26, 11, 25, 9))


def test_a_day_without_a_time_is_the_whole_day_anywhere() -> None:
    assert sent_window("Friday, January 5, 2024") == Window(utc(2024, 1, 4, 10), utc(2024, 1, 6, 12))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "Nov 12 10:23",
        "12 Nov, 10:23 AM",
        "12 Nov 10:23 +0100",
        "31/31/2024 10:00",
        "99:99",
        "30 Feb 2024",
        "1 Jan 1850 10:00",
        "-",
    ],
)
def test_what_cannot_be_read_is_open(text: str) -> None:
    assert sent_window(text) == UNKNOWN


def test_impossible_clocks_are_left_out() -> None:
    assert sent_window("4 Mar 2024 47:99 +0000") == Window(utc(2024, 3, 4), utc(2024, 3, 5))


@settings(deadline=None)
@given(st.text(max_size=120))
def test_no_text_breaks_the_date_reader(text: str) -> None:
    window = sent_window(text)
    assert (window.start is None) == (window.end is None)
    assert window.start is None or window.end is None or window.start < window.end


@settings(deadline=None)
@given(st.datetimes(datetime(1971, 1, 2), datetime(2099, 12, 30)), st.integers(-12 * 4, 14 * 4))  # noqa: DTZ001
def test_rfc_dates_come_back(moment: datetime, quarters: int) -> None:
    minutes = abs(quarters) * 15
    sign = "-" if quarters < 0 else "+"
    text = f"{moment:%a, %d %b %Y %H:%M:%S} {sign}{minutes // 60:02}{minutes % 60:02}"
    expected = moment.replace(microsecond=0, tzinfo=UTC) - timedelta(minutes=15 * quarters)
    assert sent_at(text) == expected


@pytest.mark.parametrize(
    ("persian", "gregorian"),
    [
        ("1 فروردین 1400", utc(2021, 3, 21)),
        ("30 اسفند 1399", utc(2021, 3, 20)),
        ("1 فروردین 1403", utc(2024, 3, 20)),
        ("30 اسفند 1403", utc(2025, 3, 20)),
        ("1 فروردین 1404", utc(2025, 3, 21)),
        ("31 شهریور 1402", utc(2023, 9, 22)),
    ],
)
def test_persian_new_years_and_leap_days(persian: str, gregorian: datetime) -> None:
    assert sent_window(f"{persian} 00:00 utc").start == gregorian
