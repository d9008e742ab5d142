"""The picture of the README: what goes in, what comes out, drawn by hand as SVG with real text in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape

Language = Literal["en", "fa"]


@dataclass(frozen=True, slots=True)
class _Labels:
    """The words of one language: title, description, and (heading, line, line) of each box."""

    title: str
    description: str
    accesses: tuple[str, str, str]
    mail: tuple[str, str, str]
    finding: tuple[str, str, str]
    case: tuple[str, str, str]
    response: tuple[str, str, str]
    together: str
    """Below case and response: nobody acts alone there."""


_ENGLISH = _Labels(
    title="From accesses and mail to a finding, a case and a response",
    description=(
        "A flow from left to right. Two boxes, accesses (who opened which record) and mail (what customers forward), "
        "lead to one box, finding (named, nobody, or undecided, with reasons). The finding leads to a case (what was "
        "done, by whom, when) and the case to a response (stop it, tell customers, hand over evidence); each step of "
        "these two takes two people."
    ),
    accesses=("accesses", "who opened which", "customer's record"),
    mail=("mail", "what customers forward", "to the abuse mailbox"),
    finding=("finding", "named, nobody or", "undecided, because …"),
    case=("case", "what was done,", "by whom, when"),
    response=("response", "stop it, tell customers,", "hand over evidence"),
    together="each step by two people",
)
_PERSIAN = _Labels(
    title="از دسترسی‌ها و نامه‌ها تا یافته، پرونده و اقدام",
    description=(
        "روندی از راست به چپ. دو خانه، دسترسی‌ها (چه کسی کدام پرونده را باز کرده) و نامه‌ها (آنچه مشتریان می‌فرستند)، به "
        "یک خانه می‌رسند: یافته (نام‌برده، هیچ‌کس، یا نامعلوم، با دلیل). یافته به پرونده (چه شد، به دست چه کسی، کِی) و "
        "پرونده به اقدام (جلوگیری، خبر به مشتری، تحویل مدرک) می‌رسد؛ هر گام این دو با دو نفر است."
    ),
    accesses=("دسترسی‌ها", "چه کسی پروندهٔ کدام", "مشتری را باز کرده"),
    mail=("نامه‌ها", "آنچه مشتریان به صندوق", "گزارش می‌فرستند"),
    finding=("یافته", "نام‌برده، هیچ‌کس یا", "نامعلوم، چون …"),
    case=("پرونده", "چه شد، به دست", "چه کسی، کِی"),
    response=("اقدام", "جلوگیری، خبر به مشتری،", "تحویل مدرک"),
    together="هر گام با دو نفر",
)
_WIDTH, _HEIGHT = 920, 250
_BOX_WIDTH, _BOX_HEIGHT = 180, 88


def flow(language: Language) -> str:
    """The picture as one SVG document; in Persian it runs from right to left."""
    labels = _PERSIAN if language == "fa" else _ENGLISH
    mirrored = language == "fa"
    boxes = [
        _box(20, 20, labels.accesses, mirrored=mirrored),
        _box(20, 142, labels.mail, mirrored=mirrored),
        _box(253, 81, labels.finding, mirrored=mirrored, strong=True),
        _box(486, 81, labels.case, mirrored=mirrored),
        _box(719, 81, labels.response, mirrored=mirrored),
        _text(692.5, 194, labels.together, mirrored=mirrored, size=13),
    ]
    arrows = [
        _arrow(200, 64, 253, 110, mirrored=mirrored),
        _arrow(200, 186, 253, 140, mirrored=mirrored),
        _arrow(433, 125, 486, 125, mirrored=mirrored),
        _arrow(666, 125, 719, 125, mirrored=mirrored),
    ]
    direction = ' direction="rtl"' if mirrored else ""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
            f'height="{_HEIGHT}" role="img" aria-labelledby="title what" lang="{language}"{direction} '
            'font-family="system-ui, sans-serif" fill="#1a1a1a">',
            f'<title id="title">{escape(labels.title)}</title>',
            f'<desc id="what">{escape(labels.description)}</desc>',
            '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            *arrows,
            *boxes,
            "</svg>\n",
        ]
    )


def _x(left: float, *, mirrored: bool, width: float = 0) -> float:
    return _WIDTH - left - width if mirrored else left


def _box(left: int, top: int, words: tuple[str, str, str], *, mirrored: bool, strong: bool = False) -> str:
    heading, first, second = words
    frame = (
        f'<rect x="{_x(left, mirrored=mirrored, width=_BOX_WIDTH)}" y="{top}" width="{_BOX_WIDTH}" '
        f'height="{_BOX_HEIGHT}" rx="8" fill="{"#eef3f8" if strong else "#ffffff"}" stroke="#1a1a1a" '
        f'stroke-width="{2.5 if strong else 1.5}"/>'
    )
    middle = left + _BOX_WIDTH / 2
    lines = [
        _text(middle, top + 30, heading, mirrored=mirrored, size=18, bold=True),
        _text(middle, top + 54, first, mirrored=mirrored, size=14),
        _text(middle, top + 73, second, mirrored=mirrored, size=14),
    ]
    return "\n".join([frame, *lines])


def _text(middle: float, baseline: int, words: str, *, mirrored: bool, size: int, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    x = _x(middle, mirrored=mirrored)
    return f'<text x="{x:g}" y="{baseline}" text-anchor="middle" font-size="{size}"{weight}>{escape(words)}</text>'


def _arrow(x1: int, y1: int, x2: int, y2: int, *, mirrored: bool) -> str:
    start, end = _x(x1, mirrored=mirrored), _x(x2, mirrored=mirrored)
    return (
        f'<line x1="{start:g}" y1="{y1}" x2="{end:g}" y2="{y2}" stroke="#1a1a1a" stroke-width="1.5" '
        f'marker-end="url(#head)"/>'
    )
