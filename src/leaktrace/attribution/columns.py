"""Sources that are not persons: a team's export, a site's shared screen, an unlogged tool of a queue (guard 5).

A column is "somebody of this team had been shown it". It competes with each of its members at its own price. A member
who was shown nearly all that the team was shown cannot be told from the team, and is not named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.strata import CLASSES, INTENSITY_EDGES, intensity_class
from leaktrace.attribution.study import Flags, Group, Indices, Reals, Study
from leaktrace.attribution.view import DECOY_TIMES, View, decoys

_SHRINK = 20.0
_MOST_COLUMNS = 16


@dataclass(frozen=True, slots=True)
class Column:
    """A group of principals that competes as one."""

    label: str
    members: Indices


def columns_in(study: Study) -> tuple[Column, ...]:
    """Teams and sites of two members or more, by name; the same people twice are one column."""
    found: dict[tuple[int, ...], str] = {}
    for attribute in ("team", "site"):
        groups: dict[str, list[int]] = {}
        for index, principal in enumerate(study.principals):
            name = getattr(principal, attribute)
            if name:
                groups.setdefault(name, []).append(index)
        for name in sorted(groups):
            members = tuple(groups[name])
            if 2 <= len(members) < len(study.principals):
                found.setdefault(members, f"{attribute} {name}")
    return tuple(Column(label, np.array(members, dtype=np.int64)) for members, label in found.items())


def striking(columns: tuple[Column, ...], view: View) -> tuple[Column, ...]:
    """The columns that were shown the most cases beyond what their members' number of customers lets expect.

    The others explain next to nothing; they keep their part of the prior and get none of the evidence.
    """
    if len(columns) <= _MOST_COLUMNS:
        return columns
    owned = np.concatenate([column.members for column in columns])
    owner = np.repeat(np.arange(len(columns)), [len(column.members) for column in columns])
    missing = np.bincount(owner, weights=np.log1p(-view.known.marginal[owned]), minlength=len(columns))
    rate = np.clip(-np.expm1(missing), 1e-9, 0.97)
    cases = _cases_shown(owned, owner, len(columns), view)
    excess = cases * np.log(1.0 / rate) - np.maximum(view.size - cases, 0) * 0.7
    kept = sorted(np.argsort(-excess, kind="stable")[:_MOST_COLUMNS].tolist())
    return tuple(columns[index] for index in kept)


def _cases_shown(owned: Indices, owner: Indices, columns: int, view: View) -> Reals:
    """How many cases anybody of each column was shown, `[columns]`; `owner`: the column of each of `owned`."""
    order = np.argsort(owned, kind="stable")
    start = np.searchsorted(owned[order], view.pair_principal)
    end = np.searchsorted(owned[order], view.pair_principal, side="right")
    pair = np.repeat(np.arange(len(start)), end - start)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
    column = owner[order][start[pair] + offset]
    cells = np.unique(column * max(view.size, 1) + view.pair_case[pair])
    return np.bincount(cells // max(view.size, 1), minlength=columns).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Exposed:
    """A column's exposures and innocent rates over the mailed cases."""

    shown: Flags
    rate: Reals


def exposed(column: Column, view: View) -> Exposed:
    """Which cases anybody of the column was shown, and how often such customers are shown to it anyway."""
    member = np.zeros(len(view.study.principals), dtype=np.bool_)
    member[column.members] = True
    own = member[view.pair_principal]
    seen_by = np.bincount(view.pair_case[own], minlength=view.size)
    shown = seen_by > 0
    rate = _rates(member, view.controls, view.known.regions)[view.region, intensity_class(view.intensity - seen_by)]
    return Exposed(shown=shown, rate=np.clip(rate, 1e-6, 0.97) * np.where(decoys(view), DECOY_TIMES, 1.0))


def _rates(member: Flags, controls: Group, regions: int) -> Reals:
    """Share of controls that the column was shown, by region and intensity without the column, `[regions, CLASSES]`."""
    own = member[controls.pair_principal]
    seen_by = np.bincount(controls.pair_customer[own], minlength=controls.size)
    shown = (seen_by > 0).astype(np.float64)
    classes = intensity_class(controls.intensity() - seen_by)
    overall = (shown.sum() + 0.5) / (controls.size + 1.0)
    in_region = (np.bincount(controls.region, shown, regions) + _SHRINK * overall) / (
        np.bincount(controls.region, minlength=regions) + _SHRINK
    )
    in_class = (np.bincount(classes, shown, CLASSES) + _SHRINK * overall) / (
        np.bincount(classes, minlength=CLASSES) + _SHRINK
    )
    # A busier customer is never less likely to have been shown to the column.
    lean = np.maximum.accumulate(in_class) / overall
    prior = np.clip(in_region[:, None] * lean[None, :], 1e-6, 0.97)
    cell = controls.region * CLASSES + classes
    hits = np.bincount(cell, shown, regions * CLASSES).reshape(regions, CLASSES)
    size = np.bincount(cell, minlength=regions * CLASSES).reshape(regions, len(INTENSITY_EDGES))
    return np.asarray((hits + _SHRINK * prior) / (size + _SHRINK))
