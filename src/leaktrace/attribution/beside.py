"""Sources beside a sender's own list that leans to one team: each explains a part of the mail, neither all of it.

Where a list and persons are only weighed against each other, a list of a team's customers, or of whoever lives where
they do, hides whoever passed on some of them, and whoever passed on others. So where a list is ahead, what persons
explain *beyond* it is weighed too:

    P(exposures | S and a list of T's customers) / P(exposures | that list alone)

By either kind of rates. A customer whom a member of T had been shown is one of T's, by the list as by the leak of that
member; what tells the two apart is how often those of T's customers had been shown to this member: the member's share
of all of them in the case's region, or as who else had been shown each of them lets expect.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from leaktrace.attribution.columns import WeighedColumn
from leaktrace.attribution.likelihood import Doubt
from leaktrace.attribution.ranking import with_level
from leaktrace.attribution.several import Gains, doubted
from leaktrace.attribution.view import View
from leaktrace.attribution.weighing import Weights, against_both

_ALONE = 8
"""So many suspects are weighed as the one source beside the list."""


def beside_list(
    view: View, weights: Weights, column: WeighedColumn, groups: Iterable[tuple[int, ...]]
) -> dict[tuple[int, ...], float]:
    """What the strongest suspects, and these groups of principals, add to a list of a column's customers, in nats.

    `column`: of people, not of one of them. What is added must stand against a list of the company's as well.
    """
    suspects = weights.suspects
    among = np.zeros((suspects.size, view.size))
    row = np.searchsorted(suspects.principals, column.members)
    found = np.minimum(row, suspects.size - 1)
    inside = suspects.principals[found] == column.members
    among[found[inside]] = column.share[inside][:, view.region]
    doubts = (Doubt.alike(suspects.size, weights.spread), weights.doubt)
    plain, company = (
        doubted(rates, doubt) for rates, doubt in zip((suspects.plain, suspects.company), doubts, strict=True)
    )
    # Of a member: the list explains why the customers are of the team, and the company who of it had been shown them.
    member = np.maximum(company, among) * column.rate
    plain, company = (np.where(among > 0.0, member, rates) for rates in (plain, company))
    both = [Gains.of(view, suspects, rates).with_list(column.shown, column.rate) for rates in (plain, company)]
    the_list = suspects.size

    def added(rows: list[int]) -> float:
        total, before = 0.0, [gains.log_ratio((the_list,)) for gains in both]
        for count in range(1, len(rows) + 1):
            after = [gains.log_ratio((*sorted(rows[:count]), the_list)) for gains in both]
            by_plain, by_company = (np.array(more - less) for less, more in zip(before, after, strict=True))
            total, before = total + float(against_both(view, by_plain, by_company)), after
        return total

    place = {int(principal): row for row, principal in enumerate(suspects.principals)}
    several = [members for members in groups if all(member in place for member in members)]
    strongest = with_level(np.argsort(-weights.log_ratio, kind="stable"), weights.log_ratio, _ALONE)
    single = set(suspects.principals[strongest].tolist())
    single.update(member for members in several for member in members)
    return {
        members: added(
            sorted((place[member] for member in members), key=lambda row: (-float(weights.log_ratio[row]), row))
        )
        for members in (*((principal,) for principal in sorted(single)), *several)
    }
