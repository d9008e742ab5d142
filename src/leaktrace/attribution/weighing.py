"""The weight of each suspect as the only source, against every way in which nobody inside may explain the same.

The sender may have had a list that is like the controls, but for region, segment and intensity (`plain`); or one that
leans to the very company of the suspect: a queue, a product, a place that no table knows (`company`). Either null is
priced, `LEANING` shared out over the companies there are, and the ratio against both together is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.buyers import BUYERS_SPREAD, against_buyers, buyers_rate, may_hold_buyers
from leaktrace.attribution.doubts import doubts_of
from leaktrace.attribution.likelihood import (
    LOG_NOISE_WEIGHT,
    NOISE,
    Columns,
    Credibility,
    Doubt,
    expected_noise,
    integrated,
    list_log_ratio,
    log_likelihood_ratio,
    noise_profile,
)
from leaktrace.attribution.lists import Regions, list_gain
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.study import Flags, Indices, Reals
from leaktrace.attribution.suspects import Suspects
from leaktrace.attribution.view import View

LEANING = 0.3
"""Chance that a list of a sender without insider leans to some company of principals beyond region and segment."""
LEANING_PLACES_UNKNOWN = 0.6
"""The same where no table says where customers live."""
COMPANY_SIZE = 8
"""Principals who make a company, about: a queue's team."""
FORGED_NOISE = 0.5
"""Of reports made up about one principal's customers, less than this share are about others."""
PLACES = 15
"""Companies to choose from, about, where places are unknown: then lists lean to places, which are few."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Ln likelihood ratios of the suspects against nobody inside, `[suspects]` each."""

    suspects: Suspects
    """With calibrated rates."""
    log_ratio: Reals
    bought: Reals | None
    """Rates if the reports that nothing marks are the seller's customers', `[suspects, cases]`; null where none are."""
    plain: Reals
    company: Reals
    forged_weak: Reals
    """Of "the reports of a kind that anybody can make up were made up about this suspect"."""
    forged_unsigned: Reals
    """The same of all reports that nobody signed for."""
    noise: Reals
    """Posterior mean of nu, were this suspect the source."""
    doubt: Doubt
    """About the rates that know the company."""
    spread: float


def weights_of(view: View, everybody: Suspects, rows: Indices) -> Weights:
    """Weighs some of the suspects; the others tell how far the rates may be off."""
    doubts = doubts_of(view, everybody, rows)
    suspects = doubts.suspects
    everything = Credibility(view.belief, view.weight, view.other_path)

    def profiles(cases: Credibility) -> tuple[Reals, Reals, Reals]:
        plain = _profile(view, suspects, suspects.plain, cases, doubts.plain)
        # What a list of the company's explains beyond a plain one, the rest of the mail having other causes.
        company = Columns(suspects.belongs, suspects.neutral, suspects.of_company, suspects.on_list)
        listed = list_log_ratio(company, cases, doubts.plain)
        return (
            plain,
            _profile(view, suspects, suspects.company, cases, doubts.company),
            plain - listed[:, None],
        )

    all_profiles = profiles(everything)
    plain, company, inside = (integrated(profile, view.other_path) for profile in all_profiles)
    leaning = either(company, inside)
    # How much better a leaning list explains everything than one like the controls does, nobody being a source.
    leans = plain - leaning

    def forged(kept: Flags) -> Reals:
        if not kept.any():
            return np.zeros(suspects.size)
        return _forged(view, all_profiles if kept.all() else profiles(everything.only(kept)), leans)

    forged_weak, forged_unsigned = forged(view.weak), forged(view.unsigned)
    log_ratio, bought = against_both(view, plain, leaning), None
    if may_hold_buyers(view):
        bought = buyers_rate(view, suspects.principals, suspects.shown, np.maximum(suspects.plain, suspects.company))
        columns = Columns(suspects.shown, suspects.neutral, bought)
        ratio = log_likelihood_ratio(columns, everything, Doubt.alike(suspects.size, BUYERS_SPREAD))
        against = against_buyers(log_ratio, ratio)
        # Where the seller's own buyers explain the reports, they do so without a forger too.
        spared = np.maximum(log_ratio - against, 0.0)
        forged_weak, forged_unsigned = forged_weak - spared, forged_unsigned - spared
        log_ratio = against
    return Weights(
        suspects=suspects,
        log_ratio=log_ratio,
        bought=bought,
        plain=plain,
        company=company,
        forged_weak=forged_weak,
        forged_unsigned=forged_unsigned,
        noise=expected_noise(all_profiles[1], view.other_path),
        doubt=doubts.company,
        spread=float(doubts.plain.spread.max(initial=0.0)),
    )


def _forged(view: View, profiles: tuple[Reals, Reals, Reals], leans: Reals) -> Reals:
    """Ln ratio of a forgery: whoever makes reports up about a principal's customers makes few up about others.

    `profiles`: of the reports that may have been made up; `leans`: how much better a leaning list explains all reports.
    The others came by the sender's list, and where that has to lean to explain them, it does so for nobody inside too.
    """
    few = NOISE < FORGED_NOISE
    weight = LOG_NOISE_WEIGHT[few] - log_sum(LOG_NOISE_WEIGHT[few])
    plain, company, inside = (log_sum(profile[:, few] + weight, axis=1) for profile in profiles)
    likely, leaning = _log_prices(view)
    others = leans - (plain - either(company, inside))
    together = plain + np.logaddexp(likely, leaning + others) - np.logaddexp(likely, leaning + leans)
    # Or the reports in question came by a leaning list of their own, and the others by the sender's.
    return np.minimum(together, against_both(view, plain, either(company, inside)))


def either(company: Reals, inside: Reals) -> Reals:
    """Ln likelihood ratio against a leaning list, be it as the company of each case tells or of the company alone."""
    return np.asarray(np.log(2.0) - np.logaddexp(-company, -inside))


def _columns(suspects: Suspects, rate: Reals) -> Columns:
    return Columns(suspects.shown, suspects.neutral, rate, suspects.lean)


def _profile(view: View, suspects: Suspects, rate: Reals, cases: Credibility, doubt: Doubt) -> Reals:
    columns = _columns(suspects, rate)
    if not view.study.region_known:
        return noise_profile(columns, cases, doubt)
    where = Regions(view.region, view.known.region_share, suspects.region_share)
    return noise_profile(columns, cases, doubt, list_gain(columns, cases, where))


def _log_prices(view: View) -> tuple[float, float]:
    """Ln prior of all lists but those that lean to a given company, and of these, among all of nobody inside.

    To somebody of one company a list that leans to another looks no more than plain.
    """
    eligible = int((view.study.opened_count > 0).sum())
    companies = max(eligible / COMPANY_SIZE, 1.0)
    leaning = LEANING
    if not view.study.region_known:
        leaning, companies = LEANING_PLACES_UNKNOWN, min(companies, float(PLACES))
    return float(np.log1p(-leaning / companies)), float(np.log(leaning / companies))


def against_both(view: View, plain: Reals, company: Reals) -> Reals:
    """Ln likelihood ratio against both nulls together, from the one against either."""
    likely, leaning = _log_prices(view)
    return np.asarray(-np.logaddexp(likely - plain, leaning - company))
