"""Pictures of a calibration, as inline SVG: text kept as text, equal bytes for equal input.

No meaning by colour alone: every part of a bar carries its number, and a table with the values stands beside it.
Each function returns None where there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaktrace.records import CalibrationRow, ReliabilityBin
from leaktrace.report.svg import INK, QUIET, to_svg

_PARTS = (
    ("named rightly", "#1f5f8b", "#ffffff"),
    ("undecided", "#e3e7eb", INK),
    ("nobody", "#ffffff", INK),
    ("named wrongly", "#a34a00", "#ffffff"),
)
"""What is said, fill, colour of the number on it."""
_ROW_PIXELS = 26


def outcomes(rows: Sequence[CalibrationRow], prefix: str) -> str | None:
    """Stacked bars, one for each number of reports: how many campaigns were answered how."""
    import altair as alt

    drawn = [row for row in rows if row.campaign_count and row.report_count is not None]
    if not drawn:
        return None
    values: list[dict[str, Any]] = []
    for row in drawn:
        start = 0
        for (part, _, _), amount in zip(_PARTS, _counts(row), strict=True):
            if amount:
                values.append(
                    {
                        "reports": _label(row),
                        "part": part,
                        "from": start,
                        "to": start + amount,
                        "middle": start + amount / 2,
                        "label": f"{amount:,}",
                    }
                )
            start += amount
    used = [one for one in _PARTS if any(value["part"] == one[0] for value in values)]
    y = _rows_axis(alt, drawn)
    top = max(row.campaign_count for row in drawn)
    x = alt.X(
        "from:Q",
        title="planted campaigns",
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickCount=5, tickMinStep=1, format="d"),
    )
    fill = alt.Fill(
        "part:N",
        scale=alt.Scale(domain=[one[0] for one in used], range=[one[1] for one in used]),
        legend=alt.Legend(
            title=None,
            orient="top",
            symbolType="square",
            symbolSize=90,
            columns=2,
            columnPadding=16,
            symbolStrokeColor=INK,
        ),
    )
    bars = alt.Chart(_values(values)).mark_bar(stroke=INK, strokeWidth=0.8).encode(x=x, x2="to:Q", y=y, fill=fill)
    numbers = [
        alt.Chart(_values([value for value in values if value["part"] == part]))
        .mark_text(color=colour, fontSize=11)
        .encode(x="middle:Q", y=y, text="label:N")
        for part, _, colour in used
    ]
    return to_svg(alt.layer(bars, *numbers), _ROW_PIXELS, prefix)


def reliability_curve(bins: Sequence[ReliabilityBin], prefix: str) -> str | None:
    """Probability said against share that were sources; on the dashed line both are equal."""
    import altair as alt

    if not bins:
        return None
    values = [
        {"said": one.mean_probability, "share": one.source_share, "candidates": one.candidate_count} for one in bins
    ]
    unit = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(tickCount=5, format=".0%")
    x = alt.X("said:Q", title="probability said", scale=unit, axis=axis)
    y = alt.Y("share:Q", title="share that were sources", scale=unit, axis=axis)
    ideal = (
        alt.Chart(_values([{"said": 0, "share": 0}, {"said": 1, "share": 1}]))
        .mark_line(color=QUIET, strokeDash=[4, 4], strokeWidth=1.2)
        .encode(x=x, y=y)
    )
    line = alt.Chart(_values(values)).mark_line(color=INK, strokeWidth=1.2).encode(x=x, y=y)
    points = (
        alt.Chart(_values(values))
        .mark_point(filled=True, shape="circle", size=70, color="#1f5f8b", opacity=1)
        .encode(x=x, y=y)
    )
    return to_svg(alt.layer(ideal, line, points), None, prefix)


def set_sizes(rows: Sequence[CalibrationRow], prefix: str) -> str | None:
    """Median number of principals in a set, for each number of reports."""
    import altair as alt

    drawn = [row for row in rows if row.median_set_size is not None and row.report_count is not None]
    if not drawn:
        return None
    values = [
        {"reports": _label(row), "zero": 0, "size": row.median_set_size, "label": f"{row.median_set_size:g}"}
        for row in drawn
    ]
    top = max(float(row.median_set_size or 0) for row in drawn)
    y = _rows_axis(alt, drawn)
    x = alt.X(
        "zero:Q",
        title="principals in the set (median)",
        scale=alt.Scale(domain=[0, top * 1.15], nice=False),
        axis=alt.Axis(tickCount=5, tickMinStep=1, format="d"),
    )
    bars = alt.Chart(_values(values)).mark_bar(color="#1f5f8b").encode(x=x, x2="size:Q", y=y)
    labels = (
        alt.Chart(_values(values))
        .mark_text(align="left", dx=5, color=INK, fontSize=11)
        .encode(x="size:Q", y=y, text="label:N")
    )
    return to_svg(alt.layer(bars, labels), _ROW_PIXELS, prefix)


def _counts(row: CalibrationRow) -> tuple[int, int, int, int]:
    return row.named_rightly_count, row.undecided_count, row.nobody_count, row.named_wrongly_count


def _label(row: CalibrationRow) -> str:
    return f"{row.report_count} report{'' if row.report_count == 1 else 's'}"


def _rows_axis(alt: Any, rows: Sequence[CalibrationRow]) -> Any:
    axis = alt.Axis(ticks=False, domain=False, labelLimit=110)
    return alt.Y("reports:N", sort=[_label(row) for row in rows], title=None, axis=axis)


def _values(rows: Sequence[dict[str, Any]]) -> Any:
    import altair as alt

    return alt.InlineData(values=list(rows))
