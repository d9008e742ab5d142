"""How often would this principal, innocent, have been shown a customer like this one? For principals looked at closely.

A principal's own other customers say what their customers are like; the controls say what customers are like. The
ratio of the two makes the odds, |A_e| / (N - |A_e|) on average, that an innocent principal had been shown a customer
with the same

- region, segment,
- contact intensity (how many *others* had been shown them), and
- company: how much the others who had been shown them are those who share customers with this principal. Colleagues of
  one queue meet in the same customers, whether or not any table says that there is a queue; a list that leans to a
  queue, or to a region that no table knows, must not make the people there look like its source.

Each attribute has one lean (a factor per class); the leans are fitted together, so that what two attributes say alike
counts once (iterative proportional fitting: Deming & Stephan, Ann. Math. Statist. 11, 1940). Every lean is shrunk to
what the others predict: zero overlap in a sample is not zero chance. The candidate is left out of intensity and
company, and a sampled customer out of the sample that its company is measured by: else everything would explain itself
away. The rates without company are the plain ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from leaktrace.attribution.baserates import CEILING, LEAST_OF_MARGINAL, Background
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import Flags, Group, Indices, Reals, Sample

DOUBLE_SHARE = 0.6
"""Who had been shown this share of a principal's customers is no company to them, but a double."""
_DOUBLE_LIFT = 1.5
_SWEEPS = 4
_SHRINK = {"region": 3.0, "segment": 20.0, "intensity": 12.0, "company": 8.0}
_LIFT_SHRINK = 1.5
_LOWEST_LIFT, _HIGHEST_LIFT = 0.1, 60.0
_COMPANY_CLASSES = 7
_CUSTOMERS_PER_CLASS = 12
_MOST_CONTROLS = 6000

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Leans:
    """Factors on the odds by class of an attribute, `[principals, classes]` each."""

    region: Reals
    segment: Reals
    intensity: Reals
    company: Reals


@dataclass(frozen=True, slots=True)
class Propensity:
    """Fitted leans of some principals; the first axis of every array is their place in `principals`."""

    principals: Indices
    marginal: Reals
    """|A_e| / N."""
    plain: Leans
    """Company left out: its factors are one."""
    full: Leans
    edges: Reals
    """Lower edges of the company classes but the first."""
    lifts: Singles
    """How much likelier each principal of the study is to have been shown one of this principal's customers than any
    customer, `[principals of the study, principals]`."""
    region_share: Reals
    """Of this principal's customers, `[principals, regions]`; sums to one."""
    closeness: Reals
    """How much this principal's customers are of one company: mean ln of the company's lean over them, in nats."""

    def rates(self, cases: Group, shown: Flags, marginal: Reals) -> tuple[Reals, Reals]:
        """Chance that each innocent principal had been shown each case, plain and with company, `[principals, cases]`.

        `cases`: the customers with the exposures that count; `shown`: which of `principals` had been shown whom;
        `marginal`: |A_e| / N at this cut.
        """
        rows = np.arange(len(self.principals))[:, None]
        others = intensity_class(cases.intensity()[None, :] - shown)
        company = _classes(company_of(cases, self.lifts, shown, self.principals), self.edges)
        average = (marginal / (1.0 - marginal))[:, None]
        least = LEAST_OF_MARGINAL * marginal[:, None]

        def rate(leans: Leans) -> Reals:
            odds = (
                average
                * leans.region[rows, cases.region[None, :]]
                * leans.segment[rows, cases.segment[None, :]]
                * leans.intensity[rows, others]
                * leans.company[rows, company]
            )
            return np.clip(odds / (1.0 + odds), least, CEILING)

        return rate(self.plain), rate(self.full)


def company_of(group: Group, lifts: Singles, shown: Flags, principals: Indices) -> Singles:
    """Mean lift of the others who had been shown each customer, drawn to one, `[principals, customers]`."""
    openings = csr_array(
        (np.ones(len(group.pair_customer), dtype=np.float32), (group.pair_customer, group.pair_principal)),
        shape=(group.size, lifts.shape[0]),
    )
    total = np.asarray(openings @ lifts).T
    own = lifts[principals, np.arange(len(principals))]
    others = group.intensity()[None, :] - shown
    return np.asarray((total - shown * own[:, None] + 1.0) / (others + 1.0), dtype=np.float32)


def _classes(company: Singles, edges: Reals) -> Indices:
    found = np.zeros(company.shape, dtype=np.int64)
    for edge in edges.T:
        found += company >= edge[:, None]
    return found


def fit(
    known: Background, controls: Group, control_weight: Reals, samples: list[Sample], marginal: Reals
) -> Propensity:
    """Fits the principals of these samples (none of them empty).

    `control_weight`: how many customers each control stands for, on any scale; `marginal`: |A_e| / N of each sample.
    The controls are thinned evenly to `_MOST_CONTROLS`: more do not sharpen the fit to a sample of some hundreds.
    """
    principals = np.array([sample.principal for sample in samples], dtype=np.int64)
    step = max(1, -(-controls.size // _MOST_CONTROLS))
    kept = np.arange(controls.size) % step == 0
    few, weight = controls.only(kept), control_weight[kept]
    everybody = len(known.marginal)
    counts = np.stack([np.bincount(sample.opened.pair_principal, minlength=everybody) for sample in samples]).astype(
        np.float64
    )
    size = np.array([float(sample.opened.size) for sample in samples])
    doubles = _doubles(counts, size, known.marginal)
    lifts = np.where(doubles, 1.0, _lifts(counts, size[:, None] * known.marginal[None, :])).T.astype(np.float32)
    shown = _shown(few, principals, everybody)
    company = company_of(few, lifts, shown, principals)
    others = intensity_class(few.intensity()[None, :] - shown)
    plain, full, edges, closeness = [], [], [], []
    for row, sample in enumerate(samples):
        own = _own_side(known, sample, counts[row], doubles[row])
        edge = _edges(own.company)
        negatives = weight * ~shown[row]
        control_codes = [few.region, few.segment, others[row], _bins(company[row], edge)]
        own_codes = [sample.opened.region, sample.opened.segment, own.intensity, _bins(own.company, edge)]
        plain.append(_fitted(known, negatives, control_codes[:3], own_codes[:3]))
        full.append(_fitted(known, negatives, control_codes, own_codes))
        edges.append(edge)
        closeness.append(max(float(np.log(full[-1][3][own_codes[3]]).mean()), 0.0))
    shares = np.stack([_region_share(known, sample) for sample in samples])
    return Propensity(
        principals,
        marginal,
        _stacked(plain),
        _stacked(full),
        np.stack(edges),
        lifts,
        shares,
        np.array(closeness),
    )


def _lifts(counts: Reals, expected: Reals) -> Reals:
    return np.clip((counts + _LIFT_SHRINK) / (expected + _LIFT_SHRINK), _LOWEST_LIFT, _HIGHEST_LIFT)


def _doubles(counts: Reals, size: Reals, marginal: Reals) -> Flags:
    """Who had been shown most of a principal's customers, beyond their size: a twin, not a company.

    A list that leans to what one person was shown is no list that a sender comes by lawfully. Whether the one or the
    other passed it on is for `rivals` to ask.
    """
    share = counts / size[:, None]
    return (share >= DOUBLE_SHARE) & (share >= _DOUBLE_LIFT * marginal[None, :])


def _shown(group: Group, principals: Indices, everybody: int) -> Flags:
    place = np.full(everybody, -1)
    place[principals] = np.arange(len(principals))
    shown = np.zeros((len(principals), group.size), dtype=np.bool_)
    row = place[group.pair_principal]
    shown[row[row >= 0], group.pair_customer[row >= 0]] = True
    return shown


@dataclass(frozen=True, slots=True)
class _OwnSide:
    """Attributes of a principal's own customers, the principal left out."""

    intensity: Indices
    company: Reals


def _own_side(known: Background, sample: Sample, counts: Reals, doubles: Flags) -> _OwnSide:
    opened = sample.opened
    other = opened.pair_principal != sample.principal
    customer, principal = opened.pair_customer[other], opened.pair_principal[other]
    others = np.bincount(customer, minlength=opened.size)
    # The customer itself is left out of the sample that its company is measured by.
    without = np.where(doubles, 1.0, _lifts(counts - 1.0, max(opened.size - 1.0, 0.0) * known.marginal))
    company = np.bincount(customer, weights=without[principal], minlength=opened.size)
    return _OwnSide(intensity_class(others), (company + 1.0) / (others + 1.0))


def _bins(company: NDArray[np.floating], edges: Reals) -> Indices:
    return np.searchsorted(edges, company, side="right").astype(np.int64)


def _edges(company: Reals) -> Reals:
    """Edges that part the principal's own customers evenly; fewer classes where there are few customers."""
    wanted = int(np.clip(len(company) // _CUSTOMERS_PER_CLASS, 1, _COMPANY_CLASSES))
    edges = np.full(_COMPANY_CLASSES - 1, np.inf)
    if wanted > 1:
        cuts = np.unique(np.quantile(company, np.arange(1, wanted) / wanted))
        edges[: len(cuts)] = cuts
    return edges


def _fitted(known: Background, weight: Reals, controls: list[Indices], own: list[Indices]) -> list[Reals]:
    """Leans that make the weighted controls look like the principal's own customers in every attribute."""
    leans = [
        np.ones(known.regions),
        np.ones(known.segments),
        known.tilt / max(float((known.class_share @ known.tilt) @ known.region_share), 1e-12),
        np.ones(_COMPANY_CLASSES),
    ]
    density = weight / max(float(weight.sum()), 1e-12) * leans[2][controls[2]]
    many = len(own[0])
    for _ in range(_SWEEPS):
        for which, (codes, own_codes, shrink) in enumerate(zip(controls, own, _SHRINK.values(), strict=False)):
            classes = len(leans[which])
            if classes == 1:
                continue
            expected = np.bincount(codes, weights=density, minlength=classes)
            total = max(float(expected.sum()), 1e-12)
            share = np.maximum(expected / total, 1e-9)
            seen = np.bincount(own_codes, minlength=classes)
            factor = (seen + shrink * share) / (many + shrink) / share / total
            leans[which] = leans[which] * factor
            density = density * factor[codes]
    return leans


def _stacked(fitted: list[list[Reals]]) -> Leans:
    region, segment, intensity, company = (np.stack([one[which] for one in fitted]) for which in range(4))
    return Leans(region, segment, intensity[:, :CLASSES], company)


def _region_share(known: Background, sample: Sample) -> Reals:
    counts = np.bincount(sample.opened.region, minlength=known.regions)
    share = counts + _SHRINK["region"] * known.region_share
    return np.asarray(share / share.sum())
