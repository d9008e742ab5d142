"""Plants campaigns of known source into the log, runs the finder on them and counts: how good is it on this very log?

Reads nothing but the `Ledger` interface and writes nothing. One moment, one window, one set of customers and one set of
counts serve all campaigns; the campaigns differ in who complains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from leaktrace.attribution import (
    Circumstances,
    FirstLook,
    Judgement,
    Samples,
    Study,
    judge,
    look_closely,
    look_first,
)
from leaktrace.attribution.planting import Planted, study_of
from leaktrace.attribution.reliability import Answered
from leaktrace.calibration.market import Assembled, MarketLookup
from leaktrace.calibration.moment import Moment, moment_of
from leaktrace.calibration.plan import Plan
from leaktrace.calibration.result import calibration_of
from leaktrace.calibration.tasks import Task, plant, tasks_of
from leaktrace.ledger import Ledger, Progress
from leaktrace.records import Calibration, Keys
from leaktrace.settings import Settings
from leaktrace.tracing.onetrace import circumstances

_BATCH = 16
"""Campaigns whose samples are looked up together."""
_NO_KEYS: Keys = np.array([], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Calibrates against one ledger."""

    ledger: Ledger
    settings: Settings

    def calibrate(self, asked: Plan, *, reporters: Keys = _NO_KEYS, progress: Progress | None = None) -> Calibration:
        """How the finder does on this log. `reporters`: customers who reported real campaigns, if any."""
        plan, tell = asked.checked(), progress or _no_progress
        tell("looking customers up", 0, None)
        moment = moment_of(self.ledger, self.settings, plan.field)
        lookup = MarketLookup(self.ledger, self.settings, plan, moment)
        opened = lookup.opened()
        tasks = tuple(tasks_of(plan, opened.opened_count))
        assembled = lookup.assembled(opened, tasks, reporters)
        answers = []
        with_room = [(task, planted) for task in tasks if (planted := plant(assembled.market, task, plan)) is not None]
        tell("weighing planted campaigns", 0, len(with_room))
        for start in range(0, len(with_room), _BATCH):
            some = with_room[start : start + _BATCH]
            for answered in self._answered(assembled, plan, moment, some):
                answers.append(answered)
                tell("weighing planted campaigns", len(answers), len(with_room))
        return calibration_of(
            plan, moment, assembled.market, answers, self.settings,
            contacts_pretended=opened.contacts_count == 0, snapshot=self.ledger.snapshot(),
        )  # fmt: skip

    def _answered(
        self, assembled: Assembled, plan: Plan, moment: Moment, some: Sequence[tuple[Task, Planted]]
    ) -> Iterator[Answered]:
        """The answers to some campaigns, in order."""
        market = assembled.market
        studies = [study_of(market, planted, task.rng(plan.seed, 1)) for task, planted in some]
        around = circumstances(self.settings, moment.coverage, plan.field, studies[0][0])
        looks = [look_first(study, around.margin_days) for study, _ in studies]
        assembled.sampled.look_up({index for first in looks for index in first.shortlist.tolist()})
        for (_, planted), (study, controls), first in zip(some, studies, looks, strict=True):
            samples = assembled.sampled.samples(
                first.shortlist.tolist(),
                in_evidence=assembled.keys[planted.customers],
                controls=assembled.keys[controls],
            )
            yield _answer(planted, study, self._judged(first, samples, around))

    def _judged(self, first: FirstLook, samples: Samples, around: Circumstances) -> Judgement:
        return judge(look_closely(first, samples), around, insider_prior=self.settings.insider_prior_probability)


def _answer(planted: Planted, study: Study, judgement: Judgement) -> Answered:
    place = {facts.name: index for index, facts in enumerate(study.principals)}
    verdict = judgement.verdict
    return Answered(
        kind=planted.kind,
        report_count=planted.report_count,
        sources=frozenset(planted.sources.tolist()),
        outcome=verdict.outcome,
        code=verdict.code,
        named=frozenset(verdict.named),
        sets=tuple(frozenset(members) for members in verdict.suspects if members),
        candidates=tuple((place[one.principal], one.probability) for one in judgement.candidates),
    )


def _no_progress(_what: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""
