"""Facts of made-up incidents, and laws as a test wants them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from leaktrace.caserecords import Duty, DutyFacts, ExposedGroup, StartEvent
from leaktrace.response.duties import Law, Rule, assess, builtin_laws

AWARE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MOMENTS: dict[StartEvent, datetime] = {"aware": AWARE, "noticed": AWARE, "determined": AWARE}
CHECKED = tuple(replace(law, checked_on=date(2026, 11, 1)) for law in builtin_laws())
"""The laws as if a lawyer had checked them this month: answers are plain."""


def facts_of(
    *groups: tuple[str | None, str, int], complete: bool | None = True, insider: bool = True, **answers: bool
) -> DutyFacts:
    """Facts from (residence, fields with blanks between, persons)."""
    return DutyFacts(
        tuple(ExposedGroup(residence, tuple(fields.split()), count) for residence, fields, count in groups),
        complete,
        {"insider": insider, **answers} if insider else dict(answers),
        MOMENTS,
    )


def rule_of(rule_id: str) -> tuple[Rule, Law]:
    """A rule and its law."""
    return next((rule, law) for law in builtin_laws() for rule in law.rules if rule.id == rule_id)


def duty(rule_id: str, facts: DutyFacts, *, laws: tuple[Law, ...] = CHECKED, now: datetime = NOW) -> Duty:
    """What one rule answers."""
    return next(duty for duty in assess(facts, laws, now).duties if duty.rule == rule_id)
