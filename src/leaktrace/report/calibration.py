"""What `calibrate` shows: the tables in the terminal, and the same as a page with pictures. Counts only, no names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from leaktrace.records import Calibration, CalibrationKind, CalibrationRow, TeamTies
from leaktrace.report import calibrationpictures as pictures
from leaktrace.report import words
from leaktrace.report.page import environment
from leaktrace.report.terminal import bullet, pairs

_KINDS: dict[CalibrationKind, tuple[str, str]] = {
    "one_source": ("One source", "The source passes on whomever they had been shown."),
    "chosen_part": ("A chosen part", "The source passes on only customers that one colleague had been shown too."),
    "two_sources": ("Two sources", "Two principals pass on to the same sender, each about half."),
    "random_customers": ("Random customers", "No insider: addresses of whatever customers."),
    "one_region": ("One region's customers", "No insider: the sender's list of one region."),
    "most_active": ("The most active", "No insider: a list that leans to customers whom many principals were shown."),
    "one_team": (
        "One team's customers",
        "No insider: a list of customers whom one team was shown, no member most of them.",
    ),
    "with_source": ("All with a source", "Every campaign that has a source."),
    "no_insider": ("All without insider", "Every campaign that nobody inside had to do with."),
}
_CODES = {
    "too_few_reports": "too few reports",
    "weak_grade": "reports too weakly proven",
    "indistinguishable": "colleagues cannot be told apart",
    "no_contacts": "no contacts table",
    "no_match_for_controls": "customers unlike any other",
    "log_incomplete": "the log has gaps",
    "common_cause": "a common cause explains it as well",
    "not_converged": "the reckoning did not converge",
}
_MOST_TEAMS = 8


@dataclass(frozen=True, slots=True)
class _KindView:
    """One kind of campaign, ready for the page."""

    anchor: str
    title: str
    sentence: str
    has_source: bool
    rows: tuple[CalibrationRow, ...]
    picture: Markup | None


def render_calibration(calibration: Calibration) -> RenderableType:
    """What `calibrate` shows in a terminal."""
    parts: list[RenderableType] = [Text(headline(calibration), style="bold"), Text(), _facts(calibration)]
    for kind in ("one_source", "chosen_part", "two_sources"):
        parts += _source_table(kind, _of_kind(calibration.rows, kind))
    parts += _nobody_table(_of_kind(calibration.pooled, "no_insider"))
    parts += [Text(), *map(Text, wrong_kinds(calibration)), *map(Text, ties(calibration))]
    parts += [bullet(team_sentence(one)) for one in calibration.teams[:_MOST_TEAMS]]
    if len(calibration.teams) > _MOST_TEAMS:
        parts.append(Text(f"and {len(calibration.teams) - _MOST_TEAMS} more teams"))
    parts += [Text(), Text("What this assumes", style="bold"), *map(bullet, calibration.assumes)]
    parts += [Text(), Text("What this does not show", style="bold"), *map(bullet, calibration.does_not_show)]
    return Group(*parts)


def calibration_page(calibration: Calibration) -> str:
    """One HTML document with pictures; equal input gives equal text."""
    kinds = [
        _KindView(
            anchor=f"kind-{kind}",
            title=_KINDS[kind][0],
            sentence=_KINDS[kind][1],
            has_source=rows[0].has_source,
            rows=rows,
            picture=_inline(pictures.outcomes(rows, f"kind-{kind}")),
        )
        for kind in _KINDS
        if (rows := _of_kind(calibration.rows, kind)) and any(row.campaign_count for row in rows)
    ]
    return (
        environment()
        .get_template("calibration.html.j2")
        .render(
            calibration=calibration,
            headline=headline(calibration),
            facts=facts(calibration),
            wrong_kinds=wrong_kinds(calibration),
            kinds=kinds,
            pooled=[row for row in calibration.pooled if row.campaign_count],
            kind_title=lambda kind: _KINDS[kind][0],
            bound=bound,
            share=share,
            reasons=reasons,
            set_size=set_size,
            set_rows=_of_kind(calibration.rows, "one_source"),
            reliability=_inline(pictures.reliability_curve(calibration.reliability, "reliability")),
            set_sizes=_inline(pictures.set_sizes(_of_kind(calibration.rows, "one_source"), "sets")),
            ties=ties(calibration),
            team_name=team_name,
        )
    )


def headline(calibration: Calibration) -> str:
    """The answer in one sentence: how often a name was wrong."""
    whole = [row for row in calibration.pooled if row.report_count is None]
    wrong = sum(row.named_wrongly_count for row in whole)
    total = sum(row.campaign_count for row in whole)
    if not total:
        return "Nothing could be planted: no principal opened enough customers, and no list has enough of them."
    bounds = " and ".join(
        f"at most {bound(row)} of campaigns {'with a source' if row.has_source else 'without insider'}"
        for row in whole
        if row.campaign_count
    )
    said = "Nobody was named wrongly" if not wrong else f"Somebody was named wrongly {words.count(wrong, 'time')}"
    return f"{said} in {words.count(total, 'planted campaign')}; with 95 % confidence {bounds}."


def wrong_kinds(calibration: Calibration) -> tuple[str, ...]:
    """Of which kinds the campaigns are in which somebody was named wrongly; empty where nobody was."""
    found = []
    for kind, (title, _) in _KINDS.items():
        rows = _of_kind(calibration.rows, kind)
        wrong = sum(row.named_wrongly_count for row in rows)
        if wrong:
            found.append(f"{title.lower()}: {share(wrong, sum(row.campaign_count for row in rows))}")
    return (f"Named wrongly, by kind: {'; '.join(found)}.",) if found else ()


def bound(row: CalibrationRow) -> str:
    """The upper bound of wrong names, rounded up."""
    return f"{_up(row.named_wrongly_upper_probability):g} %"


def _up(probability: float) -> float:
    tenths = probability * 1000.0
    whole = int(tenths + 1e-9)
    return min((whole + (tenths - whole > 1e-9)) / 10.0, 100.0)


def share(count: int, total: int) -> str:
    """`14 of 20`."""
    return f"{count:,} of {total:,}" if total else "-"


def set_size(row: CalibrationRow) -> str:
    """The median set."""
    return "-" if row.median_set_size is None else f"{row.median_set_size:g}"


def reasons(row: CalibrationRow) -> str:
    """Why campaigns stayed undecided, most first."""
    found = sorted(row.undecided_codes.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{_CODES.get(code, code)}: {amount:,}" for code, amount in found) or "-"


def facts(calibration: Calibration) -> list[tuple[str, str]]:
    """Label and value of what was done, and how sure probabilities are."""
    rows = [
        ("Field", words.field_noun(calibration.field)),
        (
            "First mail",
            f"{words.instant(calibration.mail_at)}, near the end of the log; accesses from "
            f"{words.day(calibration.window.start)} on count",
        ),
        (
            "Planted into",
            f"accesses of {words.count(calibration.principal_count, 'principal')} to records of "
            f"{words.count(calibration.customer_count, 'customer')}",
        ),
        ("A name needs", words.percent(calibration.naming_threshold)),
        ("Calibration error", _errors(calibration)),
        ("What the log can show", calibration.log_sentence),
    ]
    if calibration.contacts_pretended:
        rows.append(("No contacts table", "Pretended here. Without one, trace names nobody: ingest contacts."))
    return rows


def _errors(calibration: Calibration) -> str:
    above, every = calibration.calibration_error_above_half, calibration.calibration_error
    told = "no candidate is above one half" if above is None else f"{above:.3f} over candidates above one half"
    return told if every is None else f"{told}, {every:.3f} over all"


def ties(calibration: Calibration) -> tuple[str, ...]:
    """What the list of teams says, before the list."""
    if not calibration.teams:
        return ("No team was found whose members cannot be told apart.",)
    return ("Teams in which colleagues cannot always be told apart (nobody is accused by that):",)


def team_name(team: str | None) -> str:
    """A team as it is called."""
    return "no team known" if team is None else words.plain(team)


def team_sentence(one: TeamTies) -> str:
    """One team of the list."""
    told = (
        f"{team_name(one.team)}: {one.tied_count:,} of {words.count(one.looked_at_count, 'principal')} looked at "
        "shared nearly all customers with a colleague"
    )
    if one.campaign_count:
        told += f"; {one.set_count:,} of {words.count(one.campaign_count, 'answer')} held a colleague beside the source"
    return f"{told}."


def _of_kind(rows: Sequence[CalibrationRow], kind: str) -> tuple[CalibrationRow, ...]:
    return tuple(row for row in rows if row.kind == kind)


def _facts(calibration: Calibration) -> Table:
    return pairs(facts(calibration))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[RenderableType]:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*row)
    return [Text(), Text(title, style="bold"), table]


def _source_table(kind: CalibrationKind, rows: Sequence[CalibrationRow]) -> list[RenderableType]:
    title, sentence = _KINDS[kind]
    if not any(row.campaign_count for row in rows):
        return [Text(), Text(title, style="bold"), Text("Could not be planted into this log.")]
    cells = [
        (
            f"{row.report_count}",
            f"{row.campaign_count:,}",
            f"{row.named_rightly_count:,}",
            f"{row.named_wrongly_count:,}",
            bound(row),
            f"{row.undecided_count:,}",
            f"{row.nobody_count:,}",
            set_size(row),
            share(row.covered_count, row.set_count),
        )
        for row in rows
        if row.campaign_count
    ]
    heads = ("Reports", "Planted", "Rightly", "Wrongly", "at most", "Undecided", "Nobody", "Set", "Source in it")
    return _table(f"{title}. {sentence}", heads, cells)


def _nobody_table(rows: Sequence[CalibrationRow]) -> list[RenderableType]:
    cells = [
        (
            "all" if row.report_count is None else f"{row.report_count}",
            f"{row.campaign_count:,}",
            f"{row.named_wrongly_count:,}",
            bound(row),
            f"{row.nobody_count:,}",
            f"{row.undecided_count:,}",
        )
        for row in rows
        if row.campaign_count
    ]
    title = "No insider. Random customers, one region's, the most active, one team's: whoever is named is innocent."
    return _table(title, ("Reports", "Planted", "Wrongly", "at most", "Nobody", "Undecided"), cells)


def _inline(drawn: str | None) -> Markup | None:
    # Built by ElementTree from elements on a list, all text escaped: safe to stand in the page as it is.
    return None if drawn is None else Markup(drawn)  # noqa: S704
