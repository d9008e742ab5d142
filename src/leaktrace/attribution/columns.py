"""Sources that are not persons: a team's export, a site's shared screen, an unlogged tool, a type of ticket (guard 5).

A column is "this customer had been shown to somebody of this team", or "by this tool". It competes with each person at
its own price. A member who was shown nearly all that the team was shown cannot be told from the team, and is not named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import rates_from_controls
from leaktrace.attribution.likelihood import Columns, Credibility, Doubt, log_likelihood_ratio
from leaktrace.attribution.ranking import highest
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import Flags, Indices, Reals, Study, coded, distinct
from leaktrace.attribution.view import DECOY_TIMES, View, decoys

EVERYBODY = "anybody: those whose records were opened at all"
"""The column of all people together."""
MOST_OF_ONE = 0.6
"""A column of whose customers one member had been shown this share is that member's list."""
_SHRINK = 20.0
_SHARE_SHRINK = 3.0
_MOST_COLUMNS = 16
_WIDEST_SPREAD = 0.6
_LEAST_RATE, _MOST_RATE = 1e-6, 0.97
_MISS_NATS = 0.7
"""What a missed case costs, about, in choosing which columns are worth weighing."""


@dataclass(frozen=True, slots=True)
class ColumnTable:
    """All columns of a study."""

    labels: tuple[str, ...]
    of_principal: tuple[Indices, ...]
    """For teams, for sites and for everybody: the column of each principal, -1 for none."""
    first_channel: int
    """Columns from here on are the study's channels."""
    members: tuple[Indices, ...]
    """Principals of each team or site; none for a channel."""


@dataclass(frozen=True, slots=True)
class WeighedColumn:
    """A column with what speaks for it."""

    label: str
    members: Indices
    plain_log_ratio: float
    """Against a list that is like the controls, in nats."""
    of_one: bool
    """Whether one member had been shown most of its customers: a list of them is a list of that member's."""
    shown: Flags
    """Whether each case was shown to somebody of it, `[cases]`."""
    rate: Reals
    """Chance that a customer like each case was, `[cases]`."""
    share: Reals
    """Share of its customers in each region that each member was shown, in the order of `members`, `[members,
    regions]`."""


def columns_in(study: Study) -> ColumnTable:
    """Teams and sites of two members or more, each set of people once, everybody together, and the study's channels.

    Customers whom anybody was shown: on a list of just these somebody must have been shown each, and whoever serves a
    good part of all had been shown that part of the list.
    """
    labels: list[str] = []
    members: list[Indices] = []
    maps = []
    seen: set[bytes] = set()
    for attribute in ("team", "site"):
        names, code = coded(getattr(principal, attribute) or "" for principal in study.principals)
        order = np.argsort(code, kind="stable")
        after = np.cumsum(np.bincount(code, minlength=len(names)))
        column_of = np.full(len(names), -1)
        for index, name in enumerate(names):
            own = order[after[index - 1] if index else 0 : after[index]]
            if name and 2 <= len(own) < len(code) and own.tobytes() not in seen:
                seen.add(own.tobytes())
                column_of[index] = len(labels)
                labels.append(f"{attribute} {name}")
                members.append(own)
        maps.append(column_of[code])
    people = np.array([principal.kind != "service" for principal in study.principals], dtype=np.bool_)
    maps.append(np.where(people, len(labels), -1))
    labels.append(EVERYBODY)
    members.append(np.flatnonzero(people))
    nobody = np.zeros(0, dtype=np.int64)
    channels = study.channels.labels
    return ColumnTable((*labels, *channels), tuple(maps), len(labels), (*members, *(nobody for _ in channels)))


@dataclass(frozen=True, slots=True)
class StrikingColumns:
    """The columns that may explain the cases, with their innocent rates."""

    table: ColumnTable
    chosen: Indices
    place: Indices
    """Of each column of the table among the chosen; -1 for all others."""
    rates: Reals
    """`[chosen, regions, CLASSES]`."""
    of_one: Flags
    """Whether one member had been shown most of the column's customers, `[chosen]`."""
    shares: tuple[Reals, ...]
    """Share of a column's customers in each region that each of its members had been shown, per chosen column,
    `[members, regions]`."""


def striking_columns(view: View, table: ColumnTable) -> StrikingColumns:
    """Chooses at the late cut; the others keep their part of the prior and get none of the evidence."""
    chosen = np.zeros(0, dtype=np.int64)
    if view.size and table.labels:
        chosen = _striking(view, table, *_pairs(view, table))
    place = np.full(len(table.labels), -1)
    place[chosen] = np.arange(len(chosen))
    if not len(chosen):
        none = np.zeros(0, dtype=np.bool_)
        return StrikingColumns(table, chosen, place, np.zeros((0, view.known.regions, CLASSES)), none, ())
    rates, seen = _rates(view, table, place, len(chosen))
    shares, of_one = [], np.zeros(len(chosen), dtype=np.bool_)
    for row, index in enumerate(chosen.tolist()):
        own = view.known.region_hits[table.members[index]]
        overall = own.sum(axis=1) / max(float(seen[row].sum()), 1.0)
        of_one[row] = overall.max(initial=0.0) >= MOST_OF_ONE
        # Who alone of a team serves a region was shown all of the team's customers there, and few of all.
        shares.append((own + _SHARE_SHRINK * overall[:, None]) / (seen[row][None, :] + _SHARE_SHRINK))
    return StrikingColumns(table, chosen, place, rates, of_one, tuple(shares))


def weigh_columns(view: View, columns: StrikingColumns, spread: float) -> list[WeighedColumn]:
    """The chosen columns at a view's cut."""
    table, chosen, place = columns.table, columns.chosen, columns.place
    if not len(chosen) or view.size == 0:
        return []
    case, column = _pairs(view, table)
    kept = place[column] >= 0
    shown = np.zeros((len(chosen), view.size), dtype=np.bool_)
    shown[place[column[kept]], case[kept]] = True
    # Who of a column had been shown a case is left out of how busy the case looks.
    inside = _openings_inside(view, table, place)
    classes = intensity_class(np.maximum(view.intensity[None, :] - inside, 0))
    rate = columns.rates[np.arange(len(chosen))[:, None], view.region[None, :], classes]
    # A decoy is on no list of customers who were served: to that column it is a case like any.
    is_everybody = np.array([table.labels[index] == EVERYBODY for index in chosen.tolist()], dtype=np.bool_)
    times = np.where(decoys(view)[None, :] & ~is_everybody[:, None], DECOY_TIMES, 1.0)
    rate = np.clip(rate, _LEAST_RATE, _MOST_RATE) * times
    arrays = Columns(shown=shown, neutral=np.zeros_like(shown), rate=rate)
    cases = Credibility(view.belief, view.weight, view.other_path)
    ratios = log_likelihood_ratio(arrays, cases, Doubt.alike(len(chosen), min(spread, _WIDEST_SPREAD)))
    return [
        WeighedColumn(
            table.labels[index],
            table.members[index],
            float(ratio),
            bool(of_one),
            shown[row],
            rate[row],
            share,
        )
        for row, (index, ratio, of_one, share) in enumerate(
            zip(chosen.tolist(), ratios, columns.of_one, columns.shares, strict=True)
        )
    ]


def weigh_as_column(view: View, principal: int, spread: float) -> float:
    """The ratio of one principal in nats, with rates and doubt as a column has them."""
    shown, neutral = view.rows(np.array([principal], dtype=np.int64))
    who = np.full(view.size, principal, dtype=np.int64)
    rate = rates_from_controls(view.known, who, view.region, view.intensity - shown[0])
    rate = np.clip(rate, _LEAST_RATE, _MOST_RATE) * np.where(decoys(view), DECOY_TIMES, 1.0)
    cases = Credibility(view.belief, view.weight, view.other_path)
    arrays = Columns(shown=shown, neutral=neutral, rate=rate[None, :])
    return float(log_likelihood_ratio(arrays, cases, Doubt.alike(1, min(spread, _WIDEST_SPREAD)))[0])


def _pairs(view: View, table: ColumnTable) -> tuple[Indices, Indices]:
    """Which case was shown to or by which column, each once."""
    cases = [view.pair_case for _ in table.of_principal]
    columns = [column_of[view.pair_principal] for column_of in table.of_principal]
    channels = view.channels
    case = np.concatenate([*cases, channels.case_customer])
    column = np.concatenate([*columns, channels.case_channel + table.first_channel])
    key = distinct(case[column >= 0] * len(table.labels) + column[column >= 0])
    return key // len(table.labels), key % len(table.labels)


def _striking(view: View, table: ColumnTable, case: Indices, column: Indices) -> Indices:
    """Columns that were shown the most cases beyond what their size lets expect; sorted."""
    many = len(table.labels)
    if many <= _MOST_COLUMNS:
        return np.arange(many)
    missing = np.zeros(many)
    for column_of in table.of_principal:
        owned = column_of >= 0
        missing += np.bincount(column_of[owned], weights=np.log1p(-view.known.marginal[owned]), minlength=many)
    rate = -np.expm1(missing)
    seen = np.bincount(view.channels.control_channel, minlength=many - table.first_channel)
    rate[table.first_channel :] = (seen + 0.5) / (view.controls.size + 1.0)
    counts = np.bincount(column, weights=view.weight[case], minlength=many)
    total = float(view.weight.sum())
    excess = -counts * np.log(np.clip(rate, 1e-9, _MOST_RATE)) - (total - counts) * _MISS_NATS
    return np.sort(highest(excess, _MOST_COLUMNS))


def _openings_inside(view: View, table: ColumnTable, place: Indices) -> Indices:
    """How many principals of each chosen column had been shown each case, `[chosen, cases]`; none for channels."""
    chosen = int(place.max(initial=-1)) + 1
    inside = np.zeros(chosen * view.size, dtype=np.int64)
    for column_of in table.of_principal:
        column = np.where(column_of >= 0, place[column_of], -1)[view.pair_principal]
        kept = column >= 0
        inside += np.bincount(column[kept] * view.size + view.pair_case[kept], minlength=chosen * view.size)
    return inside.reshape(chosen, view.size)


def _rates(view: View, table: ColumnTable, place: Indices, chosen: int) -> tuple[Reals, Reals]:
    """Share of controls shown to each column, by region and intensity without it, `[chosen, regions, CLASSES]`; and how
    many of them there are, `[chosen, regions]`.
    """
    controls, regions = view.controls, view.known.regions
    size = controls.size
    inside = np.zeros(chosen * size, dtype=np.int32)
    for column_of in table.of_principal:
        column = np.where(column_of >= 0, place[column_of], -1)[controls.pair_principal]
        kept = column >= 0
        np.add.at(inside, column[kept] * size + controls.pair_customer[kept], 1)
    shown = inside.reshape(chosen, size) > 0
    channel = place[table.first_channel + view.channels.control_channel]
    kept = channel >= 0
    shown[channel[kept], view.channels.control_customer[kept]] = True
    classes = intensity_class(controls.intensity()[None, :] - inside.reshape(chosen, size))
    cells = regions * CLASSES
    cell = np.arange(chosen)[:, None] * cells + controls.region[None, :] * CLASSES + classes
    hits = np.bincount(cell[shown], minlength=chosen * cells).reshape(chosen, regions, CLASSES)
    many = np.bincount(cell.ravel(), minlength=chosen * cells).reshape(chosen, regions, CLASSES)
    overall = ((hits.sum(axis=(1, 2)) + 0.5) / (size + 1.0))[:, None]
    in_region = (hits.sum(axis=2) + _SHRINK * overall) / (many.sum(axis=2) + _SHRINK)
    in_class = (hits.sum(axis=1) + _SHRINK * overall) / (many.sum(axis=1) + _SHRINK)
    # A busier customer is never less likely to have been shown to the column.
    lean = np.maximum.accumulate(in_class, axis=1) / overall
    prior = np.clip(in_region[:, :, None] * lean[:, None, :], _LEAST_RATE, _MOST_RATE)
    return np.asarray((hits + _SHRINK * prior) / (many + _SHRINK)), hits.sum(axis=2).astype(np.float64)
