"""Principals looked at closely, at one cut: what they had been shown, and how often that is so of somebody innocent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import CEILING, rates_from_controls, region_shares_from_controls
from leaktrace.attribution.columns import StrikingColumns, columns_in, striking_columns
from leaktrace.attribution.pool import pool_of
from leaktrace.attribution.propensity import Propensity, fit
from leaktrace.attribution.queues import with_queues
from leaktrace.attribution.screening import FirstLook
from leaktrace.attribution.study import Flags, Indices, Reals, Samples, Study, distinct
from leaktrace.attribution.view import DECOY_TIMES, View, decoys

TEAM_LIST_SHARE = 0.95
"""Share of a list of one team's customers that the member who dominates the team had been shown: more than of all that
the team was shown, for the list may be of the queue that is theirs; and less than all, for a list of nobody else's
customers is none that a sender comes by lawfully."""
DOMINANT_TEAM_SHARE = 0.5
"""Who was shown more than this share of the customers of a team is who a list of that team's customers points at."""
LEAST_TEAM = 6
"""A team of fewer has few customers of its own; that a sender has a list of just those, `LEANING` allows for."""


@dataclass(frozen=True, slots=True)
class Suspects:
    """Exposures and innocent rates over the mailed cases, `[suspects, cases]`."""

    principals: Indices
    """Sorted."""
    shown: Flags
    neutral: Flags
    """Neither for nor against: shown at a time that may be before or after the mail."""
    plain: Reals
    """Chance that somebody innocent had been shown the case, as its region, segment and intensity have it."""
    company: Reals
    """The same, with who else had been shown the case; where there is no sample, as `plain`."""
    belongs: Flags
    """Whether the case is a customer of this principal's company, or team, or was shown to this principal."""
    of_company: Reals
    """Chance that an innocent customer is of the company and was shown to this principal, or not, as the case was."""
    on_list: Reals
    """Chance that a customer on a list of nobody but the company's was shown to this principal, or not, likewise."""
    lean: Reals
    """How much likelier the case's region is among this principal's customers than on the sender's own list."""
    region_share: Reals
    """Of this principal's customers, `[suspects, regions]`."""
    share: Reals
    """Mean share of the second's customers that the first had been shown too, `[suspects, suspects]`; zeros where there
    is no sample of the second's."""
    closeness: Reals
    """How much this principal's customers are of one company, in nats; zero where there is no sample."""
    sampled: Flags

    @property
    def size(self) -> int:
        """How many are looked at."""
        return len(self.principals)

    def rows(self, chosen: Indices) -> Suspects:
        """Some of them, in this order."""
        return Suspects(
            self.principals[chosen],
            self.shown[chosen],
            self.neutral[chosen],
            self.plain[chosen],
            self.company[chosen],
            self.belongs[chosen],
            self.of_company[chosen],
            self.on_list[chosen],
            self.lean[chosen],
            self.region_share[chosen],
            self.share[np.ix_(chosen, chosen)],
            self.closeness[chosen],
            self.sampled[chosen],
        )


@dataclass(frozen=True, slots=True)
class CloseLook:
    """What the samples say, fitted once for all cuts and all weighings of a study."""

    study: Study
    view: View
    """Each customer's own mail is the cut."""
    roughly: Reals
    """`screen` of that view: what all principals are reckoned at who are not looked at closely, at any cut."""
    fitted: Propensity | None
    samples: Samples
    columns: StrikingColumns
    team_share: Reals
    """What `dominant_shares` says of each principal."""
    margin_at: int
    """The early cut, microseconds UTC."""

    def recent_share(self, principal: int) -> float:
        """Of all customers that a principal opened, the share first opened after the early cut; never quite zero."""
        row = int(np.searchsorted(self.samples.principals, principal))
        if row >= len(self.samples.principals) or self.samples.principals[row] != principal:
            return 0.1
        at = self.samples.draw_at[self.samples.draw_row == row]
        return min((float((at >= self.margin_at).sum()) + 2.0) / (len(at) + 4.0), 0.9)


def look_closely(first: FirstLook, samples: Samples) -> CloseLook:
    """Fits the principals that there are samples of: the end of the look-up. Fewer samples cost sharpness, not honesty.

    `samples`: what the principals of the shortlist opened.
    """
    first = with_queues(first, samples)
    study, view = first.study, first.view
    fitted, pool = None, pool_of(study, samples)
    # Whose customers were all looked up before they opened them, or reported something else, has nothing to fit.
    samples = samples.only(np.unique(pool.group.pair_principal))
    if len(samples.principals):
        fitted = fit(view.known, pool, samples.principals, view.region)
    return CloseLook(
        study=study,
        view=view,
        roughly=first.roughly,
        fitted=fitted,
        samples=samples,
        columns=striking_columns(view, columns_in(study)),
        team_share=_team_shares(view),
        margin_at=first.margin_at,
    )


def dominant_shares(team: Indices, shown_count: Reals, pair_customer: Indices, pair_principal: Indices) -> Reals:
    """Share of their team's customers that each principal was shown, where it is more than `DOMINANT_TEAM_SHARE`.

    `team`: code of each principal's, 0 for none; `shown_count`: customers each was shown; the pairs say who was shown
    whom. Zero for everybody else and in teams of fewer than `LEAST_TEAM`, `TEAM_LIST_SHARE` at most.
    """
    teams = int(team.max(initial=0)) + 1
    shown = distinct(pair_customer * teams + team[pair_principal])
    together = np.bincount(shown % teams, minlength=teams).astype(np.float64)
    share = shown_count / np.maximum(together[team], 1.0)
    large = np.bincount(team)[team] >= LEAST_TEAM
    dominant = (team > 0) & large & (share > DOMINANT_TEAM_SHARE)
    return np.where(dominant, np.minimum(share, TEAM_LIST_SHARE), 0.0)


def _team_shares(view: View) -> Reals:
    """Out of the controls."""
    return dominant_shares(
        view.team,
        view.known.region_hits.sum(axis=1),
        view.controls.pair_customer,
        view.controls.pair_principal,
    )


def suspects_of(view: View, principals: Indices, look: CloseLook) -> Suspects:
    """Exposures and rates of these principals (sorted) at a view's cut: from their samples, else from the controls."""
    shown, neutral = view.rows(principals)
    plain, region_share = np.empty(shown.shape), np.empty((len(principals), view.known.regions))
    unfitted = np.ones(len(principals), dtype=np.bool_)
    if look.fitted is not None:
        unfitted = ~np.isin(principals, look.fitted.principals)
    plain[unfitted], region_share[unfitted] = _from_controls(view, principals[unfitted], shown[unfitted])
    company, inside_rate = plain.copy(), plain.copy()
    share = np.zeros((len(principals), len(principals)))
    belongs = np.ones(shown.shape, dtype=np.bool_)
    closeness = np.zeros(len(principals))
    sampled = np.zeros(len(principals), dtype=np.bool_)
    if look.fitted is not None:
        inside = np.isin(look.fitted.principals, principals)
        rows = np.searchsorted(principals, look.fitted.principals[inside])
        everybody = np.zeros((len(look.fitted.principals), view.size), dtype=np.bool_)
        everybody[inside] = shown[rows]
        ours, theirs, alike = look.fitted.rates(view.cases, everybody, _marginals(view, look.samples))
        plain[rows], company[rows] = ours[inside], theirs[inside]
        inside_rate[rows] = np.maximum(look.fitted.inside[inside][:, None], company[rows])
        region_share[rows] = look.fitted.region_share[inside]
        belongs[rows] = alike[inside]
        closeness[rows], sampled[rows] = look.fitted.closeness[inside], True
        share[:, rows] = look.fitted.share[np.ix_(principals, inside)]
    dominant = look.team_share[principals]
    lead = np.flatnonzero(dominant > 0.0)
    among = inside_rate.copy()
    among[lead] = np.maximum(dominant[lead][:, None], plain[lead])
    inside_rate[lead] = np.maximum(inside_rate[lead], TEAM_LIST_SHARE)
    belongs[lead] = _of_team(view, principals[lead])
    belongs |= shown
    times = np.where(decoys(view), DECOY_TIMES, 1.0)
    lean = np.where(decoys(view), 1.0, _lean(view, region_share))
    return Suspects(
        principals=principals,
        shown=shown,
        neutral=neutral,
        plain=plain * times,
        company=company * times,
        belongs=belongs,
        of_company=np.clip(np.where(shown, plain, plain * (1.0 - among) / among), 1e-9, CEILING) * times,
        on_list=np.where(shown, inside_rate, 1.0 - inside_rate) * times,
        lean=lean,
        region_share=region_share,
        share=share,
        closeness=closeness,
        sampled=sampled,
    )


def _of_team(view: View, principals: Indices) -> Flags:
    """Whether anybody of each one's team had been shown each case, `[principals, cases]`."""
    if not len(principals):
        return np.zeros((0, view.size), dtype=np.bool_)
    seen = np.zeros((int(view.team.max()) + 1, view.size), dtype=np.bool_)
    seen[view.team[view.pair_principal], view.pair_case] = True
    return np.asarray(seen[view.team[principals]])


def _from_controls(view: View, principals: Indices, shown: Flags) -> tuple[Reals, Reals]:
    many = len(principals)
    rate = rates_from_controls(
        view.known,
        np.repeat(principals, view.size),
        np.tile(view.region, many),
        (view.intensity[None, :] - shown).ravel(),
    ).reshape(many, view.size)
    shares = [region_shares_from_controls(view.known, principal) for principal in principals.tolist()]
    return rate, np.stack(shares) if shares else np.ones((0, view.known.regions))


def _lean(view: View, region_share: Reals) -> Reals:
    if not view.study.region_known:
        return np.ones((len(region_share), view.size))
    return np.asarray(region_share[:, view.region] / view.listed_share[view.region][None, :])


def _marginals(view: View, samples: Samples) -> Reals:
    """|A_e| / N at the cut, by the share of each sample that was opened before it."""
    early = np.bincount(samples.draw_row, weights=samples.draw_at < view.latest, minlength=len(samples.principals))
    share = (early + 0.5) / (samples.drawn + 0.5)
    return np.clip(view.known.marginal[samples.principals] * share, 1e-9, CEILING)
