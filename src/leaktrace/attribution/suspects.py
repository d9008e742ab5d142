"""Principals looked at closely, at one cut: what they had been shown, and how often that is so of somebody innocent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaktrace.attribution.baserates import CEILING, rates_from_controls, region_shares_from_controls
from leaktrace.attribution.propensity import Propensity, fit
from leaktrace.attribution.study import NEVER, Flags, Group, Indices, Reals, Sample, Study
from leaktrace.attribution.view import DECOY_TIMES, View, decoys, view_at


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
    lean: Reals
    """How much likelier the case's region is among this principal's customers than on the sender's own list."""
    region_share: Reals
    """Of this principal's customers, `[suspects, regions]`."""
    share: Reals
    """Mean share of this principal's customers that each principal of the study had been shown too,
    `[principals of the study, suspects]`; zeros where there is no sample."""
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
            self.lean[chosen],
            self.region_share[chosen],
            self.share[:, chosen],
            self.closeness[chosen],
            self.sampled[chosen],
        )


@dataclass(frozen=True, slots=True)
class CloseLook:
    """What the samples say, fitted once for all cuts."""

    fitted: Propensity | None
    samples: tuple[Sample, ...]
    """In the order of `fitted.principals`, none of them empty."""

    def sample_of(self, principal: int) -> Sample | None:
        """What this principal opened, where it was sampled."""
        return next((sample for sample in self.samples if sample.principal == principal), None)


def close_look(study: Study, samples: dict[int, Sample]) -> CloseLook:
    """Fits the principals that there are samples of."""
    usable = [samples[principal] for principal in sorted(samples) if samples[principal].opened.size]
    if not usable:
        return CloseLook(None, ())
    view = view_at(study, NEVER)
    marginal = view.known.marginal[[sample.principal for sample in usable]]
    return CloseLook(fit(view.known, view.controls, _weight(study, view), usable, marginal), tuple(usable))


def _weight(study: Study, view: View) -> Reals:
    """What each control stands for: its region's share of all customers, spread over the region's controls.

    Controls who reported other campaigns are no fair draw; they do not count here.
    """
    fair = ~study.elsewhere_control | study.uniform_control
    counts = np.bincount(view.controls.region[fair], minlength=view.known.regions)
    return np.asarray((view.known.region_share / np.maximum(counts, 1))[view.controls.region] * fair)


def suspects_of(view: View, principals: Indices, look: CloseLook, latest: int) -> Suspects:
    """Exposures and rates of these principals (sorted) at a view's cut: from their samples, else from the controls."""
    shown, neutral = view.rows(principals)
    plain, region_share = _from_controls(view, principals, shown)
    company = plain.copy()
    share = np.zeros((len(view.study.principals), len(principals)), dtype=np.float64)
    closeness = np.zeros(len(principals))
    sampled = np.zeros(len(principals), dtype=np.bool_)
    if look.fitted is not None:
        inside = np.isin(look.fitted.principals, principals)
        rows = np.searchsorted(principals, look.fitted.principals[inside])
        everybody = np.zeros((len(look.fitted.principals), view.size), dtype=np.bool_)
        everybody[inside] = shown[rows]
        marginal = np.array([_marginal(view, sample, latest) for sample in look.samples])
        ours, theirs = look.fitted.rates(view.cases, everybody, marginal)
        plain[rows], company[rows] = ours[inside], theirs[inside]
        region_share[rows] = look.fitted.region_share[inside]
        closeness[rows], sampled[rows] = look.fitted.closeness[inside], True
        for row, sample in zip(
            rows.tolist(), [s for s, kept in zip(look.samples, inside, strict=True) if kept], strict=True
        ):
            share[:, row] = _shares(sample.opened, len(share))
    times = np.where(decoys(view), DECOY_TIMES, 1.0)
    lean = np.where(decoys(view), 1.0, _lean(view, region_share))
    return Suspects(
        principals, shown, neutral, plain * times, company * times, lean, region_share, share, closeness, sampled
    )


def _shares(opened: Group, everybody: int) -> Reals:
    return np.bincount(opened.pair_principal, minlength=everybody) / opened.size


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


def _marginal(view: View, sample: Sample, latest: int) -> float:
    """|A_e| / N at the cut, by the share of the sample that was opened before it."""
    opened = sample.opened
    own = opened.pair_principal == sample.principal
    early = np.count_nonzero(opened.pair_at[own] < latest)
    share = (early + 0.5) / (opened.size + 0.5)
    return float(np.clip(view.known.marginal[sample.principal] * share, 1e-9, CEILING))
