"""Dates as header fields and mail clients write them, in any of the label tables' languages, as honest intervals.

A client writes local time without a zone: the instant then lies anywhere from UTC-12 to UTC+14. A date like 02/10/2023
may be February or October: the interval covers both. What cannot be read is an open window, never a guess.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import product

from leaktrace.mailroom.labels import labels, plain
from leaktrace.records import Window

UNKNOWN = Window(None, None)
HEADER_LANGUAGES = frozenset({"en"})
"""Header fields name months in English, whatever the sender speaks."""
_EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
_SUMMER = timedelta(hours=1)
_CEILING_CHARACTERS = 200
_TIME = re.compile(
    r"(?<![\d./])(?<!\d-)(\d{1,2})(?:[:h時时点點]|\sh|시\s?|\.(?=\d\d(?:\.\d\d)?\b(?![./]\d)))\s?(\d{2})(?:[:.分분]\s?(\d{2}))?"
)
_ZONE = re.compile(r"(?:\b(?:gmt|utc)\s?|(?<=\d)\s|(?<=[\s(]))([+-])(\d{1,2}):?(\d{2})?\b")
_NUMERIC = re.compile(r"(?<!\d)(\d{1,4})\s?[./年년-]\s?(\d{1,2})\s?[./月월-]\s?(\d{1,4})(?!\d)")
_MONTH_FIRST = re.compile(r"(?<!\d)(\d{1,2})\s?[月월]\s(\d{1,2}),\s(\d{4})(?!\d)")
_LETTER = "(?:[^\\W\\d_]|[\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0963\u0e31-\u0e4e])"
"""A letter, or a mark that belongs to one (vowel signs of Arabic, Hebrew, Devanagari, Thai), which `\\w` leaves out."""
_WORD = f"({_LETTER}{{1,9}}(?:\\.{_LETTER}{{1,9}})+|{_LETTER}{{2,}}+(?:['’]{_LETTER}+)?)"
_DAY_MONTH = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?[.,]?\s?[-/]?(?:(?:de|of)\s|d')?{_WORD}")
_MONTH_DAY = re.compile(rf"{_WORD}[.,]?\s?(\d{{1,2}})(?:st|nd|rd|th)?(?!\d|:)")
_YEAR = re.compile(r"(?<![\d:])(\d{4})(?!\d)")
_SHORT_YEAR = re.compile(r"(?<![\d:.])(\d{2})(?![\d:.])")
_PM = re.compile(
    r"(?<![^\W\d_])(?:pm|p\.\s?m\.?|مساءً?|م|μμ|μ\.μ\.?|ب\.?ظ\.?|بعدازظهر|بعد از ظهر|ös)(?![^\W\d_])"
    r"|下午|晚上|午後|오후|หลังเที่ยง|अपराह्न|(?<=\d\s)ch(?![^\W\d_]|.{1,3}\d)"
)
_AM = re.compile(
    r"(?<![^\W\d_])(?:am|a\.\s?m\.?|صباحًا|ص|πμ|π\.μ\.?|ق\.?ظ\.?|قبل از ظهر|öö)(?![^\W\d_])"
    r"|上午|凌晨|早上|午前|오전|ก่อนเที่ยง|पूर्वाह्न|(?<=\d\s)sa(?![^\W\d_]|.{1,3}\d)"
)
_ZONE_NAMES = {
    # Abbreviations with one meaning among mail clients, hours east of UTC.
    "gmt": 0, "utc": 0, "ut": 0, "z": 0, "wet": 0, "west": 1,
    "cet": 1, "cest": 2, "mez": 1, "mesz": 2, "seč": 1, "selč": 2, "met": 1, "mest": 2,
    "eet": 2, "eest": 3, "oez": 2, "oesz": 3, "msk": 3,
    "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
_STANDARD = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"
    r"(?: \([A-Z]{2,5}\))?",
    re.ASCII,
)
"""RFC 5322, section 3.3, as programs write it."""
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
_ZONE_BEFORE_YEAR = re.compile(r":\d\d\s([^\W\d_]{1,4})\s(\d{4})\Z")
"""`Thu Nov 12 10:23:12 CET 2026`, as Java writes a time."""
_ZONE_WORD = re.compile(r"[^\W\d_]{1,4}\Z|[^\W\d_]{2,4}(?=\))")


def sent_window(text: str, languages: frozenset[str] = frozenset()) -> Window:
    """When a message was sent, by this text, as a half-open interval in UTC; open on both sides if it cannot be read.

    `languages`: those whose header lines stood beside it; month names are read in them where possible.
    """
    if languages == HEADER_LANGUAGES and (instant := _standard(text)) is not None:
        return Window(instant, instant + timedelta(seconds=1))
    text = _ascii_digits(text[:_CEILING_CHARACTERS])
    zone, rest = _zone(text)
    clock, rest = _clock(rest)
    days = sorted(_days(rest, languages))
    if not days:
        return UNKNOWN
    precision = (
        timedelta(days=1) if clock is None else timedelta(minutes=1) if clock[2] is None else timedelta(seconds=1)
    )
    offset = timedelta(0) if clock is None else timedelta(hours=clock[0], minutes=clock[1], seconds=clock[2] or 0)
    early, late = (_EAST, _WEST) if zone is None else (zone, -zone)
    if "(gmt" in text:
        # Samsung writes a region's standard offset beside its summer time, as `10/2/25 16:46 (GMT-08:00)` at -07:00.
        early += _SUMMER
    return Window(days[0] + offset - early, days[-1] + offset + late + precision)


def is_zone_name(word: str) -> bool:
    """Whether a word is the short name of a time zone."""
    return plain(word) in _ZONE_NAMES


def sent_at(text: str) -> datetime | None:
    """The instant of a header field's date (RFC 5322, section 3.3: English, with a zone); None without one."""
    window = sent_window(text, HEADER_LANGUAGES)
    if window.start is None or window.end is None or window.end - window.start > timedelta(minutes=1):
        return None
    return window.start


def _standard(text: str) -> datetime | None:
    """The instant of a header field's date as nearly all are written; None for any other, whatever it says."""
    match = _STANDARD.fullmatch(text.strip())
    month = _MONTHS.get(match.group(2)) if match else None
    if match is None or month is None:
        return None
    day, year, hour, minute, second, east, east_minutes = map(int, match.group(1, 3, 4, 5, 6, 8, 9))
    if not 1970 <= year <= 2100 or east > 14 or east_minutes > 59:
        return None
    offset = timedelta(hours=east, minutes=east_minutes)
    try:
        written = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return written + offset if match.group(7) == "-" else written - offset


def _ascii_digits(text: str) -> str:
    for letter in () if text.isascii() else set(text):
        if letter.isdigit() and not letter.isascii():
            text = text.replace(letter, str(unicodedata.digit(letter)))
    return " ".join(plain(text).replace("‎", "").replace("،", ",").replace("॰", ".").split())


def _zone(text: str) -> tuple[timedelta | None, str]:
    """The offset from UTC, if one is written, and the text without it. -0000 is UTC (RFC 5322, section 3.3)."""
    text = re.sub(r"(\d)z\b", r"\1 utc", text)
    for match in _ZONE.finditer(text):
        hours, minutes = int(match.group(2)), int(match.group(3) or 0)
        if (
            match.group(3) is None
            and len(match.group(2)) == 2
            and "utc" not in match.group()
            and "gmt" not in match.group()
        ):
            continue
        if hours <= 14 and minutes < 60 and ":" in text[: match.start()]:
            sign = -1 if match.group(1) == "-" else 1
            year = _YEAR.search(text, match.end())
            rest = text[: match.start()] + (f" {year.group()}" if year else "")
            return sign * timedelta(hours=hours, minutes=minutes), rest
    before_year = _ZONE_BEFORE_YEAR.search(text)
    if before_year is not None and before_year.group(1) in _ZONE_NAMES:
        rest = text[: before_year.start(1)] + before_year.group(2)
        return timedelta(hours=_ZONE_NAMES[before_year.group(1)]), rest
    word = _ZONE_WORD.search(text.rstrip(" .)"))
    if word is not None and word.group() in _ZONE_NAMES:
        return timedelta(hours=_ZONE_NAMES[word.group()]), text[: word.start()]
    return None, text


def _clock(text: str) -> tuple[tuple[int, int, int | None] | None, str]:
    """Hour (0-23), minute and second (None if not written) and the text without them; the last one written counts."""
    for match in reversed(list(_TIME.finditer(text))):
        hour, minute = int(match.group(1)), int(match.group(2))
        second = int(match.group(3)) if match.group(3) else None
        if hour > 24 or minute > 59 or (second or 0) > 60:
            continue
        if hour < 12 and _PM.search(text):
            hour += 12
        elif hour == 12 and _AM.search(text):
            hour = 0
        rest = _AM.sub(" ", _PM.sub(" ", text[: match.start()] + " ; " + text[match.end() :]))
        return (hour, minute, None if second is None else min(second, 59)), rest
    return None, text


def _days(text: str, languages: frozenset[str]) -> set[datetime]:
    """Midnights (as if UTC) of all days the text may mean."""
    found = _numeric_days(_numbered_months(text), languages)
    if found:
        return found
    years = [int(year) for year in _YEAR.findall(text)]
    if not years and (short := list(_SHORT_YEAR.finditer(text))):
        years = [2000 + int(short[-1].group())]
        text = f"{text[: short[-1].start()]} ; {text[short[-1].end() :]}"  # the year is not the day as well
    for name in () if text.isascii() else labels().months_of_words:
        text = text.replace(name, name.replace(" ", ""))
    pairs = [(int(m.group(1)), m.group(2)) for m in _DAY_MONTH.finditer(text)]
    return _named_days(years, pairs, languages) or _named_days(
        years, [(int(m.group(2)), m.group(1)) for m in _MONTH_DAY.finditer(text)], languages
    )


def _numbered_months(text: str) -> str:
    """Months that a language numbers in words (`5 tháng 3, 2024`), and Outlook's `3월 4, 2024`, as figures."""
    return _MONTH_FIRST.sub(r"\2.\1.\3", labels().numbered_month.sub(_in_figures, text))


def _in_figures(found: re.Match[str]) -> str:
    day, month = found.group(1) or found.group(4), found.group(2) or found.group(3)
    return f"{day}.{labels().month_numbers.get(month, month)}.{found.group(5)}"


def _named_days(years: list[int], pairs: list[tuple[int, str]], languages: frozenset[str]) -> set[datetime]:
    found: set[datetime] = set()
    for year, (day, word) in product(years, pairs):
        month = labels().persian_months.get(word)
        if month is not None and 1300 <= year <= 1500:
            found |= _existing([_from_persian(year, month, day)])
        else:
            found |= _existing([(year, number, day) for number in _month_numbers(word, languages)])
    return found


def _month_numbers(word: str, languages: frozenset[str]) -> frozenset[int]:
    by_language = labels().months.get(word, {})
    chosen = {language: numbers for language, numbers in by_language.items() if language in languages} or by_language
    return frozenset().union(*chosen.values()) if chosen else frozenset()


def _numeric_days(text: str, languages: frozenset[str]) -> set[datetime]:
    for match in _NUMERIC.finditer(text):
        first, second, third = (int(group) for group in match.groups())
        if first > 31:
            if 1300 <= first <= 1500:
                return _existing([_from_persian(first, second, third)])
            return _existing([(first, second, third)])
        may_begin_with_year = first > 9 and third <= 31
        if may_begin_with_year and (len(match.group(3)) == 1 or languages & labels().year_first):
            return _existing([(2000 + first, second, third)])
        if third > 99 or len(match.group(3)) == 2:
            year = third if third > 99 else 2000 + third
            dotted = "." in match.group()
            orders = [(year, second, first)] + ([] if dotted else [(year, first, second)])
            if may_begin_with_year and not languages:
                orders.append((2000 + first, second, third))
            if days := _existing(orders):
                return days
    return set()


def _existing(dates: list[tuple[int, int, int]]) -> set[datetime]:
    days = set()
    for year, month, day in dates:
        year -= 543 if 2500 <= year <= 2650 else 0  # noqa: PLW2901 - the Buddhist era, as Thai clients write
        if 1970 <= year <= 2100:
            try:
                days.add(datetime(year, month, day, tzinfo=UTC))
            except ValueError:
                continue
    return days


def _from_persian(year: int, month: int, day: int) -> tuple[int, int, int]:
    """The Gregorian date of a Solar Hijri one (33-year cycle; right for 1343-1472, that is 1964-2093)."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1343 <= year <= 1472):
        return 0, 0, 0
    leaps = sum((one % 33) in (1, 5, 9, 13, 17, 22, 26, 30) for one in range(1343, year))
    before = 31 * min(month - 1, 6) + 30 * max(month - 7, 0)
    moment = datetime(1964, 3, 21, tzinfo=UTC) + timedelta(days=365 * (year - 1343) + leaps + before + day - 1)
    return moment.year, moment.month, moment.day
