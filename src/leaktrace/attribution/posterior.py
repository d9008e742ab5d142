"""Every explanation of a campaign with its chance: nobody inside, a person, a rival's part, a team, a forgery.

Prior masses, before any report: `insider` for a source inside, shared alike by all principals who had been shown the
field at all (but for what columns take); the rest for nobody inside. A campaign forged about one principal looks just
like that principal's leak, so it caps what reports that anybody can write may say (guard 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.columns import Column, columns_in, exposed, striking
from leaktrace.attribution.likelihood import Columns, expected_noise, log_likelihood_ratio, noise_profile
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.rivals import Rival, rivals_of
from leaktrace.attribution.several import Part, Several, groups_of, log_price
from leaktrace.attribution.spread import FLOOR, spread_of
from leaktrace.attribution.study import NEVER, Aside, Indices, Reals, Sample, Study
from leaktrace.attribution.view import Suspect, View, columns_of, expected_hits, screen, suspects_of, view_at

COLUMN_SHARE = 0.1
"""Of the insider prior: a team or a site rather than one of its people."""
RIVAL_SHARE = 0.1
"""Of a person's prior: passed on just the part that one colleague, anybody of them, was shown too."""
FORGED_WEAK = 0.2
"""Chance that the reports of grade G1 or less were made up about one principal, in units of nobody inside."""
FORGED_ALL = 0.001
"""The same for all reports whatever their grade."""
SILENT_DECOY_SHARE = 4.0
"""A source who passes on a share r with density 4 (1 - r)^3 leaves n watched decoys silent with chance 4 / (4 + n)."""
_SHORTLIST_BY_WEIGHT = 30
_SHORTLIST_BY_HITS = 10
_MOST_PROMISING = 8


@dataclass(frozen=True, slots=True)
class Weighed:
    """One principal looked at closely."""

    suspect: Suspect
    log_ratio: float
    weak_log_ratio: float
    """From the reports of grade G1 or less alone."""
    solid_log_ratio: float
    """From everything else alone."""
    spread: float
    noise: float
    """Posterior mean of nu, were this principal the source."""
    rivals: tuple[Rival, ...]
    rivals_weighed: bool
    """False where nobody looked for rivals: then nobody may be named."""


@dataclass(frozen=True, slots=True)
class ColumnWeight:
    """A column and what it explains."""

    column: Column
    log_ratio: float
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
    """Chance of being a source, a rival's part and the share of one's columns included, `[principals]`."""
    own: Reals
    """Chance of being a source, alone or with others, who passed on all they were shown alike: what alone can name
    somebody, `[principals]`."""
    single: Reals
    """Chance of being the only source, all alike, `[principals]`."""
    groups: tuple[GroupWeight, ...]
    """Several sources, likeliest first."""
    columns: tuple[ColumnWeight, ...]
    nobody: float
    """No principal is a source; forgeries included."""
    rivals: float
    """Somebody passed on just a colleague's part."""
    forged: float
    """The reports were made up about one principal."""
    spread: float
    """Spread of principals' counts, nobody being a source."""


def shortlist(study: Study, margin_at: int) -> Indices:
    """Principals worth a sample of what they opened, at either cut; indices, sorted."""
    chosen: set[int] = set()
    for latest in (NEVER, margin_at):
        view = view_at(study, latest)
        chosen |= set(_closest(view, screen(view)).tolist())
    return np.array(sorted(chosen), dtype=np.int64)


def _closest(view: View, log_ratio: Reals) -> Indices:
    hits = view.hits()
    by_weight = np.argsort(-log_ratio, kind="stable")[:_SHORTLIST_BY_WEIGHT]
    by_hits = np.argsort(-hits, kind="stable")[:_SHORTLIST_BY_HITS]
    chosen = np.union1d(by_weight, by_hits)
    return chosen[hits[chosen] > 0].astype(np.int64)


def posterior_of(
    study: Study, samples: dict[int, Sample], *, latest: int, insider: float, aside: Aside | None = None
) -> Posterior:
    """Weighs every explanation at one cut; of the principals in `aside` only what they opened earlier counts."""
    view = view_at(study, latest, aside)
    log_ratio = screen(view)
    base = expected_hits(view, view.weight)
    spread = spread_of(view.hits(), base)
    close = np.union1d(_closest(view, log_ratio), np.array(sorted(samples), dtype=np.int64)).astype(np.int64)
    weighed = _weigh(view, suspects_of(view, close, samples, latest)) if len(close) else []
    for one in weighed:
        log_ratio[one.suspect.principal] = one.log_ratio
    log_ratio = log_ratio - _silence(study)
    groups = groups_of([_part(one) for one in weighed], view, view.weight)
    return _combine(view, weighed, log_ratio, _column_ratios(view, spread), groups, spread, insider)


def _part(one: Weighed) -> Part:
    """A principal as one of several sources; the rate leans towards innocence by the spread of the null model."""
    rate = np.clip(one.suspect.rate * np.exp(one.spread), 1e-12, 0.97)
    suspect = one.suspect
    return Part(suspect.principal, suspect.shown, suspect.neutral, rate, suspect.lean, one.log_ratio)


def _weigh(view: View, suspects: list[Suspect]) -> list[Weighed]:
    columns = columns_of(suspects)
    first = noise_profile(columns, view.belief, view.weight, np.full(len(suspects), FLOOR))
    noise = [expected_noise(row, other_path=view.other_path) for row in first]
    spreads = np.array([_residual_spread(view, s, n) for s, n in zip(suspects, noise, strict=True)])
    weak = np.array([view.study.cases[i].grade in {"G0", "G1"} for i in view.mailed], dtype=np.bool_)
    everything = log_likelihood_ratio(columns, view.belief, view.weight, spreads, other_path=view.other_path)
    weak_only = log_likelihood_ratio(columns, view.belief, view.weight * weak, spreads, other_path=view.other_path)
    solid_only = log_likelihood_ratio(columns, view.belief, view.weight * ~weak, spreads, other_path=view.other_path)
    order = np.argsort(-everything, kind="stable")
    weighed = []
    for place, row in enumerate(order.tolist()):
        suspect = suspects[row]
        promising = bool(place < _MOST_PROMISING and everything[row] > 2.0)
        weighed.append(
            Weighed(
                suspect=suspect,
                log_ratio=float(everything[row]),
                weak_log_ratio=float(weak_only[row]),
                solid_log_ratio=float(solid_only[row]),
                spread=float(spreads[row]),
                noise=noise[row],
                rivals=tuple(rivals_of(suspect, view, float(spreads[row]))) if promising else (),
                rivals_weighed=promising,
            )
        )
    return weighed


def _residual_spread(view: View, suspect: Suspect, noise: float) -> float:
    """Spread of the other principals' counts, given that this one passed on what they were shown."""
    blamed = np.where(suspect.shown, (1.0 - noise) / (1.0 - noise + noise * suspect.rate), 0.0) * (view.belief > 0.01)
    expected = expected_hits(view, view.weight * (1.0 - blamed))
    if suspect.opened is not None and suspect.opened.size:
        pairs = np.bincount(suspect.opened.pair_principal, minlength=len(expected))
        expected = expected + pairs / suspect.opened.size * float(blamed @ view.weight)
    else:
        expected = expected + expected_hits(view, view.weight * blamed)
    others = np.ones(len(expected), dtype=np.bool_)
    others[suspect.principal] = False
    return spread_of(view.hits()[others], expected[others])


def _silence(study: Study) -> Reals:
    """What silent decoys speak against each principal who had been shown them, in nats, `[principals]`."""
    silent = np.array([not case.mailed for case in study.cases], dtype=np.bool_)
    group = study.case_group
    sure = np.array([case.sure_at for case in study.cases], dtype=np.int64)
    seen = silent[group.pair_customer] & (group.pair_at < sure[group.pair_customer])
    count = np.bincount(group.pair_principal[seen], minlength=len(study.principals))
    return np.asarray(np.log((SILENT_DECOY_SHARE + count) / SILENT_DECOY_SHARE))


def _column_ratios(view: View, spread: float) -> list[tuple[Column, float]]:
    found = columns_in(view.study)
    if not found or view.size == 0:
        return []
    found = striking(found, view)
    seen = [exposed(column, view) for column in found]
    arrays = Columns(
        shown=np.stack([s.shown for s in seen]),
        neutral=np.zeros((len(seen), view.size), dtype=np.bool_),
        rate=np.stack([s.rate for s in seen]),
    )
    spreads = np.full(len(seen), min(spread, 0.6))
    ratios = log_likelihood_ratio(arrays, view.belief, view.weight, spreads, other_path=view.other_path)
    return [(column, float(ratio)) for column, ratio in zip(found, ratios, strict=True)]


def _apart(study: Study, members: tuple[int, ...]) -> list[int]:
    """Members who share no team with another of the group.

    Two colleagues who each explain a part of their queue look just like an export of that queue by a third (guard 5);
    that does not touch one of them who explains the reports well alone.
    """
    teams = [study.principals[member].team for member in members]
    return [member for member, team in zip(members, teams, strict=True) if team is None or teams.count(team) == 1]


def _excess(share: float, log_ratio: float) -> float:
    """A forgery's log-mass beyond what it shares with nobody inside: reports that say nothing are no sign of one."""
    if log_ratio <= 0.0:
        return -np.inf
    return float(np.log(share) + log_ratio + np.log1p(-np.exp(-log_ratio)))


def _couples(weighed: list[Weighed]) -> dict[tuple[int, int], float]:
    """Each two principals with the weight of "one of them passed on what both had been shown".

    Who of the two it was, the shared part cannot say; two estimates of the same weight are averaged.
    """
    found: dict[tuple[int, int], list[float]] = {}
    for one in weighed:
        for rival in one.rivals:
            couple = (min(rival.rival, rival.principal), max(rival.rival, rival.principal))
            found.setdefault(couple, []).append(rival.log_ratio)
    return {couple: float(np.mean(ratios)) for couple, ratios in found.items()}


@dataclass(frozen=True, slots=True)
class _Masses:
    """Log-masses of all explanations, prior times likelihood ratio, not yet made to sum to one."""

    own: Reals
    columns: list[tuple[ColumnWeight, float]]
    pairs: list[tuple[int, float]]
    """Each of a couple, with its half of the couple's mass."""
    groups: list[tuple[tuple[int, ...], float]]
    forged: list[float]
    nobody: float

    def total(self) -> float:
        """Of all of them."""
        others = [mass for _, mass in (*self.columns, *self.pairs, *self.groups)]
        return float(log_sum(np.concatenate([self.own, others, self.forged, [self.nobody]])))


def _masses(
    view: View,
    weighed: list[Weighed],
    log_ratio: Reals,
    column_ratios: list[tuple[Column, float]],
    groups: list[Several],
    insider: float,
) -> _Masses:
    eligible = view.study.opened_count > 0
    count = max(int(eligible.sum()), 1)
    column_share = COLUMN_SHARE if column_ratios else 0.0
    log_person = float(np.log(insider * (1.0 - column_share) / count))
    log_column = float(np.log(insider * COLUMN_SHARE / max(len(columns_in(view.study)), 1)))
    log_nobody = float(np.log1p(-insider))
    return _Masses(
        own=np.where(eligible, log_ratio + log_person, -np.inf),
        columns=[(ColumnWeight(column, ratio, 0.0), ratio + log_column) for column, ratio in column_ratios],
        pairs=[
            (member, ratio + log_person + float(np.log(RIVAL_SHARE / count)))
            for couple, ratio in _couples(weighed).items()
            for member in couple
            if eligible[member]
        ],
        groups=[
            (group.members, group.log_ratio + log_price(len(group.members), count, log_person)) for group in groups
        ],
        forged=[
            log_nobody - float(np.log(count)) + _excess(share, ratio)
            for one in weighed
            for share, ratio in ((FORGED_WEAK, one.weak_log_ratio), (FORGED_ALL, one.log_ratio))
        ],
        nobody=log_nobody,
    )


def _combine(
    view: View,
    weighed: list[Weighed],
    log_ratio: Reals,
    column_ratios: list[tuple[Column, float]],
    groups: list[Several],
    spread: float,
    insider: float,
) -> Posterior:
    masses = _masses(view, weighed, log_ratio, column_ratios, groups, insider)
    total = masses.total()
    single = np.exp(masses.own - total)
    together = tuple(
        GroupWeight(members, float(np.exp(mass - total)))
        for members, mass in sorted(masses.groups, key=lambda item: (-item[1], item[0]))
    )
    columns = [replace(weight, probability=float(np.exp(mass - total))) for weight, mass in masses.columns]
    person, alone = single.copy(), single.copy()
    for group in together:
        person[list(group.members)] += group.probability
        for member in group.members:
            if member in _apart(view.study, group.members) or group.probability < 0.1 * single[member]:
                alone[member] += group.probability
    for member, mass in masses.pairs:
        person[member] += np.exp(mass - total)
    for weight in columns:
        person[weight.column.members] += weight.probability / len(weight.column.members)
    forged = sum(float(np.exp(mass - total)) for mass in masses.forged)
    return Posterior(
        view=view,
        weighed=tuple(weighed),
        log_ratio=log_ratio,
        person=person,
        own=alone,
        single=single,
        groups=together,
        columns=tuple(sorted(columns, key=lambda weight: -weight.probability)),
        nobody=float(np.exp(masses.nobody - total)) + forged,
        rivals=sum(float(np.exp(mass - total)) for _, mass in masses.pairs),
        forged=forged,
        spread=spread,
    )
