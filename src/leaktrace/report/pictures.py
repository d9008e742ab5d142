"""Pictures as inline SVG: made by Vega-Lite without any network, text kept as text, equal bytes for equal input.

No meaning by colour alone: marks differ in shape and side, and every picture stands beside a table with its values.
Each function returns None where there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from leaktrace.records import Candidate, ReportTerm
from leaktrace.report import words
from leaktrace.report.story import Mail
from leaktrace.report.svg import INK, QUIET, to_svg

MOST_ROWS = 200
"""Reports in one picture; the table beside it has them all."""
MOST_CANDIDATES = 8
_LABELLED_ROWS = 40
_SHAPES = {"mail came": "diamond", "first shown": "circle"}
_FILLS = {"mail came": INK, "first shown": "#ffffff"}
_VALUE_LABELS: tuple[tuple[str, Literal["left", "right"], int], ...] = (
    ("speaks for", "left", 5),
    ("speaks against", "right", -5),
)
_FOR, _AGAINST = "#1f5f8b", "#a34a00"


def timeline(rows: Sequence[ReportTerm | Mail], prefix: str) -> str | None:
    """One row per report: when its mail came and when the candidate was first shown the field; a line between.

    Rows without either time are left out. `prefix` keeps the ids of several pictures on one page apart.
    """
    import altair as alt

    timed = [(moment, row) for row in rows if (moment := row.mail_at or _opened_at(row))]
    drawn = [row for _, row in sorted(timed, key=lambda pair: pair[0])][:MOST_ROWS]
    if not drawn:
        return None
    marks: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    for row in drawn:
        opened_at = _opened_at(row)
        if row.mail_at:
            marks.append({"report": row.report, "at": _utc(row.mail_at), "mark": "mail came"})
        if opened_at:
            marks.append({"report": row.report, "at": _utc(opened_at), "mark": "first shown"})
        if opened_at and row.mail_at:
            spans.append({"report": row.report, "at": _utc(opened_at), "until": _utc(row.mail_at)})
    y = _row_axis(alt, [row.report for row in drawn])
    x = alt.X(
        "at:T",
        title=None,
        scale=alt.Scale(type="utc", domain=_domain(marks), nice=False),
        axis=alt.Axis(format=_time_format(marks), tickCount=4, labelOverlap="greedy", labelSeparation=10),
    )
    kinds = sorted({str(mark["mark"]) for mark in marks})
    shape = alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds])
    fill = alt.Scale(domain=kinds, range=[_FILLS[kind] for kind in kinds])
    legend = alt.Legend(title=None, orient="top", symbolSize=90)
    lines = alt.Chart(_values(spans)).mark_rule(color=QUIET, strokeWidth=1).encode(x=x, x2="until:T", y=y)
    points = (
        alt.Chart(_values(marks))
        .mark_point(stroke=INK, strokeWidth=1.4, opacity=1, size=_symbol_size(len(drawn)))
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("mark:N", scale=shape, legend=legend),
            fill=alt.Fill("mark:N", scale=fill, legend=legend),
        )
    )
    return to_svg(alt.layer(lines, points) if spans else points, _step(len(drawn)), prefix)


def weights(terms: Sequence[ReportTerm], prefix: str) -> str | None:
    """Bits per report, most for first: full bars to the right speak for, hollow bars to the left against."""
    import altair as alt

    finite = [term for term in terms if math.isfinite(term.weight_bits)]
    drawn = sorted(finite, key=lambda term: -term.weight_bits)[:MOST_ROWS]
    if not drawn or all(round(term.weight_bits, 1) == 0 for term in drawn):
        return None
    sides = ["speaks for", "speaks against"]
    values = [
        {
            "report": term.report,
            "weight": term.weight_bits,
            "side": sides[term.weight_bits < 0],
            "label": words.bits(term.weight_bits),
        }
        for term in drawn
    ]
    used = [side for side in sides if any(value["side"] == side for value in values)]
    low, high = min(0.0, *(t.weight_bits for t in drawn)), max(0.0, *(t.weight_bits for t in drawn))
    margin = 0.16 * (high - low)
    y = _row_axis(alt, [term.report for term in drawn])
    x = alt.X(
        "weight:Q",
        title="bits of evidence",
        scale=alt.Scale(domain=[low - margin * (low < 0), high + margin * (high > 0)], nice=False),
        axis=alt.Axis(tickCount=5),
    )
    legend = alt.Legend(title=None, orient="top", symbolType="square", symbolSize=90)
    fills = {"speaks for": _FOR, "speaks against": "#ffffff"}
    strokes = {"speaks for": _FOR, "speaks against": _AGAINST}
    bars = (
        alt.Chart(_values(values))
        .mark_bar(strokeWidth=1.4 if len(drawn) <= _LABELLED_ROWS else 0.6)
        .encode(
            x=x,
            y=y,
            fill=alt.Fill("side:N", legend=legend, scale=alt.Scale(domain=used, range=[fills[s] for s in used])),
            stroke=alt.Stroke("side:N", legend=legend, scale=alt.Scale(domain=used, range=[strokes[s] for s in used])),
        )
    )
    layers = [bars, alt.Chart(_values([{"zero": 0}])).mark_rule(color=INK).encode(x="zero:Q")]
    if len(drawn) <= _LABELLED_ROWS:
        layers += [
            alt.Chart(_values([value for value in values if value["side"] == side]))
            .mark_text(align=align, dx=offset, color=INK, fontSize=11)
            .encode(x=x, y=y, text="label:N")
            for side, align, offset in _VALUE_LABELS
            if side in used
        ]
    return to_svg(alt.layer(*layers), _step(len(drawn)), prefix)


def opened_and_expected(candidates: Sequence[Candidate], customer_count: int, prefix: str) -> str | None:
    """How many customers in evidence each candidate had been shown (dot), and how many chance gives (upright tick)."""
    import altair as alt

    drawn = [one for one in candidates if math.isfinite(one.expected_opened_count)][:MOST_CANDIDATES]
    if not drawn:
        return None
    names = [words.plain(one.principal) for one in drawn]
    opened, expected = "had been shown", "expected by chance"
    values: list[dict[str, Any]] = []
    for name, one in zip(names, drawn, strict=True):
        values.append({"principal": name, "customers": one.opened_count, "mark": opened})
        values.append({"principal": name, "customers": one.expected_opened_count, "mark": expected})
    top = max(customer_count, *(one.opened_count for one in drawn), *(one.expected_opened_count for one in drawn))
    x = alt.X(
        "customers:Q",
        title="customers in evidence",
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickMinStep=1, tickCount=6, format="d"),
    )
    y = alt.Y(
        "principal:N", sort=names, title=None, axis=alt.Axis(grid=True, gridDash=[1, 3], labelLimit=110, ticks=False)
    )
    domain = [opened, expected]
    legend = alt.Legend(title=None, orient="top", symbolSize=110)
    points = (
        alt.Chart(_values(values))
        .mark_point(size=110, opacity=1, strokeWidth=2, stroke=INK)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape("mark:N", legend=legend, scale=alt.Scale(domain=domain, range=["circle", "M0,-1V1"])),
            fill=alt.Fill("mark:N", legend=legend, scale=alt.Scale(domain=domain, range=[_FOR, "#ffffff"])),
        )
    )
    return to_svg(points, 30, prefix)


def _opened_at(row: ReportTerm | Mail) -> datetime | None:
    return row.opened_at if isinstance(row, ReportTerm) else None


def _values(rows: Iterable[dict[str, Any]]) -> Any:
    import altair as alt

    return alt.InlineData(values=list(rows))


def _row_axis(alt: Any, labels: list[str]) -> Any:
    axis = alt.Axis(ticks=False, domain=False, labelOverlap="greedy", labelSeparation=4, labelLimit=110)
    return alt.Y("report:N", sort=labels, title=None, axis=axis)


def _symbol_size(row_count: int) -> int:
    return 70 if row_count <= _LABELLED_ROWS else 24


def _step(row_count: int) -> float:
    """Height of one row in pixels: roomy while rows are few, never so high that a picture outgrows a page."""
    return 20 if row_count <= 10 else max(4.0, min(20.0, 640 / row_count))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _time_format(marks: list[dict[str, Any]]) -> str:
    """Hours where all marks lie within a few days, else days."""
    times = [datetime.fromisoformat(str(mark["at"])) for mark in marks]
    return "%-d %b %H:%M" if max(times) - min(times) < timedelta(days=5) else "%-d %b %Y"


def _domain(marks: list[dict[str, Any]]) -> list[str]:
    times = [datetime.fromisoformat(str(mark["at"])) for mark in marks]
    margin = max((max(times) - min(times)) * 0.05, timedelta(days=1))
    return [_utc(min(times) - margin), _utc(max(times) + margin)]
