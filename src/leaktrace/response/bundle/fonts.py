"""Which letters the report can show, and what stands where it cannot.

The report embeds Bitstream Vera, which comes with reportlab, so that it looks the same everywhere and no machine's
fonts change its bytes. Chinese, Japanese and Korean go by the reader's own fonts (PDF's standard CID fonts). A text in
another script is not drawn wrongly: a note stands in its place, and the text itself is in the tables of the bundle.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD, ITALIC, MONO = "Vera", "VeraBd", "VeraIt", "Courier"
JAPANESE, KOREAN, CHINESE = "HeiseiKakuGo-W5", "HYGothic-Medium", "STSong-Light"
_MISSING = "missing"
_EAST_ASIAN = (
    (0x1100, 0x11FF),
    (0x2E80, 0xA4CF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
)
NOTE = (
    "Texts in scripts that this document has no letters for are left out here and marked in brackets; Chinese, "
    "Japanese and Korean are shown in the fonts of your reader, if it has them. All stand in full in data/timeline.csv "
    "and data/case-uco.jsonld."
)


@cache
def register() -> None:
    """Makes the fonts known to reportlab; once."""
    for name in (PLAIN, BOLD, ITALIC):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=ITALIC, boldItalic=BOLD)
    for name in (JAPANESE, KOREAN, CHINESE):
        pdfmetrics.registerFont(UnicodeCIDFont(name))


@cache
def _letters() -> frozenset[int]:
    """Code points that Vera has a picture for."""
    return frozenset(TTFont("VeraLetters", f"{PLAIN}.ttf").face.charToGlyph)


def markup(text: str) -> str:
    """The text as reportlab's paragraph markup: escaped, each part in a font that has its letters."""
    shown = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(
        _part(kind, [sign for sign, _ in run]) for kind, run in groupby(_kinds(shown), key=lambda one: one[1])
    )


def has_all_letters(text: str) -> bool:
    """Whether every letter of the text is shown in a font that travels with the report."""
    return not any(kind for _, kind in _kinds(text))


def _kinds(text: str) -> list[tuple[str, str]]:
    """Each sign with the font that shows it: `""` for Vera, a CID font, or `missing`. What acts unseen is dropped."""
    east_asian = _east_asian_font(text)
    found: list[tuple[str, str]] = []
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co"):
            continue
        if ord(sign) in _letters():
            # A blank between two words that are left out belongs to the gap.
            found.append((sign, _MISSING if sign == " " and found and found[-1][1] == _MISSING else ""))
        elif any(first <= ord(sign) <= last for first, last in _EAST_ASIAN):
            found.append((sign, east_asian))
        else:
            found.append((sign, _MISSING))
    return found


def _east_asian_font(text: str) -> str:
    names = [unicodedata.name(sign, "") for sign in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return JAPANESE
    return KOREAN if any(name.startswith("HANGUL") for name in names) else CHINESE


def _part(kind: str, signs: list[str]) -> str:
    text = "".join(signs)
    if kind == _MISSING:
        script = unicodedata.name(text[0], "another script").split()[0].capitalize()
        return f"[{script}, {len(text.strip())} letters]{' ' if text.endswith(' ') else ''}"
    return f'<font name="{kind}">{escape(text)}</font>' if kind else escape(text)
