"""The middle of the room: a study in, a judgement out. Two looks, one verdict, and everything needed to retell it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution.decision import Verdict, both, decide, unmatched_cases
from leaktrace.attribution.explanations import Posterior, either_of
from leaktrace.attribution.learning import CampaignNumbers
from leaktrace.attribution.looks import Circumstances, Looks
from leaktrace.attribution.needs import NEVER_APART_SHARE, more_to_part, share_shown_to
from leaktrace.attribution.posterior import posterior_of
from leaktrace.attribution.rivals import NEARLY_ALL_LOG_RATIO
from leaktrace.attribution.sets import chance_of_any
from leaktrace.attribution.several import MOST_SOURCES
from leaktrace.attribution.study import DAY, Indices, Reals, Study
from leaktrace.attribution.suspects import CloseLook
from leaktrace.attribution.view import View, view_at
from leaktrace.attribution.waves import Wave, aside_of, gains, late_only, waves_of
from leaktrace.records import Candidate, MatchedOn, PrincipalSet, Undecided

_MOST_CANDIDATES = 50
_CUTS_DIFFER = 0.2
_USUAL_GAIN = 0.1
"""Openings between the cuts that somebody's own habit brings with this chance tell of no earlier mail."""
_LEADING = 8
BURSTS_DAYS = 90
"""So long before the first mail a burst tells of what brought these customers, where no earlier mail came."""
_LEVEL_BITS = 40


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence says; the caller adds what only the ledger knows (exposure, coverage, provenance)."""

    verdict: Verdict
    named: tuple[str, ...]
    no_insider_probability: float
    candidates: tuple[Candidate, ...]
    sets: tuple[PrincipalSet, ...]
    undecided: Undecided | None
    matched_on: MatchedOn
    source_count_probability: tuple[float, ...]
    """Chance of none, one, two and three sources inside; sums to one."""
    late: Posterior
    early: Posterior
    numbers: CampaignNumbers
    """What this campaign tells about others."""
    least_chance: Reals
    """Chance of being a source with rivals as likely beforehand, or by the reports alone where that is less, as whoever
    decides about names takes it, `[principals]`."""
    set_aside: tuple[Wave, ...] = ()
    """What was opened just before the first mail, or in a burst, as who handles complaints does; it does not count."""


def judge(
    look: CloseLook, around: Circumstances, *, insider_prior: float, person_prior: Reals | None = None
) -> Judgement:
    """Weighs every explanation at both cuts and decides.

    `person_prior`: ln weights from elsewhere, `[principals]`. Chances are told with them; but nobody is named, and
    nobody cleared, who would not be by the reports alone.
    """
    alone, looks = _verdict(look, around, insider_prior, None)
    plain = looks.late
    if person_prior is None:
        return _judgement(look, alone, looks, plain)
    verdict, looks = _verdict(look, around, insider_prior, person_prior)
    return _judgement(look, both(verdict, alone), looks, plain)


def _verdict(
    look: CloseLook, around: Circumstances, insider: float, person_prior: Reals | None
) -> tuple[Verdict, Looks]:
    study = look.study

    def weigh(view: View, also: Indices) -> Posterior:
        return posterior_of(view, look, insider=insider, also=also, person_prior=person_prior)

    late_all = weigh(look.view, np.zeros(0, dtype=np.int64))
    before = view_at(study, look.margin_at, like=look.view)
    early = weigh(before, _leaders(late_all))
    recent = late_only(late_all, early, look.margin_at)
    handlers = around.handlers(study)
    since = study.start_at - around.wave_days * DAY
    everything = np.sort(look.samples.draw_at)
    waves = waves_of(before, look.samples, _leaders(early), since, everything, handlers)
    found = (*recent, *waves)
    if waves:
        early = weigh(view_at(study, look.margin_at, aside=aside_of(found, since), like=look.view), _leaders(late_all))

    def without(some: tuple[Wave, ...]) -> Posterior:
        return weigh(view_at(study, aside=aside_of(some, since), like=look.view), _leaders(early)) if some else late_all

    late = without(found)
    known = tuple(wave for wave in found if wave.principal in handlers)
    # Where no earlier mail came, whatever else brought the customers brought them to everybody.
    bursts = found
    if not around.wave_days:
        bursts = waves_of(before, look.samples, _leaders(late_all), study.start_at - BURSTS_DAYS * DAY, everything)
    certain = np.flatnonzero(late.own >= around.naming_threshold)
    stretches = waves_of(late.view, look.samples, certain, 0, everything) if around.wave_days else ()
    told = late if known == found else without(known)
    looks = Looks(late, early, late_all, found, bursts, stretches, late_told=told)
    return decide(study, looks, around), looks


def _judgement(look: CloseLook, verdict: Verdict, looks: Looks, plain: Posterior) -> Judgement:
    study, late, late_all, early = look.study, looks.late, looks.late_all, looks.early
    told = looks.late_told
    shown = _shown(late, early, named=bool(verdict.named))
    if verdict.of_either:
        # A source who harvested in a burst, or a handler of complaints and whoever else may be a source.
        shown = either_of(told, shown)
    shown = _shared(shown, verdict)
    return Judgement(
        verdict=verdict,
        named=tuple(study.principals[i].name for i in verdict.named),
        no_insider_probability=_probability(shown.nobody),
        candidates=_candidates(study, shown, told, verdict.tied_by),
        sets=tuple(_set(study, shown, late_all, members) for members in verdict.suspects),
        undecided=_undecided(verdict),
        matched_on=_matched_on(study, late),
        source_count_probability=_source_counts(shown),
        late=shown,
        early=early,
        numbers=CampaignNumbers(plain.log_bayes_factor, plain.noise),
        least_chance=np.minimum(shown.tied, plain.tied),
        set_aside=looks.set_aside,
    )


def _undecided(verdict: Verdict) -> Undecided | None:
    if verdict.code is None:
        return None
    return Undecided(verdict.code, verdict.sentence, verdict.needs_about_more_reports)


def withhold(judgement: Judgement, principals: Collection[int], sentence: str) -> Judgement:
    """The judgement without some of its names; undecided, for the reason in the sentence, where none is left."""
    verdict = judgement.verdict
    kept = tuple(index for index in verdict.named if index not in principals)
    if kept:
        verdict = replace(verdict, named=kept)
    else:
        verdict = replace(verdict, outcome="undecided", named=(), code="too_few_reports", sentence=sentence)
    names = tuple(
        name for index, name in zip(judgement.verdict.named, judgement.named, strict=True) if index not in principals
    )
    return replace(judgement, verdict=verdict, named=names, undecided=_undecided(verdict))


def _shown(late: Posterior, early: Posterior, *, named: bool) -> Posterior:
    """What is printed: where the cuts differ, a source who harvested late and somebody who handled an earlier mail look
    alike, and nothing parts the two: either cut may be the right one. Whoever is named stands at both.
    """
    gained = late.person - early.person > _CUTS_DIFFER
    by_habit = [index for index, (_, chance) in gains(late, early).items() if chance > _USUAL_GAIN]
    gained[by_habit] = False
    if not gained.any():
        return late
    if not named:
        return either_of(late, early)
    person, tied = (
        np.where(gained, (one + other) / 2.0, one)
        for one, other in ((late.person, early.person), (late.tied, early.tied))
    )
    return replace(either_of(late, early), person=person, tied=tied)


def _shared(shown: Posterior, verdict: Verdict) -> Posterior:
    """The chance of somebody tied by others who opened the same customers in a burst: nothing parts them, so each has
    as much as any.
    """
    if not verdict.tied_by:
        return shown
    alike = [verdict.suspects[0][0], *verdict.tied_by]
    person, tied = shown.person.copy(), shown.tied.copy()
    for chances in (person, tied):
        chances[alike] = chances[alike].sum() / len(alike)
    return replace(shown, person=person, tied=tied)


def _leaders(posterior: Posterior) -> Indices:
    return np.array([one.principal for one in posterior.weighed[:_LEADING]], dtype=np.int64)


def _probability(value: float) -> float:
    return min(max(float(value), 0.0), 1.0)


def _source_counts(posterior: Posterior) -> tuple[float, ...]:
    several = [0.0] * (MOST_SOURCES + 1)
    for group in posterior.groups:
        several[len(group.members)] += group.probability
    several[0] = posterior.nobody
    several[1] = 1.0 - sum(several)
    return tuple(_probability(chance) for chance in several)


def _set(study: Study, posterior: Posterior, whole: Posterior, members: tuple[int, ...]) -> PrincipalSet:
    chance = chance_of_any(posterior, members)
    more, sentence = _parting(study, whole, members)
    return PrincipalSet(tuple(study.principals[i].name for i in members), _probability(chance), more, sentence)


def _parting(study: Study, posterior: Posterior, members: tuple[int, ...]) -> tuple[int | None, str]:
    """About how many reports would part the likeliest two of a set, and what else would, in a sentence."""
    close = {one.principal: one for one in posterior.weighed}
    ranked = sorted(members, key=lambda index: (-posterior.person[index], study.principals[index].name))[:2]
    if len(ranked) < 2:
        return None, ""
    first, second = (study.principals[index] for index in ranked)
    best = close.get(ranked[0])
    shares = [
        share
        for one, other in (ranked, ranked[::-1])
        if one in close and (share := share_shown_to(close[one], other)) is not None
    ]
    if first.team and second.team and first.team != second.team:
        decoy = f"a decoy customer in the queue of {first.team}, or of {second.team}, that the other never sees, would"
    else:
        decoy = f"a decoy customer shown to {first.name} alone, or to {second.name} alone, would"
    if best is None or not shares:
        return None, f"How many reports would part them is not known; {decoy}."
    more = more_to_part(best, ranked[1], NEARLY_ALL_LOG_RATIO)
    if more is None or max(shares) > NEVER_APART_SHARE:
        return None, f"No number of reports parts {first.name} and {second.name}; {decoy}."
    return more, f"About {more} more reports would part {first.name} and {second.name}; {decoy} at once."


def _candidates(study: Study, posterior: Posterior, told: Posterior, aside: Collection[int]) -> tuple[Candidate, ...]:
    """Best first; of those as likely (a rival and the one whose part it is) the one with more weight, then in the
    study's order. Those with nothing for or against them are left out. `aside`: of these it is told what they opened in
    a burst, too, as `told` has it.
    """
    close = {one.principal: one for one in posterior.weighed}
    close |= {one.principal: one for one in told.weighed if one.principal in aside}
    log_ratio, burst = posterior.log_ratio.copy(), sorted(aside)
    log_ratio[burst] = told.log_ratio[burst]
    people = len(study.principals)
    hits = np.bincount(posterior.view.pair_principal, minlength=people)
    hits[burst] = np.bincount(told.view.pair_principal, minlength=people)[burst]
    able = (hits > 0) | np.isin(np.arange(len(hits)), list(close))
    best = np.flatnonzero(able)
    chance = _level(posterior.person)
    # Of those as likely, whoever explains the reports without a burst comes first.
    best = best[np.lexsort((best, -posterior.log_ratio[best], -chance[best]))]
    found = []
    for index in best[:_MOST_CANDIDATES].tolist():
        one = close.get(index)
        rates = one.rate if one else np.full(posterior.view.size, posterior.view.known.marginal[index])
        found.append(
            Candidate(
                principal=study.principals[index].name,
                probability=_probability(chance[index]),
                opened_count=int(hits[index]),
                expected_opened_count=float(rates.sum()),
                weight_bits=float(log_ratio[index] / np.log(2.0)),
            )
        )
    return tuple(found)


def _level(chances: Reals) -> Reals:
    """To twelve digits: chances that were shared out differ in the last ones by the order of the sums."""
    mantissa, exponent = np.frexp(chances)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, _LEVEL_BITS)), exponent - _LEVEL_BITS))


def _matched_on(study: Study, posterior: Posterior) -> MatchedOn:
    attributes = ["contact intensity (the candidate left out)"]
    if study.region_known:
        attributes.insert(0, "region")
    elif int(study.controls.region.max(initial=0)) > 0:
        attributes.insert(0, "language, as no region is known")
    if int(study.controls.segment.max(initial=0)) > 0:
        attributes.append("segment")
    if study.seller_known and study.contacts_known:
        attributes.append("contact with this seller (who had it counts for nothing)")
    unmatched = len(unmatched_cases(posterior))
    elsewhere = int(study.elsewhere_control.sum())
    sentence = (
        f"Compared with {study.controls.size} other customers, alike in {', '.join(attributes)}; "
        f"{unmatched} of {posterior.view.size} reports come from customers unlike any of them."
    )
    return MatchedOn(
        attributes=tuple(attributes),
        control_count=study.controls.size,
        reported_elsewhere_count=elsewhere,
        unmatched_report_count=unmatched,
        overdispersion=float(posterior.spread),
        sentence=sentence,
    )
