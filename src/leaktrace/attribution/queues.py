"""Who works together, where no table tells of teams: those who open the same customers far beyond chance.

An export of a queue, or a list of its customers, looks like a leak of whoever was shown most of it, unless the queue is
there as an explanation of its own (guard 5). Where no principal has a team, queues are read off the samples: two
principals whose customers overlap more than their regions and how busy the customers are let expect work together. They
are teams to the judgement, and to nobody else: no page shows them as one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leaktrace.attribution.baserates import rates_from_controls
from leaktrace.attribution.screening import FirstLook
from leaktrace.attribution.study import Flags, Group, Samples, coded
from leaktrace.attribution.view import View

MOST_TOGETHER = 10
"""People of one queue, at most."""
TOGETHER_LIFT = 3.0
"""Who works together shares so many times the customers that chance would bring."""
TOGETHER_SHARE = 0.05
"""And at least this share of them."""
_WIDEST = 0.1
"""Who was shown this share of all customers is of no queue."""
_LEAST_SHARED = 4
_LEAST_BESIDE = 3
_SIGMAS = 4.0
_CONSIDERED = 40


def with_queues(first: FirstLook, samples: Samples) -> FirstLook:
    """The same look, with teams read off the samples where no principal has one."""
    study, view = first.study, first.view
    if any(facts.team for facts in study.principals):
        return first
    queues = _joined(_pairs(view, samples))
    label = {}
    for number, members in enumerate(sorted(queues, key=lambda queue: (len(queue), queue)), start=1):
        for member in members:
            label[member] = f"{len(members)} who open the same customers ({number})"
    principals = tuple(
        replace(facts, team=label[index]) if index in label else facts for index, facts in enumerate(study.principals)
    )
    told = replace(study, principals=principals, teams_known=False)
    team = coded(["", *(facts.team or "" for facts in principals)])[1][1:]
    return replace(first, study=told, view=replace(view, study=told, team=team))


def works_beside(view: View, opened: Group) -> Flags:
    """Who was shown a principal's customers much oftener than all customers, `[principals]`: people of one team were.

    `opened`: a sample of what the principal opened.
    """
    count = np.bincount(opened.pair_principal, minlength=len(view.known.marginal))
    often = count >= TOGETHER_LIFT * view.known.marginal * opened.size
    return np.asarray(often & (count >= _LEAST_BESIDE))


def _pairs(view: View, samples: Samples) -> list[tuple[float, int, int]]:
    """(Share of the first's customers, first, second) of everybody sampled and whoever works with them."""
    found = []
    narrow = view.known.marginal < _WIDEST
    for principal in samples.principals[narrow[samples.principals]].tolist():
        opened = samples.of(principal)
        if opened is not None:
            found += [(share, principal, other) for other, share in _colleagues(view, principal, opened, narrow)]
    return found


def _colleagues(view: View, principal: int, opened: Group, narrow: Flags) -> list[tuple[int, float]]:
    """Who shares customers of one principal far beyond chance, and which share of them."""
    count = np.bincount(opened.pair_principal, minlength=len(narrow))
    count[principal] = 0
    able = np.flatnonzero(narrow & (count >= np.maximum(_LEAST_SHARED, TOGETHER_SHARE * opened.size)))
    able = able[np.argsort(-count[able], kind="stable")][:_CONSIDERED]
    others = np.maximum(opened.intensity() - 1, 0)
    expected = np.array(
        [
            rates_from_controls(view.known, np.full(opened.size, one), opened.region, others).sum()
            for one in able.tolist()
        ]
    )
    close = able[count[able] > TOGETHER_LIFT * expected + _SIGMAS * np.sqrt(expected)]
    if len(close) >= MOST_TOGETHER:
        # So many share alike: a place that no table knows. Of one queue are those who share far more than they do.
        usual = float(count[close[MOST_TOGETHER - 1]])
        close = close[count[close] > 2.0 * usual + _SIGMAS * np.sqrt(usual)]
    return [(one, float(count[one]) / opened.size) for one in close.tolist()]


def _joined(pairs: list[tuple[float, int, int]]) -> list[tuple[int, ...]]:
    """Queues of two or more: closest pairs first, as long as no queue grows beyond `MOST_TOGETHER`."""
    queue_of: dict[int, list[int]] = {}
    for _, one, other in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        mine, theirs = queue_of.get(one, [one]), queue_of.get(other, [other])
        if mine is theirs or len(mine) + len(theirs) > MOST_TOGETHER:
            continue
        together = [*mine, *theirs]
        for member in together:
            queue_of[member] = together
    return sorted({tuple(sorted(queue)) for queue in queue_of.values()})
