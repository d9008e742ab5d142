"""How the report looks: colours, paragraphs, tables, and pages that know how many they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reportlab.lib.colors import HexColor, white
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, ListFlowable, ListItem, Paragraph, Preformatted, Spacer, Table

from leaktrace.response.bundle.fonts import BOLD, MONO, PLAIN, markup

INK, QUIET, ACCENT, LINE, SHADE = (HexColor(one) for one in ("#1d2530", "#5b6675", "#174a7c", "#c9d1da", "#eef3f8"))

_MAX_CELL = 700
"""Letters."""


def _style(name: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    chosen = {"fontName": PLAIN, "textColor": INK, **more}
    return ParagraphStyle(name, fontSize=size, leading=leading, **chosen)


STYLES: dict[str, ParagraphStyle] = {
    one.name: one
    for one in (
        _style("body", 9.2, 13.4, spaceAfter=5),
        _style("small", 7.8, 11, textColor=QUIET, spaceAfter=4),
        _style("kicker", 9, 12, fontName=BOLD, textColor=ACCENT, spaceAfter=2),
        _style("title", 17, 22, fontName=BOLD, spaceAfter=4),
        _style("heading", 11.5, 15, fontName=BOLD, textColor=ACCENT, spaceBefore=11, spaceAfter=4),
        _style("cell", 7.8, 10.6, splitLongWords=1),
        _style("quiet", 7.2, 9.8, textColor=QUIET),
        _style("label", 7.8, 10.6, fontName=BOLD),
        _style("head", 7.8, 10.6, fontName=BOLD, textColor=white),
        _style("mono", 6.9, 9.6, fontName=MONO),
        _style("code", 9, 13, fontName=MONO, backColor=SHADE, borderPadding=6, spaceBefore=6, spaceAfter=10),
        _style("callout", 10.6, 15, fontName=BOLD),
    )
}


def paragraph(text: str, style: str = "body") -> Flowable:
    """Text that came from outside is shown, never obeyed: it is escaped here."""
    return Paragraph(markup(text), STYLES[style])


def cell(text: str, style: str = "cell") -> Flowable:
    """A paragraph in a table, cut where it would not fit a page: rows do not break."""
    return paragraph(text if len(text) <= _MAX_CELL else text[:_MAX_CELL] + " …", style)


def mono(text: str) -> Flowable:
    """A digest, which may break anywhere."""
    return Paragraph(markup(text), ParagraphStyle("digest", parent=STYLES["mono"], splitLongWords=1))


def code(lines: Sequence[str]) -> Flowable:
    """Lines to be typed or read out as they are."""
    return Preformatted("\n".join(lines), STYLES["code"])


def heading(text: str) -> list[Flowable]:
    """A heading that does not stay alone at the foot of a page."""
    return [CondPageBreak(32 * mm), paragraph(text, "heading")]


def bullets(texts: Iterable[str]) -> list[Flowable]:
    """A list."""
    items = [ListItem(paragraph(text), leftIndent=11, bulletColor=ACCENT) for text in texts]
    return [ListFlowable(items, bulletType="bullet", start="•", leftIndent=11, bulletFontSize=8)]


def callout(text: str, beneath: str) -> Flowable:
    """The answer, in a box."""
    made = Table([[[cell(text, "callout"), Spacer(1, 3), paragraph(beneath, "small")]]], colWidths=["100%"])
    made.setStyle([("BACKGROUND", (0, 0), (-1, -1), SHADE), ("LINEBEFORE", (0, 0), (0, -1), 3, ACCENT),
                   ("LEFTPADDING", (0, 0), (-1, -1), 10), ("TOPPADDING", (0, 0), (-1, -1), 8),
                   ("BOTTOMPADDING", (0, 0), (-1, -1), 4)])  # fmt: skip
    return made


def table(
    rows: Sequence[Sequence[Any]], widths: Sequence[float], *, header: bool = False, lines: bool = True
) -> Flowable:
    """Rows of cells; with `header`, the first row is repeated on each page."""
    made = Table(rows, colWidths=widths, repeatRows=1 if header else 0)
    style: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    style += [("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)] if lines else []
    style += [("BACKGROUND", (0, 0), (-1, 0), ACCENT)] if header else []
    made.setStyle(style)
    return made


class NumberedCanvas(Canvas):  # type: ignore[misc]  # reportlab has no types
    """Writes its pages at the end, when it knows how many there are: `page 2 of 5`."""

    label, left, width = "", 0.0, 0.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._pages: list[dict[str, Any]] = []

    @classmethod
    def of(cls, label: str, left: float, width: float) -> type[NumberedCanvas]:
        """The canvas with a footer of its own."""
        return type("FootedCanvas", (cls,), {"label": label, "left": left, "width": width})

    def showPage(self) -> None:  # noqa: N802 - the name is reportlab's
        """Keeps the page for later."""
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Writes all pages with their footers."""
        for number, state in enumerate(self._pages, start=1):
            self.__dict__.update(state)
            self._footer(number)
            super().showPage()
        super().save()

    def _footer(self, number: int) -> None:
        self.setStrokeColor(LINE)
        self.setLineWidth(0.5)
        self.line(self.left, 15 * mm, self.left + self.width, 15 * mm)
        self.setFont(PLAIN, 7.2)
        self.setFillColor(QUIET)
        self.drawString(self.left, 11 * mm, f"{self.label}. Confidential: handed over as evidence.")
        self.drawRightString(self.left + self.width, 11 * mm, f"page {number} of {len(self._pages)}")
