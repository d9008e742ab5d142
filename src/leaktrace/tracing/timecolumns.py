"""Customers whose records were first opened in the same days: columns that the log itself tells of. Pure.

A sender's list may be of one time: who signed up, or bought, in spring. Their records were opened then, and whoever
worked in those weeks was shown many of them, the more the fewer worked then. Where openings spread over time as
everybody's do, such a column says nothing.

A stretch of whose customers in evidence one principal opened nearly all is that one's and no stretch of days: who
harvested within a week opened them alone, and a list of that week would have been opened by all who worked then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from leaktrace.attribution.study import distinct
from leaktrace.instants import instant_at
from leaktrace.records import ChannelUses, Keys

PERIOD_DAYS = (7, 28, 91)
"""Lengths of the stretches of days that are looked at; each begins half its length after the one before."""
LEAST_CASES = 2
"""Days on which one customer in evidence was opened explain nothing."""
MOST_COLUMNS = 6
"""Of each length: those with the most customers in evidence beyond the share of all that were opened then."""
MOST_BY_ONE = 0.85
"""Who opened this part of a stretch's customers in evidence opened nearly all."""
_DAY = 86_400_000_000


def time_columns(
    customer: Keys,
    principal: NDArray[np.int64],
    first_shown_at: NDArray[np.int64],
    end: int,
    cases: Keys,
    customer_count: int,
) -> ChannelUses:
    """Which customers had been shown to somebody for the first time in which days ("the days 2026-03-02 to ...").

    `customer`, `principal`, `first_shown_at` (microseconds, UTC): one a principal and customer, before each one's end;
    `end`: the campaign's first mail, from which the days are counted back; `cases`: the customers in evidence, or all
    where none are; `customer_count`: of all looked at.
    """
    everybody, who = np.unique(customer, return_inverse=True)
    is_case = np.isin(everybody, cases) if len(cases) else np.ones(len(everybody), dtype=np.bool_)
    many = max(len(cases) or customer_count, 1)
    labels: list[str] = []
    found: list[tuple[Keys, NDArray[np.int64]]] = []
    for days in PERIOD_DAYS:
        half = days * _DAY // 2
        # Each opening is in the stretch that began last, and in the one before.
        halves = (end - 1 - first_shown_at) // half
        period = np.concatenate([halves, halves - 1])
        row = np.tile(np.arange(len(customer)), 2)
        row, period = row[period >= 0], period[period >= 0]
        size = int(period.max(initial=-1)) + 1
        # Each customer once in each period.
        once = distinct(period * max(len(everybody), 1) + who[row])
        once_period, once_who = np.divmod(once, max(len(everybody), 1))
        told = np.bincount(once_period[is_case[once_who]], minlength=size)
        beyond = told - many / max(customer_count, 1) * np.bincount(once_period, minlength=size)
        order = np.lexsort((np.arange(size), -beyond))
        if len(cases):
            evident = is_case[who[row]]
            told = np.where(_most_by_one(principal, row[evident], period[evident], size) >= MOST_BY_ONE * told, 0, told)
        for chosen in [one for one in order.tolist() if told[one] >= LEAST_CASES][:MOST_COLUMNS]:
            own = row[period == chosen]
            first = np.full(len(everybody), np.iinfo(np.int64).max)
            np.minimum.at(first, who[own], first_shown_at[own])
            shown = np.flatnonzero(np.bincount(who[own], minlength=len(everybody)))
            found.append((everybody[shown], first[shown]))
            until = end - chosen * half
            labels.append(f"the days {_day(until - 2 * half)} to {_day(until)}")
    channel = np.repeat(np.arange(len(found)), [len(keys) for keys, _ in found])
    keys = np.concatenate([np.zeros(0, dtype=np.uint64), *(keys for keys, _ in found)])
    at = np.concatenate([np.zeros(0, dtype=np.int64), *(at for _, at in found)])
    order = np.lexsort((channel, keys))
    return ChannelUses(tuple(labels), keys[order], channel[order], at[order])


def _most_by_one(
    principal: NDArray[np.int64], row: NDArray[np.int64], period: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """How many of these openings in each period were by the one who has most, `[size]`."""
    many = int(principal.max(initial=-1)) + 1
    cell, count = np.unique(period * many + principal[row], return_counts=True)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, cell // max(many, 1), count)
    return most


def _day(at: int) -> str:
    return instant_at(at).date().isoformat()
