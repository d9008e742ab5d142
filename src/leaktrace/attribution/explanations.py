"""What a look at a campaign says: every explanation with its chance, and how two looks are told as one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leaktrace.attribution.columns import WeighedColumn
from leaktrace.attribution.rivals import Rival
from leaktrace.attribution.study import Flags, Group, Reals
from leaktrace.attribution.view import View


@dataclass(frozen=True, slots=True)
class Weighed:
    """One principal looked at closely."""

    principal: int
    shown: Flags
    """Over the mailed cases."""
    neutral: Flags
    rate: Reals
    """Chance that somebody innocent had been shown each case: the higher of the plain one and the company's."""
    log_ratio: float
    forged_weak: float
    """Ln ratio of "the reports of grade G1 or less were made up about this principal"."""
    forged_unsigned: float
    """The same of all reports that nobody signed for."""
    spread: float
    shift: float
    """How much the list seems to lean to this principal's neighbourhood, in nats of log-odds."""
    noise: float
    """Posterior mean of nu, were this principal the source."""
    opened: Group | None
    """A sample of what they opened."""
    recent_share: float
    """Of all customers they opened, the share first opened after the early cut; never quite zero."""
    rivals: tuple[Rival, ...]
    rivals_weighed: bool
    """False where nobody looked for rivals: then nobody may be named."""


@dataclass(frozen=True, slots=True)
class ColumnWeight:
    """A column and what it explains."""

    column: WeighedColumn
    log_ratio: float
    """As the suspects' are."""
    probability: float


@dataclass(frozen=True, slots=True)
class GroupWeight:
    """Several sources together, and the chance that they are all the sources."""

    members: tuple[int, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Posterior:
    """Chances of all explanations at one cut; they sum to one."""

    view: View
    weighed: tuple[Weighed, ...]
    """Looked at closely, best first."""
    log_ratio: Reals
    """Per principal, against nobody inside; screened ones roughly."""
    person: Reals
    """Chance of being a source, what rivals and one's columns share in included, `[principals]`."""
    tied: Reals
    """The same if passing on a colleague's part were as likely beforehand as all alike: what sets are made of."""
    own: Reals
    """Chance of being a source, alone or with others, who passed on all they were shown alike, rivals left out of
    account, `[principals]`: what alone can name somebody."""
    single: Reals
    """Chance of being the only source, all alike, rivals left out of account, `[principals]`."""
    groups: tuple[GroupWeight, ...]
    """Several sources, likeliest first."""
    columns: tuple[ColumnWeight, ...]
    """Likeliest first."""
    column_count: int
    """Of all there are."""
    nobody: float
    """No principal is a source; forgeries included."""
    rivals: float
    """Somebody passed on just a colleague's part, as `person` has it."""
    tied_rivals: float
    """The same as `tied` has it."""
    forged: float
    """The reports were made up about one principal."""
    leaning: float
    """Nobody inside, and the sender's list leans to what one team, site or channel showed."""
    spread: float
    """Spread of principals' counts, nobody being a source."""
    log_bayes_factor: float
    """Ln of the Bayes factor of somebody inside against nobody inside: the prior of an insider is not in it."""
    noise: float
    """Mean of nu, were one of the principals the source."""

    def cleared(self, prior: float | None) -> float:
        """Chance that nobody is a source and nothing forged, at this insider prior (null: the one weighed with)."""
        chance = self.nobody - self.forged
        if prior is None or chance <= 0.0:
            return chance
        log_odds = self.log_bayes_factor + float(np.log(prior) - np.log1p(-prior))
        return chance / self.nobody * float(np.exp(-np.logaddexp(0.0, log_odds)))


def either_of(one: Posterior, other: Posterior) -> Posterior:
    """Either of two looks may be the right one: the mean of all chances; what was looked at closely is the first's."""

    def mean(name: str) -> Any:
        return (getattr(one, name) + getattr(other, name)) / 2.0

    groups: dict[tuple[int, ...], float] = {}
    for group in (*one.groups, *other.groups):
        groups[group.members] = groups.get(group.members, 0.0) + group.probability / 2.0
    column = {weight.column.label: weight.probability for weight in other.columns}
    columns = [
        replace(weight, probability=(weight.probability + column.get(weight.column.label, 0.0)) / 2.0)
        for weight in one.columns
    ]
    chances = ("person", "tied", "own", "single", "nobody", "rivals", "tied_rivals", "forged", "leaning")
    return replace(
        one,
        **{name: mean(name) for name in chances},
        groups=tuple(GroupWeight(*item) for item in sorted(groups.items(), key=lambda item: (-item[1], item[0]))),
        columns=tuple(sorted(columns, key=lambda weight: -weight.probability)),
    )
