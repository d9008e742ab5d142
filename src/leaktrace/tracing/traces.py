"""Traces of one workspace: weighed with what the others taught, remembered, and told within the error budget."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from leaktrace.attribution import needed_once_spent
from leaktrace.folder import LEARNED, Opened
from leaktrace.intake.evidence import evidence_digest
from leaktrace.intake.mailflow import MailFlow
from leaktrace.ledger import DuckLedger, Progress
from leaktrace.records import CallBack, ErrorBudget, Evidence
from leaktrace.tracing import learned
from leaktrace.tracing.learned import Learned, Look, Measured
from leaktrace.tracing.onetrace import Traced, Tracer, Weighed
from leaktrace.tracing.personprior import PersonPrior
from leaktrace.tracing.priors import Beliefs, beliefs_of, shares_sentence
from leaktrace.version import __version__

_SPENT = (
    "The reports would name somebody, but more wrong names are to be expected among those given here before than are "
    "allowed: the error budget of this workspace is spent, and a new name needs a chance of {needed:.6g}. More "
    "evidence on those named before, or on this campaign, helps; or raise the setting error_budget_names on purpose."
)


@dataclass(frozen=True, slots=True)
class Traces:
    """Weighs, remembers and tells."""

    opened: Opened
    ledger: DuckLedger
    mail: MailFlow
    clock: Callable[[], datetime]

    def one(
        self,
        evidence: Evidence,
        field: str,
        *,
        persons: PersonPrior | None,
        pseudonyms: bool,
        call_back: CallBack | None = None,
    ) -> Traced:
        """The finding for one piece of evidence."""
        ids = self.mail.campaign_ids()
        weighed = self._weighed(evidence, field, self._read(), ids, persons, pseudonyms=pseudonyms)
        traced, after = self._remembered(weighed, ids, call_back)
        return self._within(traced, after)

    def all(
        self,
        field: str,
        *,
        persons: PersonPrior | None,
        pseudonyms: bool,
        progress: Progress | None = None,
    ) -> tuple[Traced, ...]:
        """The findings of all campaigns, most reports first: each as it would be, traced alone afterwards."""
        every = [self.mail.evidence_of(one.campaign) for one in self.mail.campaigns()]
        ids = self.mail.campaign_ids()
        # All numbers before the first finding: no finding depends on the order.
        self._measure([one for one in every if one.campaign in ids], field, ids, progress)
        found = []
        for done, evidence in enumerate(every):
            if progress:
                progress("weighing with what was learned", done, len(every))
            weighed = self._weighed(evidence, field, self._read(), ids, persons, pseudonyms=pseudonyms)
            found.append(self._remembered(weighed, ids)[0])
        after = self._read()
        return tuple(self._within(traced, after) for traced in found)

    def learned(self, field: str) -> str:
        """What all campaigns traced so far say together, in one sentence."""
        others = self._read().others("", field, self.mail.campaign_ids())
        return shares_sentence(beliefs_of(others, self.opened.settings, None).shares)

    @property
    def _path(self) -> Path:
        return self.opened.path / LEARNED

    def _read(self) -> Learned:
        return learned.read(self._path, self.opened.keyring)

    def _basis(self, evidence: Evidence, field: str) -> str:
        """What the numbers of a campaign stand on; the reporters of other campaigns are among its controls."""
        reporters = hashlib.sha256(self.mail.reporters_of_others(evidence.campaign).tobytes()).hexdigest()
        parts = (__version__, self.opened.settings.digest(), self.ledger.snapshot(), field, evidence_digest(evidence))
        return learned.basis_of(*parts, reporters)

    def _measure(self, every: Sequence[Evidence], field: str, ids: frozenset[str], progress: Progress | None) -> None:
        for done, evidence in enumerate(every):
            if progress:
                progress("learning from all campaigns", done, len(every))
            record = self._read().records.get((evidence.campaign, field))
            if record is None or record.measured.basis != self._basis(evidence, field):
                weighed = self._weighed(evidence, field, Learned(), ids, None, pseudonyms=False)
                measured = self._measured(weighed, ids)
                add = partial(Learned.with_measured, key=(evidence.campaign, field), measured=measured)
                learned.update(self._path, self.opened.keyring, add)

    def _weighed(
        self,
        evidence: Evidence,
        field: str,
        known: Learned,
        ids: frozenset[str],
        persons: PersonPrior | None,
        *,
        pseudonyms: bool,
    ) -> Weighed:
        others = known.others(evidence.campaign, field, ids)
        beliefs: Beliefs = beliefs_of(others, self.opened.settings, persons)
        tracer = Tracer(self.ledger, self.opened.keyring, self.opened.settings)
        reporters = self.mail.reporters_of_others(evidence.campaign)
        return tracer.weigh(evidence, field, reporters=reporters, beliefs=beliefs, pseudonyms=pseudonyms)

    def _measured(self, weighed: Weighed, ids: frozenset[str]) -> Measured:
        return Measured(
            numbers=weighed.judgement.numbers,
            report_count=weighed.judgement.late.view.size,
            basis=self._basis(weighed.evidence, weighed.field),
            # Evidence files are chosen by people: no sample of what comes in.
            tells=weighed.is_whole and weighed.evidence.campaign in ids,
        )

    def _remembered(
        self, weighed: Weighed, ids: frozenset[str], call_back: CallBack | None = None
    ) -> tuple[Traced, Learned]:
        """The finding, its names within the error budget, once it is remembered; and what is remembered now."""
        key = (weighed.evidence.campaign, weighed.field)
        measured = self._measured(weighed, ids)
        held: frozenset[str] = frozenset()
        settings = self.opened.settings
        threshold = settings.naming_threshold_probability

        def change(known: Learned) -> Learned:
            nonlocal held
            chances = weighed.chances()
            named_chances = {person: chances.get(person, 0.0) for person in weighed.named}
            held = known.withheld(named_chances, settings.error_budget_names, threshold)
            record = known.records.get(key)
            # The same basis gives the same numbers but for rounding: those first written stay, for exact repeats.
            same = record is not None and record.measured.basis == measured.basis
            after = known if same else known.with_measured(key, measured)
            named = frozenset(weighed.named) - held
            outcome = weighed.judgement.verdict.outcome
            look = Look(
                evidence_digest=evidence_digest(weighed.evidence),
                outcome="undecided" if outcome == "named" and not named else outcome,
                chances=chances,
                named=named,
            )
            return after.with_look(key, look, self.clock().astimezone(UTC).isoformat())

        after = learned.update(self._path, self.opened.keyring, change)
        tracer = Tracer(self.ledger, self.opened.keyring, self.opened.settings)
        sentence = _SPENT.format(needed=needed_once_spent(threshold))
        return tracer.tell(weighed.without(held, sentence), call_back), after

    def _within(self, traced: Traced, after: Learned) -> Traced:
        finding = traced.finding
        looks = after.records[finding.provenance.campaign, finding.provenance.field].look_count
        return replace(traced, finding=replace(finding, error_budget=self._budget(after, looks)))

    def _budget(self, after: Learned, looks: int) -> ErrorBudget:
        settings = self.opened.settings
        threshold = settings.naming_threshold_probability
        spent, allowed = after.spent(), after.allowed(settings.error_budget_names, threshold)
        named = len(after.persons())
        needed = f"it is spent, and a new name needs a chance of {needed_once_spent(threshold):.6g}"
        state = needed if spent >= allowed else "it is not spent"
        return ErrorBudget(
            spent=spent,
            allowed=allowed,
            named_count=named,
            look_count=looks,
            sentence=(
                f"Error budget of this workspace: {spent:.2g} of {allowed:.2g} expected wrong names, with "
                f"{_count(named, 'person')} ever named; {state}."
            ),
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
