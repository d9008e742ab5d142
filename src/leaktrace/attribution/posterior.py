"""Every explanation of a campaign with its chance: nobody inside, a person, several, a team, a forgery.

Prior masses, before any report: `insider` for a source inside, shared alike by all principals who had been shown the
field at all (but for what columns and the groups that are weighed take); the rest for nobody inside. A campaign forged
about one principal looks just like that principal's leak, so it caps what reports that anybody can write may say (guard
2). And whoever was shown all that a principal was may have passed on just that part: then the two share the principal's
chance (guards 1 and 7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.beside import beside_list
from leaktrace.attribution.columns import EVERYBODY, StrikingColumns, WeighedColumn, weigh_as_column, weigh_columns
from leaktrace.attribution.explanations import ColumnWeight, GroupWeight, Posterior, Weighed
from leaktrace.attribution.likelihood import Doubt
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.rivals import FRAMED, rivals_of, shared_out
from leaktrace.attribution.screening import closest
from leaktrace.attribution.several import Several, groups_of, log_alone, log_price
from leaktrace.attribution.study import Flags, Indices, Reals, Study
from leaktrace.attribution.suspects import CloseLook, suspects_of
from leaktrace.attribution.view import View
from leaktrace.attribution.weighing import LEANING, Weights, weights_of

COLUMN_SHARE = 0.1
"""Of the insider prior: a team or a site rather than one of its people."""
FORGED_WEAK = 1.0
"""Chance that the reports of grade G1 or less were made up about one principal, in units of nobody inside: as likely
as not, where they are all there is."""
FORGED_NATS = 1.2
"""What each further independent reporter costs a forger, in nats, where nobody signed for the reports (G2 or less): two
agree more easily than ten. Who cannot sign for the sender's domain makes up no report of a better grade."""
SILENT_DECOY_SHARE = 4.0
"""A source who passes on a share r with density 4 (1 - r)^3 leaves n watched decoys silent with chance 4 / (4 + n)."""
WEIGHED = 24
"""So many principals are looked at closely at each cut."""
MOST_NATS = 10_000.0
"""A Bayes factor is told up to this, either way: where nobody had been shown anything it has no end."""
BETTER_ALONE = 0.2
"""What colleagues of one team explain together is no reason against naming one of them, where it is less than this part
as likely as that one alone."""
_HIDES_NATS = 6.0
"""A list less likely than everything together by so many nats hides nobody."""
_MOST_PROMISING = 8
_PROMISING_LOG_RATIO = 2.0


def posterior_of(
    view: View, look: CloseLook, *, insider: float, also: Indices, person_prior: Reals | None = None
) -> Posterior:
    """Weighs every explanation at one cut; `also`: principals to look at closely whatever the rough reckoning says.

    `person_prior`: ln of each principal's prior weight, `[principals]`; null: all alike.
    """
    log_ratio = look.roughly.copy()
    silence = _silence(view.study)
    close = np.union1d(closest(view, log_ratio, WEIGHED), also).astype(np.int64)
    everybody = suspects_of(view, np.union1d(close, look.samples.principals).astype(np.int64), look)
    weights = weights_of(view, everybody, np.searchsorted(everybody.principals, close))
    # Who is not looked at closely is not taken for more than most of those who are: the rough reckoning knows less.
    log_ratio = np.minimum(log_ratio, np.median(weights.log_ratio)) if len(close) else log_ratio
    log_ratio[close] = weights.log_ratio
    doubts = (Doubt.alike(len(close), weights.spread), weights.doubt)
    groups = groups_of(view, weights.suspects, weights.log_ratio, doubts, weights.bought)
    groups = [replace(one, log_ratio=one.log_ratio - float(silence[list(one.members)].sum())) for one in groups]
    order = np.argsort(-weights.log_ratio, kind="stable")
    weighed = [_weighed(view, weights, look, row, place) for place, row in enumerate(order.tolist())]
    groups = [group for group in groups if not _redundant(group.members, weighed)]
    found = _columns(view, look.columns, weights)
    masses = _masses(view, weighed, log_ratio - silence, found, groups, insider, person_prior)
    masses = _beside_list(view, weighed, weights, masses, silence)
    return _combine(view, weighed, log_ratio - silence, masses, weights.spread, insider, len(look.columns.table.labels))


def _weighed(view: View, weights: Weights, look: CloseLook, row: int, place: int) -> Weighed:
    suspects = weights.suspects
    principal = int(suspects.principals[row])
    promising = bool(place < _MOST_PROMISING and weights.log_ratio[row] > _PROMISING_LOG_RATIO)
    opened = look.samples.of(principal) if promising else None
    rivals = rivals_of(view, suspects, row, opened, weights.doubt, float(weights.company[row])) if promising else ()
    return Weighed(
        principal=principal,
        shown=suspects.shown[row],
        neutral=suspects.neutral[row],
        rate=np.maximum(suspects.plain[row], suspects.company[row]),
        log_ratio=float(weights.log_ratio[row]),
        forged_weak=float(weights.forged_weak[row]),
        forged_unsigned=float(weights.forged_unsigned[row]),
        spread=float(weights.doubt.spread[row]),
        shift=float(weights.doubt.mean[row]),
        noise=float(weights.noise[row]),
        opened=opened,
        recent_share=look.recent_share(principal),
        rivals=rivals,
        rivals_weighed=promising,
    )


def _reporters(view: View, one: Weighed) -> float:
    """Independent reporters whose unsigned reports this principal had been shown."""
    return float((view.weight * (one.shown & view.unsigned)).sum())


def _redundant(members: tuple[int, ...], weighed: list[Weighed]) -> bool:
    """Whether one of a group was shown nearly all that speaks for another: then the one alone explains it."""
    return any(
        rival.rival in members and rival.nearly_all and rival.viable
        for one in weighed
        if one.principal in members
        for rival in one.rivals
    )


def _columns(view: View, columns: StrikingColumns, weights: Weights) -> list[tuple[ColumnWeight, float]]:
    """The columns with ln of the prior of one of them, out of all, and of its likelihood ratio.

    A column's rates are of the controls alone, and its ratio is against a list like them; a suspect's rates know
    more, and the ratio is against a list that leans to their company too. To compare like with like, the leading
    suspect is weighed as if a column of one, and what that says beyond their own ratio the columns are discounted by.
    """
    log_each = -float(np.log(max(len(columns.table.labels), 1)))
    discount = 0.0
    if weights.suspects.size:
        leading = int(np.argmax(weights.log_ratio))
        as_column = weigh_as_column(view, int(weights.suspects.principals[leading]), weights.spread)
        discount = max(max(as_column, float(weights.plain[leading])) - float(weights.log_ratio[leading]), 0.0)
    found = weigh_columns(view, columns, weights.spread)
    plain = np.array([column.plain_log_ratio for column in found])
    ratios = plain - discount
    return [
        (ColumnWeight(column, float(ratio), 0.0), float(ratio) + log_each)
        for column, ratio in zip(found, ratios, strict=True)
    ]


def _silence(study: Study) -> Reals:
    """What silent decoys speak against each principal who had been shown them, in nats, `[principals]`."""
    silent = np.array([not case.mailed for case in study.cases], dtype=np.bool_)
    group = study.case_group
    sure = np.array([case.sure_at for case in study.cases], dtype=np.int64)
    seen = silent[group.pair_customer] & (group.pair_at < sure[group.pair_customer])
    count = np.bincount(group.pair_principal[seen], minlength=len(study.principals))
    return np.asarray(np.log((SILENT_DECOY_SHARE + count) / SILENT_DECOY_SHARE))


def _apart(study: Study, members: tuple[int, ...]) -> list[int]:
    """Members who share no team with another of the group.

    Two colleagues who each explain a part of their queue look just like an export of that queue by a third (guard 5);
    that does not touch one of them who explains the reports better alone.
    """
    teams = [study.principals[member].team for member in members]
    return [member for member, team in zip(members, teams, strict=True) if team is None or teams.count(team) == 1]


def own_chances(study: Study, single: Reals, groups: tuple[GroupWeight, ...]) -> Reals:
    """Chance of each to be a source, alone or beside people of other teams; beside colleagues of the team only where
    all that is less than `BETTER_ALONE` of the chance alone, `[principals]`.
    """
    own, colleagues = single.copy(), np.zeros(len(single))
    for group in groups:
        apart = _apart(study, group.members)
        for member in group.members:
            (own if member in apart else colleagues)[member] += group.probability
    return np.where(colleagues < BETTER_ALONE * single, own + colleagues, own)


def _forgery(log_share: float, log_ratio: float) -> float:
    """A forgery's log-mass beyond what it shares with nobody inside: reports that say nothing are no sign of one."""
    if log_ratio <= 0.0:
        return -np.inf
    return float(log_share + log_ratio + np.log1p(-np.exp(-log_ratio)))


@dataclass(frozen=True, slots=True)
class _Masses:
    """Log-masses of all explanations, prior times likelihood ratio, not yet made to sum to one."""

    own: Reals
    columns: list[tuple[ColumnWeight, float]]
    groups: list[tuple[tuple[int, ...], float]]
    forged: list[float]
    leaning: list[tuple[WeighedColumn, float]]
    """Of the sender's lists that lean to a column, beyond what they share with nobody inside."""
    nobody: float
    log_price: Callable[[tuple[int, ...]], float]
    """Ln prior of a group of sources, or of the only one."""
    unseen: float
    """A source whom the log does not show: where it shows nobody, it says nothing about whether there is one."""

    def total(self) -> float:
        """Of all of them."""
        return float(np.logaddexp(self.inside(), self.outside()))

    def inside(self) -> float:
        """Of somebody inside."""
        others = [mass for _, mass in (*self.columns, *self.groups)]
        return float(log_sum(np.concatenate([self.own, others, [self.unseen]])))

    def outside(self) -> float:
        """Of nobody inside."""
        return float(log_sum(np.array([*self.forged, *(mass for _, mass in self.leaning), self.nobody])))


def _masses(
    view: View,
    weighed: list[Weighed],
    log_ratio: Reals,
    columns: list[tuple[ColumnWeight, float]],
    groups: list[Several],
    insider: float,
    person_prior: Reals | None,
) -> _Masses:
    eligible = view.study.opened_count > 0
    count = max(int(eligible.sum()), 1)
    column_share = COLUMN_SHARE if columns else 0.0
    log_person = float(np.log(insider * (1.0 - column_share) / count)) + log_alone(groups, count)
    weight = _relative(person_prior, eligible)
    log_insider = float(np.log(insider))
    log_nobody = float(np.log1p(-insider))

    def price(members: tuple[int, ...]) -> float:
        return log_price(len(members), count, log_person) + float(weight[list(members)].sum())

    return _Masses(
        own=np.where(eligible, log_ratio + log_person + weight, -np.inf),
        columns=[(weight, mass + log_insider + float(np.log(COLUMN_SHARE))) for weight, mass in columns],
        groups=[(group.members, group.log_ratio + price(group.members)) for group in groups],
        forged=[
            log_nobody - float(np.log(count)) + _forgery(log_share, ratio)
            for one in weighed
            for log_share, ratio in (
                (np.log(FORGED_WEAK), one.forged_weak),
                (-FORGED_NATS * max(_reporters(view, one) - 1.0, 0.0), one.forged_unsigned),
            )
        ],
        # A list that leans to a team's customers and an export of them look alike: nothing parts the two, and neither
        # is the leak of one member, who would be as good a guess. But a list of what one person was shown is none that
        # a sender comes by lawfully.
        leaning=[
            (weight.column, log_nobody + _forgery(float(np.log(LEANING)) + mass - weight.log_ratio, weight.log_ratio))
            for weight, mass in columns
            if not weight.column.of_one
        ],
        nobody=log_nobody,
        log_price=price,
        unseen=-np.inf if eligible.any() else log_insider,
    )


def _beside_list(view: View, weighed: list[Weighed], weights: Weights, masses: _Masses, silence: Reals) -> _Masses:
    """With sources beside a list that leans to a team or site, where such a list is what explains most."""
    if not weights.suspects.size or weights.bought is not None:
        return masses
    column, mass = max(
        ((column, mass) for column, mass in masses.leaning if len(column.members) and column.label != EVERYBODY),
        key=lambda leaning: leaning[1],
        default=(None, -np.inf),
    )
    if column is None or mass < masses.total() - _HIDES_NATS:
        return masses
    own, groups, forged = masses.own.copy(), dict(masses.groups), list(masses.forged)
    close = {one.principal: one for one in weighed}
    count = max(int((view.study.opened_count > 0).sum()), 1)
    for members, added in beside_list(view, weights, column, groups).items():
        together = mass - masses.nobody + masses.log_price(members) + added - float(silence[list(members)].sum())
        if len(members) > 1:
            groups[members] = float(np.logaddexp(groups[members], together))
            continue
        own[members[0]] = np.logaddexp(own[members[0]], together)
        # Or made up about this one's customers, beside the list.
        forged.append(mass - float(np.log(count)) + _forgery(_log_made_up(view, close[members[0]]), added))
    return replace(masses, own=own, groups=list(groups.items()), forged=forged)


def _log_made_up(view: View, one: Weighed) -> float:
    """Ln chance that all reports about customers shown to this principal were made up, in units of nobody inside."""
    if (one.shown & ~view.unsigned).any():
        return -np.inf
    if not (one.shown & ~view.weak).any():
        return float(np.log(FORGED_WEAK))
    return -FORGED_NATS * max(_reporters(view, one) - 1.0, 0.0)


def _relative(person_prior: Reals | None, eligible: Flags) -> Reals:
    """Ln of each principal's prior in units of the uniform one, `[principals]`: over those eligible, one on average."""
    if person_prior is None or not eligible.any():
        return np.zeros(len(eligible))
    mean = log_sum(person_prior[eligible]) - np.log(eligible.sum())
    return np.asarray(person_prior - mean)


def _combine(
    view: View,
    weighed: list[Weighed],
    log_ratio: Reals,
    masses: _Masses,
    spread: float,
    insider: float,
    column_count: int,
) -> Posterior:
    total = masses.total()
    against = masses.inside() - masses.outside() - float(np.log(insider) - np.log1p(-insider))
    single = np.exp(masses.own - total)
    together = tuple(
        GroupWeight(members, float(np.exp(mass - total)))
        for members, mass in sorted(masses.groups, key=lambda item: (-item[1], item[0]))
    )
    likely = [replace(weight, probability=float(np.exp(mass - total))) for weight, mass in masses.columns]
    person = single.copy()
    for group in together:
        person[list(group.members)] += group.probability
    rivals = {one.principal: one.rivals for one in weighed}
    tied, tied_rivals = shared_out(person, rivals, 1.0)
    for weight in (one for one in likely if len(one.column.members)):
        for chances in (person, tied):
            chances[weight.column.members] += weight.probability / len(weight.column.members)
    # Last of all: a rival who is level with the one whose part it is stays level.
    person, displaced = shared_out(person, rivals, FRAMED)
    forged = sum(float(np.exp(mass - total)) for mass in masses.forged)
    leaning = sum(float(np.exp(mass - total)) for _, mass in masses.leaning)
    return Posterior(
        view=view,
        weighed=tuple(weighed),
        log_ratio=log_ratio,
        person=np.minimum(person, 1.0),
        tied=np.minimum(tied, 1.0),
        own=own_chances(view.study, single, together),
        single=single,
        groups=together,
        columns=tuple(sorted(likely, key=lambda weight: -weight.probability)),
        column_count=column_count,
        nobody=float(np.exp(masses.nobody - total)) + forged + leaning,
        rivals=displaced,
        tied_rivals=tied_rivals,
        forged=forged,
        leaning=leaning,
        spread=spread,
        log_bayes_factor=float(np.clip(against, -MOST_NATS, MOST_NATS)),
        noise=_noise(single, weighed),
    )


def _noise(single: Reals, weighed: list[Weighed]) -> float:
    """Mean of nu over those looked at closely, each as likely as they are; without any, all nu are alike."""
    chances = np.array([single[one.principal] for one in weighed])
    if chances.sum() <= 0.0:
        return 0.5
    return float(chances @ np.array([one.noise for one in weighed]) / chances.sum())
