"""Numbers as people read them: never surer than they are, never broken."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaktrace.records import EvidenceSummary, Window
from leaktrace.report import words


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (1.0, "over 99.9 %"),
        (0.9999, "over 99.9 %"),
        (0.9971, "99.7 %"),
        (0.98999, "98.9 %"),
        (0.99, "99 %"),
        (0.8999, "89 %"),
        (0.5, "50 %"),
        (0.026, "2.6 %"),
        (0.0004, "under 0.1 %"),
        (0.0, "under 0.1 %"),
        (math.nan, "not known"),
    ],
)
def test_percent(probability: float, shown: str) -> None:
    assert words.percent(probability) == shown


@given(st.floats(0.5, 1.0))
def test_a_high_chance_is_never_rounded_up(probability: float) -> None:
    shown = words.percent(probability).removeprefix("over ").removesuffix(" %")
    assert float(shown) <= probability * 100 + 1e-6


@given(st.floats(0.0, 1.0))
def test_the_chance_of_error_is_never_understated(probability: float) -> None:
    shown = words.error_chance(probability)
    wrong, of = shown.removeprefix("about ").removeprefix("fewer than ").replace(",", "").split(" in ")
    assert int(wrong) / int(of) >= (1 - probability) - 1e-9


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (0.026, "26 in 1,000"),
        (0.2, "20 in 100"),
        (0.05, "5 in 100"),
        (0.0, "none"),
        (1e-9, "fewer than 1 in 1,000,000"),
    ],
)
def test_frequency(rate: float, shown: str) -> None:
    assert words.frequency(rate) == shown


@pytest.mark.parametrize(
    ("weight", "shown"), [(6.14, "+6.1"), (-1.7, "\u22121.7"), (-0.01, "0.0"), (math.inf, "not known")]
)
def test_bits(weight: float, shown: str) -> None:
    assert words.bits(weight) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(29, "29"), (1.0, "1.0"), (0.84, "0.8"), (412.6, "413"), (0.01, "under 0.05")]
)
def test_number(value: float, shown: str) -> None:
    assert words.number(value) == shown


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((5, 5, 0, 0, 0), "5 reports from 5 customers"),
        ((0, 0, 0, 0, 0), "0 reports from 0 customers"),
        ((20, 24, 1, 3, 0), "20 reports from 20 customers, 1 entry of a list for sale, 3 decoy hits"),
        ((0, 20, 20, 0, 0), "20 entries of a list for sale"),
        ((0, 1, 0, 1, 9), "1 decoy hit, 9 silent decoys"),
    ],
)
def test_each_kind_of_evidence_is_told_by_itself(counts: tuple[int, int, int, int, int], shown: str) -> None:
    assert words.evidence(EvidenceSummary(*counts, Window(None, None))) == shown


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((5, 5, 0, 0, 0), "before their mail came"),
        ((0, 20, 20, 0, 3), "before the list was first offered"),
        ((0, 21, 20, 1, 0), "before their mail came"),
    ],
)
def test_what_was_on_a_list_alone_came_by_no_mail(counts: tuple[int, int, int, int, int], shown: str) -> None:
    assert words.in_time(EvidenceSummary(*counts, Window(None, None))) == shown


def test_times_are_told_in_utc() -> None:
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=3, minutes=30)))
    assert words.instant(moment) == "2026-02-28 22:00 UTC"
    assert words.day(moment) == "2026-02-28"
    assert words.days_between(datetime(2026, 1, 1, tzinfo=UTC), moment) == "58 days"
    assert words.days_between(None, moment) == ""


@given(st.text(st.characters(codec=None)))
def test_plain_text_can_always_be_printed(text: str) -> None:
    shown = words.plain(text)
    shown.encode("utf-8")
    assert shown == words.plain(shown)
    assert not any(ord(sign) < 32 or sign in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069" for sign in shown)


def test_persian_spelling_survives() -> None:
    assert words.plain("می\u200cخواهم 王小明") == "می\u200cخواهم 王小明"
