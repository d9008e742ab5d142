"""Sets: principals whom the evidence cannot tell apart, one set for each source found."""

from __future__ import annotations

import numpy as np

from leaktrace.attribution.posterior import Posterior
from leaktrace.attribution.study import Study

_LEAST = 1e-9

Sets = tuple[tuple[int, ...], ...]


def sets_of(study: Study, posterior: Posterior, mass: float) -> Sets:
    """The smallest group that reaches `mass` of each source's chance; none where nobody inside is the better answer."""
    if posterior.nobody >= 0.5 or posterior.person.sum() <= 0.0:
        return ()
    best = posterior.groups[0] if posterior.groups else None
    if best is None or best.probability <= float(posterior.single.max()):
        likely = np.flatnonzero(posterior.person > _LEAST)
        chances = {int(index): float(posterior.person[index]) for index in likely}
        return (_smallest(study, chances, mass),)
    found: list[tuple[int, ...]] = []
    for member in sorted(best.members, key=lambda index: (-posterior.person[index], study.principals[index].name)):
        others = set(best.members) - {member}
        slot: dict[int, float] = {}
        for group in posterior.groups:
            if len(group.members) == len(best.members) and others <= set(group.members):
                (instead,) = set(group.members) - others
                slot[instead] = slot.get(instead, 0.0) + group.probability
        members = _smallest(study, slot, mass)
        if members not in found:
            found.append(members)
    return tuple(found)


def _smallest(study: Study, chances: dict[int, float], mass: float) -> tuple[int, ...]:
    order = sorted(chances, key=lambda index: (-chances[index], study.principals[index].name))
    total, reached, members = sum(chances.values()), 0.0, []
    for index in order:
        members.append(index)
        reached += chances[index]
        if reached >= mass * total:
            break
    return tuple(members)


def chance_of_any(posterior: Posterior, members: tuple[int, ...]) -> float:
    """Chance that at least one of these is a source."""
    wanted = set(members)
    together = sum(group.probability for group in posterior.groups if wanted & set(group.members))
    counted = sum(group.probability for group in posterior.groups for member in group.members if member in wanted)
    return float(posterior.person[list(members)].sum()) - counted + together
