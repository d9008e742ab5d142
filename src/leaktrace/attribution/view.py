"""A study seen at one cut: what counts as shown in time, and every innocent rate that follows from it.

A finding looks twice (guard 4): with each customer's own mail as the cut, and with a cut some days before the
campaign's first mail, so that whoever handled an earlier, unreported mail is not taken for its source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.baserates import Background, background
from leaktrace.attribution.likelihood import (
    BELIEF,
    LISTED_BELIEF,
    LOG_NOISE_WEIGHT,
    NOISE,
    OTHER_PATH_BELIEF,
    log_other_path,
)
from leaktrace.attribution.logs import log_sum
from leaktrace.attribution.special import expit
from leaktrace.attribution.strata import CLASSES, intensity_class
from leaktrace.attribution.study import NEVER, Aside, Case, Channels, Flags, Group, Indices, Reals, Study, coded

WEAK_GRADES = frozenset({"G0", "G1"})
"""Grades of reports that anybody can make up."""
UNSIGNED_GRADES = frozenset({"G0", "G1", "G2"})
"""Grades of reports that nobody signed for."""
FIXED_JOB_SHARE = 0.5
"""A service account that was shown at least this share of all customers, or of those whom anybody else was shown (many
customers never write), is a fixed job: no rival to anybody."""
_LEAST_OPENED = 30
DECOY_TIMES = 1e-4
"""Mail to a decoy is never innocent: how much less likely than a customer's is it without a source inside? Times a rate
of a few in a hundred, that makes about one in 100,000 (DESIGN 5)."""


@dataclass(frozen=True, slots=True)
class View:
    """One cut's exposures of the mailed cases, `[cases]` or pairs of (case, principal)."""

    study: Study
    latest: int
    """What was shown at or after this does not count, microseconds UTC."""
    mailed: Indices
    """Which of the study's cases were mailed; all arrays below are over these."""
    cases: Group
    """The mailed cases with the exposures that count for sure."""
    intensity: Indices
    belief: Reals
    weight: Reals
    weak: Flags
    """Reports of a kind that anybody can make up."""
    unsigned: Flags
    """Those, and attached mails that nobody signed for."""
    neutral_case: Indices
    neutral_principal: Indices
    known: Background
    team: Indices
    """Code of each principal's team; those without one share a code that is nobody's team, 0."""
    fixed_jobs: Indices
    """Service accounts that open nearly everybody: they share everything with everyone, and say nothing by it. One with
    less is a rival like anybody: its session can be used to frame the colleague it overlaps."""
    controls: Group
    channels: Channels
    """What was shown in time; cases by index into `mailed`."""
    listed_share: Reals
    """Share of regions on the sender's own list, learned from the cases themselves, `[regions]`."""
    other_path: Reals
    """What the seller's own buyers among the cases say about nu, `[len(NOISE)]`, in nats."""

    @property
    def size(self) -> int:
        """Mailed cases."""
        return len(self.mailed)

    @property
    def region(self) -> Indices:
        """Code of each case's region."""
        return self.cases.region

    @property
    def pair_case(self) -> Indices:
        """Sure exposures: which case."""
        return self.cases.pair_customer

    @property
    def pair_principal(self) -> Indices:
        """Sure exposures: to whom."""
        return self.cases.pair_principal

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


def view_at(study: Study, latest: int = NEVER, aside: Aside | None = None, like: View | None = None) -> View:
    """The study with nothing counted of the cases that was shown at or after `latest` (microseconds UTC).

    `like`: a view of the same study; what it learned from the controls holds for this cut too.
    """
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
    regions = 1 + int(max(group.region.max(initial=0), study.controls.region.max(initial=0)))
    segments = 1 + int(max(group.segment.max(initial=0), study.controls.segment.max(initial=0)))
    cases = [study.cases[i] for i in mailed]
    contact = group.contact[mailed]
    controls = study.controls
    known = like.known if like else _background(study, regions, segments)
    intensity = np.bincount(position[owner[shown]], minlength=len(mailed)).astype(np.int64)
    return View(
        study=study,
        latest=latest,
        mailed=mailed,
        cases=Group(
            group.region[mailed],
            group.segment[mailed],
            contact,
            position[owner[shown]],
            group.pair_principal[shown],
            group.pair_at[shown],
        ),
        intensity=intensity,
        belief=_belief(cases, contact),
        weight=_weight(cases),
        weak=np.array([_may_be_made_up(case, WEAK_GRADES) for case in cases], dtype=np.bool_),
        unsigned=np.array([_may_be_made_up(case, UNSIGNED_GRADES) for case in cases], dtype=np.bool_),
        neutral_case=position[owner[neutral]],
        neutral_principal=group.pair_principal[neutral],
        known=known,
        team=like.team if like else coded(["", *(facts.team or "" for facts in study.principals)])[1][1:],
        fixed_jobs=like.fixed_jobs if like else _fixed_jobs(study, known),
        controls=controls,
        channels=_channels_at(study.channels, position, sure, latest, aside),
        listed_share=_listed_share(group.region[mailed], regions, known),
        other_path=log_other_path(_buyers_beyond_share(contact, intensity, controls), len(mailed)),
    )


def _may_be_made_up(case: Case, grades: frozenset[str]) -> bool:
    """Nobody makes up mail to a decoy: who writes to one knows the address, which nobody was given."""
    return case.kind != "decoy" and case.grade in grades


def _fixed_jobs(study: Study, known: Background) -> Indices:
    services = np.flatnonzero(np.array([facts.kind == "service" for facts in study.principals], dtype=np.bool_))
    controls = study.controls
    busy = controls.intensity()
    jobs = []
    for service in services.tolist():
        own = np.zeros(controls.size, dtype=np.bool_)
        own[controls.pair_customer[controls.pair_principal == service]] = True
        opened = busy - own > 0
        of_opened = float(own[opened].mean()) if opened.sum() >= _LEAST_OPENED else 0.0
        if max(float(known.marginal[service]), of_opened) >= FIXED_JOB_SHARE:
            jobs.append(service)
    return np.array(jobs, dtype=np.int64)


def _channels_at(channels: Channels, position: Indices, sure: Indices, latest: int, aside: Aside | None) -> Channels:
    shown = (position[channels.case_customer] >= 0) & (channels.case_at < sure[channels.case_customer])
    # The tickets of what is set aside would explain the reports instead of whoever handled them.
    for since, until in zip(aside.ticket_since, aside.ticket_until, strict=True) if aside is not None else ():
        shown &= (channels.case_at < since) | (channels.case_at >= until)
    early = channels.control_at < latest
    return Channels(
        channels.labels,
        position[channels.case_customer[shown]],
        channels.case_channel[shown],
        channels.case_at[shown],
        channels.control_customer[early],
        channels.control_channel[early],
        channels.control_at[early],
    )


def _background(study: Study, regions: int, segments: int) -> Background:
    return background(
        study.controls,
        study.uniform_control,
        study.opened_count,
        study.customer_count,
        regions,
        segments,
        places_known=study.region_known,
    )


def _listed_share(region: Indices, regions: int, known: Background) -> Reals:
    """The list that fits the cases best, a little drawn to all customers: the null hypothesis gets the benefit."""
    counts = np.bincount(region, minlength=regions)
    return np.asarray((counts + 2.0 * known.region_share) / (len(region) + 2.0))


def _buyers_beyond_share(contact: Flags, intensity: Indices, controls: Group) -> float:
    """Contacts among the cases beyond what customers as busy as they have anyway."""
    return max(0.0, float(contact.sum()) - float(contact_share(intensity, controls).sum()))


def contact_share(intensity: Indices, controls: Group) -> Reals:
    """Share of controls as busy as each case that had contact with the seller."""
    classes = intensity_class(controls.intensity())
    overall = (controls.contact.sum() + 0.5) / (controls.size + 1.0)
    hits = np.bincount(classes, weights=controls.contact, minlength=CLASSES) + 20.0 * overall
    share = hits / (np.bincount(classes, minlength=CLASSES) + 20.0)
    return np.asarray(share[intensity_class(intensity)])


def buyers_chance(view: View) -> float:
    """Chance that a list that is nobody's leak is of the seller's own buyers rather than of anybody, from even odds.

    On the one list is who had contact, but for nu; on the other as many had as of the controls that are as busy.
    """
    share = np.clip(contact_share(view.intensity, view.controls), 1e-6, 1.0 - 1e-6)
    contact = view.cases.contact[None, :]
    nodes = NOISE[:, None]
    ratio = np.log(np.where(contact, nodes + (1.0 - nodes) / share, nodes)) @ view.weight + LOG_NOISE_WEIGHT
    return float(expit(log_sum(ratio)))


def _without(group: Group, aside: Aside) -> Group:
    kept = np.ones(len(group.pair_at), dtype=np.bool_)
    for principal, since in zip(aside.principals, aside.since, strict=True):
        kept &= (group.pair_principal != principal) | (group.pair_at < since)
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
    return view.study.case_is_decoy[view.mailed]
