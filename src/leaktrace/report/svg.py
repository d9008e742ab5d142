"""From an Altair chart to SVG that may stand inside a page: no script, no link, no foreign element, own ids."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

from leaktrace.errors import ReportError

INK, QUIET = "#1d2733", "#5b6673"
_WIDTH_PIXELS = 340
_SVG = "{http://www.w3.org/2000/svg}"
_ALLOWED_TAGS = {"svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath", "title"}
_AXIS = {
    "labelFontSize": 12,
    "titleFontSize": 12,
    "labelColor": INK,
    "titleColor": INK,
    "titleFontWeight": "normal",
    "gridColor": "#d5dae0",
    "domainColor": QUIET,
    "tickColor": QUIET,
}


def to_svg(chart: Any, step: float | None, prefix: str) -> str:
    """The drawn chart as an `<svg>` element; rows are `step` pixels high, `prefix` goes before every id.

    `step`: null for a chart without rows, which is drawn as high as it is wide.

    Raises ReportError when the renderer refuses, or draws an element that a picture does not need.
    """
    import vl_convert

    height = _WIDTH_PIXELS if step is None else {"step": step}
    sized = chart.properties(width=_WIDTH_PIXELS, height=height, background="transparent")
    configured = sized.configure(
        font="sans-serif",
        aria=False,
        view={"stroke": None},
        axis=_AXIS,
        legend={"labelFontSize": 12, "labelColor": INK, "symbolStrokeWidth": 1.4},
    )
    try:
        drawn = vl_convert.vegalite_to_svg(json.loads(configured.to_json()), allowed_base_urls=[])
    except ValueError as error:
        raise ReportError(
            f"A picture could not be drawn: {error}", "The page's tables hold the same values."
        ) from error
    return _clean(drawn, prefix)


def _clean(drawn: str, prefix: str) -> str:
    """The SVG for use inside a page: known elements only, no link, ids that no other picture has."""
    root = ET.fromstring(drawn)  # noqa: S314 - our own renderer's output, and it is checked here
    for element in root.iter():
        element.tag = str(element.tag).removeprefix(_SVG)
        if element.tag not in _ALLOWED_TAGS:
            raise ReportError(f"A picture holds an element that has no business there: {element.tag}.")
        for name, value in list(element.attrib.items()):
            if name.startswith("on") or name.endswith("href"):
                raise ReportError(f"A picture holds an attribute that has no business there: {name}.")
            if name == "id":
                element.set(name, f"{prefix}-{value}")
            elif "url(#" in value:
                element.set(name, re.sub(r"url\(#", f"url(#{prefix}-", value))
    for name in ("class", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    return ET.tostring(root, encoding="unicode")
