"""Sets: principals whom the evidence cannot tell apart, one set for each source found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaktrace.attribution.explanations import GroupWeight, Posterior
from leaktrace.attribution.study import Study

ONE_MORE_CHANCE = 0.25
"""A source beside others has a set from this chance on: a hidden one harms customers, and the set says how likely it
is."""
_LEAST = 1e-9

Sets = tuple[tuple[int, ...], ...]


def sets_of(study: Study, posterior: Posterior, mass: float) -> Sets:
    """The smallest group that reaches `mass` of each source's chance; none where nobody inside is the better answer."""
    if posterior.nobody >= 0.5 or posterior.tied.sum() <= 0.0:
        return ()
    found: list[tuple[int, ...]] = []
    best = _likeliest_group(posterior)
    if best is None:
        likely = np.flatnonzero(posterior.tied > _LEAST)
        chances = {int(index): float(posterior.tied[index]) for index in likely}
        # Whoever may be a source beside the one counts in several chances: together they are no more than one source.
        found.append(_smallest(study, posterior, chances, mass, most=1.0 - posterior.nobody))
    likeliest = () if best is None else best.members
    for member in sorted(likeliest, key=lambda index: (-posterior.tied[index], study.principals[index].name)):
        others = set(likeliest) - {member}
        slot: dict[int, float] = {}
        for group in posterior.groups:
            if len(group.members) == len(likeliest) and others <= set(group.members):
                (instead,) = set(group.members) - others
                slot[instead] = slot.get(instead, 0.0) + group.probability
        members = _smallest(study, posterior, slot, mass)
        if members not in found:
            found.append(members)
    further, chance = _one_more(posterior, found)
    if chance >= ONE_MORE_CHANCE:
        found.append(_smallest(study, posterior, further, mass, most=chance))
    return tuple(found)


def _one_more(posterior: Posterior, found: Sequence[tuple[int, ...]]) -> tuple[dict[int, float], float]:
    """Who may be a source beside one of each of these sets, with the chance of each, and that of anybody."""
    known = {member for members in found for member in members}
    chances: dict[int, float] = {}
    together = 0.0
    for group in posterior.groups:
        further = set(group.members) - known
        if further and all(set(members) & set(group.members) for members in found):
            together += group.probability
            for member in further:
                chances[member] = chances.get(member, 0.0) + group.probability
    return chances, together


def _likeliest_group(posterior: Posterior) -> GroupWeight | None:
    """The likeliest group of as many sources as there are at least, as likely as not; null where that is one.

    How many there are is told by all groups of a size together: where two colleagues share a third source's chance, no
    group of three need be likelier than the best of two; and whether there are two at least, by the groups of three as
    well.
    """
    chance = float(posterior.single.sum()) + sum(group.probability for group in posterior.groups)
    count = 1
    for size in sorted({len(group.members) for group in posterior.groups}):
        if sum(group.probability for group in posterior.groups if len(group.members) >= size) >= 0.5 * chance:
            count = size
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


def alone_where_named(posterior: Posterior, sets: Sets, named: tuple[int, ...]) -> Sets:
    """These sets where some are named: whoever is named was told apart from all others, and stands in a set alone.

    The others of such a set may be sources beside the one who is named; they stay together where that is likely enough.
    """
    found: list[tuple[int, ...]] = [(principal,) for principal in named]
    for members in sets:
        others = tuple(member for member in members if member not in named)
        if others == members or (others and chance_of_any(posterior, others) >= ONE_MORE_CHANCE):
            found.append(others)
    return tuple(found)


def chance_of_any(posterior: Posterior, members: tuple[int, ...]) -> float:
    """Chance that at least one of these is a source, as candidates' chances are told: of one alone it is the same."""
    wanted = set(members)
    together = sum(group.probability for group in posterior.groups if wanted & set(group.members))
    counted = sum(group.probability for group in posterior.groups for member in group.members if member in wanted)
    return float(posterior.person[list(members)].sum()) - counted + together
