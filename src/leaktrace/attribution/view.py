"""A study seen at one cut: what counts as shown in time, and every innocent rate that follows from it.

A finding looks twice (guard 4): with each customer's own mail as the cut, and with a cut some days before the
campaign's first mail, so that whoever handled an earlier, unreported mail is not taken for its source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.baserates import (
    CEILING,
    Background,
    Rates,
    background,
    rates_from_controls,
    rates_from_sample,
    region_shares_from_controls,
)
from leaktrace.attribution.likelihood import (
    BELIEF,
    LISTED_BELIEF,
    LOG_NOISE_WEIGHT,
    NOISE,
    OTHER_PATH_BELIEF,
    Columns,
    log_other_path,
)
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import NEVER, Aside, Case, Flags, Group, Indices, Reals, Sample, Study

DECOY_TIMES = 1e-4
"""Mail to a decoy is never innocent: how much less likely than a customer's is it without a source inside? Times a rate
of a few in a hundred, that makes about one in 100,000 (DESIGN 5)."""


@dataclass(frozen=True, slots=True)
class View:
    """One cut's exposures of the mailed cases, `[cases]` or pairs of (case, principal)."""

    study: Study
    mailed: Indices
    """Which of the study's cases were mailed; all arrays below are over these."""
    region: Indices
    segment: Indices
    intensity: Indices
    belief: Reals
    weight: Reals
    contact: Flags
    pair_case: Indices
    """Sure exposures: index into `mailed`."""
    pair_principal: Indices
    pair_at: Indices
    neutral_case: Indices
    neutral_principal: Indices
    known: Background
    controls: Group
    listed_share: Reals
    """Share of regions on the sender's own list, learned from the cases themselves, `[regions]`."""
    other_path: Reals
    """What the seller's own buyers among the cases say about nu, `[len(NOISE)]`, in nats."""

    @property
    def size(self) -> int:
        """Mailed cases."""
        return len(self.mailed)

    def hits(self) -> Reals:
        """Per principal, the mailed cases shown in time, look-alike reporters counted once."""
        weights = self.weight[self.pair_case]
        return np.bincount(self.pair_principal, weights=weights, minlength=len(self.study.principals)).astype(
            np.float64
        )

    def rows(self, principals: Indices) -> tuple[Flags, Flags]:
        """Exposure matrices `[principals, cases]`: shown, neutral."""
        return (
            _rows(principals, self.pair_principal, self.pair_case, self.size),
            _rows(principals, self.neutral_principal, self.neutral_case, self.size),
        )


def _rows(principals: Indices, pair_principal: Indices, pair_case: Indices, cases: int) -> Flags:
    position = np.full(int(max(principals.max(initial=0), pair_principal.max(initial=0))) + 1, -1)
    position[principals] = np.arange(len(principals))
    row = position[pair_principal]
    matrix = np.zeros((len(principals), cases), dtype=np.bool_)
    matrix[row[row >= 0], pair_case[row >= 0]] = True
    return matrix


def view_at(study: Study, latest: int = NEVER, aside: Aside | None = None) -> View:
    """The study with nothing counted that was shown at or after `latest` (microseconds UTC)."""
    group = study.case_group
    if aside is not None:
        group = _without(group, aside)
    sure = np.array([min(case.sure_at, latest) for case in study.cases], dtype=np.int64)
    unsure = np.array([case.sure_at for case in study.cases], dtype=np.int64)
    late = np.array([case.late_at for case in study.cases], dtype=np.int64)
    mailed = np.flatnonzero(np.array([case.mailed for case in study.cases], dtype=np.bool_))
    position = np.full(len(study.cases), -1)
    position[mailed] = np.arange(len(mailed))
    owner = group.pair_customer
    counted = position[owner] >= 0
    shown = counted & (group.pair_at < sure[owner])
    neutral = counted & (group.pair_at >= unsure[owner]) & (group.pair_at < late[owner])
    controls = study.controls.before(latest)
    regions = 1 + int(max(group.region.max(initial=0), controls.region.max(initial=0)))
    segments = 1 + int(max(group.segment.max(initial=0), controls.segment.max(initial=0)))
    cases = [study.cases[i] for i in mailed]
    contact = group.contact[mailed]
    known = background(controls, study.uniform_control, study.opened_count, study.customer_count, regions, segments)
    intensity = np.bincount(position[owner[shown]], minlength=len(mailed)).astype(np.int64)
    return View(
        study=study,
        mailed=mailed,
        region=group.region[mailed],
        segment=group.segment[mailed],
        intensity=intensity,
        belief=_belief(cases, contact),
        weight=_weight(cases),
        contact=contact,
        pair_case=position[owner[shown]],
        pair_principal=group.pair_principal[shown],
        pair_at=group.pair_at[shown],
        neutral_case=position[owner[neutral]],
        neutral_principal=group.pair_principal[neutral],
        known=known,
        controls=controls,
        listed_share=_listed_share(group.region[mailed], regions, known),
        other_path=log_other_path(_buyers_beyond_share(contact, intensity, controls), len(mailed)),
    )


def _listed_share(region: Indices, regions: int, known: Background) -> Reals:
    """The list that fits the cases best, a little drawn to all customers: the null hypothesis gets the benefit."""
    counts = np.bincount(region, minlength=regions)
    return np.asarray((counts + 2.0 * known.region_share) / (len(region) + 2.0))


def _buyers_beyond_share(contact: Flags, intensity: Indices, controls: Group) -> float:
    """Contacts among the cases beyond what customers as busy as they have anyway."""
    classes = intensity_class(controls.intensity())
    overall = (controls.contact.sum() + 0.5) / (controls.size + 1.0)
    hits = np.bincount(classes, weights=controls.contact, minlength=CLASSES) + 20.0 * overall
    share = hits / (np.bincount(classes, minlength=CLASSES) + 20.0)
    return max(0.0, float(contact.sum()) - float(share[intensity_class(intensity)].sum()))


def _without(group: Group, aside: Aside) -> Group:
    kept = ~(np.isin(group.pair_principal, aside.principals) & (group.pair_at >= aside.before))
    return replace(
        group,
        pair_customer=group.pair_customer[kept],
        pair_principal=group.pair_principal[kept],
        pair_at=group.pair_at[kept],
    )


def _belief(cases: list[Case], contact: Flags) -> Reals:
    beliefs = [
        OTHER_PATH_BELIEF
        if known_to_seller or case.known_elsewhere
        else min(BELIEF[case.grade], LISTED_BELIEF if case.kind == "listed" else 1.0)
        for case, known_to_seller in zip(cases, contact, strict=True)
    ]
    return np.array(beliefs, dtype=np.float64)


def _weight(cases: list[Case]) -> Reals:
    """One reporter counts once, however many customers he speaks for."""
    spoken: dict[str, int] = {}
    for case in cases:
        spoken[case.reporter] = spoken.get(case.reporter, 0) + 1
    return np.array([1.0 / spoken[case.reporter] for case in cases], dtype=np.float64)


def decoys(view: View) -> Flags:
    """Which mailed cases are decoys."""
    return np.array([view.study.cases[i].kind == "decoy" for i in view.mailed], dtype=np.bool_)


def screen(view: View) -> Reals:
    """Ln likelihood ratio of every principal, with rates from the controls and no spread, `[principals]`.

    Exact enough to choose whom to look at closely; only what a principal hit costs time.
    """
    count = len(view.study.principals)
    decoy = decoys(view)[view.pair_case]
    noise = 1.0 - (1.0 - NOISE)[:, None] * view.belief[None, :]
    miss = np.log(noise) * view.weight
    total = np.tile(miss.sum(axis=1), (count, 1))
    rate = rates_from_controls(
        view.known, view.pair_principal, view.region[view.pair_case], view.intensity[view.pair_case] - 1
    )
    rate = np.where(decoy, DECOY_TIMES * rate, rate)
    hit_noise = noise[:, view.pair_case]
    lean = _screened_lean(view, decoy)
    rules = np.tile(total, (2, 1, 1))
    for rule, times in enumerate((np.ones(len(lean)), lean)):
        gain = np.log(hit_noise + (1.0 - hit_noise) * times / rate) * view.weight[view.pair_case]
        gain -= miss[:, view.pair_case]
        for node in range(len(NOISE)):
            rules[rule, :, node] += np.bincount(view.pair_principal, weights=gain[node], minlength=count)
    total = np.logaddexp(rules[0], rules[1]) - np.log(2.0)
    for node in range(len(NOISE)):
        total[:, node] -= np.bincount(view.neutral_principal, weights=miss[node, view.neutral_case], minlength=count)
    total += view.other_path
    peak = total.max(axis=1, keepdims=True)
    return np.asarray(np.log(np.exp(total - peak) @ np.exp(LOG_NOISE_WEIGHT)) + peak[:, 0])


def _screened_lean(view: View, decoy: Flags) -> Reals:
    """`Suspect.lean` of each exposure, from the controls alone."""
    if not view.study.region_known:
        return np.ones(len(view.pair_case))
    known, region = view.known, view.region[view.pair_case]
    weight = (known.region_hits + known.marginal[:, None]) / (known.region_controls + 1.0) * known.region_share
    share = weight[view.pair_principal, region] / weight.sum(axis=1)[view.pair_principal]
    return np.where(decoy, 1.0, share / view.listed_share[region])


def expected_hits(view: View, case_weight: Reals) -> Reals:
    """Per principal, how many cases they would have been shown if innocent, cases weighted, `[principals]`."""
    known = view.known
    lean = known.tilt / (known.class_share @ known.tilt)[:, None]
    pull = lean[view.region, intensity_class(np.maximum(view.intensity - 1, 0))] * case_weight
    by_region = np.bincount(view.region, weights=pull, minlength=known.regions)
    rate = (known.region_hits + 20.0 * known.marginal[:, None]) / (known.region_controls + 20.0)
    return np.asarray(np.minimum(rate @ by_region, case_weight.sum() * CEILING))


@dataclass(frozen=True, slots=True)
class Suspect:
    """One principal looked at closely: exposures and innocent rates over the mailed cases."""

    principal: int
    shown: Flags
    neutral: Flags
    rate: Reals
    lean: Reals
    """How much likelier the case's region is among this principal's customers than on the sender's own list."""
    opened: Group | None
    """The sample of what they opened, at this view's cut."""


def suspects_of(view: View, principals: Indices, samples: dict[int, Sample], latest: int) -> list[Suspect]:
    """Rates of the principals looked at closely: from their sample where there is one, else from the controls."""
    shown, neutral = view.rows(principals)
    decoy = decoys(view)
    found = []
    for row, principal in enumerate(principals.tolist()):
        others = view.intensity - shown[row]
        sample = samples.get(principal)
        if sample is None or sample.opened.size == 0:
            constant = np.full(view.size, principal)
            rate = rates_from_controls(view.known, constant, view.region, others) * np.where(decoy, DECOY_TIMES, 1.0)
            share = region_shares_from_controls(view.known, principal)
            found.append(Suspect(principal, shown[row], neutral[row], rate, _lean(view, share, decoy), None))
            continue
        opened, marginal = _at_cut(view, sample, latest)
        rates: Rates = rates_from_sample(view.known, principal, opened, marginal)
        rate = rates.of(view.region, others, view.segment) * np.where(decoy, DECOY_TIMES, 1.0)
        lean = _lean(view, rates.region_share, decoy)
        found.append(Suspect(principal, shown[row], neutral[row], rate, lean, opened))
    return found


def _lean(view: View, region_share: Reals, decoy: Flags) -> Reals:
    if not view.study.region_known:
        return np.ones(view.size)
    return np.where(decoy, 1.0, region_share[view.region] / view.listed_share[view.region])


def _at_cut(view: View, sample: Sample, latest: int) -> tuple[Group, float]:
    """The part of a sample that the principal had opened before the cut, and |A_e| / N at that cut."""
    opened = sample.opened.before(latest)
    own = np.zeros(opened.size, dtype=np.bool_)
    own[opened.pair_customer[opened.pair_principal == sample.principal]] = True
    share = float((own.sum() + 0.5) / (opened.size + 0.5)) if opened.size else 1.0
    marginal = float(view.known.marginal[sample.principal]) * share
    return opened.only(own), marginal


def columns_of(suspects: list[Suspect]) -> Columns:
    """The likelihood's arrays for several principals."""
    return Columns(
        shown=np.stack([s.shown for s in suspects]),
        neutral=np.stack([s.neutral for s in suspects]),
        rate=np.stack([s.rate for s in suspects]),
        lean=np.stack([s.lean for s in suspects]),
    )
