"""Findings and explanations as the model makes them, for every outcome: what the report room's tests look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

from leaktrace.records import (
    Alternative,
    Calibration,
    CalibrationKind,
    CalibrationRow,
    Candidate,
    CoverageGap,
    ErrorBudget,
    EvidenceSummary,
    Explanation,
    Exposure,
    Finding,
    LogCoverage,
    MailedEstimate,
    MatchedOn,
    Outcome,
    PrincipalSet,
    Prior,
    Provenance,
    ReliabilityBin,
    ReportTerm,
    SimulationTruth,
    TeamTies,
    Undecided,
    UndecidedCode,
    Why,
    Window,
)

Sample = tuple[Finding, Explanation]
UNDECIDED_CODES: tuple[UndecidedCode, ...] = get_args(UndecidedCode)
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOSTILE_NAMES = (
    '<script>alert("1")</script>',
    "\"'><img src=x onerror=alert(2)>",
    "[red]sara[/red] {{ 7*7 }}",
    "\x1b[2Jclears\r\nthe \u202escreen\ud800",
    "فاطمه\u200cکریمی",
    "王小明" * 30,
    "https://evil.example/" + "a" * 200,
)
"""What a principal, a team or a seller may be called in somebody else's tables."""


PRIOR = Prior(
    insider_probability=0.12,
    setting=0.5,
    learned_from_campaigns=14,
    share_low=0.02,
    share_high=0.3,
    other_causes_mean=0.8,
    other_causes_low=0.6,
    other_causes_high=0.95,
    source="learned",
    uniform_over=1900,
    file_digest=None,
    file_weight_count=0,
    file_unknown_count=0,
    file_clipped_count=0,
    sentence="Over 14 other campaigns traced here, about 12 % have an insider.",
)


def times(report_count: int) -> list[datetime]:
    return [START + timedelta(hours=7 * i, minutes=13 * i) for i in range(report_count)]


def terms(report_count: int, strength: float = 5.0) -> tuple[ReportTerm, ...]:
    """Most reports speak for; every twelfth was not opened, every seventh has a contact."""
    made = []
    for i, mail_at in enumerate(times(report_count)):
        missed, contact = i % 12 == 5, i % 7 == 3
        made.append(
            ReportTerm(
                report=f"report {i + 1}",
                grade="G2" if i % 3 else "G3",
                mail_at=mail_at,
                opened_at=None if missed else START - timedelta(days=20 + (i * 37) % 160, hours=i % 9),
                expected_probability=0.026,
                weight_bits=-1.7 if missed else 0.2 if contact else strength - (i % 5) * 0.6,
                other_cause="the seller had an order from this customer" if contact else None,
            )
        )
    return tuple(made)


def why(principal: str, probability: float, report_count: int, strength: float = 5.0) -> Why:
    return Why(
        principal=principal,
        team="payments-north",
        kind="employee",
        probability=probability,
        base_rate=0.026,
        team_mean_opened_count=1.2,
        sentence=f"{principal} had been shown far more of the reported customers than comparable colleagues.",
        against=("3 of the reported customers were never opened by this principal.", "2 had ordered from the seller."),
        terms=terms(report_count, strength),
    )


def candidates(names: tuple[str, ...], probabilities: tuple[float, ...], report_count: int) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            principal=name,
            probability=probability,
            opened_count=max(report_count - report_count // 12 - 4 * i, 0),
            expected_opened_count=0.8 + 0.1 * i,
            weight_bits=83.2 - 21.4 * i,
        )
        for i, (name, probability) in enumerate(zip(names, probabilities, strict=True))
    )


def coverage(*, complete: bool = True) -> LogCoverage:
    window = Window(START - timedelta(days=730), START + timedelta(days=20))
    gaps = (
        CoverageGap(
            "days_without_rows",
            "backoffice",
            Window(START - timedelta(days=90), START - timedelta(days=86)),
            4,
            "backoffice wrote no rows for 4 days.",
            serious=False,
        ),
        CoverageGap(
            "bulk_read",
            "psql",
            Window(START - timedelta(days=31), START - timedelta(days=31)),
            2,
            "2 reads of whole tables cannot be tied to customers.",
            principals=("etl-service", "bulk-reader"),
            fields=("email", "phone"),
        ),
    )
    return LogCoverage(
        window=window,
        first_access_at=window.start,
        last_access_at=START + timedelta(days=19),
        access_count=1_204_331,
        tools=("backoffice", "psql", "support-desk"),
        gaps=gaps[:1] if complete else gaps,
        allows_nobody=complete,
        allows_fields_statement=complete,
        sentence="The log covers the window but for one short gap."
        if complete
        else "Bulk reads may hide a source: nobody is cleared by this log.",
    )


def finding(
    outcome: Outcome,
    *,
    report_count: int = 31,
    named: tuple[str, ...] = (),
    listed: tuple[Candidate, ...] = (),
    sets: tuple[PrincipalSet, ...] = (),
    undecided: Undecided | None = None,
    no_insider_probability: float = 0.001,
) -> Finding:
    exposure = Exposure(
        412, report_count, 0, 412 - report_count, MailedEstimate(180, 240, 330), {"email": 412, "phone": 38}
    )
    return Finding(
        schema="leaktrace.finding/1",
        outcome=outcome,
        named=named,
        naming_threshold=0.99,
        no_insider_probability=no_insider_probability,
        candidates=listed,
        sets=sets,
        undecided=undecided,
        evidence=EvidenceSummary(
            report_count, report_count, 0, 1, 12, Window(START, times(report_count)[-1] + timedelta(seconds=1))
        ),
        log_coverage=coverage(complete=undecided is None or undecided.code != "log_incomplete"),
        exposure=exposure if named or sets else None,
        matched_on=MatchedOn(
            ("region", "contact intensity", "contact with the seller"),
            20_000,
            1_340,
            1,
            0.21,
            "Controls match the reported customers well; one report is unlike any control.",
        ),
        provenance=Provenance(
            "0.1.0",
            "5b" * 32,
            "c-20260302-1",
            "email",
            "9f" * 32,
            "a1" * 32,
            {"control_seed": 1, "control_count": 20000},
        ),
        prior=PRIOR,
        error_budget=ErrorBudget(0.004, 0.05, 1, 9, "Error budget of this workspace: 0.004 of 0.05."),
    )


def explanation(
    headline: str, whys: tuple[Why, ...], report_count: int, seller_name: str = "Blue Lamp Trading"
) -> Explanation:
    return Explanation(
        headline=headline,
        seller="s-204",
        seller_name=seller_name,
        field="email",
        why=whys,
        alternatives=(
            Alternative("the whole team payments-north", 0.004, "Its members share a queue, but only one fits."),
            Alternative("reports with one common cause", 0.003, "Forged reports, or a list that was passed on."),
        ),
        notes=("A contact within a year counts as a lawful reason to know a customer.",),
        mail_at=tuple(times(report_count)),
    )


def named(report_count: int = 31, name: str = "e1017") -> Sample:
    names = (name, "e2044", "e0392", "e7741")
    listed = candidates(names, (0.9971, 0.0004, 0.0001, 0.0), report_count)
    made = finding(
        "named", report_count=report_count, named=(name,), listed=listed, sets=(PrincipalSet((name,), 0.9971),)
    )
    return made, explanation(
        f"{name} is the source, with probability 99.7 %.", (why(name, 0.9971, report_count),), report_count
    )


def nobody(report_count: int = 24) -> Sample:
    listed = candidates(("weighed-one", "weighed-two"), (0.021, 0.004), report_count)
    made = finding("nobody", report_count=report_count, listed=listed, no_insider_probability=0.968)
    headline = "Nobody inside explains these reports: the chance that no insider is a source is 96.8 %."
    return made, explanation(headline, (why("weighed-one", 0.021, report_count, 0.4),), report_count)


def twins(report_count: int = 18, names: tuple[str, ...] = ("twin-a", "twin-b")) -> Sample:
    listed = candidates((*names, "weighed-one"), (*(0.98 / len(names) for _ in names), 0.002), report_count)
    undecided = Undecided(
        "indistinguishable", f"{len(names)} principals had been shown nearly all of the same customers.", None
    )
    made = finding(
        "undecided",
        report_count=report_count,
        listed=listed,
        sets=(PrincipalSet(names, 0.991),),
        undecided=undecided,
        no_insider_probability=0.006,
    )
    headline = f"One of {len(names)} principals is a source, and the evidence cannot tell them apart."
    whys = tuple(why(name, 0.49, report_count) for name in (*names, "weighed-one"))
    return made, explanation(headline, whys, report_count)


def undecided(code: UndecidedCode, report_count: int = 3) -> Sample:
    listed = candidates(("weighed-one", "weighed-two"), (0.61, 0.2), report_count)
    needed = 5 if code == "too_few_reports" else None
    why_not = Undecided(code, f"The answer stays open: {code.replace('_', ' ')}; weighed-one is not suspected.", needed)
    made = finding(
        "undecided",
        report_count=report_count,
        listed=listed,
        sets=(PrincipalSet(("weighed-one",), 0.96),),
        undecided=why_not,
        no_insider_probability=0.3,
    )
    headline = "Nobody can be named: weighed-one and others stay possible."
    return made, explanation(headline, (why("weighed-one", 0.61, report_count),), report_count)


def hostile(report_count: int = 9) -> Sample:
    """Every foreign text is an attack or hard to set."""
    listed = candidates(HOSTILE_NAMES, (0.995, *(0.001 for _ in HOSTILE_NAMES[1:])), report_count)
    made = finding(
        "named",
        report_count=report_count,
        named=HOSTILE_NAMES[:1],
        listed=listed,
        sets=(PrincipalSet(HOSTILE_NAMES[1:], 0.96),),
    )
    gap = CoverageGap(
        "bulk_read", HOSTILE_NAMES[3], Window(None, None), 1, HOSTILE_NAMES[1], HOSTILE_NAMES, (HOSTILE_NAMES[2],)
    )
    made = replace(
        made,
        log_coverage=replace(made.log_coverage, gaps=(gap,), tools=HOSTILE_NAMES, sentence=HOSTILE_NAMES[0]),
        matched_on=replace(made.matched_on, attributes=HOSTILE_NAMES, sentence=HOSTILE_NAMES[1]),
        provenance=replace(
            made.provenance, campaign=HOSTILE_NAMES[0], settings={"trusted_receivers": list(HOSTILE_NAMES)}
        ),
        exposure=Exposure(1, 0, 0, 1, MailedEstimate(None, None, None), dict.fromkeys(HOSTILE_NAMES, 1)),
    )
    whys = tuple(
        replace(why(name, 0.5, report_count), team=name, sentence=name, against=(name,)) for name in HOSTILE_NAMES
    )
    told = replace(
        explanation(HOSTILE_NAMES[0], whys, report_count, HOSTILE_NAMES[1]),
        seller=HOSTILE_NAMES[4],
        field=HOSTILE_NAMES[2],
        alternatives=tuple(Alternative(name, 0.1, name) for name in HOSTILE_NAMES),
        notes=HOSTILE_NAMES,
    )
    return made, told


def truth(sources: tuple[str, ...] = ("e1017",), tied: tuple[str, ...] = ()) -> SimulationTruth:
    return SimulationTruth(
        scenario="one",
        seed=7,
        sources=sources,
        tied=tied,
        handlers=("h-1", "h-2"),
        seller="s-204",
        mail_at=START,
        leaked_customers=tuple(f"c{i}" for i in range(412)),
        mailed_customers=tuple(f"c{i}" for i in range(240)),
        reporting_customers=tuple(f"c{i}" for i in range(31)),
    )


def every_sample() -> dict[str, Sample]:
    return {
        "named": named(),
        "named-one-report": named(1),
        "named-200-reports": named(200),
        "nobody": nobody(),
        "twins": twins(),
        "hostile": hostile(),
        **{f"undecided-{code}": undecided(code) for code in UNDECIDED_CODES},
    }


def calibration(*, planted: int = 20, wrong: int = 0) -> Calibration:
    """Leaks of one source and mailings without insider, in two sizes; `wrong`: wrong names among the former's first."""

    def row(kind: CalibrationKind, size: int | None, count: int, wrongly: int) -> CalibrationRow:
        has_source = kind in ("one_source", "with_source")
        named = 0 if not has_source else count // 2
        return CalibrationRow(
            kind=kind,
            has_source=has_source,
            report_count=size,
            eligible_count=120 if kind == "one_source" else None,
            campaign_count=count,
            named_rightly_count=named,
            named_wrongly_count=wrongly,
            named_wrongly_upper_probability=1.0 if not count else 1.0 - 0.05 ** (1.0 / count),
            nobody_count=0,
            undecided_count=count - named - wrongly,
            undecided_codes={"too_few_reports": count - named - wrongly} if count - named - wrongly else {},
            set_count=named,
            covered_count=named,
            median_set_size=2.0 if named else None,
        )

    sizes = (5, 50)
    return Calibration(
        schema="leaktrace.calibration/1",
        field="email",
        seed=1,
        noise_probability=0.3,
        mail_at=START,
        mail_spread_seconds=864_000,
        window=Window(START - timedelta(days=730), START),
        principal_count=150,
        customer_count=6000,
        naming_threshold=0.99,
        contacts_pretended=False,
        log_allows_nobody=True,
        log_sentence="No gap was found; it allows both to be said.",
        rows=tuple(
            row(kind, size, planted, wrong if size == 5 else 0)
            for kind in ("one_source", "random_customers")
            for size in sizes
        ),
        pooled=tuple(
            row(kind, size, planted * (2 if size is None else 1), wrong if size != 50 else 0)
            for kind in ("with_source", "no_insider")
            for size in (*sizes, None)
        ),
        reliability=(ReliabilityBin(0.0, 0.1, 900, 0.01, 0.01), ReliabilityBin(0.9, 1.0, 30, 0.99, 0.95))
        if planted
        else (),
        calibration_error=0.01 if planted else None,
        calibration_error_above_half=0.04 if planted else None,
        calibration_error_by_kind={"one_source": 0.04} if planted else {},
        teams=(TeamTies("orders", 4, 2, 10, 6),) if planted else (),
        assumes=("The log is complete.",),
        does_not_show=("Forged reports.",),
        version="0.1.0",
        ledger_snapshot="a" * 64,
        settings_digest="b" * 64,
    )
