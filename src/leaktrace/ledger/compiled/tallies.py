"""Counts over rows, in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from leaktrace.compiled.jit import compiled

_FEW = 32
_MONTHS_A_YEAR = 12
_MANY = 10_000
_FEW_MONTHS = 12


def months_of(at: NDArray[np.int64]) -> NDArray[np.int32]:
    """Year * 12 + month - 1 of each instant, microseconds UTC."""
    months = np.empty(len(at), dtype=np.int32)
    if len(at) <= _MANY:
        _months(at, months)
        return months
    ends = np.empty(2, dtype=np.int32)
    _months(np.array([at.min(), at.max()]), ends)
    first, last = ends.tolist()
    if last - first > _FEW_MONTHS:
        _months(at, months)
        return months
    since_1970 = np.arange(first + 1, last + 1) - 1970 * _MONTHS_A_YEAR
    _count_begun(at, since_1970.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64), first, months)
    return months


@compiled
def _count_begun(at: Any, begins: Any, first: Any, months: Any) -> None:
    """The month of each instant by how many months have begun after the first one."""
    for i in range(len(at)):
        month = first
        for begin in begins:
            month += at[i] >= begin
        months[i] = month


@compiled
def are_whole_seconds(at: Any) -> Any:
    """Whether all instants, in microseconds, are."""
    rest = np.int64(0)
    for i in range(len(at)):
        rest |= at[i] % 1_000_000
    return rest == 0


@compiled
def are_whole_milliseconds(at: Any) -> Any:
    """Whether all instants, in microseconds, are."""
    rest = np.int64(0)
    for i in range(len(at)):
        rest |= at[i] % 1_000
    return rest == 0


@compiled
def _months(at: Any, months: Any) -> None:
    """Days to civil months, in eras of 400 years that start on 1 March."""
    last_day, last_month = np.int64(-(2**62)), np.int32(0)
    for i in range(len(at)):
        day = at[i] // 86_400_000_000
        if day != last_day:
            shifted = day + 719_468
            era = shifted // 146_097
            of_era = shifted - era * 146_097
            year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
            of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
            from_march = (5 * of_year + 2) // 153
            month = from_march + 2 if from_march < 10 else from_march - 10
            year = year_of_era + era * 400 + (1 if month < 2 else 0)
            last_day, last_month = day, np.int32(year * _MONTHS_A_YEAR + month)
        months[i] = last_month


@compiled
def tally(code: Any, at: Any, count: Any, first: Any, last: Any) -> None:
    """Adds rows to how often each code is there, and when first and last."""
    for i in range(len(code)):
        c = code[i]
        count[c] += 1
        first[c] = min(first[c], at[i])
        last[c] = max(last[c], at[i])


@compiled
def count_openers(customer: Any, principal: Any, kept: Any, counts: Any) -> None:
    """Adds one to each principal's count for every customer of which a kept row is there; rows sorted by customer."""
    start = 0
    while start < len(customer):
        end = start + 1
        while end < len(customer) and customer[end] == customer[start]:
            end += 1
        if end - start <= _FEW:
            for i in range(start, end):
                seen = not kept[i]
                for j in range(start, i):
                    seen |= kept[j] and principal[j] == principal[i]
                if not seen:
                    counts[principal[i]] += 1
        else:
            for code in np.unique(principal[start:end][kept[start:end]]):
                counts[code] += 1
        start = end


@compiled
def count_distinct(sorted_values: Any) -> Any:
    """How many different values there are among sorted ones."""
    if not len(sorted_values):
        return 0
    total = 1
    for i in range(1, len(sorted_values)):
        total += sorted_values[i] != sorted_values[i - 1]
    return total
