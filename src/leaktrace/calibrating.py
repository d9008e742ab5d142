"""Plants campaigns of known source into the log, runs the finder on them and counts: how good is it on this very log?

Reads nothing but the `Ledger` interface and writes nothing. One moment, one window, one set of customers and one set of
counts serve all campaigns; the campaigns differ in who complains.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from leaktrace.attribution import (
    Circumstances,
    FirstLook,
    Group,
    Judgement,
    Samples,
    Study,
    judge,
    look_closely,
    look_first,
)
from leaktrace.attribution.planting import (
    WITH_SOURCE,
    WITHOUT_SOURCE,
    Market,
    Planted,
    draw_sources,
    eligible,
    openings_needed,
    study_of,
    tied_in_team,
)
from leaktrace.attribution.reliability import (
    Answered,
    calibration_error,
    errors_by_kind,
    pooled_rows,
    reliability,
    row_of,
    teams_with_ties,
)
from leaktrace.attribution.study import Indices
from leaktrace.calibrationplan import Plan
from leaktrace.errors import UsageError
from leaktrace.inquiry import SAMPLE_CUSTOMERS, Lookup, Question, instant_of, lookup_of, microseconds
from leaktrace.ledger import Ledger, Progress
from leaktrace.records import (
    Calibration,
    CalibrationKind,
    CalibrationRow,
    Instants,
    Keys,
    LogCoverage,
    PrincipalFacts,
    Window,
)
from leaktrace.settings import Settings
from leaktrace.tracing import circumstances
from leaktrace.version import __version__

SCHEMA = "leaktrace.calibration/1"
_MOST_SPREAD = timedelta(days=10)
_BATCH = 16
"""Campaigns whose samples are looked up together."""
_MOST_SAMPLED = 400
"""So many principals' samples are kept in memory; then they are looked up anew."""
_NO_KEYS: Keys = np.array([], dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class _Moment:
    mail_at: datetime
    spread: timedelta
    coverage: LogCoverage


@dataclass(frozen=True, slots=True)
class _Task:
    """One campaign to plant."""

    kind: CalibrationKind
    size: int
    number: int
    sources: Indices
    """Empty for kinds without insider."""

    def rng(self, seed: int, what: int) -> np.random.Generator:
        """Random numbers of this campaign's own."""
        place = [*WITH_SOURCE, *WITHOUT_SOURCE].index(self.kind)
        return np.random.default_rng([seed, place, self.size, self.number, what])


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Calibrates against one ledger."""

    ledger: Ledger
    settings: Settings

    def calibrate(self, asked: Plan, *, reporters: Keys = _NO_KEYS, progress: Progress | None = None) -> Calibration:
        """How the finder does on this log. `reporters`: customers who reported real campaigns, if any."""
        plan, tell = asked.checked(), progress or _no_progress
        tell("looking customers up", 0, None)
        moment = self._moment(plan)
        question = _question(plan, moment, self.settings)
        totals = self.ledger.totals(plan.field, question.window)
        if not totals.opened_count.sum():
            raise UsageError(
                f"No access before {moment.mail_at:%Y-%m-%d} shows the field '{plan.field}' of a customer.",
                "Ingest an access log that does, or name another field with --field.",
            )
        facts = self.ledger.principals(totals.principal)
        order = np.array(sorted(range(len(facts)), key=lambda index: facts[index].name), dtype=np.int64)
        principals = tuple(facts[index] for index in order)
        opened_count = totals.opened_count[order]
        tasks = tuple(_tasks(plan, opened_count))
        assembled = self._market(
            plan, moment, question, principals, opened_count, totals.customer_count, tasks, reporters
        )
        answers = []
        with_room = [(task, planted) for task in tasks if (planted := _plant(assembled.market, task, plan)) is not None]
        tell("weighing planted campaigns", 0, len(with_room))
        for start in range(0, len(with_room), _BATCH):
            some = with_room[start : start + _BATCH]
            for answered in self._answered(assembled, plan, moment, some):
                answers.append(answered)
                tell("weighing planted campaigns", len(answers), len(with_room))
        return _calibration(
            plan, moment, question, assembled, answers, self.settings,
            contacts_pretended=totals.contacts_count == 0, snapshot=self.ledger.snapshot(),
        )  # fmt: skip

    def _moment(self, plan: Plan) -> _Moment:
        """The first mail: a little before the log ends, so that accesses go on after it as they do in life."""
        whole = self.ledger.coverage(plan.field, Window(None, None))
        if whole.first_access_at is None or whole.last_access_at is None:
            raise UsageError("There are no accesses in this workspace.", "Ingest some: leaktrace ingest accesses PATH.")
        spread = min(_MOST_SPREAD, (whole.last_access_at - whole.first_access_at) / 20)
        mail_at = whole.last_access_at + timedelta(microseconds=1) - spread
        window = Window(mail_at - timedelta(days=self.settings.exposure_window_days), mail_at)
        return _Moment(mail_at, spread, self.ledger.coverage(plan.field, window))

    def _market(
        self,
        plan: Plan,
        moment: _Moment,
        question: Question,
        principals: tuple[PrincipalFacts, ...],
        opened_count: Indices,
        customer_count: int,
        tasks: Sequence[_Task],
        reporters: Keys,
    ) -> _Assembled:
        """Everything that is looked up once: customers who may complain or be compared with, what sources opened."""
        count, seed = self.settings.control_count, self.settings.control_seed
        uniform = self.ledger.draw_controls(count // 2, seed=seed, near=_NO_KEYS, exclude=_NO_KEYS)
        if len(uniform) == 0:
            raise UsageError("There are no customers in this workspace.", "Ingest accesses or customers first.")
        more = self.ledger.draw_controls(count // 4, seed=seed + 1, near=_NO_KEYS, exclude=_NO_KEYS)
        alike = np.union1d(uniform, more)
        by_region = self.ledger.draw_controls(count, seed=seed + 1, near=self._one_a_region(alike), exclude=_NO_KEYS)
        opened = self._openings(plan, question, principals, tasks)
        keys = np.unique(np.concatenate([alike, by_region, reporters, *opened.values()])).astype(np.uint64)
        mail_at = _mail_times(len(keys), moment, plan.seed)
        lookup = lookup_of(self.ledger, question, principals, self.ledger.customers(keys))
        until = moment.mail_at + moment.spread
        market = Market(
            principals=principals,
            opened_count=opened_count,
            customer_count=customer_count,
            start_at=microseconds(moment.mail_at),
            people=lookup.group(keys, [instant_of(int(at)) for at in mail_at]),
            mail_at=mail_at,
            known_elsewhere=np.isin(keys, self.ledger.known_elsewhere(keys, plan.field, until)),
            uniform=np.isin(keys, uniform),
            alike=np.isin(keys, alike),
            by_region=np.isin(keys, by_region) & ~np.isin(keys, alike),
            elsewhere=np.isin(keys, reporters),
            openings={index: np.searchsorted(keys, found).astype(np.int64) for index, found in opened.items()},
            channels=lookup.channels(_NO_KEYS, [], keys, [instant_of(int(at)) for at in mail_at]),
            near_count=count // 4,
            region_known=bool(lookup.regions),
        )
        sampled = _SampledPrincipals(self.ledger, lookup, tuple(one.key for one in principals), self.settings)
        return _Assembled(market, keys, sampled)

    def _one_a_region(self, keys: Keys) -> Keys:
        """One customer of each region (else jurisdiction), so that a draw near them takes as many from each."""
        table = self.ledger.customers(keys)
        places = table.region if any(table.region) else table.jurisdiction
        first = {place: key for place, key in zip(reversed(places), reversed(keys.tolist()), strict=True) if place}
        return np.array(sorted(first.values()), dtype=np.uint64)

    def _openings(
        self, plan: Plan, question: Question, principals: Sequence[PrincipalFacts], tasks: Iterable[_Task]
    ) -> dict[int, Keys]:
        """What each source had been shown: a draw that is not the one `trace` compares with, but for chance."""
        needed: dict[int, int] = {}
        for task in tasks:
            for source in task.sources.tolist():
                needed[source] = max(needed.get(source, 0), openings_needed(task.size))
        found: dict[int, Keys] = {}
        for limit in sorted(set(needed.values())):
            some = [index for index, wanted in needed.items() if wanted == limit]
            keys = np.array([principals[index].key for index in some], dtype=np.uint64)
            opened = self.ledger.opened_by(
                keys.tolist(),
                question.field,
                question.window,
                limit=limit,
                seed=self.settings.control_seed + 1_000_003 + plan.seed,
            )
            found |= {
                index: np.sort(opened.customer[opened.principal == key]) for index, key in zip(some, keys, strict=True)
            }
        return found

    def _answered(
        self, assembled: _Assembled, plan: Plan, moment: _Moment, some: Sequence[tuple[_Task, Planted]]
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


@dataclass(slots=True)
class _SampledPrincipals:
    """What principals opened before the first mail: as `samples_for` draws it, looked up once for many campaigns."""

    ledger: Ledger
    lookup: Lookup
    principal_keys: tuple[int, ...]
    settings: Settings
    known: set[int] = field(default_factory=set)
    customers: Keys = field(default_factory=lambda: _NO_KEYS)
    group: Group = field(default_factory=lambda: Samples.none().group)
    draw_principal: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    draw_customer: Keys = field(default_factory=lambda: _NO_KEYS)
    draw_at: Instants = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def look_up(self, principals: set[int]) -> None:
        """Makes sure that these principals' samples are here."""
        missing = principals - self.known
        if len(self.known) + len(missing) > _MOST_SAMPLED:
            missing, self.known = set(principals), set()
            self.draw_principal, self.draw_at = self.draw_principal[:0], self.draw_at[:0]
            self.draw_customer = _NO_KEYS
        if not missing:
            return
        keys = np.array([self.principal_keys[index] for index in sorted(missing)], dtype=np.uint64)
        question = self.lookup.question
        opened = self.ledger.opened_by(
            keys.tolist(),
            question.field,
            question.window,
            limit=SAMPLE_CUSTOMERS,
            seed=self.settings.control_seed,
        )
        order = np.argsort(keys, kind="stable")
        who = np.array(sorted(missing), dtype=np.int64)[order][np.searchsorted(keys[order], opened.principal)]
        self.known |= missing
        self.draw_principal = np.concatenate([self.draw_principal, who])
        self.draw_customer = np.concatenate([self.draw_customer, opened.customer])
        self.draw_at = np.concatenate([self.draw_at, opened.first_shown_at])
        self.customers = np.unique(self.draw_customer)
        self.group = self.lookup.group(self.customers, [question.start_at] * len(self.customers))

    def samples(self, principals: Sequence[int], *, in_evidence: Keys, controls: Keys) -> Samples:
        """The samples of these principals (sorted), with nothing of the customers in evidence."""
        wanted = np.array(principals, dtype=np.int64)
        kept = np.isin(self.draw_principal, wanted) & ~np.isin(self.draw_customer, in_evidence)
        who, customer, at = self.draw_principal[kept], self.draw_customer[kept], self.draw_at[kept]
        drawn = np.isin(self.customers, customer)
        customers = self.customers[drawn]
        present = np.unique(who)
        # As the ledger gives them: by customer, then by principal.
        order = np.lexsort((who, customer))
        return Samples(
            principals=present,
            group=self.group.only(drawn),
            fresh=~np.isin(customers, controls),
            draw_row=np.searchsorted(present, who[order]).astype(np.int64),
            draw_customer=np.searchsorted(customers, customer[order]).astype(np.int64),
            draw_at=at[order],
        )


@dataclass(frozen=True, slots=True)
class _Assembled:
    market: Market
    keys: Keys
    """Of the market's customers, sorted."""
    sampled: _SampledPrincipals


def _question(plan: Plan, moment: _Moment, settings: Settings) -> Question:
    window = Window(moment.mail_at - timedelta(days=settings.exposure_window_days), moment.mail_at)
    # A seller that does not exist: nobody had lawful contact with it.
    return Question(plan.field, None, window, moment.mail_at + moment.spread, (), 0)


def _mail_times(count: int, moment: _Moment, seed: int) -> Instants:
    """When each customer would be mailed: one time each, whatever campaign they are in, so that one look-up serves."""
    spread = max(moment.spread // timedelta(microseconds=1), 1)
    later = np.random.default_rng([seed, 1]).integers(0, spread, count)
    return (microseconds(moment.mail_at) + later).astype(np.int64)


def _tasks(plan: Plan, opened_count: Indices) -> Iterator[_Task]:
    """Every campaign to plant, with its sources where it has some; kinds that lack sources are left out."""
    for size in plan.sizes:
        for number in range(plan.campaigns):
            for kind, (many, _) in WITH_SOURCE.items():
                task = _Task(kind, size, number, np.zeros(0, dtype=np.int64))
                sources = draw_sources(opened_count, size, many, task.rng(plan.seed, 2))
                if len(sources):
                    yield replace(task, sources=sources)
            for kind in WITHOUT_SOURCE:
                yield _Task(kind, size, number, np.zeros(0, dtype=np.int64))


def _plant(market: Market, task: _Task, plan: Plan) -> Planted | None:
    rng = task.rng(plan.seed, 0)
    if task.kind in WITH_SOURCE:
        return WITH_SOURCE[task.kind][1](market, rng, task.size, plan.noise, task.sources)
    return WITHOUT_SOURCE[task.kind](market, rng, task.size)


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


def _calibration(
    plan: Plan,
    moment: _Moment,
    question: Question,
    assembled: _Assembled,
    answers: Sequence[Answered],
    settings: Settings,
    *,
    contacts_pretended: bool,
    snapshot: str,
) -> Calibration:
    market = assembled.market
    bins = reliability(answers)
    return Calibration(
        schema=SCHEMA,
        field=plan.field,
        seed=plan.seed,
        noise_probability=plan.noise,
        mail_at=moment.mail_at,
        mail_spread_seconds=int(moment.spread.total_seconds()),
        window=question.window,
        principal_count=len(market.principals),
        customer_count=market.customer_count,
        naming_threshold=settings.naming_threshold_probability,
        contacts_pretended=contacts_pretended,
        log_allows_nobody=moment.coverage.allows_nobody,
        log_sentence=moment.coverage.sentence,
        rows=tuple(_rows(plan, market, answers)),
        pooled=pooled_rows(answers, plan.sizes),
        reliability=bins,
        calibration_error=calibration_error(bins),
        calibration_error_above_half=calibration_error(reliability(answers, 0.5)),
        calibration_error_by_kind=errors_by_kind(answers),
        teams=teams_with_ties([facts.team for facts in market.principals], tied_in_team(market), answers),
        assumes=_assumes(plan, market, contacts_pretended=contacts_pretended),
        does_not_show=_DOES_NOT_SHOW,
        version=__version__,
        ledger_snapshot=snapshot,
        settings_digest=settings.digest(),
    )


def _rows(plan: Plan, market: Market, answers: Sequence[Answered]) -> Iterator[CalibrationRow]:
    for kind in (*WITH_SOURCE, *WITHOUT_SOURCE):
        for size in plan.sizes:
            yield row_of(
                kind,
                [one for one in answers if one.kind == kind and one.report_count == size],
                report_count=size,
                eligible_count=len(eligible(market.opened_count, size)) if kind in WITH_SOURCE else None,
                has_source=kind in WITH_SOURCE,
            )


def _assumes(plan: Plan, market: Market, *, contacts_pretended: bool) -> tuple[str, ...]:
    noise = "customers of one region" if market.region_known else "random customers: no regions are known"
    return (
        "Sources are drawn from all principals who opened enough customers, each as likely as any other.",
        "A planted source passes on whom they were shown before the mail, all alike; in the kind 'a chosen part' only "
        "customers that one colleague was shown too.",
        f"Noise: each report of a planted leak has a chance of {plan.noise:g} to come from another list, of {noise}.",
        "Whether a customer complains has nothing to do with who opened their record.",
        "Every report is an attached mail (grade G2) of a reporter of their own, and its time is known.",
        "The log is complete: whoever was shown a customer's field is in it.",
        "Nobody in evidence dealt with the sender: there was no lawful path."
        + (" There is no contacts table; it is as if there were one, else nobody would be named." * contacts_pretended),
    )


_DOES_NOT_SHOW = (
    "Forged reports, made up about one principal's customers: none were planted.",
    "Sources outside the log: exports, tools that write no log, stolen sessions.",
    "Complaint handlers and earlier, unreported mail: no accesses were planted, only reports.",
    "Lists of nearly nobody but one principal's customers that no insider gave: they look like that principal's leak.",
    "Sources who pick by what the buyer asks for, and reporters who complain for a reason tied to one team.",
    "Other moments: all campaigns are mailed at the same time, near the end of the log.",
    "A real leak in this log, should there be one, is part of what the planted campaigns are compared with.",
)


def _no_progress(_what: str, _done: int, _total: int | None) -> None:
    """Nobody wants to know."""
