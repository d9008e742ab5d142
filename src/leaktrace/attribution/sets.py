"""Sets: principals whom the evidence cannot tell apart, one set for each source found."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.explanations import GroupWeight, Posterior
from leaktrace.attribution.study import Study

ONE_MORE_CHANCE = 0.25
"""A source beside several others has a set from this chance on: a hidden one harms customers, and the set says
how likely it is."""
_LEAST = 1e-9

Sets = tuple[tuple[int, ...], ...]


def sets_of(study: Study, posterior: Posterior, mass: float) -> Sets:
    """The smallest group that reaches `mass` of each source's chance; none where nobody inside is the better answer."""
    if posterior.nobody >= 0.5 or posterior.tied.sum() <= 0.0:
        return ()
    best = _likeliest_group(posterior)
    if best is None:
        likely = np.flatnonzero(posterior.tied > _LEAST)
        chances = {int(index): float(posterior.tied[index]) for index in likely}
        # Whoever may be a source beside the one counts in several chances: together they are no more than one source.
        return (_smallest(study, posterior, chances, mass, most=1.0 - posterior.nobody),)
    found: list[tuple[int, ...]] = []
    for member in sorted(best.members, key=lambda index: (-posterior.tied[index], study.principals[index].name)):
        others = set(best.members) - {member}
        slot: dict[int, float] = {}
        for group in posterior.groups:
            if len(group.members) == len(best.members) and others <= set(group.members):
                (instead,) = set(group.members) - others
                slot[instead] = slot.get(instead, 0.0) + group.probability
        members = _smallest(study, posterior, slot, mass)
        if members not in found:
            found.append(members)
    further = _one_more(posterior, best)
    if sum(further.values()) >= ONE_MORE_CHANCE:
        members = _smallest(study, posterior, further, mass)
        found += [members] if members not in found else []
    return tuple(found)


def _one_more(posterior: Posterior, best: GroupWeight) -> dict[int, float]:
    """Who may be a source beside all of a group, and the chance of each."""
    known = set(best.members)
    chances: dict[int, float] = {}
    for group in posterior.groups:
        if len(group.members) == len(known) + 1 and known <= set(group.members):
            (member,) = set(group.members) - known
            chances[member] = chances.get(member, 0.0) + group.probability
    return chances


def _likeliest_group(posterior: Posterior) -> GroupWeight | None:
    """The likeliest group of as many sources as there are most likely; null where that is one.

    How many there are is told by all groups of a size together: where two colleagues share a third source's chance, no
    group of three need be likelier than the best of two.
    """
    count_chance = {1: float(posterior.single.sum())}
    for group in posterior.groups:
        count_chance[len(group.members)] = count_chance.get(len(group.members), 0.0) + group.probability
    count = max(count_chance, key=lambda size: (count_chance[size], -size))
    return next((group for group in posterior.groups if len(group.members) == count), None)


def _smallest(
    study: Study, posterior: Posterior, chances: dict[int, float], mass: float, most: float = np.inf
) -> tuple[int, ...]:
    """The fewest who have this part of all chances, which are `most` at most; the likeliest first, as they are told."""

    def told(index: int) -> tuple[float, str]:
        return -float(posterior.person[index]), study.principals[index].name

    order = sorted(chances, key=lambda index: (-chances[index], told(index)))
    total, reached, members = min(sum(chances.values()), most), 0.0, []
    for index in order:
        members.append(index)
        reached += chances[index]
        if reached >= mass * total:
            break
    return tuple(sorted(members, key=told))


def alone_where_named(sets: Sets, named: tuple[int, ...]) -> Sets:
    """These sets where some are named: whoever is named was told apart from all others, and stands in a set alone."""
    kept = [members for members in sets if not set(members) & set(named)]
    return (*((principal,) for principal in named), *kept)


def chance_of_any(posterior: Posterior, members: tuple[int, ...]) -> float:
    """Chance that at least one of these is a source, as candidates' chances are told: of one alone it is the same."""
    wanted = set(members)
    together = sum(group.probability for group in posterior.groups if wanted & set(group.members))
    counted = sum(group.probability for group in posterior.groups for member in group.members if member in wanted)
    return float(posterior.person[list(members)].sum()) - counted + together
