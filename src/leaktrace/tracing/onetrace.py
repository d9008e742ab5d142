"""One trace from evidence to finding: what is asked of the ledger, what the model says, what is printed of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaktrace.attribution import (
    Circumstances,
    Judgement,
    Study,
    explain,
    judge,
    look_closely,
    look_first,
    mailed_estimate,
    withhold,
)
from leaktrace.intake.evidence import evidence_digest
from leaktrace.keys import Keyring
from leaktrace.ledger import Ledger
from leaktrace.records import (
    CallBack,
    Evidence,
    EvidenceSummary,
    Explanation,
    Exposure,
    Finding,
    Keys,
    LogCoverage,
    PrincipalKey,
    Prior,
    Provenance,
    SellerFacts,
    Window,
)
from leaktrace.settings import Settings
from leaktrace.tracing.complaintwork import worked_on_tickets
from leaktrace.tracing.exposing import Whose
from leaktrace.tracing.inquiry import Inquiry, open_inquiry, samples_for
from leaktrace.tracing.priors import Beliefs, prior_record
from leaktrace.version import __version__

SCHEMA = "leaktrace.finding/1"
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Traced:
    """A finding with what a page shows beside it."""

    finding: Finding
    explanation: Explanation
    whose: Whose | None
    """What the exposure is counted over; null where nobody is suspected of anything."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A campaign weighed and not told yet: the error budget may still take names away."""

    evidence: Evidence
    field: str
    inquiry: Inquiry
    study: Study
    """That of the inquiry, with pseudonyms where asked for."""
    coverage: LogCoverage
    judgement: Judgement
    prior: Prior
    settings: Settings
    """As they may be told: with pseudonyms where asked for."""

    @property
    def named(self) -> tuple[str, ...]:
        """Whom it would name, as keyed numbers."""
        return tuple(self._person(index) for index in self.judgement.verdict.named)

    @property
    def is_whole(self) -> bool:
        """Whether log, contacts and controls are such that the campaign tells something about others."""
        size = self.judgement.late.view.size
        return (
            size > 0
            and self.study.contacts_known
            and self.study.seller_dealt
            and bool(self.study.opened_count.any())
            and self.coverage.allows_nobody
            and 2 * self.judgement.matched_on.unmatched_report_count <= size
        )

    def chances(self) -> dict[str, float]:
        """Keyed number -> chance of being a source, of everybody who has one worth telling."""
        chance = self.judgement.least_chance
        return {self._person(i): min(float(chance[i]), 1.0) for i in np.flatnonzero(chance > _LEAST).tolist()}

    def without(self, persons: frozenset[str], sentence: str) -> Weighed:
        """Without some of its names, for the reason in the sentence."""
        held = {index for index in self.judgement.verdict.named if self._person(index) in persons}
        return replace(self, judgement=withhold(self.judgement, held, sentence)) if held else self

    def _person(self, index: int) -> str:
        return f"{int(self.inquiry.principal_keys[index]):016x}"


@dataclass(frozen=True, slots=True)
class Tracer:
    """Answers one campaign after the other out of the same ledger."""

    ledger: Ledger
    keyring: Keyring
    settings: Settings

    def weigh(
        self, evidence: Evidence, field: str, *, reporters: Keys, beliefs: Beliefs, pseudonyms: bool = False
    ) -> Weighed:
        """What a piece of evidence says. `reporters`: customers who reported other campaigns."""
        inquiry = open_inquiry(self.ledger, self.keyring, evidence, field, self.settings, reporters=reporters)
        coverage = self.ledger.coverage(field, inquiry.question.window)
        study = inquiry.study
        names = [facts.name for facts in study.principals]
        eligible = [name for name, opened in zip(names, study.opened_count.tolist(), strict=True) if opened]
        settings = self.settings
        if pseudonyms:
            study, coverage = self._pseudonymous(study, coverage)
            settings = settings.renamed(self.pseudonym)
        around = circumstances(settings, coverage, field, study)
        # What other campaigns taught names nobody, and clears nobody either.
        around = replace(around, clearing_prior=beliefs.setting if beliefs.insider < beliefs.setting else None)
        first = look_first(study, around.margin_days)
        look = look_closely(first, samples_for(self.ledger, inquiry, first.shortlist.tolist(), self.settings))
        weights = beliefs.log_weights(names)
        judgement = judge(look, around, insider_prior=beliefs.insider, person_prior=weights)
        worked = worked_on_tickets(self.ledger, inquiry, judgement, judgement.verdict.tied_by)
        if worked:
            known = around.complaint_handlers | {study.principals[index].name for index in worked}
            around = replace(around, complaint_handlers=known)
            beside = judge(look, around, insider_prior=beliefs.insider, person_prior=weights)
            # Where nobody is named beside them either, they may be the source as well.
            judgement = beside if beside.named else judgement
        return Weighed(evidence, field, inquiry, study, coverage, judgement, prior_record(beliefs, eligible), settings)

    def tell(self, weighed: Weighed, call_back: CallBack | None = None) -> Traced:
        """The finding, and what a page shows beside it."""
        evidence, field, inquiry, judgement = weighed.evidence, weighed.field, weighed.inquiry, weighed.judgement
        seller = self._seller(evidence.seller)
        explanation = explain(
            weighed.study,
            judgement,
            field=field,
            seller=evidence.seller,
            seller_name=seller.name if seller else None,
            notes=_notes(inquiry, evidence, self.settings),
        )
        exposure, whose = self._exposure(inquiry, judgement, call_back) or (None, None)
        finding = self._finding(weighed, explanation, exposure)
        return Traced(replace(finding, prior=weighed.prior), explanation, whose)

    def pseudonym(self, name: str) -> str:
        """A name that says nothing to who lacks the key, and the same for the same principal."""
        return f"P-{int(self.keyring.principal_keys([name])[0]):016x}"[:12]

    def _pseudonymous(self, study: Study, coverage: LogCoverage) -> tuple[Study, LogCoverage]:
        names = {facts.name: self.pseudonym(facts.name) for facts in self.ledger.principals()}
        principals = tuple(replace(facts, name=names[facts.name], reports_to=None) for facts in study.principals)
        gaps = tuple(
            replace(
                gap,
                principals=tuple(names.get(name, self.pseudonym(name)) for name in gap.principals),
                sentence=_renamed(gap.sentence, gap.principals, names),
            )
            for gap in coverage.gaps
        )
        return replace(study, principals=principals), replace(coverage, gaps=gaps)

    def _seller(self, seller: str | None) -> SellerFacts | None:
        return next((known for known in self.ledger.sellers() if known.seller == seller), None)

    def _finding(self, weighed: Weighed, explanation: Explanation, exposure: Exposure | None) -> Finding:
        judgement = weighed.judgement
        return Finding(
            schema=SCHEMA,
            outcome=judgement.verdict.outcome,
            named=judgement.named,
            naming_threshold=self.settings.naming_threshold_probability,
            no_insider_probability=judgement.no_insider_probability,
            candidates=judgement.candidates,
            sets=judgement.sets,
            undecided=judgement.undecided,
            evidence=_summary(weighed.inquiry, judgement),
            log_coverage=weighed.coverage,
            exposure=exposure,
            matched_on=judgement.matched_on,
            provenance=Provenance(
                version=__version__,
                settings_digest=weighed.settings.digest(),
                campaign=weighed.evidence.campaign,
                field=weighed.field,
                ledger_snapshot=self.ledger.snapshot(),
                evidence_digest=evidence_digest(weighed.evidence),
                settings=weighed.settings.document(),
            ),
            source_count_probability=judgement.source_count_probability,
            why=explanation.why if judgement.named or judgement.sets else (),
            alternatives=explanation.alternatives,
        )

    def _exposure(
        self, inquiry: Inquiry, judgement: Judgement, call_back: CallBack | None
    ) -> tuple[Exposure, Whose] | None:
        """What the named, else the first set, had been shown; null where nobody is suspected of anything."""
        members = judgement.verdict.named or (judgement.verdict.suspects[0] if judgement.verdict.suspects else ())
        if not members:
            return None
        keys = [inquiry.principal_keys[index] for index in members]
        question = inquiry.question
        is_decoy = np.array([case.kind == "decoy" for case in inquiry.study.cases], dtype=np.bool_)
        decoys = np.unique(inquiry.case_keys[is_decoy])
        # A decoy's record is of nobody: nobody's data was passed on with it.
        opened = np.setdiff1d(self.ledger.opened_by(keys, question.field, question.window).customer, decoys)
        group = inquiry.study.case_group
        mailed = np.array([case.mailed for case in inquiry.study.cases], dtype=np.bool_)
        sure = np.array([case.sure_at for case in inquiry.study.cases], dtype=np.int64)
        own = np.isin(group.pair_principal, list(members)) & (group.pair_at < sure[group.pair_customer])
        confirmed = np.unique(group.pair_customer[own & (mailed & ~is_decoy)[group.pair_customer]])
        asked, mailed_count = _decoys_opened(inquiry.study, members)
        if call_back is not None:
            asked, mailed_count = asked + call_back.asked_count, mailed_count + call_back.mailed_count
        estimate = mailed_estimate(len(opened), len(confirmed), asked, mailed_count)
        share = None if estimate.mid is None else estimate.mid / max(len(opened), 1)
        whose = Whose(
            principals=tuple(keys),
            field=question.field,
            window=question.window,
            last_mail_at=question.last_mail_at,
            confirmed=np.sort(inquiry.case_keys[confirmed]),
            decoys=decoys,
            mailed_share=share,
        )
        likely = sum(status == "likely" for status in whose.status_of(opened))
        exposure = Exposure(
            customers_opened=len(opened),
            customers_confirmed=len(confirmed),
            customers_likely=likely,
            customers_possible=max(len(opened) - len(confirmed) - likely, 0),
            mailed_estimate=estimate,
            fields=self._fields_of(opened, keys, question.window),
        )
        return exposure, whose

    def _fields_of(self, customers: Keys, principals: list[PrincipalKey], window: Window) -> dict[str, int]:
        """Of these customers, how many these principals had been shown each field of."""
        shown = {
            name: int(np.isin(customers, self.ledger.opened_by(principals, name, window).customer).sum())
            for name in sorted(self.ledger.fields_shown(principals, window))
        }
        return {name: count for name, count in shown.items() if count}


def _decoys_opened(study: Study, members: tuple[int, ...]) -> tuple[int, int]:
    """Decoys that any of these had been shown in time, and how many of those were mailed."""
    group = study.case_group
    sure = np.array([case.sure_at for case in study.cases], dtype=np.int64)
    own = np.isin(group.pair_principal, list(members)) & (group.pair_at < sure[group.pair_customer])
    shown = [study.cases[index] for index in np.unique(group.pair_customer[own]).tolist()]
    decoys = [case for case in shown if case.kind == "decoy"]
    return len(decoys), sum(case.mailed for case in decoys)


def circumstances(settings: Settings, coverage: LogCoverage, field: str, study: Study) -> Circumstances:
    """What the decision takes from the settings and from what the log can show."""
    return Circumstances(
        naming_threshold=settings.naming_threshold_probability,
        nobody_threshold=settings.nobody_threshold_probability,
        set_mass=settings.set_mass_probability,
        log_has_accesses=bool(study.opened_count.sum() > 0),
        log_allows_nobody=coverage.allows_nobody,
        margin_days=settings.campaign_margin_days,
        wave_days=settings.earlier_wave_days,
        bulk_readers=_bulk_readers(coverage, field, study),
        rows_unread=any(gap.kind == "rejected_rows" and gap.serious for gap in coverage.gaps),
        complaint_handlers=frozenset(settings.complaint_handlers),
    )


def _bulk_readers(coverage: LogCoverage, field: str, study: Study) -> frozenset[str]:
    """Who read the field of many customers at once; fixed jobs are left out."""
    services = {facts.name for facts in study.principals if facts.kind == "service"}
    return frozenset(
        name
        for gap in coverage.gaps
        if gap.kind == "bulk_read" and gap.serious and (not gap.fields or field in gap.fields or "*" in gap.fields)
        for name in gap.principals
        if name not in services
    )


def _renamed(sentence: str, principals: tuple[str, ...], names: dict[str, str]) -> str:
    for name in sorted(principals, key=len, reverse=True):
        sentence = sentence.replace(name, names.get(name, "a principal"))
    return sentence


def _summary(inquiry: Inquiry, judgement: Judgement) -> EvidenceSummary:
    cases = inquiry.study.cases
    decoys = [case for case in cases if case.kind == "decoy"]
    hits = sum(1 for case in decoys if case.mailed)
    view = judgement.late.view
    return EvidenceSummary(
        report_count=sum(1 for case in cases if case.kind == "report"),
        customer_count=view.size,
        listed_count=sum(1 for case in cases if case.kind == "listed"),
        decoy_hit_count=hits,
        silent_decoy_count=len(decoys) - hits,
        window=Window(inquiry.question.start_at, inquiry.question.last_mail_at)
        if _is_timed(inquiry)
        else Window(None, None),
    )


def _is_timed(inquiry: Inquiry) -> bool:
    """Whether anything in evidence says when the mail came; silent decoys do not."""
    return any(item.received_at or item.reported_at for item in inquiry.question.items)


def _notes(inquiry: Inquiry, evidence: Evidence, settings: Settings) -> tuple[str, ...]:
    notes = []
    if settings == settings.without_earlier_mail():
        notes.append(
            "It is taken as checked that no earlier mail of this sender came: whoever opened customers just before "
            "this one, or in a burst, is not taken for somebody who handled complaints."
        )
    if settings.complaint_handlers:
        notes.append(
            f"It is taken as known that {len(settings.complaint_handlers)} account(s) handle complaints "
            "(complaint_handlers): that they opened reporting customers in a burst keeps nobody from being named."
        )
    if settings.checked_bulk_readers:
        notes.append(
            f"It is taken as checked what became of all that {len(settings.checked_bulk_readers)} account(s) read of "
            "many customers at once (checked_bulk_readers): these reads keep nobody from being named or cleared."
        )
    if unknown := inquiry.question.unknown_count:
        one = unknown == 1
        notes.append(
            f"{unknown} customer{' in evidence is' if one else 's in evidence are'} not in the ledger; "
            f"{'it was' if one else 'they were'} left out."
        )
    study = inquiry.study
    if study.seller_known and study.contacts_known and study.nobody_dealt and _is_timed(inquiry):
        notes.append(
            f"None of the {len(study.cases) + study.controls.size} customers looked at is known to have dealt with the "
            "seller: check that its contacts were ingested, under the id that the evidence has."
        )
    if evidence.seller is None:
        notes.append("No seller could be tied to the mail, so lawful contacts could not be taken into account.")
    return tuple(notes)
