"""Tickets excuse a burst only of somebody who missed the suspect's cases as all others."""

from __future__ import annotations

import pytest

from leaktrace.tracing.complaintwork import missed_alike
from tests.attribution.worlds import Market, study_of


@pytest.mark.parametrize(
    ("opened", "alike"),
    [
        (range(40), False),  # all there are: nothing tells
        (range(30), False),  # all of the suspect's, and few of the others
        ([*range(2, 40)], True),
        ([*range(4, 30), *range(30, 39)], True),
        ([*range(1, 30), 30, 31], False),  # one of the suspect's missed, of nine
    ],
)
def test_who_missed_fewer_of_the_suspects_cases_than_chance_brings_is_no_handler(
    opened: range | list[int], alike: bool
) -> None:
    market = Market(100, ["suspect", "other"])
    market.show("suspect", range(30))
    market.show("other", opened)
    assert missed_alike(study_of(market, range(40)), 1, 0) is alike


def test_who_was_shown_more_than_twice_as_many_as_the_suspect_is_asked_first() -> None:
    market = Market(100, ["suspect", "other"])
    market.show("suspect", range(9))
    market.show("other", range(4, 30))
    assert not missed_alike(study_of(market, range(40)), 1, 0)
    market.show("suspect", range(30, 36))
    assert missed_alike(study_of(market, range(40)), 1, 0)
