"""From the frozen list and what a person says to a plan of notices, and what is told of it. Nothing is written here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from leaktrace.caserecords import ExposureList, digest_of
from leaktrace.errors import ResponseError
from leaktrace.noticedesk.reports import FrozenList, PlanFacts, PlanReport
from leaktrace.response.notices import (
    NoticeConfig,
    NoticeFacts,
    NoticePlan,
    NoticeTokens,
    PlanRules,
    TemplateShelf,
    planned,
)
from leaktrace.response.notices.facts import MEASURES_SAID, Measure


def facts_said(said: PlanFacts, exposure: ExposureList, config: NoticeConfig) -> NoticeFacts:
    """What every notice of the batch says: the company's contacts, what the person said, else what the list shows."""
    return replace(
        config.facts(),
        noticed_on=said.noticed_on,
        occurred_from=said.occurred_from or _first_day(exposure),
        occurred_to=said.occurred_to or _day(exposure.window_end_at),
        measures=said.measures,
        safeguards=said.safeguards,
    )


def shelf_of(config: NoticeConfig) -> TemplateShelf:
    """The templates that are shipped, and the company's own before them."""
    return TemplateShelf(config.template_folder)


def plan_of(
    case: str,
    version: str,
    exposure: FrozenList,
    *,
    rules: PlanRules,
    facts: NoticeFacts,
    config: NoticeConfig,
    tokens: NoticeTokens,
    told: Mapping[str, str],
    again_because: str,
) -> NoticePlan:
    """Who is told what: the same from the same list, rules, facts, texts, sender and told, whenever it is made."""
    return planned(
        exposure.veiled,
        exposure.sha256,
        case,
        version,
        tokens=tokens,
        rules=rules,
        facts=facts,
        sender=config.from_address,
        template_of=shelf_of(config).get,
        told=told,
        again_because=again_because,
    )


def report_of(case: str, plan: NoticePlan, templates_to_approve: tuple[str, ...], told_less: int) -> PlanReport:
    """The plan in counts, and what it still needs; `told_less`: see `told_less_count`."""
    parameters = plan.parameters()
    return PlanReport(
        case,
        plan.version,
        len(plan.notices),
        plan.planned_count,
        _counted(one.suppressed for one in plan.notices if one.suppressed),
        _counted(f"{one.law}/{one.language}" for one in plan.notices if one.suppressed is None),
        parameters,
        digest_of(parameters),
        templates_to_approve,
        plan.told,
        plan.again_because,
        plan.no_entry,
        told_less,
    )


def told_less_count(plan: NoticePlan, told: Mapping[str, frozenset[str]]) -> int:
    """Of those left out because another version told them: of fewer fields than the list has now."""
    return sum(
        one.suppressed == "told_by_other_version" and not frozenset(one.fields) <= told.get(one.person, frozenset())
        for one in plan.notices
    )


def require_days_past(said: PlanFacts, now: datetime) -> None:
    """ResponseError for a day that has begun nowhere yet: a notice tells of what was."""
    today = (now.astimezone(UTC) + timedelta(hours=14)).date()  # where it is latest, UTC+14
    for name in ("noticed_on", "occurred_from", "occurred_to"):
        day: date | None = getattr(said, name)
        if day is not None and day > today:
            raise ResponseError(
                f"The day {day.isoformat()} has not come yet, and the notices would tell of it.",
                f"Say what was: --{name.replace('_', '-')} with a day up to today.",
            )


def no_entry_of(measures: Iterable[Measure], borne: Collection[Measure], before: Iterable[str] = ()) -> tuple[str, ...]:
    """What is said of measures and not borne by the case, in words. `before`: what was found so when it was planned."""
    return tuple(sorted({*before, *(MEASURES_SAID[one] for one in measures if one not in borne)}))


def again_said(plan: NoticePlan) -> str:
    """What the case keeps of writing to people again: how many, whom which version told, and why."""
    return f"Notices {plan.version} are planned to go again to {told_said(plan.told)}: {plan.again_because}"


def told_said(told: Mapping[str, int]) -> str:
    """How many were told, by which versions."""
    return " and ".join(f"{count} told by version {version}" for version, count in told.items())


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _first_day(exposure: ExposureList) -> date | None:
    """The first day on which anybody's data on the list were shown: the window may begin long before any log does."""
    return min((row.first_shown_at.date() for row in exposure.rows), default=_day(exposure.window_start_at))


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()
