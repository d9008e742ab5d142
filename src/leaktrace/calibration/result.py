"""What a calibration found, what it took for granted and what it does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leaktrace.attribution.planting import WITH_SOURCE, WITHOUT_SOURCE, Market, eligible, tied_in_team
from leaktrace.attribution.reliability import (
    Answered,
    calibration_error,
    errors_by_kind,
    pooled_rows,
    reliability,
    row_of,
    teams_with_ties,
)
from leaktrace.calibration.moment import Moment
from leaktrace.calibration.plan import Plan
from leaktrace.records import Calibration, CalibrationRow
from leaktrace.settings import Settings
from leaktrace.version import __version__

SCHEMA = "leaktrace.calibration/1"


def calibration_of(
    plan: Plan,
    moment: Moment,
    market: Market,
    answers: Sequence[Answered],
    settings: Settings,
    *,
    contacts_pretended: bool,
    snapshot: str,
) -> Calibration:
    """All that is told of the answers, with what was taken for granted."""
    bins = reliability(answers)
    return Calibration(
        schema=SCHEMA,
        field=plan.field,
        seed=plan.seed,
        noise_probability=plan.noise,
        mail_at=moment.mail_at,
        mail_spread_seconds=int(moment.spread.total_seconds()),
        window=moment.window,
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
