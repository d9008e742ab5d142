"""Random draws that several parts of the world share; vectorised."""

from __future__ import annotations

import numpy as np

from leaktrace.simulate.model import LOG_DAYS, LOG_START, MICROSECONDS_A_DAY, Numbers, Shares

_WEEKDAY_SHARE = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.35, 0.25])
"""Monday to Sunday: how much of a full day's work is done."""
_MONDAY_OFFSET_DAYS = 3
"""1970-01-01 was a Thursday."""


def in_proportion(rng: np.random.Generator, weights: Shares, count: int) -> Numbers:
    """`count` positions drawn by weight, with replacement."""
    edges = np.cumsum(weights)
    drawn: Numbers = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    return np.minimum(drawn, len(weights) - 1)


def in_groups(rng: np.random.Generator, weights: Shares, starts: Numbers, groups: Numbers) -> Numbers:
    """One position per wanted group, drawn by weight inside it.

    Groups are stretches of `weights`: group g is `[starts[g], starts[g + 1])`, none of them empty.
    """
    edges = np.concatenate([[0.0], np.cumsum(weights)])
    low, high = edges[starts[:-1]], edges[starts[1:]]
    aim = low[groups] + rng.random(len(groups)) * (high - low)[groups]
    drawn: Numbers = np.searchsorted(edges, aim, side="right") - 1
    return np.clip(drawn, starts[:-1][groups], starts[1:][groups] - 1)


def shares_out(total: int, weights: Shares, least: int) -> Numbers:
    """`total` split in proportion to the weights (largest remainders), every part at least `least`."""
    spare = total - least * len(weights)
    exact = weights / weights.sum() * spare
    parts: Numbers = np.floor(exact).astype(np.int64)
    parts[np.argsort(parts - exact, kind="stable")[: spare - parts.sum()]] += 1
    return parts + least


def without_return(rng: np.random.Generator, weights: Shares, count: int) -> Numbers:
    """`count` different positions, heavier ones more often (exponential races, Efraimidis and Spirakis 2006)."""
    finish = rng.exponential(size=len(weights)) / np.maximum(weights, 1e-12)
    return np.sort(np.argsort(finish, kind="stable")[:count])


def working_days(rng: np.random.Generator, start_day: Numbers, end_day: Numbers) -> Numbers:
    """A day of the log for each stretch `[start_day, end_day)`, weekdays more often; counted from the log's start."""
    first_day = LOG_START // MICROSECONDS_A_DAY
    weekday = (np.arange(LOG_DAYS) + first_day + _MONDAY_OFFSET_DAYS) % 7
    edges = np.concatenate([[0.0], np.cumsum(_WEEKDAY_SHARE[weekday])])
    aim = edges[start_day] + rng.random(len(start_day)) * (edges[end_day] - edges[start_day])
    drawn: Numbers = np.searchsorted(edges, aim, side="right") - 1
    return np.clip(drawn, start_day, end_day - 1)
