"""How mail programs write times and labels: `labels` and formats differ by program and language."""

from __future__ import annotations

from datetime import datetime

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_PERSIAN_DAYS = ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه")
_PERSIAN_MONTHS = (
    "ژانویه",
    "فوریه",
    "مارس",
    "آوریل",
    "مه",
    "ژوئن",
    "ژوئیه",
    "اوت",
    "سپتامبر",
    "اکتبر",
    "نوامبر",
    "دسامبر",
)
_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
NARROW_SPACE = "\u202f"
"""Stands before AM and PM in what newer programs write."""


def clock(at: datetime, *, seconds: bool = False, space: str = " ") -> str:
    """Twelve-hour clock without leading zero: `9:31 AM`."""
    tail = f":{at:%S}" if seconds else ""
    return f"{(at.hour + 11) % 12 + 1}:{at:%M}{tail}{space}{'AM' if at.hour < 12 else 'PM'}"


def gmail_english(at: datetime) -> str:
    """`Tue, Jun 17, 2025 at 9:31 AM`, the space before AM a narrow one."""
    day = f"{_DAYS[at.weekday()][:3]}, {_MONTHS[at.month - 1][:3]} {at.day}, {at.year}"
    return f"{day} at {clock(at, space=NARROW_SPACE)}"


def gmail_persian(at: datetime) -> str:
    """Persian day and month names of the Gregorian calendar, Persian digits, twenty-four hours."""
    day, month = _PERSIAN_DAYS[at.weekday()], _PERSIAN_MONTHS[at.month - 1]
    return f"{day} {at.day} {month} {at.year}،\u200f {at.hour}:{at:%M}".translate(_PERSIAN_DIGITS)


def outlook_english(at: datetime) -> str:
    """`Tuesday, June 17, 2025 9:31 AM`."""
    return f"{_DAYS[at.weekday()]}, {_MONTHS[at.month - 1]} {at.day}, {at.year} {clock(at)}"


def outlook_chinese(at: datetime) -> str:
    """`2025年6月17日 9:31`."""
    return f"{at.year}年{at.month}月{at.day}日 {at.hour}:{at:%M}"


def apple_english(at: datetime) -> str:
    """`June 17, 2025 at 9:31:05 AM GMT+2`: the one program that writes the zone."""
    offset = at.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    zone = "GMT" + ("" if not minutes else f"{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else ""))
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year} at {clock(at, seconds=True, space=NARROW_SPACE)} {zone}"
